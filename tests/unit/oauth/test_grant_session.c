/* The session column: every member comes back, sealed and in the clear; damage is an error, never half a session. */
#include "world.h"

#include "oauth/grant_session.h"

static struct grant_session full(struct arena *a)
{
    return (struct grant_session) { .scopes = strs_words(a, STR("openid a\"b")),
                                    .audience = strs_words(a, STR("https://api")),
                                    .access_claims = STR("{\"k\":[1,null]}"),
                                    .id_claims = STR("{\"email\":\"x@y\"}"),
                                    .userinfo_claims = STR("{\"n\":1.5}"),
                                    .requested = strs_words(a, STR("openid a b")),
                                    .sub = STR("seen-as"),
                                    .sid = STR("sid"),
                                    .authenticated_at = 7,
                                    .acr = STR("loa2"),
                                    .amr = strs_words(a, STR("pwd otp")),
                                    .acr_requested = true,
                                    .nonce = STR("n-\xC3\xBC"),
                                    .redirect_uri = STR("https://app/cb?a=b&c=d"),
                                    .code_challenge = STR("cc"),
                                    .hybrid = true };
}

static void assert_same(struct arena *a, const struct grant_session *got, const struct grant_session *want)
{
    assert_strn(strs_join(a, got->scopes, "|"), strs_join(a, want->scopes, "|"));
    assert_strn(strs_join(a, got->audience, "|"), strs_join(a, want->audience, "|"));
    assert_strn(strs_join(a, got->requested, "|"), strs_join(a, want->requested, "|"));
    assert_strn(strs_join(a, got->amr, "|"), strs_join(a, want->amr, "|"));
    assert_strn(got->access_claims, want->access_claims);
    assert_strn(got->id_claims, want->id_claims);
    assert_strn(got->userinfo_claims, want->userinfo_claims);
    assert_strn(got->sub, want->sub);
    assert_strn(got->sid, want->sid);
    assert_strn(got->acr, want->acr);
    assert_strn(got->nonce, want->nonce);
    assert_strn(got->redirect_uri, want->redirect_uri);
    assert_strn(got->code_challenge, want->code_challenge);
    assert_int_equal(got->authenticated_at, want->authenticated_at);
    assert_true(got->acr_requested == want->acr_requested && got->hybrid == want->hybrid);
}

static void comes_back(const char *config, bool sealed)
{
    struct world w;
    world_open(&w, config);
    const struct grant_session empty = { 0 }, all = full(w.arena), *const cases[] = { &empty, &all };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct grant_session got;
        struct grant g = { .id = STR("g1") };
        g.session = grant_session_write(w.p, &w.op, g.id, cases[i]);
        assert_int_equal(g.session.p[0] != '{', sealed);
        WORLD_TRY(&w, grant_session_read(w.p, &w.op, &g, &got, &w.e));
        assert_same(w.arena, &got, cases[i]);
    }
    world_close(&w);
}

static void sealed(void **state)
{
    (void)state;
    comes_back("", true);
}

static void in_the_clear(void **state)
{
    (void)state;
    comes_back("oauth2: { session: { encrypt_at_rest: false } }\n", false);
}

static void refused(struct world *w, struct str id, struct str session)
{
    struct grant_session got;
    const struct grant g = { .id = id, .session = session };
    w->e = ERR_INIT(w->arena);
    assert_false(grant_session_read(w->p, &w->op, &g, &got, &w->e));
    assert_ptr_equal(w->e.kind, &err_SERVER_ERROR);
}

static void damage_is_an_error(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, "");
    static const char *const bad[] = {
        "{", "{\"scopes\":\"openid\"}", "{\"scopes\":[1]}", "{\"at\":\"1\"}", "{\"id_token\":{}", "{}}", "[]", "x"
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) refused(&w, STR("g1"), str_of(bad[i]));

    const struct grant_session all = full(w.arena);
    struct str text = arena_dup(w.arena, grant_session_write(w.p, &w.op, STR("g1"), &all));
    refused(&w, STR("g2"), text); /* another row's */
    ((char *)text.p)[text.n / 2] ^= 1;
    refused(&w, STR("g1"), text);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(sealed), cmocka_unit_test(in_the_clear),
                                        cmocka_unit_test(damage_is_an_error) };
    return RUN(tests);
}
