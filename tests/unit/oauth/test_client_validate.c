#include "client_unit.h"

#define RSA_KEY "{\"kty\":\"RSA\",\"kid\":\"r\",\"e\":\"AQAB\",\"n\":\"" RSA_N "\"}"
#define RSA_N                                                                                                                    \
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_" \
    "2W-"                                                                                                                        \
    "5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_"                                                                         \
    "FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLy"                                               \
    "rdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
#define EC_XY                                                                        \
    "\"crv\":\"P-256\",\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\",\"y\":" \
    "\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\""
#define EC_KEY     "{\"kty\":\"EC\",\"kid\":\"e\"," EC_XY "}"
#define EC_PRIVATE "{\"kty\":\"EC\",\"kid\":\"e\"," EC_XY ",\"d\":\"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE\"}"

static bool validate(struct world *w, const char *body, bool v1, struct client **ret)
{
    *ret = client_of(w, body);
    w->e = ERR_INIT(w->op.arena);
    return client_validate(&w->p, &w->op, *ret, NULL, v1, &w->e);
}

static void settles_defaults(void **state)
{
    (void)state;
    struct world w;
    struct client *c;
    world_start(&w);
    assert_true(validate(&w, "{}", false, &c));
    assert_str(c->token_endpoint_auth_method, "client_secret_basic");
    assert_str(c->scope, "offline_access offline openid");
    assert_int_equal(c->scopes.n, 3);
    assert_str(c->subject_type, "public");
    assert_str(c->userinfo_signed_response_alg, "none");
    assert_true(validate(&w,
                         "{\"scope\":\" a b  c \",\"access_token_strategy\":\"JWT\",\"allowed_cors_origins\":[\"https://x/\"]}",
                         false, &c));
    assert_str(c->scope, " a b  c ");
    assert_int_equal(c->scopes.n, 3);
    assert_str(c->access_token_strategy, "jwt");
    assert_str(c->allowed_cors_origins.v[0], "https://x");
    world_end(&w);
}

static void accepts(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "{\"redirect_uris\":[\"https://a.example/cb\",\"com.app:/cb\",\"myapp://callback\",\"http://localhost:8080/cb\",\"http://"
        "[::1]/\","
        "\"urn:ietf:wg:oauth:2.0:oob\",\"https://a.example/cb?x=%20y\"]}",
        "{\"grant_types\":[\"authorization_code\",\"password\",\"urn:ietf:params:oauth:grant-type:device_code\"]}",
        "{\"response_types\":[\"code\",\"id_token token\",\"code id_token token\",\"none\"]}",
        "{\"token_endpoint_auth_method\":\"private_key_jwt\",\"jwks_uri\":\"https://a.example/jwks\"}",
        "{\"token_endpoint_auth_method\":\"private_key_jwt\",\"jwks\":{\"keys\":[" RSA_KEY
        "]},\"token_endpoint_auth_signing_alg\":\"PS512\"}",
        "{\"jwks\":{\"keys\":[" EC_KEY "]}}",
        "{\"jwks\":{},\"jwks_uri\":\"https://a.example/jwks\"}",
        "{\"jwks\":{\"keys\":[]}}",
        "{\"allowed_cors_origins\":[\"https://a.example\",\"http://127.0.0.1:3000\",\"https://x/\"]}",
        "{\"redirect_uris\":[\"https://a.example/cb\"],\"post_logout_redirect_uris\":[\"https://A.example/bye?x=1\"]}",
        "{\"logo_uri\":\"HTTPS://a.example/l.png\",\"tos_uri\":\"http://a.example/\"}",
        "{\"backchannel_logout_uri\":\"http://internal:8080/bcl\"}",
        "{\"request_object_signing_alg\":\"none\"}",
        "{\"request_object_signing_alg\":\"ES256\"}",
        "{\"userinfo_signed_response_alg\":\"RS256\"}",
        "{\"initiate_login_uri\":\"https://a.example/login\"}",
    };
    struct world w;
    struct client *c;
    world_start(&w);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (!validate(&w, cases[i], false, &c)) fail_msg("%s: %s", cases[i], w.e.hint);
    world_end(&w);
}

