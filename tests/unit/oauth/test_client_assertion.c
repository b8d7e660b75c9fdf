/* RFC 7523 3: what a client assertion must hold, and every way in which one is refused. */
#include "assertions.h"

#include <openssl/hmac.h>
#include <string.h>

#include "oauth/client_assertion.h"
#include "oauth/client_auth.h"

#define BASE "\"iss\":\"c\",\"sub\":\"c\""
#define AUD  "\"aud\":\"https://op.example.test/oauth2/token\""
#define JTI  "\"jti\":\"%d\""
#define EXP  "\"exp\":%lld"

static const struct client *authenticate(struct world *w, struct str jwt, const char *more)
{
    const struct client *c = NULL;
    struct params form = { 0 };
    assert_true(params_parse(w->arena, str_of(more), 10, &form));
    params_add(w->arena, &form, STR("client_assertion_type"), CLIENT_ASSERTION_TYPE);
    params_add(w->arena, &form, STR("client_assertion"), jwt);
    w->e = ERR_INIT(w->arena);
    const bool ok = client_authenticate(w->p, &w->op, &(struct client_credentials) { STR_NONE, &form }, &c, &w->e);
    assert_true(ok == (c != NULL));
    return c;
}

static void refused(struct world *w, struct str jwt, const struct err_kind *kind, const char *hint)
{
    assert_null(authenticate(w, jwt, ""));
    assert_ptr_equal(w->e.kind, kind);
    if (hint != NULL && (w->e.hint == NULL || strstr(w->e.hint, hint) == NULL))
        fail_msg("%s", w->e.hint != NULL ? w->e.hint : "");
}

static const struct jwk *open_world(struct world *w)
{
    assertions_open(w, "");
    const struct jwk *key = a_key(w, "ES256", "k");
    world_client(w, arena_printf(w->arena,
                                 "{\"client_id\":\"c\",\"token_endpoint_auth_method\":\"private_key_jwt\","
                                 "\"token_endpoint_auth_signing_alg\":\"ES256\",\"jwks\":%.*s}",
                                 STR_FMT(a_set(w, key, NULL)))
                        .p);
    return key;
}

/* `%s` of each is replaced by good values of the members not named here. */
struct row {
    const char *what, *members; /* the whole payload but jti and exp; NULL members: all good */
    long long exp;              /* seconds from now; 0: no exp */
    bool jti;
    const char *hint; /* NULL: accepted */
};

static const struct row rows[] = {
    { "good", BASE "," AUD, 300, true, NULL },
    { "a list of audiences", BASE ",\"aud\":[\"urn:x\",\"https://op.example.test/oauth2/token\"]", 300, true, NULL },
    { "an https issuer as audience", BASE ",\"aud\":\"https://op.example.test\"", 300, true, NULL },
    { "other audience", BASE ",\"aud\":\"https://evil.example.test/oauth2/token\"", 300, true, "Claim 'audience'" },
    { "part of the audience", BASE ",\"aud\":\"https://op.example.test/oauth2/toke\"", 300, true, "Claim 'audience'" },
    { "no audience", BASE, 300, true, "Claim 'audience'" },
    { "empty list", BASE ",\"aud\":[]", 300, true, "Claim 'audience'" },
    { "number as audience", BASE ",\"aud\":7", 300, true, "integrity" },
    { "other iss", "\"iss\":\"d\",\"sub\":\"c\"," AUD, 300, true, "Claim 'iss'" },
    { "no iss", "\"sub\":\"c\"," AUD, 300, true, "Claim 'iss'" },
    { "number as iss", "\"iss\":1,\"sub\":\"c\"," AUD, 300, true, "integrity" },
    { "no jti", BASE "," AUD, 300, false, "'jti'" },
    { "no exp", BASE "," AUD, 0, true, "expiry time" },
    { "expired", BASE "," AUD, -1, true, "expired" },
    { "expires far away", BASE "," AUD, 31LL * 24 * 3600, true, "30 days" },
    { "expires in the year 300000", BASE "," AUD ",\"nbf\":1", 9999999999999LL, true, "integrity" },
    { "not before", BASE "," AUD ",\"nbf\":99999999999", 300, true, "not valid yet" },
    { "text as nbf", BASE "," AUD ",\"nbf\":\"0\"", 300, true, "integrity" },
    { "issued later", BASE "," AUD ",\"iat\":99999999999", 300, true, "before issued" },
    { "fractions", BASE "," AUD ",\"iat\":1.5", 300, true, NULL },
};

static struct str payload_of(struct world *w, const struct row *r, int number)
{
    struct buf b = BUF(w->arena);
    buf_addf(&b, "{%s", r->members);
    if (r->exp != 0) buf_addf(&b, "," EXP, (long long)usec_to_sec(w->op.now) + r->exp);
    if (r->jti) buf_addf(&b, "," JTI, number);
    buf_addc(&b, '}');
    return buf_str(&b);
}

