/* Signatures: published ones, all algorithms there and back, and every way of passing a false one off. */
#include "../vectors.h"

#include <openssl/ec.h>
#include <pthread.h>
#include <string.h>

#include "base/b64.h"
#include "crypto/jws.h"

static const char *const algs[] = { "RS256", "RS384", "RS512", "PS256", "PS384", "PS512",
                                    "ES256", "ES384", "ES512", "EdDSA", "HS256", "HS512" };
enum { ALGS = ARRAY_LEN(algs) };
static struct jwk *keys[ALGS]; /* one per algorithm, all with the kid "k" */

static int make_keys(void **state)
{
    (void)state;
    struct err e = ERR_INIT(NULL);
    for (size_t i = 0; i < ALGS; i++)
        if (!jwk_generate(str_of(algs[i]), STR("k"), STR("sig"), 1056, &keys[i], &e)) return -1;
    return 0;
}

static int drop_keys(void **state)
{
    (void)state;
    for (size_t i = 0; i < ALGS; i++) jwk_unref(keys[i]);
    return 0;
}

static const struct alg *alg_named(const char *name) { return alg_by_name(str_of(name)); }

static struct str sign(struct arena *a, const struct jwk *k, struct str payload)
{
    struct err e = ERR_INIT(a);
    struct str compact;
    if (!jws_sign(a, k, STR("JWT"), payload, &compact, &e)) fail_msg("%s", e.hint);
    return compact;
}

static struct jws taken_apart(struct arena *a, struct str compact)
{
    struct err e = ERR_INIT(a);
    struct jws jws;
    if (!jws_parse(a, compact, &jws, &e)) fail_msg("%s", e.hint);
    return jws;
}

/* A key with members changed. */
static struct jwk *varied(struct arena *a, json_t *json, const char *changes)
{
    struct err e = ERR_INIT(a);
    json_t *change, *copy = json_deep_copy(json);
    assert_true(json_read(a, str_of(changes), &change, NULL, &e));
    json_object_update(copy, change);
    struct jwk *k;
    if (!jwk_parse(copy, &k, &e)) fail_msg("%s", e.hint);
    json_decref(copy);
    return k;
}

static void test_published_signatures(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    size_t i;
    json_t *row;
    json_array_foreach(vector_rows(a, "jws.json"), i, row)
    {
        struct err e = ERR_INIT(a);
        struct jwk *k;
        assert_true(jwk_parse(json_object_get(row, "key"), &k, &e));
        struct str compact = vector_str(row, "compact"), again;
        struct jws jws = taken_apart(a, compact);
        assert_str(jws.alg, vector_str(row, "alg"));
        if (!jws_verify(&jws, k, alg_by_name(jws.alg))) fail_msg("%s", json_string_value(json_object_get(row, "source")));
        for (size_t j = 0; j < ALGS; j++)
            assert_int_equal(jws_verify(&jws, k, alg_named(algs[j])), str_eq(str_of(algs[j]), jws.alg));
        if (json_is_true(json_object_get(row, "reproducible"))) {
            assert_true(jws_sign(a, k, STR_NONE, jws.payload, &again, &e));
            assert_str(again, compact);
        }
        jwk_unref(k);
    }
}

static void test_there_and_back(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct str payloads[] = { STR("{\"sub\":\"alice\"}"), STR(""), STR("\x00\xff not JSON") };
    for (size_t i = 0; i < ALGS * ARRAY_LEN(payloads); i++) {
        const struct jwk *k = keys[i % ALGS];
        struct str payload = payloads[i / ALGS], compact = sign(a, k, payload), header;
        struct jws jws = taken_apart(a, compact);
        assert_str(jws.payload, payload);
        assert_str(jws.kid, STR("k"));
        assert_str(jws.typ, STR("JWT"));
        assert_str(jws.alg, k->alg);
        assert_true(b64url_decode(a, str_cut(&(struct str) { compact.p, compact.n }, '.'), &header));
        assert_str(header, arena_printf(a, "{\"alg\":\"%s\",\"kid\":\"k\",\"typ\":\"JWT\"}", algs[i % ALGS]));
        for (size_t j = 0; j < ALGS; j++) { /* only this key with this algorithm */
            assert_int_equal(jws_verify(&jws, keys[j], alg_named(algs[i % ALGS])), j == i % ALGS);
            assert_int_equal(jws_verify(&jws, k, alg_named(algs[j])), j == i % ALGS);
        }
        if (k->pkey == NULL) continue;
        json_t *public = jwk_public_json(k);
        struct jwk *verifier = varied(a, public, "{}");
        assert_true(jws_verify(&jws, verifier, alg_named(algs[i % ALGS])));
        jwk_unref(verifier);
        json_decref(public);
    }
}

