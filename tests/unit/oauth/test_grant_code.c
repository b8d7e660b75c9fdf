/* Redeeming codes: bound to client, redirect URI and PKCE; one winner; a replay ends everything. */
#include "consented.h"

#include <pthread.h>

static void test_answer(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, "");
    code_client(&w, "c", "");
    const struct grant_session s = plain_session(&w);
    struct grant *g;
    const json_t *answer = first_tokens(&w, "c", &s, &g);
    assert_int_equal(json_object_size(answer), 6);
    assert_str(member(answer, "scope"), "openid offline a");
    assert_str(member(answer, "token_type"), "bearer");
    assert_int_equal(number(answer, "expires_in"), 3600);
    assert_int_equal(g->state, GRANT_ACTIVE);
    assert_int_equal(g->generation, 1);
    json_t *said;
    assert_true(is_active(&w, member(answer, "access_token"), &said));
    assert_str(member(said, "sub"), "ada");
    assert_null(json_object_get(said, "obfuscated_subject"));
    assert_true(is_active(&w, member(answer, "refresh_token"), &said));
    assert_str(member(said, "token_use"), "refresh_token");
    assert_int_equal(number(said, "exp") - number(said, "iat"), 720 * 3600);
    world_close(&w);
}

/* Which tokens come: offline or offline_access with the refresh_token grant, openid. */
static void test_which_tokens(void **state)
{
    (void)state;
    static const struct {
        const char *client, *scope;
        bool refresh_token, id_token;
    } rows[] = {
        { "c", "openid offline", true, true },       { "c", "openid", false, true }, { "c", "offline", true, false },
        { "c", "offline_access", true, false },      { "c", "", false, false },      { "plain", "openid offline", false, true },
        { "plain", "offline_access", false, false },
    };
    struct world w;
    world_open(&w, "");
    code_client(&w, "c", "");
    code_client(&w, "plain", ",\"grant_types\":[]"); /* no list: authorization_code alone */
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct grant_session s = plain_session(&w);
        s.scopes = strs_words(w.arena, str_of(rows[i].scope));
        const json_t *answer = first_tokens(&w, rows[i].client, &s, NULL);
        assert_int_equal(json_object_get(answer, "refresh_token") != NULL, rows[i].refresh_token);
        assert_int_equal(json_object_get(answer, "id_token") != NULL, rows[i].id_token);
        assert_str(member(answer, "scope"), rows[i].scope);
    }
    world_close(&w);
}

struct refusal {
    const char *pair, *more; /* beside grant_type and code */
    usec_t later;
    const char *hint; /* NULL: none */
};

#define CLIENT_HINT   "The OAuth 2.0 Client ID from this request does not match the one from the authorize request."
#define REDIRECT_HINT "The 'redirect_uri' from this request does not match the one from the authorize request."

static const struct refusal refusals[] = {
    { "other:secret", WITH_CALLBACK, 0, CLIENT_HINT },
    { "c:secret", "", 0, REDIRECT_HINT },
    { "c:secret", "&redirect_uri=", 0, REDIRECT_HINT },
    { "c:secret", "&redirect_uri=https%3A%2F%2Frp.example.test%2FCB", 0, REDIRECT_HINT },
    { "c:secret", WITH_CALLBACK "%2F", 0, REDIRECT_HINT },
    { "c:secret", WITH_CALLBACK, 602 * USEC_PER_SEC, NULL },
};

/* After each of these the code is still good for its owner. */
static void test_refusals(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, "");
    code_client(&w, "c", "");
    code_client(&w, "other", "");
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        const struct refusal *row = &refusals[i];
        const struct grant_session s = plain_session(&w);
        const struct grant *g = store_consented(&w, "c", "ada", &s);
        const struct str code = code_of(&w, g);
        const usec_t now = w.op.now;
        world_later(&w, row->later);
        if (redeem(&w, row->pair, code, row->more) != NULL) fail_msg("row %zu was accepted", i);
        assert_ptr_equal(w.e.kind, &err_INVALID_GRANT);
        if (row->hint == NULL)
            assert_null(w.e.hint);
        else
            assert_string_equal(w.e.hint, row->hint);
        w.op.now = now;
        assert_non_null(redeem(&w, "c:secret", code, WITH_CALLBACK));
    }
    world_close(&w);
}

