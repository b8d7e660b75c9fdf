/* Access tokens of both kinds: what they say comes back; nobody else's and nothing changed is taken for ours; who dies when. */
#include "world.h"

#include "base/b64.h"
#include "oauth/grant_session.h"
#include "oauth/token.h"

static struct access_token sample(struct world *w)
{
    return (struct access_token) {
        .client_id = STR("c"),
        .subject = STR("c"),
        .scopes = strs_words(w->arena, STR("read docs.*")),
        .audience = strs_words(w->arena, STR("urn:a urn:b")),
        .expires_at = (usec_to_sec(w->op.now) + 60) * USEC_PER_SEC,
    };
}

static struct str issue(struct world *w, const struct client *c, struct access_token *t)
{
    struct str text;
    WORLD_TRY(w, access_token_issue(w->p, &w->op, c, t, &text, &w->e));
    return text;
}

static bool open_token(struct world *w, struct str text, struct access_token *ret)
{
    bool ours;
    WORLD_TRY(w, access_token_open(w->p, &w->op, text, ret, &ours, &w->e));
    return ours;
}

static enum token_life check(struct world *w, const struct access_token *t)
{
    enum token_life life;
    struct grant *g;
    WORLD_TRY(w, access_token_check(w->p, &w->op, t, &life, &g, &w->e));
    return life;
}

static const struct client *client_of(struct world *w, const char *strategy)
{
    const struct str json = arena_printf(w->arena, "{\"client_id\":\"c\",\"access_token_strategy\":\"%s\"}", strategy);
    return world_client(w, json.p);
}

static void round_trip(const char *strategy)
{
    struct world w;
    struct access_token got;
    world_open(&w, "");
    const struct client *c = client_of(&w, strategy);
    struct access_token t = sample(&w);
    t.ext = STR("{\"tenant\":\"t\"}");
    const struct str text = issue(&w, c, &t);
    assert_true(open_token(&w, text, &got));
    assert_strn(got.id, t.id);
    assert_int_equal(got.id.n, 36);
    assert_str(got.client_id, "c");
    assert_str(got.subject, "c");
    assert_int_equal(got.scopes.n, 2);
    assert_str(got.scopes.v[1], "docs.*");
    assert_int_equal(got.audience.n, 2);
    assert_str(got.audience.v[0], "urn:a");
    assert_str(got.ext, "{\"tenant\":\"t\"}");
    assert_int_equal(got.issued_at, w.op.now);
    assert_int_equal(got.expires_at, t.expires_at);
    assert_int_equal(got.grant_id.n, 0);
    assert_int_equal(check(&w, &got), TOKEN_ALIVE);
    world_close(&w);
}

static void test_opaque(void **state)
{
    (void)state;
    round_trip("opaque");
}

static void test_jwt(void **state)
{
    (void)state;
    round_trip("jwt");
}

