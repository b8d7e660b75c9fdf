/* The SQLite driver. Files are kept in write-ahead mode: one writing connection (the group commit's), and readers beside it that
 * neither wait nor are waited for. `memory` is a file of SQLite's own memory file system, private to the process and gone with
 * it; that one has no write-ahead log, so a lock keeps readers and the writer apart. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sql.h"

enum { BUSY_MS = 5000, PAUSE_MS = 20 };

struct sql_db {
    const char *path;
    int flags;   /* SQLITE_OPEN_... of the writer */
    int busy_ms; /* how long to wait for another process */
    bool memory;
    pthread_rwlock_t apart; /* memory only */
};

struct lite {
    struct sql sql;
    struct sql_db *db;
    sqlite3 *h;
    enum sql_role role;
    sqlite3_stmt *prepared[]; /* as long as the table */
};

static struct lite *lite_of(const struct sql *c) { return (struct lite *)c; }

/* ---- the DSN ---- */

static void use_memory(struct arena *a, struct sql_db *db)
{
    static atomic_uint count;
    db->memory = true;
    db->path = arena_printf(a, "file:/grantd-%u?vfs=memdb", atomic_fetch_add(&count, 1)).p;
}

/* Options are those that Hydra's users have in their DSNs; what is not listed has no meaning here and is skipped. */
static bool read_option(struct sql_db *db, struct str name, struct str value, struct err *e)
{
    if (str_eq(name, STR("mode"))) {
        db->memory = str_eq(value, STR("memory"));
        if (str_eq(value, STR("ro"))) db->flags = SQLITE_OPEN_READONLY;
        if (str_eq(value, STR("rw"))) db->flags = SQLITE_OPEN_READWRITE;
    }
    if (str_eq(name, STR("_busy_timeout")) || str_eq(name, STR("_timeout"))) {
        int64_t ms;
        ENSURE(str_to_int(value, &ms) && ms >= 0 && ms <= INT32_MAX, e, MISCONFIGURATION,
               "dsn: _busy_timeout is a number of milliseconds.");
        db->busy_ms = (int)ms;
    }
    return true;
}

static bool read_options(struct sql_db *db, struct str query, struct err *e)
{
    while (query.p != NULL) {
        struct str value = str_cut(&query, '&'), name = str_cut(&value, '=');
        TRY(read_option(db, name, value, e));
    }
    return true;
}

static struct str strip(struct str s, struct str prefix) { return str_starts(s, prefix) ? str_from(s, prefix.n) : s; }

static bool read_dsn(struct arena *a, struct str dsn, struct sql_db *db, struct err *e)
{
    struct str rest = dsn, scheme = str_cut(&rest, ':');
    struct str query = strip(strip(rest, STR("//")), STR("file:")), path = str_cut(&query, '?');
    TRY(read_options(db, query, e));
    if (db->memory || str_eq(scheme, STR("memory")) || str_eq(path, STR(":memory:"))) {
        use_memory(a, db);
        return true;
    }
    ENSURE(path.n > 0, e, MISCONFIGURATION, "dsn: names no file; an example is sqlite:///var/lib/grantd/db.sqlite.");
    ENSURE(!str_has(path, '\0'), e, MISCONFIGURATION, "dsn: a file name has no NUL.");
    /* A relative path must not be taken for a URI. */
    db->path = path.p[0] == '/' ? arena_dupz(a, path) : ARENA_CAT(a, STR("./"), path).p;
    return true;
}

/* ---- the file ---- */

static bool check_folder(struct arena *a, const char *path, struct err *e)
{
    char *folder = arena_dupz(a, str_of(path));
    *strrchr(folder, '/') = '\0';
    if (folder[0] == '\0') return true;
    struct stat st;
    ENSUREF(stat(folder, &st) == 0, e, MISCONFIGURATION, "dsn: the folder %s cannot be reached: %s.", folder, strerror(errno));
    ENSUREF(S_ISDIR(st.st_mode), e, MISCONFIGURATION, "dsn: %s is no folder.", folder);
    return true;
}

/* Only the owner may read what is stored. A file that is there keeps its mode, and is not even opened: closing it would drop the
 * locks that another connection of this process holds on it. */
static bool create_file(const struct sql_db *db, struct err *e)
{
    if ((db->flags & SQLITE_OPEN_CREATE) == 0) return true;
    int fd = open(db->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    ENSUREF(fd >= 0 || errno == EEXIST, e, MISCONFIGURATION, "dsn: the file %s cannot be created: %s.", db->path,
            strerror(errno));
    if (fd >= 0) close(fd);
    return true;
}

/* The library's counters of memory would make every allocation take one global lock. */
static void setup_library(void)
{
    sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite3_initialize();
}

static void init_lock(pthread_rwlock_t *lock)
{
    pthread_rwlockattr_t attr;
    pthread_rwlockattr_init(&attr);
    pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(lock, &attr);
    pthread_rwlockattr_destroy(&attr);
}

static bool lite_open(struct arena *a, struct str dsn, struct sql_db **ret, struct err *e)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, setup_library);

    struct sql_db *db = ARENA_NEW(a, struct sql_db);
    *db = (struct sql_db) { .flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, .busy_ms = BUSY_MS };
    TRY(read_dsn(a, dsn, db, e));
    if (!db->memory) {
        TRY(check_folder(a, db->path, e));
        TRY(create_file(db, e));
    }
    init_lock(&db->apart);
    *ret = db;
    return true;
}

