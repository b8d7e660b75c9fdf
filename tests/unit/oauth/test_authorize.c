/* Authorization requests: which are accepted, which error the others get, and whether it may go to the client. */
#include "world.h"

#include "oauth/authorize.h"

#define CB        "https://rp.example.test/cb"
#define CB_Q      "redirect_uri=https%3A%2F%2Frp.example.test%2Fcb"
#define STATE     "state=abcdefgh"
#define CODE      "client_id=web&response_type=code&" CB_Q "&" STATE
#define CHALLENGE "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

static const char *const clients[] = {
    "{\"client_id\":\"web\",\"redirect_uris\":[\"" CB "\"],\"response_types\":[\"code\"],\"scope\":\"openid foo docs.*\","
    "\"grant_types\":[\"authorization_code\"],\"audience\":[\"https://api.example.test/v1\"]}",
    "{\"client_id\":\"front\",\"redirect_uris\":[\"" CB
    "\"],\"scope\":\"openid foo\",\"grant_types\":[\"implicit\",\"authorization_code\"],"
    "\"response_types\":[\"code\",\"token\",\"id_token\",\"id_token token\",\"code id_token\",\"code token\",\"code id_token "
    "token\"]}",
    "{\"client_id\":\"bare\",\"redirect_uris\":[\"" CB "\"],\"scope\":\"openid\",\"grant_types\":[\"refresh_token\"],"
    "\"response_types\":[\"code\",\"token\",\"id_token\",\"code id_token\"]}",
    "{\"client_id\":\"two\",\"redirect_uris\":[\"" CB "\",\"" CB "2\"],\"scope\":\"foo openid\"}",
    "{\"client_id\":\"public\",\"redirect_uris\":[\"" CB
    "\",\"http://rp.example.test/cb\",\"http://127.0.0.1/cb\",\"com.example.app:/done\"],"
    "\"scope\":\"openid\",\"token_endpoint_auth_method\":\"none\"}",
    "{\"client_id\":\"keyed\",\"redirect_uris\":[\"" CB "\"],\"scope\":\"openid\",\"jwks_uri\":\"https://rp.example.test/jwks\"}",
};

static void open_with_clients(struct world *w, const char *config)
{
    world_open(w, config);
    for (size_t i = 0; i < ARRAY_LEN(clients); i++) world_client(w, clients[i]);
}

static bool read_query(struct world *w, const char *query, struct authorize_request *q)
{
    struct params *sent = ARENA_NEW(w->arena, struct params);
    assert_true(params_parse(w->arena, str_of(query), 1000, sent));
    w->e = ERR_INIT(w->arena);
    return authorize_read(w->p, &w->op, sent, q, &w->e);
}

enum where { PAGE, CLIENT };
struct refusal {
    const char *query;
    const struct err_kind *kind;
    enum where where;
    enum response_mode mode;
    const char *hint; /* part of it; NULL: any */
};

static void check_refusals(struct world *w, const struct refusal *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct refusal *c = &cases[i];
        struct authorize_request q;
        if (read_query(w, c->query, &q)) fail_msg("accepted: %s", c->query);
        if (w->e.kind != c->kind) fail_msg("%s for %s", w->e.kind->id, c->query);
        if (q.redirectable != (c->where == CLIENT)) fail_msg("wrong destination: %s", c->query);
        if (q.redirectable && q.mode != c->mode) fail_msg("mode %d: %s", (int)q.mode, c->query);
        if (c->hint != NULL && (w->e.hint == NULL || strstr(w->e.hint, c->hint) == NULL))
            fail_msg("hint '%s': %s", w->e.hint == NULL ? "" : w->e.hint, c->query);
    }
}

