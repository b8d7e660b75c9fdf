/* The parameter `claims`: what is understood, and what is refused. */
#include "../base/unit.h"

#include "oauth/claims_request.h"

static const struct row {
    const char *text;
    const char *subs, *acrs; /* subs NULL: refused */
    bool acr;
} rows[] = {
    { "", "", "", false },
    { "{}", "", "", false },
    { "{\"userinfo\":null,\"id_token\":{}}", "", "", false },
    { "{\"userinfo\":{\"email\":null,\"name\":{\"essential\":true,\"value\":{},\"more\":1}},\"other\":7}", "", "", false },
    { "{\"id_token\":{\"sub\":{\"value\":\"ada\"}},\"userinfo\":{\"sub\":{\"value\":\"bob\"}}}", "bob ada", "", false },
    { "{\"id_token\":{\"sub\":null}}", "", "", false },
    { "{\"id_token\":{\"acr\":null}}", "", "", true },
    { "{\"id_token\":{\"acr\":{\"values\":[\"a\",\"b\"]}}}", "", "", true },
    { "{\"id_token\":{\"acr\":{\"essential\":true}}}", "", "", true },
    { "{\"id_token\":{\"acr\":{\"essential\":true,\"value\":\"a\",\"values\":[\"b\",5]}}}", "", "a b", true },
    { "{\"userinfo\":{\"acr\":{\"essential\":true,\"value\":\"a\"}}}", "", "", false },
    { "{", NULL, NULL, false },
    { "[]", NULL, NULL, false },
    { "null", NULL, NULL, false },
    { "{} x", NULL, NULL, false },
    { "{\"x\":\"\xff\"}", NULL, NULL, false },
    { "{\"userinfo\":[]}", NULL, NULL, false },
    { "{\"id_token\":\"x\"}", NULL, NULL, false },
    { "{\"id_token\":{\"email\":true}}", NULL, NULL, false },
    { "{\"id_token\":{\"email\":{\"essential\":1}}}", NULL, NULL, false },
    { "{\"id_token\":{\"email\":{\"values\":\"x\"}}}", NULL, NULL, false },
    { "{\"id_token\":{\"sub\":{\"value\":1}}}", NULL, NULL, false },
    { "{\"id_token\":{\"sub\":{\"value\":\"\"}}}", NULL, NULL, false },
};

static void test_rows(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    struct op op = { .arena = a };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct claims_request got;
        struct err e = ERR_INIT(a);
        const bool read = claims_request_read(&op, str_of(rows[i].text), &got, &e);
        if (read != (rows[i].subs != NULL)) fail_msg("row %zu: %s", i, rows[i].text);
        if (!read) assert_ptr_equal(e.kind, &err_INVALID_REQUEST);
        if (!read) continue;
        assert_strn(strs_join(a, got.subs, " "), str_of(rows[i].subs));
        assert_strn(strs_join(a, got.acrs, " "), str_of(rows[i].acrs));
        assert_int_equal(got.acr, rows[i].acr);
    }
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows) };
    return RUN(tests);
}
