/* What Hydra gave out goes on working, and ends, like our own; what it did not give out gets no look at the store. */
#include "consented.h"
#include "hydra_tokens.h"

#include "oauth/device.h"
#include "oauth/earlier.h"
#include "oauth/refresh_token.h"
#include "oauth/registration.h"
#include "oauth/revocation.h"

#define OTHER_SECRET "a-secret-of-somebody-else-"

static struct access_token access_of(struct world *w, const struct grant *g)
{
    return (struct access_token) { .grant_id = g->id,
                                   .generation = g->generation,
                                   .client_id = g->client_id,
                                   .issued_at = w->op.now - 100 * USEC_PER_SEC,
                                   .expires_at = (usec_to_sec(w->op.now) + 1000) * USEC_PER_SEC };
}

static void take_access(struct world *w, struct str token, const struct access_token *t)
{
    struct earlier_token row;
    WORLD_TRY(w, earlier_access_token(w->p, &w->op, digest_of(w, token), t, &row, &w->e));
    put_earlier(w, row);
}

static void take_refresh(struct world *w, struct str token, const struct grant *g, int64_t generation)
{
    const struct refresh_token t = { .grant_id = g->id,
                                     .generation = generation,
                                     .client_id = g->client_id,
                                     .issued_at = w->op.now - 100 * USEC_PER_SEC,
                                     .expires_at = USEC_NEVER };
    put_earlier(w, earlier_refresh_token(w->p, w->arena, digest_of(w, token), &t, USEC_NEVER));
}

static void take_code(struct world *w, struct str token, const struct grant *g)
{
    const struct code c = { .grant_id = g->id, .generation = 0, .expires_at = w->op.now + 60 * USEC_PER_SEC };
    put_earlier(w, earlier_code(w->p, w->arena, digest_of(w, token), &c, g->expires_at));
}

/* A grant as the importer leaves it: ACTIVE, at this generation. */
static struct grant *taken_grant(struct world *w, int64_t generation)
{
    const struct grant_session s = plain_session(w);
    struct grant *g = store_consented(w, "c", "ada", &s);
    const struct grant_move move = { .from = GRANT_CONSENTED, .from_generation = g->generation, .to = g };
    enum store_put put;
    g->state = GRANT_ACTIVE;
    g->generation = generation;
    g->expires_at = w->op.now + 10000 * USEC_PER_SEC;
    WORLD_TRY(w, store_grant_move(w->p->store, &w->op, &move, &put, &w->e));
    assert_int_equal(put, STORE_DONE);
    return g;
}

static void open_world(struct world *w, const char *more)
{
    world_open(w, more);
    code_client(w, "c", "");
    world_later(w, 200 * USEC_PER_SEC); /* so that what is taken over is younger than its client */
}

/* ---- what is looked for ---- */

static void test_only_authentic(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, "");
    struct provider blind = *w.p;
    blind.store = NULL; /* a look at it would end the test */
    const struct str right = hydra_token(&w, "ory_at_", THE_SECRET, 1), wrong = hydra_token(&w, "ory_at_", OTHER_SECRET, 1);
    const struct str texts[] = { wrong,
                                 STR(""),
                                 STR("made.up"),
                                 str_upto(right, right.n - 1),
                                 ARENA_CAT(w.arena, right, STR("A")),
                                 ARENA_CAT(w.arena, STR("ory_rt_"), str_from(right, 7)) };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct str got;
        assert_true(earlier_token(&blind, &w.op, ACCESS_TOKEN_PREFIX, texts[i], &got, &w.e));
        assert_ptr_equal(got.p, texts[i].p);
    }
    assert_false(is_active(&w, right, NULL)); /* authentic, but nobody knows it */
    world_close(&w);
}

/* ---- access tokens ---- */

