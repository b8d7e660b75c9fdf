/* Keys as JSON: published ones, canonical form, what is completed, what is dropped, and every reason to refuse one. */
#include "../vectors.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/jwk_int.h"

static json_t *json_of(struct arena *a, struct str text)
{
    struct err e = ERR_INIT(a);
    json_t *json;
    if (!json_read(a, text, &json, NULL, &e)) fail_msg("%s", e.hint);
    return json;
}

static struct jwk *parsed(struct arena *a, const json_t *json)
{
    struct err e = ERR_INIT(a);
    struct jwk *k;
    if (!jwk_parse(json, &k, &e)) fail_msg("%s", e.hint);
    return k;
}

static json_t *vector_key(struct arena *a, const char *source)
{
    size_t i;
    json_t *row;
    json_array_foreach(vector_rows(a, "jwk.json"), i,
                       row) if (str_eq(vector_str(row, "source"), str_of(source))) return json_object_get(row, "key");
    fail_msg("no vector %s", source);
    return NULL;
}

static struct str text_of(struct arena *a, const struct jwk *k) { return json_text(a, k->json, false); }

/* Every member of `some` is in `all`, the same. */
static void assert_members(json_t *all, json_t *some)
{
    const char *name;
    json_t *member;
    json_object_foreach(some, name, member) if (!json_equal(json_object_get(all, name), member))
        fail_msg("%s is missing or differs", name);
}

static void test_published_keys(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    size_t i;
    json_t *row;
    json_array_foreach(vector_rows(a, "jwk.json"), i, row)
    {
        json_t *key = json_object_get(row, "key");
        struct jwk *k = parsed(a, key);
        assert_members(k->json, key);
        assert_str(k->kid, vector_str(key, "kid"));
        assert_str(k->use, vector_str(key, "use"));
        assert_str(k->alg, vector_str(key, "alg"));
        assert_str(k->kty, vector_str(key, "kty"));
        assert_str(k->crv, vector_str(key, "crv"));
        bool private = json_object_get(key, "d") != NULL || json_object_get(key, "k") != NULL;
        assert_int_equal(k->is_private, private);
        assert_int_equal(k->pkey != NULL, json_object_get(key, "k") == NULL);

        struct str thumbprint = vector_str(row, "thumbprint");
        if (thumbprint.n > 0) assert_str(jwk_thumbprint(a, k), thumbprint);
        struct jwk *again = parsed(a, k->json);
        assert_str(text_of(a, again), text_of(a, k));
        assert_str(jwk_thumbprint(a, again), jwk_thumbprint(a, k));
        jwk_unref(again);
        jwk_unref(k);
    }
}

#define EC_D "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"
#define EC_X "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define EC_Y "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define CERTIFICATE                                                                                                              \
    "MIIBDTCBs6ADAgECAgEBMAoGCCqGSM49BAMCMA8xDTALBgNVBAMMBHRlc3QwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBaMA8xDTALBgNVBAMMBH" \
    "Rlc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAR/zc4ncPbEXUGDy+5v20t7WAczNXvp7xO6z248e9FURcfxRM0bvZt+hyzf7bnuufSzaV1uqQskrYpGIyiF" \
    "iOWtMAoGCCqGSM49BAMCA0kAMEYCIQCnYwJspQfB77mkbjDITaEcX+Si9LjcdKTFl5RbifOd/wIhAOrTcgUyeFdrXifD2WNDxpqegW2Fgma7Glprd35oomwi"