/* Which of its algorithms signs is agreed elsewhere; a key that is not for signatures verifies none. */
static void test_algorithms_of_an_rsa_key(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct jwk *encrypts = varied(a, keys[0]->json, "{\"alg\":\"RSA-OAEP\"}");
    for (size_t i = 0; i < 6; i++) { /* RS256 to PS512 */
        struct jwk *signer = varied(a, keys[0]->json, arena_printf(a, "{\"alg\":\"%s\"}", algs[i]).p);
        struct jws jws = taken_apart(a, sign(a, signer, STR("{}")));
        for (size_t j = 0; j < ALGS; j++) assert_int_equal(jws_verify(&jws, keys[0], alg_named(algs[j])), j == i);
        assert_false(jws_verify(&jws, encrypts, alg_named(algs[i])));
        jwk_unref(signer);
    }
    jwk_unref(encrypts);
}

static void test_algorithm_of_a_key(void **state)
{
    (void)state;
    static const struct {
        size_t key;
        const char *changes, *alg; /* NULL: cannot sign */
    } rows[] = {
        { 0, "{\"alg\":\"\"}", "RS256" },      { 6, "{\"alg\":\"\"}", "ES256" },    { 7, "{\"alg\":\"\"}", "ES384" },
        { 8, "{\"alg\":\"\"}", "ES512" },      { 9, "{\"alg\":\"\"}", "EdDSA" },    { 10, "{\"alg\":\"\"}", "HS256" },
        { 0, "{\"alg\":\"PS384\"}", "PS384" }, { 0, "{\"alg\":\"ES256\"}", NULL },  { 6, "{\"alg\":\"ES384\"}", NULL },
        { 0, "{\"alg\":\"RSA-OAEP\"}", NULL }, { 10, "{\"alg\":\"RS256\"}", NULL }, { 9, "{\"alg\":\"none\"}", NULL },
        { 0, "{\"d\":\"\"}", NULL },           { 6, "{\"d\":\"\"}", NULL },         { 9, "{\"d\":\"\"}", NULL },
        { 10, "{\"alg\":\"A128KW\"}", NULL },
    };
    ARENA_AUTO a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct jwk *k = varied(a, keys[rows[i].key]->json, rows[i].changes);
        struct err e = ERR_INIT(a);
        struct str compact;
        bool can = jws_sign(a, k, STR("JWT"), STR("{}"), &compact, &e);
        if (can != (rows[i].alg != NULL)) fail_msg("row %zu", i);
        if (can)
            assert_str(taken_apart(a, compact).alg, str_of(rows[i].alg));
        else
            assert_ptr_equal(e.kind, &err_SERVER_ERROR);
        jwk_unref(k);
    }
}

