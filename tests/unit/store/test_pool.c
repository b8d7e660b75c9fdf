/* The pool, on a driver that connects to nothing: limits, ages, outages, and what is tried again. */
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "scratch.h"
#include "store/store_int.h"

/* ---- a database that does what it is told ---- */

struct fake {
    struct sql sql;
    bool in_transaction;
};

static struct {
    atomic_bool refuses;  /* connecting fails */
    atomic_bool idle_die; /* what lies idle is closed by the other end */
    atomic_int connects, disconnects, attempts, runs, commits, rollbacks;
    atomic_int breaking;    /* that many statements to come break their connection */
    atomic_int conflicting; /* that many commits to come are conflicts */
    atomic_int uncertain;   /* that many commits to come have no answer */
} fake;

static bool fake_connect(struct sql_db *db, enum sql_role role, const struct sql_table *table, struct sql **ret, struct err *e);

static void fake_disconnect(struct sql *c)
{
    if (c == NULL) return;
    fake.disconnects++;
    free(c);
}

static bool fake_alive(struct sql *c) { return !c->broken && !fake.idle_die; }

static bool take_one(atomic_int *count)
{
    int n = *count;
    while (n > 0)
        if (atomic_compare_exchange_weak(count, &n, n - 1)) return true;
    return false;
}

static bool fake_run(struct sql *c, const struct sql_call *call, struct arena *a, struct sql_rows *ret, struct err *e)
{
    (void)call;
    (void)a;
    fake.runs++;
    if (take_one(&fake.breaking)) {
        c->broken = true;
        FAIL(e, STORAGE, "broken");
    }
    if (ret != NULL) *ret = (struct sql_rows) { .changed = 1 };
    return true;
}

static bool fake_begin(struct sql *c, struct err *e)
{
    (void)e;
    ((struct fake *)c)->in_transaction = true;
    return true;
}

static bool fake_commit(struct sql *c, struct err *e)
{
    ((struct fake *)c)->in_transaction = false;
    if (take_one(&fake.conflicting)) {
        c->again = true;
        FAIL(e, STORAGE, "conflict");
    }
    if (take_one(&fake.uncertain)) {
        c->broken = true;
        FAIL(e, UNCERTAIN, "no answer");
    }
    fake.commits++;
    return true;
}

static void fake_rollback(struct sql *c)
{
    ((struct fake *)c)->in_transaction = false;
    fake.rollbacks++;
}

static const struct sql_driver driver = {
    .dialect = SQL_POSTGRES,
    .connect = fake_connect,
    .disconnect = fake_disconnect,
    .alive = fake_alive,
    .run = fake_run,
    .begin = fake_begin,
    .commit = fake_commit,
    .rollback = fake_rollback,
};

static bool fake_connect(struct sql_db *db, enum sql_role role, const struct sql_table *table, struct sql **ret, struct err *e)
{
    (void)db;
    (void)role;
    fake.attempts++;
    ENSURE(!fake.refuses, e, MISCONFIGURATION, "refused");
    struct fake *c = calloc(1, sizeof(*c));
    c->sql = (struct sql) { .driver = &driver, .table = table };
    fake.connects++;
    *ret = &c->sql;
    return true;
}

/* ---- helpers ---- */

static struct pool *pool;
static struct store store;

static void start(const struct pool_options *o)
{
    ARENA_AUTO a = arena_new();
    struct err e = ERR_INIT(a);
    struct sql *first = NULL;
    memset(&fake, 0, sizeof(fake));
    must(driver.connect(NULL, SQL_WRITES, &sql_store_table, &first, &e), &e);
    pool = pool_new(&driver, NULL, o, first);
    store = (struct store) { .driver = &driver, .pool = pool };
}

/* Nothing is lost. */
static void stop(void)
{
    pool_free(pool);
    assert_int_equal(fake.connects, fake.disconnects);
}

