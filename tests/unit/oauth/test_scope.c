/* RFC 6749 3.3; the wildcard rules are those that registered clients rely on. */
#include "world.h"

#include "oauth/scope.h"

struct row {
    const char *allowed, *scope;
    bool wildcard, exact;
};

static const struct row rows[] = {
    { "a b", "a", true, true },
    { "a b", "c", false, false },
    { "", "a", false, false },
    { "docs.*", "docs.read", true, false },
    { "docs.*", "docs.read.all", true, false },
    { "docs.*", "docs.*", true, true },
    { "docs.*", "docs", false, false },
    { "docs.*", "docs.", false, false },
    { "docs.*", "docs..a", false, false },
    { "docs.*", "docsx.read", false, false },
    { "docs.*.read", "docs.a.read", true, false },
    { "docs.*.read", "docs.a.write", false, false },
    { "docs.*.read", "docs.a.b.read", false, false },
    { "docs.*.read", "docs..read", false, false },
    { "*", "a", true, false },
    { "*", "a.b", true, false },
    { "docs.read", "docs.read.all", false, false },
    { "docs.read.all", "docs.read", false, false },
    { "x docs.*", "docs.read", true, false },
    { "Docs", "docs", false, false },
};

static void test_strategies(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, "");
    struct provider *exact = world_provider(&w, "strategies: { scope: exact }");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct strs allowed = strs_words(w.arena, str_of(rows[i].allowed));
        if (scope_covers(w.p, allowed, str_of(rows[i].scope)) != rows[i].wildcard) fail_msg("wildcard, row %zu", i);
        if (scope_covers(exact, allowed, str_of(rows[i].scope)) != rows[i].exact) fail_msg("exact, row %zu", i);
    }
    provider_unref(exact);
    world_close(&w);
}

static void test_check(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, "");
    const struct client *c = world_client(&w, "{\"client_id\":\"c\",\"scope\":\"docs.* x\"}");
    assert_true(scopes_check(w.p, c, strs_words(w.arena, STR("docs.read x")), &w.e));
    assert_true(scopes_check(w.p, c, (struct strs) { 0 }, &w.e));
    assert_false(scopes_check(w.p, c, strs_words(w.arena, STR("x docs y")), &w.e));
    assert_true(err_is(&w.e, &err_INVALID_SCOPE));
    assert_string_equal(w.e.hint, "The OAuth 2.0 Client is not allowed to request scope 'docs'.");
    world_close(&w);
}

static void test_limit(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct op op = { .arena = a };
    struct err e = ERR_INIT(a);
    struct strs words;
    char *text = arena_alloc(a, 16385);
    memset(text, 'a', 16385);
    assert_true(scope_read(&op, (struct str) { text, 16384 }, &words, &e));
    assert_int_equal(words.n, 1);
    assert_false(scope_read(&op, (struct str) { text, 16385 }, &words, &e));
    assert_true(err_is(&e, &err_INVALID_SCOPE));
    assert_true(scope_read(&op, STR("  b a  b "), &words, &e));
    assert_int_equal(words.n, 2);
    assert_str(words.v[0], "b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strategies),
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_limit),
    };
    return RUN(tests);
}
