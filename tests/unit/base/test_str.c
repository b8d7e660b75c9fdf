#include "unit.h"

#include "base/arena.h"

static void compares(void **state)
{
    (void)state;
    assert_true(str_eq(STR("abc"), STR("abc")));
    assert_true(str_eq(STR_NONE, STR("")));
    assert_false(str_eq(STR("abc"), STR("abC")));
    assert_false(str_eq(STR("abc"), STR("ab")));
    assert_true(str_eq(STR("a\0b"), STR("a\0b")));
    assert_false(str_eq(STR("a\0b"), STR("a\0c")));
    assert_true(str_eq_nocase(STR("BeArEr"), STR("bearer")));
    assert_false(str_eq_nocase(STR("bearer@"), STR("bearer`")));
    assert_true(str_eq_secret(STR("s3cret"), STR("s3cret")));
    assert_true(str_eq_secret(STR_NONE, STR_NONE));
    assert_false(str_eq_secret(STR("s3cret"), STR("s3creT")));
    assert_false(str_eq_secret(STR("s3cret"), STR("s3cre")));
}

static void orders(void **state)
{
    (void)state;
    static const char *const ascending[] = { "", "A", "AB", "B", "a", "\x80" };
    for (size_t i = 0; i < ARRAY_LEN(ascending); i++) {
        for (size_t j = 0; j < ARRAY_LEN(ascending); j++) {
            int order = str_cmp(str_of(ascending[i]), str_of(ascending[j]));
            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
        }
    }
    assert_int_equal(str_cmp(STR_NONE, STR("")), 0);
}

static void looks_at_the_ends(void **state)
{
    (void)state;
    assert_true(str_starts(STR("ory_at_x"), STR("ory_at_")));
    assert_true(str_starts(STR_NONE, STR_NONE));
    assert_false(str_starts(STR("ory"), STR("ory_at_")));
    assert_true(str_starts_nocase(STR("BEARER x"), STR("bearer ")));
    assert_false(str_starts_nocase(STR("basic"), STR("bearer")));
    assert_true(str_ends(STR("a.json"), STR(".json")));
    assert_true(str_ends(STR("a"), STR_NONE));
    assert_false(str_ends(STR("json"), STR(".json")));
    assert_true(str_has(STR("a:b"), ':'));
    assert_false(str_has(STR_NONE, ':'));
    assert_str(str_trim(STR(" \t\r\n a b \n")), "a b");
    assert_str(str_trim(STR("  ")), "");
    assert_str(str_from(STR("abc"), 1), "bc");
    assert_str(str_from(STR("abc"), 9), "");
    assert_null(str_from(STR_NONE, 2).p);
    assert_str(str_upto(STR("abc"), 2), "ab");
    assert_str(str_upto(STR("abc"), 9), "abc");
}

static void measures_distances(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        size_t distance;
    } cases[] = {
        { "", "", 0 },          { "abc", "abc", 0 },       { "", "abc", 3 },           { "abc", "", 3 },
        { "serv", "serve", 1 }, { "clinet", "client", 2 }, { "kitten", "sitting", 3 },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(str_distance(str_of(cases[i].a), str_of(cases[i].b)), cases[i].distance);
    char longest[82];
    memset(longest, 'x', sizeof(longest) - 1);
    longest[81] = '\0';
    assert_int_equal(str_distance(str_of(longest), STR("x")), 80);
}

static void cuts(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *parts[4];
    } cases[] = { { "", { "" } }, { "a", { "a" } }, { "a,b", { "a", "b" } }, { ",a,", { "", "a", "" } }, { ",", { "", "" } } };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str rest = str_of(cases[i].text);
        size_t n = 0;
        for (; rest.p != NULL; n++) assert_str(str_cut(&rest, ','), cases[i].parts[n]);
        assert_null(cases[i].parts[n]);
    }
    struct str none = STR_NONE;
    assert_null(str_cut(&none, ',').p);
}

static void splits_once(void **state)
{
    (void)state;
    struct str before = STR("old"), after = STR("old");
    assert_false(str_split_once(STR("abc"), ':', &before, &after));
    assert_str(before, "old");
    assert_str(after, "old");
    assert_true(str_split_once(STR("a:b:c"), ':', &before, &after));
    assert_str(before, "a");
    assert_str(after, "b:c");
    assert_true(str_split_once(STR(":"), ':', &before, &after));
    assert_int_equal(before.n + after.n, 0);
    assert_non_null(after.p);
}