static struct pooled *take(void)
{
    ARENA_AUTO a = arena_new();
    struct err e = ERR_INIT(a);
    struct pooled *p = NULL;
    must(pool_take(pool, &p, &e), &e);
    return p;
}

static bool fails(void)
{
    ARENA_AUTO a = arena_new();
    struct err e = ERR_INIT(a);
    struct pooled *p;
    if (pool_take(pool, &p, &e)) return pool_give(pool, p), false;
    assert_ptr_equal(e.kind, &err_STORAGE);
    return true;
}

static void wait_ms(int ms) { nanosleep(&(struct timespec) { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L }, NULL); }

/* Within ten seconds. */
static void wait_until_open(unsigned n)
{
    for (int i = 0; i < 1000 && pool_state(pool).open != n; i++) wait_ms(10);
    assert_int_equal(pool_state(pool).open, n);
}

/* ---- limits and ages ---- */

static void *give_later(void *arg)
{
    wait_ms(50);
    pool_give(pool, arg);
    return NULL;
}

static void no_more_than_the_maximum(void **state)
{
    (void)state;
    pthread_t thread;
    start(&(struct pool_options) { .max = 2, .idle = 2 });
    struct pooled *one = take(), *two = take();
    assert_ptr_not_equal(one, two);
    assert_int_equal(pool_state(pool).open, 2);
    pthread_create(&thread, NULL, give_later, one);
    assert_ptr_equal(take(), one);
    pthread_join(thread, NULL);
    assert_int_equal(fake.connects, 2);
    pool_give(pool, one);
    pool_give(pool, two);
    stop();
}

static void waiting_has_an_end(void **state)
{
    (void)state;
    start(&(struct pool_options) { .max = 1, .idle = 1 });
    struct pooled *one = take();
    time_t before = time(NULL);
    assert_true(fails());
    assert_in_range(time(NULL) - before, 4, 7);
    pool_give(pool, one);
    assert_false(fails());
    stop();
}

static void idle_ones_beyond_the_limit_are_closed(void **state)
{
    (void)state;
    start(&(struct pool_options) { .max = 4, .idle = 1 });
    struct pooled *p[4];
    for (int i = 0; i < 4; i++) p[i] = take();
    for (int i = 0; i < 4; i++) pool_give(pool, p[i]);
    assert_int_equal(pool_state(pool).idle, 4); /* for a moment */
    wait_until_open(1);
    assert_int_equal(fake.disconnects, 3);
    stop();
}

static void old_ones_are_replaced(void **state)
{
    (void)state;
    start(&(struct pool_options) { .max = 4, .idle = 4, .lifetime = 400 * USEC_PER_MS });
    pool_give(pool, take());
    wait_ms(450);
    pool_give(pool, take());
    assert_int_equal(fake.connects, 2);
    assert_int_equal(fake.disconnects, 1);
    struct pooled *p = take(); /* grows old while it is used: closed when it comes back */
    wait_ms(450);
    pool_give(pool, p);
    assert_int_equal(pool_state(pool).idle, 0);
    stop();
}

static void idle_time_ends_those_that_nobody_uses(void **state)
{
    (void)state;
    start(&(struct pool_options) { .max = 4, .idle = 4, .idle_time = 400 * USEC_PER_MS });
    struct pooled *one = take(), *two = take();
    pool_give(pool, one);
    pool_give(pool, two);
    wait_until_open(0); /* by the keeper: nobody takes any */
    assert_int_equal(fake.connects, 2);
    stop();
}

static void keeper_replaces_the_last_one(void **state)
{
    (void)state;
    start(&(struct pool_options) { .max = 4, .idle = 4, .lifetime = 200 * USEC_PER_MS });
    wait_ms(2500);
    assert_true(fake.connects > 1);
    stop();
}