static void test_canonical_form(void **state)
{
    (void)state;
    static const struct {
        const char *given, *kept, *public;
    } rows[] = {
        /* In one order, without what is unknown, empty or of another type of key. */
        { "{\"d\":\"" EC_D "\",\"y\":\"" EC_Y "\",\"x\":\"" EC_X
          "\",\"crv\":\"P-256\",\"kty\":\"EC\",\"alg\":\"ES256\",\"kid\":\"k\","
          "\"use\":\"sig\",\"n\":\"AQAB\",\"k\":\"AQAB\",\"foo\":{\"bar\":1},\"exp\":5}",
          "{\"use\":\"sig\",\"kty\":\"EC\",\"kid\":\"k\",\"crv\":\"P-256\",\"alg\":\"ES256\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y
          "\",\"d\":\"" EC_D "\"}",
          "{\"use\":\"sig\",\"kty\":\"EC\",\"kid\":\"k\",\"crv\":\"P-256\",\"alg\":\"ES256\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y
          "\"}" },
        { "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "=\",\"y\":\"" EC_Y
          "=\",\"kid\":\"\",\"use\":\"\",\"alg\":\"\",\"d\":\"\"}",
          "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\"}",
          "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\"}" },
        { "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\",\"d\":\"" EC_D
          "\",\"key_ops\":[\"sign\"],\"x5t#S256\":\"b\",\"x5t\":\"a\",\"x5u\":\"https://x\",\"x5c\":[\"" CERTIFICATE "\"]}",
          "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\",\"d\":\"" EC_D "\",\"x5c\":[\"" CERTIFICATE
          "\"],\"x5u\":\"https://x\",\"x5t\":\"a\",\"x5t#S256\":\"b\",\"key_ops\":[\"sign\"]}",
          "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\",\"x5c\":[\"" CERTIFICATE
          "\"],\"x5u\":\"https://x\",\"x5t\":\"a\",\"x5t#S256\":\"b\"}" },
        { "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\",\"kid\":null,\"use\":null,\"alg\":null,"
          "\"d\":null,\"n\":null,\"oth\":null,\"x5c\":null,\"x5u\":null,\"key_ops\":null}",
          "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\"}",
          "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\"}" },
        { "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\",\"key_ops\":[\"verify\"]}",
          "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\",\"key_ops\":[\"verify\"]}",
          "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\",\"key_ops\":[\"verify\"]}" },
        { "{\"k\":\"AAECAw\",\"alg\":\"HS256\",\"kty\":\"oct\",\"crv\":\"P-256\",\"kid\":\"k1\",\"use\":\"sig\"}",
          "{\"use\":\"sig\",\"kty\":\"oct\",\"kid\":\"k1\",\"alg\":\"HS256\",\"k\":\"AAECAw\"}", NULL },
        /* Any use and any algorithm are names. */
        { "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"BHD3TH0KOUTjhXh5Y9YX-0-_XgKdHtYy7d2Yy2BcbTY\",\"alg\":\"RSA-OAEP\","
          "\"use\":\"x\","
          "\"d\":\"y6_8wlReAapdonVsR3ZXznCGvrMiAFRkMu8Avzzv9Mg\"}",
          "{\"use\":\"x\",\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"alg\":\"RSA-OAEP\",\"x\":\"BHD3TH0KOUTjhXh5Y9YX-0-_"
          "XgKdHtYy7d2Yy2BcbTY\","
          "\"d\":\"y6_8wlReAapdonVsR3ZXznCGvrMiAFRkMu8Avzzv9Mg\"}",
          "{\"use\":\"x\",\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"alg\":\"RSA-OAEP\",\"x\":\"BHD3TH0KOUTjhXh5Y9YX-0-_"
          "XgKdHtYy7d2Yy2BcbTY\"}" },
    };
    ARENA_AUTO a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct jwk *k = parsed(a, json_of(a, str_of(rows[i].given)));
        assert_str(text_of(a, k), str_of(rows[i].kept));
        json_t *public = jwk_public_json(k);
        assert_int_equal(public != NULL, rows[i].public != NULL);
        if (public != NULL) assert_str(json_text(a, public, false), str_of(rows[i].public));
        json_decref(public);
        jwk_unref(k);
    }
}

