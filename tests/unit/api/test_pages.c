/* The built-in pages: tags and escaping, that every template and text fits, and what stands where nothing is configured. */
#include "../oauth/world.h"

#include "api/api.h"
#include "api/fallbacks.h"
#include "api/pages/error_page.h"
#include "flow/flow.h"

/* ---- templates ---- */

static struct str body_of(struct arena *a, const char *template, const struct params *vars)
{
    struct str page = page_render(a, template, vars);
    const char *from = strstr(page.p, "<body>\n"), *to = strstr(page.p, "<footer>");
    assert_true(from != NULL && to != NULL);
    return (struct str) { from + 7, (size_t)(to - from) - 7 };
}

static void test_tags(void **state)
{
    static const struct {
        const char *template, *vars, *expected;
    } cases[] = {
        { "plain", "", "plain" },
        { "a {{x}} b", "x=1", "a 1 b" },
        { "{{x}}{{x}}", "x=1&x=2", "11" },
        { "[{{missing}}]", "", "[]" },
        { "{{x}}", "x=%3Ca+b%3D%22c%22%3E%26%27", "&lt;a b=&quot;c&quot;&gt;&amp;&#39;" },
        { "{{x}}", "x=%7B%7B%40footer%7D%7D%7B%7By%7D%7D&y=no", "{{@footer}}{{y}}" }, /* a value is never a template */
        { "{{x}}", "x=a%00b",
          "a\xEF\xBF\xBD"
          "b" },
        { "{{#x}}({{x}}){{/x}}", "x=1&y=0&x=2", "(1)(2)" },
        { "{{#x}}({{x}}){{/x}}", "", "" },
        { "{{#x}}({{x}}){{/x}}", "x=&x=1", "(1)" },
        { "{{^x}}none{{/x}}", "", "none" },
        { "{{^x}}none{{/x}}", "x=", "none" },
        { "{{^x}}none{{/x}}", "x=1", "" },
        { "{{#x}}{{#y}}{{x}}{{y}} {{/y}}{{/x}}", "x=1&x=2&y=a&y=b", "1a 1b 2a 2b " },
        { "{{#x}}{{y}}{{/x}}", "x=1&y=out", "out" },
        { "{{#x}}{{x}}={{=x}} {{/x}}", "x=a&x=b&a=%3C&b=2", "a=&lt; b=2 " },
        { "{{=x}}", "x=none", "" },
        { "{{@footer}}", "", "grantd" },
        { "{{@which}}", "%40which=footer", "grantd" },
        { "{{#@which}}[{{@which}}]{{/@which}}", "%40which=footer", "[grantd]" },
        { "{{#@which}}[{{@which}}]{{/@which}}", "", "" },
        { "{{@scope_+x}}|", "x=openid", "Learn who you are|" },
        { "{{@scope_+x}}|", "x=of-no-text", "|" },
        { "{{@login_for}}", "client=%3Cb%3E", "to continue to <strong>&lt;b&gt;</strong>" },
        { "open {{ brace", "", "open {{ brace" },
    };
    (void)state;
    ARENA_AUTO a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct params vars = { 0 };
        params_add(a, &vars, STR("@title"), STR("login_title"));
        struct params given;
        assert_true(params_parse(a, str_of(cases[i].vars), 100, &given));
        for (size_t k = 0; k < given.n; k++) params_add(a, &vars, given.v[k].name, given.v[k].value);
        assert_str(body_of(a, cases[i].template, &vars), cases[i].expected);
    }
}

/* Whatever a template can show is shown: a missing text or an unclosed section would end the process. */
static void test_every_template(void **state)
{
    static const char *const pages[] = { page_login, page_consent, page_logout, page_notice,
                                         page_error, page_start,   page_tokens, page_device };
    static const char *const names[] = {
        "challenge_name", "challenge",         "client",        "subject",       "username", "longest",      "revoke",
        "scope",          "has_audience",      "audience",      "policy_uri",    "tos_uri",  "go",           "again",
        "error",          "error_description", "error_hint",    "error_debug",   "own_page", "server",       "redirect",
        "id_header",      "id_claims",         "access_header", "access_claims", "logout",   "access_token", "refresh_token",
        "answer",         "user_code"
    };
    (void)state;
    ARENA_AUTO a = arena_new();
    for (int with = 0; with < 2; with++) {
        struct params vars = { 0 };
        params_add(a, &vars, STR("@title"), STR("login_title"));
        params_add(a, &vars, STR("@note"), STR("login_dev"));
        if (with) params_add(a, &vars, STR("@problem"), STR("login_name_bad"));
        if (with) params_add(a, &vars, STR("@text"), STR("unset_text"));
        if (with) params_add(a, &vars, STR("@advice"), STR("unset_advice"));
        for (size_t i = 0; with && i < ARRAY_LEN(names); i++) params_add(a, &vars, str_of(names[i]), STR("<\"'&>"));
        for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
            struct str page = page_render(a, pages[i], &vars);
            assert_null(strstr(page.p, "{{"));
            assert_null(strstr(page.p, "<\"'&>"));
            assert_non_null(strstr(page.p, "<h1>Sign in</h1>"));
            assert_true(str_ends(page, STR("</html>\n")));
        }
    }
}

