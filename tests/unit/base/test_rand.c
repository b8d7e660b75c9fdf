#include "unit.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/rand.h"

static void differs(void **state)
{
    (void)state;
    static const size_t sizes[] = { 16, 63, 64, 65, 1000, 3 << 20 };
    ARENA_AUTO a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        char *one = arena_zalloc(a, sizes[i]), *two = arena_zalloc(a, sizes[i]), *zero = arena_zalloc(a, sizes[i]);
        rand_bytes(one, sizes[i]);
        rand_bytes(two, sizes[i]);
        assert_memory_not_equal(one, two, sizes[i]);
        assert_memory_not_equal(one, zero, sizes[i]);
        assert_memory_not_equal(one + sizes[i] - 8, zero, 8);
    }
    rand_bytes(NULL, 0);
}

/* No 8 bytes ever come twice, across refills of the stock. */
static void never_repeats(void **state)
{
    (void)state;
    enum { COUNT = 3000 };
    static uint64_t seen[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        rand_bytes(&seen[i], sizeof(seen[i]));
        for (size_t j = 0; j < i; j++) assert_true(seen[i] != seen[j]);
    }
}

static void forks_apart(void **state)
{
    (void)state;
    uint64_t mine, theirs = 0;
    rand_bytes(&mine, sizeof(mine)); /* fills the stock */
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        uint64_t number;
        rand_bytes(&number, sizeof(number));
        _exit(write(ends[1], &number, sizeof(number)) == sizeof(number) ? 0 : 1);
    }
    rand_bytes(&mine, sizeof(mine));
    assert_int_equal(read(ends[0], &theirs, sizeof(theirs)), sizeof(theirs));
    waitpid(child, NULL, 0);
    close(ends[0]);
    close(ends[1]);
    assert_true(mine != theirs);
}

static void *draw(void *number)
{
    rand_bytes(number, 8);
    return NULL;
}

static void threads_apart(void **state)
{
    (void)state;
    uint64_t numbers[4] = { 0 };
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) pthread_create(&threads[i], NULL, draw, &numbers[i]);
    for (size_t i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    for (size_t i = 0; i < 4; i++)
        for (size_t j = 0; j < i; j++) assert_true(numbers[i] != numbers[j]);
}

static void stays_below(void **state)
{
    (void)state;
    assert_int_equal(rand_below(0), 0);
    assert_int_equal(rand_below(1), 0);
    size_t counts[6] = { 0 };
    for (int i = 0; i < 6000; i++) counts[rand_below(6)]++;
    for (size_t i = 0; i < 6; i++) assert_in_range(counts[i], 700, 1300);
    for (int i = 0; i < 100; i++) assert_true(rand_below((UINT64_C(1) << 63) + 1) <= UINT64_C(1) << 63);
}

static void makes_uuids(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    for (int i = 0; i < 100; i++) {
        struct str id = rand_uuid(a);
        assert_true(uuid_is(id));
        assert_int_equal(id.p[14], '4');
        assert_true(str_has(STR("89ab"), id.p[19]));
        assert_false(str_eq(id, rand_uuid(a)));
    }
}

static void knows_uuids(void **state)
{
    (void)state;
    assert_true(uuid_is(STR("00000000-0000-0000-0000-000000000000")));
    assert_true(uuid_is(STR("DEADBEEF-dead-beef-DEAD-beefdeadbeef")));
    static const char *const bad[] = { "",
                                       "00000000-0000-0000-0000-00000000000",
                                       "00000000-0000-0000-0000-0000000000000",
                                       "00000000000000000000000000000000",
                                       "0000000-00000-0000-0000-000000000000",
                                       "g0000000-0000-0000-0000-000000000000",
                                       "000000000000-0000-0000-0000000000000",
                                       "{0000000-0000-0000-0000-00000000000}" };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) assert_false(uuid_is(str_of(bad[i])));
    assert_false(uuid_is(STR_NONE));
}

static void makes_texts(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct str hex = rand_hex(a, 20);
    assert_int_equal(hex.n, 40);
    for (size_t i = 0; i < hex.n; i++) assert_true(str_has(STR("0123456789abcdef"), hex.p[i]));

    struct str alphabet = STR("ABC");
    struct str text = rand_text(a, 3000, alphabet);
    assert_int_equal(text.n, 3000);
    size_t counts[3] = { 0 };
    for (size_t i = 0; i < text.n; i++) {
        assert_true(str_has(alphabet, text.p[i]));
        counts[text.p[i] - 'A']++;
    }
    for (size_t i = 0; i < 3; i++) assert_in_range(counts[i], 800, 1200);
    assert_int_equal(rand_text(a, 0, alphabet).n, 0);
    assert_str(rand_text(a, 3, STR("x")), "xxx");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(differs),       cmocka_unit_test(never_repeats), cmocka_unit_test(forks_apart),
        cmocka_unit_test(threads_apart), cmocka_unit_test(stays_below),   cmocka_unit_test(makes_uuids),
        cmocka_unit_test(knows_uuids),   cmocka_unit_test(makes_texts),
    };
    return RUN(tests);
}
