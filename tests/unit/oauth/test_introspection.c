/* RFC 7662: what is said about a live token, and that nothing is said about any other. */
#include "exchange.h"

#include "oauth/introspection.h"
#include "oauth/revocation.h"

static const char inactive[] = "{\"active\":false}";

static struct str ask(struct world *w, struct str token, const char *scope, bool slash)
{
    struct str text;
    WORLD_TRY(w, introspect(w->p, &w->op, token, str_of(scope), slash, &text, &w->e));
    return text;
}

static struct str get_token(struct world *w, const char *form)
{
    const json_t *answer = ask_token(w, "c:secret", form);
    assert_non_null(answer);
    return member(answer, "access_token");
}

static void open_world(struct world *w, const char *more)
{
    world_open(w, more);
    world_client(w, "{\"client_id\":\"c\",\"client_secret\":\"secret\",\"grant_types\":[\"client_credentials\"],"
                    "\"scope\":\"a docs.*\",\"audience\":[\"urn:api\"]}");
    world_client(w, "{\"client_id\":\"d\",\"client_secret\":\"secret\"}");
}

static void test_members(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, "");
    w.op.now = INT64_C(1800000000500000);
    struct str token = get_token(&w, "grant_type=client_credentials&scope=a+docs.*&audience=urn:api");
    assert_str(ask(&w, token, "", false),
               "{\"active\":true,\"scope\":\"a docs.*\",\"client_id\":\"c\",\"sub\":\"c\",\"exp\":1800003600,\"iat\":1800000000,"
               "\"nbf\":1800000000,\"aud\":[\"urn:api\"],\"iss\":\"https://op.example.test\",\"token_type\":\"Bearer\","
               "\"token_use\":\"access_token\"}");
    token = get_token(&w, "grant_type=client_credentials");
    assert_str(ask(&w, token, "", true),
               "{\"active\":true,\"client_id\":\"c\",\"sub\":\"c\",\"exp\":1800003600,\"iat\":1800000000,\"nbf\":1800000000,"
               "\"aud\":[],\"iss\":\"https://op.example.test/\",\"token_type\":\"Bearer\",\"token_use\":\"access_token\"}");
    world_close(&w);
}

static void test_inactive(void **state)
{
    (void)state;
    static const char *const garbage[] = { "", "made-up", "a.b.c", "ory_at_aaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbb" };
    struct world w;
    open_world(&w, "");
    for (size_t i = 0; i < ARRAY_LEN(garbage); i++) assert_str(ask(&w, str_of(garbage[i]), "", false), inactive);
    const struct str token = get_token(&w, "grant_type=client_credentials");
    world_later(&w, 3602 * USEC_PER_SEC);
    assert_str(ask(&w, token, "", false), inactive);
    world_close(&w);
}

static void test_scopes(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, "");
    const struct str token = get_token(&w, "grant_type=client_credentials&scope=a+docs.*");
    assert_str(ask(&w, token, "b", false), inactive);
    assert_str(ask(&w, token, "a b", false), inactive);
    assert_int_not_equal(ask(&w, token, "a", false).n, strlen(inactive));
    assert_int_not_equal(ask(&w, token, "a docs.read", false).n, strlen(inactive));
    world_close(&w);
}

static bool do_revoke(struct world *w, const char *pair, struct str token)
{
    struct exchange x = exchange_of(w, pair, "");
    params_add(w->arena, &x.form, STR("token"), token);
    x.credentials.form = &x.form;
    w->e = ERR_INIT(w->arena);
    return revoke(w->p, &w->op, &x.credentials, &w->e);
}

static void revoked(const char *strategy)
{
    struct world w;
    open_world(&w, strategy);
    const struct str one = get_token(&w, "grant_type=client_credentials"), two = get_token(&w, "grant_type=client_credentials");
    assert_true(do_revoke(&w, "d:secret", one)); /* somebody else's: nothing happens */
    assert_int_not_equal(ask(&w, one, "", false).n, strlen(inactive));
    assert_true(do_revoke(&w, "c:secret", one));
    assert_str(ask(&w, one, "", false), inactive);
    assert_int_not_equal(ask(&w, two, "", false).n, strlen(inactive));
    assert_true(do_revoke(&w, "c:secret", one));
    assert_true(do_revoke(&w, "c:secret", STR("made-up")));
    assert_true(do_revoke(&w, "c:secret", STR("")));
    world_close(&w);
}

static void test_revoke_opaque(void **state)
{
    (void)state;
    revoked("");
}

static void test_revoke_jwt(void **state)
{
    (void)state;
    revoked("strategies: { access_token: jwt }");
}

/* The refusals of revocation say no more than their kind. */
static void test_revoke_refusals(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, "");
    assert_false(do_revoke(&w, "c:wrong!", STR("x")));
    assert_true(err_is(&w.e, &err_INVALID_CLIENT));
    assert_null(w.e.hint);
    assert_false(do_revoke(&w, NULL, STR("x")));
    assert_true(err_is(&w.e, &err_INVALID_REQUEST));
    assert_string_equal(w.e.hint, HINT_CHECK_PARAMETERS);
    const struct params empty = { 0 };
    assert_false(revoke(w.p, &w.op, &(struct client_credentials) { .form = &empty }, &w.e));
    assert_true(err_is(&w.e, &err_INVALID_REQUEST));
    const struct str token = get_token(&w, "grant_type=client_credentials");
    w.op.may_wait = false;
    assert_false(do_revoke(&w, "c:secret", token)); /* a write waits, and says so before anything has happened */
    assert_true(err_is(&w.e, &err_MUST_WAIT));
    assert_int_not_equal(ask(&w, token, "", false).n, strlen(inactive));
    world_close(&w);
}

/* A token whose claims are in a row of its own. */
static void test_large(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, "");
    struct buf scope = BUF(w.arena), form = BUF(w.arena);
    for (int i = 0; i < 400; i++) buf_addf(&scope, "%sscope%d", i > 0 ? " " : "", i);
    struct buf json = BUF(w.arena);
    buf_addf(&json, "{\"client_id\":\"c\",\"client_secret\":\"secret\",\"grant_types\":[\"client_credentials\"],\"scope\":\"");
    buf_add(&json, buf_str(&scope));
    buf_addz(&json, "\"}");
    world_client(&w, buf_str(&json).p);
    buf_addz(&form, "grant_type=client_credentials&scope=");
    buf_add(&form, buf_str(&scope));
    const struct str token = get_token(&w, buf_str(&form).p);
    assert_true(token.n < 200);
    json_t *said;
    WORLD_TRY(&w, json_read(w.arena, ask(&w, token, "scope7 scope399", false), &said, NULL, &w.e));
    assert_strn(member(said, "scope"), buf_str(&scope));
    assert_str(member(said, "sub"), "c");
    assert_true(do_revoke(&w, "c:secret", token));
    assert_str(ask(&w, token, "", false), inactive);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members),       cmocka_unit_test(test_inactive),   cmocka_unit_test(test_scopes),
        cmocka_unit_test(test_revoke_opaque), cmocka_unit_test(test_revoke_jwt), cmocka_unit_test(test_revoke_refusals),
        cmocka_unit_test(test_large),
    };
    return RUN(tests);
}