static void test_texts(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct params vars = { 0 };
    params_add(a, &vars, STR("@title"), STR("login_title"));
    for (size_t i = 0; i < page_texts_n; i++) {
        assert_true(page_texts[i].text[0] != '\0');
        for (size_t k = 0; k < i; k++) assert_string_not_equal(page_texts[i].name, page_texts[k].name);
        struct str tag = arena_printf(a, "{{@%s}}", page_texts[i].name);
        assert_null(strstr(page_render(a, tag.p, &vars).p, "{{"));
    }
}

/* ---- what stands at /oauth2/fallbacks/ ---- */

/* Development mode is no matter of files. */
static void open_world(struct world *w, enum config_flag dev, const char *more)
{
    const struct config_text texts[] = { { STR("base.yml"), str_of(world_base) }, { STR("more.yml"), str_of(more) } };
    const struct config_sources sources = { .texts = texts, .texts_n = *more != '\0' ? 2 : 1, .dev = dev };
    struct config_report report = { 0 };
    world_open(w, "");
    provider_unref(w->p);
    config_unref(w->config);
    assert_true(config_load(w->arena, &sources, &w->config, &report));
    w->p = provider_new(w->config, &w->parts);
}

static struct http_req request_of(struct world *w, enum http_method method, const char *parameters)
{
    struct http_req r = { .op = w->op, .provider = w->p, .method = method, .listener = LISTEN_PUBLIC };
    struct params *into = method == HTTP_POST ? &r.form : &r.query;
    assert_true(params_parse(w->arena, str_of(parameters), 100, into));
    return r;
}

static struct str header_of(const struct http_req *r, const char *name)
{
    for (size_t i = 0; i < r->headers_n; i++)
        if (str_eq_nocase(r->headers[i].name, str_of(name))) return r->headers[i].value;
    return STR_NONE;
}

static bool has(const struct http_req *r, const char *words)
{
    return memmem(r->content.p, r->content.n, words, strlen(words)) != NULL;
}

static const struct {
    http_handler handler;
    const char *key, *yaml; /* that gives it a value */
} pages[] = {
    { fallback_login, "urls.login", "urls: { login: 'https://apps.example.test/' }\n" },
    { fallback_consent, "urls.consent", "urls: { consent: 'https://apps.example.test/' }\n" },
    { fallback_logout, "urls.logout", "urls: { logout: 'https://apps.example.test/' }\n" },
    { fallback_device, "urls.device.verification", "urls: { device: { verification: 'https://apps.example.test/' } }\n" },
};

/* The page names its setting, has no form, and takes none. */
static void check_inactive(enum config_flag dev, const char *config, size_t i, const char *text)
{
    struct world w;
    open_world(&w, dev, config);
    struct http_req get = request_of(&w, HTTP_GET, "login_challenge=x&consent_challenge=x&logout_challenge=x");
    WORLD_TRY(&w, pages[i].handler(&get, &w.e));
    assert_int_equal(get.status, 200);
    assert_true(has(&get, text) && has(&get, pages[i].key) && !has(&get, "<form"));

    struct http_req post = request_of(&w, HTTP_POST, "login_challenge=x&username=alice&action=accept");
    assert_false(pages[i].handler(&post, &w.e));
    assert_ptr_equal(w.e.kind, &err_NO_ROUTE);
    world_close(&w);
}

static void test_production_lets_nobody_in(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        check_inactive(FLAG_OFF, "", i, "not set up completely");
        check_inactive(FLAG_OFF, "dev: true\n", i, "not set up completely");
        check_inactive(FLAG_OFF, pages[i].yaml, i, "not in use");
    }
}

static void test_development_only_without_own_page(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) check_inactive(FLAG_ON, pages[i].yaml, i, "not in use");
}

static struct str login_challenge(struct world *w)
{
    world_client(w, "{\"client_id\":\"web\",\"client_name\":\"<Web>\",\"redirect_uris\":[\"https://rp.example.test/cb\"]}");
    struct flow f = { .id = STR("00112233445566778899aabbccddeeff"),
                      .client_id = STR("web"),
                      .request = STR("client_id=web&scope=openid&login_hint=al%22ice"),
                      .requested_at = w->op.now,
                      .session_id = STR("9b4cf3e5-6c8c-4f7e-8f6c-bd0c5a3b5a01"),
                      .subject = STR(""),
                      .login_csrf = STR("0123456789abcdef0123456789abcdef") };
    return flow_login_challenge(w->p, w->arena, &f);
}

/* A browser without the flow's cookie gets no form, and its form is not taken. */
static void test_development_needs_the_cookie(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, FLAG_ON, "");
    struct str query = ARENA_CAT(w.arena, STR("action=accept&username=mallory&login_challenge="), login_challenge(&w));
    static const enum http_method methods[] = { HTTP_GET, HTTP_POST };
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        struct http_req r = request_of(&w, methods[i], query.p);
        WORLD_TRY(&w, fallback_login(&r, &w.e));
        assert_int_equal(r.status, 403);
        assert_true(has(&r, "Begun in another place") && !has(&r, "<form"));
    }
    struct grant *g;
    WORLD_TRY(&w, store_grant_get(w.p->store, &w.op, STR("00112233445566778899aabbccddeeff"), &g, &w.e));
    assert_null(g);
    world_close(&w);
}

