/* Refresh tokens: strict rotation, the grace period, replays, and what a client that changed may still do. */
#include "consented.h"

#include <pthread.h>

#include "oauth/refresh_token.h"
#include "oauth/revocation.h"

static const char grace[] = "oauth2: { grant: { refresh_token: { rotation_grace_period: 10s } } }";
static const char twice[] = "oauth2: { grant: { refresh_token: { rotation_grace_period: 10s, rotation_grace_reuse_count: 2 } } }";

static json_t *open_tokens(struct world *w, const char *more)
{
    world_open(w, more);
    code_client(w, "c", "");
    code_client(w, "other", "");
    const struct grant_session s = plain_session(w);
    return first_tokens(w, "c", &s, NULL);
}

static struct str at(const json_t *answer) { return member(answer, "access_token"); }
static struct str rt(const json_t *answer) { return member(answer, "refresh_token"); }

static void refused(struct world *w, const struct err_kind *kind, const char *hint)
{
    if (w->e.kind != kind) world_fail(w);
    if (hint != NULL) assert_string_equal(w->e.hint, hint);
}

static void test_rotation(void **state)
{
    (void)state;
    struct world w;
    const json_t *one = open_tokens(&w, "");
    world_later(&w, 60 * USEC_PER_SEC);
    const json_t *two = refresh(&w, "c:secret", rt(one), "");
    assert_non_null(two);
    assert_false(str_eq(rt(one), rt(two)));
    assert_false(is_active(&w, at(one), NULL));
    assert_false(is_active(&w, rt(one), NULL));
    assert_true(is_active(&w, at(two), NULL));
    assert_true(is_active(&w, rt(two), NULL));
    assert_str(member(two, "scope"), "openid offline a");
    const json_t *first = claims_of(&w, member(one, "id_token")), *next = claims_of(&w, member(two, "id_token"));
    assert_str(member(next, "nonce"), "the-nonce");
    assert_str(member(next, "sid"), "the-sid");
    assert_int_equal(number(next, "auth_time"), number(first, "auth_time"));
    assert_int_equal(number(next, "rat"), number(first, "rat"));
    assert_int_equal(number(next, "iat"), number(first, "iat") + 60);
    assert_false(str_eq(member(next, "jti"), member(first, "jti")));
    world_close(&w);
}

/* RFC 9700 4.14.2: whoever brings a used token, its family ends. */
static void test_replay(void **state)
{
    (void)state;
    static const char *const pairs[] = { "c:secret", "other:secret" };
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        struct world w;
        const json_t *one = open_tokens(&w, "");
        const json_t *two = refresh(&w, "c:secret", rt(one), "");
        assert_null(refresh(&w, pairs[i], rt(one), ""));
        refused(&w, &err_INVALID_GRANT, "The refresh token was already used.");
        assert_false(is_active(&w, at(two), NULL));
        assert_false(is_active(&w, rt(two), NULL));
        assert_null(refresh(&w, "c:secret", rt(two), ""));
        refused(&w, &err_INVALID_GRANT, "The refresh token is malformed or not valid.");
        world_close(&w);
    }
}

static void test_refusals(void **state)
{
    (void)state;
    static const char *const garbage[] = { "", "made-up", "ory_rt_aaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbb" };
    struct world w;
    const json_t *one = open_tokens(&w, "");
    for (size_t i = 0; i < ARRAY_LEN(garbage); i++) {
        assert_null(refresh(&w, "c:secret", str_of(garbage[i]), ""));
        refused(&w, &err_INVALID_GRANT, "The refresh token is malformed or not valid.");
    }
    assert_null(refresh(&w, "c:secret", at(one), "")); /* another kind of token */
    refused(&w, &err_INVALID_GRANT, "The refresh token is malformed or not valid.");
    assert_null(refresh(&w, "other:secret", rt(one), "")); /* does no harm */
    refused(&w, &err_INVALID_GRANT,
            "The OAuth 2.0 Client ID from this request does not match the ID during the initial token issuance.");
    const usec_t now = w.op.now;
    world_later(&w, INT64_C(721) * 3600 * USEC_PER_SEC);
    assert_null(refresh(&w, "c:secret", rt(one), ""));
    refused(&w, &err_INVALID_GRANT, "The refresh token expired.");
    assert_false(is_active(&w, rt(one), NULL));
    w.op.now = now;
    w.op.may_wait = false;
    assert_null(refresh(&w, "c:secret", rt(one), ""));
    refused(&w, &err_MUST_WAIT, NULL);
    w.op.may_wait = true;
    assert_non_null(refresh(&w, "c:secret", str_from(rt(one), REFRESH_TOKEN_PREFIX.n), ""));
    world_close(&w);
}

