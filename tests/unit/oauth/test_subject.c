/* OpenID Connect Core 8: what clients of either kind know a subject by. */
#include "world.h"

#include "oauth/id_token_hint.h"
#include "oauth/subject.h"

static const char pairwise[] =
    "oidc: { subject_identifiers: { supported_types: [public, pairwise], pairwise: { salt: some-salt-value } } }";

/* Clients as they may stand in the store, whatever their validation says today. */
static struct client *client_of(struct world *w, const char *json)
{
    struct client *c = client_new(w->arena);
    struct client_extras x = { 0 };
    json_t *body;
    WORLD_TRY(w, json_read(w->arena, str_of(json), &body, NULL, &w->e));
    WORLD_TRY(w, client_decode(c, &x, body, &w->e));
    return c;
}

static bool ask(struct world *w, const struct client *c, const char *forced, struct str *ret)
{
    w->e = ERR_INIT(w->arena);
    return subject_of_login(w->p, w->arena, c, STR("alice"), str_of(forced), ret, &w->e);
}

#define ALICE "eb0289e211816526101989ee57aedede75b78e08c989aa2e41155cd6a2bd3906"

static const struct row {
    const char *client, *forced, *want; /* NULL: refused */
} rows[] = {
    { "{}", "", "alice" },
    { "{\"subject_type\":\"public\"}", "", "alice" },
    { "{\"subject_type\":\"public\"}", "forced", "alice" },
    { "{\"subject_type\":\"pairwise\",\"redirect_uris\":[\"http://127.0.0.1:5555/cb\"]}", "", ALICE },
    { "{\"subject_type\":\"pairwise\",\"redirect_uris\":[\"http://127.0.0.1:5555/a\",\"http://127.0.0.1:5555/b\"]}", "", ALICE },
    { "{\"subject_type\":\"pairwise\",\"redirect_uris\":[\"https://x/\"],\"sector_identifier_uri\":\"127.0.0.1:5555\"}", "",
      ALICE },
    { "{\"subject_type\":\"pairwise\",\"redirect_uris\":[\"http://127.0.0.1:5555/cb\"]}", "forced", "forced" },
    { "{\"subject_type\":\"pairwise\",\"redirect_uris\":[\"https://a.example/cb\",\"https://b.example/cb\"]}", "", NULL },
    { "{\"subject_type\":\"pairwise\",\"redirect_uris\":[\"https://a.example/cb\",\"https://a.example:8443/cb\"]}", "", NULL },
    { "{\"subject_type\":\"pairwise\",\"redirect_uris\":[\"com.example.app:/cb\"]}", "", NULL },
    { "{\"subject_type\":\"pairwise\"}", "", NULL },
};

static void test_rows(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, pairwise);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str got;
        const bool named = ask(&w, client_of(&w, rows[i].client), rows[i].forced, &got);
        if (named != (rows[i].want != NULL)) fail_msg("row %zu", i);
        if (named)
            assert_strn(got, str_of(rows[i].want));
        else
            assert_ptr_equal(w.e.kind, &err_INVALID_REQUEST);
    }
    world_close(&w);
}

/* Without a salt, or where the client's access tokens name the subject anyway, there are none. */
static void test_not_available(void **state)
{
    (void)state;
    static const char client[] = "{\"subject_type\":\"pairwise\",\"redirect_uris\":[\"https://a.example/cb\"]%s}";
    struct world w;
    struct str got;
    world_open(&w, "");
    const char *plain = arena_printf(w.arena, client, "").p,
               *jwt = arena_printf(w.arena, client, ",\"access_token_strategy\":\"jwt\"").p;
    assert_false(ask(&w, client_of(&w, plain), "", &got));
    world_close(&w);
    world_open(&w, pairwise);
    plain = arena_printf(w.arena, client, "").p;
    jwt = arena_printf(w.arena, client, ",\"access_token_strategy\":\"jwt\"").p;
    assert_true(ask(&w, client_of(&w, plain), "", &got));
    assert_false(ask(&w, client_of(&w, jwt), "", &got));
    assert_false(ask(&w, client_of(&w, jwt), "forced", &got));
    world_close(&w);
}

static bool is_about(struct world *w, const struct client *c, const char *hinted)
{
    bool about;
    json_t *claims;
    WORLD_TRY(w, json_read(w->arena, arena_printf(w->arena, "{\"sub\":\"%s\"}", hinted), &claims, NULL, &w->e));
    WORLD_TRY(w, id_token_hint_about(w->p, &w->op, claims, c, STR("alice"), &about, &w->e));
    return about;
}

/* Hints know a subject by every name that it had for the client. */
static void test_hints(void **state)
{
    (void)state;
    static const char several[] = "{\"client_id\":\"e\",\"subject_type\":\"pairwise\","
                                  "\"redirect_uris\":[\"https://a.example/cb\",\"https://b.example/cb\"]}";
    struct world w;
    bool about;
    json_t *claims;
    world_open(&w, pairwise);
    const struct client *c =
        world_client(&w, "{\"client_id\":\"c\",\"subject_type\":\"pairwise\",\"redirect_uris\":[\"http://127.0.0.1:5555/cb\"]}");
    const struct client *d = world_client(&w, "{\"client_id\":\"d\",\"redirect_uris\":[\"http://127.0.0.1:5555/cb\"]}");
    const struct client *e = world_client(&w, several);
    assert_true(is_about(&w, c, "alice") && is_about(&w, c, ALICE) && !is_about(&w, c, "forced"));
    assert_true(!is_about(&w, d, ALICE) && !is_about(&w, d, "forced"));
    for (const char *id = "cde"; *id != '\0'; id++) {
        struct str client = { id, 1 };
        WORLD_TRY(&w, store_alias_put(w.p->store, &w.op, client, STR("alice"), STR("forced"), &w.e));
    }
    assert_true(is_about(&w, c, "alice") && is_about(&w, c, ALICE) && is_about(&w, c, "forced"));
    assert_true(is_about(&w, d, "alice") && is_about(&w, d, "forced") && !is_about(&w, d, ALICE));
    assert_true(is_about(&w, e, "forced"));
    WORLD_TRY(&w, json_read(w.arena, STR("{\"sub\":\"bob\"}"), &claims, NULL, &w.e));
    assert_false(id_token_hint_about(w.p, &w.op, claims, e, STR("alice"), &about, &w.e)); /* no sector to tell by */
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_not_available),
        cmocka_unit_test(test_hints),
    };
    return RUN(tests);
}
