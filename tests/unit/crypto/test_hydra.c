/* Derivations that must agree with what Hydra computes: known answers, several secrets, and everything that must be refused. */
#include "../vectors.h"

#include <string.h>
#include <zlib.h>

#include "base/b64.h"
#include "base/rand.h"
#include "crypto/hydra.h"

#define SECRET        STR("this-is-a-32-byte-long-secret-ok!")
#define COOKIE_SECRET STR("cookie-secret-for-test-vectors-01")

struct world {
    struct arena *a;
    struct hydra *h;     /* the secrets of the vectors */
    struct hydra *both;  /* the same as the older ones of two */
    struct hydra *other; /* other secrets */
};

static struct hydra *hydra_of(struct strs system, struct strs cookie)
{
    return hydra_new(&(struct sealer_secrets) { .system = system, .cookie = cookie });
}

static int enter(void **state)
{
    static struct world w;
    struct str one[] = { SECRET }, two[] = { STR("a newer secret of the system"), SECRET }, cookie[] = { COOKIE_SECRET },
               cookies[] = { STR("a newer secret for cookies"), COOKIE_SECRET },
               other[] = { STR("this-is-a-32-byte-long-secret-ok?") };
    w = (struct world) { .a = arena_new(),
                         .h = hydra_of((struct strs) { one, 1 }, (struct strs) { cookie, 1 }),
                         .both = hydra_of((struct strs) { two, 2 }, (struct strs) { cookies, 2 }),
                         .other = hydra_of((struct strs) { other, 1 }, (struct strs) { 0 }) };
    *state = &w;
    return 0;
}

static int leave(void **state)
{
    struct world *w = *state;
    hydra_free(w->h);
    hydra_free(w->both);
    hydra_free(w->other);
    arena_free(w->a);
    return 0;
}

/* Calls `fn` for each row of the kind. */
static void each(struct world *w, const char *kind, void (*fn)(struct world *w, const json_t *row))
{
    size_t i, n = 0;
    json_t *row;
    json_array_foreach(vector_rows(w->a, "hydra.json"), i, row)
    {
        if (!str_eq(vector_str(row, "kind"), str_of(kind))) continue;
        fn(w, row);
        n++;
    }
    assert_true(n > 0);
}

/* ---- tokens ---- */

static void check_token(struct world *w, const json_t *row)
{
    struct str signature, token = vector_str(row, "token"), prefix = vector_str(row, "prefix");
    const struct str bare = str_from(token, prefix.n);
    assert_true(hydra_token_verify(w->h, prefix, token, &signature));
    assert_str(signature, vector_str(row, "signature"));
    assert_true(hydra_token_verify(w->both, prefix, token, &signature));
    assert_true(hydra_token_verify(w->h, prefix, bare, &signature));
    assert_true(hydra_token_verify(w->h, STR("ory_xx_"), bare, &signature));
    if (prefix.n > 0) assert_false(hydra_token_verify(w->h, STR("ory_xx_"), token, &signature));
    if (prefix.n > 0) assert_false(hydra_token_verify(w->h, STR(""), token, &signature));
    assert_false(hydra_token_verify(w->other, prefix, token, &signature));
    if (json_object_get(row, "digest") != NULL)
        assert_str(hydra_signature_digest(w->a, vector_str(row, "signature")), vector_str(row, "digest"));
}

static void test_tokens(void **state) { each(*state, "token", check_token); }

static void check_changes(struct world *w, const json_t *row)
{
    struct str signature, token = vector_str(row, "token"), prefix = vector_str(row, "prefix");
    for (size_t i = 0; i < token.n; i++) {
        char *copy = arena_dupz(w->a, token);
        copy[i] = copy[i] == 'A' ? 'B' : 'A';
        assert_false(hydra_token_verify(w->h, prefix, (struct str) { copy, token.n }, &signature));
    }
    for (size_t i = 0; i < token.n; i++) assert_false(hydra_token_verify(w->h, prefix, str_upto(token, i), &signature));
    assert_false(hydra_token_verify(w->h, prefix, ARENA_CAT(w->a, token, STR("A")), &signature));
    assert_false(hydra_token_verify(w->h, prefix, ARENA_CAT(w->a, token, STR("=")), &signature));
    assert_false(hydra_token_verify(w->h, prefix, ARENA_CAT(w->a, STR("A"), token), &signature));
}