static void test_refusals(void **state)
{
    (void)state;
    struct world w;
    open_with_clients(&w, "");
    static const struct refusal cases[] = {
        /* before client and redirect_uri hold: the error page */
        { "", &err_INVALID_CLIENT, PAGE, 0, "does not exist" },
        { "client_id=ghost&response_type=code&" CB_Q "&" STATE, &err_INVALID_CLIENT, PAGE, 0, NULL },
        { "client_id=w%00eb", &err_INVALID_CLIENT, PAGE, 0, NULL },
        { "client_id=web&scope=openid&response_type=code&" STATE, &err_INVALID_REQUEST, PAGE, 0,
          "is required when using OpenID" },
        { "client_id=two&scope=foo&response_type=code&" STATE, &err_INVALID_REQUEST, PAGE, 0, "does not match" },
        { CODE "&response_mode=carrier_pigeon", &err_UNSUPPORTED_RESPONSE_MODE, PAGE, 0, "'carrier_pigeon'" },
        { CODE "&response_mode=query.jwt", &err_UNSUPPORTED_RESPONSE_MODE, PAGE, 0, NULL },
        { CODE "&scope=openid&request=x&request_uri=y", &err_INVALID_REQUEST, PAGE, 0, "both given" },
        { CODE "&scope=openid&request=x", &err_INVALID_REQUEST, PAGE, 0, "does not have any JSON Web Keys" },
        { CODE "&scope=openid&request_uri=x", &err_INVALID_REQUEST, PAGE, 0, "does not have any JSON Web Keys" },
        { "client_id=keyed&scope=openid&request=x", &err_INVALID_REQUEST_OBJECT, PAGE, 0, NULL },
        { "client_id=keyed&scope=openid&request_uri=x", &err_INVALID_REQUEST_URI, PAGE, 0, NULL },
        /* after: the client, in the query unless it asked for another mode or the response type has another default */
        { CODE "&scope=openid+admin", &err_INVALID_SCOPE, CLIENT, MODE_QUERY, "'admin'" },
        { CODE "&scope=docs", &err_INVALID_SCOPE, CLIENT, MODE_QUERY, NULL },
        { CODE "&scope=admin&response_mode=form_post", &err_INVALID_SCOPE, CLIENT, MODE_FORM_POST, NULL },
        { CODE "&scope=admin&response_mode=fragment", &err_INVALID_SCOPE, CLIENT, MODE_FRAGMENT, NULL },
        { "client_id=front&response_type=token&scope=admin&" CB_Q "&" STATE, &err_INVALID_SCOPE, CLIENT, MODE_QUERY, NULL },
        { CODE "&audience=https%3A%2F%2Fother.example.test", &err_INVALID_REQUEST, CLIENT, MODE_QUERY, "Requested audience" },
        { CODE "&registration=%7B%7D", &err_REGISTRATION_NOT_SUPPORTED, CLIENT, MODE_QUERY, NULL },
        { "client_id=web&" CB_Q "&" STATE, &err_UNSUPPORTED_RESPONSE_TYPE, CLIENT, MODE_QUERY, "missing" },
        { "client_id=web&response_type=token&" CB_Q "&" STATE, &err_UNSUPPORTED_RESPONSE_TYPE, CLIENT, MODE_QUERY, "'token'" },
        { "client_id=web&response_type=code+none&" CB_Q "&" STATE, &err_UNSUPPORTED_RESPONSE_TYPE, CLIENT, MODE_QUERY, NULL },
        { "client_id=web&response_type=code&" CB_Q, &err_INVALID_STATE, CLIENT, MODE_QUERY, "at least be 8" },
        { "client_id=web&response_type=code&" CB_Q "&state=1234567", &err_INVALID_STATE, CLIENT, MODE_QUERY, NULL },
        { "client_id=front&response_type=token&" CB_Q "&state=short", &err_INVALID_STATE, CLIENT, MODE_FRAGMENT, NULL },
        { "client_id=public&response_type=code&redirect_uri=http%3A%2F%2Frp.example.test%2Fcb&" STATE, &err_INVALID_REQUEST,
          CLIENT, MODE_QUERY, "plain http" },
        /* grants, nonce, mode: early, as far as the response type goes through the browser */
        { "client_id=bare&response_type=token&" CB_Q "&" STATE, &err_INVALID_GRANT, CLIENT, MODE_FRAGMENT, "'implicit'" },
        { "client_id=bare&response_type=code+id_token&scope=openid&nonce=12345678&" CB_Q "&" STATE, &err_INVALID_GRANT, CLIENT,
          MODE_FRAGMENT, "'authorization_code'" },
        { "client_id=front&response_type=token&response_mode=query&" CB_Q "&" STATE, &err_UNSUPPORTED_RESPONSE_MODE, CLIENT,
          MODE_QUERY, NULL },
        { "client_id=front&response_type=code+token&response_mode=query&" CB_Q "&" STATE, &err_UNSUPPORTED_RESPONSE_MODE, CLIENT,
          MODE_QUERY, NULL },
        { "client_id=front&response_type=id_token&scope=foo&nonce=12345678&" CB_Q "&" STATE, &err_UNSUPPORTED_RESPONSE_TYPE,
          CLIENT, MODE_FRAGMENT, NULL },
        { "client_id=front&response_type=id_token&scope=openid&" CB_Q "&" STATE, &err_INVALID_REQUEST, CLIENT, MODE_FRAGMENT,
          "Implicit Flow" },
        { "client_id=front&response_type=code+id_token&scope=openid&" CB_Q "&" STATE, &err_INVALID_REQUEST, CLIENT, MODE_FRAGMENT,
          "Hybrid Flow" },
        { "client_id=front&response_type=id_token&scope=openid&nonce=1234567&" CB_Q "&" STATE, &err_INSUFFICIENT_ENTROPY, CLIENT,
          MODE_FRAGMENT, NULL },
        { "client_id=front&response_type=code+token&scope=foo&nonce=1234567&" CB_Q "&" STATE, &err_INSUFFICIENT_ENTROPY, CLIENT,
          MODE_FRAGMENT, NULL },
        { "client_id=front&response_type=code+token&scope=foo&" STATE, &err_INVALID_REQUEST, CLIENT, MODE_FRAGMENT,
          "'redirect_uri'" },
        { "client_id=front&response_type=code+id_token&scope=foo&nonce=12345678&" STATE, &err_INVALID_REQUEST, CLIENT,
          MODE_FRAGMENT, "'redirect_uri'" },
        /* what a request hears first that lacks several things */
        { "client_id=bare&response_type=code+id_token&scope=openid&" CB_Q "&" STATE, &err_INVALID_REQUEST, CLIENT, MODE_FRAGMENT,
          "Hybrid Flow" },
        { "client_id=bare&response_type=id_token&scope=openid&" CB_Q "&" STATE, &err_INVALID_GRANT, CLIENT, MODE_FRAGMENT, NULL },
        { "client_id=bare&response_type=id_token&" CB_Q "&" STATE, &err_UNSUPPORTED_RESPONSE_TYPE, CLIENT, MODE_FRAGMENT, NULL },
        { "client_id=front&response_type=id_token&scope=openid&response_mode=query&" CB_Q "&" STATE, &err_INVALID_REQUEST, CLIENT,
          MODE_QUERY, "Implicit Flow" },
        { "client_id=front&response_type=code+token&response_mode=query&code_challenge=x&" CB_Q "&" STATE, &err_INVALID_REQUEST,
          CLIENT, MODE_QUERY, "S256" },
        /* RFC 7636 4.4.1 */
        { CODE "&code_challenge=" CHALLENGE, &err_INVALID_REQUEST, CLIENT, MODE_QUERY, "plain is not allowed" },
        { CODE "&code_challenge=" CHALLENGE "&code_challenge_method=plain", &err_INVALID_REQUEST, CLIENT, MODE_QUERY, "plain" },
        { CODE "&code_challenge=short&code_challenge_method=S256", &err_INVALID_REQUEST, CLIENT, MODE_QUERY, "43 characters" },
        { CODE "&code_challenge=" CHALLENGE "x&code_challenge_method=S256", &err_INVALID_REQUEST, CLIENT, MODE_QUERY, NULL },
        { CODE "&prompt=dance", &err_INVALID_REQUEST, CLIENT, MODE_QUERY, "'[dance]'" },
        { CODE "&prompt=login+dance", &err_INVALID_REQUEST, CLIENT, MODE_QUERY, "'[login dance]'" },
        { CODE "&max_age=soon", &err_INVALID_REQUEST, CLIENT, MODE_QUERY, "max_age" },
        { CODE "&max_age=99999999999999999999", &err_INVALID_REQUEST, CLIENT, MODE_QUERY, "max_age" },
    };
    check_refusals(&w, cases, ARRAY_LEN(cases));
    world_close(&w);
}

