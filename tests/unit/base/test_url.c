#include "unit.h"

#include "base/url.h"

#define SAME(member) assert_str(u.member, c->member != NULL ? c->member : "")

static void takes_apart(void **state)
{
    (void)state;
    static const struct {
        const char *text, *scheme, *opaque, *userinfo, *host, *port, *path, *query, *fragment;
    } cases[] = {
        { "https://app.example/cb", "https", NULL, NULL, "app.example", NULL, "/cb", NULL, NULL },
        { "HTTPS://App.Example:8443/a?b=c#d", "https", NULL, NULL, "App.Example", "8443", "/a", "b=c", "d" },
        { "http://u:p@h/", "http", NULL, "u:p", "h", NULL, "/", NULL, NULL },
        { "http://u@v@h", "http", NULL, "u@v", "h", NULL, NULL, NULL, NULL },
        { "http://[::1]:80/x", "http", NULL, NULL, "::1", "80", "/x", NULL, NULL },
        { "http://[fe80::1%25eth0]/", "http", NULL, NULL, "fe80::1%25eth0", NULL, "/", NULL, NULL },
        { "http://h?q", "http", NULL, NULL, "h", NULL, NULL, "q", NULL },
        { "http://h#f?g", "http", NULL, NULL, "h", NULL, NULL, NULL, "f?g" },
        { "http://h/a?b?c#d#e", "http", NULL, NULL, "h", NULL, "/a", "b?c", "d#e" },
        { "mailto:x", "mailto", "x", NULL, NULL, NULL, NULL, NULL, NULL },
        { "urn:ietf:wg:oauth:2.0:oob", "urn", "ietf:wg:oauth:2.0:oob", NULL, NULL, NULL, NULL, NULL, NULL },
        { "javascript:alert(1)", "javascript", "alert(1)", NULL, NULL, NULL, NULL, NULL, NULL },
        { "com.example.app:/cb", "com.example.app", NULL, NULL, NULL, NULL, "/cb", NULL, NULL },
        { "com.example.app://cb", "com.example.app", NULL, NULL, "cb", NULL, NULL, NULL, NULL },
        { "file:///etc", "file", NULL, NULL, NULL, NULL, "/etc", NULL, NULL },
        { "/x", NULL, NULL, NULL, NULL, NULL, "/x", NULL, NULL },
        { "//h/p", NULL, NULL, NULL, "h", NULL, "/p", NULL, NULL },
        { "///p", NULL, NULL, NULL, NULL, NULL, "///p", NULL, NULL },
        { "foo", NULL, NULL, NULL, NULL, NULL, "foo", NULL, NULL },
        { "a/b:c", NULL, NULL, NULL, NULL, NULL, "a/b:c", NULL, NULL },
        { "*", NULL, NULL, NULL, NULL, NULL, "*", NULL, NULL },
        { "?q", NULL, NULL, NULL, NULL, NULL, NULL, "q", NULL },
        { "#f", NULL, NULL, NULL, NULL, NULL, NULL, NULL, "f" },
        { "https://*.example.com/cb", "https", NULL, NULL, "*.example.com", NULL, "/cb", NULL, NULL },
        { "http://h:99999/", "http", NULL, NULL, "h", "99999", "/", NULL, NULL },
        { "http://h:/", "http", NULL, NULL, "h", NULL, "/", NULL, NULL },
        { "http:///cb", "http", NULL, NULL, NULL, NULL, "/cb", NULL, NULL },
        { "http://h/a b/\xC3\xA4", "http", NULL, NULL, "h", NULL, "/a b/\xC3\xA4", NULL, NULL },
        { "http://b\xC3\xBC.example/", "http", NULL, NULL, "b\xC3\xBC.example", NULL, "/", NULL, NULL },
        { "http://b%C3%BC.example/", "http", NULL, NULL, "b%C3%BC.example", NULL, "/", NULL, NULL },
        { "http://h/%41?%zz", "http", NULL, NULL, "h", NULL, "/%41", "%zz", NULL },
    };
    ARENA_AUTO a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        __typeof__(&cases[0]) c = &cases[i];
        struct url u;
        if (!url_parse(a, str_of(c->text), &u)) fail_msg("refused: %s", c->text);
        SAME(scheme);
        SAME(opaque);
        SAME(userinfo);
        SAME(host);
        SAME(port);
        SAME(path);
        SAME(query);
        SAME(fragment);
        assert_int_equal(u.has_query, c->query != NULL);
        assert_int_equal(u.has_fragment, c->fragment != NULL);
        assert_int_equal(u.has_userinfo, c->userinfo != NULL);
    }
}

