/* Opening: which DSNs are understood, and what is said about those that are not. */
#include <fcntl.h>
#include <sys/stat.h>

#include "scratch.h"

static bool try_open(struct arena *a, const char *dsn, struct store **ret, struct err *e)
{
    *e = ERR_INIT(a);
    return store_open(&(struct store_options) { .dsn = str_of(dsn) }, ret, e);
}

static void refused(void **state)
{
    (void)state;
    static const struct {
        const char *dsn, *hint;
    } cases[] = {
        { "", "dsn must be set" },
        { "foo", "unsupported DSN type" },
        { "foo://u:hunter2@host/db", "unsupported DSN type \"foo\"" },
        { "host=db password=hunter2", "unsupported DSN type;" },
        { "hunter2:hunter2@tcp(h)/db", "unsupported DSN type;" },
        { "postgres://u:hun@ter2@host/db", "percent-encode" },
        { "postgres://u:hun/ter2@host/db", "percent-encode" },
        { "postgres://u:hun/ter2hunter2", "a port is not a number" },
        { "postgresql://u:p%zz@host/db", "not a PostgreSQL URI" },
        { "postgres:host=h", "not a PostgreSQL URI" },
        { "postgres://host:hunter2/db", "a port is not a number" },
        { "postgres://u:p@host:70000/db", "a port is not a number" },
        { "postgres://host/db?parseTime=true", "knows no parameter \"parseTime\"" },
        { "postgres://host/db?max_conns=0", "max_conns is a number" },
        { "postgres://host/db?max_conns=many", "max_conns is a number" },
        { "postgres://host/db?max_idle_conns=-1", "max_idle_conns is a number" },
        { "cockroach://host/db?max_conn_lifetime=3", "max_conn_lifetime is a length of time" },
        { "mysql://u:p@tcp(host:3306)/db?max_conn_idle_time=-3s", "max_conn_idle_time is a length of time" },
        { "SQLITE://a.sqlite", "unsupported DSN type \"SQLITE\"" },
        { "sqlite://", "names no file" },
        { "sqlite://?mode=rwc", "names no file" },
        { "sqlite3://", "names no file" },
        { "sqlite:///nowhere/at/all/a.sqlite", "the folder /nowhere/at/all cannot be reached: No such file or directory" },
        { "sqlite://sub/x/a.sqlite", "the folder ./sub/x cannot be reached" },
        { "sqlite://text/a.sqlite", "./text is no folder" },
        { "sqlite://text", "the database cannot be used" },
        { "sqlite://sub", "the database cannot be used" },
        { "sqlite://none.sqlite?mode=rw", "the database cannot be used" },
        { "sqlite://none.sqlite?mode=ro", "the database cannot be used" },
        { "sqlite://none.sqlite?_busy_timeout=soon", "_busy_timeout is a number" },
        { "sqlite://none.sqlite?_busy_timeout=-1", "_busy_timeout is a number" },
    };
    assert_int_equal(mkdir("sub", 0700), 0);
    int fd = open("text", O_WRONLY | O_CREAT, 0600);
    for (int i = 0; i < 300; i++) assert_int_equal(write(fd, "not a database\n", 15), 15);
    close(fd);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ARENA_AUTO a = arena_new();
        struct store *s;
        struct err e;
        assert_false(try_open(a, cases[i].dsn, &s, &e));
        assert_ptr_equal(e.kind, &err_MISCONFIGURATION);
        if (strstr(e.hint, cases[i].hint) == NULL) fail_msg("%s: %s", cases[i].dsn, e.hint);
        assert_null(strstr(e.hint, "hunter2"));
        assert_true(e.debug == NULL || strstr(e.debug, "hunter2") == NULL);
    }
    assert_int_not_equal(access("none.sqlite", F_OK), 0);
}

static void accepted(void **state)
{
    (void)state;
    static const struct {
        const char *dsn, *file;
    } cases[] = {
        { "sqlite://a.sqlite", "a.sqlite" },
        { "sqlite3://b.sqlite?_fk=true&mode=rwc&_journal_mode=DELETE&max_conns=4&x&=&&", "b.sqlite" },
        { "sqlite://file:c.sqlite?cache=shared&_busy_timeout=100", "c.sqlite" },
        { "sqlite://100%41.sqlite", "100%41.sqlite" },
        { "memory", NULL },
        { "memory://", NULL },
        { "sqlite://:memory:", NULL },
        { "sqlite://file::memory:?cache=shared", NULL },
        { "sqlite://x.sqlite?mode=memory", NULL },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ARENA_AUTO a = arena_new();
        struct store *s;
        struct err e;
        if (!try_open(a, cases[i].dsn, &s, &e)) fail_msg("%s: %s", cases[i].dsn, e.hint);
        assert_true(store_is_embedded(s));
        struct stat st;
        if (cases[i].file != NULL) {
            assert_int_equal(stat(cases[i].file, &st), 0);
            assert_int_equal(st.st_mode & 0777, 0600);
        }
        store_close(s);
    }
    assert_int_not_equal(access("x.sqlite", F_OK), 0);
    assert_int_not_equal(access(":memory:", F_OK), 0);
}

static void absolute_path(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct stat st;
    struct store *s = open_migrated(arena_printf(a, "sqlite://%s/d.sqlite?_fk=true&mode=rwc", scratch).p);
    assert_int_equal(stat("d.sqlite", &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat("d.sqlite-wal", &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    store_close(s);
    assert_int_not_equal(stat("d.sqlite-wal", &st), 0);
}

static void old_file_keeps_its_mode(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct store *s;
    struct err e;
    struct stat st;
    close(open("old.sqlite", O_WRONLY | O_CREAT, 0600));
    assert_int_equal(chmod("old.sqlite", 0640), 0);
    assert_true(try_open(a, "sqlite://old.sqlite?mode=rw", &s, &e));
    assert_int_equal(stat("old.sqlite", &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    store_close(s);
}

static void read_only_can_be_read_and_not_written(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct op op = { .arena = a, .now = 1, .may_wait = true };
    struct store *writer, *reader;
    struct err e;
    assert_true(try_open(a, "sqlite://a.sqlite", &writer, &e));
    assert_true(store_migrate_up(writer, &op, NULL, NULL, &e));
    assert_true(try_open(a, "sqlite://a.sqlite?mode=ro", &reader, &e));
    assert_true(store_ready(reader, &op, &e));
    assert_false(store_client_not_before(reader, &op, STR("x"), 1, &e));
    assert_ptr_equal(e.kind, &err_STORAGE);
    store_close(reader);
    store_close(writer);
}

static void memory_is_private_to_its_store(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct op op = { .arena = a, .now = 1, .may_wait = true };
    struct store *one, *two;
    struct err e;
    assert_true(try_open(a, "memory", &one, &e));
    assert_true(try_open(a, "memory", &two, &e));
    assert_true(store_migrate_up(one, &op, NULL, NULL, &e));
    assert_true(store_ready(one, &op, &e));
    assert_false(store_ready(two, &op, &e));
    store_close(one);
    store_close(two);
    store_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused),
        cmocka_unit_test(accepted),
        cmocka_unit_test(absolute_path),
        cmocka_unit_test(old_file_keeps_its_mode),
        cmocka_unit_test(read_only_can_be_read_and_not_written),
        cmocka_unit_test(memory_is_private_to_its_store),
    };
    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