static void test_accepted(void **state)
{
    (void)state;
    struct world w;
    open_with_clients(&w, "");
    static const char *const cases[] = {
        CODE,
        CODE "&response_mode=&request=ignored+without+openid",
        CODE "&scope=&audience=https%3A%2F%2Fapi.example.test%2Fv1%2Fx",
        CODE "&code_challenge=" CHALLENGE "&code_challenge_method=S256",
        CODE "&nonce=short&code_challenge_method=plain", /* without a challenge the method says nothing */
        CODE "&client_id=ghost&state=x",                 /* the first value of a name counts */
        CODE "&prompt=none+consent",                     /* what is left to check needs a session */
        "client_id=web&response_type=code&scope=foo&" STATE,
        "client_id=bare&response_type=code&" CB_Q "&" STATE, /* learns at the token endpoint */
        "client_id=front&response_type=token+id_token+code&scope=openid&nonce=12345678&response_mode=form_post&" CB_Q "&" STATE,
        "client_id=front&response_type=code+token&" CB_Q "&" STATE,
        "client_id=front&response_type=token&" STATE,
        "client_id=public&response_type=code&redirect_uri=com.example.app%3A%2Fdone&" STATE,
        "client_id=public&response_type=code&redirect_uri=http%3A%2F%2F127.0.0.1%3A5000%2Fcb&" STATE,
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct authorize_request q;
        if (!read_query(&w, cases[i], &q)) fail_msg("%s %s: %s", w.e.kind->id, w.e.hint == NULL ? "" : w.e.hint, cases[i]);
    }
    world_close(&w);
}

