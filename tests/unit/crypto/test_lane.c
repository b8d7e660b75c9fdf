/* The bound on slow hashes: how many run, how many wait, and who is sent away. */
#include "../vectors.h"

#include <pthread.h>
#include <unistd.h>

#include "crypto/lane.h"
#include "crypto/secret.h"

static int running, most, done, busy;
static pthread_barrier_t start;

static void *one(void *unused)
{
    (void)unused;
    struct err e = ERR_INIT(NULL);
    pthread_barrier_wait(&start);
    if (!lane_enter(&e)) {
        assert_ptr_equal(e.kind, &err_BUSY);
        __atomic_add_fetch(&busy, 1, __ATOMIC_SEQ_CST);
        return NULL;
    }
    int now = __atomic_add_fetch(&running, 1, __ATOMIC_SEQ_CST);
    int seen = __atomic_load_n(&most, __ATOMIC_SEQ_CST);
    while (now > seen && !__atomic_compare_exchange_n(&most, &seen, now, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {}
    usleep(20000);
    __atomic_sub_fetch(&running, 1, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&done, 1, __ATOMIC_SEQ_CST);
    lane_leave();
    return NULL;
}

static pthread_t threads[32];

static void begin(unsigned n)
{
    running = most = done = busy = 0;
    pthread_barrier_init(&start, NULL, n);
    for (unsigned i = 0; i < n; i++) assert_int_equal(pthread_create(&threads[i], NULL, one, NULL), 0);
}

static void end(unsigned n)
{
    for (unsigned i = 0; i < n; i++) pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&start);
}

static void test_bounds(void **state)
{
    (void)state;
    static const struct {
        unsigned threads, lanes, queue;
        int most;
    } rows[] = {
        { 12, 2, 64, 2 },
        { 12, 1, 64, 1 },
        { 12, 3, 9, 3 }, /* just enough places */
        { 8, 0, 64, 1 }, /* no lanes at all would mean waiting for ever */
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        secret_lanes(rows[i].lanes, rows[i].queue);
        begin(rows[i].threads);
        end(rows[i].threads);
        assert_int_equal(most, rows[i].most);
        assert_int_equal(done, rows[i].threads);
        assert_int_equal(busy, 0);
    }
}

static void await_busy(int n)
{
    while (__atomic_load_n(&busy, __ATOMIC_SEQ_CST) < n) usleep(1000);
    usleep(20000);
    assert_int_equal(__atomic_load_n(&busy, __ATOMIC_SEQ_CST), n);
}

static void test_full_queue(void **state)
{
    (void)state;
    struct err e = ERR_INIT(NULL);
    secret_lanes(2, 3);
    assert_true(lane_enter(&e) && lane_enter(&e));
    begin(16);
    await_busy(13); /* all but the three that may wait */
    lane_leave();
    lane_leave();
    end(16);
    assert_int_equal(done, 3);

    secret_lanes(1, 0);
    assert_true(lane_enter(&e));
    begin(4);
    await_busy(4);
    lane_leave();
    end(4);
    begin(1); /* a lane that is free needs no place in the queue */
    end(1);
    assert_int_equal(done, 1);
}

static void test_hashes_use_lanes(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct op op = { .arena = a, .may_wait = true };
    struct err e = ERR_INIT(a);
    const struct secret_cost cost = { SECRET_PBKDF2, .pbkdf2_iterations = 10 };
    struct str stored;
    enum secret_match match;
    secret_lanes(1, 0);
    assert_true(secret_hash(&op, &cost, STR("s"), &stored, &e));

    assert_true(lane_enter(&e)); /* the only one is taken */
    struct str another;
    assert_false(secret_hash(&op, &cost, STR("s"), &another, &e));
    assert_ptr_equal(e.kind, &err_BUSY);
    assert_false(secret_verify(&op, &cost, stored, STR("s"), &match, &e));
    assert_ptr_equal(e.kind, &err_BUSY);
    assert_false(secret_waste(&op, &cost, STR("s"), &e));
    assert_ptr_equal(e.kind, &err_BUSY);
    assert_true(secret_verify(&op, &cost, STR("no hash"), STR("s"), &match, &e)); /* nothing to derive */
    lane_leave();

    assert_true(secret_verify(&op, &cost, stored, STR("s"), &match, &e));
    assert_int_equal(match, SECRET_RIGHT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_full_queue),
        cmocka_unit_test(test_hashes_use_lanes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