static void dead_ones_are_not_handed_out(void **state)
{
    (void)state;
    start(&(struct pool_options) { .max = 4, .idle = 4 });
    struct pooled *one = take(), *two = take();
    pool_give(pool, one);
    pool_give(pool, two);
    fake.idle_die = true;
    struct pooled *fresh = take();
    assert_int_equal(fake.disconnects, 2);
    assert_int_equal(fake.connects, 3);
    pool_give(pool, fresh);
    stop();
}

static void a_broken_one_takes_the_others_with_it(void **state)
{
    (void)state;
    start(&(struct pool_options) { .max = 4, .idle = 4 });
    struct pooled *one = take(), *two = take(), *three = take();
    pool_give(pool, one);
    pooled_sql(two)->broken = true;
    pool_give(pool, two);
    assert_int_equal(pool_state(pool).idle, 0);
    pool_give(pool, three); /* was in use, and is of the same time */
    assert_int_equal(pool_state(pool).open, 0);
    stop();
}

/* ---- outages ---- */

static void outage_fails_at_once_and_ends_by_itself(void **state)
{
    (void)state;
    start(&(struct pool_options) { .max = 4, .idle = 4 });
    struct pooled *p = take();
    pooled_sql(p)->broken = true;
    fake.refuses = true;
    pool_give(pool, p);
    int before = fake.attempts;
    for (int i = 0; i < 200; i++) assert_true(fails());
    assert_in_range(fake.attempts - before, 3, 4); /* after a few short pauses */
    assert_true(pool_state(pool).down);
    fake.refuses = false;
    wait_until_open(1); /* nobody asks: the keeper tries */
    assert_false(pool_state(pool).down);
    assert_false(fails());
    stop();
}

static void pauses_grow(void **state)
{
    (void)state;
    start(&(struct pool_options) { .max = 4, .idle = 4 });
    struct pooled *p = take();
    pooled_sql(p)->broken = true;
    fake.refuses = true;
    pool_give(pool, p);
    int before = fake.attempts;
    for (int i = 0; i < 2000; i++) {
        assert_true(fails());
        wait_ms(1);
    }
    /* 0.1, 0.2, 0.4, 0.8 ... seconds, each shortened by at most a half */
    assert_in_range(fake.attempts - before, 4, 9);
    stop();
}

static void one_failed_attempt_is_waited_out(void **state)
{
    (void)state;
    start(&(struct pool_options) { .max = 4, .idle = 4 });
    struct pooled *p = take();
    pooled_sql(p)->broken = true;
    pool_give(pool, p);
    fake.refuses = true;
    assert_true(fails());
    fake.refuses = false;
    assert_false(fails());
    assert_int_equal(fake.attempts, 3);
    stop();
}

/* A server that takes no more connections has not gone: those that are open go round. */
static void full_server_is_no_outage(void **state)
{
    (void)state;
    pthread_t thread;
    start(&(struct pool_options) { .max = 4, .idle = 4 });
    struct pooled *one = take();
    fake.refuses = true;
    for (int i = 0; i < 3; i++) assert_true(fails());
    assert_true(pool_state(pool).down);
    pthread_create(&thread, NULL, give_later, one);
    assert_ptr_equal(take(), one);
    pthread_join(thread, NULL);
    pool_give(pool, one);
    stop();
}

/* ---- what is tried again ---- */

static bool write_twice(struct write *w, void *arg, struct err *e)
{
    int *runs = arg;
    ++*runs;
    TRY(write_change(w, CALL(CLIENT_DELETE, ARG(STR("x"))), NULL, e));
    return write_change(w, CALL(CLIENT_DELETE, ARG(STR("y"))), NULL, e);
}

static const char *write_now(int *runs)
{
    static _Thread_local char kind[32];
    ARENA_AUTO a = arena_new();
    struct op op = { .arena = a, .may_wait = true };
    struct err e = ERR_INIT(a);
    *runs = 0;
    if (store_write(&store, &op, write_twice, runs, &e)) return "fine";
    snprintf(kind, sizeof(kind), "%s", e.kind->id);
    return kind;
}