static void test_grant_token(void **state)
{
    (void)state;
    struct world w;
    json_t *said;
    enum store_put put;
    open_world(&w, "");
    const struct grant *g = taken_grant(&w, 3);
    const struct str token = hydra_token(&w, "ory_at_", THE_SECRET, 1), changed = hydra_token(&w, "ory_at_", THE_SECRET, 2);
    const struct access_token t = access_of(&w, g);
    take_access(&w, token, &t);
    assert_true(is_active(&w, token, &said));
    assert_true(is_active(&w, str_from(token, 7), NULL)); /* the first version had no prefix */
    assert_str(member(said, "sub"), "ada");
    assert_str(member(said, "scope"), "openid offline a");
    assert_int_equal(number(said, "iat"), usec_to_sec(t.issued_at));
    assert_int_equal(number(said, "exp"), usec_to_sec(t.expires_at));
    assert_false(is_active(&w, changed, NULL));
    assert_false(is_active(&w, ARENA_CAT(w.arena, STR("ory_rt_"), str_from(token, 7)), NULL));
    WORLD_TRY(&w, store_grant_end(w.p->store, &w.op, g->id, &put, &w.e));
    assert_false(is_active(&w, token, NULL));
    world_close(&w);
}

static bool revoke_token(struct world *w, const char *pair, struct str token)
{
    struct exchange x = exchange_of(w, pair, arena_printf(w->arena, "token=%.*s", STR_FMT(token)).p);
    x.credentials.form = &x.form;
    w->e = ERR_INIT(w->arena);
    return revoke(w->p, &w->op, &x.credentials, &w->e);
}

/* Revoked and taken over once more, it stays revoked. */
static void test_own_token(void **state)
{
    (void)state;
    struct world w;
    json_t *said;
    open_world(&w, "");
    const struct str token = hydra_token(&w, "", THE_SECRET, 1);
    struct access_token t = { .client_id = STR("c"),
                              .subject = STR("c"),
                              .scopes = strs_words(w.arena, STR("a")),
                              .audience = strs_words(w.arena, STR("urn:api")),
                              .ext = STR("{\"tenant\":\"t\"}"),
                              .issued_at = w.op.now - 5,
                              .expires_at = (usec_to_sec(w.op.now) + 10) * USEC_PER_SEC };
    take_access(&w, token, &t);
    assert_true(is_active(&w, token, &said));
    assert_str(member(said, "scope"), "a");
    assert_str(member(json_object_get(said, "ext"), "tenant"), "t");
    assert_true(revoke_token(&w, "c:secret", token));
    assert_false(is_active(&w, token, NULL));
    take_access(&w, token, &t);
    assert_false(is_active(&w, token, NULL));

    const struct str other = hydra_token(&w, "", THE_SECRET, 2);
    take_access(&w, other, &t);
    assert_true(is_active(&w, other, NULL));
    world_later(&w, 12 * USEC_PER_SEC);
    assert_false(is_active(&w, other, NULL));
    world_close(&w);
}

/* What is too much for a token goes to a row of its own, to the same one each time. */
static void test_large(void **state)
{
    (void)state;
    struct world w;
    json_t *said;
    struct earlier_token row;
    open_world(&w, "");
    const struct str token = hydra_token(&w, "ory_at_", THE_SECRET, 1);
    char *large = arena_alloc(w.arena, 8001);
    memset(large, 'x', 8000);
    large[8000] = '\0';
    struct access_token t = { .client_id = STR("c"),
                              .subject = STR("c"),
                              .ext = arena_printf(w.arena, "{\"a\":\"%s\"}", large),
                              .issued_at = w.op.now,
                              .expires_at = (usec_to_sec(w.op.now) + 10) * USEC_PER_SEC };
    take_access(&w, token, &t);
    take_access(&w, token, &t);
    assert_true(is_active(&w, token, &said));
    assert_int_equal(member(json_object_get(said, "ext"), "a").n, 8000);
    w.op.may_wait = false;
    assert_false(earlier_access_token(w.p, &w.op, digest_of(&w, token), &t, &row, &w.e));
    assert_ptr_equal(w.e.kind, &err_MUST_WAIT);
    assert_false(earlier_access_token(w.p, &w.op, STR("no hex"), &t, &row, &w.e));
    assert_ptr_equal(w.e.kind, &err_BAD_REQUEST);
    assert_false(earlier_access_token(w.p, &w.op, STR("abcd"), &t, &row, &w.e));
    world_close(&w);
}

