/* What may be registered and by whom; managing with the registration access token. */
#include "oauth/registration.h"
#include "world.h"

#define ON "oidc: { dynamic_client_registration: { enabled: true"

static json_t *doc(struct world *w, const char *text)
{
    json_t *json;
    WORLD_TRY(w, json_read(w->arena, str_of(text), &json, NULL, &w->e));
    return json;
}

static struct client *create(struct world *w, const char *text, const char *token, struct client_extras *x)
{
    struct client *c;
    w->e = ERR_INIT(w->arena);
    return registration_admits(w->p, str_of(token), &w->e) && registration_create(w->p, &w->op, doc(w, text), &c, x, &w->e)
               ? c
               : NULL;
}

static bool found(struct world *w, struct str id, struct str token)
{
    const struct client *c;
    w->e = ERR_INIT(w->arena);
    if (registration_find(w->p, &w->op, id, token, &c, &w->e)) return true;
    assert_ptr_equal(w->e.kind, &err_UNAUTHORIZED);
    return false;
}

static void test_off(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, "");
    assert_false(registration_enabled(w.p, &w.e));
    assert_ptr_equal(w.e.kind, &err_NO_RESOURCE);
    world_close(&w);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const struct err_kind *kind; /* NULL: accepted */
    } rows[] = {
        { "{\"client_secret\":\"abcdefgh\"}", &err_BAD_REQUEST },
        { "{\"access_token_strategy\":\"jwt\"}", &err_BAD_REQUEST },
        { "{\"metadata\":{\"a\":1}}", &err_INVALID_CLIENT_METADATA },
        { "{\"metadata\":[]}", &err_INVALID_CLIENT_METADATA },
        { "{\"metadata\":{}}", NULL },
        { "{\"skip_consent\":true}", &err_INVALID_REQUEST },
        { "{\"skip_consent\":false,\"skip_logout_consent\":null}", NULL },
        { "{\"skip_logout_consent\":true}", &err_INVALID_REQUEST },
        { "{\"owner\":\"me\"}", &err_INVALID_CLIENT_METADATA },
        { "{\"refresh_token_grant_id_token_lifespan\":\"1h\"}", &err_INVALID_CLIENT_METADATA },
        { "{\"refresh_token_grant_id_token_lifespan\":null}", NULL },
        { "{\"grant_types\":[\"client_credentials\"]}", &err_INVALID_CLIENT_METADATA },
        { "{\"grant_types\":[\"authorization_code\",\"refresh_token\",\"implicit\"]}", NULL },
        { "{\"scope\":\"anything at all\",\"audience\":[\"urn:x\"]}", NULL },
        { "{\"redirect_uris\":[\"x\"]}", &err_INVALID_REDIRECT_URI },
        { "[]", &err_BAD_REQUEST },
    };
    struct world w;
    struct client_extras x;
    world_open(&w, ON " } }");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct client *c = create(&w, rows[i].text, "", &x);
        if ((c != NULL) != (rows[i].kind == NULL)) fail_msg("row %zu", i);
        if (c == NULL && w.e.kind != rows[i].kind) fail_msg("row %zu: %s", i, w.e.kind->id);
    }
    world_close(&w);
}

static void test_limits(void **state)
{
    (void)state;
    struct world w;
    struct client_extras x;
    world_open(&w, ON ", initial_access_tokens: [first-initial-token, second-initial-token], allowed_scope: [a, b], "
                      "allowed_audience: ['urn:x'], allowed_grant_types: [client_credentials] } }");
    static const char *const tokens[] = { "", "x", "first-initial-toke", "first-initial-tokenx", "sha256:" };
    for (size_t i = 0; i < ARRAY_LEN(tokens); i++) {
        assert_null(create(&w, "{}", tokens[i], &x));
        assert_ptr_equal(w.e.kind, &err_INVALID_TOKEN);
    }
    assert_non_null(create(&w, "{\"scope\":\"b a\",\"audience\":[\"urn:x\"],\"grant_types\":[\"client_credentials\"]}",
                           "second-initial-token", &x));
    static const char *const documents[] = { "{\"scope\":\"a c\"}", "{\"scope\":\"*\"}", "{\"audience\":[\"urn:x\",\"urn:y\"]}",
                                             "{\"grant_types\":[\"authorization_code\"]}" };
    for (size_t i = 0; i < ARRAY_LEN(documents); i++) {
        assert_null(create(&w, documents[i], "first-initial-token", &x));
        assert_ptr_equal(w.e.kind, &err_INVALID_CLIENT_METADATA);
    }
    world_close(&w);
}

static void test_managing(void **state)
{
    (void)state;
    struct world w;
    struct client_extras x, other, next;
    world_open(&w, ON " } }");
    struct client *c = create(&w, "{\"client_id\":\"mine\"}", "", &x), *d = create(&w, "{}", "", &other), *now;
    assert_false(str_eq(c->id, STR("mine")));
    assert_true(found(&w, c->id, x.registration_access_token));
    assert_false(found(&w, c->id, other.registration_access_token));
    assert_false(found(&w, d->id, x.registration_access_token));
    assert_false(found(&w, STR("ghost"), x.registration_access_token));
    assert_false(found(&w, STR(""), STR("")));

    struct registration_change change = { .id = c->id,
                                          .token = x.registration_access_token,
                                          .document = doc(&w, "{\"client_name\":\"n\"}") };
    WORLD_TRY(&w, registration_replace(w.p, &w.op, &change, &now, &next, &w.e));
    assert_str(now->name, "n");
    assert_true(next.client_secret.n == 0);
    assert_false(found(&w, c->id, x.registration_access_token));
    assert_true(found(&w, c->id, next.registration_access_token));
    assert_false(registration_replace(w.p, &w.op, &change, &now, &other, &w.e));
    assert_ptr_equal(w.e.kind, &err_UNAUTHORIZED);

    change.token = next.registration_access_token;
    change.document = doc(&w, "{\"client_secret\":\"abcdefgh\"}");
    assert_false(registration_replace(w.p, &w.op, &change, &now, &other, &w.e));
    assert_ptr_equal(w.e.kind, &err_FORBIDDEN);
    assert_true(found(&w, c->id, next.registration_access_token));
    assert_false(registration_delete(w.p, &w.op, c->id, x.registration_access_token, &w.e));
    WORLD_TRY(&w, registration_delete(w.p, &w.op, c->id, next.registration_access_token, &w.e));
    assert_false(found(&w, c->id, next.registration_access_token));
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_off), cmocka_unit_test(test_refused), cmocka_unit_test(test_limits),
                                        cmocka_unit_test(test_managing) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