static void delete_members(json_t *json, struct arena *a, const char *names)
{
    struct strs list = strs_words(a, str_of(names));
    for (size_t i = 0; i < list.n; i++) json_object_del(json, list.v[i].p != NULL ? arena_dupz(a, list.v[i]) : "");
}

/* Whatever follows from n, e and d is computed. */
static void test_rsa_is_completed(void **state)
{
    (void)state;
    static const char *const missing[] = { "", "dp dq qi", "dp", "qi", "p q dp dq qi", "p q" };
    static const char *const sources[] = { "RFC 7520 3.4", "RFC 7515 A.2" };
    ARENA_AUTO a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(missing) * ARRAY_LEN(sources); i++) {
        json_t *whole = vector_key(a, sources[i % 2]), *part = json_deep_copy(whole);
        delete_members(part, a, missing[i / 2]);
        struct jwk *k = parsed(a, part);
        assert_members(k->json, whole);
        jwk_unref(k);
        json_decref(part);
    }

    json_t *whole = vector_key(a, sources[0]), *odd = json_deep_copy(whole);
    json_object_set_new(odd, "dp", json_string("AQAB"));
    json_object_set_new(odd, "qi", json_string("AQAB"));
    json_object_set_new(odd, "e", json_string("AAEAAQ")); /* leading zeros */
    struct jwk *k = parsed(a, odd);
    assert_members(k->json, whole);
    jwk_unref(k);

    /* Without d it is public, whatever else is there. */
    json_object_del(odd, "d");
    k = parsed(a, odd);
    assert_false(k->is_private);
    assert_null(json_object_get(k->json, "p"));
    assert_null(json_object_get(k->json, "dp"));
    assert_null(k->signer);
    jwk_unref(k);
    json_decref(odd);
}