static void test_malformed(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, "");
    code_client(&w, "c", "");
    code_client(&w, "none", ",\"grant_types\":[\"refresh_token\"]");
    const struct grant_session s = plain_session(&w);
    const struct grant *g = store_consented(&w, "c", "ada", &s);
    const struct str code = code_of(&w, g),
                     gone = code_issue(w.p, w.arena, &(struct code) { STR("00112233445566778899aabbccddeeff"), 0, USEC_NEVER });
    char *changed = arena_dupz(w.arena, code);
    changed[code.n - 10] = changed[code.n - 10] == 'A' ? 'B' : 'A';
    const struct str bad[] = {
        STR(""), STR("made-up"), STR("ory_ac_a.b"), { changed, code.n }, str_upto(code, code.n - 1), gone
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_null(redeem(&w, "c:secret", bad[i], WITH_CALLBACK));
        assert_ptr_equal(w.e.kind, &err_INVALID_GRANT);
        assert_null(w.e.hint);
    }
    assert_null(redeem(&w, "none:secret", code, WITH_CALLBACK));
    assert_ptr_equal(w.e.kind, &err_UNAUTHORIZED_CLIENT);
    /* Without its prefix it is the same code. */
    assert_non_null(redeem(&w, "c:secret", str_from(code, CODE_PREFIX.n), WITH_CALLBACK));
    world_close(&w);
}

/* When the authorization request had no redirect_uri, the token request need not have one either. */
static void test_no_redirect_uri(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, "");
    code_client(&w, "c", "");
    struct grant_session s = plain_session(&w);
    s.redirect_uri = STR("");
    assert_non_null(redeem(&w, "c:secret", code_of(&w, store_consented(&w, "c", "ada", &s)), ""));
    assert_non_null(redeem(&w, "c:secret", code_of(&w, store_consented(&w, "c", "ada", &s)), WITH_CALLBACK));
    world_close(&w);
}

/* RFC 6749 4.1.2, 10.5: a code that comes again has leaked, whoever brings it. */
static void test_replay(void **state)
{
    (void)state;
    static const char *const pairs[] = { "c:secret", "other:secret" };
    struct world w;
    world_open(&w, "");
    code_client(&w, "c", "");
    code_client(&w, "other", "");
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        const struct grant_session s = plain_session(&w);
        const struct grant *g = store_consented(&w, "c", "ada", &s);
        const struct str code = code_of(&w, g);
        const json_t *answer = redeem(&w, "c:secret", code, WITH_CALLBACK);
        assert_true(is_active(&w, member(answer, "access_token"), NULL));
        assert_null(redeem(&w, pairs[i], code, WITH_CALLBACK));
        assert_ptr_equal(w.e.kind, &err_INVALID_GRANT);
        assert_false(is_active(&w, member(answer, "access_token"), NULL));
        assert_false(is_active(&w, member(answer, "refresh_token"), NULL));
        assert_null(redeem(&w, "c:secret", code, WITH_CALLBACK));
        assert_int_equal(get_grant(&w, g->id)->state, GRANT_ENDED);
    }
    world_close(&w);
}

#define VERIFIER  "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
#define CHALLENGE STR("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM") /* RFC 7636 appendix B */

/* RFC 7636 4.6; a code whose verifier was wrong is burnt, so that it cannot be tried again without one. */
static void test_pkce(void **state)
{
    (void)state;
    static const char *const wrong[] = { "", "&code_verifier=", "&code_verifier=" VERIFIER "x", "&code_verifier=short" };
    struct world w;
    world_open(&w, "");
    code_client(&w, "c", "");
    struct grant_session s = plain_session(&w);
    s.code_challenge = CHALLENGE;
    assert_non_null(
        redeem(&w, "c:secret", code_of(&w, store_consented(&w, "c", "ada", &s)), WITH_CALLBACK "&code_verifier=" VERIFIER));
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        const struct str code = code_of(&w, store_consented(&w, "c", "ada", &s));
        assert_null(redeem(&w, "c:secret", code, ARENA_CAT(w.arena, STR(WITH_CALLBACK), str_of(wrong[i])).p));
        assert_ptr_equal(w.e.kind, &err_INVALID_GRANT);
        assert_null(redeem(&w, "c:secret", code, WITH_CALLBACK));
        assert_null(redeem(&w, "c:secret", code, WITH_CALLBACK "&code_verifier=" VERIFIER));
    }
    world_close(&w);
}

/* A listener's thread never waits: nothing has happened when it says so. */
static void test_must_wait(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, "");
    code_client(&w, "c", "");
    const struct grant_session s = plain_session(&w);
    const struct grant *g = store_consented(&w, "c", "ada", &s);
    first_tokens(&w, "c", &s, NULL); /* the slow hash of the secret is over */
    w.op.may_wait = false;
    assert_null(redeem(&w, "c:secret", code_of(&w, g), WITH_CALLBACK));
    assert_ptr_equal(w.e.kind, &err_MUST_WAIT);
    assert_int_equal(get_grant(&w, g->id)->state, GRANT_CONSENTED);
    assert_null(redeem(&w, "c:secret", STR("made-up"), WITH_CALLBACK)); /* refused without a look at the store */
    assert_ptr_equal(w.e.kind, &err_INVALID_GRANT);
    world_close(&w);
}