/* The parameters change nothing. */
static void test_scope_parameter(void **state)
{
    (void)state;
    static const char *const forms[] = { "&scope=a", "&scope=a+b", "&scope=nonsense", "&audience=urn:other" };
    struct world w;
    const json_t *last = open_tokens(&w, "");
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        last = refresh(&w, "c:secret", rt(last), forms[i]);
        assert_non_null(last);
        assert_str(member(last, "scope"), "openid offline a");
    }
    world_close(&w);
}

static bool set_members(struct client *c, struct client_extras *x, const void *arg, struct err *e)
{
    return client_decode(c, x, arg, e);
}

static void change_client(struct world *w, const char *id, const char *json)
{
    struct client *now;
    struct client_extras x;
    json_t *members;
    WORLD_TRY(w, json_read(w->arena, str_of(json), &members, NULL, &w->e));
    const struct client_change change = { .id = str_of(id), .edit = set_members, .arg = members };
    WORLD_TRY(w, client_update(w->p, &w->op, &change, &now, &x, &w->e));
}

/* What the client may no longer have it does not get, and the token is not lost by asking. */
static void test_client_changed(void **state)
{
    (void)state;
    static const struct {
        const char *members;
        const struct err_kind *kind;
        const char *hint;
    } rows[] = {
        { "{\"scope\":\"openid offline\"}", &err_INVALID_SCOPE, "The OAuth 2.0 Client is not allowed to request scope 'a'." },
        { "{\"audience\":[]}", &err_INVALID_REQUEST, NULL },
        { "{\"grant_types\":[\"authorization_code\"]}", &err_UNAUTHORIZED_CLIENT,
          "The OAuth 2.0 Client is not allowed to use authorization grant 'refresh_token'." },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct world w;
        const json_t *one = open_tokens(&w, "");
        change_client(&w, "c", rows[i].members);
        assert_null(refresh(&w, "c:secret", rt(one), ""));
        refused(&w, rows[i].kind, rows[i].hint);
        change_client(&w, "c",
                      "{\"scope\":\"openid offline a\",\"audience\":[\"urn:api\"],"
                      "\"grant_types\":[\"authorization_code\",\"refresh_token\"]}");
        assert_non_null(refresh(&w, "c:secret", rt(one), ""));
        world_close(&w);
    }
}

/* ---- the grace period ---- */

/* The same successor for everybody; what belongs to the presented token dies, what other uses brought lives. */
static void test_grace(void **state)
{
    (void)state;
    struct world w;
    const json_t *one = open_tokens(&w, grace);
    world_later(&w, 60 * USEC_PER_SEC);
    const json_t *two = refresh(&w, "c:secret", rt(one), "");
    assert_true(is_active(&w, rt(one), NULL)); /* it may come again */
    assert_false(is_active(&w, at(one), NULL));
    world_later(&w, 3 * USEC_PER_SEC);
    const json_t *again = refresh(&w, "c:secret", rt(one), "");
    assert_non_null(again);
    assert_strn(rt(again), rt(two));
    assert_false(str_eq(at(again), at(two)));
    assert_true(is_active(&w, at(two), NULL));
    assert_true(is_active(&w, at(again), NULL));

    world_later(&w, USEC_PER_SEC);
    const json_t *three = refresh(&w, "c:secret", rt(two), "");
    assert_non_null(three);
    assert_false(is_active(&w, at(two), NULL));
    assert_true(is_active(&w, at(again), NULL));
    assert_true(is_active(&w, at(three), NULL));
    world_close(&w);
}

static void test_grace_is_over(void **state)
{
    (void)state;
    struct world w;
    const json_t *one = open_tokens(&w, grace);
    const json_t *two = refresh(&w, "c:secret", rt(one), "");
    world_later(&w, 11 * USEC_PER_SEC);
    assert_false(is_active(&w, rt(one), NULL));
    assert_null(refresh(&w, "c:secret", rt(one), ""));
    refused(&w, &err_INVALID_GRANT, NULL);
    assert_false(is_active(&w, at(two), NULL));
    assert_null(refresh(&w, "c:secret", rt(two), ""));
    world_close(&w);
}

/* Whoever fell behind by several generations catches up, within the period that begins, for what the row knows, with the token.
 */