static void test_changed_tokens(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    for (size_t i = 0; i < ALGS; i++) {
        const struct alg *alg = alg_named(algs[i]);
        struct str compact = sign(a, keys[i], STR("{\"sub\":\"alice\"}"));
        struct jws good = taken_apart(a, compact), jws;
        for (size_t j = 0; j < good.signature.n * 8; j += 3) {
            jws = good;
            jws.signature = arena_dup(a, good.signature);
            ((char *)jws.signature.p)[j / 8] ^= (char)(1 << j % 8);
            assert_false(jws_verify(&jws, keys[i], alg));
        }
        for (size_t j = 0; j < good.signed_text.n; j++) {
            jws = good;
            jws.signed_text = arena_dup(a, good.signed_text);
            ((char *)jws.signed_text.p)[j] ^= 1;
            assert_false(jws_verify(&jws, keys[i], alg));
        }
        struct str other_lengths[] = { STR(""),
                                       STR_NONE,
                                       str_upto(good.signature, good.signature.n - 1),
                                       str_from(good.signature, 1),
                                       ARENA_CAT(a, good.signature, STR("x")),
                                       ARENA_CAT(a, STR("\0"), good.signature),
                                       ARENA_CAT(a, good.signature, good.signature) };
        for (size_t j = 0; j < ARRAY_LEN(other_lengths); j++) {
            jws = good;
            jws.signature = other_lengths[j];
            assert_false(jws_verify(&jws, keys[i], alg));
        }
    }
}

/* ECDSA: r or s of zero ("psychic" signatures), of the order or above, and DER where raw numbers belong. */
static void test_ecdsa_numbers(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    static const struct {
        size_t key, size;
    } rows[] = { { 6, 32 }, { 7, 48 }, { 8, 66 } };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t size = rows[i].size;
        const struct alg *alg = alg_named(algs[rows[i].key]);
        struct jws good = taken_apart(a, sign(a, keys[rows[i].key], STR("{}"))), jws = good;
        assert_int_equal(good.signature.n, 2 * size);
        char *zero = arena_zalloc(a, 2 * size), *ones = arena_alloc(a, 2 * size);
        memset(ones, 0xFF, 2 * size);
        struct str r = str_upto(good.signature, size), s = str_from(good.signature, size);
        struct str forged[] = { { zero, 2 * size },
                                { ones, 2 * size },
                                ARENA_CAT(a, r, (struct str) { zero, size }),
                                ARENA_CAT(a, (struct str) { zero, size }, s),
                                ARENA_CAT(a, r, (struct str) { ones, size }),
                                ARENA_CAT(a, (struct str) { ones, size }, s),
                                ARENA_CAT(a, s, r) };
        for (size_t j = 0; j < ARRAY_LEN(forged); j++) {
            jws.signature = forged[j];
            assert_false(jws_verify(&jws, keys[rows[i].key], alg));
        }
        ECDSA_SIG *pair = ECDSA_SIG_new();
        ECDSA_SIG_set0(pair, BN_bin2bn((const unsigned char *)r.p, (int)size, NULL),
                       BN_bin2bn((const unsigned char *)s.p, (int)size, NULL));
        unsigned char *der = NULL;
        int n = i2d_ECDSA_SIG(pair, &der);
        jws.signature = (struct str) { (char *)der, (size_t)n };
        assert_false(jws_verify(&jws, keys[rows[i].key], alg));
        OPENSSL_free(der);
        ECDSA_SIG_free(pair);
    }
}

static struct str forged_token(struct arena *a, const char *header, struct str signature)
{
    struct str signed_text = ARENA_CAT(a, b64url_encode(a, str_of(header)), STR("."), b64url_encode(a, STR("{\"sub\":\"eve\"}")));
    return ARENA_CAT(a, signed_text, STR("."), b64url_encode(a, signature));
}

