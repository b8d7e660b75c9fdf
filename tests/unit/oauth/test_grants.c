/* The token endpoint's protocol: order of refusals, client_credentials, the answer. */
#include "exchange.h"

static void open_world(struct world *w, const char *more)
{
    world_open(w, more);
    world_client(w, "{\"client_id\":\"c\",\"client_secret\":\"secret\",\"grant_types\":[\"client_credentials\"],"
                    "\"scope\":\"a b docs.*\",\"audience\":[\"urn:api\"]}");
    world_client(w, "{\"client_id\":\"code\",\"client_secret\":\"secret\",\"grant_types\":[\"authorization_code\"]}");
    world_client(w,
                 "{\"client_id\":\"public\",\"token_endpoint_auth_method\":\"none\",\"grant_types\":[\"client_credentials\"]}");
}

struct row {
    const char *pair, *form;
    const struct err_kind *want;
    const char *hint;
};

static const struct row refusals[] = {
    { "c:secret", "", &err_INVALID_REQUEST, "The POST body can not be empty." },
    { "c:secret", "x=y", &err_INVALID_REQUEST, "Request parameter 'grant_type' is missing" },
    { "c:secret", "grant_type=", &err_INVALID_REQUEST, "Request parameter 'grant_type' is missing" },
    { "c:secret", "grant_type=magic", &err_INVALID_REQUEST, HINT_CHECK_PARAMETERS },
    { "c:wrong!", "grant_type=magic", &err_INVALID_REQUEST, HINT_CHECK_PARAMETERS }, /* before the credentials */
    { "c:secret", "grant_type=client_credentials+client_credentials", &err_INVALID_REQUEST, HINT_CHECK_PARAMETERS },
    { "c:wrong!", "grant_type=client_credentials&scope=no", &err_INVALID_CLIENT, NULL },
    { "c:secret", "grant_type=client_credentials&scope=a+no", &err_INVALID_SCOPE,
      "The OAuth 2.0 Client is not allowed to request scope 'no'." },
    { "c:secret", "grant_type=client_credentials&audience=urn:no", &err_INVALID_REQUEST,
      "Requested audience 'urn:no' has not been whitelisted by the OAuth 2.0 Client." },
    { NULL, "grant_type=client_credentials&client_id=public", &err_INVALID_GRANT,
      "The OAuth 2.0 Client is marked as public and is thus not allowed to use authorization grant 'client_credentials'." },
    { "code:secret", "grant_type=client_credentials", &err_UNAUTHORIZED_CLIENT,
      "The OAuth 2.0 Client is not allowed to use authorization grant 'client_credentials'." },
};

static void test_refusals(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, "");
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        if (ask_token(&w, refusals[i].pair, refusals[i].form) != NULL) fail_msg("row %zu was accepted", i);
        if (!err_is(&w.e, refusals[i].want)) fail_msg("row %zu: %s", i, w.e.kind->id);
        if (refusals[i].hint != NULL) assert_string_equal(w.e.hint, refusals[i].hint);
    }
    world_close(&w);
}

static struct access_token opened(struct world *w, const json_t *answer)
{
    struct access_token t;
    bool ours;
    WORLD_TRY(w, access_token_open(w->p, &w->op, member(answer, "access_token"), &t, &ours, &w->e));
    assert_true(ours);
    return t;
}

static void test_client_credentials(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, "");
    const json_t *answer = ask_token(&w, "c:secret", "grant_type=client_credentials&scope=docs.read+a&audience=urn:api");
    assert_non_null(answer);
    assert_int_equal(json_object_size(answer), 4); /* no refresh token, no ID token */
    assert_str(member(answer, "scope"), "docs.read a");
    assert_str(member(answer, "token_type"), "bearer");
    assert_int_equal(json_integer_value(json_object_get(answer, "expires_in")), 3600);
    const struct access_token t = opened(&w, answer);
    assert_str(t.subject, "c");
    assert_str(t.client_id, "c");
    assert_str(t.scopes.v[0], "docs.read");
    assert_str(t.audience.v[0], "urn:api");
    world_close(&w);
}

static void test_scopes_by_default(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, "");
    assert_str(member(ask_token(&w, "c:secret", "grant_type=client_credentials"), "scope"), "");
    struct provider *own = w.p;
    w.p = world_provider(&w, "oauth2: { client_credentials: { default_grant_allowed_scope: true } }");
    assert_str(member(ask_token(&w, "c:secret", "grant_type=client_credentials"), "scope"), "a b docs.*");
    assert_str(member(ask_token(&w, "c:secret", "grant_type=client_credentials&scope=b"), "scope"), "b");
    provider_unref(w.p);
    w.p = own;
    world_close(&w);
}

/* After the first time nothing waits: no write, no slow hash. */
static void test_does_not_wait(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, "");
    assert_non_null(ask_token(&w, "c:secret", "grant_type=client_credentials"));
    w.op.may_wait = false;
    assert_non_null(ask_token(&w, "c:secret", "grant_type=client_credentials&scope=a"));
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_client_credentials),
        cmocka_unit_test(test_scopes_by_default),
        cmocka_unit_test(test_does_not_wait),
    };
    return RUN(tests);
}