static void refuses(void **state)
{
    (void)state;
    const struct err_kind *meta = &err_INVALID_CLIENT_METADATA, *redir = &err_INVALID_REDIRECT_URI, *bad = &err_BAD_REQUEST;
    const struct {
        const char *json;
        const struct err_kind *kind;
        const char *hint;
    } cases[] = {
        { "{\"token_endpoint_auth_method\":\"magic\"}", meta, "token_endpoint_auth_method is 'magic'" },
        { "{\"token_endpoint_auth_method\":\"private_key_jwt\"}", meta, "either jwks or jwks_uri must be set." },
        { "{\"token_endpoint_auth_method\":\"private_key_jwt\",\"jwks\":{\"keys\":[" RSA_KEY
          "]},\"token_endpoint_auth_signing_alg\":\"HS256\"}",
          meta, "Only RS256" },
        { "{\"jwks\":{\"keys\":[]},\"jwks_uri\":\"https://a.example/j\"}", meta, "Fields jwks and jwks_uri can not both be set" },
        { "{\"jwks\":{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"\"}]}}", meta, "Invalid JSON web key in set." },
        { "{\"jwks\":{\"keys\":[{\"kty\":\"XYZ\",\"kid\":\"a\"}]}}", bad, "Unable to decode the request body: jwks.keys[0]" },
        { "{\"jwks\":{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAA\",\"y\":\"AAAA\"}]}}", bad, "jwks.keys[0]" },
        { "{\"jwks\":{\"keys\":[7]}}", bad, "jwks.keys[0]" },
        { "{\"jwks\":{\"keys\":[" EC_PRIVATE "]}}", meta, "public keys only" },
        { "{\"grant_types\":[\"code\"]}", meta, "grant_types[0] is 'code'" },
        { "{\"grant_types\":[\"\"]}", meta, "grant_types[0]" },
        { "{\"response_types\":[\"code\",\"cookie\"]}", meta, "response_types[1] is 'cookie'" },
        { "{\"response_types\":[\"\"]}", meta, "response_types[0]" },
        { "{\"tos_uri\":\"nope\"}", meta, "Field tos_uri must be a valid URI." },
        { "{\"tos_uri\":\"gopher://x\"}", meta, "gopher://x must use https:// or http:// as HTTP scheme for field tos_uri." },
        { "{\"policy_uri\":\"javascript:alert(1)\"}", meta, "for field policy_uri." },
        { "{\"client_uri\":\"data:text/html,hi\"}", meta, "for field client_uri." },
        { "{\"logo_uri\":\"/x\"}", meta, "for field logo_uri." },
        { "{\"jwks_uri\":\"/keys\"}", meta, "jwks_uri must be an absolute URL" },
        { "{\"jwks_uri\":\"file:///etc/passwd\"}", meta, "jwks_uri" },
        { "{\"jwks_uri\":\"ftp://a.example/\"}", meta, "jwks_uri must use" },
        { "{\"request_uris\":[\"https://a.example/\",\"gopher://b/\"]}", meta, "request_uris[1] must use" },
        { "{\"backchannel_logout_uri\":\"bcl\"}", meta, "backchannel_logout_uri must be an absolute URL" },
        { "{\"frontchannel_logout_uri\":\"javascript:x\"}", meta, "frontchannel_logout_uri" },
        { "{\"initiate_login_uri\":\"http://a.example/\"}", meta, "initiate_login_uri must use https://" },
        { "{\"allowed_cors_origins\":[\"*\"]}", meta, "Origin URL * must use https:// or http:// as HTTP scheme." },
        { "{\"allowed_cors_origins\":[\"ws://a.example\"]}", meta, "Origin URL ws://a.example must use" },
        { "{\"allowed_cors_origins\":[\"https://u:p@a.example\"]}", meta, "user and/or password" },
        { "{\"allowed_cors_origins\":[\"https://a.example/path\"]}", meta, "must have an empty path" },
        { "{\"allowed_cors_origins\":[\"https://a.example?q\"]}", meta, "must have an empty path" },
        { "{\"allowed_cors_origins\":[\"https://a.example#f\"]}", meta, "must have an empty path" },
        { "{\"allowed_cors_origins\":[\"https://a b\"]}", meta, "could not be parsed" },
        { "{\"userinfo_signed_response_alg\":\"ES256\"}", meta, "can either be 'none' or 'RS256'." },
        { "{\"request_object_signing_alg\":\"XX1\"}", meta, "request_object_signing_alg is 'XX1'" },
        { "{\"redirect_uris\":[\"https://a.example/#\"]}", redir, "must not contain fragments (#)." },
        { "{\"redirect_uris\":[\"https://a.example/\",\"foo\"]}", redir, "Unable to parse redirect URL: foo" },
        { "{\"redirect_uris\":[\"\"]}", redir, "Unable to parse redirect URL: " },
        { "{\"redirect_uris\":[null]}", redir, "Unable to parse redirect URL: " },
        { "{\"redirect_uris\":[\"/x\"]}", redir, "Unable to parse" },
        { "{\"redirect_uris\":[\"//h/p\"]}", redir, "Unable to parse" },
        { "{\"redirect_uris\":[\"*\"]}", redir, "Unable to parse" },
        { "{\"redirect_uris\":[\"https://a.example/%zz\"]}", redir, "Unable to parse" },
        { "{\"redirect_uris\":[\"http://localhost:*/cb\"]}", redir, "Unable to parse" },
        { "{\"redirect_uris\":[\"JavaScript:alert(1)\"]}", redir, "run as a script" },
        { "{\"redirect_uris\":[\"data:text/html,x\"]}", redir, "run as a script" },
        { "{\"redirect_uris\":[\"vbscript:x\"]}", redir, "run as a script" },
        { "{\"redirect_uris\":[\"https://u@a.example/\"]}", redir, "user name" },
        { "{\"redirect_uris\":[\"https://a.example:b@evil.example/\"]}", redir, "user name" },
        { "{\"redirect_uris\":[\"https:///cb\"]}", redir, "must name a host" },
        { "{\"redirect_uris\":[\"https:cb\"]}", redir, "must name a host" },
        { "{\"subject_type\":\"pairwise\"}", meta,
          "Subject type pairwise is not supported by server, only [public] are allowed." },
        { "{\"subject_type\":\"made-up\"}", meta, "Subject type made-up" },
        { "{\"redirect_uris\":[\"https://a.example/cb\"],\"post_logout_redirect_uris\":[\"bye\"]}", meta,
          "Unable to parse post_logout_redirect_uri: bye" },
        { "{\"redirect_uris\":[\"https://a.example/cb\"],\"post_logout_redirect_uris\":[\"https://b.example/bye\"]}", meta,
          "post_logout_redirect_uri 'https://b.example/bye' must match the domain, port, scheme of at least one of the "
          "registered "
          "redirect URIs but did not" },
        { "{\"redirect_uris\":[\"https://a.example/cb\"],\"post_logout_redirect_uris\":[\"http://a.example/\"]}", meta,
          "must match" },
        { "{\"redirect_uris\":[\"https://a.example/cb\"],\"post_logout_redirect_uris\":[\"https://a.example:1/\"]}", meta,
          "must match" },
        { "{\"post_logout_redirect_uris\":[\"https://a.example/\"]}", meta, "must match" },
        { "{\"access_token_strategy\":\"foo\"}", meta, "expected one of [jwt, opaque] but got foo" },
        { "{\"sector_identifier_uri\":\"http://a.example/\"}", meta, "sector_identifier_uri must use https://" },
    };
    struct world w;
    struct client *c;
    world_start(&w);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (validate(&w, cases[i].json, false, &c)) fail_msg("accepted: %s", cases[i].json);
        assert_failed_at(&w, cases[i].kind, cases[i].hint, cases[i].json, __LINE__);
    }
    world_end(&w);
}