/* RFC 8725 2.1: "none", and a public key used as the secret of an HMAC. */
static void test_algorithm_confusion(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct jws jws = taken_apart(a, forged_token(a, "{\"alg\":\"none\"}", STR_NONE));
    for (size_t i = 0; i < ALGS; i++)
        for (size_t j = 0; j < ALGS; j++) assert_false(jws_verify(&jws, keys[i], alg_named(algs[j])));

    /* Signed by HMAC under the text of the RSA key's public half. */
    json_t *public = jwk_public_json(keys[0]);
    struct str secret = b64url_encode(a, json_text(a, public, false));
    json_t *json = json_pack("{s:s,s:s%,s:s}", "kty", "oct", "k", secret.p, secret.n, "kid", "k");
    struct jwk *hmac, *rsa = varied(a, public, "{\"alg\":\"\"}");
    struct err e = ERR_INIT(a);
    assert_true(jwk_parse(json, &hmac, &e));
    jws = taken_apart(a, sign(a, hmac, STR("{}")));
    assert_str(jws.alg, STR("HS256"));
    for (size_t j = 0; j < ALGS; j++) assert_false(jws_verify(&jws, rsa, alg_named(algs[j])));
    struct jwks set = { &rsa, 1 };
    const struct jwk *found;
    assert_false(jws_verify_set(&jws, &set, alg_by_name(jws.alg), &found));
    jwk_unref(rsa);
    jwk_unref(hmac);
    json_decref(json);
    json_decref(public);

    /* A header that names another algorithm than the caller allows is refused even where the signature would fit. */
    struct jwk *any = varied(a, keys[0]->json, "{\"alg\":\"\"}");
    jws = taken_apart(a, sign(a, keys[0], STR("{}")));
    assert_true(jws_verify(&jws, any, alg_named("RS256")));
    jws.alg = STR("RS384");
    assert_false(jws_verify(&jws, any, alg_named("RS256")));
    jwk_unref(any);
}

static void test_malformed_tokens(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();

    static const char *const texts[] = {
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "eyJhbGciOiJFUzI1NiJ9",
        "eyJhbGciOiJFUzI1NiJ9.e30",
        "eyJhbGciOiJFUzI1NiJ9.e30.AA.AA",
        "eyJhbGciOiJFUzI1NiJ9.e30.AA=",
        "eyJhbGciOiJFUzI1NiJ9.e30.AA==",
        "eyJhbGciOiJFUzI1NiJ9.e30.A A",
        "eyJhbGciOiJFUzI1NiJ9.e30.AA\n",
        "eyJhbGciOiJFUzI1NiJ9.e3+.AA",
        "eyJhbGciOiJFUzI1NiJ9.e30.AB",
        " eyJhbGciOiJFUzI1NiJ9.e30.AA",
        "e30.e30.AA",
    };
    struct err e = ERR_INIT(a);
    struct jws jws;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (jws_parse(a, str_of(texts[i]), &jws, &e)) fail_msg("\"%s\" was accepted", texts[i]);
        assert_ptr_equal(e.kind, &err_INVALID_TOKEN);
    }
    static const char *const headers[] = {
        "",
        "{}",
        "[]",
        "\"alg\"",
        "{\"alg\":\"\"}",
        "{\"alg\":5}",
        "{\"alg\":null}",
        "{\"ALG\":\"ES256\"}",
        "{\"alg\":\"ES256\"",
        "{\"alg\":\"ES256\"}{}",
        "{\"alg\":\"ES256\"} x",
        "{\"alg\":\"ES256\",\"kid\":5}",
        "{\"alg\":\"ES256\",\"kid\":{\"$ne\":1}}",
        "{\"alg\":\"ES256\",\"typ\":[]}",
        "{\"alg\":\"ES256\",\"crit\":[\"b64\"],\"b64\":false}",
        "{\"alg\":\"ES256\",\"crit\":[]}",
        "{\"alg\":\"ES256\",\"crit\":null}",
        "{\"alg\":\"ES256\",\"x\":\"\xff\"}",
    };
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        if (jws_parse(a, forged_token(a, headers[i], STR("sig")), &jws, &e)) fail_msg("%s was accepted", headers[i]);
        assert_ptr_equal(e.kind, &err_INVALID_TOKEN);
    }
    char *deep = arena_zalloc(a, 2000);
    memset(deep, '[', 1000);
    assert_false(jws_parse(a, forged_token(a, deep, STR("sig")), &jws, &e));

    /* 64 KiB is the limit. */
    struct str long_payload = { arena_zalloc(a, 49152), 49152 };
    struct str start = STR("eyJhbGciOiJFUzI1NiJ9."), sized = b64url_encode(a, long_payload);
    assert_true(jws_parse(a, ARENA_CAT(a, start, str_upto(sized, 65536 - start.n - 4), STR(".AAA")), &jws, &e) ||
                jws_parse(a, ARENA_CAT(a, start, str_upto(sized, 65536 - start.n - 3), STR(".AA")), &jws, &e));
    assert_false(jws_parse(a, ARENA_CAT(a, start, sized, STR(".AA")), &jws, &e));
    assert_string_equal(e.hint, "The token is too long.");

    /* Unsigned tokens can be taken apart; what they are worth is the caller's to say. */
    assert_true(jws_parse(a, STR("eyJhbGciOiJub25lIn0.e30."), &jws, &e));
    assert_str(jws.alg, STR("none"));
    assert_int_equal(jws.signature.n, 0);
}

