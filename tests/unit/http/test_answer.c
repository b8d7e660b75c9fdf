/* What handlers write: headers, cookies, error bodies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/http.h"

static struct http_req request(struct arena *a)
{
    return (struct http_req) { .op = { .arena = a, .now = INT64_C(1700000000) * USEC_PER_SEC } };
}

static void cookies_are_spelled_as_browsers_expect(void **state)
{
    (void)state;
    const struct {
        struct cookie cookie;
        const char *expected;
    } cases[] = {
        { { .name = STR("a"), .value = STR("b") }, "a=b" },
        { { .name = STR("a"), .value = STR("b"), .path = STR("/"), .http_only = true, .secure = true, .same_site = "Lax" },
          "a=b; Path=/; HttpOnly; Secure; SameSite=Lax" },
        { { .name = STR("a"), .value = STR("b"), .path = STR("/x"), .domain = STR("example.com"), .max_age = 60 * USEC_PER_SEC },
          "a=b; Path=/x; Domain=example.com; Expires=Tue, 14 Nov 2023 22:14:20 GMT; Max-Age=60" },
        { { .name = STR("a"), .value = STR(""), .max_age = -1 }, "a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0" },
        { { .name = STR("a"), .value = STR("b"), .same_site = "None", .secure = true }, "a=b; Secure; SameSite=None" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ARENA_AUTO a = arena_new();
        struct http_req r = request(a);
        http_cookie_set(&r, &cases[i].cookie);
        assert_int_equal(r.headers_n, 1);
        assert_string_equal(r.headers[0].name.p, "Set-Cookie");
        assert_string_equal(r.headers[0].value.p, cases[i].expected);
    }
}

static void headers_add_and_replace(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct http_req r = request(a);
    for (int i = 0; i < 20; i++) http_header_add(&r, "Link", STR("x"));
    assert_int_equal(r.headers_n, 20);
    http_header_add(&r, "Other", STR("y"));
    http_header_set(&r, "link", STR("z"));
    assert_int_equal(r.headers_n, 2);
    assert_string_equal(r.headers[1].value.p, "z");
}

static void errors_become_two_members(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct err e = ERR_INIT(a);
    err_set(&e, &err_NO_ROW, "", __FILE__, __LINE__);
    assert_string_equal(http_error_json(a, &e, false).p,
                        "{\"error\":\"Unable to locate the resource\",\"error_description\":\"\"}");

    e = ERR_INIT(a);
    err_set(&e, &err_ACCESS_DENIED, "Try <later>.", __FILE__, __LINE__);
    e.description = "Said \"no\".";
    err_debugf(&e, "because");
    assert_string_equal(http_error_json(a, &e, false).p,
                        "{\"error\":\"access_denied\",\"error_description\":\"Said 'no'. Try \\u003clater\\u003e.\"}");
    assert_string_equal(http_error_description(a, &e, true).p, "Said 'no'. Try <later>. because");
    e.name = "login request denied";
    assert_string_equal(http_error_json(a, &e, false).p,
                        "{\"error\":\"login request denied\",\"error_description\":\"Said 'no'. Try \\u003clater\\u003e.\"}");
}

static void replies_have_their_content_types(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct http_req r = request(a);
    assert_true(http_reply_json(&r, 201, STR("{}")));
    assert_int_equal(r.status, 201);
    assert_string_equal(r.content_type, "application/json; charset=utf-8");
    assert_string_equal(r.content.p, "{}\n");
    assert_true(http_reply_oauth(&r, 200, STR("{}")));
    assert_string_equal(r.content_type, "application/json;charset=UTF-8");
    assert_int_equal(r.content.n, 2);
    assert_true(http_redirect(&r, 303, STR("https://a.example/?x=y")));
    assert_int_equal(r.status, 303);
    assert_string_equal(r.headers[0].name.p, "Location");
    assert_null(r.content_type);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cookies_are_spelled_as_browsers_expect),
        cmocka_unit_test(headers_add_and_replace),
        cmocka_unit_test(errors_become_two_members),
        cmocka_unit_test(replies_have_their_content_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
