/* The discovery document names what the tables hold, and nothing that is not there. */
#include "world.h"

#include "oauth/client_auth.h"
#include "oauth/discovery.h"
#include "oauth/grants.h"

static json_t *document(struct world *w)
{
    struct str text;
    json_t *json;
    WORLD_TRY(w, discovery_document(w->p, &w->op, &text, &w->e));
    WORLD_TRY(w, json_read(w->arena, text, &json, NULL, &w->e));
    return json;
}

static struct str text_of(struct world *w, const json_t *document, const char *name)
{
    const json_t *value = json_object_get(document, name);
    return value == NULL ? STR_NONE : json_is_string(value) ? json_str(value) : json_text(w->arena, value, false);
}

static void test_defaults(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, "");
    const json_t *d = document(&w);
    assert_str(text_of(&w, d, "issuer"), "https://op.example.test");
    assert_str(text_of(&w, d, "authorization_endpoint"), "https://op.example.test/oauth2/auth");
    assert_str(text_of(&w, d, "response_modes_supported"), "[\"query\",\"fragment\",\"form_post\"]");
    assert_str(text_of(&w, d, "code_challenge_methods_supported"), "[\"plain\",\"S256\"]");
    assert_str(text_of(&w, d, "token_endpoint"), "https://op.example.test/oauth2/token");
    assert_str(text_of(&w, d, "jwks_uri"), "https://op.example.test/.well-known/jwks.json");
    assert_str(text_of(&w, d, "device_authorization_endpoint"), "https://op.example.test/oauth2/device/auth");
    assert_str(text_of(&w, d, "credentials_endpoint_draft_00"), "https://op.example.test/credentials");
    assert_null(json_object_get(d, "registration_endpoint"));
    assert_str(text_of(&w, d, "request_object_signing_alg_values_supported"), "[\"none\",\"RS256\",\"ES256\"]");
    assert_int_equal(json_array_size(json_object_get(d, "credentials_supported_draft_00")), 1);
    assert_true(json_is_false(json_object_get(d, "claims_parameter_supported")));
    assert_str(text_of(&w, d, "revocation_endpoint"), "https://op.example.test/oauth2/revoke");
    assert_str(text_of(&w, d, "end_session_endpoint"), "https://op.example.test/oauth2/sessions/logout");
    assert_str(text_of(&w, d, "frontchannel_logout_supported"), "true");
    assert_str(text_of(&w, d, "backchannel_logout_session_supported"), "true");
    assert_str(text_of(&w, d, "subject_types_supported"), "[\"public\"]");
    assert_str(text_of(&w, d, "claims_supported"), "[\"sub\"]");
    assert_str(text_of(&w, d, "scopes_supported"), "[\"offline_access\",\"offline\",\"openid\"]");
    assert_str(text_of(&w, d, "id_token_signing_alg_values_supported"), "[\"ES256\"]");
    world_close(&w);
}

/* Every row of the tables that the document lists, and only those. */
static void test_tables(void **state)
{
    (void)state;
    struct world w;
    size_t listed = 0;
    world_open(&w, "");
    const json_t *d = document(&w);
    const json_t *types = json_object_get(d, "grant_types_supported");
    for (size_t i = 0; i < grants_n; i++) {
        if (grants[i].unlisted) continue;
        assert_strn(json_str(json_array_get(types, listed++)), grants[i].name);
        if (str_eq(grants[i].name, STR("authorization_code"))) assert_str(json_str(json_array_get(types, listed++)), "implicit");
    }
    assert_int_equal(json_array_size(types), listed);
    const json_t *methods = json_object_get(d, "token_endpoint_auth_methods_supported");
    assert_true(json_array_size(methods) >= 3 && json_array_size(methods) <= client_auth_methods_n);
    world_close(&w);
}

static void test_configured(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, "urls: { self: { issuer: 'https://op.example.test/', public: 'https://pub.example.test/base/' } }\n"
                   "webfinger: { oidc_discovery: { token_url: 'https://cdn.example.test/token', supported_claims: [email, sub],"
                   " supported_scope: [email, openid], verifiable_credentials_url: 'https://cdn.example.test/vc',"
                   " device_authorization_url: 'https://cdn.example.test/device' } }\n"
                   "oidc: { dynamic_client_registration: { enabled: true } }\n");
    const json_t *d = document(&w);
    assert_str(text_of(&w, d, "issuer"), "https://op.example.test/");
    assert_str(text_of(&w, d, "token_endpoint"), "https://cdn.example.test/token");
    assert_str(text_of(&w, d, "credentials_endpoint_draft_00"), "https://cdn.example.test/vc");
    assert_str(text_of(&w, d, "device_authorization_endpoint"), "https://cdn.example.test/device");
    assert_str(text_of(&w, d, "registration_endpoint"), "https://pub.example.test/base/oauth2/register");
    assert_str(text_of(&w, d, "jwks_uri"), "https://op.example.test/.well-known/jwks.json");
    assert_str(text_of(&w, d, "claims_supported"), "[\"sub\",\"email\"]");
    assert_str(text_of(&w, d, "scopes_supported"), "[\"offline_access\",\"offline\",\"openid\",\"email\"]");
    world_close(&w);
}

/* The algorithm is that of the key that signs now. */
static void test_algorithm(void **state)
{
    (void)state;
    struct world w;
    struct jwk *key;
    enum store_put put;
    world_open(&w, "");
    document(&w);
    WORLD_TRY(&w, jwk_generate(STR("EdDSA"), STR("k"), STR("sig"), 2048, &key, &w.e));
    world_later(&w, USEC_PER_SEC);
    WORLD_TRY(&w, keyset_add(w.p, &w.op, STR(KEYSET_ID_TOKEN), &key, 1, &put, &w.e));
    assert_str(text_of(&w, document(&w), "id_token_signed_response_alg"), "[\"EdDSA\"]");
    jwk_unref(key);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_configured),
        cmocka_unit_test(test_algorithm),
    };
    return RUN(tests);
}
