/* Which audiences a registration covers. */
#include "world.h"

#include "oauth/audience.h"

struct row {
    const char *registered, *requested;
    bool covered;
};

static const struct row rows[] = {
    { "https://api.example/v1", "https://api.example/v1", true },
    { "https://api.example/v1", "https://api.example/v1/", true },
    { "https://api.example/v1/", "https://api.example/v1", true },
    { "https://api.example/v1", "https://api.example/v1/x", true },
    { "https://api.example/v1", "https://api.example/v1?x=1", true },
    { "https://api.example/v1", "https://api.example/v12", false },
    { "https://api.example/v1", "https://api.example/v1/../v2", false }, /* RFC 3986 6.2.2: these are /v2 */
    { "https://api.example/v1", "https://api.example/v1/%2E%2e/v2", false },
    { "https://api.example/v1", "https://api.example/v1/x/..", false },
    { "https://api.example/v1", "https://api.example/v1/./x", false },
    { "https://api.example", "https://api.example/../x", false },
    { "https://api.example/v1", "https://api.example/v1/..x/x..y/.z", true },
    { "https://api.example/v1/../v2", "https://api.example/v1/../v2", true }, /* as registered */
    { "https://api.example/v1", "https://api.example", false },
    { "https://api.example/v1", "http://api.example/v1", false },
    { "https://api.example/v1", "https://api.example:444/v1", false },
    { "https://api.example", "https://api.example/anything", true },
    { "https://api.example", "https://api.example.evil/", false },
    { "https://api.example", "https://API.example/", true },
    { "urn:a", "urn:a", true },
    { "urn:a", "urn:b", false }, /* texts without a host have to be the same */
    { "urn:a", "urn:a/b", false },
    { "plain", "plain", true },
    { "plain", "plain/x", false },
    { "https://api.example", "https://[", false },
};

static void test_rows(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (audience_covers(a, str_of(rows[i].registered), str_of(rows[i].requested)) != rows[i].covered) fail_msg("row %zu", i);
    }
}

static struct strs read_form(struct arena *a, const char *form)
{
    struct op op = { .arena = a };
    struct err e = ERR_INIT(a);
    struct params params = { 0 };
    struct strs list;
    assert_true(params_parse(a, str_of(form), 1000, &params));
    assert_true(audience_read(&op, &params, &list, &e));
    return list;
}

static void test_parameter(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct strs list = read_form(a, "x=y&audience=one+two++one");
    assert_int_equal(list.n, 2);
    assert_str(list.v[1], "two");
    list = read_form(a, "audience=one+two&audience=three&audience=");
    assert_int_equal(list.n, 2);
    assert_str(list.v[0], "one two");
    assert_str(list.v[1], "three");
    assert_int_equal(read_form(a, "a=b").n, 0);
}

static void test_limits(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct op op = { .arena = a };
    struct err e = ERR_INIT(a);
    struct params params = { 0 };
    struct strs list;
    for (int i = 0; i < 101; i++) params_add(a, &params, STR("audience"), arena_printf(a, "a%d", i));
    assert_false(audience_read(&op, &params, &list, &e));
    assert_true(err_is(&e, &err_INVALID_REQUEST));
}

static void test_check(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, "");
    const struct client *c = world_client(&w, "{\"client_id\":\"c\",\"audience\":[\"urn:a\",\"https://api.example\"]}");
    assert_true(audience_check(&w.op, c, strs_words(w.arena, STR("urn:a https://api.example/x")), &w.e));
    assert_false(audience_check(&w.op, c, strs_words(w.arena, STR("urn:a urn:no")), &w.e));
    assert_true(err_is(&w.e, &err_INVALID_REQUEST));
    assert_string_equal(w.e.hint, "Requested audience 'urn:no' has not been whitelisted by the OAuth 2.0 Client.");
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_parameter),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_check),
    };
    return RUN(tests);
}