static void test_refused_keys(void **state)
{
    (void)state;
    static const struct {
        const char *source, *remove, *change; /* a vector, members to remove, JSON of members to set */
        const char *hint;                     /* how the refusal begins */
    } rows[] = {
        { "RFC 7515 A.3", "kty", "{}", "The key's member kty is missing." },
        { "RFC 7515 A.3", "", "{\"kty\":\"\"}", "The key's member kty is missing." },
        { "RFC 7515 A.3", "", "{\"kty\":5}", "The key's member kty is not a string." },
        { "RFC 7515 A.3", "", "{\"kty\":\"ec\"}", "The key's type or curve is not supported" },
        { "RFC 7515 A.3", "", "{\"kty\":\"DSA\"}", "The key's type or curve is not supported" },
        { "RFC 7515 A.3", "", "{\"crv\":\"secp256k1\"}", "The key's type or curve is not supported" },
        { "RFC 7515 A.3", "crv", "{}", "The key's type or curve is not supported" },
        { "RFC 8037 A.1, A.3", "", "{\"crv\":\"X25519\"}", "The key's type or curve is not supported" },
        { "RFC 8037 A.1, A.3", "", "{\"crv\":\"Ed448\"}", "The key's type or curve is not supported" },
        { "RFC 7515 A.3", "", "{\"kid\":7}", "The key's member kid is not a string." },
        { "RFC 7515 A.3", "", "{\"use\":true}", "The key's member use is not a string." },
        { "RFC 7515 A.3", "", "{\"kty\":null}", "The key's member kty is missing." },
        { "RFC 7515 A.3", "", "{\"alg\":[\"ES256\"]}", "The key's member alg is not a string." },
        { "RFC 7515 A.3", "", "{\"x\":1}", "The key's member x is not a string." },
        { "RFC 7515 A.3", "", "{\"x\":\"***\"}", "The key's member x is not base64url." },
        { "RFC 7515 A.3", "", "{\"d\":\"A\"}", "The key's member d is not base64url." },
        { "RFC 7515 A.3", "", "{\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEV\"}", "The key's member x is not base64url." },
        { "RFC 7515 A.3", "x", "{}", "The members x and y of a P-256 key have to be 32 bytes each." },
        { "RFC 7515 A.3", "y", "{}", "The members x and y of a P-256 key have to be 32 bytes each." },
        { "RFC 7515 A.3", "", "{\"crv\":\"P-384\"}", "The members x and y of a P-384 key have to be 48 bytes each." },
        { "RFC 7515 A.3", "", "{\"x\":\"AH_NzidwXsRdQYPL7m_bS3tYBzM1e-nvE7rPbjx70VRF\"}", "The members x and y" },
        { "RFC 7515 A.3", "d", "{\"x\":\"" EC_Y "\"}", "The EC key's point does not lie on its curve." },
        { "RFC 7515 A.3", "d", "{\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
          "The EC key's point does not lie on its curve." },
        { "RFC 7515 A.3", "d", "{\"x\":\"_____wAAAAEAAAAAAAAAAAAAAAD_______________8\"}",
          "The EC key's point does not lie on its curve." },
        { "RFC 7515 A.3", "", "{\"d\":\"" EC_X "\"}", "The EC key's d does not belong to its x and y." },
        { "RFC 7515 A.3", "", "{\"d\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}", "The EC key's d does not belong" },
        { "RFC 7515 A.3", "", "{\"d\":\"__________________________________________8\"}", "The EC key's " },
        { "RFC 7515 A.3", "", "{\"d\":\"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E\"}",
          "The member d of a P-256 key has to be 32 bytes." },
        { "RFC 8037 A.1, A.3", "x", "{}", "The member x of an Ed25519 key has to be 32 bytes." },
        { "RFC 8037 A.1, A.3", "", "{\"d\":\"nWGx\"}", "The member d of an Ed25519 key has to be 32 bytes." },
        { "RFC 8037 A.1, A.3", "", "{\"d\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}",
          "The Ed25519 key's d does not belong to its x." },
        { "RFC 8037 A.1, A.3", "", "{\"x\":\"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
          "The Ed25519 key's x is not a usable point" },
        { "RFC 7517 A.3", "k", "{}", "A symmetric key needs the member k." },
        { "RFC 7517 A.3", "", "{\"k\":\"\"}", "A symmetric key needs the member k." },
        { "RFC 7515 A.2", "n", "{}", "An RSA key needs the member n." },
        { "RFC 7515 A.2", "e", "{}", "An RSA key needs the member e." },
        { "RFC 7515 A.2", "", "{\"e\":\"AQ\"}", "The RSA key's e is not an odd number" },
        { "RFC 7515 A.2", "", "{\"e\":\"AA\"}", "The RSA key's e is not an odd number" },
        { "RFC 7515 A.2", "", "{\"e\":\"AQAA\"}", "The RSA key's e is not an odd number" },
        { "RFC 7515 A.2", "", "{\"e\":\"AQAAAAAAAAAB\"}", "The RSA key's e is not an odd number" },
        { "RFC 7515 A.2", "", "{\"n\":\"" EC_X "\"}", "The RSA key has 255 bits; between 1024 and 16384 are accepted." },
        { "RFC 7515 A.2", "p", "{}", "The RSA key has only one of p and q." },
        { "RFC 7515 A.2", "q", "{}", "The RSA key has only one of p and q." },
        { "RFC 7515 A.2", "", "{\"p\":\"AQ\"}", "The RSA key's n is not the product of p and q." },
        { "RFC 7515 A.2", "", "{\"q\":\"" EC_X "\"}", "The RSA key's n is not the product of p and q." },
        { "RFC 7515 A.2", "", "{\"d\":\"AQ\"}", "The RSA key's d is out of range." },
        { "RFC 7515 A.2", "", "{\"d\":\"AA\"}", "The RSA key's d is out of range." },
        { "RFC 7515 A.2", "", "{\"d\":\"AQAB\"}", "The RSA key's d does not belong to its n and e." },
        { "RFC 7515 A.2", "p q", "{\"d\":\"AQAB\"}", "The RSA key's d does not belong to its n and e." },
        { "RFC 7515 A.2", "p q", "{\"d\":\"Ag\"}", "The RSA key's d does not belong to its n and e." },
        { "RFC 7515 A.2", "", "{\"e\":\"Aw\"}", "The RSA key's d does not belong to its n and e." },
        { "RFC 7515 A.2", "p q", "{\"e\":\"Aw\"}", "The RSA key's d does not belong to its n and e." },
        { "RFC 7515 A.2", "", "{\"oth\":[]}", "RSA keys with more than two primes are not supported." },
        { "RFC 7515 A.3", "", "{\"x5c\":\"x\"}", "The key's member x5c is malformed." },
        { "RFC 7515 A.3", "", "{\"x5c\":[5]}", "The key's member x5c is malformed." },
        { "RFC 7515 A.3", "", "{\"x5c\":[\"AAAA\"]}", "The first certificate of the key's x5c is not for this key." },
        { "RFC 7515 A.4", "", "{\"x5c\":[\"" CERTIFICATE "\"]}", "The first certificate of the key's x5c is not for this key." },
        { "RFC 7517 A.3", "", "{\"x5c\":[\"" CERTIFICATE "\"]}", "The first certificate of the key's x5c is not for this key." },
        { "RFC 7515 A.3", "", "{\"x5u\":[]}", "The key's member x5u is malformed." },
        { "RFC 7515 A.3", "", "{\"x5t\":5}", "The key's member x5t is malformed." },
        { "RFC 7515 A.3", "", "{\"x5t#S256\":{}}", "The key's member x5t#S256 is malformed." },
        { "RFC 7515 A.3", "", "{\"key_ops\":\"sign\"}", "The key's member key_ops is malformed." },
        { "RFC 7515 A.3", "", "{\"key_ops\":[1]}", "The key's member key_ops is malformed." },
    };
    ARENA_AUTO a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_t *key = json_deep_copy(vector_key(a, rows[i].source));
        delete_members(key, a, rows[i].remove);
        json_object_update(key, json_of(a, str_of(rows[i].change)));
        struct err e = ERR_INIT(a);
        struct jwk *k;
        bool accepted = jwk_parse(key, &k, &e);
        json_decref(key);
        if (accepted) fail_msg("row %zu (%s) was accepted", i, rows[i].change);
        assert_ptr_equal(e.kind, &err_INVALID_REQUEST);
        if (!str_starts(str_of(e.hint), str_of(rows[i].hint))) fail_msg("row %zu: %s", i, e.hint);
        assert_null(strstr(e.hint, "jpsQnn")); /* no key material in errors */
    }

    struct err e = ERR_INIT(a);
    struct jwk *k;
    static const char *const no_objects[] = { "[]", "\"x\"", "null", "5", "true" };
    for (size_t i = 0; i < ARRAY_LEN(no_objects); i++) assert_false(jwk_parse(json_of(a, str_of(no_objects[i])), &k, &e));
}