static void test_members(void **state)
{
    (void)state;
    struct world w;
    struct authorize_request q;
    open_with_clients(&w, "");
    assert_true(read_query(
        &w,
        CODE "&scope=foo+openid+foo&nonce=n-0S6_WzA2Mj&code_challenge=" CHALLENGE "&code_challenge_method=S256"
             "&prompt=login+consent&max_age=3600&id_token_hint=h&display=popup&login_hint=ada&acr_values=a+b&ui_locales=de+en",
        &q));
    assert_str(q.client->id, "web");
    assert_str(q.redirect_uri, CB);
    assert_true(q.redirect_given);
    assert_int_equal(q.mode, MODE_QUERY);
    assert_int_equal(q.response_type, RESPONSE_CODE);
    assert_int_equal(q.scopes.n, 2);
    assert_str(q.scopes.v[1], "openid");
    assert_str(q.state, "abcdefgh");
    assert_str(q.nonce, "n-0S6_WzA2Mj");
    assert_str(q.code_challenge, CHALLENGE);
    assert_int_equal(q.prompt, PROMPT_LOGIN | PROMPT_CONSENT);
    assert_int_equal(q.max_age, 3600);
    assert_str(q.id_token_hint, "h");
    assert_str(q.display, "popup");
    assert_str(q.login_hint, "ada");
    assert_int_equal(q.acr_values.n, 2);
    assert_int_equal(q.ui_locales.n, 2);

    assert_true(read_query(&w, "client_id=web&response_type=code&scope=foo&max_age=-5&" STATE, &q));
    assert_false(q.redirect_given);
    assert_str(q.redirect_uri, CB);
    assert_int_equal(q.max_age, -1);
    assert_int_equal(q.prompt, 0);
    assert_int_equal(q.code_challenge.n, 0);

    assert_true(read_query(&w, "client_id=front&response_type=token&" CB_Q "&" STATE, &q));
    assert_int_equal(q.mode, MODE_FRAGMENT);
    assert_true(read_query(&w, CODE "&response_mode=fragment", &q));
    assert_int_equal(q.mode, MODE_FRAGMENT);
    world_close(&w);
}