static void the_old_api_checks_less(void **state)
{
    (void)state;
    struct world w;
    struct client *c;
    world_start(&w);
    assert_true(validate(&w, "{\"logo_uri\":\"nope\"}", true, &c));
    assert_false(validate(&w, "{\"redirect_uris\":[\"nope\"]}", true, &c));
    world_end(&w);
}

static void production_wants_https(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "{\"jwks_uri\":\"http://a.example/\"}",
        "{\"request_uris\":[\"http://a.example/\"]}",
        "{\"backchannel_logout_uri\":\"http://a.example/\",\"token_endpoint_auth_method\":\"none\"}",
        "{\"frontchannel_logout_uri\":\"http://a.example/\",\"token_endpoint_auth_method\":\"none\"}",
    };
    struct world w;
    struct client *c;
    world_start(&w);
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        w.config.dev = true;
        if (!validate(&w, refused[i], false, &c)) fail_msg("%s: %s", refused[i], w.e.hint);
        w.config.dev = false;
        if (validate(&w, refused[i], false, &c)) fail_msg("accepted: %s", refused[i]);
        assert_failed(&w, INVALID_CLIENT_METADATA, "must use https://");
    }
    assert_true(validate(&w, "{\"backchannel_logout_uri\":\"http://internal:8080/\"}", false, &c));
    world_end(&w);
}