/* Any changed, cut or lengthened character, another prefix, another issuer. */
static void test_tampered(void **state)
{
    (void)state;
    struct world w;
    struct access_token got;
    world_open(&w, "");
    const struct client *c = client_of(&w, "opaque");
    struct access_token t = sample(&w);
    const struct str text = issue(&w, c, &t);
    char *copy = arena_dupz(w.arena, text);
    for (size_t i = 7; i < text.n; i++) {
        copy[i] = copy[i] == 'A' ? 'B' : 'A';
        if (copy[i] == text.p[i]) copy[i] = 'C';
        if (open_token(&w, (struct str) { copy, text.n }, &got)) fail_msg("character %zu", i);
        copy[i] = text.p[i];
    }
    assert_false(open_token(&w, str_upto(text, text.n - 1), &got));
    assert_false(open_token(&w, ARENA_CAT(w.arena, text, STR("A")), &got));
    assert_false(open_token(&w, ARENA_CAT(w.arena, STR("ory_rt_"), str_from(text, 7)), &got));
    assert_true(open_token(&w, str_from(text, 7), &got)); /* without its prefix it is the same token */
    static const char *const garbage[] = { "",        ".",        "a.b",      "a.b.c",
                                           "ory_at_", "ory_at_.", "eyJ.eyJ.", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0." };
    for (size_t i = 0; i < ARRAY_LEN(garbage); i++) assert_false(open_token(&w, str_of(garbage[i]), &got));

    struct provider *own = w.p;
    w.p = world_provider(&w, "urls: { self: { issuer: 'https://other.example.test' } }");
    assert_false(open_token(&w, text, &got));
    provider_unref(w.p);
    w.p = own;
    world_close(&w);
}

/* A JWT counts when the key is ours, the issuer is, and the id is of the moment of issue. */
static void test_foreign_jwt(void **state)
{
    (void)state;
    static const char *const payloads[] = {
        "{\"iss\":\"https://op.example.test\"}",
        "{\"iss\":\"https://"
        "other.test\",\"client_id\":\"c\",\"exp\":4000000000,\"iat\":1,\"jti\":\"00000000-03e8-7000-8000-000000000000\"}",
        "{\"iss\":\"https://op.example.test\",\"client_id\":\"c\",\"exp\":4000000000,\"iat\":1,\"jti\":\"x\"}",
        "{\"iss\":\"https://"
        "op.example.test\",\"client_id\":\"c\",\"exp\":\"x\",\"iat\":1,\"jti\":\"00000000-03e8-7000-8000-000000000000\"}",
        "{\"iss\":\"https://"
        "op.example.test\",\"client_id\":\"c\",\"exp\":9223372036854775807,\"iat\":1,\"jti\":\"00000000-03e8-7000-8000-"
        "000000000000\"}",
        "{\"iss\":\"https://op.example.test\",\"exp\":4000000000,\"iat\":1,\"jti\":\"00000000-03e8-7000-8000-000000000000\"}",
        "{\"iss\":\"https://"
        "op.example.test\",\"client_id\":\"c\",\"exp\":4000000000,\"iat\":2,\"jti\":\"00000000-03e8-7000-8000-000000000000\"}",
        "{\"iss\":\"https://"
        "op.example.test\",\"client_id\":\"c\",\"exp\":4000000000,\"iat\":1,\"jti\":\"00000000-03e8-4000-8000-000000000000\"}",
        "[]",
        "nonsense",
    };
    static const char good[] =
        "{\"iss\":\"https://"
        "op.example.test\",\"client_id\":\"c\",\"exp\":4000000000,\"iat\":1,\"jti\":\"00000000-03e8-7000-8000-000000000000\"}";
    struct world w;
    struct access_token got;
    struct str text;
    world_open(&w, "");
    for (size_t i = 0; i < ARRAY_LEN(payloads); i++) {
        WORLD_TRY(&w, keyset_sign(w.p, &w.op, STR(KEYSET_ACCESS_TOKEN), STR("JWT"), str_of(payloads[i]), &text, &w.e));
        if (open_token(&w, text, &got)) fail_msg("payload %zu", i);
    }
    WORLD_TRY(&w, keyset_sign(w.p, &w.op, STR(KEYSET_ACCESS_TOKEN), STR("JWT"), str_of(good), &text, &w.e));
    assert_true(open_token(&w, text, &got));
    assert_int_equal(got.issued_at, USEC_PER_SEC);
    WORLD_TRY(&w, keyset_sign(w.p, &w.op, STR(KEYSET_ID_TOKEN), STR("JWT"), str_of(good), &text, &w.e));
    assert_false(open_token(&w, text, &got)); /* the other set's key */
    world_close(&w);
}

static json_t *claims_of(struct world *w, const char *config, const char *ext)
{
    struct provider *own = w->p;
    struct jws jws;
    json_t *claims;
    w->p = world_provider(w, config);
    const struct client *c;
    WORLD_TRY(w, client_get(w->p, &w->op, STR("c"), &c, &w->e));
    struct access_token t = sample(w);
    t.ext = str_of(ext);
    WORLD_TRY(w, jws_parse(w->arena, issue(w, c, &t), &jws, &w->e));
    WORLD_TRY(w, json_read(w->arena, jws.payload, &claims, NULL, &w->e));
    provider_unref(w->p);
    w->p = own;
    return claims;
}

static void assert_claims(struct world *w, const char *config, const char *ext, const char *want)
{
    json_t *claims = claims_of(w, config, ext);
    assert_int_equal(json_integer_value(json_object_get(claims, "exp")) - json_integer_value(json_object_get(claims, "iat")), 60);
    json_object_del(claims, "exp");
    json_object_del(claims, "iat");
    json_object_del(claims, "jti");
    assert_str(json_text(w->arena, claims, true), want);
}

#define HEAD "{\"aud\":[\"urn:a\",\"urn:b\"],\"client_id\":\"c\","
#define TAIL ",\"iss\":\"https://op.example.test\","

static void test_claims(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, "oauth2: { exclude_not_before_claim: true }");
    client_of(&w, "jwt");
#define NO_NBF "oauth2: { exclude_not_before_claim: true"
    assert_claims(&w, NO_NBF " }", "", HEAD "\"ext\":{}" TAIL "\"scp\":[\"read\",\"docs.*\"],\"sub\":\"c\"}");
    assert_claims(&w, NO_NBF " }\nstrategies: { jwt: { scope_claim: string } }", "{\"a\":1}",
                  HEAD "\"ext\":{\"a\":1}" TAIL "\"scope\":\"read docs.*\",\"sub\":\"c\"}");
    assert_claims(&w, NO_NBF " }\nstrategies: { jwt: { scope_claim: both } }", "",
                  HEAD "\"ext\":{}" TAIL "\"scope\":\"read docs.*\",\"scp\":[\"read\",\"docs.*\"],\"sub\":\"c\"}");
    /* promoted, mirrored; protected names never */
    assert_claims(&w, NO_NBF ", allowed_top_level_claims: [a, sub, scope, ext, missing] }",
                  "{\"a\":1,\"b\":2,\"sub\":\"evil\",\"scope\":\"evil\",\"ext\":3}",
                  "{\"a\":1,"
                  "\"aud\":[\"urn:a\",\"urn:b\"],\"client_id\":\"c\","
                  "\"ext\":{\"a\":1,\"b\":2,\"ext\":3,\"scope\":\"evil\",\"sub\":\"evil\"}" TAIL
                  "\"scp\":[\"read\",\"docs.*\"],\"sub\":\"c\"}");
    /* not mirrored: no ext, or only what was not promoted */
    assert_claims(&w, NO_NBF ", mirror_top_level_claims: false, allowed_top_level_claims: [a] }", "{\"a\":1,\"b\":2}",
                  "{\"a\":1,\"aud\":[\"urn:a\",\"urn:b\"],\"client_id\":\"c\"" TAIL
                  "\"scp\":[\"read\",\"docs.*\"],\"sub\":\"c\"}");
    assert_claims(&w, NO_NBF ", mirror_top_level_claims: false, preserve_ext_claims: true, allowed_top_level_claims: [a] }",
                  "{\"a\":1,\"b\":2}",
                  "{\"a\":1,\"aud\":[\"urn:a\",\"urn:b\"],\"client_id\":\"c\",\"ext\":{\"b\":2}" TAIL
                  "\"scp\":[\"read\",\"docs.*\"],\"sub\":\"c\"}");
    assert_int_equal(json_integer_value(json_object_get(claims_of(&w, "", ""), "nbf")), usec_to_sec(w.op.now));
    world_close(&w);
}

