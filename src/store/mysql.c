/* The driver for MySQL and MariaDB, over libmariadb, which is loaded when the first such database is opened. Statements are
 * prepared on the server and run by its binary protocol: one round trip each, and one more at a connection's first use of a
 * statement. */
#include <dlfcn.h>
#include <errmsg.h>
#include <mysql.h>
#include <mysqld_error.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "mysql_int.h"
#include "sql.h"

enum { PARAMS_MAX = 40, COLUMNS_MAX = 64 };

/* The statements of one table in the server's spelling, made when the first connection for that table is. */
struct spelling {
    const struct sql_table *table;
    struct mysql_text *texts;
    struct spelling *next;
};

struct sql_db {
    struct mysql_dsn dsn;
    pthread_mutex_t lock; /* over the rest */
    struct arena *arena;
    struct spelling *spellings;
};

struct my {
    struct sql sql;
    struct sql_db *db;
    MYSQL *h;
    const struct mysql_text *texts;
    bool in_transaction;
    MYSQL_STMT *prepared[]; /* as long as the table */
};

static struct my *my_of(const struct sql *c) { return (struct my *)c; }

/* ---- the library ---- */

/* clang-format off */
#define FUNCTIONS(X) \
    X(server_init) X(init) X(optionsv) X(real_connect) X(close) X(errno) X(error) X(get_socket) X(get_ssl_cipher) X(real_query) \
    X(stmt_init) X(stmt_prepare) X(stmt_param_count) X(stmt_field_count) X(stmt_bind_param) X(stmt_execute) X(stmt_bind_result) \
    X(stmt_fetch) X(stmt_fetch_column) X(stmt_free_result) X(stmt_affected_rows) X(stmt_insert_id) X(stmt_errno) X(stmt_error) \
    X(stmt_close)
/* clang-format on */

static struct {
    pthread_once_t once;
    bool ready;
#define X(name) __typeof__(mysql_##name) *name;
    FUNCTIONS(X)
#undef X
} my = { .once = PTHREAD_ONCE_INIT };

static void load_library(void)
{
    void *library = dlopen("libmariadb.so.3", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) return;
    const struct {
        const char *name;
        void *place;
    } wanted[] = {
#define X(name) { "mysql_" #name, &my.name },
        FUNCTIONS(X)
#undef X
    };
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        void *symbol = dlsym(library, wanted[i].name);
        if (symbol == NULL) return;
        memcpy(wanted[i].place, &symbol, sizeof(symbol));
    }
    my.ready = my.server_init(0, NULL, NULL) == 0;
}

static bool my_open(struct arena *a, struct str dsn, struct sql_db **ret, struct err *e)
{
    struct sql_db *db = ARENA_NEW(a, struct sql_db);
    db->arena = a;
    TRY(mysql_dsn_read(a, dsn, &db->dsn, e));
    pthread_once(&my.once, load_library);
    ENSURE(my.ready, e, MISCONFIGURATION, "dsn: MySQL needs the library libmariadb.so.3, which cannot be loaded here.");
    pthread_mutex_init(&db->lock, NULL);
    *ret = db;
    return true;
}

static void my_close(struct sql_db *db) { pthread_mutex_destroy(&db->lock); }

static const struct mysql_text *texts_of(struct sql_db *db, const struct sql_table *table)
{
    pthread_mutex_lock(&db->lock);
    struct spelling *sp = db->spellings;
    while (sp != NULL && sp->table != table) sp = sp->next;
    if (sp == NULL) {
        sp = ARENA_NEW(db->arena, struct spelling);
        *sp = (struct spelling) { .table = table,
                                  .texts = ARENA_ARRAY(db->arena, struct mysql_text, table->n),
                                  .next = db->spellings };
        for (size_t i = 0; i < table->n; i++) sp->texts[i] = mysql_text(db->arena, sql_text(&table->rows[i], SQL_MYSQL));
        db->spellings = sp;
    }
    pthread_mutex_unlock(&db->lock);
    return sp->texts;
}

