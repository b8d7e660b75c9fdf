/* Addresses that outgoing requests may and may not reach, and the globs of their exceptions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#include "http/guard.h"

static bool is_public(const char *text)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) return guard_address_is_public((const struct sockaddr *)&v4);
    assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
    return guard_address_is_public((const struct sockaddr *)&v6);
}

static void public_addresses_pass(void **state)
{
    (void)state;
    static const char *const list[] = { "1.1.1.1",         "9.255.255.255",   "11.0.0.0",    "100.63.255.255", "100.128.0.0",
                                        "126.255.255.255", "128.0.0.1",       "169.253.0.1", "172.15.255.255", "172.32.0.0",
                                        "192.0.1.1",       "192.167.1.1",     "198.17.0.1",  "198.20.0.1",     "203.0.114.1",
                                        "223.255.255.255", "2606:4700::1111", "2a00::1",     "::ffff:1.1.1.1", "64:ff9b::1.1.1.1",
                                        "2001:200::1",     "3ffe::1" };
    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        if (!is_public(list[i])) print_error("%s\n", list[i]);
        assert_true(is_public(list[i]));
    }
}

static void special_addresses_are_refused(void **state)
{
    (void)state;
    static const char *const list[] = {
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "10.255.255.255",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.0.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b::127.0.0.1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:0:4136:e378::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
        "4000::1",
    };
    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        if (is_public(list[i])) print_error("%s\n", list[i]);
        assert_false(is_public(list[i]));
    }
    struct sockaddr_un local = { .sun_family = AF_UNIX };
    assert_false(guard_address_is_public((const struct sockaddr *)&local));
}

static void hosts_are_judged_without_a_look_up(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        bool is_public;
    } cases[] = {
        { "localhost", false },
        { "LocalHost.", false },
        { "a.localhost", false },
        { "127.0.0.1", false },
        { "127.0.0.1.", false },
        { "127.1", false },
        { "2130706433", false },
        { "0x7f000001", false },
        { "0177.0.0.1", false },
        { "0", false },
        { "10.0.0.1", false },
        { "169.254.169.254", false },
        { "::1", false },
        { "::ffff:127.0.0.1", false },
        { "fd00::1", false },
        { "1.1.1.1", true },
        { "2606:4700::1111", true },
        { "keys.example", true },
        { "localhost.example", true },
        { "10.0.0.1.example", true },
        { "", true },
        { ".", true },
        { "a-name-that-is-longer-than-the-text-of-any-address-can-be.example", true },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (guard_host_is_public(str_of(cases[i].host)) != cases[i].is_public) print_error("%s\n", cases[i].host);
        assert_int_equal(guard_host_is_public(str_of(cases[i].host)), cases[i].is_public);
    }
}

static void globs_keep_to_their_separators(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text;
        bool matches;
    } cases[] = {
        { "http://127.0.0.1:8080/jwks.json", "http://127.0.0.1:8080/jwks.json", true },
        { "http://127.0.0.1:8080/*", "http://127.0.0.1:8080/jwks", true },
        { "http://127.0.0.1:8080/*", "http://127.0.0.1:8080/jwks.json", false },
        { "http://127.0.0.1:8080/**", "http://127.0.0.1:8080/a/b.json", true },
        { "http://*.internal/**", "http://keys.internal/a", true },
        { "http://*.internal/**", "http://a.keys.internal/a", false },
        { "http://*.internal/**", "http://evil.example/.internal/a", false },
        { "**.internal/*", "https://a.b.internal/x", true },
        { "https://a?c/", "https://abc/", true },
        { "https://a?c/", "https://a.c/", false },
        { "**", "anything/at.all", true },
        { "*", "", true },
        { "", "", true },
        { "", "a", false },
        { "a*b*c", "aXbYbZc", true },
        { "a*b*c", "aXbYbZ", false },
        { "**/end", "a/b/end", true },
        { "**/*.json", "a/b/end.json", true },
        { "**/*.json", "a/b/end.xml", false },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool matches = guard_glob(str_of(cases[i].pattern), str_of(cases[i].text));
        if (matches != cases[i].matches) print_error("%s on %s\n", cases[i].pattern, cases[i].text);
        assert_int_equal(matches, cases[i].matches);
    }
}

static void any_of_the_globs_excepts(void **state)
{
    (void)state;
    struct str globs[] = { STR("http://10.0.0.1/*"), STR("http://10.0.0.2/*") };
    assert_true(guard_excepts((struct strs) { globs, 2 }, STR("http://10.0.0.2/keys")));
    assert_false(guard_excepts((struct strs) { globs, 1 }, STR("http://10.0.0.2/keys")));
    assert_false(guard_excepts((struct strs) { 0 }, STR("http://10.0.0.1/keys")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(public_addresses_pass),
        cmocka_unit_test(special_addresses_are_refused),
        cmocka_unit_test(hosts_are_judged_without_a_look_up),
        cmocka_unit_test(globs_keep_to_their_separators),
        cmocka_unit_test(any_of_the_globs_excepts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