static void test_changed_tokens(void **state)
{
    struct world *w = *state;
    struct str signature;
    each(w, "token", check_changes);
    /* Parts of other lengths that decode: a dot elsewhere. */
    assert_false(hydra_token_verify(w->h, STR(""), STR("."), &signature));
    assert_false(hydra_token_verify(w->h, STR(""), STR(""), &signature));
    assert_false(hydra_token_verify(w->h, STR(""), STR_NONE, &signature));
    assert_false(
        hydra_token_verify(w->h, STR(""),
                           STR("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8q.8YFppObM0GM2weSCpefZrz26ZAA-0Kt3szy9TQL4Jo"),
                           &signature));
}

static void check_user_code(struct world *w, const json_t *row)
{
    struct strs one = hydra_user_code_digests(w->h, w->a, vector_str(row, "text")),
                two = hydra_user_code_digests(w->both, w->a, vector_str(row, "text"));
    assert_int_equal(one.n, 1);
    assert_str(one.v[0], vector_str(row, "digest"));
    assert_int_equal(two.n, 2);
    assert_str(two.v[1], vector_str(row, "digest"));
    assert_false(strs_has(hydra_user_code_digests(w->other, w->a, vector_str(row, "text")), one.v[0]));
}

static void check_jti(struct world *w, const json_t *row)
{
    assert_str(hydra_jti_digest(w->a, vector_str(row, "text")), vector_str(row, "digest"));
}

static void test_digests(void **state)
{
    each(*state, "user code", check_user_code);
    each(*state, "jti", check_jti);
}

/* ---- at rest ---- */

static void check_stored(struct world *w, const json_t *row)
{
    struct str plain, text = vector_str(row, "text");
    assert_true(hydra_unseal(w->h, w->a, text, &plain));
    assert_str(plain, vector_str(row, "plain"));
    assert_true(hydra_unseal(w->both, w->a, text, &plain));
    assert_str(plain, vector_str(row, "plain"));
    assert_false(hydra_unseal(w->other, w->a, text, &plain));
    for (size_t i = 0; i < text.n; i++) {
        char *copy = arena_dupz(w->a, text);
        copy[i] = copy[i] == 'A' ? 'B' : 'A';
        assert_false(hydra_unseal(w->h, w->a, (struct str) { copy, text.n }, &plain));
        assert_false(hydra_unseal(w->h, w->a, str_upto(text, i > 4 ? i - 4 : 0), &plain));
    }
}

static void test_stored(void **state)
{
    struct world *w = *state;
    struct str plain;
    each(w, "stored", check_stored);
    assert_false(hydra_unseal(w->h, w->a, STR(""), &plain));
    assert_false(hydra_unseal(w->h, w->a, STR("{\"extra\":{}}"), &plain));
    char *much = arena_alloc(w->a, 5 << 20);
    memset(much, 'A', 5 << 20);
    assert_false(hydra_unseal(w->h, w->a, (struct str) { much, 5 << 20 }, &plain));
}

/* ---- challenges ---- */

static struct str inflate_all(struct arena *a, struct str gzip)
{
    enum { MAX = 4096 };
    char *out = arena_alloc(a, MAX);
    z_stream z = {
        .next_in = (unsigned char *)gzip.p, .avail_in = (unsigned)gzip.n, .next_out = (unsigned char *)out, .avail_out = MAX
    };
    assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    inflateEnd(&z);
    return (struct str) { out, z.total_out };
}

