/* What the files of store/ share: how an entity reads and writes. A read is one statement; a write is a function that runs inside
 * a transaction. In an embedded database each thread reads on its own connection, and the group commit runs writes in savepoints
 * of the one writing connection (writer.c); on a server both take a connection from the pool (servers.c). */
#ifndef STORE_STORE_INT_H
#define STORE_STORE_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "pool.h"
#include "sql.h"
#include "store.h"

struct migration {
    int64_t version;
    const char *name, *up, *down;
};
extern const struct migration migrations[];
extern const size_t migrations_count;

struct write_request;

/* Requests queue here; whoever finds nobody leading takes the queue and commits it whole. */
struct writer {
    pthread_mutex_t lock;
    struct write_request *first, **last;
    bool led;
    struct sql *c; /* the leader's; NULL after a failure of the connection */
};

struct store {
    struct arena *arena;
    const struct sql_driver *driver;
    struct sql_db *db;
    struct pool *pool; /* servers only; the rest is for embedded databases */
    struct writer writer;

    pthread_key_t reader_key;
    pthread_mutex_t readers_lock;
    struct reader *readers;

    atomic_bool ready; /* no migration was pending when last looked */
};

/* ---- reading ---- */

/* Rows and their texts live in op->arena. */
MUST_USE bool store_read(struct store *s, struct op *op, const struct sql_call *call, struct sql_rows *ret, struct err *e);
/* For statements that give exactly one number. */
MUST_USE bool store_read_int(struct store *s, struct op *op, const struct sql_call *call, int64_t *ret, struct err *e);

/* ---- writing ---- */

struct write {
    struct sql *c;
    struct op *op;
    bool undo; /* set by the function: what it did must not stay, although it did not fail */
};
/* May run on another thread, while the caller sleeps. It may run again on another connection: it must not depend on what an
 * earlier run left in `arg`, and callers look at `arg` only after success. */
typedef bool (*write_fn)(struct write *w, void *arg, struct err *e);

void writer_init(struct writer *w, struct sql *c);
void writer_done(struct writer *w, const struct sql_driver *driver);
/* Returns when the write is committed, or has failed and left nothing. */
MUST_USE bool store_write(struct store *s, struct op *op, write_fn fn, void *arg, struct err *e);
/* A write of one statement; `ret_changed` may be NULL. */
MUST_USE bool store_change(struct store *s, struct op *op, const struct sql_call *call, int64_t *ret_changed, struct err *e);
/* The same when the outcome is whether it changed a row: DONE, or `otherwise`. */
MUST_USE bool store_put_one(struct store *s, struct op *op, const struct sql_call *call, enum store_put otherwise,
                            enum store_put *ret, struct err *e);

/* How writer.c and servers.c do it. */
MUST_USE bool group_write(struct store *s, struct op *op, write_fn fn, void *arg, struct err *e);
MUST_USE bool server_write(struct store *s, struct op *op, write_fn fn, void *arg, struct err *e);
/* One statement by itself. */
MUST_USE bool server_run(struct store *s, struct op *op, const struct sql_call *call, struct sql_rows *ret, struct err *e);
/* A whole transaction on one connection, once. */
MUST_USE bool write_transaction(struct sql *c, struct op *op, write_fn fn, void *arg, struct err *e);

/* Inside a write function. */
MUST_USE bool write_change(struct write *w, const struct sql_call *call, int64_t *ret_changed, struct err *e);
/* The outcome is in *ret when the write is committed, or after the next statement that gives one. */
MUST_USE bool write_change_later(struct write *w, const struct sql_call *call, struct sql_rows *ret, struct err *e);
MUST_USE bool write_read(struct write *w, const struct sql_call *call, struct sql_rows *ret, struct err *e);
MUST_USE bool write_read_int(struct write *w, const struct sql_call *call, int64_t *ret, struct err *e);
/* Adds to a counter and returns its new value. The counter's row stays locked until the commit: writers of one kind queue. */
MUST_USE bool write_count(struct write *w, struct str counter, int64_t by, int64_t *ret, struct err *e);
/* Inserts a client, or replaces the one of row->version, beside what else the write does (clients.c). */
MUST_USE bool write_client(struct write *w, const struct client_row *row, bool replace, enum store_put *ret, struct err *e);
/* What a move of a grant does to login sessions, provided that it is going to succeed (sessions.c). */
MUST_USE bool write_session(struct write *w, const struct grant_move *m, struct err *e);
MUST_USE bool write_session_drop(struct write *w, const struct grant_move *m, struct err *e);
MUST_USE bool write_deliveries(struct write *w, const struct delivery *rows, size_t n, struct err *e);
/* After keys of a set were removed: what trusted them goes, too (trust.c). */
MUST_USE bool write_trust_orphans(struct write *w, struct str issuer, struct err *e);

#endif