static const char *read_now(void)
{
    static _Thread_local char kind[32];
    ARENA_AUTO a = arena_new();
    struct op op = { .arena = a, .may_wait = true };
    struct err e = ERR_INIT(a);
    int64_t n;
    if (store_read_int(&store, &op, CALL(CLIENT_COUNT), &n, &e)) return "fine";
    snprintf(kind, sizeof(kind), "%s", e.kind->id);
    return kind;
}

static void dead_connection_is_tried_once_more(void **state)
{
    (void)state;
    int runs;
    start(&(struct pool_options) { .max = 4, .idle = 4 });
    fake.breaking = 1;
    assert_string_equal(read_now(), "fine");
    fake.breaking = 1;
    assert_string_equal(write_now(&runs), "fine");
    assert_int_equal(runs, 2);
    assert_int_equal(fake.commits, 1);
    fake.breaking = 2;
    assert_string_equal(read_now(), "STORAGE");
    fake.breaking = 2;
    assert_string_equal(write_now(&runs), "STORAGE");
    assert_int_equal(runs, 2);
    assert_int_equal(fake.commits, 1);
    stop();
}

static void conflict_runs_again_from_the_beginning(void **state)
{
    (void)state;
    int runs;
    start(&(struct pool_options) { .max = 4, .idle = 4 });
    fake.conflicting = 3;
    assert_string_equal(write_now(&runs), "fine");
    assert_int_equal(runs, 4);
    assert_int_equal(fake.commits, 1);
    assert_int_equal(fake.connects, 1);
    fake.conflicting = 1000;
    assert_string_equal(write_now(&runs), "STORAGE");
    assert_in_range(runs, 5, 20);
    stop();
}

static void unknown_outcome_is_not_tried_again(void **state)
{
    (void)state;
    int runs;
    start(&(struct pool_options) { .max = 4, .idle = 4 });
    fake.uncertain = 1;
    assert_string_equal(write_now(&runs), "UNCERTAIN");
    assert_int_equal(runs, 1);
    assert_string_equal(write_now(&runs), "fine");
    stop();
}

/* ---- many threads ---- */

static void *hammer(void *arg)
{
    (void)arg;
    for (int i = 0; i < 300; i++) {
        int runs;
        const char *kind = i % 2 == 0 ? read_now() : write_now(&runs);
        (void)kind;
    }
    return NULL;
}

static void many_threads_share_few(void **state)
{
    (void)state;
    pthread_t threads[32];
    start(&(struct pool_options) { .max = 4, .idle = 2, .lifetime = 5 * USEC_PER_MS });
    fake.breaking = 20;
    fake.conflicting = 50;
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) assert_int_equal(pthread_create(&threads[i], NULL, hammer, NULL), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) pthread_join(threads[i], NULL);
    assert_in_range(pool_state(pool).open, 0, 4);
    assert_true(fake.commits > 4000);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_more_than_the_maximum),
        cmocka_unit_test(waiting_has_an_end),
        cmocka_unit_test(idle_ones_beyond_the_limit_are_closed),
        cmocka_unit_test(old_ones_are_replaced),
        cmocka_unit_test(idle_time_ends_those_that_nobody_uses),
        cmocka_unit_test(keeper_replaces_the_last_one),
        cmocka_unit_test(dead_ones_are_not_handed_out),
        cmocka_unit_test(a_broken_one_takes_the_others_with_it),
        cmocka_unit_test(outage_fails_at_once_and_ends_by_itself),
        cmocka_unit_test(pauses_grow),
        cmocka_unit_test(one_failed_attempt_is_waited_out),
        cmocka_unit_test(full_server_is_no_outage),
        cmocka_unit_test(dead_connection_is_tried_once_more),
        cmocka_unit_test(conflict_runs_again_from_the_beginning),
        cmocka_unit_test(unknown_outcome_is_not_tried_again),
        cmocka_unit_test(many_threads_share_few),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