/* ---- one code, many redemptions at once ---- */

enum { RACERS = 8, ROUNDS = 15 };

struct racer {
    const struct world *shared;
    struct str code;
    pthread_barrier_t *start;
    bool won;
    const struct err_kind *kind;
};

static void *race(void *arg)
{
    struct racer *r = arg;
    struct world w = *r->shared;
    w.arena = arena_new();
    w.op.arena = w.arena;
    w.e = ERR_INIT(w.arena);
    pthread_barrier_wait(r->start);
    r->won = redeem(&w, "c:secret", r->code, WITH_CALLBACK) != NULL;
    r->kind = w.e.kind;
    arena_free(w.arena);
    return NULL;
}

static void test_one_winner(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, "");
    code_client(&w, "c", "");
    const struct grant_session s = plain_session(&w);
    for (int round = 0; round < ROUNDS; round++) {
        const struct str code = code_of(&w, store_consented(&w, "c", "ada", &s));
        struct racer racers[RACERS];
        pthread_t threads[RACERS];
        pthread_barrier_t start;
        int winners = 0;
        pthread_barrier_init(&start, NULL, RACERS);
        for (int i = 0; i < RACERS; i++) {
            racers[i] = (struct racer) { .shared = &w, .code = code, .start = &start };
            assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
        }
        for (int i = 0; i < RACERS; i++) {
            pthread_join(threads[i], NULL);
            winners += racers[i].won;
            if (!racers[i].won) assert_ptr_equal(racers[i].kind, &err_INVALID_GRANT);
        }
        pthread_barrier_destroy(&start);
        assert_int_equal(winners, 1);
    }
    world_close(&w);
}

/* The row stays as long as what came of it is of use, and longer for a remembered consent. */
static void test_expiry(void **state)
{
    (void)state;
    struct world w;
    struct grant *g;
    world_open(&w, "ttl: { access_token: 1h, refresh_token: 10h }");
    code_client(&w, "c", "");
    struct grant_session s = plain_session(&w);
    first_tokens(&w, "c", &s, &g);
    assert_int_equal(usec_to_sec(g->expires_at), usec_to_sec(w.op.now) + 36001);
    s.scopes = strs_words(w.arena, STR("a"));
    first_tokens(&w, "c", &s, &g);
    assert_int_equal(usec_to_sec(g->expires_at), usec_to_sec(w.op.now) + 3601);
    world_close(&w);

    world_open(&w, "ttl: { refresh_token: -1 }");
    code_client(&w, "c", "");
    s = plain_session(&w);
    const json_t *answer = first_tokens(&w, "c", &s, &g);
    assert_int_equal(g->expires_at, USEC_NEVER);
    world_later(&w, INT64_C(50) * 365 * 86400 * USEC_PER_SEC);
    json_t *said;
    assert_true(is_active(&w, member(answer, "refresh_token"), &said));
    assert_null(json_object_get(said, "exp"));
    world_close(&w);
}

/* Each token has the life that the client was given for this grant. */
static void test_lifespans(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, "");
    code_client(
        &w, "c",
        ",\"authorization_code_grant_access_token_lifespan\":\"10m\",\"authorization_code_grant_id_token_lifespan\":\"20m\","
        "\"authorization_code_grant_refresh_token_lifespan\":\"30m\"");
    const struct grant_session s = plain_session(&w);
    const json_t *answer = first_tokens(&w, "c", &s, NULL);
    json_t *said;
    assert_int_equal(number(answer, "expires_in"), 600);
    assert_true(is_active(&w, member(answer, "refresh_token"), &said));
    assert_int_equal(number(said, "exp"), usec_to_sec(w.op.now) + 1800);
    const json_t *id = claims_of(&w, member(answer, "id_token"));
    assert_int_equal(number(id, "exp"), usec_to_sec(w.op.now) + 1200);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answer),    cmocka_unit_test(test_which_tokens),    cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_malformed), cmocka_unit_test(test_no_redirect_uri), cmocka_unit_test(test_replay),
        cmocka_unit_test(test_pkce),      cmocka_unit_test(test_must_wait),       cmocka_unit_test(test_one_winner),
        cmocka_unit_test(test_expiry),    cmocka_unit_test(test_lifespans),
    };
    return RUN(tests);
}