/* A database that leaks gives nobody a token; a row under another digest is worth nothing. */
static void test_rows_are_no_tokens(void **state)
{
    (void)state;
    struct world w;
    struct earlier_token row;
    struct str sealed;
    open_world(&w, "");
    const struct grant *g = taken_grant(&w, 1);
    const struct access_token t = access_of(&w, g);
    const struct str token = hydra_token(&w, "ory_at_", THE_SECRET, 1), other = hydra_token(&w, "ory_at_", THE_SECRET, 2);
    WORLD_TRY(&w, earlier_access_token(w.p, &w.op, digest_of(&w, token), &t, &row, &w.e));
    put_earlier(&w, row);
    WORLD_TRY(&w, store_earlier_get(w.p->store, &w.op, row.digest, &sealed, &w.e));
    assert_false(is_active(&w, sealed, NULL));
    row.digest = digest_of(&w, other);
    put_earlier(&w, row);
    assert_true(is_active(&w, token, NULL));
    assert_false(is_active(&w, other, NULL));
    world_close(&w);
}

/* The old secret has to stay listed, as it always had to. */
static void test_secrets(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, "");
    const struct grant *g = taken_grant(&w, 1);
    const struct access_token t = access_of(&w, g);
    const struct str token = hydra_token(&w, "ory_at_", THE_SECRET, 1);
    take_access(&w, token, &t);
    struct provider *first = w.p;
    w.p = world_provider(&w, "secrets: { system: [a-newer-secret-for-the-unit-tests, " THE_SECRET "] }");
    assert_true(is_active(&w, token, NULL));
    provider_unref(w.p);
    w.p = world_provider(&w, "secrets: { system: [a-newer-secret-for-the-unit-tests] }");
    assert_false(is_active(&w, token, NULL));
    provider_unref(w.p);
    w.p = first;
    world_close(&w);
}

#define JWT_PAYLOAD                       \
    "{\"iss\":\"https://op.example.test/" \
    "\",\"client_id\":\"c\",\"exp\":4000000000,\"iat\":1,\"jti\":\"7f1f5b43-6c8a-4f0e-9a35-0d9d5b1f9a11\"}"

static void test_jwt(void **state)
{
    (void)state;
    struct world w;
    struct str token, foreign;
    json_t *said;
    open_world(&w, "");
    const struct grant *g = taken_grant(&w, 1);
    const struct access_token t = access_of(&w, g);
    WORLD_TRY(&w, keyset_sign(w.p, &w.op, STR(KEYSET_ACCESS_TOKEN), STR("JWT"), STR(JWT_PAYLOAD), &token, &w.e));
    WORLD_TRY(&w, keyset_sign(w.p, &w.op, STR(KEYSET_ID_TOKEN), STR("JWT"), STR(JWT_PAYLOAD), &foreign, &w.e));
    assert_false(is_active(&w, token, NULL)); /* revoked before the take-over */
    take_access(&w, token, &t);
    take_access(&w, foreign, &t);
    assert_true(is_active(&w, token, &said));
    assert_str(member(said, "sub"), "ada");
    assert_false(is_active(&w, foreign, NULL));
    char *changed = arena_dupz(w.arena, token);
    changed[token.n - 10] = changed[token.n - 10] == 'A' ? 'B' : 'A';
    take_access(&w, str_of(changed), &t);
    assert_false(is_active(&w, str_of(changed), NULL));
    world_close(&w);
}

/* ---- refresh tokens ---- */

static void test_refresh(void **state)
{
    (void)state;
    struct world w;
    json_t *said;
    open_world(&w, "");
    const struct grant *g = taken_grant(&w, 2);
    const struct str living = hydra_token(&w, "ory_rt_", THE_SECRET, 1), access = hydra_token(&w, "ory_at_", THE_SECRET, 2);
    const struct access_token t = access_of(&w, g);
    take_refresh(&w, living, g, 2);
    take_access(&w, access, &t);
    assert_true(is_active(&w, living, &said));
    assert_str(member(said, "token_use"), "refresh_token");
    assert_true(is_active(&w, str_from(living, 7), NULL));
    assert_null(refresh(&w, "c:secret", hydra_token(&w, "ory_rt_", OTHER_SECRET, 1), ""));
    assert_null(refresh(&w, "c:secret", access, ""));
    assert_null(refresh(&w, "c:secret", str_from(access, 7), ""));
    const json_t *answer = refresh(&w, "c:secret", living, "");
    assert_non_null(answer);
    assert_false(is_active(&w, access, NULL));
    assert_true(is_active(&w, member(answer, "refresh_token"), NULL));
    /* used again: the family ends */
    assert_null(refresh(&w, "c:secret", living, ""));
    assert_ptr_equal(w.e.kind, &err_INVALID_GRANT);
    assert_false(is_active(&w, member(answer, "refresh_token"), NULL));
    assert_false(is_active(&w, member(answer, "access_token"), NULL));
    world_close(&w);
}