/* ---- failures ---- */

/* What an error of the server says beside that the statement failed. LOST: nobody knows whether it ran. UNDONE: the server gave
 * up the whole transaction. */
enum { AGAIN = 1, UNDONE = 2, BROKEN = 4, LOST = 8 };

/* Of MySQL's own servers only. */
enum { ER_TRANSACTION_ROLLBACK_DURING_COMMIT = 3101, ER_CLIENT_INTERACTION_TIMEOUT = 4031 };

static const struct {
    unsigned code, means;
} meanings[] = {
    { ER_LOCK_DEADLOCK, AGAIN | UNDONE },
    { ER_LOCK_WAIT_TIMEOUT, AGAIN },
    { ER_CHECKREAD, AGAIN },
    { ER_TRANSACTION_ROLLBACK_DURING_COMMIT, AGAIN | UNDONE },
    { ER_UNKNOWN_COM_ERROR, BROKEN }, /* a node of a cluster that is not part of it now */
    { ER_SERVER_SHUTDOWN, BROKEN | LOST },
    { ER_NORMAL_SHUTDOWN, BROKEN | LOST },
    { ER_ABORTING_CONNECTION, BROKEN | LOST },
    { ER_NEW_ABORTING_CONNECTION, BROKEN | LOST },
    { ER_NET_READ_ERROR, BROKEN | LOST },
    { ER_NET_READ_INTERRUPTED, BROKEN | LOST },
    { ER_NET_ERROR_ON_WRITE, BROKEN | LOST },
    { ER_NET_WRITE_INTERRUPTED, BROKEN | LOST },
    { ER_NET_PACKET_TOO_LARGE, BROKEN },
    { ER_UNKNOWN_STMT_HANDLER, BROKEN },
    { ER_NEED_REPREPARE, BROKEN },
    { ER_MAX_PREPARED_STMT_COUNT_REACHED, BROKEN },
    { ER_OPTION_PREVENTS_STATEMENT, BROKEN }, /* read-only, as a server is that another has taken over from */
    { ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION, BROKEN },
    { ER_READ_ONLY_MODE, BROKEN },
    { ER_QUERY_INTERRUPTED, LOST },
    { ER_CONNECTION_KILLED, BROKEN | LOST },
    { ER_CLIENT_INTERACTION_TIMEOUT, BROKEN | LOST },
};

static unsigned meaning(unsigned code)
{
    /* The library's own numbers: the connection failed. */
    if ((code >= CR_MIN_ERROR && code < CR_MIN_ERROR + 1000) || (code >= CER_MIN_ERROR && code < CER_MIN_ERROR + 1000))
        return BROKEN | LOST;
    for (size_t i = 0; i < ARRAY_LEN(meanings); i++)
        if (meanings[i].code == code) return meanings[i].means;
    return 0;
}

static bool failed(struct my *c, const char *doing, unsigned code, const char *text, struct err *e)
{
    unsigned means = meaning(code);
    c->sql.again = (means & AGAIN) != 0;
    if ((means & BROKEN) != 0) c->sql.broken = true;
    if ((means & UNDONE) != 0 || (means & (BROKEN | LOST)) == (BROKEN | LOST)) c->in_transaction = false;
    err_set(e, &err_STORAGE, "", __FILE__, __LINE__);
    return err_debugf(e, "MySQL, %s: %s (%u)", doing, text, code);
}

/* ---- connections ---- */

/* Values that do not fit are refused, not cut. Writers of one row queue for `queue` seconds before they are told to try again;
 * and a node that vanishes inside a transaction holds its locks for `idle` seconds at most (MySQL, unlike MariaDB, cannot tell
 * such a connection from one that rests in the pool: it closes both). */
#define SETUP(queue, idle)                                                                                                    \
    "SET NAMES utf8mb4 COLLATE utf8mb4_bin, autocommit = 1, sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', "          \
    "innodb_lock_wait_timeout = " queue ", lock_wait_timeout = " queue " /*M!100300 , idle_transaction_timeout = " idle " */" \
    " /*!80000 , wait_timeout = " idle " */"
