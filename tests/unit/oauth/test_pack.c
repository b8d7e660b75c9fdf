/* The compact form: round trips, and what is malformed. */
#include "../base/unit.h"

#include "oauth/pack.h"

static void test_numbers(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    static const uint64_t numbers[] = { 0, 1, 127, 128, 300, 16383, 16384, UINT32_MAX, INT64_MAX, UINT64_MAX };
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        struct buf b = BUF(a);
        pack_int(&b, numbers[i]);
        struct unpack u = UNPACK(buf_str(&b));
        assert_true(unpack_int(&u) == numbers[i]);
        assert_true(unpack_done(&u));
    }
}

static void test_texts(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct buf b = BUF(a);
    pack_str(&b, STR("hello"));
    pack_str(&b, STR(""));
    pack_strs(&b, strs_words(a, STR("a bb ccc")));
    pack_strs(&b, (struct strs) { 0 });
    struct unpack u = UNPACK(buf_str(&b));
    assert_str(unpack_str(&u), "hello");
    assert_str(unpack_str(&u), "");
    const struct strs list = unpack_strs(&u, a);
    assert_int_equal(list.n, 3);
    assert_str(list.v[2], "ccc");
    assert_int_equal(unpack_strs(&u, a).n, 0);
    assert_true(unpack_done(&u));
}

static void test_malformed(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    static const struct str bad[] = {
        { "", 0 },
        { "\x80", 1 },                                      /* a number that does not end */
        { "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02", 10 }, /* more than 64 bits */
        { "\x05"
          "abcd",
          5 }, /* a text longer than what is there */
        { "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"
          "a",
          11 }, /* of nearly 2^64 bytes */
        { "\x01"
          "ab",
          3 }, /* something is left */
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct unpack u = UNPACK(bad[i]);
        unpack_str(&u);
        if (unpack_done(&u)) fail_msg("row %zu", i);
        u = UNPACK(bad[i]);
        unpack_strs(&u, a);
        if (unpack_done(&u)) fail_msg("row %zu as a list", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_malformed),
    };
    return RUN(tests);
}