static void test_sets(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct jwk *rsa = keys[0], *named = varied(a, keys[0]->json, "{\"kid\":\"other\"}"),
               *encrypts = varied(a, keys[0]->json, "{\"use\":\"enc\"}"),
               *useless = varied(a, keys[0]->json, "{\"use\":\"\",\"alg\":\"\"}"),
               *nameless = varied(a, keys[0]->json, "{\"kid\":\"\"}");
    const struct {
        const struct jwk *signer;
        struct jwk *set[3];
        size_t n;
        int found; /* -1: none */
    } rows[] = {
        { rsa, { rsa }, 1, 0 },
        { rsa, { named, rsa }, 2, 1 }, /* by kid */
        { rsa, { named }, 1, -1 },
        { rsa, { encrypts }, 1, -1 },             /* not for signatures */
        { rsa, { encrypts, useless }, 2, 1 },     /* use and alg left open */
        { rsa, { keys[6], keys[3], rsa }, 3, 2 }, /* others of that kid */
        { rsa, { NULL }, 0, -1 },
        { nameless, { named }, 1, 0 }, /* a token without kid: every key is tried */
        { nameless, { keys[6], encrypts, named }, 3, 2 },
        { nameless, { keys[6] }, 1, -1 },
        { rsa, { nameless }, 1, -1 },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct jws jws = taken_apart(a, sign(a, rows[i].signer, STR("{}")));
        const struct jwk *found = NULL;
        struct jwks set = { (struct jwk **)rows[i].set, rows[i].n };
        bool verified = jws_verify_set(&jws, &set, alg_named("RS256"), &found);
        if (verified != (rows[i].found >= 0) || (verified && found != rows[i].set[rows[i].found])) fail_msg("row %zu", i);
    }
    jwk_unref(named), jwk_unref(encrypts), jwk_unref(useless), jwk_unref(nameless);
}

static void *sign_often(void *unused)
{
    (void)unused;
    ARENA_AUTO a = arena_new();
    for (size_t i = 0; i < 20 * ALGS; i++) {
        struct jwk *k = jwk_ref(keys[i % ALGS]);
        struct err e = ERR_INIT(a);
        struct str compact;
        struct jws jws;
        bool right = jws_sign(a, k, STR("JWT"), STR("{}"), &compact, &e) && jws_parse(a, compact, &jws, &e) &&
                     jws_verify(&jws, k, alg_by_name(jws.alg));
        jwk_unref(k);
        if (!right) return keys;
    }
    return NULL;
}

static void test_many_threads(void **state)
{
    (void)state;
    pthread_t threads[4];
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) assert_int_equal(pthread_create(&threads[i], NULL, sign_often, NULL), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        void *failed;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_signatures),
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_algorithms_of_an_rsa_key),
        cmocka_unit_test(test_algorithm_of_a_key),
        cmocka_unit_test(test_changed_tokens),
        cmocka_unit_test(test_ecdsa_numbers),
        cmocka_unit_test(test_algorithm_confusion),
        cmocka_unit_test(test_malformed_tokens),
        cmocka_unit_test(test_sets),
        cmocka_unit_test(test_many_threads),
    };
    return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