/* n that is even, p = q, and sizes beyond the limits. */
static void test_refused_rsa_numbers(void **state)
{
    (void)state;
    static const struct {
        size_t bytes;
        char last;
        bool private;
        const char *hint;
    } rows[] = {
        { 256, '\x02', false, "The RSA key's n is even." },
        { 127, '\x01', false, "The RSA key has 1016 bits" },
        { 128, '\x01', false, NULL },
        { 2048, '\x01', false, NULL },
        { 2049, '\x01', false, "The RSA key is too large." },
        { 1025, '\x01', true, "The private RSA key has 8200 bits; at most 8192 are accepted." },
        { 513, '\x01', true, "A private RSA key of more than 4096 bits needs p and q." },
        { 512, '\x01', true, "The RSA key's d does not belong to its n and e." },
    };
    ARENA_AUTO a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *bytes = arena_zalloc(a, rows[i].bytes);
        memset(bytes, 0xFF, rows[i].bytes);
        bytes[rows[i].bytes - 1] = rows[i].last;
        struct jwk_parts parts = { .n = { bytes, rows[i].bytes }, .e = STR("\x03") };
        if (rows[i].private) parts.d = STR("\x12\x34\x57");
        struct err e = ERR_INIT(a);
        EVP_PKEY *pkey = NULL;
        bool accepted = jwk_load_rsa(a, alg_by_name(STR("RS256")), &parts, &pkey, &e);
        EVP_PKEY_free(pkey);
        assert_int_equal(accepted, rows[i].hint == NULL);
        if (!accepted && !str_starts(str_of(e.hint), str_of(rows[i].hint))) fail_msg("row %zu: %s", i, e.hint);
    }
}

