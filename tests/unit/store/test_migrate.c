/* Migrations: up, down, twice, at once, on a database that is newer, and on one where they cannot succeed. */
#include <pthread.h>
#include <sqlite3.h>

#include "scratch.h"

struct told {
    int n;
    int64_t last;
};

static void tell(const struct migration_status *m, void *arg)
{
    struct told *t = arg;
    t->n++;
    t->last = m->version;
}

/* Runs SQL beside the store, as another program would. */
static void run_sql(const char *text)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open("db.sqlite", &db), SQLITE_OK);
    char *message = NULL;
    if (sqlite3_exec(db, text, NULL, NULL, &message) != SQLITE_OK) fail_msg("%s: %s", text, message);
    sqlite3_close(db);
}

static int count_tables(void)
{
    sqlite3 *db;
    sqlite3_stmt *st;
    assert_int_equal(sqlite3_open("db.sqlite", &db), SQLITE_OK);
    sqlite3_prepare_v2(db, "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table'", -1, &st, NULL);
    sqlite3_step(st);
    int n = sqlite3_column_int(st, 0);
    sqlite3_finalize(st);
    sqlite3_close(db);
    return n;
}

struct fixture {
    struct store *s;
    struct op op;
    struct err e;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    scratch_clear();
    f->op = (struct op) { .arena = arena_new(), .now = 77, .may_wait = true };
    f->e = ERR_INIT(f->op.arena);
    f->s = open_store(SCRATCH_DSN);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    store_close(f->s);
    arena_free(f->op.arena);
    free(f);
    return 0;
}

/* How many are applied, of how many. */
static size_t applied(struct fixture *f, size_t *ret_all)
{
    struct migration_status *list;
    size_t n, count = 0;
    must(store_migration_list(f->s, &f->op, &list, &n, &f->e), &f->e);
    for (size_t i = 0; i < n; i++) {
        assert_true(list[i].name.n > 0 && list[i].sql_up.n > 0 && list[i].sql_down.n > 0);
        assert_true(i == 0 || list[i].version > list[i - 1].version);
        count += list[i].applied;
    }
    *ret_all = n;
    return count;
}

static void nothing_works_before(void **state)
{
    struct fixture *f = *state;
    size_t all;
    assert_int_equal(applied(f, &all), 0);
    assert_true(all > 0);
    assert_int_equal(count_tables(), 0); /* opening and listing write nothing */

    struct client_row *row, fresh = { .id = STR("c") };
    enum store_put put;
    assert_false(store_ready(f->s, &f->op, &f->e));
    assert_ptr_equal(f->e.kind, &err_MISCONFIGURATION);
    assert_non_null(strstr(f->e.hint, "migrate sql up"));
    assert_false(store_client_get(f->s, &f->op, STR("c"), &row, &f->e));
    assert_ptr_equal(f->e.kind, &err_STORAGE);
    assert_non_null(strstr(f->e.debug, "no such table"));
    assert_false(store_client_insert(f->s, &f->op, &fresh, &put, &f->e));
    assert_ptr_equal(f->e.kind, &err_STORAGE);
    assert_non_null(strstr(f->e.debug, "no such table"));
    must(store_migrate_down(f->s, &f->op, 5, NULL, NULL, &f->e), &f->e);
}

static void up_once(void **state)
{
    struct fixture *f = *state;
    struct told t = { 0 };
    size_t all;
    must(store_migrate_up(f->s, &f->op, tell, &t, &f->e), &f->e);
    size_t done = applied(f, &all);
    assert_int_equal(done, all);
    assert_int_equal(t.n, all);
    must(store_migrate_up(f->s, &f->op, tell, &t, &f->e), &f->e);
    assert_int_equal(t.n, all);
    must(store_ready(f->s, &f->op, &f->e), &f->e);

    store_close(f->s);
    f->s = open_store(SCRATCH_DSN);
    must(store_ready(f->s, &f->op, &f->e), &f->e);
}