static void test_grace_of_older_generations(void **state)
{
    (void)state;
    struct world w;
    const json_t *one = open_tokens(&w, grace);
    const json_t *two = refresh(&w, "c:secret", rt(one), "");
    world_later(&w, 6 * USEC_PER_SEC);
    const json_t *three = refresh(&w, "c:secret", rt(two), "");
    const json_t *again = refresh(&w, "c:secret", rt(one), "");
    assert_non_null(again);
    assert_strn(rt(again), rt(three));
    assert_true(is_active(&w, rt(one), NULL));

    world_later(&w, 5 * USEC_PER_SEC); /* the first rotation was 11 s ago, the second 5 */
    assert_false(is_active(&w, rt(one), NULL));
    assert_true(is_active(&w, rt(two), NULL));
    assert_null(refresh(&w, "c:secret", rt(one), ""));
    assert_false(is_active(&w, at(three), NULL));
    world_close(&w);
}

/* How often an older one was used is not known, so where that has a limit it is a replay at any time. */
static void test_grace_count_is_for_one_generation(void **state)
{
    (void)state;
    struct world w;
    const json_t *one = open_tokens(&w, twice);
    const json_t *two = refresh(&w, "c:secret", rt(one), "");
    const json_t *three = refresh(&w, "c:secret", rt(two), "");
    assert_non_null(three);
    assert_null(refresh(&w, "c:secret", rt(one), ""));
    assert_false(is_active(&w, at(three), NULL));
    world_close(&w);
}

/* A count of two: the use that rotates and one more. */
static void test_grace_count(void **state)
{
    (void)state;
    struct world w;
    const json_t *one = open_tokens(&w, twice);
    const json_t *two = refresh(&w, "c:secret", rt(one), "");
    assert_non_null(refresh(&w, "c:secret", rt(one), ""));
    assert_false(is_active(&w, rt(one), NULL));
    const json_t *three = refresh(&w, "c:secret", rt(two), "");
    assert_non_null(refresh(&w, "c:secret", rt(two), "")); /* each generation has its own count */
    assert_null(refresh(&w, "c:secret", rt(two), ""));
    refused(&w, &err_INVALID_GRANT, NULL);
    assert_false(is_active(&w, at(three), NULL));
    world_close(&w);

    one = open_tokens(&w, "oauth2: { grant: { refresh_token: { rotation_grace_period: 10s, rotation_grace_reuse_count: 1 } } }");
    assert_non_null(refresh(&w, "c:secret", rt(one), ""));
    assert_null(refresh(&w, "c:secret", rt(one), ""));
    world_close(&w);
}

/* ---- many uses at once ---- */

enum { RACERS = 8, ROUNDS = 13 };

struct racer {
    const struct world *shared;
    struct str token;
    pthread_barrier_t *start;
    bool won;
    char successor[512];
    const struct err_kind *kind;
};

static void *race(void *arg)
{
    struct racer *r = arg;
    struct world w = *r->shared;
    w.arena = arena_new();
    w.op = (struct op) { .arena = w.arena, .now = clock_now(), .may_wait = true };
    w.e = ERR_INIT(w.arena);
    pthread_barrier_wait(r->start);
    const json_t *answer = refresh(&w, "c:secret", r->token, "");
    r->won = answer != NULL;
    r->kind = w.e.kind;
    if (r->won) snprintf(r->successor, sizeof(r->successor), "%.*s", STR_FMT(rt(answer)));
    arena_free(w.arena);
    return NULL;
}

static int run_race(struct world *w, struct str token, struct racer racers[RACERS])
{
    pthread_t threads[RACERS];
    pthread_barrier_t start;
    int winners = 0;
    pthread_barrier_init(&start, NULL, RACERS);
    for (int i = 0; i < RACERS; i++) {
        racers[i] = (struct racer) { .shared = w, .token = token, .start = &start };
        assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    }
    for (int i = 0; i < RACERS; i++) {
        pthread_join(threads[i], NULL);
        winners += racers[i].won;
    }
    pthread_barrier_destroy(&start);
    return winners;
}

static void test_one_winner(void **state)
{
    (void)state;
    struct racer racers[RACERS];
    struct world w;
    open_tokens(&w, "");
    for (int round = 0; round < ROUNDS; round++) {
        const struct grant_session s = plain_session(&w);
        const json_t *one = first_tokens(&w, "c", &s, NULL);
        assert_int_equal(run_race(&w, rt(one), racers), 1);
        for (int i = 0; i < RACERS; i++) {
            if (!racers[i].won) assert_ptr_equal(racers[i].kind, &err_INVALID_GRANT);
        }
    }
    world_close(&w);
}

static void test_grace_in_a_crowd(void **state)
{
    (void)state;
    struct racer racers[RACERS];
    struct world w;
    open_tokens(&w, grace);
    for (int round = 0; round < ROUNDS; round++) {
        w.op.now = clock_now();
        const struct grant_session s = plain_session(&w);
        const json_t *one = first_tokens(&w, "c", &s, NULL);
        assert_int_equal(run_race(&w, rt(one), racers), RACERS);
        for (int i = 1; i < RACERS; i++) assert_string_equal(racers[i].successor, racers[0].successor);
    }
    world_close(&w);
}