static void test_claims(void **state)
{
    (void)state;
    struct world w;
    const struct jwk *key = open_world(&w);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct str jwt = a_jwt(&w, key, payload_of(&w, &rows[i], (int)i).p);
        print_message("%s\n", rows[i].what);
        if (rows[i].hint != NULL) {
            refused(&w, jwt, &err_INVALID_CLIENT, rows[i].hint);
            continue;
        }
        assert_non_null(authenticate(&w, jwt, ""));
        refused(&w, jwt, &err_JTI_KNOWN, "only be used once");
    }
    assertions_close(&w);
}

static void test_burned_last(void **state)
{
    (void)state;
    struct world w;
    const struct jwk *key = open_world(&w);
    const struct row bad = { "", BASE ",\"aud\":\"urn:elsewhere\"", 300, true, NULL }, good = rows[0];
    refused(&w, a_jwt(&w, key, payload_of(&w, &bad, 7).p), &err_INVALID_CLIENT, NULL);
    assert_non_null(authenticate(&w, a_jwt(&w, key, payload_of(&w, &good, 7).p), ""));
    /* Another client has jtis of its own. */
    world_client(&w, arena_printf(w.arena,
                                  "{\"client_id\":\"d\",\"token_endpoint_auth_method\":\"private_key_jwt\","
                                  "\"token_endpoint_auth_signing_alg\":\"ES256\",\"jwks\":%.*s}",
                                  STR_FMT(a_set(&w, key, NULL)))
                         .p);
    const struct row other = { "", "\"iss\":\"d\",\"sub\":\"d\"," AUD, 300, true, NULL };
    assert_non_null(authenticate(&w, a_jwt(&w, key, payload_of(&w, &other, 7).p), ""));
    assertions_close(&w);
}

static void test_waits(void **state)
{
    (void)state;
    struct world w;
    const struct jwk *key = open_world(&w);
    const struct str jwt = a_jwt(&w, key, payload_of(&w, &rows[0], 1).p);
    w.op.may_wait = false;
    refused(&w, jwt, &err_MUST_WAIT, NULL);
    w.op.may_wait = true;
    assert_non_null(authenticate(&w, jwt, "")); /* nothing was used up before */
    assertions_close(&w);
}

static void test_forgeries(void **state)
{
    (void)state;
    struct world w;
    const struct jwk *key = open_world(&w), *evil = a_key(&w, "ES256", "k"), *rsa = a_key(&w, "RS256", "k");
    const char *good = payload_of(&w, &rows[0], 1).p;
    const unsigned char zeros[64] = { 0 };
    const struct str zero = { (const char *)zeros, sizeof(zeros) };
    const struct str real = a_jwt(&w, key, good);
    struct jws jws;
    WORLD_TRY(&w, jws_parse(w.arena, real, &jws, &w.e));
    json_t *public = jwk_public_json(evil);
    const struct str embedded = json_text(w.arena, public, false);
    json_decref(public);

    const struct {
        struct str jwt;
        const struct err_kind *kind;
    } forged[] = {
        { a_jwt(&w, evil, good), &err_INVALID_CLIENT },
        { a_jwt(&w, rsa, good), &err_INVALID_CLIENT }, /* not the registered algorithm */
        { a_raw_jwt(&w, "{\"alg\":\"none\"}", good, STR("")), &err_INVALID_CLIENT },
        { a_raw_jwt(&w, "{\"alg\":\"NONE\"}", good, STR("")), &err_INVALID_CLIENT },
        { a_raw_jwt(&w, "{\"alg\":\"HS256\",\"kid\":\"k\"}", good, zero), &err_INVALID_CLIENT },
        { a_raw_jwt(&w, "{\"alg\":\"ES256\",\"kid\":\"k\"}", good, zero), &err_INVALID_CLIENT }, /* r = s = 0 */
        { a_raw_jwt(&w, "{\"alg\":\"ES256\",\"kid\":\"k\"}", good, STR("")), &err_INVALID_CLIENT },
        { a_raw_jwt(&w, "{\"alg\":\"ES256\",\"kid\":\"k\",\"crit\":[\"exp\"]}", good, jws.signature), &err_INVALID_CLIENT },
        { a_raw_jwt(&w, "{\"alg\":\"ES256\",\"kid\":\"k' OR 1=1 --\"}", good, jws.signature), &err_INVALID_REQUEST },
        { a_raw_jwt(&w, "{\"alg\":\"ES256\",\"kid\":\"../../k\"}", good, jws.signature), &err_INVALID_REQUEST },
        { a_raw_jwt(&w, "{\"alg\":\"ES256\",\"kid\":1}", good, jws.signature), &err_INVALID_CLIENT },
        { a_raw_jwt(&w, "{\"alg\":\"ES256\",\"kid\":\"k\",\"jku\":\"https://evil.example.test\"}", good, zero),
          &err_INVALID_CLIENT },
        { a_raw_jwt(&w, arena_printf(w.arena, "{\"alg\":\"ES256\",\"kid\":\"k\",\"jwk\":%.*s}", STR_FMT(embedded)).p, good, zero),
          &err_INVALID_CLIENT },
        { ARENA_CAT(w.arena, real, STR("=")), &err_INVALID_CLIENT },
        { ARENA_CAT(w.arena, real, STR(".x")), &err_INVALID_CLIENT },
        { STR("a.b.c"), &err_INVALID_CLIENT },
    };
    for (size_t i = 0; i < ARRAY_LEN(forged); i++) {
        print_message("forgery %zu\n", i);
        refused(&w, forged[i].jwt, forged[i].kind, NULL);
    }
    assert_int_equal(net.calls, 0);
    struct str wrong_typ;
    WORLD_TRY(&w, jws_sign(w.arena, key, STR("at+jwt"), str_of(good), &wrong_typ, &w.e));
    refused(&w, wrong_typ, &err_INVALID_CLIENT, "typ");
    assert_non_null(authenticate(&w, real, "client_secret=ignored"));
    assertions_close(&w);
}