static void test_pkce_enforced(void **state)
{
    (void)state;
    struct world w;
    struct authorize_request q;
    open_with_clients(&w, "oauth2: { pkce: { enforced_for_public_clients: true } }");
    static const struct refusal public_only[] = {
        { "client_id=public&response_type=code&" CB_Q "&" STATE, &err_INVALID_REQUEST, CLIENT, MODE_QUERY,
          "This client must include" },
    };
    check_refusals(&w, public_only, ARRAY_LEN(public_only));
    assert_true(read_query(&w, CODE, &q));
    world_close(&w);

    open_with_clients(&w, "oauth2: { pkce: { enforced: true } }");
    static const struct refusal all[] = {
        { CODE, &err_INVALID_REQUEST, CLIENT, MODE_QUERY, "Clients must include a code_challenge" },
        { "client_id=front&response_type=code+token&" CB_Q "&" STATE, &err_INVALID_REQUEST, CLIENT, MODE_FRAGMENT,
          "must include" },
    };
    check_refusals(&w, all, ARRAY_LEN(all));
    assert_true(read_query(&w, CODE "&code_challenge=" CHALLENGE "&code_challenge_method=S256", &q));
    assert_true(read_query(&w, "client_id=front&response_type=token&" CB_Q "&" STATE, &q));
    world_close(&w);
}

static void test_development(void **state)
{
    (void)state;
    struct world w;
    struct authorize_request q;
    static const char http_cb[] =
        "client_id=public&response_type=code&redirect_uri=http%3A%2F%2Frp.example.test%2Fcb&prompt=none&" STATE;
    open_with_clients(&w, "");
    assert_false(read_query(&w, http_cb, &q));
    world_close(&w);
    world_open(&w, "");
    ((struct config *)w.p->config)->dev = true; /* only a flag can switch it on */
    for (size_t i = 0; i < ARRAY_LEN(clients); i++) world_client(&w, clients[i]);
    assert_true(read_query(&w, http_cb, &q));
    world_close(&w);
}