static void test_text_limits(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    char *text = arena_zalloc(a, 20001);
    memset(text, 'A', 20000);
    static const char *const members[] = { "kid", "x", "x5u", "x5t" };
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        json_t *key = json_deep_copy(vector_key(a, "RFC 7515 A.3"));
        json_object_set_new(key, members[i], json_string(text));
        struct err e = ERR_INIT(a);
        struct jwk *k;
        assert_false(jwk_parse(key, &k, &e));
        json_decref(key);
    }
    json_t *key = json_deep_copy(vector_key(a, "RFC 7515 A.3")), *list = json_array();
    for (int i = 0; i < 17; i++) json_array_append_new(list, json_string("sign"));
    json_object_set_new(key, "key_ops", list);
    struct err e = ERR_INIT(a);
    struct jwk *k;
    assert_false(jwk_parse(key, &k, &e));
    json_decref(key);
    key = json_of(a, arena_printf(a, "{\"kty\":\"oct\",\"k\":\"%.1400s\"}", text));
    assert_false(jwk_parse(key, &k, &e)); /* 1050 bytes */
    key = json_of(a, arena_printf(a, "{\"kty\":\"oct\",\"k\":\"%.1364s\"}", text));
    jwk_unref(parsed(a, key));
}

static void test_ed25519_points(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        bool good;
    } rows[] = {
        { "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", true },  /* RFC 8032 7.1 */
        { "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", true },  /* RFC 8032 7.1 */
        { "5866666666666666666666666666666666666666666666666666666666666666", true },  /* the base point */
        { "0100000000000000000000000000000000000000000000000000000000000000", false }, /* order 1 */
        { "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", false }, /* order 2 */
        { "0000000000000000000000000000000000000000000000000000000000000000", false }, /* order 4 */
        { "0000000000000000000000000000000000000000000000000000000000000080", false }, /* order 4 */
        { "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", false }, /* order 8 */
        { "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85", false }, /* order 8 */
        { "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", false }, /* order 8 */
        { "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa", false }, /* order 8 */
        { "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", false }, /* p itself, for 0 */
        { "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", false }, /* p + 1, for 1 */
        { "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", false }, /* p + 3, for 3 */
        { "0300000000000000000000000000000000000000000000000000000000000000", true },
        { "0200000000000000000000000000000000000000000000000000000000000000", false }, /* not on the curve */
        { "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", false },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        unsigned char point[32];
        for (size_t j = 0; j < 32; j++)
            point[j] = (unsigned char)strtoul((char[]) { rows[i].hex[2 * j], rows[i].hex[2 * j + 1], 0 }, NULL, 16);
        if (ed25519_point_is_good(point) != rows[i].good) fail_msg("%s", rows[i].hex);
    }
}

