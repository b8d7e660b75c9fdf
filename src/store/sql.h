/* The thin layer over database clients. A driver fills in `struct sql_driver`; everything above it writes statements.def once
 * and never asks which database it talks to.
 *
 * A statement is run whole: parameters in, all its rows out (copied into an arena). There are no cursors, so there is nothing to
 * close, and a remote driver needs one round trip. Lists carry their LIMIT in the statement. */
#ifndef STORE_SQL_H
#define STORE_SQL_H

#include "base/err.h"

enum sql_dialect { SQL_SQLITE, SQL_POSTGRES, SQL_MYSQL, SQL_DIALECT_MAX_ };

struct sql_statement {
    const char *name;
    const char *params, *results; /* a letter each: s text, i 64-bit integer */
    const char *text;             /* parameters as ?1, ?2, ...; a driver rewrites them where its database spells them otherwise */
    const char *own[SQL_DIALECT_MAX_]; /* replaces `text` for one dialect */
};
const char *sql_text(const struct sql_statement *st, enum sql_dialect dialect);

/* The statements that a connection may run; it prepares each at first use. */
struct sql_table {
    const struct sql_statement *rows;
    size_t n;
};

/* The store's own: every writing connection runs this table, for it holds the statements of transactions. */
enum stmt {
#define STMT(id, ...) STMT_##id,
#include "statements.def"
#undef STMT
    STMT_MAX_
};
extern const struct sql_table sql_store_table;

struct sql_arg {
    char type;
    struct str s; /* p == NULL counts as the empty text: no column holds NULL */
    int64_t i;
};
static inline struct sql_arg sql_arg_str(struct str s) { return (struct sql_arg) { .type = 's', .s = s }; }
static inline struct sql_arg sql_arg_int(int64_t i) { return (struct sql_arg) { .type = 'i', .i = i }; }
#define ARG(x) _Generic((x), struct str : sql_arg_str, default : sql_arg_int)(x)

struct sql_call {
    unsigned id; /* a row of the connection's table */
    const struct sql_arg *args;
    size_t n;
    bool later; /* inside a transaction the outcome may come as late as the commit: `ret` lives until then */
};
/* CALL(CLIENT_GET, ARG(id)): lives as long as the block it stands in. */
#define CALL(id_, ...)                                                            \
    (&(const struct sql_call) { .id = STMT_##id_,                                 \
                                .args = (const struct sql_arg[]) { __VA_ARGS__ }, \
                                .n = sizeof((const struct sql_arg[]) { __VA_ARGS__ }) / sizeof(struct sql_arg) })

struct sql_cell {
    struct str s; /* p == NULL: NULL, from an outer join */
    int64_t i;
};
struct sql_rows {
    struct sql_cell *cells;
    size_t n, columns;
    int64_t changed; /* rows that the statement inserted, changed or deleted */
};
static inline const struct sql_cell *sql_row(const struct sql_rows *rows, size_t i) { return rows->cells + i * rows->columns; }

/* For drivers that get rows one by one: room for the next one. Those that were there move; *cap begins with 0. */
struct sql_cell *sql_new_row(struct arena *a, struct sql_rows *rows, size_t *cap);

/* One connection: used by one thread at a time. */
struct sql {
    const struct sql_driver *driver;
    const struct sql_table *table;
    bool broken; /* what went wrong concerns the connection: whoever owns it closes it and makes another */
    bool
        again; /* what went wrong was a conflict with other transactions: the same transaction, run from its begin, may succeed */
};

/* A connection that migrates may wait for a lock, and run statements, for as long as it takes. */
enum sql_role { SQL_READS, SQL_WRITES, SQL_MIGRATES };

struct sql_db;

struct sql_driver {
    enum sql_dialect dialect;
    /* The database is a file of this process: reads do not wait, and one connection writes for everybody. Otherwise it is a
     * server: a read leaves the machine, and connections come from a pool (SQL_WRITES, which read as well). */
    bool embedded;

    /* Reads the DSN; connects to nothing. Fails with MISCONFIGURATION. */
    bool (*open)(struct arena *a, struct str dsn, struct sql_db **ret, struct err *e);
    void (*close)(struct sql_db *db); /* after all connections */

    bool (*connect)(struct sql_db *db, enum sql_role role, const struct sql_table *table, struct sql **ret, struct err *e);
    void (*disconnect)(struct sql *c); /* accepts NULL */
    /* Servers only: false when the other end has closed a connection that lay idle. Asks nobody. */
    bool (*alive)(struct sql *c);

    /* `ret` NULL: nobody wants the outcome. Inside a transaction such a statement may be kept back and sent with the next one or
     * the commit, which then report its failure. `a` may be NULL for statements without results. Outside of a transaction a
     * statement is one by itself, on disk when it returns. */
    bool (*run)(struct sql *c, const struct sql_call *call, struct arena *a, struct sql_rows *ret, struct err *e);
    /* Several statements, for migrations: the common SQL of migrations/, where the driver puts its own names for types. */
    bool (*script)(struct sql *c, struct str text, struct err *e);

    /* Only on a writing connection. After a failed commit nothing was changed and no transaction is open, unless the failure is
     * UNCERTAIN. `in_transaction` is false as well after a failure that made the database give up the transaction. */
    bool (*begin)(struct sql *c, struct err *e);
    bool (*commit)(struct sql *c, struct err *e);
    void (*rollback)(struct sql *c);
    bool (*in_transaction)(const struct sql *c);
};

extern const struct sql_driver sqlite_driver, postgres_driver, mysql_driver;

/* What the server drivers have sent since the process started, for /metrics and the benchmark. */
struct sql_counters {
    _Atomic uint64_t round_trips, statements, connections;
};
extern struct sql_counters sql_counters;

/* The driver that a DSN's scheme names. */
MUST_USE bool sql_driver_of(struct str dsn, const struct sql_driver **ret, struct err *e);

/* Runs one statement on a connection. Asserts that the arguments match the statement's signature. */
MUST_USE bool sql_run(struct sql *c, const struct sql_call *call, struct arena *a, struct sql_rows *ret, struct err *e);

#endif