static void test_refresh_used_before(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, "");
    const struct grant *g = taken_grant(&w, 2);
    const struct str used = hydra_token(&w, "ory_rt_", THE_SECRET, 1), living = hydra_token(&w, "ory_rt_", THE_SECRET, 2);
    take_refresh(&w, used, g, 1);
    take_refresh(&w, living, g, 2);
    assert_false(is_active(&w, used, NULL));
    assert_null(refresh(&w, "c:secret", used, ""));
    assert_ptr_equal(w.e.kind, &err_INVALID_GRANT);
    assert_int_equal(get_grant(&w, g->id)->state, GRANT_ENDED);
    assert_null(refresh(&w, "c:secret", living, ""));
    world_close(&w);
}

/* ---- codes ---- */

static void test_code(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, "");
    const struct grant_session s = plain_session(&w);
    const struct grant *g = store_consented(&w, "c", "ada", &s);
    const struct str code = hydra_token(&w, "ory_ac_", THE_SECRET, 1);
    take_code(&w, code, g);
    assert_null(redeem(&w, "c:secret", hydra_token(&w, "ory_ac_", THE_SECRET, 2), WITH_CALLBACK));
    assert_null(redeem(&w, "c:secret", hydra_token(&w, "ory_ac_", OTHER_SECRET, 1), WITH_CALLBACK));
    const json_t *answer = redeem(&w, "c:secret", code, WITH_CALLBACK);
    assert_non_null(answer);
    assert_true(is_active(&w, member(answer, "access_token"), NULL));
    assert_null(redeem(&w, "c:secret", code, WITH_CALLBACK));
    assert_ptr_equal(w.e.kind, &err_INVALID_GRANT);
    assert_false(is_active(&w, member(answer, "access_token"), NULL));
    world_close(&w);
}

static void test_code_used_before(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, "");
    const struct grant *g = taken_grant(&w, 1);
    const struct str code = hydra_token(&w, "", THE_SECRET, 1), access = hydra_token(&w, "", THE_SECRET, 2);
    const struct access_token t = access_of(&w, g);
    take_code(&w, code, g);
    take_access(&w, access, &t);
    assert_null(redeem(&w, "c:secret", access, WITH_CALLBACK));
    assert_true(is_active(&w, access, NULL));
    assert_null(redeem(&w, "c:secret", code, WITH_CALLBACK));
    assert_false(is_active(&w, access, NULL));
    world_close(&w);
}

/* ---- devices ---- */

static struct str user_code_column(struct world *w, const char *shown)
{
    return hydra_user_code_digests(w->p->hydra, w->arena, str_of(shown)).v[0];
}