static void subject_types(void **state)
{
    (void)state;
    struct world w;
    struct client *c;
    world_start(&w);
    w.config.oidc_subject_identifiers_supported_types.n = 2;
    assert_true(validate(&w, "{\"subject_type\":\"pairwise\"}", false, &c));
    assert_true(validate(&w, "{}", false, &c));
    assert_str(c->subject_type, "public");
    assert_false(validate(&w, "{\"subject_type\":\"pairwise\",\"access_token_strategy\":\"jwt\"}", false, &c));
    assert_failed(&w, INVALID_CLIENT_METADATA, "only [public] are allowed");
    w.config.strategies_access_token = TOKEN_JWT;
    assert_false(validate(&w, "{\"subject_type\":\"pairwise\"}", false, &c));
    assert_true(validate(&w, "{\"subject_type\":\"pairwise\",\"access_token_strategy\":\"opaque\"}", false, &c));
    w.supported[0] = STR("pairwise");
    w.config.oidc_subject_identifiers_supported_types.n = 1;
    w.config.strategies_access_token = TOKEN_OPAQUE;
    assert_true(validate(&w, "{}", false, &c));
    assert_str(c->subject_type, "pairwise");
    world_end(&w);
}

static void canonical_keys(void **state)
{
    (void)state;
    struct world w;
    struct client *c;
    world_start(&w);
    assert_true(
        validate(&w, "{\"jwks\":{\"keys\":[{\"made_up\":1," EC_XY ",\"kty\":\"EC\",\"use\":\"sig\"}],\"other\":1}}", false, &c));
    assert_null(json_object_get(c->jwks, "other"));
    const json_t *key = json_array_get(json_object_get(c->jwks, "keys"), 0);
    assert_null(json_object_get(key, "made_up"));
    assert_str(json_str(json_object_get(key, "use")), "sig");

    struct buf many = BUF(w.op.arena);
    buf_addz(&many, "{\"jwks\":{\"keys\":[" EC_KEY);
    for (int i = 0; i < 100; i++) buf_addz(&many, "," EC_KEY);
    buf_addz(&many, "]}}");
    assert_false(validate(&w, buf_str(&many).p, false, &c));
    assert_failed(&w, INVALID_CLIENT_METADATA, "more than 100 keys");
    world_end(&w);
}

#define SECTOR \
    "\"sector_identifier_uri\":\"https://s.example/s\",\"redirect_uris\":[\"https://a.example/\",\"https://b.example/\"]"