/* ---- what ends it ---- */

static void do_revoke(struct world *w, const char *pair, struct str token)
{
    struct exchange x = exchange_of(w, pair, "");
    params_add(w->arena, &x.form, STR("token"), token);
    x.credentials.form = &x.form;
    WORLD_TRY(w, revoke(w->p, &w->op, &x.credentials, &w->e));
}

/* RFC 7009 2.1: the refresh token, an access token, even a rotated one: everything of the grant goes. */
static void test_revocation(void **state)
{
    (void)state;
    for (int which = 0; which < 3; which++) {
        struct world w;
        const json_t *one = open_tokens(&w, "");
        const json_t *two = refresh(&w, "c:secret", rt(one), "");
        do_revoke(&w, "other:secret", rt(two));
        assert_true(is_active(&w, at(two), NULL));
        do_revoke(&w, "c:secret", which == 0 ? rt(two) : which == 1 ? at(two) : rt(one));
        assert_false(is_active(&w, at(two), NULL));
        assert_false(is_active(&w, rt(two), NULL));
        assert_null(refresh(&w, "c:secret", rt(two), ""));
        world_close(&w);
    }
}

/* DELETE /oauth2/tokens?client_id= ends access tokens only. */
static void test_not_before(void **state)
{
    (void)state;
    struct world w;
    const json_t *one = open_tokens(&w, "");
    world_later(&w, USEC_PER_SEC);
    WORLD_TRY(&w, store_client_not_before(w.p->store, &w.op, STR("c"), w.op.now, &w.e));
    assert_false(is_active(&w, at(one), NULL));
    assert_true(is_active(&w, rt(one), NULL));
    world_later(&w, 1);
    const json_t *two = refresh(&w, "c:secret", rt(one), "");
    assert_true(is_active(&w, at(two), NULL));
    world_close(&w);
}

/* A client made again under the same id inherits nothing. */
static void test_client_gone(void **state)
{
    (void)state;
    struct world w;
    enum store_put put;
    const json_t *one = open_tokens(&w, "");
    WORLD_TRY(&w, store_client_delete(w.p->store, &w.op, STR("c"), &put, &w.e));
    code_client(&w, "c", "");
    assert_false(is_active(&w, rt(one), NULL));
    assert_null(refresh(&w, "c:secret", rt(one), ""));
    refused(&w, &err_INVALID_GRANT, NULL);
    world_close(&w);
}

/* The lives of the refresh grant; `-1` counts even when the first token had an end. */
static void test_lifespans(void **state)
{
    (void)state;
    struct world w;
    json_t *said;
    world_open(&w, "");
    code_client(&w, "c",
                ",\"refresh_token_grant_access_token_lifespan\":\"10m\",\"refresh_token_grant_id_token_lifespan\":\"20m\","
                "\"refresh_token_grant_refresh_token_lifespan\":\"30m\"");
    const struct grant_session s = plain_session(&w);
    const json_t *two = refresh(&w, "c:secret", rt(first_tokens(&w, "c", &s, NULL)), "");
    assert_int_equal(number(two, "expires_in"), 600);
    assert_int_equal(number(claims_of(&w, member(two, "id_token")), "exp"), usec_to_sec(w.op.now) + 1200);
    assert_true(is_active(&w, rt(two), &said));
    assert_int_equal(number(said, "exp"), usec_to_sec(w.op.now) + 1800);

    struct provider *own = w.p;
    w.p = world_provider(&w, "ttl: { refresh_token: -1 }");
    change_client(&w, "c", "{\"refresh_token_grant_refresh_token_lifespan\":null}");
    const json_t *three = refresh(&w, "c:secret", rt(two), "");
    assert_non_null(three);
    assert_true(is_active(&w, rt(three), &said));
    provider_unref(w.p);
    w.p = own;
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rotation),
        cmocka_unit_test(test_replay),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_scope_parameter),
        cmocka_unit_test(test_client_changed),
        cmocka_unit_test(test_grace),
        cmocka_unit_test(test_grace_is_over),
        cmocka_unit_test(test_grace_of_older_generations),
        cmocka_unit_test(test_grace_count_is_for_one_generation),
        cmocka_unit_test(test_grace_count),
        cmocka_unit_test(test_one_winner),
        cmocka_unit_test(test_grace_in_a_crowd),
        cmocka_unit_test(test_revocation),
        cmocka_unit_test(test_not_before),
        cmocka_unit_test(test_client_gone),
        cmocka_unit_test(test_lifespans),
    };
    return RUN(tests);
}