static void test_device(void **state)
{
    (void)state;
    struct world w;
    enum store_put put;
    world_open(&w, "");
    world_client(&w, "{\"client_id\":\"tv\",\"client_secret\":\"secret\",\"grant_types\":[\"" DEVICE_GRANT_TYPE "\"]}");
    const struct device d = { .id = STR("00112233445566778899aabbccddeeff"),
                              .user_code = user_code_column(&w, "zYWQvfGk"),
                              .state = DEVICE_WAITING,
                              .client_id = STR("tv"),
                              .request = STR("scope="),
                              .requested_at = w.op.now,
                              .expires_at = w.op.now + 60 * USEC_PER_SEC };
    WORLD_TRY(&w, store_device_put(w.p->store, &w.op, &d, &put, &w.e));
    const struct str code = hydra_token(&w, "ory_dc_", THE_SECRET, 1);
    const struct device_code c = { .device_id = d.id, .expires_at = d.expires_at };
    put_earlier(&w, earlier_device_code(w.p, w.arena, digest_of(&w, code), &c));
    static const char form[] = "grant_type=urn%%3Aietf%%3Aparams%%3Aoauth%%3Agrant-type%%3Adevice_code&device_code=%.*s";
    assert_null(ask_token(&w, "tv:secret", arena_printf(w.arena, form, STR_FMT(code)).p));
    assert_ptr_equal(w.e.kind, &err_AUTHORIZATION_PENDING);
    const struct str other = hydra_token(&w, "ory_dc_", THE_SECRET, 2);
    assert_null(ask_token(&w, "tv:secret", arena_printf(w.arena, form, STR_FMT(other)).p));
    assert_ptr_equal(w.e.kind, &err_INVALID_GRANT);
    world_later(&w, 61 * USEC_PER_SEC);
    assert_null(ask_token(&w, "tv:secret", arena_printf(w.arena, form, STR_FMT(code)).p));
    assert_ptr_equal(w.e.kind, &err_EXPIRED_TOKEN);
    world_close(&w);
}

static bool would_find(struct world *w, const char *shown, const char *typed)
{
    return strs_has(user_code_earlier_digests(w->p, w->arena, str_of(typed)), user_code_column(w, shown));
}

static void test_user_codes(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, "");
    assert_true(would_find(&w, "zYWQvfGk", "zYWQvfGk"));
    assert_true(would_find(&w, "zYWQvfGk", " zYWQ-vfGk"));
    assert_false(would_find(&w, "zYWQvfGk", "zYWQvfGK"));
    assert_true(would_find(&w, "ABCDEFGH", "abcd-efgh"));
    assert_false(would_find(&w, "ABCDEFGH", "abcdefg"));
    assert_false(would_find(&w, "ABCDEFGH", ""));
    world_close(&w);
}

/* ---- registration access tokens ---- */

static bool finds(struct world *w, struct str token)
{
    const struct client *c;
    w->e = ERR_INIT(w->arena);
    return registration_find(w->p, &w->op, STR("c"), token, &c, &w->e);
}

static void test_registration(void **state)
{
    (void)state;
    struct world w;
    struct client *replaced;
    struct client_extras x = { 0 };
    json_t *document;
    world_open(&w, "oidc: { dynamic_client_registration: { enabled: true } }");
    const struct client *c = code_client(&w, "c", "");
    const struct str token = hydra_token(&w, "ory_at_", THE_SECRET, 1);
    assert_false(finds(&w, token));
    put_earlier(&w, earlier_registration_token(w.p, w.arena, digest_of(&w, token), c));
    assert_true(finds(&w, token));
    assert_false(finds(&w, hydra_token(&w, "ory_at_", THE_SECRET, 2)));
    assert_false(finds(&w, hydra_token(&w, "ory_at_", OTHER_SECRET, 1)));
    assert_false(is_active(&w, token, NULL)); /* no access token */
    WORLD_TRY(&w,
              json_read(w.arena, STR("{\"client_name\":\"new\",\"redirect_uris\":[\"" CALLBACK "\"]}"), &document, NULL, &w.e));
    const struct registration_change change = { .id = STR("c"), .token = token, .document = document };
    WORLD_TRY(&w, registration_replace(w.p, &w.op, &change, &replaced, &x, &w.e));
    assert_false(finds(&w, token)); /* replaced with it */
    assert_true(finds(&w, x.registration_access_token));
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_authentic),
        cmocka_unit_test(test_grant_token),
        cmocka_unit_test(test_own_token),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_rows_are_no_tokens),
        cmocka_unit_test(test_secrets),
        cmocka_unit_test(test_jwt),
        cmocka_unit_test(test_refresh),
        cmocka_unit_test(test_refresh_used_before),
        cmocka_unit_test(test_code),
        cmocka_unit_test(test_code_used_before),
        cmocka_unit_test(test_device),
        cmocka_unit_test(test_user_codes),
        cmocka_unit_test(test_registration),
    };
    return RUN(tests);
}