static void check_challenge(struct world *w, const json_t *row)
{
    struct str gzip, text = vector_str(row, "text");
    const int right = (int)json_integer_value(json_object_get(row, "purpose"));
    for (int purpose = 0; purpose <= HYDRA_LOGOUT_VERIFIER; purpose++)
        assert_int_equal(hydra_challenge_open(w->h, w->a, (enum hydra_purpose)purpose, text, &gzip), purpose == right);
    assert_true(hydra_challenge_open(w->both, w->a, (enum hydra_purpose)right, text, &gzip));
    assert_false(hydra_challenge_open(w->other, w->a, (enum hydra_purpose)right, text, &gzip));
    assert_true(hydra_challenge_open(w->h, w->a, (enum hydra_purpose)right, text, &gzip));
    if (json_object_get(row, "gzip") != NULL) assert_str(hex_encode(w->a, gzip), vector_str(row, "gzip"));
    if (json_object_get(row, "json") != NULL) assert_str(inflate_all(w->a, gzip), vector_str(row, "json"));
    for (size_t i = 0; i + 2 < text.n; i++) {
        char *copy = arena_dupz(w->a, text);
        copy[i] = copy[i] == 'A' ? 'B' : 'A';
        assert_false(hydra_challenge_open(w->h, w->a, (enum hydra_purpose)right, (struct str) { copy, text.n }, &gzip));
    }
    assert_false(hydra_challenge_open(w->h, w->a, (enum hydra_purpose)right, str_upto(text, 40), &gzip));
}

static void test_challenges(void **state) { each(*state, "challenge", check_challenge); }

/* ---- cookies ---- */

static void check_cookie(struct world *w, const json_t *row)
{
    struct str id, name = vector_str(row, "name"), text = vector_str(row, "text");
    const enum hydra_cookie kind = uuid_is(vector_str(row, "id")) ? HYDRA_COOKIE_SESSION : HYDRA_COOKIE_CSRF;
    const enum hydra_cookie other = kind == HYDRA_COOKIE_SESSION ? HYDRA_COOKIE_CSRF : HYDRA_COOKIE_SESSION;
    assert_false(hydra_cookie_open(w->h, w->a, other, name, text, &id));
    assert_true(hydra_cookie_open(w->h, w->a, kind, name, text, &id));
    assert_str(id, vector_str(row, "id"));
    assert_true(hydra_cookie_open(w->both, w->a, kind, name, text, &id));
    assert_str(id, vector_str(row, "id"));
    assert_false(hydra_cookie_open(w->other, w->a, kind, name, text, &id));
    assert_false(hydra_cookie_open(w->h, w->a, kind, ARENA_CAT(w->a, name, STR("x")), text, &id));
    for (size_t i = 0; i < text.n; i++) {
        char *copy = arena_dupz(w->a, text);
        copy[i] = copy[i] == 'A' ? 'B' : 'A';
        if (text.p[i] != '=') assert_false(hydra_cookie_open(w->h, w->a, kind, name, (struct str) { copy, text.n }, &id));
        assert_false(hydra_cookie_open(w->h, w->a, kind, name, str_upto(text, i > 2 ? i - 2 : 0), &id));
    }
}

static void check_bad_cookie(struct world *w, const json_t *row)
{
    struct str id;
    if (hydra_cookie_open(w->h, w->a, HYDRA_COOKIE_SESSION, vector_str(row, "name"), vector_str(row, "text"), &id))
        fail_msg("%.*s", STR_FMT(vector_str(row, "why")));
}

static void test_cookies(void **state)
{
    struct world *w = *state;
    struct str id;
    each(w, "cookie", check_cookie);
    each(w, "bad cookie", check_bad_cookie);
    char *much = arena_alloc(w->a, 4100);
    memset(much, 'M', 4100);
    assert_false(hydra_cookie_open(w->h, w->a, HYDRA_COOKIE_SESSION, STR("ory_hydra_session"), (struct str) { much, 4100 }, &id));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_tokens, enter, leave),
        cmocka_unit_test_setup_teardown(test_changed_tokens, enter, leave),
        cmocka_unit_test_setup_teardown(test_digests, enter, leave),
        cmocka_unit_test_setup_teardown(test_stored, enter, leave),
        cmocka_unit_test_setup_teardown(test_challenges, enter, leave),
        cmocka_unit_test_setup_teardown(test_cookies, enter, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
