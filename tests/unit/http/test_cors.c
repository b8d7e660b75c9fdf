/* Which origins a listener's settings let in. Preflights over the wire: test_server.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/cors.h"

static bool allowed(const char *pattern, const char *origin, bool unbounded)
{
    struct str list[] = { str_of(pattern) };
    struct config_cors settings = { .enabled = true, .allowed_origins = { list, 1 } };
    struct cors c = { .settings = &settings, .unbounded = unbounded };
    return cors_origin_allowed(&c, str_of(origin));
}

static void patterns_match_their_origins(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *origin;
        bool allowed, when_unbounded;
    } cases[] = {
        { "https://app.example.com", "https://app.example.com", true, true },
        { "https://app.example.com", "https://APP.example.com", true, true },
        { "https://app.example.com", "http://app.example.com", false, false },
        { "https://app.example.com", "https://app.example.com.evil.org", false, false },
        { "https://app.example.com", "https://app.example.com:8443", false, false },
        { "https://app.example.com", "null", false, false },
        { "*", "https://any.example", true, true },
        { "*", "null", true, true },
        { "https://*", "https://any.example", true, true },
        { "https://*", "http://any.example", false, false },
        { "https://*.example.com", "https://a.example.com", true, true },
        { "https://*.example.com", "https://a.b.example.com", true, true },
        { "https://*.example.com", "https://example.com", false, false },
        { "https://*.example.com", "https://.example.com", false, false },
        { "https://*.example.com", "https://evilexample.com", false, false },
        { "https://*.example.com", "http://a.example.com", false, false },
        { "https://*.example.com:8443", "https://a.example.com:8443", true, true },
        { "https://*.example.co.uk", "https://a.example.co.uk", true, true },
        { "https://*.wild.example.test", "https://a.wild.example.test", true, true },
        { "https://*.com", "https://a.com", false, true },
        { "https://*.co.uk", "https://a.co.uk", false, true },
        { "https://*foo.com", "https://evilfoo.com", false, true },
        { "https://*.github.io", "https://a.github.io", false, true },
        { "https://app.*", "https://app.evil", false, true },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool normally = allowed(cases[i].pattern, cases[i].origin, false),
             freely = allowed(cases[i].pattern, cases[i].origin, true);
        if (normally != cases[i].allowed || freely != cases[i].when_unbounded)
            print_error("%s: %s\n", cases[i].pattern, cases[i].origin);
        assert_int_equal(normally, cases[i].allowed);
        assert_int_equal(freely, cases[i].when_unbounded);
    }
}

static void no_list_means_every_origin(void **state)
{
    (void)state;
    struct config_cors settings = { .enabled = true };
    struct cors c = { .settings = &settings };
    assert_true(cors_origin_allowed(&c, STR("https://any.example")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_match_their_origins),
        cmocka_unit_test(no_list_means_every_origin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
