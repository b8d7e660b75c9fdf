/* Credentials without HTTP: whose nonces hold, and what is refused before a proof is looked at. */
#include "consented.h"

#include "oauth/credential.h"

static const char *const scope = "openid offline userinfo_credential_draft_00";

static struct user_token token_with(struct world *w, const char *scopes)
{
    struct user_token u;
    struct grant_session s = plain_session(w);
    s.scopes = strs_words(w->arena, str_of(scopes));
    const json_t *answer = first_tokens(w, "c", &s, NULL);
    w->e = ERR_INIT(w->arena);
    WORLD_TRY(w, user_token_check(w->p, &w->op, member(answer, "access_token"), &err_INVALID_TOKEN, &u, &w->e));
    assert_int_equal(json_object_get(answer, "c_nonce_draft_00") != NULL, credential_scopes(s.scopes));
    return u;
}

static json_t *ask(struct world *w, const struct user_token *u, const struct credential_request *q, bool *ret_primed)
{
    struct str text;
    json_t *json;
    w->e = ERR_INIT(w->arena);
    if (!credential_issue(w->p, &w->op, u, q, ret_primed, &text, &w->e)) return NULL;
    WORLD_TRY(w, json_read(w->arena, text, &json, NULL, &w->e));
    return json;
}

static void test_priming(void **state)
{
    (void)state;
    struct world w;
    bool primed;
    world_open(&w, "ttl: { vc_nonce: 5m }\n");
    code_client(&w, "c", ",\"scope\":\"openid offline userinfo_credential_draft_00\"");
    const struct user_token u = token_with(&w, scope);
    const struct credential_request q = { .format = STR("jwt_vc_json") };
    const json_t *one = ask(&w, &u, &q, &primed), *two = ask(&w, &u, &q, &primed);
    assert_true(primed);
    assert_str(member(one, "error"), "missing_proof");
    assert_int_equal(number(one, "c_nonce_expires_in"), 300);
    assert_false(str_eq(member(one, "c_nonce"), member(two, "c_nonce")));
    world_close(&w);
}

static void refused(struct world *w, const struct user_token *u, const struct credential_request *q, const struct err_kind *kind)
{
    bool primed;
    assert_null(ask(w, u, q, &primed));
    if (w->e.kind != kind) world_fail(w);
}

static void test_refusals(void **state)
{
    (void)state;
    struct world w;
    struct str other[] = { STR("Other") };
    const struct credential_proof proof = { STR("jwt"), STR("e30.e30.x") }, unknown = { STR("cwt"), STR("") };
    world_open(&w, "");
    code_client(&w, "c", ",\"scope\":\"openid offline userinfo_credential_draft_00\"");
    const struct user_token u = token_with(&w, scope), plain = token_with(&w, "openid");
    refused(&w, &u, &(struct credential_request) { .format = STR("ldp_vc") }, &err_INVALID_REQUEST);
    refused(&w, &u, &(struct credential_request) { .format = STR("") }, &err_INVALID_REQUEST);
    refused(&w, &u, &(struct credential_request) { STR("jwt_vc_json"), { other, 1 }, &proof }, &err_INVALID_REQUEST);
    refused(&w, &u, &(struct credential_request) { .format = STR("jwt_vc_json"), .proof = &proof }, &err_INVALID_REQUEST);
    refused(&w, &u, &(struct credential_request) { .format = STR("jwt_vc_json"), .proof = &unknown }, &err_INVALID_REQUEST);
    refused(&w, &plain, &(struct credential_request) { .format = STR("jwt_vc_json"), .proof = &proof }, &err_INSUFFICIENT_SCOPE);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_priming),
        cmocka_unit_test(test_refusals),
    };
    return RUN(tests);
}
