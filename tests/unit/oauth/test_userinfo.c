/* Userinfo: the claims for each kind of token, and who gets none. */
#include "consented.h"

#include "oauth/userinfo.h"

static json_t *ask(struct world *w, struct str token)
{
    struct str text;
    json_t *json;
    bool is_signed;
    w->e = ERR_INIT(w->arena);
    if (!userinfo(w->p, &w->op, token, &is_signed, &text, &w->e)) return NULL;
    if (is_signed) return claims_of(w, text);
    WORLD_TRY(w, json_read(w->arena, text, &json, NULL, &w->e));
    return json;
}

static void refused(struct world *w, struct str token, const struct err_kind *kind)
{
    assert_null(ask(w, token));
    if (w->e.kind != kind) world_fail(w);
}

static struct grant_session rich_session(struct world *w)
{
    struct grant_session s = plain_session(w);
    s.acr = STR("gold");
    s.amr = strs_words(w->arena, STR("pwd"));
    s.id_claims = STR("{\"name\":\"Ada\",\"sid\":\"x\",\"sub\":\"x\"}");
    s.userinfo_claims = STR("{\"phone\":\"1\",\"iss\":\"x\"}");
    return s;
}

static void open_world(struct world *w, const char *members)
{
    world_open(w, "");
    code_client(w, "c", members);
}

/* None of nonce, at_hash, c_hash, exp, sid, jti. */
static void test_json(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, "");
    const struct grant_session s = rich_session(&w);
    const json_t *answer = first_tokens(&w, "c", &s, NULL);
    world_later(&w, 5 * USEC_PER_SEC);
    const json_t *claims = ask(&w, member(answer, "access_token"));
    assert_non_null(claims);
    assert_int_equal(json_object_size(claims), 10);
    assert_str(member(claims, "sub"), "ada");
    assert_str(member(claims, "iss"), "https://op.example.test");
    assert_int_equal(number(claims, "iat"), usec_to_sec(w.op.now) - 5);
    assert_int_equal(number(claims, "auth_time"), usec_to_sec(s.authenticated_at));
    assert_str(member(claims, "acr"), "gold");
    assert_str(member(claims, "name"), "Ada");
    assert_str(member(claims, "phone"), "1");
    assert_non_null(json_object_get(claims, "rat"));
    /* What is meant for userinfo alone stays out of the ID token. */
    assert_null(json_object_get(claims_of(&w, member(answer, "id_token")), "phone"));
    world_close(&w);
}

static void test_signed(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, ",\"userinfo_signed_response_alg\":\"RS256\"");
    struct grant_session s = rich_session(&w);
    s.sub = STR("pseudonym");
    const json_t *claims = ask(&w, member(first_tokens(&w, "c", &s, NULL), "access_token"));
    assert_non_null(claims);
    assert_int_equal(json_object_size(claims), 11);
    assert_str(member(claims, "sub"), "pseudonym");
    assert_true(uuid_is(member(claims, "jti")));
    assert_int_equal(number(claims, "iat"), usec_to_sec(w.op.now));
    assert_str(member(claims, "phone"), "1");
    world_close(&w);
}

static void test_refusals(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, "");
    struct grant_session s = plain_session(&w);
    const json_t *answer = first_tokens(&w, "c", &s, NULL);
    refused(&w, STR(""), &err_REQUEST_UNAUTHORIZED);
    refused(&w, STR("made-up"), &err_REQUEST_UNAUTHORIZED);
    refused(&w, member(answer, "id_token"), &err_REQUEST_UNAUTHORIZED);
    refused(&w, member(answer, "refresh_token"), &err_INVALID_TOKEN);
    assert_string_equal(w.e.description, "Only access tokens are allowed in the authorization header.");

    s.scopes = strs_words(w.arena, STR("offline a"));
    const json_t *without = first_tokens(&w, "c", &s, NULL);
    refused(&w, member(without, "access_token"), &err_INSUFFICIENT_SCOPE);

    assert_non_null(refresh(&w, "c:secret", member(answer, "refresh_token"), ""));
    refused(&w, member(answer, "access_token"), &err_REQUEST_UNAUTHORIZED); /* died with the rotation */
    world_later(&w, 3601 * USEC_PER_SEC);
    refused(&w, member(answer, "access_token"), &err_INVALID_TOKEN);
    world_close(&w);
}

/* No person stands behind such a token. */
static void test_client_credentials(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, ",\"grant_types\":[\"client_credentials\"]");
    const json_t *answer = ask_token(&w, "c:secret", "grant_type=client_credentials&scope=openid");
    const json_t *claims = ask(&w, member(answer, "access_token"));
    assert_int_equal(json_object_size(claims), 3);
    assert_null(json_object_get(claims, "sub"));
    answer = ask_token(&w, "c:secret", "grant_type=client_credentials");
    refused(&w, member(answer, "access_token"), &err_INSUFFICIENT_SCOPE);
    world_close(&w);
}

/* Reading never waits. */
static void test_on_the_listener(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, "");
    const struct grant_session s = plain_session(&w);
    const json_t *answer = first_tokens(&w, "c", &s, NULL);
    w.op.may_wait = false;
    assert_non_null(ask(&w, member(answer, "access_token")));
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_signed),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_client_credentials),
        cmocka_unit_test(test_on_the_listener),
    };
    return RUN(tests);
}