static void test_development_dead_ends(void **state)
{
    static const struct {
        http_handler handler;
        const char *query;
        int status;
        const char *title;
    } cases[] = {
        { fallback_login, "", 200, "Nothing to decide here" },
        { fallback_login, "login_challenge=", 200, "Nothing to decide here" },
        { fallback_login, "login_challenge=nonsense", 404, "This link does not work" },
        { fallback_consent, "", 200, "Nothing to decide here" },
        { fallback_consent, "consent_challenge=nonsense", 404, "This link does not work" },
        { fallback_logout, "", 200, "Nothing to decide here" },
        { fallback_logout, "logout_challenge=nonsense", 404, "This link does not work" },
        { fallback_device, "", 200, "Nothing to decide here" },
        { fallback_device, "user_code=ABCD", 200, "Nothing to decide here" },
        { fallback_device, "device_challenge=nonsense&user_code=ABCD", 404, "This link does not work" },
    };
    struct world w;
    (void)state;
    open_world(&w, FLAG_ON, "");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (int post = 0; post < 2; post++) {
            struct http_req r = request_of(&w, post ? HTTP_POST : HTTP_GET, cases[i].query);
            WORLD_TRY(&w, cases[i].handler(&r, &w.e));
            assert_int_equal(r.status, cases[i].status);
            assert_true(has(&r, cases[i].title) && !has(&r, "<form"));
        }
    }
    struct str late = ARENA_CAT(w.arena, STR("login_challenge="), login_challenge(&w));
    world_later(&w, w.config->ttl_login_consent_request + USEC_PER_SEC);
    struct http_req r = request_of(&w, HTTP_GET, late.p);
    WORLD_TRY(&w, fallback_login(&r, &w.e));
    assert_int_equal(r.status, 410);
    assert_true(has(&r, "This took too long") && has(&r, "href=\"https://op.example.test/oauth2/auth?client_id=web"));
    world_close(&w);
}

static void test_headers(void **state)
{
    struct world w;
    (void)state;
    world_open(&w, "");
    struct http_req r = request_of(&w, HTTP_GET, "");
    WORLD_TRY(&w, fallback_login(&r, &w.e));
    struct str policy = header_of(&r, "content-security-policy");
    assert_str(policy, ARENA_CAT(w.arena, STR("default-src 'none'; style-src '"), str_of(page_style_digest),
                                 STR("'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"))
                           .p);
    assert_str(header_of(&r, "x-content-type-options"), "nosniff");
    assert_str(header_of(&r, "referrer-policy"), "no-referrer");
    assert_string_equal(r.content_type, "text/html; charset=utf-8");
    assert_false(has(&r, "<script"));
    world_close(&w);
}

/* ---- errors ---- */

static void test_error_advice(void **state)
{
    static const struct {
        const char *query, *words;
    } cases[] = {
        { "", "was opened without one" },
        { "error=made_up", "which rule was not met" },
        { "error=invalid_client&error_description=Who%3F", "must be that of a registered client" },
        { "error=invalid_request&error_description=The+redirect_uri+is+odd", "character by character" },
        { "error=invalid_request&error_description=post_logout_redirect_uri+is+not+x", "<code>post_logout_redirect_uris</code>" },
        { "error=invalid_request&error_description=something+else", "which rule was not met" },
        { "error=invalid_scope", "among the client" },
        { "error=request_forbidden", "did not bring the cookie" },
        { "error=server_error", "no fault of the application" },
    };
    struct world w;
    (void)state;
    world_open(&w, "");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct http_req r = request_of(&w, HTTP_GET, cases[i].query);
        WORLD_TRY(&w, fallback_error(&r, &w.e));
        assert_int_equal(r.status, 500);
        assert_true(has(&r, cases[i].words) && has(&r, "urls.error"));
    }
    world_close(&w);
}

static void test_error_shows_four_members(void **state)
{
    struct world w;
    (void)state;
    world_open(&w, "");
    struct http_req r =
        request_of(&w, HTTP_GET, "error=a%3C&error_description=b%3E&error_hint=c%22&error_debug=d%27&other=secret&go=x");
    WORLD_TRY(&w, fallback_error(&r, &w.e));
    assert_true(has(&r, "a&lt;") && has(&r, "b&gt;") && has(&r, "c&quot;") && has(&r, "d&#39;"));
    assert_false(has(&r, "secret") || has(&r, "http-equiv"));
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tags),
        cmocka_unit_test(test_every_template),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_production_lets_nobody_in),
        cmocka_unit_test(test_development_only_without_own_page),
        cmocka_unit_test(test_development_needs_the_cookie),
        cmocka_unit_test(test_development_dead_ends),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_error_advice),
        cmocka_unit_test(test_error_shows_four_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
