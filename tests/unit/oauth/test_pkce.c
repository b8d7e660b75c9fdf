/* RFC 7636 4.1, 4.6: form of verifiers, the comparison, and clients that need not or must use it. */
#include "world.h"

#include "oauth/pkce.h"

#define VERIFIER  "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
#define CHALLENGE "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" /* appendix B */
#define X43       "ccccccccccccccccccccccccccccccccccccccccccc"
#define X128      X43 X43 "dddddddddddddddddddddddddddddddddddddddddd"

static const struct row {
    const char *challenge, *verifier;
    const struct err_kind *kind; /* NULL: it fits */
    const char *hint;
} rows[] = {
    { CHALLENGE, VERIFIER, NULL, NULL },
    { "", "", NULL, NULL },
    { CHALLENGE, "", &err_INVALID_GRANT, "The PKCE code verifier must be at least 43 characters." },
    { CHALLENGE, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjX", &err_INVALID_GRANT, NULL },
    { CHALLENGE, X128, &err_INVALID_GRANT, "The PKCE code challenge did not match the code verifier." },
    { CHALLENGE, X128 "e", &err_INVALID_GRANT, "The PKCE code verifier can not be longer than 128 characters." },
    { CHALLENGE, VERIFIER "=", &err_INVALID_GRANT, "The PKCE code verifier must only contain [a-Z], [0-9], '-', '.', '_', '~'." },
    { CHALLENGE, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjX ", &err_INVALID_GRANT, NULL },
    { CHALLENGE, "DBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", &err_INVALID_GRANT, NULL },
    { CHALLENGE, CHALLENGE, &err_INVALID_GRANT, NULL }, /* what `plain` would take */
    { CHALLENGE "=", VERIFIER, &err_INVALID_GRANT, NULL },
    { "", VERIFIER, &err_INVALID_GRANT, "Unable to find initial PKCE data tied to this request" },
};

static bool check(struct world *w, const struct client *c, const char *challenge, const char *verifier)
{
    w->e = ERR_INIT(w->arena);
    return pkce_check(w->p, &w->op, c, str_of(challenge), str_of(verifier), &w->e);
}

static void test_rows(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, "");
    const struct client *c = world_client(&w, "{\"client_id\":\"c\"}");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const bool fits = check(&w, c, rows[i].challenge, rows[i].verifier);
        if (fits != (rows[i].kind == NULL) || w.e.kind != rows[i].kind) fail_msg("row %zu", i);
        if (rows[i].hint != NULL) assert_string_equal(w.e.hint, rows[i].hint);
    }
    world_close(&w);
}

/* An unreserved character each, both bounds. */
static void test_alphabet(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, "");
    const struct client *c = world_client(&w, "{\"client_id\":\"c\"}");
    for (int byte = 1; byte < 256; byte++) {
        char verifier[] = X43;
        verifier[20] = (char)byte;
        assert_false(check(&w, c, CHALLENGE, verifier));
        const bool unreserved = strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~", byte) != NULL;
        assert_int_equal(strcmp(w.e.hint, "The PKCE code challenge did not match the code verifier.") == 0, unreserved);
    }
    world_close(&w);
}

static void test_enforced(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, "");
    const struct client *secret = world_client(&w, "{\"client_id\":\"c\"}");
    const struct client *public = world_client(&w, "{\"client_id\":\"p\",\"token_endpoint_auth_method\":\"none\"}");
    struct provider *own = w.p;
    w.p = world_provider(&w, "oauth2: { pkce: { enforced: true } }");
    assert_false(check(&w, secret, "", ""));
    assert_ptr_equal(w.e.kind, &err_INVALID_REQUEST);
    assert_true(check(&w, secret, CHALLENGE, VERIFIER));
    provider_unref(w.p);
    w.p = world_provider(&w, "oauth2: { pkce: { enforced_for_public_clients: true } }");
    assert_true(check(&w, secret, "", ""));
    assert_false(check(&w, public, "", ""));
    assert_ptr_equal(w.e.kind, &err_INVALID_REQUEST);
    provider_unref(w.p);
    w.p = own;
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_alphabet),
        cmocka_unit_test(test_enforced),
    };
    return RUN(tests);
}
