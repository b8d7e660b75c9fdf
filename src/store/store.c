/* Opening and closing, and the reading connections: each thread that reads keeps one of its own, made at its first read and
 * closed when the thread ends or the store does. (A thread must not end while the store closes.) */
#include <stdlib.h>

#include "store_int.h"

static const struct scheme {
    const char *name;
    const struct sql_driver *driver;
} schemes[] = {
    { "sqlite", &sqlite_driver },     { "sqlite3", &sqlite_driver },      { "memory", &sqlite_driver },
    { "postgres", &postgres_driver }, { "postgresql", &postgres_driver }, { "pg", &postgres_driver },
    { "pgx", &postgres_driver },      { "cockroach", &postgres_driver },  { "cockroachdb", &postgres_driver },
    { "crdb", &postgres_driver },     { "mysql", &mysql_driver },         { "mariadb", &mysql_driver },
};

static const struct scheme *scheme_find(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
        if (str_eq(name, str_of(schemes[i].name))) return &schemes[i];
    return NULL;
}

#define DSN_TYPES "sqlite:///path/to/file, memory, postgres://... or mysql://..."

/* Only a scheme is ever repeated in a message: anything else may be or hold a password. */
bool sql_driver_of(struct str dsn, const struct sql_driver **ret, struct err *e)
{
    ENSURE(dsn.n > 0, e, MISCONFIGURATION, "dsn must be set, for example to sqlite:///var/lib/grantd/db.sqlite.");
    struct str rest = dsn, name = str_cut(&rest, ':');
    const struct scheme *scheme = scheme_find(name);
    if (scheme == NULL && str_starts(rest, STR("//")))
        FAILF(e, MISCONFIGURATION, "unsupported DSN type \"%.*s\"; use " DSN_TYPES ".", STR_FMT(str_upto(name, 32)));
    ENSURE(scheme != NULL, e, MISCONFIGURATION, "unsupported DSN type; use " DSN_TYPES ".");
    *ret = scheme->driver;
    return true;
}

bool store_dsn_known(struct str dsn, struct err *e)
{
    const struct sql_driver *driver;
    return sql_driver_of(dsn, &driver, e);
}

struct reader {
    struct store *store;
    struct sql *c;
    struct reader *newer, *older;
};

static void reader_free(struct reader *r)
{
    r->store->driver->disconnect(r->c);
    free(r);
}

static void reader_add(struct store *s, struct reader *r)
{
    pthread_mutex_lock(&s->readers_lock);
    r->older = s->readers;
    if (s->readers != NULL) s->readers->newer = r;
    s->readers = r;
    pthread_mutex_unlock(&s->readers_lock);
}

static void reader_of_ended_thread(void *object)
{
    struct reader *r = object;
    struct store *s = r->store;
    pthread_mutex_lock(&s->readers_lock);
    if (r->older != NULL) r->older->newer = r->newer;
    if (r->newer != NULL) r->newer->older = r->older;
    if (s->readers == r) s->readers = r->older;
    pthread_mutex_unlock(&s->readers_lock);
    reader_free(r);
}

static struct reader *reader_get(struct store *s)
{
    struct reader *r = pthread_getspecific(s->reader_key);
    if (r != NULL) return r;
    r = calloc(1, sizeof(*r));
    if (r == NULL) abort();
    r->store = s;
    pthread_setspecific(s->reader_key, r);
    reader_add(s, r);
    return r;
}

bool store_read(struct store *s, struct op *op, const struct sql_call *call, struct sql_rows *ret, struct err *e)
{
    if (!s->driver->embedded) return server_run(s, op, call, ret, e);
    struct reader *r = reader_get(s);
    if (r->c != NULL && r->c->broken) {
        s->driver->disconnect(r->c);
        r->c = NULL;
    }
    if (r->c == NULL) TRY(s->driver->connect(s->db, SQL_READS, &sql_store_table, &r->c, e));
    return sql_run(r->c, call, op->arena, ret, e);
}

bool store_read_int(struct store *s, struct op *op, const struct sql_call *call, int64_t *ret, struct err *e)
{
    struct sql_rows rows;
    TRY(store_read(s, op, call, &rows, e));
    *ret = rows.n > 0 ? sql_row(&rows, 0)->i : 0;
    return true;
}

static struct store *store_new(struct arena *a, const struct sql_driver *driver, struct sql_db *db)
{
    struct store *s = ARENA_NEW(a, struct store);
    s->arena = a;
    s->driver = driver;
    s->db = db;
    pthread_key_create(&s->reader_key, reader_of_ended_thread);
    pthread_mutex_init(&s->readers_lock, NULL);
    return s;
}

/* A file that cannot be written to at start is a wrong setting more often than an outage; what a server's failure is, its driver
 * knows. */
static bool try_database(const struct sql_driver *driver, struct sql_db *db, struct sql **ret, struct err *e)
{
    if (driver->connect(db, SQL_WRITES, &sql_store_table, ret, e)) return true;
    driver->close(db);
    const struct err_kind *kind = driver->embedded ? &err_MISCONFIGURATION : e->kind;
    const char *why = e->debug != NULL ? e->debug : e->hint;
    return err_setf(e, kind, __FILE__, __LINE__, "dsn: the database cannot be used: %s", why);
}

static bool open_embedded(struct arena *a, const struct sql_driver *driver, struct str dsn, struct store **ret, struct err *e)
{
    struct sql_db *db;
    struct sql *c;
    TRY(driver->open(a, dsn, &db, e));
    TRY(try_database(driver, db, &c, e));
    *ret = store_new(a, driver, db);
    writer_init(&(*ret)->writer, c);
    return true;
}

static bool open_server(struct arena *a, const struct sql_driver *driver, struct str dsn, struct store **ret, struct err *e)
{
    struct pool_options options;
    struct str rest;
    struct sql_db *db;
    struct sql *c;
    TRY(dsn_pool_options(a, dsn, &options, &rest, e));
    TRY(driver->open(a, rest, &db, e));
    TRY(try_database(driver, db, &c, e));
    *ret = store_new(a, driver, db);
    (*ret)->pool = pool_new(driver, db, &options, c);
    return true;
}

bool store_open(const struct store_options *o, struct store **ret, struct err *e)
{
    const struct sql_driver *driver = NULL;
    TRY(sql_driver_of(o->dsn, &driver, e));
    struct arena *a = arena_new();
    bool ok = driver->embedded ? open_embedded(a, driver, o->dsn, ret, e) : open_server(a, driver, o->dsn, ret, e);
    if (!ok) arena_free(a);
    return ok;
}

void store_close(struct store *s)
{
    if (s == NULL) return;
    pthread_key_delete(s->reader_key);
    for (struct reader *r = s->readers, *older; r != NULL; r = older) {
        older = r->older;
        reader_free(r);
    }
    pool_free(s->pool);
    if (s->driver->embedded) writer_done(&s->writer, s->driver);
    s->driver->close(s->db);
    pthread_mutex_destroy(&s->readers_lock);
    arena_free(s->arena);
}

bool store_is_embedded(const struct store *s) { return s->driver->embedded; }

bool store_traffic(struct store *s, struct store_traffic *ret)
{
    if (s->driver->embedded) return false;
    struct pool_state state = pool_state(s->pool);
    *ret = (struct store_traffic) {
        .round_trips = sql_counters.round_trips,
        .statements = sql_counters.statements,
        .connects = sql_counters.connections,
        .open = state.open,
        .idle = state.idle,
        .down = state.down,
    };
    return true;
}