static void lite_close(struct sql_db *db) { pthread_rwlock_destroy(&db->apart); }

/* ---- failures ---- */

static bool concerns_connection(int code)
{
    switch (code & 0xff) {
    case SQLITE_IOERR:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_CANTOPEN:
    case SQLITE_PROTOCOL: return true;
    default: return false;
    }
}

static bool failed(struct lite *c, const char *doing, struct err *e)
{
    int code = sqlite3_extended_errcode(c->h);
    /* A memory database would vanish with its last connection. */
    if (concerns_connection(code) && !c->db->memory) c->sql.broken = true;
    const char *hint = (code & 0xff) == SQLITE_FULL ? "The disk that holds the database is full." : "";
    err_set(e, &err_STORAGE, hint, __FILE__, __LINE__);
    return err_debugf(e, "SQLite, %s: %s (%d)", doing, sqlite3_errmsg(c->h), code);
}

/* ---- connections ---- */

static void lite_disconnect(struct sql *base)
{
    if (base == NULL) return;
    struct lite *c = lite_of(base);
    for (size_t i = 0; i < c->sql.table->n; i++) sqlite3_finalize(c->prepared[i]);
    sqlite3_close(c->h);
    free(c);
}

/* Caches are small because each thread that reads has one; the system caches the file anyway. */
#define READER_SETUP "PRAGMA cache_size = -128; PRAGMA temp_store = MEMORY;"
#define WRITER_SETUP "PRAGMA cache_size = -2048; PRAGMA temp_store = MEMORY;"
/* FULL: a commit is on disk when it returns. */
#define FILE_SETUP   "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 16777216;"

static void lock_reader(const struct lite *c)
{
    if (c->db->memory && c->role == SQL_READS) pthread_rwlock_rdlock(&c->db->apart);
}

static void unlock_reader(const struct lite *c)
{
    if (c->db->memory && c->role == SQL_READS) pthread_rwlock_unlock(&c->db->apart);
}

/* The library does not wait for a process that changes the journal's mode of the same new file. */
static int setup_file(struct lite *c)
{
    int code;
    for (int waited = 0; (code = sqlite3_exec(c->h, FILE_SETUP, NULL, NULL, NULL) & 0xff) == SQLITE_BUSY; waited += PAUSE_MS) {
        if (waited >= c->db->busy_ms) break;
        sqlite3_sleep(PAUSE_MS);
    }
    return code;
}

static bool setup_connection(struct lite *c, struct err *e)
{
    bool writes_file = c->role == SQL_WRITES && !c->db->memory && (c->db->flags & SQLITE_OPEN_READONLY) == 0;
    if (sqlite3_exec(c->h, c->role == SQL_READS ? READER_SETUP : WRITER_SETUP, NULL, NULL, NULL) != SQLITE_OK)
        return failed(c, "connecting", e);
    return !writes_file || setup_file(c) == SQLITE_OK || failed(c, "connecting", e);
}