static void test_generate(void **state)
{
    (void)state;
    static const struct {
        const char *alg, *kty, *crv;
        unsigned bits;
    } rows[] = {
        { "RS256", "RSA", "", 1024 },     { "RS384", "RSA", "", 2048 },  { "RS512", "RSA", "", 1024 },
        { "PS256", "RSA", "", 1024 },     { "PS384", "RSA", "", 1024 },  { "PS512", "RSA", "", 1056 },
        { "ES256", "EC", "P-256", 0 },    { "ES384", "EC", "P-384", 0 }, { "ES512", "EC", "P-521", 0 },
        { "EdDSA", "OKP", "Ed25519", 0 }, { "HS256", "oct", "", 16 },    { "HS512", "oct", "", 32 },
    };
    ARENA_AUTO a = arena_new();
    struct err e = ERR_INIT(a);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct jwk *k, *other;
        assert_true(jwk_generate(str_of(rows[i].alg), STR("the kid"), STR("sig"), rows[i].bits, &k, &e));
        assert_str(k->alg, str_of(rows[i].alg));
        assert_str(k->kty, str_of(rows[i].kty));
        assert_str(k->crv, str_of(rows[i].crv));
        assert_str(k->kid, STR("the kid"));
        assert_str(k->use, STR("sig"));
        assert_true(k->is_private);
        assert_int_equal(k->signer != NULL, k->pkey != NULL);
        if (k->pkey == NULL) assert_int_equal(k->secret.n, rows[i].bits);
        if (rows[i].kty[0] == 'R') assert_int_equal(EVP_PKEY_get_bits(k->pkey), rows[i].bits);
        assert_true(jwk_generate(str_of(rows[i].alg), STR_NONE, STR_NONE, rows[i].bits, &other, &e));
        assert_null(json_object_get(other->json, "kid"));
        assert_null(json_object_get(other->json, "use"));
        assert_false(str_eq(jwk_thumbprint(a, k), jwk_thumbprint(a, other)));
        jwk_unref(k);
        jwk_unref(other);
    }

    static const char *const refused[] = { "", "none", "HS384", "ES256K", "rs256", "RS256 ", "RSA-OAEP", "XX999", "Ed25519" };
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        struct jwk *k;
        assert_false(jwk_generate(str_of(refused[i]), STR("k"), STR("sig"), 1024, &k, &e));
        assert_ptr_equal(e.kind, &err_UNSUPPORTED_KEY_ALGORITHM);
    }
}

static void test_algorithms(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int hash_bytes;
        bool symmetric;
    } rows[] = {
        { "RS256", 32, false }, { "RS384", 48, false }, { "RS512", 64, false }, { "PS256", 32, false }, { "PS384", 48, false },
        { "PS512", 64, false }, { "ES256", 32, false }, { "ES384", 48, false }, { "ES512", 64, false }, { "EdDSA", 64, false },
        { "HS256", 32, true },  { "HS384", 48, true },  { "HS512", 64, true },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct alg *alg = alg_by_name(str_of(rows[i].name));
        assert_non_null(alg);
        assert_string_equal(alg_name(alg), rows[i].name);
        assert_int_equal(EVP_MD_get_size(alg_hash(alg)), rows[i].hash_bytes);
        assert_int_equal(alg_is_symmetric(alg), rows[i].symmetric);
    }
    static const char *const unknown[] = { "", "none", "None", "hs256", "RS257", "RS", "A128KW" };
    for (size_t i = 0; i < ARRAY_LEN(unknown); i++) assert_null(alg_by_name(str_of(unknown[i])));
}

static bool parse_set(struct arena *a, const char *text, bool skip, struct jwks *ret, struct err *e)
{
    return jwks_parse(a, json_of(a, str_of(text)), skip, ret, e);
}

#define EC_PUBLIC  "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\"}"
#define EC_PRIVATE "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\",\"d\":\"" EC_D "\"}"
#define EC_WRONG_D "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\",\"d\":\"" EC_X "\"}"

