#include "unit.h"

#include "base/buf.h"

static void starts_empty(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct buf b = BUF(a);
    struct str text = buf_str(&b);
    assert_int_equal(text.n, 0);
    assert_string_equal(text.p, "");
}

static void gathers(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct buf b = BUF(a);
    buf_add(&b, STR("a"));
    buf_add(&b, STR_NONE);
    buf_addz(&b, NULL);
    buf_addc(&b, '\0');
    buf_addz(&b, "bc");
    buf_addf(&b, "-%d-", 5);
    buf_addi(&b, -6);
    assert_strn(buf_str(&b), STR("a\0bc-5--6"));
    assert_int_equal(buf_str(&b).p[b.n], '\0');
}

static void writes_integers(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    static const int64_t numbers[] = { 0, 1, -1, 9, 10, 99, 100, 1234567890, INT64_MAX, INT64_MIN };
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        struct buf b = BUF(a);
        buf_addi(&b, numbers[i]);
        assert_strn(buf_str(&b), arena_printf(a, "%lld", (long long)numbers[i]));
    }
}

static void grows(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct buf b = BUF(a);
    for (int i = 0; i < 20000; i++) buf_addc(&b, (char)('a' + i % 26));
    for (int i = 0; i < 20000; i++) assert_int_equal(b.p[i], 'a' + i % 26);
    assert_int_equal(b.n, 20000);

    /* A formatted text at every distance from the end of the room. */
    for (size_t n = 0; n < 300; n++) {
        struct buf c = BUF(a);
        for (size_t i = 0; i < n; i++) buf_addc(&c, '.');
        buf_addf(&c, "%s%0100d", "x", 7);
        assert_int_equal(buf_str(&c).n, n + 101);
        assert_int_equal(c.p[n], 'x');
        assert_int_equal(c.p[n + 100], '7');
    }
}

static void reserves(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct buf b = BUF(a);
    buf_reserve(&b, 5000);
    const char *before = b.p;
    for (int i = 0; i < 5000; i++) buf_addc(&b, 'x');
    assert_ptr_equal(b.p, before);
    assert_ptr_equal(buf_str(&b).p, before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_empty), cmocka_unit_test(gathers),  cmocka_unit_test(writes_integers),
        cmocka_unit_test(grows),        cmocka_unit_test(reserves),
    };
    return RUN(tests);
}