static bool lite_connect(struct sql_db *db, enum sql_role role, const struct sql_table *table, struct sql **ret, struct err *e)
{
    struct lite *c = calloc(1, sizeof(*c) + table->n * sizeof(c->prepared[0]));
    if (c == NULL) abort();
    *c = (struct lite) { .sql = { .driver = &sqlite_driver, .table = table }, .db = db, .role = role };

    int flags = role == SQL_READS ? SQLITE_OPEN_READONLY : db->flags;
    if (db->memory) flags |= SQLITE_OPEN_URI;
    int code = sqlite3_open_v2(db->path, &c->h, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (c->h == NULL) abort();
    sqlite3_busy_timeout(c->h, db->busy_ms);
    lock_reader(c);
    bool ok = code == SQLITE_OK ? setup_connection(c, e) : failed(c, "opening the file", e);
    unlock_reader(c);
    if (!ok) {
        lite_disconnect(&c->sql);
        return false;
    }
    *ret = &c->sql;
    return true;
}

/* ---- statements ---- */

static bool matches_signature(sqlite3_stmt *st, const struct sql_statement *row)
{
    return sqlite3_bind_parameter_count(st) == (int)strlen(row->params) && sqlite3_column_count(st) == (int)strlen(row->results);
}

/* Prepared at first use, so that a connection holds only what its thread needs. */
static bool prepare(struct lite *c, unsigned id, struct err *e)
{
    if (c->prepared[id] != NULL) return true;
    const struct sql_statement *row = &c->sql.table->rows[id];
    sqlite3_stmt *st;
    if (sqlite3_prepare_v3(c->h, sql_text(row, SQL_SQLITE), -1, SQLITE_PREPARE_PERSISTENT, &st, NULL) != SQLITE_OK)
        return failed(c, row->name, e);
    if (!matches_signature(st, row)) {
        sqlite3_finalize(st);
        FAILF(e, SERVER_ERROR, "The statement %s does not fit its signature.", row->name);
    }
    c->prepared[id] = st;
    return true;
}

static void bind(sqlite3_stmt *st, const struct sql_call *call)
{
    for (size_t i = 0; i < call->n; i++) {
        const struct sql_arg *arg = &call->args[i];
        if (arg->type == 'i')
            sqlite3_bind_int64(st, (int)i + 1, arg->i);
        else
            sqlite3_bind_text64(st, (int)i + 1, arg->s.p != NULL ? arg->s.p : "", arg->s.n, SQLITE_STATIC, SQLITE_UTF8);
    }
}

static struct str text_at(sqlite3_stmt *st, int column, struct arena *a)
{
    const char *text = (const char *)sqlite3_column_text(st, column);
    if (text == NULL) return STR_NONE;
    return arena_dup(a, (struct str) { text, (size_t)sqlite3_column_bytes(st, column) });
}

static void copy_row(sqlite3_stmt *st, const char *types, struct arena *a, struct sql_cell *row)
{
    for (int i = 0; types[i] != '\0'; i++) {
        if (types[i] == 'i')
            row[i].i = sqlite3_column_int64(st, i);
        else
            row[i].s = text_at(st, i, a);
    }
}

static bool fetch(struct lite *c, unsigned id, struct arena *a, struct sql_rows *ret, struct err *e)
{
    const struct sql_statement *row = &c->sql.table->rows[id];
    sqlite3_stmt *st = c->prepared[id];
    struct sql_rows rows = { .columns = strlen(row->results) };
    size_t cap = 0;
    int code;
    while ((code = sqlite3_step(st)) == SQLITE_ROW) copy_row(st, row->results, a, sql_new_row(a, &rows, &cap));
    if (code != SQLITE_DONE) return failed(c, row->name, e);
    if (rows.columns == 0) rows.changed = sqlite3_changes64(c->h);
    if (ret != NULL) *ret = rows;
    return true;
}

static bool run(struct lite *c, const struct sql_call *call, struct arena *a, struct sql_rows *ret, struct err *e)
{
    TRY(prepare(c, call->id, e));
    sqlite3_stmt *st = c->prepared[call->id];
    bind(st, call);
    bool ok = fetch(c, call->id, a, ret, e);
    sqlite3_reset(st);
    return ok;
}

static bool lite_run(struct sql *base, const struct sql_call *call, struct arena *a, struct sql_rows *ret, struct err *e)
{
    struct lite *c = lite_of(base);
    lock_reader(c);
    bool ok = run(c, call, a, ret, e);
    unlock_reader(c);
    return ok;
}

static bool lite_script(struct sql *base, struct str text, struct err *e)
{
    struct lite *c = lite_of(base);
    return sqlite3_exec(c->h, text.p, NULL, NULL, NULL) == SQLITE_OK || failed(c, "running a script", e);
}

/* ---- transactions ---- */

static bool control(struct lite *c, const struct sql_call *call, struct err *e) { return run(c, call, NULL, NULL, e); }

static bool lite_begin(struct sql *base, struct err *e)
{
    struct lite *c = lite_of(base);
    if (c->db->memory) pthread_rwlock_wrlock(&c->db->apart);
    if (control(c, CALL(BEGIN), e)) return true;
    if (c->db->memory) pthread_rwlock_unlock(&c->db->apart);
    return false;
}

static bool lite_in_transaction(const struct sql *base) { return sqlite3_get_autocommit(lite_of(base)->h) == 0; }

static void lite_rollback(struct sql *base)
{
    struct lite *c = lite_of(base);
    struct err ignored = ERR_INIT(NULL);
    if (lite_in_transaction(base) && !control(c, CALL(ROLLBACK), &ignored)) c->sql.broken = !c->db->memory;
    if (c->db->memory) pthread_rwlock_unlock(&c->db->apart);
}

/* When the flush fails, what was written may still be found after a crash; any other failure leaves an unfinished log that is
 * never read. */
static bool is_uncertain(int code) { return code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC; }

static bool lite_commit(struct sql *base, struct err *e)
{
    struct lite *c = lite_of(base);
    bool ok = control(c, CALL(COMMIT), e);
    if (ok && c->db->memory) pthread_rwlock_unlock(&c->db->apart);
    if (ok) return true;

    if (is_uncertain(sqlite3_extended_errcode(c->h))) e->kind = &err_UNCERTAIN;
    lite_rollback(base);
    return false;
}

const struct sql_driver sqlite_driver = {
    .dialect = SQL_SQLITE,
    .embedded = true,
    .open = lite_open,
    .close = lite_close,
    .connect = lite_connect,
    .disconnect = lite_disconnect,
    .run = lite_run,
    .script = lite_script,
    .begin = lite_begin,
    .commit = lite_commit,
    .rollback = lite_rollback,
    .in_transaction = lite_in_transaction,
};