static void test_sets(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int n, n_skipping; /* -1: refused */
        const char *hint;
    } rows[] = {
        { "{\"keys\":[]}", 0, 0, NULL },
        { "{}", 0, 0, NULL },
        { "{\"keys\":null}", 0, 0, NULL },
        { "{\"keys\":[" EC_PUBLIC "]}", 1, 1, NULL },
        { "{\"keys\":[" EC_PUBLIC ",{\"kty\":\"oct\",\"k\":\"AAAA\"}," EC_PRIVATE "]}", 3, 3, NULL },
        { "{\"keys\":[" EC_PUBLIC ",{\"kty\":\"new\"}," EC_PUBLIC "]}", -1, 2,
          "keys[1]: The key's type or curve is not supported" },
        { "{\"keys\":[5]}", -1, 0, "keys[0]: A key has to be a JSON object." },
        { "{\"keys\":[{}]}", -1, 0, "keys[0]: The key's member kty is missing." },
        { "{\"keys\":[" EC_WRONG_D "]}", -1, 1, "keys[0]: The EC key's d does not belong to its x and y." },
        { "{\"keys\":{}}", -1, -1, "The key set's member keys is not a list." },
        { "{\"keys\":\"\"}", -1, -1, "The key set's member keys is not a list." },
        { "[]", -1, -1, "A key set has to be a JSON object." },
        { "null", -1, -1, "A key set has to be a JSON object." },
    };
    ARENA_AUTO a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(rows) * 2; i++) {
        bool skip = i % 2 == 1;
        int expected = skip ? rows[i / 2].n_skipping : rows[i / 2].n;
        struct err e = ERR_INIT(a);
        struct jwks set;
        bool accepted = parse_set(a, rows[i / 2].text, skip, &set, &e);
        assert_int_equal(accepted, expected >= 0);
        if (accepted) assert_int_equal(set.n, expected);
        if (accepted) continue;
        assert_ptr_equal(e.kind, &err_INVALID_REQUEST);
        if (!str_starts(str_of(e.hint), str_of(rows[i / 2].hint))) fail_msg("row %zu: %s", i / 2, e.hint);
    }

    struct err e = ERR_INIT(a);
    struct jwks set;
    assert_true(parse_set(a, "{\"keys\":[" EC_PRIVATE ",{\"kty\":\"oct\",\"k\":\"AAAA\"}]}", true, &set, &e));
    assert_false(set.v[0]->is_private); /* the private half of another's key is not read */
    assert_null(json_object_get(set.v[0]->json, "d"));
    assert_int_equal(set.v[1]->secret.n, 3);
}

static void test_set_limit(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    json_t *keys = json_array(), *set = json_pack("{s:o}", "keys", keys);
    for (int i = 0; i < 100; i++) json_array_append(keys, vector_key(a, "RFC 7517 A.3"));
    struct err e = ERR_INIT(a);
    struct jwks parsed_set;
    assert_true(jwks_parse(a, set, false, &parsed_set, &e));
    assert_int_equal(parsed_set.n, 100);
    json_array_append(keys, vector_key(a, "RFC 7517 A.3"));
    assert_false(jwks_parse(a, set, false, &parsed_set, &e));
    assert_string_equal(e.hint, "The key set has 101 keys; at most 100 are accepted.");
    assert_false(jwks_parse(a, set, true, &parsed_set, &e));
    json_decref(set);
}

static void test_references(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct jwk *k = parsed(a, vector_key(a, "RFC 7515 A.3"));
    assert_ptr_equal(jwk_ref(k), k);
    jwk_unref(k);
    assert_str(k->kty, STR("EC")); /* still there */
    jwk_unref(k);
    jwk_unref(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_keys),      cmocka_unit_test(test_canonical_form),
        cmocka_unit_test(test_rsa_is_completed),    cmocka_unit_test(test_refused_keys),
        cmocka_unit_test(test_refused_rsa_numbers), cmocka_unit_test(test_text_limits),
        cmocka_unit_test(test_ed25519_points),      cmocka_unit_test(test_generate),
        cmocka_unit_test(test_algorithms),          cmocka_unit_test(test_sets),
        cmocka_unit_test(test_set_limit),           cmocka_unit_test(test_references),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