static void refuses(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        " http://h",
        "http://h h/",
        "http://h\\x/",
        "http://localhost:*/",
        "http://h:80a/",
        "http://h:-1/",
        "http://h:8:9/",
        "http://h/%",
        "http://h/%2",
        "http://h/%zz",
        "http://h#%zz",
        "http://[::1",
        "http://[::1/",
        "http://::1]/",
        "http://[::1]x/",
        "http://[::1]:x/",
        "http://[x]/",
        "http://[]/",
        "http://[::1%eth0]/",
        "http://[::1%25]/",
        "http://a[b]/",
        "1http://h/",
        ":x",
        "foo bar:x",
        "http://u ser@h/",
        "http://u%zz@h/",
        "http://<u>@h/",
        "http://h%41/",
        "http://h%zz/",
        "http://h|/",
        "http://h^/",
        "http://h`/",
        "http://h{}/",
        "a\nb",
        "http://h/\r\n",
        "http://h/\t",
        "http://h/\x7F",
        "-a:b",
    };
    ARENA_AUTO a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct url u = { .port = STR("old") };
        if (url_parse(a, str_of(cases[i]), &u)) fail_msg("accepted: %s", cases[i]);
        assert_str(u.port, "old");
    }
    struct url u;
    assert_false(url_parse(a, STR("http://h/\0"), &u));
    assert_false(url_parse(a, STR("http://h\0/"), &u));
    assert_false(url_parse(a, STR("http\0://h/"), &u));
    assert_false(url_parse(a, STR_NONE, &u));
}

static void puts_together(void **state)
{
    (void)state;
    static const char *const same[] = { "https://u:p@h:1/a%20b?c=d#e",
                                        "mailto:x",
                                        "/x?",
                                        "//h/p",
                                        "http://[::1]:80/",
                                        "http://h?#",
                                        "http://@h/",
                                        "urn:a:b?c#d",
                                        "foo/bar",
                                        "file:///x" };
    ARENA_AUTO a = arena_new();
    struct url u;
    for (size_t i = 0; i < ARRAY_LEN(same); i++) {
        assert_true(url_parse(a, str_of(same[i]), &u));
        assert_str(url_format(a, &u), same[i]);
    }
    assert_true(url_parse(a, STR("HTTP://H:/"), &u));
    assert_str(url_format(a, &u), "http://H:/");
    assert_true(url_parse(a, STR("http://u@[::1]:8/x"), &u));
    assert_str(url_hostport(a, &u), "[::1]:8");
    assert_true(url_is_http(&u));
    assert_true(url_parse(a, STR("ftp://h"), &u));
    assert_str(url_hostport(a, &u), "h");
    assert_false(url_is_http(&u));
}

static void knows_local_hosts(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        bool ip, local;
    } cases[] = {
        { "127.0.0.1", true, true },
        { "127.255.1.2", true, true },
        { "::1", true, true },
        { "0:0:0:0:0:0:0:1", true, true },
        { "localhost", false, true },
        { "LocalHost", false, true },
        { "app.localhost", false, true },
        { "A.LOCALHOST", false, true },
        { "", false, false },
        { ".localhost", false, false },
        { "xlocalhost", false, false },
        { "localhost.example", false, false },
        { "127.0.0.1.example", false, false },
        { "127.1", false, false },
        { "0x7f.0.0.1", false, false },
        { "2130706433", false, false },
        { "128.0.0.1", false, false },
        { "::2", false, false },
        { "[::1]", false, false },
        { "::ffff:127.0.0.1", false, false },
        { "0.0.0.0", false, false },
        { "127.0.0.1 ", false, false },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str host = str_of(cases[i].host);
        if (url_host_is_loopback_ip(host) != cases[i].ip || url_host_is_local(host) != cases[i].local)
            fail_msg("%s", cases[i].host);
    }
    assert_false(url_host_is_loopback_ip(STR("127.0.0.1\0")));
    assert_false(url_host_is_local(STR_NONE));
}

static void decodes(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct str text;
    assert_true(url_decode(a, STR("a%20b+c%C3%a4"), false, &text));
    assert_str(text, "a b+c\xC3\xA4");
    assert_true(url_decode(a, STR("a%20b+c"), true, &text));
    assert_str(text, "a b c");
    assert_true(url_decode(a, STR("%00"), true, &text));
    assert_strn(text, STR("\0"));
    assert_true(url_decode(a, STR_NONE, true, &text));
    assert_int_equal(text.n, 0);
    static const char *const bad[] = { "%", "a%2", "%zz", "%2g", "%%20", "%+1" };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) assert_false(url_decode(a, str_of(bad[i]), true, &text));
}