static void sector_identifiers(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *body, *hint; /* hint NULL: accepted */
    } cases[] = {
        { 200, "[\"https://b.example/\",\"https://a.example/\",\"https://c.example/\"]", NULL },
        { 200, "[\"https://a.example/\"]", "does not list the redirect URI https://b.example/" },
        { 200, "[]", "lists no redirect URIs" },
        { 200, "{}", "not a JSON array" },
        { 200, "<html>", "not a JSON array" },
        { 200, "[1,null]", "does not list" },
        { 404, "[\"https://b.example/\",\"https://a.example/\"]", "status 404" },
        { 0, "", "could not be fetched" },
    };
    struct world w;
    struct client *c;
    world_start(&w);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        fetched = (struct fetch_answer) { .status = cases[i].status, .body = str_of(cases[i].body) };
        assert_int_equal(validate(&w, "{" SECTOR "}", false, &c), cases[i].hint == NULL);
        if (cases[i].hint != NULL) assert_failed(&w, INVALID_CLIENT_METADATA, cases[i].hint);
    }
    world_end(&w);
}

static void sector_is_fetched_when_it_changes(void **state)
{
    (void)state;
    struct world w;
    world_start(&w);
    struct client *c = client_of(&w, "{" SECTOR "}"), before = *c;
    assert_true(client_validate(&w.p, &w.op, c, &before, false, &w.e));
    assert_int_equal(fetches, 0);
    before.redirect_uris.n = 1;
    assert_false(client_validate(&w.p, &w.op, c, &before, false, &w.e));
    assert_int_equal(fetches, 1);
    w.op.may_wait = false;
    assert_false(client_validate(&w.p, &w.op, c, &before, false, &w.e));
    assert_ptr_equal(w.e.kind, &err_MUST_WAIT);
    assert_int_equal(fetches, 1);
    world_end(&w);
}

static bool no_ten(const struct provider *p, const struct url *u, struct str url)
{
    (void)p;
    (void)url;
    return !str_eq(u->host, STR("10.0.0.1"));
}

static void addresses_that_are_not_admitted(void **state)
{
    (void)state;
    static const struct {
        const char *text, *member; /* NULL: accepted */
    } cases[] = {
        { "{\"jwks_uri\":\"https://10.0.0.1/\"}", "jwks_uri" },
        { "{\"backchannel_logout_uri\":\"https://10.0.0.1:8443/\"}", "backchannel_logout_uri" },
        { "{\"request_uris\":[\"https://google\",\"https://10.0.0.1/\"]}", "request_uris[1]" },
        /* The browser goes there, not the server. */
        { "{\"frontchannel_logout_uri\":\"https://10.0.0.1/\",\"client_uri\":\"https://10.0.0.1/\",\"redirect_uris\":[\"https://"
          "10.0.0.1/\"],"
          "\"initiate_login_uri\":\"https://10.0.0.1/\"}",
          NULL },
        { "{\"jwks_uri\":\"https://keys.example/\"}", NULL },
        { "{}", NULL },
    };
    struct world w;
    struct client *c;
    world_start(&w);
    w.p.admits = no_ten;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(validate(&w, cases[i].text, false, &c), cases[i].member == NULL);
        if (cases[i].member == NULL) continue;
        assert_failed(&w, INVALID_CLIENT_METADATA, "Client IP address is not allowed: ");
        assert_failed(&w, INVALID_CLIENT_METADATA, cases[i].member);
        assert_null(strstr(w.e.hint, "10.0"));
        assert_true(validate(&w, cases[i].text, true, &c)); /* the old generation does not look */
    }
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settles_defaults),
        cmocka_unit_test(accepts),
        cmocka_unit_test(refuses),
        cmocka_unit_test(the_old_api_checks_less),
        cmocka_unit_test(production_wants_https),
        cmocka_unit_test(subject_types),
        cmocka_unit_test(canonical_keys),
        cmocka_unit_test(sector_identifiers),
        cmocka_unit_test(sector_is_fetched_when_it_changes),
        cmocka_unit_test(addresses_that_are_not_admitted),
    };
    return RUN(tests);
}
