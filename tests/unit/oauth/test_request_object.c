/* OpenID Connect Core 6: which request objects count, and what becomes of the parameters. */
#include "assertions.h"

#include <string.h>

#include "oauth/request_object.h"

static const struct params *merge(struct world *w, const struct client *c, const char *query, struct str object)
{
    struct params *sent = ARENA_NEW(w->arena, struct params);
    const struct params *ret = NULL;
    assert_true(params_parse(w->arena, str_of(query), 100, sent));
    if (object.p != NULL) params_add(w->arena, sent, STR("request"), object);
    w->e = ERR_INIT(w->arena);
    return request_object_merge(w->p, &w->op, c, sent, &ret, &w->e) ? ret : NULL;
}

static void merges(struct world *w, const struct client *c, const char *query, struct str object, const char *want)
{
    const struct params *got = merge(w, c, query, object);
    if (got == NULL) world_fail(w);
    assert_string_equal(params_encode(w->arena, got, true).p, want);
}

static void refused(struct world *w, const struct client *c, const char *query, struct str object, const struct err_kind *kind)
{
    assert_null(merge(w, c, query, object));
    if (w->e.kind != kind) fail_msg("%s: %s", w->e.kind->id, w->e.hint != NULL ? w->e.hint : "");
}

static const struct client *a_client(struct world *w, const char *id, const struct jwk *key, const char *more)
{
    const struct str set = key != NULL ? ARENA_CAT(w->arena, STR(",\"jwks\":"), a_set(w, key, NULL)) : STR("");
    return world_client(
        w, arena_printf(w->arena, "{\"client_id\":\"%s\",\"client_secret\":\"a-secret\"%.*s%s}", id, STR_FMT(set), more).p);
}

#define NONE "{\"alg\":\"none\"}"