static void encodes(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct str all = STR(" !\"#$%&'()*+,-./09:;<=>?@AZ[\\]^_`az{|}~\x7F\xC3\xA4");
    struct buf form = BUF(a), path = BUF(a);
    url_encode_form(&form, all);
    assert_str(buf_str(&form),
               "+%21%22%23%24%25%26%27%28%29%2A%2B%2C-.%2F09%3A%3B%3C%3D%3E%3F%40AZ%5B%5C%5D%5E_%60az%7B%7C%7D~%7F%C3%A4");
    url_encode_path(&path, all);
    assert_str(buf_str(&path), "%20%21%22%23$%25&%27%28%29%2A+%2C-.%2F09:%3B%3C=%3E%3F@AZ%5B%5C%5D%5E_%60az%7B%7C%7D~%7F%C3%A4");

    struct str back;
    assert_true(url_decode(a, buf_str(&form), true, &back));
    assert_strn(back, all);
    assert_true(url_decode(a, buf_str(&path), false, &back));
    assert_strn(back, all);
}

static void reads_forms(void **state)
{
    (void)state;
    static const struct {
        const char *text, *encoded;
    } cases[] = {
        { "", "" },
        { "&&", "" },
        { "a=1&b=2&a=3", "a=1&b=2&a=3" },
        { "a", "a=" },
        { "=x", "=x" },
        { "=", "=" },
        { "a=b=c", "a=b%3Dc" },
        { "a+b=c%26", "a+b=c%26" },
        { "bad=%zz&ok=1", "ok=1" },
        { "%=1&ok=1", "ok=1" },
        { "a=1;b=2&ok=1", "ok=1" },
    };
    ARENA_AUTO a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct params p;
        assert_true(params_parse(a, str_of(cases[i].text), 10, &p));
        assert_str(params_encode(a, &p, false), cases[i].encoded);
    }
    struct params p;
    assert_true(params_parse(a, STR_NONE, 0, &p));
    assert_int_equal(p.n, 0);
}

static void limits_forms(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct params p = { 0 };
    assert_true(params_parse(a, STR("a&b&&c&"), 3, &p));
    assert_int_equal(p.n, 3);
    assert_false(params_parse(a, STR("a&b&c&d"), 3, &p));
    assert_int_equal(p.n, 3);
    /* Pairs that are skipped count: they cost time too. */
    assert_false(params_parse(a, STR("%&%&%&%"), 3, &p));
    assert_false(params_parse(a, STR("a"), 0, &p));
}

static void changes_params(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct params p = { 0 };
    assert_false(params_has(&p, STR("a")));
    assert_null(params_get(&p, STR("a")).p);
    for (int i = 0; i < 20; i++) params_add(a, &p, STR("a"), arena_printf(a, "%d", i));
    params_add(a, &p, STR("b"), STR(""));
    assert_int_equal(params_count(&p, STR("a")), 20);
    assert_str(params_get(&p, STR("a")), "0");
    assert_true(params_has(&p, STR("b")));
    assert_non_null(params_get(&p, STR("b")).p);
    params_set(a, &p, STR("a"), STR("x"));
    assert_str(params_encode(a, &p, false), "b=&a=x");
    assert_str(params_encode(a, &p, true), "a=x&b=");
    params_remove(&p, STR("b"));
    params_remove(&p, STR("none"));
    assert_str(params_encode(a, &p, true), "a=x");
}

static void sorts_stably(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct params p;
    assert_true(params_parse(a, STR("b=2&a=9&b=1&A=0&b=3&aa=1&a=8"), 10, &p));
    assert_str(params_encode(a, &p, true), "A=0&a=9&a=8&aa=1&b=2&b=1&b=3");
    assert_str(params_encode(a, &p, false), "b=2&a=9&b=1&A=0&b=3&aa=1&a=8");
}

static void puts_params_into_urls(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct params p = { 0 };
    assert_str(url_with_params(a, STR("https://h/cb"), &p), "https://h/cb");
    assert_str(url_with_params(a, STR("https://h/cb?"), &p), "https://h/cb");
    params_add(a, &p, STR("code"), STR("a b"));
    params_add(a, &p, STR("state"), STR("\"<>"));
    assert_str(url_with_params(a, STR("https://h/cb"), &p), "https://h/cb?code=a+b&state=%22%3C%3E");
    assert_str(url_with_params(a, STR("https://h/cb?z=1&code=old&a=%20&code=older#f"), &p),
               "https://h/cb?a=+&code=a+b&state=%22%3C%3E&z=1#f");
    assert_str(url_with_params(a, STR("app:cb"), &p), "app:cb?code=a+b&state=%22%3C%3E");
    params_add(a, &p, STR("code"), STR("2"));
    assert_str(url_with_params(a, STR("/?code=x"), &p), "/?code=a+b&code=2&state=%22%3C%3E");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_apart),
        cmocka_unit_test(refuses),
        cmocka_unit_test(puts_together),
        cmocka_unit_test(knows_local_hosts),
        cmocka_unit_test(decodes),
        cmocka_unit_test(encodes),
        cmocka_unit_test(reads_forms),
        cmocka_unit_test(limits_forms),
        cmocka_unit_test(changes_params),
        cmocka_unit_test(sorts_stably),
        cmocka_unit_test(puts_params_into_urls),
    };
    return RUN(tests);
}
