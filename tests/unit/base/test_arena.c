#include "unit.h"

#include "base/arena.h"

static void aligns_and_clears(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    for (size_t size = 0; size < 300; size++) {
        arena_dup(a, STR("x")); /* leaves an odd address */
        char *p = arena_zalloc(a, size);
        assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++) assert_int_equal(p[i], 0);
        memset(p, 0xEE, size);
    }
    uint64_t *numbers = ARENA_ARRAY(a, uint64_t, 100);
    for (size_t i = 0; i < 100; i++) assert_int_equal(numbers[i], 0);
}

static void keeps_allocations_apart(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    enum { COUNT = 2000 };
    static char *p[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        size_t size = i % 97 == 0 ? 20000 + i : 1 + i % 200;
        p[i] = arena_alloc(a, size);
        p[i][0] = (char)i;
        p[i][size - 1] = (char)i;
    }
    for (size_t i = 0; i < COUNT; i++) {
        size_t size = i % 97 == 0 ? 20000 + i : 1 + i % 200;
        assert_int_equal(p[i][0], (char)i);
        assert_int_equal(p[i][size - 1], (char)i);
    }
}

static void grows_by_need(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    size_t first = arena_size(a);
    assert_true(first <= 8192);
    arena_alloc(a, 1000);
    assert_int_equal(arena_size(a), first);
    arena_alloc(a, 1 << 20);
    assert_in_range(arena_size(a), first + (1 << 20), first + (1 << 20) + 64);
    /* The big block did not displace the current one. */
    size_t held = arena_size(a);
    arena_alloc(a, 1000);
    assert_int_equal(arena_size(a), held);

    arena_reset(a);
    assert_int_equal(arena_size(a), first);
    for (int round = 0; round < 100; round++) {
        arena_alloc(a, 4000);
        arena_reset(a);
    }
    assert_int_equal(arena_size(a), first);
}

static void copies_texts(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct str copy = arena_dup(a, STR("a\0b"));
    assert_strn(copy, STR("a\0b"));
    assert_int_equal(copy.p[3], '\0');
    struct str empty = arena_dup(a, STR_NONE);
    assert_non_null(empty.p);
    assert_int_equal(empty.n, 0);
    assert_string_equal(arena_dupz(a, STR("xyz")), "xyz");
    assert_str(ARENA_CAT(a, STR("a"), STR_NONE, STR(""), STR("bc")), "abc");
    assert_int_equal(ARENA_CAT(a, STR_NONE).n, 0);
}

static void formats(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    assert_str(arena_printf(a, "%d-%s", 7, "x"), "7-x");
    assert_int_equal(arena_printf(a, "%s", "").n, 0);
    for (int width = 250; width < 260; width++) {
        struct str text = arena_printf(a, "%*d|", width, 5);
        assert_int_equal(text.n, width + 1);
        assert_int_equal(text.p[width], '|');
        assert_int_equal(text.p[text.n], '\0');
    }
}

static char trail[8], letters[] = "abcdz";
static void leave(void *letter) { strncat(trail, letter, 1); }

static struct arena *again;
static void defer_more(void *letter)
{
    leave(letter);
    arena_defer(again, leave, &letters[4]);
}

static void runs_deferred_newest_first(void **state)
{
    (void)state;
    trail[0] = '\0';
    struct arena *a = arena_new();
    arena_defer(a, leave, &letters[0]);
    arena_defer(a, leave, &letters[1]);
    arena_reset(a);
    assert_string_equal(trail, "ba");

    again = a;
    arena_defer(a, leave, &letters[2]);
    arena_defer(a, defer_more, &letters[3]);
    arena_free(a);
    assert_string_equal(trail, "badzc");
    arena_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aligns_and_clears), cmocka_unit_test(keeps_allocations_apart),
        cmocka_unit_test(grows_by_need),     cmocka_unit_test(copies_texts),
        cmocka_unit_test(formats),           cmocka_unit_test(runs_deferred_newest_first),
    };
    return RUN(tests);
}