static void test_merging(void **state)
{
    (void)state;
    struct world w;
    assertions_open(&w, "");
    const struct jwk *key = a_key(&w, "ES256", "k");
    const struct client *c = a_client(&w, "c", key, "");
    static const struct {
        const char *query, *claims, *want;
    } cases[] = {
        { "scope=openid&state=outer", "{\"state\":\"inner\",\"nonce\":\"n\"}", "nonce=n&scope=openid&state=inner" },
        { "scope=openid+b+a", "{\"scope\":\"c a\"}", "scope=c+a+openid+b" },
        { "scope=openid", "{\"max_age\":60,\"a\":true,\"claims\":{\"userinfo\":{}},\"n\":null}",
          "a=true&claims=%7B%22userinfo%22%3A%7B%7D%7D&max_age=60&scope=openid" },
        { "scope=openid&audience=x", "{\"audience\":[\"urn:a\",\"urn:b\"]}", "audience=urn%3Aa&audience=urn%3Ab&scope=openid" },
        { "scope=openid",
          "{\"iss\":\"c\",\"aud\":\"https://"
          "op.example.test\",\"exp\":9999999999,\"iat\":1,\"nbf\":1,\"jti\":\"j\",\"sub\":\"s\"}",
          "scope=openid" },
        { "scope=openid",
          "{\"aud\":[\"https://op.example.test/\"],\"client_id\":\"c\",\"login_verifier\":\"v\",\"consent_verifier\":\"v\"}",
          "client_id=c&scope=openid" },
        { "scope=openid&x=1&x=2", "{\"x\":\"3\"}", "scope=openid&x=3" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        merges(&w, c, cases[i].query, a_jwt(&w, key, cases[i].claims), cases[i].want);
        merges(&w, c, cases[i].query, a_raw_jwt(&w, NONE, cases[i].claims, STR("")), cases[i].want);
    }
    /* Without openid it has never counted. */
    const struct str object = a_jwt(&w, key, "{\"state\":\"inner\"}");
    assert_true(params_has(merge(&w, c, "scope=a&state=outer", object), STR("request")));
    assert_int_equal(merge(&w, c, "scope=openid&state=outer", STR_NONE)->n, 2);
    assertions_close(&w);
}

static void test_refused(void **state)
{
    (void)state;
    struct world w;
    assertions_open(&w, "");
    const struct jwk *key = a_key(&w, "ES256", "k"), *evil = a_key(&w, "ES256", "k"), *ed = a_key(&w, "EdDSA", "e");
    const struct client *c = a_client(&w, "c", key, ""), *bare = a_client(&w, "bare", NULL, "");
    const struct client *strict = a_client(&w, "strict", key, ",\"request_object_signing_alg\":\"ES256\"");
    const char *bad_claims[] = {
        "{\"iss\":\"d\"}",
        "{\"iss\":7}",
        "{\"aud\":\"https://evil.example.test\"}",
        "{\"aud\":[]}",
        "{\"aud\":{}}",
        "{\"client_id\":\"d\"}",
        "{\"client_id\":1}",
        "{\"exp\":1}",
        "{\"nbf\":99999999999}",
        "{\"iat\":99999999999}",
        "{\"exp\":\"soon\"}",
        "{\"request\":\"x\"}",
        "{\"request_uri\":\"https://x\"}",
        "[]",
        "7",
        "",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad_claims); i++) {
        refused(&w, c, "scope=openid", a_jwt(&w, key, bad_claims[i]), &err_INVALID_REQUEST_OBJECT);
        refused(&w, c, "scope=openid", a_raw_jwt(&w, NONE, bad_claims[i], STR("")), &err_INVALID_REQUEST_OBJECT);
    }
    const unsigned char zeros[64] = { 0 };
    const struct str zero = { (const char *)zeros, sizeof(zeros) };
    refused(&w, c, "scope=openid", a_jwt(&w, evil, "{}"), &err_INVALID_REQUEST_OBJECT);
    refused(&w, c, "scope=openid", a_jwt(&w, ed, "{}"), &err_INVALID_REQUEST_OBJECT);
    refused(&w, c, "scope=openid", a_raw_jwt(&w, "{\"alg\":\"ES256\"}", "{}", zero), &err_INVALID_REQUEST_OBJECT);
    refused(&w, c, "scope=openid", a_raw_jwt(&w, "{\"alg\":\"HS256\"}", "{}", zero), &err_INVALID_REQUEST_OBJECT);
    refused(&w, c, "scope=openid", a_raw_jwt(&w, NONE, "{}", zero), &err_INVALID_REQUEST_OBJECT);
    refused(&w, c, "scope=openid", a_raw_jwt(&w, "{\"alg\":\"none\",\"crit\":[]}", "{}", STR("")), &err_INVALID_REQUEST_OBJECT);
    refused(&w, c, "scope=openid", a_raw_jwt(&w, "{\"alg\":\"none\",\"typ\":\"at+jwt\"}", "{}", STR("")),
            &err_INVALID_REQUEST_OBJECT);
    refused(&w, c, "scope=openid", STR("x"), &err_INVALID_REQUEST_OBJECT);
    refused(&w, strict, "scope=openid", a_raw_jwt(&w, NONE, "{}", STR("")), &err_INVALID_REQUEST_OBJECT);
    assert_non_null(merge(&w, strict, "scope=openid", a_jwt(&w, key, "{}")));
    refused(&w, c, "scope=openid&request_uri=https://x", STR("x"), &err_INVALID_REQUEST);
    /* Without keys: a signed one cannot be believed, an unsigned one needs none. */
    refused(&w, bare, "scope=openid", STR("x"), &err_INVALID_REQUEST);
    refused(&w, bare, "scope=openid", a_jwt(&w, key, "{}"), &err_INVALID_REQUEST);
    merges(&w, bare, "scope=openid", a_raw_jwt(&w, NONE, "{\"state\":\"s\"}", STR("")), "scope=openid&state=s");
    assertions_close(&w);
}

static void test_reference(void **state)
{
    (void)state;
    struct world w;
    assertions_open(&w, "");
    const struct jwk *key = a_key(&w, "ES256", "k");
    const struct client *c = a_client(&w, "c", key, ",\"request_uris\":[\"https://c.test/ro#1\"]"),
                        *bare = a_client(&w, "bare", NULL, "");
    const char *good = "scope=openid&request_uri=https%3A%2F%2Fc.test%2Fro%231";
    net_serve(200, ARENA_CAT(w.arena, STR("\n "), a_jwt(&w, key, "{\"state\":\"inner\"}"), STR("\r\n")));
    refused(&w, c, "scope=openid&request_uri=https%3A%2F%2Fc.test%2Fro", STR_NONE, &err_INVALID_REQUEST_URI);
    refused(&w, c, "scope=openid&request_uri=https%3A%2F%2Fc.test%2Fro%232", STR_NONE, &err_INVALID_REQUEST_URI);
    refused(&w, bare, good, STR_NONE, &err_INVALID_REQUEST);
    w.op.may_wait = false;
    refused(&w, c, good, STR_NONE, &err_MUST_WAIT);
    assert_int_equal(net.calls, 0);
    w.op.may_wait = true;
    merges(&w, c, good, STR_NONE, "scope=openid&state=inner");
    assert_int_equal(net.calls, 1);
    net_serve(404, STR("gone"));
    refused(&w, c, good, STR_NONE, &err_INVALID_REQUEST_URI);
    net.down = true;
    refused(&w, c, good, STR_NONE, &err_INVALID_REQUEST_URI);
    net_serve(200, STR("<html>"));
    refused(&w, c, good, STR_NONE, &err_INVALID_REQUEST_OBJECT);
    assertions_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merging),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
