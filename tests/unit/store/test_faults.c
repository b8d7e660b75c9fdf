/* A disk that fails: what each failure is called, that it leaves nothing half-done, and that the store goes on when the disk
 * does. SQLite's own file system is wrapped, and its methods fail on demand. */
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>

#include "scratch.h"

static atomic_bool sync_fails, write_fails, read_fails;

/* The system has one table of methods for the database itself and another for its logs; reading, writing and flushing are the
 * same in both. */
static sqlite3_io_methods database_methods, log_methods;
static const sqlite3_io_methods *real;
static sqlite3_vfs faulty, *unix_vfs;

static int faulty_sync(sqlite3_file *file, int flags) { return sync_fails ? SQLITE_IOERR_FSYNC : real->xSync(file, flags); }

static int faulty_write(sqlite3_file *file, const void *data, int n, sqlite3_int64 at)
{
    return write_fails ? SQLITE_IOERR_WRITE : real->xWrite(file, data, n, at);
}

static int faulty_read(sqlite3_file *file, void *data, int n, sqlite3_int64 at)
{
    return read_fails ? SQLITE_IOERR_READ : real->xRead(file, data, n, at);
}

static void learn_methods(sqlite3_io_methods *methods, const sqlite3_io_methods *from)
{
    real = from;
    *methods = *from;
    methods->xSync = faulty_sync;
    methods->xWrite = faulty_write;
    methods->xRead = faulty_read;
}

static int faulty_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    sqlite3_io_methods *methods = (flags & SQLITE_OPEN_MAIN_DB) != 0 ? &database_methods : &log_methods;
    (void)vfs;
    int code = unix_vfs->xOpen(unix_vfs, name, file, flags, ret_flags);
    if (code != SQLITE_OK) return code;
    pthread_mutex_lock(&lock);
    if (methods->iVersion == 0) learn_methods(methods, file->pMethods);
    pthread_mutex_unlock(&lock);
    file->pMethods = methods;
    return code;
}

static struct store *s;

static int enter(void **state)
{
    store_close(open_store("memory")); /* sets the library up */
    unix_vfs = sqlite3_vfs_find(NULL);
    faulty = *unix_vfs;
    faulty.zName = "faulty";
    faulty.xOpen = faulty_open;
    if (sqlite3_vfs_register(&faulty, 1) != SQLITE_OK || scratch_enter(state) != 0) return 1;
    s = open_migrated(SCRATCH_DSN);
    return 0;
}

static int leave(void **state)
{
    store_close(s);
    return scratch_leave(state);
}

/* Puts a mark; NULL when that succeeded, else the kind of failure. */
static const char *put(const char *id)
{
    ARENA_AUTO a = arena_new();
    struct op op = { .arena = a, .now = 1, .may_wait = true };
    struct err e = ERR_INIT(a);
    enum store_put outcome;
    if (store_mark_put(s, &op, MARK_JTI, str_of(id), 1, 1000, &outcome, NULL, &e)) return NULL;
    assert_non_null(e.debug);
    return e.kind->id;
}

static int64_t get(const char *id)
{
    ARENA_AUTO a = arena_new();
    struct op op = { .arena = a, .now = 1 };
    struct err e = ERR_INIT(a);
    int64_t value;
    must(store_mark_get(s, &op, MARK_JTI, str_of(id), &value, &e), &e);
    return value;
}

static void failed_write(void **state)
{
    (void)state;
    assert_null(put("w0"));
    write_fails = true;
    for (int i = 0; i < 5; i++) assert_string_equal(put("w1"), "STORAGE");
    assert_int_equal(get("w0"), 1);
    assert_int_equal(get("w1"), 0);
    write_fails = false;
    assert_null(put("w2"));
    assert_int_equal(get("w1"), 0);
    assert_int_equal(get("w2"), 1);
}

/* The record is in the log, and nobody knows whether the disk has it: the caller must look. */
static void failed_flush(void **state)
{
    (void)state;
    sync_fails = true;
    assert_string_equal(put("f1"), "UNCERTAIN");
    sync_fails = false;
    assert_null(put("f2"));
    assert_int_equal(get("f2"), 1);
}

static void *put_in_thread(void *arg)
{
    const char *kind = put(arg);
    return (void *)(kind != NULL ? kind : "fine");
}

static void whole_group_is_told(void **state)
{
    (void)state;
    static char ids[40][16];
    pthread_t threads[40];
    write_fails = true;
    for (int i = 0; i < 40; i++) {
        snprintf(ids[i], sizeof(ids[i]), "g%d", i);
        assert_int_equal(pthread_create(&threads[i], NULL, put_in_thread, ids[i]), 0);
    }
    for (int i = 0; i < 40; i++) {
        void *kind;
        pthread_join(threads[i], &kind);
        assert_string_equal(kind, "STORAGE");
    }
    write_fails = false;
    assert_null(put("g"));
    for (int i = 0; i < 40; i++) assert_int_equal(get(ids[i]), 0);
}

/* A thread that never read before has to read the file. */
static void *read_in_thread(void *arg)
{
    ARENA_AUTO a = arena_new();
    struct op op = { .arena = a, .now = 1 };
    struct err e = ERR_INIT(a);
    int64_t value;
    bool *recovered = arg;
    read_fails = true;
    bool failed = !store_mark_get(s, &op, MARK_JTI, STR("g"), &value, &e) && err_is(&e, &err_STORAGE);
    read_fails = false;
    *recovered = failed && store_mark_get(s, &op, MARK_JTI, STR("g"), &value, &e) && value == 1;
    return NULL;
}

static void failed_read(void **state)
{
    (void)state;
    pthread_t thread;
    bool recovered;
    assert_int_equal(pthread_create(&thread, NULL, read_in_thread, &recovered), 0);
    pthread_join(thread, NULL);
    assert_true(recovered);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failed_write),
        cmocka_unit_test(failed_flush),
        cmocka_unit_test(whole_group_is_told),
        cmocka_unit_test(failed_read),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