static void test_expiry(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, "");
    const struct client *c = client_of(&w, "opaque");
    struct access_token t = sample(&w), got;
    assert_true(open_token(&w, issue(&w, c, &t), &got));
    w.op.now = t.expires_at + USEC_PER_SEC - 1;
    assert_int_equal(check(&w, &got), TOKEN_ALIVE); /* up to and including that second */
    w.op.now = t.expires_at + USEC_PER_SEC;
    assert_int_equal(check(&w, &got), TOKEN_EXPIRED);
    world_close(&w);
}

/* Revoked alone; with all earlier ones of its client; with its client. */
static void test_death(void **state)
{
    (void)state;
    struct world w;
    enum store_put put;
    world_open(&w, "");
    const struct client *c = client_of(&w, "opaque");
    struct access_token one = sample(&w), two = sample(&w), three = sample(&w);
    issue(&w, c, &one);
    issue(&w, c, &two);
    WORLD_TRY(&w, store_mark_put(w.parts.store, &w.op, MARK_TOKEN_DENIED, one.id, 1, one.expires_at, &put, NULL, &w.e));
    assert_int_equal(check(&w, &one), TOKEN_DEAD);
    assert_int_equal(check(&w, &two), TOKEN_ALIVE);
    WORLD_TRY(&w, store_client_not_before(w.parts.store, &w.op, STR("c"), w.op.now, &w.e));
    assert_int_equal(check(&w, &two), TOKEN_DEAD);
    world_later(&w, 1); /* the next microsecond is early enough for a new one */
    issue(&w, c, &three);
    assert_int_equal(check(&w, &three), TOKEN_ALIVE);
    WORLD_TRY(&w, store_client_delete(w.parts.store, &w.op, STR("c"), &put, &w.e));
    assert_int_equal(check(&w, &three), TOKEN_DEAD);
    world_close(&w);
}