/* Statements lock the rows that they find, not the gaps between them. */
#define SETUP_LOCKS "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"
/* Ways of authentication that do not hand the password itself to whoever answers. */
#define SAFE_LOGINS "mysql_native_password,client_ed25519,caching_sha2_password,sha256_password"

static void set_tls(MYSQL *h, const struct mysql_dsn *d)
{
    my_bool use = d->tls != MYSQL_TLS_NONE, verify = d->tls == MYSQL_TLS_VERIFIED;
    my.optionsv(h, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
    my.optionsv(h, MYSQL_OPT_SSL_ENFORCE, &use); /* the library insists on it only when it verifies */
    if (!use) return;
    if (d->ca != NULL) my.optionsv(h, MYSQL_OPT_SSL_CA, d->ca);
    my.optionsv(h, MARIADB_OPT_TLS_VERSION, "TLSv1.2,TLSv1.3");
}

static void set_options(MYSQL *h, const struct mysql_dsn *d, enum sql_role role)
{
    const unsigned protocol = d->socket != NULL ? MYSQL_PROTOCOL_SOCKET : MYSQL_PROTOCOL_TCP, no = 0;
    const unsigned read_s = role == SQL_MIGRATES ? 0 : d->read_s;
    my.optionsv(h, MYSQL_OPT_PROTOCOL, &protocol);
    my.optionsv(h, MYSQL_OPT_CONNECT_TIMEOUT, &d->connect_s);
    my.optionsv(h, MYSQL_OPT_READ_TIMEOUT, &read_s);
    my.optionsv(h, MYSQL_OPT_WRITE_TIMEOUT, &d->write_s);
    my.optionsv(h, MYSQL_OPT_LOCAL_INFILE, &no); /* the server could ask for any file of ours */
    my.optionsv(h, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    my.optionsv(h, MYSQL_INIT_COMMAND, role == SQL_MIGRATES ? SETUP("86400", "86400") : SETUP("3", "30"));
    my.optionsv(h, MYSQL_INIT_COMMAND, SETUP_LOCKS);
    if (!d->cleartext) my.optionsv(h, MARIADB_OPT_RESTRICTED_AUTH, SAFE_LOGINS);
    set_tls(h, d);
}

/* The server answers, and says that these settings are wrong: waiting does not help. */
static bool refuses_settings(unsigned code)
{
    static const unsigned codes[] = {
        ER_DBACCESS_DENIED_ERROR,   ER_ACCESS_DENIED_ERROR,  ER_ACCESS_DENIED_NO_PASSWORD_ERROR, ER_BAD_DB_ERROR,
        ER_HOST_NOT_PRIVILEGED,     ER_PLUGIN_IS_NOT_LOADED, ER_UNKNOWN_SYSTEM_VARIABLE,         CR_SSL_CONNECTION_ERROR,
        CR_AUTH_PLUGIN_CANNOT_LOAD,
    };
    for (size_t i = 0; i < ARRAY_LEN(codes); i++)
        if (codes[i] == code) return true;
    return false;
}

/* With CLIENT_FOUND_ROWS an UPDATE counts the rows it found: a compare-and-set that writes what was there has succeeded. */
static bool dial(const struct mysql_dsn *d, enum sql_role role, MYSQL **ret, struct err *e)
{
    MYSQL *h = my.init(NULL);
    if (h == NULL) abort();
    set_options(h, d, role);
    atomic_fetch_add_explicit(&sql_counters.connections, 1, memory_order_relaxed);
    bool ok = my.real_connect(h, d->host, d->user, d->password, d->database, d->port, d->socket, CLIENT_FOUND_ROWS) != NULL;
    bool plain = ok && d->tls >= MYSQL_TLS_UNVERIFIED && my.get_ssl_cipher(h) == NULL;
    if (ok && !plain) {
        *ret = h;
        return true;
    }
    bool wrong = plain || refuses_settings(my.errno(h));
    err_set(e, wrong ? &err_MISCONFIGURATION : &err_STORAGE, "The database cannot be reached.", __FILE__, __LINE__);
    err_debugf(e, "MySQL, connecting: %s (%u)", plain ? "the server offers no TLS" : my.error(h), my.errno(h));
    my.close(h);
    return false;
}

/* First the connection: closed statements need not be told of one by one then. */
static void my_disconnect(struct sql *base)
{
    if (base == NULL) return;
    struct my *c = my_of(base);
    my.close(c->h);
    for (size_t i = 0; i < c->sql.table->n; i++)
        if (c->prepared[i] != NULL) my.stmt_close(c->prepared[i]);
    free(c);
}

static bool my_connect(struct sql_db *db, enum sql_role role, const struct sql_table *table, struct sql **ret, struct err *e)
{
    MYSQL *h;
    TRY(dial(&db->dsn, role, &h, e));
    struct my *c = calloc(1, sizeof(*c) + table->n * sizeof(c->prepared[0]));
    if (c == NULL) abort();
    *c = (struct my) { .sql = { .driver = &mysql_driver, .table = table }, .db = db, .h = h, .texts = texts_of(db, table) };
    *ret = &c->sql;
    return true;
}

/* A server says something on its own only when it closes. */
static bool my_alive(struct sql *base)
{
    struct pollfd fd = { .fd = my.get_socket(my_of(base)->h), .events = POLLIN | POLLRDHUP };
    return fd.fd >= 0 && poll(&fd, 1, 0) == 0;
}

/* ---- statements ---- */

static void count_round_trip(void) { atomic_fetch_add_explicit(&sql_counters.round_trips, 1, memory_order_relaxed); }

static bool query(struct my *c, const char *doing, struct str text, struct err *e)
{
    count_round_trip();
    return my.real_query(c->h, text.p, (unsigned long)text.n) == 0 || failed(c, doing, my.errno(c->h), my.error(c->h), e);
}

static bool failed_statement(struct my *c, const char *doing, MYSQL_STMT *st, struct err *e)
{
    return failed(c, doing, my.stmt_errno(st), my.stmt_error(st), e);
}

static bool prepare(struct my *c, unsigned id, struct err *e)
{
    if (c->prepared[id] != NULL) return true;
    const struct sql_statement *row = &c->sql.table->rows[id];
    const struct mysql_text *text = &c->texts[id];
    MYSQL_STMT *st = my.stmt_init(c->h);
    if (st == NULL) abort();
    count_round_trip();
    bool ok = my.stmt_prepare(st, text->sql, strlen(text->sql)) == 0;
    if (!ok) failed_statement(c, row->name, st, e);
    bool fits = ok && my.stmt_param_count(st) == text->n && my.stmt_field_count(st) == strlen(row->results);
    if (ok && !fits)
        err_setf(e, &err_SERVER_ERROR, __FILE__, __LINE__, "The statement %s does not fit its signature.", row->name);
    if (fits)
        c->prepared[id] = st;
    else
        my.stmt_close(st);
    return fits;
}

/* Texts go as bytes: then what is compared with them is compared by bytes. */
static bool execute(struct my *c, const struct sql_call *call)
{
    const struct mysql_text *text = &c->texts[call->id];
    MYSQL_STMT *st = c->prepared[call->id];
    MYSQL_BIND binds[PARAMS_MAX] = { 0 };
    for (unsigned i = 0; i < text->n; i++) {
        const struct sql_arg *arg = &call->args[text->order[i]];
        bool number = arg->type == 'i';
        binds[i].buffer_type = number ? MYSQL_TYPE_LONGLONG : MYSQL_TYPE_BLOB;
        binds[i].buffer = number ? (void *)&arg->i : arg->s.p != NULL ? (void *)arg->s.p : (void *)"";
        binds[i].buffer_length = number ? sizeof(arg->i) : arg->s.n;
    }
    count_round_trip();
    atomic_fetch_add_explicit(&sql_counters.statements, 1, memory_order_relaxed);
    return (text->n == 0 || my.stmt_bind_param(st, binds) == 0) && my.stmt_execute(st) == 0;
}

/* Where the library puts the columns of one row. Of texts it leaves the length here, so that each is copied once. */
struct columns {
    MYSQL_BIND binds[COLUMNS_MAX];
    unsigned long lengths[COLUMNS_MAX];
    my_bool nulls[COLUMNS_MAX];
    int64_t numbers[COLUMNS_MAX];
};

static void bind_columns(struct columns *k, const char *types)
{
    memset(k->binds, 0, sizeof(k->binds));
    for (size_t i = 0; types[i] != '\0'; i++) {
        bool number = types[i] == 'i';
        k->binds[i].buffer_type = number ? MYSQL_TYPE_LONGLONG : MYSQL_TYPE_BLOB;
        k->binds[i].buffer = &k->numbers[i];
        k->binds[i].buffer_length = number ? sizeof(k->numbers[i]) : 0;
        k->binds[i].length = &k->lengths[i];
        k->binds[i].is_null = &k->nulls[i];
    }
}

static struct str text_at(MYSQL_STMT *st, unsigned column, size_t n, struct arena *a)
{
    char *p = arena_alloc(a, n + 1);
    unsigned long length = n;
    MYSQL_BIND b = { .buffer_type = MYSQL_TYPE_BLOB, .buffer = p, .buffer_length = n, .length = &length };
    if (n > 0) my.stmt_fetch_column(st, &b, column, 0);
    p[n] = '\0';
    return (struct str) { p, n };
}

static void copy_row(MYSQL_STMT *st, const struct columns *k, const char *types, struct arena *a, struct sql_cell *row)
{
    for (unsigned i = 0; types[i] != '\0'; i++) {
        if (k->nulls[i]) continue;
        if (types[i] == 'i')
            row[i].i = k->numbers[i];
        else
            row[i].s = text_at(st, i, k->lengths[i], a);
    }
}

static bool fetch(struct my *c, unsigned id, struct arena *a, struct sql_rows *ret, struct err *e)
{
    const struct sql_statement *row = &c->sql.table->rows[id];
    MYSQL_STMT *st = c->prepared[id];
    struct sql_rows rows = { .columns = strlen(row->results) };
    struct columns k;
    bind_columns(&k, row->results);
    if (my.stmt_bind_result(st, k.binds) != 0) return failed_statement(c, row->name, st, e);

    size_t cap = 0;
    int got;
    while ((got = my.stmt_fetch(st)) == 0 || got == MYSQL_DATA_TRUNCATED)
        copy_row(st, &k, row->results, a, sql_new_row(a, &rows, &cap));
    bool ok = got == MYSQL_NO_DATA || failed_statement(c, row->name, st, e);
    my.stmt_free_result(st);
    if (ok && ret != NULL) *ret = rows;
    return ok;
}

/* A text that found its row but let it be says so by LAST_INSERT_ID(), for with CLIENT_FOUND_ROWS such a row counts as well. No
 * column of ours gives that number any other meaning. */
static int64_t changed(const struct my *c, unsigned id)
{
    if (my.stmt_insert_id(c->prepared[id]) != 0) return 0;
    int64_t n = (int64_t)my.stmt_affected_rows(c->prepared[id]);
    return c->texts[id].one_row && n > 1 ? 1 : n;
}

static bool run_prepared(struct my *c, const struct sql_call *call, struct arena *a, struct sql_rows *ret, struct err *e)
{
    TRY(prepare(c, call->id, e));
    const struct sql_statement *row = &c->sql.table->rows[call->id];
    MYSQL_STMT *st = c->prepared[call->id];
    bool reads = row->results[0] != '\0', alone = !c->in_transaction, ok = execute(c, call);
    unsigned code = ok ? 0 : my.stmt_errno(st);
    bool was_there = c->texts[call->id].keeps && code == ER_DUP_ENTRY;
    if (!ok && !was_there) {
        failed_statement(c, row->name, st, e);
        if (alone && !reads && (meaning(code) & LOST) != 0) e->kind = &err_UNCERTAIN;
        return false;
    }
    if (reads) return fetch(c, call->id, a, ret, e);
    if (ret != NULL) *ret = (struct sql_rows) { .changed = was_there ? 0 : changed(c, call->id) };
    return true;
}

/* The server cannot prepare everything. What takes and gives nothing needs no preparing. */
static bool my_run(struct sql *base, const struct sql_call *call, struct arena *a, struct sql_rows *ret, struct err *e)
{
    struct my *c = my_of(base);
    const struct sql_statement *row = &c->sql.table->rows[call->id];
    if (row->params[0] != '\0' || row->results[0] != '\0') return run_prepared(c, call, a, ret, e);
    TRY(query(c, row->name, str_of(c->texts[call->id].sql), e));
    if (ret != NULL) *ret = (struct sql_rows) { 0 };
    return true;
}

/* ---- scripts ---- */

/* Every change of a table commits. So that a script that was interrupted can be run again, what it finds done is passed over. */
static bool is_done_already(unsigned code)
{
    static const unsigned codes[] = { ER_TABLE_EXISTS_ERROR, ER_BAD_TABLE_ERROR,        ER_DUP_FIELDNAME,
                                      ER_DUP_KEYNAME,        ER_CANT_DROP_FIELD_OR_KEY, ER_DUP_ENTRY };
    for (size_t i = 0; i < ARRAY_LEN(codes); i++)
        if (codes[i] == code) return true;
    return false;
}

/* On a connection of its own: its commits do not end the caller's transaction, whose line in the book of migrations keeps others
 * waiting until the script is done, and goes when it fails. */
static bool my_script(struct sql *base, struct str text, struct err *e)
{
    struct my *c = my_of(base);
    MYSQL *h;
    TRY(dial(&c->db->dsn, SQL_MIGRATES, &h, e));

    ARENA_AUTO a = arena_new();
    struct str statement;
    bool ok = true;
    while (ok && mysql_script_next(a, &text, &statement)) {
        ok = my.real_query(h, statement.p, (unsigned long)statement.n) == 0 || is_done_already(my.errno(h));
        if (!ok) failed(c, "running a script", my.errno(h), my.error(h), e);
    }
    my.close(h);
    return ok;
}

/* ---- transactions ---- */

static bool my_begin(struct sql *base, struct err *e)
{
    struct my *c = my_of(base);
    c->sql.again = false;
    c->in_transaction = query(c, "beginning", STR("START TRANSACTION"), e);
    return c->in_transaction;
}

static void my_rollback(struct sql *base)
{
    struct my *c = my_of(base);
    struct err ignored = ERR_INIT(NULL);
    bool again = c->sql.again;
    if (c->in_transaction && !c->sql.broken && !query(c, "rolling back", STR("ROLLBACK"), &ignored)) c->sql.broken = true;
    c->in_transaction = false;
    c->sql.again = again;
}

static bool my_commit(struct sql *base, struct err *e)
{
    struct my *c = my_of(base);
    if (query(c, "committing", STR("COMMIT"), e)) {
        c->in_transaction = false;
        return true;
    }
    if ((meaning(my.errno(c->h)) & LOST) != 0) e->kind = &err_UNCERTAIN;
    my_rollback(base);
    return false;
}

static bool my_in_transaction(const struct sql *base) { return my_of(base)->in_transaction; }

const struct sql_driver mysql_driver = {
    .dialect = SQL_MYSQL,
    .open = my_open,
    .close = my_close,
    .connect = my_connect,
    .disconnect = my_disconnect,
    .alive = my_alive,
    .run = my_run,
    .script = my_script,
    .begin = my_begin,
    .commit = my_commit,
    .rollback = my_rollback,
    .in_transaction = my_in_transaction,
};
