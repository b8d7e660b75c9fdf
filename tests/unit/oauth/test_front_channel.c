/* What each response type brings through the browser. */
#include "consented.h"

#include "oauth/front_channel.h"
#include "oauth/id_token.h"
#include "oauth/userinfo.h"

enum { CODE = RESPONSE_CODE, TOKEN = RESPONSE_TOKEN, ID_TOKEN = RESPONSE_ID_TOKEN };

static bool issue(struct world *w, unsigned type, const struct grant *g, const struct grant_session *s, struct params *ret)
{
    const struct client *c;
    WORLD_TRY(w, client_get(w->p, &w->op, STR("c"), &c, &w->e));
    const struct authorize_request q = { .client = c, .response_type = type };
    *ret = (struct params) { 0 };
    if (type & CODE) params_add(w->arena, ret, STR("code"), code_of(w, g));
    w->e = ERR_INIT(w->arena);
    return front_channel_issue(w->p, &w->op, &q, g, s, ret, &w->e);
}

/* Names in the order in which they come. */
static const struct row {
    unsigned type;
    const char *scope, *names; /* NULL: refused */
} rows[] = {
    { TOKEN, "openid a", "access_token expires_in scope token_type" },
    { TOKEN, "", "access_token expires_in scope token_type" },
    { ID_TOKEN, "openid", "id_token" },
    { ID_TOKEN, "a", NULL },
    { TOKEN | ID_TOKEN, "openid", "access_token expires_in scope token_type id_token" },
    { TOKEN | ID_TOKEN, "a", NULL },
    { CODE | ID_TOKEN, "openid", "code id_token" },
    { CODE | ID_TOKEN, "a", "code" },
    { CODE | TOKEN, "openid", "code access_token expires_in scope token_type" },
    { CODE | TOKEN | ID_TOKEN, "openid", "code access_token expires_in scope token_type id_token" },
    { CODE | TOKEN | ID_TOKEN, "a", "code access_token expires_in scope token_type" },
};

static void check_id_token(struct world *w, const struct params *got)
{
    const struct jwk *signer;
    struct str hash;
    const struct str text = params_get(got, STR("id_token"));
    const struct str token = params_get(got, STR("access_token")), code = params_get(got, STR("code"));
    if (text.n == 0) return;
    const json_t *claims = claims_of(w, text);
    WORLD_TRY(w, keyset_signer(w->p, &w->op, STR(KEYSET_ID_TOKEN), &signer, &w->e));
    assert_int_equal(json_object_get(claims, "at_hash") != NULL, token.n > 0);
    assert_int_equal(json_object_get(claims, "c_hash") != NULL, code.n > 0);
    if (token.n > 0) WORLD_TRY(w, token_hash(w->arena, signer, token, &hash, &w->e));
    if (token.n > 0) assert_strn(member(claims, "at_hash"), hash);
    if (code.n > 0) WORLD_TRY(w, token_hash(w->arena, signer, code, &hash, &w->e));
    if (code.n > 0) assert_strn(member(claims, "c_hash"), hash);
    assert_str(member(claims, "nonce"), "the-nonce");
}

static void test_response_types(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, "");
    code_client(&w, "c", "");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct params got;
        struct strs names = { 0 };
        struct grant_session s = plain_session(&w);
        s.scopes = strs_words(w.arena, str_of(rows[i].scope));
        const struct grant *g = store_consented(&w, "c", "ada", &s);
        const bool issued = issue(&w, rows[i].type, g, &s, &got);
        if (issued != (rows[i].names != NULL)) fail_msg("row %zu", i);
        if (!issued) assert_ptr_equal(w.e.kind, &err_UNSUPPORTED_RESPONSE_TYPE);
        if (!issued) continue;
        for (size_t k = 0; k < got.n; k++) strs_add(w.arena, &names, got.v[k].name);
        assert_strn(strs_join(w.arena, names, " "), str_of(rows[i].names));
        check_id_token(&w, &got);
    }
    world_close(&w);
}

/* The lives are those of the implicit grant; the token outlives the redemption of the code beside it and dies with the grant. */
static void test_life(void **state)
{
    (void)state;
    struct world w;
    struct params got;
    world_open(&w, "");
    code_client(&w, "c", ",\"implicit_grant_access_token_lifespan\":\"15m\",\"implicit_grant_id_token_lifespan\":\"25m\"");
    const struct grant_session s = plain_session(&w);
    const struct grant *g = store_consented(&w, "c", "ada", &s);
    assert_true(issue(&w, CODE | TOKEN | ID_TOKEN, g, &s, &got));
    const struct str token = params_get(&got, STR("access_token"));
    assert_str(params_get(&got, STR("expires_in")), "900");
    assert_int_equal(number(claims_of(&w, params_get(&got, STR("id_token"))), "exp"), usec_to_sec(w.op.now) + 1500);
    assert_true(is_active(&w, token, NULL));
    world_later(&w, USEC_PER_SEC);
    const json_t *answer = redeem(&w, "c:secret", params_get(&got, STR("code")), WITH_CALLBACK);
    assert_non_null(answer);
    assert_true(is_active(&w, token, NULL));
    assert_non_null(refresh(&w, "c:secret", member(answer, "refresh_token"), ""));
    assert_false(is_active(&w, token, NULL));
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_response_types),
        cmocka_unit_test(test_life),
    };
    return RUN(tests);
}