static struct grant *grant_of(struct world *w, const struct access_token *t)
{
    struct grant *g;
    WORLD_TRY(w, store_grant_get(w->parts.store, &w->op, t->grant_id, &g, &w->e));
    assert_non_null(g);
    return g;
}

/* What does not fit into a token goes to a row, and the token stays short. */
static void test_large(void **state)
{
    (void)state;
    struct world w;
    struct grant_session session;
    world_open(&w, "");
    const struct client *c = client_of(&w, "opaque");
    struct access_token t = sample(&w), got;
    char *large = arena_alloc(w.arena, 3001);
    memset(large, 'x', 3000);
    large[3000] = '\0';
    t.ext = arena_printf(w.arena, "{\"a\":\"%s\"}", large);
    w.op.may_wait = false;
    struct str text;
    assert_false(access_token_issue(w.p, &w.op, c, &t, &text, &w.e));
    assert_true(err_is(&w.e, &err_MUST_WAIT));
    w.op.may_wait = true;
    text = issue(&w, c, &t);
    assert_true(text.n < 200);
    assert_true(open_token(&w, text, &got));
    assert_strn(got.grant_id, t.grant_id);
    assert_int_equal(check(&w, &got), TOKEN_ALIVE);

    const struct grant *g = grant_of(&w, &got);
    assert_null(memmem(g->session.p, g->session.n, "xxxx", 4)); /* encrypted at rest */
    WORLD_TRY(&w, grant_session_read(w.p, &w.op, g, &session, &w.e));
    assert_strn(session.access_claims, t.ext);
    assert_int_equal(session.scopes.n, 2);

    enum store_put put;
    WORLD_TRY(&w, store_grant_end(w.parts.store, &w.op, got.grant_id, &put, &w.e));
    assert_int_equal(check(&w, &got), TOKEN_DEAD);
    world_close(&w);
}

/* Tokens of a grant, of both kinds, die with what the row says. */
static void grant_token(const char *strategy)
{
    struct world w;
    enum store_put put;
    world_open(&w, "");
    const struct client *c = client_of(&w, strategy);
    const struct grant row = { .id = STR("00112233445566778899aabbccddeeff"),
                               .state = GRANT_ACTIVE,
                               .generation = 7,
                               .client_id = STR("c"),
                               .subject = STR("ada"),
                               .request = STR("{}"),
                               .session = STR("{}"),
                               .requested_at = w.op.now,
                               .expires_at = w.op.now + 3600 * USEC_PER_SEC };
    WORLD_TRY(&w, store_grant_insert(w.parts.store, &w.op, &row, &put, &w.e));
    struct access_token t = sample(&w), got;
    t.grant_id = row.id;
    t.generation = row.generation;
    t.subject = row.subject;
    assert_true(open_token(&w, issue(&w, c, &t), &got));
    assert_strn(got.grant_id, row.id);
    assert_int_equal(got.generation, 7);
    assert_int_equal(got.issued_at, w.op.now);
    assert_int_equal(check(&w, &got), TOKEN_ALIVE);

    struct grant *g = grant_of(&w, &got);
    const struct grant_move rotate = { .from = GRANT_ACTIVE, .from_generation = 7, .to = g };
    g->generation = 8;
    g->access_not_before = w.op.now;
    WORLD_TRY(&w, store_grant_move(w.parts.store, &w.op, &rotate, &put, &w.e));
    assert_int_equal(check(&w, &got), TOKEN_ALIVE); /* of the same moment */
    g = grant_of(&w, &got);
    const struct grant_move later = { .from = GRANT_ACTIVE, .from_generation = 8, .to = g };
    g->access_not_before = w.op.now + 1;
    WORLD_TRY(&w, store_grant_move(w.parts.store, &w.op, &later, &put, &w.e));
    assert_int_equal(check(&w, &got), TOKEN_DEAD);
    world_close(&w);
}

static void test_grant_opaque(void **state)
{
    (void)state;
    grant_token("opaque");
}

static void test_grant_jwt(void **state)
{
    (void)state;
    grant_token("jwt");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opaque),    cmocka_unit_test(test_jwt),         cmocka_unit_test(test_tampered),
        cmocka_unit_test(test_claims),    cmocka_unit_test(test_foreign_jwt), cmocka_unit_test(test_expiry),
        cmocka_unit_test(test_death),     cmocka_unit_test(test_large),       cmocka_unit_test(test_grant_opaque),
        cmocka_unit_test(test_grant_jwt),
    };
    return RUN(tests);
}