/* RFC 9700 2.1, 4.1: exact match, but for the port of loopback addresses. */
static void test_redirect_match(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    static const char *const registered[] = { "https://rp.example.test/cb", "http://127.0.0.1/cb?x=1", "http://[::1]:80/a%20b",
                                              "http://localhost/cb",        "https://127.0.0.1/s",     "com.example.app:/done" };
    static const char *const good[] = { "https://rp.example.test/cb", "http://127.0.0.1:5000/cb?x=1", "http://127.0.0.1/cb?x=1",
                                        "http://[::1]/a%20b",         "http://[::1]:9/a%20b",         "http://localhost/cb",
                                        "com.example.app:/done",      "https://127.0.0.1/s" };
    static const char *const bad[] = {
        "https://rp.example.test/cb/",
        "https://rp.example.test/cb?",
        "https://rp.example.test/cb?x=1",
        "https://rp.example.test/cb#",
        "https://rp.example.test/cb#x",
        "https://RP.example.test/cb",
        "HTTPS://rp.example.test/cb",
        "http://rp.example.test/cb",
        "https://rp.example.test:443/cb",
        "https://rp.example.test/x/../cb",
        "https://rp.example.test/cb;a",
        "https://rp.example.test/..;/cb",
        "https://rp.example.test/%63b",
        "https://rp.example.test//cb",
        "https://rp.example.test\\@evil.example/cb",
        "https://user@rp.example.test/cb",
        "https://rp.example.test@evil.example/cb",
        "https://rp.example.test.evil.example/cb",
        "https://rp.example.test/cb%0d%0aX: y",
        "https://rp.example.test/cb\r\nX: y",
        " https://rp.example.test/cb",
        "//rp.example.test/cb",
        "/cb",
        "javascript:alert(1)",
        "data:text/html,x",
        "http://127.0.0.1:5000/cb",
        "http://127.0.0.1:5000/cb?x=2",
        "http://127.0.0.1:5000/cb?x=1&y=2",
        "http://127.0.0.2/cb?x=1",
        "http://127.0.0.1:5000/cb/?x=1",
        "http://127.0.0.1.evil.example/cb?x=1",
        "http://u:p@127.0.0.1:5000/cb?x=1",
        "http://127.0.0.1@evil.example/cb?x=1",
        "http://127.0.0.1:5000@evil.example/cb?x=1",
        "http://127.0.0.1\\@evil.example/cb?x=1",
        "https://127.0.0.1:99/s",
        "http://127.0.0.1:99/s",
        "http://localhost:99/cb",
        "http://2130706433/cb?x=1",
        "http://0x7f.1/cb?x=1",
        "http://[::ffff:127.0.0.1]/cb?x=1",
        "com.example.app:/done/x",
        "com.example.app://done",
    };
    struct strs list = { 0 };
    for (size_t i = 0; i < ARRAY_LEN(registered); i++) strs_add(a, &list, str_of(registered[i]));
    for (size_t i = 0; i < ARRAY_LEN(good); i++) assert_str(redirect_uri_match(a, list, str_of(good[i])), good[i]);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (redirect_uri_match(a, list, str_of(bad[i])).p != NULL) fail_msg("matched: %s", bad[i]);
    assert_null(redirect_uri_match(a, list, STR("")).p);
    list.n = 1;
    assert_str(redirect_uri_match(a, list, STR("")), registered[0]);
    assert_null(redirect_uri_match(a, (struct strs) { 0 }, STR("")).p);
}

static void test_redirect_security(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    static const struct {
        const char *uri;
        bool secure, shows_client;
    } cases[] = {
        { "https://rp.example.test/cb", true, true },
        { "http://localhost/cb", true, true },
        { "http://app.localhost/cb", true, true },
        { "http://127.0.0.1:5/cb", true, true },
        { "http://[::1]/cb", true, true },
        { "http://rp.example.test/cb", false, false },
        { "http://localhost.evil.example/", false, false },
        { "com.example.app:/done", true, false },
        { "myapp://callback", true, false },
        { "", false, false },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(redirect_uri_is_secure(a, str_of(cases[i].uri)), cases[i].secure);
        assert_int_equal(redirect_uri_shows_client(a, str_of(cases[i].uri)), cases[i].shows_client);
    }
}

/* RFC 6749 3.1.2: "The endpoint URI MUST NOT include a fragment component", even if it was registered somehow. */
static void test_registered_fragment(void **state)
{
    (void)state;
    struct world w;
    struct authorize_request q;
    open_with_clients(&w, "");
    const struct client *c;
    WORLD_TRY(&w, client_get(w.p, &w.op, STR("web"), &c, &w.e));
    ((struct client *)c)->redirect_uris.v[0] = STR("https://rp.example.test/cb#x");
    assert_false(
        read_query(&w, "client_id=web&response_type=code&redirect_uri=https%3A%2F%2Frp.example.test%2Fcb%23x&" STATE, &q));
    assert_ptr_equal(w.e.kind, &err_INVALID_REQUEST);
    assert_false(q.redirectable);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),          cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_members),           cmocka_unit_test(test_pkce_enforced),
        cmocka_unit_test(test_development),       cmocka_unit_test(test_redirect_match),
        cmocka_unit_test(test_redirect_security), cmocka_unit_test(test_registered_fragment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