static void reads_integers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t value;
    } good[] = { { "0", 0 },
                 { "-0", 0 },
                 { "007", 7 },
                 { "-12", -12 },
                 { "9223372036854775807", INT64_MAX },
                 { "-9223372036854775808", INT64_MIN } };
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        int64_t value = 99;
        assert_true(str_to_int(str_of(good[i].text), &value));
        assert_true(value == good[i].value);
    }
    static const char *const bad[] = { "",
                                       "-",
                                       "+1",
                                       " 1",
                                       "1 ",
                                       "1.0",
                                       "0x1",
                                       "--1",
                                       "1-",
                                       "9223372036854775808",
                                       "-9223372036854775809",
                                       "99999999999999999999999" };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        int64_t value = 99;
        assert_false(str_to_int(str_of(bad[i]), &value));
        assert_int_equal(value, 99);
    }
    int64_t value;
    assert_false(str_to_int(STR("1\0"), &value));
    assert_false(str_to_int(STR_NONE, &value));
}

static void knows_utf8(void **state)
{
    (void)state;
    static const char *const good[] = { "",
                                        "plain",
                                        "\xC3\xA4",
                                        "\xE2\x82\xAC",
                                        "\xF0\x9F\x98\x80",
                                        "\xEF\xBF\xBF",
                                        "\xF4\x8F\xBF\xBF",
                                        "\xED\x9F\xBF",
                                        "\xEE\x80\x80" };
    for (size_t i = 0; i < ARRAY_LEN(good); i++) assert_true(str_is_utf8(str_of(good[i])));

    static const char *const bad[] = {
        "\x80",         "\xC3",         "\xC0\x80",         "\xC1\xBF",         "\xE0\x9F\xBF",     "\xE2\x82",
        "\xED\xA0\x80", "\xED\xBF\xBF", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF",
        "\xC3(",        "a\xE2\x28\xA1"
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) assert_false(str_is_utf8(str_of(bad[i])));
    assert_true(str_is_utf8(STR("a\0b")));
    assert_int_equal(str_utf8_length(STR("\xE2\x82\xAC"), 0), 3);
    assert_int_equal(str_utf8_length(STR("\xE2\x82\xAC"), 1), 0);
}

static void splits_words(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct strs words = strs_words(a, STR("  openid offline  openid\tx OPENID "));
    assert_int_equal(words.n, 4);
    assert_str(strs_join(a, words, "|"), "openid|offline|openid\tx|OPENID");
    assert_int_equal(strs_words(a, STR_NONE).n, 0);
    assert_int_equal(strs_words(a, STR("   ")).n, 0);

    struct strs parts = strs_split(a, STR("a,,b,"), ',');
    assert_int_equal(parts.n, 4);
    assert_str(strs_join(a, parts, ", "), "a, , b, ");
    assert_int_equal(strs_split(a, STR(""), ',').n, 1);
    assert_int_equal(strs_split(a, STR_NONE, ',').n, 0);
    assert_str(strs_join(a, (struct strs) { 0 }, ","), "");
}

static void searches_lists(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct strs list = strs_split(a, STR("code,id_token"), ',');
    assert_true(strs_has(list, STR("id_token")));
    assert_false(strs_has(list, STR("ID_TOKEN")));
    assert_true(strs_has_nocase(list, STR("ID_TOKEN")));
    assert_false(strs_has_nocase(list, STR("token")));
    assert_false(strs_has((struct strs) { 0 }, STR("")));
}

/* Whatever made the list, appending must never write past its room. */
static void appends_to_every_list(void **state)
{
    (void)state;
    for (size_t n = 0; n < 70; n++) {
        ARENA_AUTO a = arena_new();
        struct strs list = { 0 };
        for (size_t i = 0; i < n; i++) strs_add(a, &list, arena_printf(a, "%zu", i));
        struct strs copy = strs_dup(a, list);
        char *guard = arena_zalloc(a, 64);
        for (size_t i = n; i < n + 5; i++) strs_add(a, &copy, arena_printf(a, "%zu", i));
        assert_int_equal(list.n, n);
        assert_int_equal(copy.n, n + 5);
        for (size_t i = 0; i < copy.n; i++) assert_strn(copy.v[i], arena_printf(a, "%zu", i));
        for (size_t i = 0; i < 64; i++) assert_int_equal(guard[i], 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares),
        cmocka_unit_test(orders),
        cmocka_unit_test(looks_at_the_ends),
        cmocka_unit_test(measures_distances),
        cmocka_unit_test(cuts),
        cmocka_unit_test(splits_once),
        cmocka_unit_test(reads_integers),
        cmocka_unit_test(knows_utf8),
        cmocka_unit_test(splits_words),
        cmocka_unit_test(searches_lists),
        cmocka_unit_test(appends_to_every_list),
    };
    return RUN(tests);
}