static void test_body_id(void **state)
{
    (void)state;
    struct world w;
    const struct jwk *key = open_world(&w);
    const struct row nameless = { "", "\"iss\":\"c\"," AUD, 300, true, NULL };
    world_client(&w, "{\"client_id\":\"basic\",\"client_secret\":\"a-secret\"}");
    world_client(&w, "{\"client_id\":\"none\",\"token_endpoint_auth_method\":\"none\"}");
    refused(&w, a_jwt(&w, key, payload_of(&w, &nameless, 1).p), &err_INVALID_CLIENT, "The claim 'sub'");
    assert_null(authenticate(&w, a_jwt(&w, key, payload_of(&w, &nameless, 1).p), "client_id=c"));
    assert_null(authenticate(&w, a_jwt(&w, key, payload_of(&w, &rows[0], 1).p), "client_id=ghost"));
    assert_null(authenticate(&w, a_jwt(&w, key, payload_of(&w, &rows[0], 1).p), "client_id=basic"));
    assert_non_null(strstr(w.e.hint, "only supports client authentication method 'client_secret_basic'"));
    assert_null(authenticate(&w, a_jwt(&w, key, payload_of(&w, &rows[0], 1).p), "client_id=none"));
    assert_non_null(strstr(w.e.hint, "does not support client authentication"));
    assert_non_null(authenticate(&w, a_jwt(&w, key, payload_of(&w, &rows[0], 1).p), "client_id=c"));
    assertions_close(&w);
}

/* ---- client_secret_jwt ---- */

static struct str by_secret(struct world *w, const char *secret, const char *payload)
{
    unsigned char mac[32];
    unsigned n = sizeof(mac);
    const struct str text = ARENA_CAT(w->arena, b64url_encode(w->arena, STR("{\"alg\":\"HS256\"}")), STR("."),
                                      b64url_encode(w->arena, str_of(payload)));
    HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)text.p, text.n, mac, &n);
    return ARENA_CAT(w->arena, text, STR("."), b64url_encode(w->arena, (struct str) { (char *)mac, n }));
}

static void test_secret(void **state)
{
    (void)state;
    struct world w;
    const struct jwk *key = open_world(&w);
    const struct client *c =
        world_client(&w, "{\"client_id\":\"m\",\"client_secret\":\"the-very-secret\","
                         "\"sealed_client_secret\":\"x\",\"token_endpoint_auth_method\":\"client_secret_jwt\"}");
    struct buf shown = BUF(w.arena);
    client_write(&JW(&shown), NULL, c, CLIENT_READ, false, NULL);
    assert_null(strstr(buf_str(&shown).p, "sealed"));
    assert_null(strstr(client_doc(w.arena, c).p, "the-very-secret"));

    const struct row row = { "", "\"iss\":\"m\",\"sub\":\"m\"," AUD, 300, true, NULL };
    refused(&w, by_secret(&w, "another-secret", payload_of(&w, &row, 1).p), &err_INVALID_CLIENT, "integrity");
    refused(&w, a_jwt(&w, key, payload_of(&w, &row, 1).p), &err_INVALID_CLIENT, "enforces signing algorithm 'HS256'");
    assert_non_null(authenticate(&w, by_secret(&w, "the-very-secret", payload_of(&w, &row, 1).p), ""));
    refused(&w, by_secret(&w, "the-very-secret", payload_of(&w, &row, 1).p), &err_JTI_KNOWN, NULL);
    /* A client of another method has no sealed secret. */
    c = world_client(&w, "{\"client_id\":\"b\",\"client_secret\":\"the-very-secret\",\"sealed_client_secret\":\"x\"}");
    assert_int_equal(c->sealed_secret.n, 0);
    assertions_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_claims),    cmocka_unit_test(test_burned_last), cmocka_unit_test(test_waits),
        cmocka_unit_test(test_forgeries), cmocka_unit_test(test_body_id),     cmocka_unit_test(test_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