static void down_step_by_step(void **state)
{
    struct fixture *f = *state;
    struct told t = { 0 };
    size_t all;
    must(store_migrate_up(f->s, &f->op, NULL, NULL, &f->e), &f->e);
    must(store_migrate_down(f->s, &f->op, 0, tell, &t, &f->e), &f->e);
    assert_int_equal(t.n, 0);
    for (size_t left = applied(f, &all); left > 0; left--) {
        must(store_migrate_down(f->s, &f->op, 1, tell, &t, &f->e), &f->e);
        assert_int_equal(applied(f, &all), left - 1);
    }
    assert_int_equal(t.n, all);
    assert_int_equal(t.last, 1);
    assert_int_equal(count_tables(), 1); /* the book stays */
    must(store_migrate_up(f->s, &f->op, NULL, NULL, &f->e), &f->e);
    must(store_ready(f->s, &f->op, &f->e), &f->e);
}

static void newer_database_is_tolerated(void **state)
{
    struct fixture *f = *state;
    size_t all;
    must(store_migrate_up(f->s, &f->op, NULL, NULL, &f->e), &f->e);
    run_sql(
        "INSERT INTO grantd_migration VALUES (9999, 'later', 1); ALTER TABLE client ADD COLUMN later BIGINT NOT NULL DEFAULT 0;");
    must(store_ready(f->s, &f->op, &f->e), &f->e);
    must(store_migrate_up(f->s, &f->op, NULL, NULL, &f->e), &f->e);
    size_t done = applied(f, &all);
    assert_int_equal(done, all);
    struct client_row row = { .id = STR("c") };
    enum store_put put;
    must(store_client_insert(f->s, &f->op, &row, &put, &f->e), &f->e);
    assert_int_equal(put, STORE_DONE);
    assert_false(store_migrate_down(f->s, &f->op, 1, NULL, NULL, &f->e));
    assert_ptr_equal(f->e.kind, &err_MISCONFIGURATION);
    assert_non_null(strstr(f->e.hint, "9999"));
}

static void failing_migration_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    size_t all;
    run_sql("CREATE TABLE delivery (x INT)");
    assert_false(store_migrate_up(f->s, &f->op, NULL, NULL, &f->e));
    assert_ptr_equal(f->e.kind, &err_STORAGE);
    assert_non_null(strstr(f->e.debug, "delivery already exists"));
    assert_int_equal(applied(f, &all), 0);
    assert_int_equal(count_tables(), 2); /* that one and the book */
    run_sql("DROP TABLE delivery");
    must(store_migrate_up(f->s, &f->op, NULL, NULL, &f->e), &f->e);
}

static void *migrate_up(void *arg)
{
    bool *ok = arg;
    ARENA_AUTO a = arena_new();
    struct op op = { .arena = a, .now = 1, .may_wait = true };
    struct err e = ERR_INIT(a);
    struct store *s;
    *ok = store_open(&(struct store_options) { .dsn = STR(SCRATCH_DSN) }, &s, &e);
    if (!*ok) return NULL;
    *ok = store_migrate_up(s, &op, NULL, NULL, &e) && store_ready(s, &op, &e);
    store_close(s);
    return NULL;
}

static void many_migrate_at_once(void **state)
{
    (void)state;
    pthread_t threads[8];
    bool ok[8];
    for (int i = 0; i < 8; i++) assert_int_equal(pthread_create(&threads[i], NULL, migrate_up, &ok[i]), 0);
    for (int i = 0; i < 8; i++) {
        pthread_join(threads[i], NULL);
        assert_true(ok[i]);
    }
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(nothing_works_before),
        CASE(up_once),
        CASE(down_step_by_step),
        CASE(newer_database_is_tolerated),
        CASE(failing_migration_leaves_nothing),
        CASE(many_migrate_at_once),
    };
    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
