/* Keys as PEM and DER: every form that OpenSSL writes comes back as the same JSON; what is no key is refused. */
#include "../vectors.h"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#include "crypto/jwk.h"

enum form {
    PKCS8,
    TRADITIONAL,
    PUBLIC,
    RSA_PUBLIC,
    PKCS8_DER,
    TRADITIONAL_DER,
    PUBLIC_DER,
    CERTIFICATE,
    CERTIFICATE_DER,
    FORM_MAX
};

static bool is_public(enum form form)
{
    return form == PUBLIC || form == RSA_PUBLIC || form == PUBLIC_DER || form >= CERTIFICATE;
}

static X509 *self_signed(EVP_PKEY *pkey)
{
    X509 *c = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(c), 1);
    X509_gmtime_adj(X509_getm_notBefore(c), 0);
    X509_gmtime_adj(X509_getm_notAfter(c), 3600);
    X509_set_pubkey(c, pkey);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1, 0);
    X509_set_issuer_name(c, X509_get_subject_name(c));
    assert_true(X509_sign(c, pkey, EVP_PKEY_get_base_id(pkey) == EVP_PKEY_ED25519 ? NULL : EVP_sha256()) > 0);
    return c;
}

static int write_form(BIO *bio, EVP_PKEY *pkey, enum form form)
{
    X509 *c = form >= CERTIFICATE ? self_signed(pkey) : NULL;
    int done = 0;
    switch (form) {
    case PKCS8: done = PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL); break;
    case TRADITIONAL: done = PEM_write_bio_PrivateKey_traditional(bio, pkey, NULL, NULL, 0, NULL, NULL); break;
    case PUBLIC: done = PEM_write_bio_PUBKEY(bio, pkey); break;
    case PKCS8_DER: done = i2d_PKCS8PrivateKey_bio(bio, pkey, NULL, NULL, 0, NULL, NULL); break;
    case TRADITIONAL_DER: done = i2d_PrivateKey_bio(bio, pkey); break;
    case PUBLIC_DER: done = i2d_PUBKEY_bio(bio, pkey); break;
    case CERTIFICATE: done = PEM_write_bio_X509(bio, c); break;
    case CERTIFICATE_DER: done = i2d_X509_bio(bio, c); break;
    case RSA_PUBLIC: {
        unsigned char *der = NULL;
        int n = i2d_PublicKey(pkey, &der);
        done = PEM_write_bio(bio, "RSA PUBLIC KEY", "", der, n);
        OPENSSL_free(der);
        break;
    }
    case FORM_MAX: break;
    }
    X509_free(c);
    return done;
}

static struct str in_form(struct arena *a, EVP_PKEY *pkey, enum form form)
{
    BIO *bio = BIO_new(BIO_s_mem());
    assert_true(write_form(bio, pkey, form) > 0);
    char *p;
    long n = BIO_get_mem_data(bio, &p);
    struct str text = arena_dup(a, (struct str) { p, (size_t)n });
    BIO_free(bio);
    return text;
}

static void assert_same_key(struct arena *a, struct str text, const struct jwk *k, bool public)
{
    struct err e = ERR_INIT(a);
    struct jwk *read;
    if (!jwk_from_pem(text, k->kid, k->use, k->alg, &read, &e)) fail_msg("%s", e.hint);
    json_t *expected = public ? jwk_public_json(k) : json_incref(k->json);
    assert_str(json_text(a, read->json, false), json_text(a, expected, false));
    json_decref(expected);
    jwk_unref(read);
}

static void test_every_form(void **state)
{
    (void)state;
    static const char *const algs[] = { "RS256", "PS512", "ES256", "ES384", "ES512", "EdDSA" };
    ARENA_AUTO a = arena_new();
    struct err e = ERR_INIT(a);
    for (size_t i = 0; i < ARRAY_LEN(algs); i++) {
        struct jwk *k;
        assert_true(jwk_generate(str_of(algs[i]), STR("kid"), STR("sig"), 1056, &k, &e));
        bool rsa = str_eq(k->kty, STR("RSA")), okp = str_eq(k->kty, STR("OKP"));
        for (enum form form = 0; form < FORM_MAX; form++) {
            if ((form == RSA_PUBLIC && !rsa) || (form == TRADITIONAL && okp)) continue;
            assert_same_key(a, in_form(a, k->pkey, form), k, is_public(form));
        }
        struct str pem = in_form(a, k->pkey, PKCS8), public = in_form(a, k->pkey, PUBLIC);
        assert_same_key(a, ARENA_CAT(a, STR("Some words first.\n"), pem), k, false);
        assert_same_key(a, ARENA_CAT(a, public, pem), k, false); /* a private key wins */
        assert_same_key(a, ARENA_CAT(a, in_form(a, k->pkey, CERTIFICATE), pem), k, false);
        jwk_unref(k);
    }
}

/* What `openssl ecparam -genkey` writes. */
static void test_parameters_are_passed_over(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct err e = ERR_INIT(a);
    struct jwk *k;
    assert_true(jwk_generate(STR("ES256"), STR("k"), STR("sig"), 0, &k, &e));
    struct str parameters = STR("-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n");
    assert_same_key(a, ARENA_CAT(a, parameters, in_form(a, k->pkey, TRADITIONAL)), k, false);
    jwk_unref(k);
    assert_false(jwk_from_pem(parameters, STR_NONE, STR_NONE, STR_NONE, &k, &e));
}

static void test_members(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct err e = ERR_INIT(a);
    struct jwk *k, *read;
    assert_true(jwk_generate(STR("ES384"), STR("k"), STR("sig"), 0, &k, &e));
    struct str pem = in_form(a, k->pkey, PUBLIC);
    assert_true(jwk_from_pem(pem, STR_NONE, STR_NONE, STR_NONE, &read, &e));
    assert_true(read->kid.n == 0 && read->use.n == 0 && read->alg.n == 0);
    jwk_unref(read);
    assert_true(jwk_from_pem(pem, STR("k2"), STR("enc"), STR("ECDH-ES"), &read, &e)); /* not a signature: not ours to judge */
    assert_str(read->alg, STR("ECDH-ES"));
    jwk_unref(read);

    static const char *const unsuited[] = { "ES256", "ES512", "RS256", "EdDSA", "HS256" };
    for (size_t i = 0; i < ARRAY_LEN(unsuited); i++) {
        assert_false(jwk_from_pem(pem, STR("k"), STR("sig"), str_of(unsuited[i]), &read, &e));
        assert_ptr_equal(e.kind, &err_INVALID_REQUEST);
        assert_non_null(strstr(e.hint, "does not suit a key of type EC"));
    }
    jwk_unref(k);
}

static struct str encrypted(struct arena *a, EVP_PKEY *pkey)
{
    BIO *bio = BIO_new(BIO_s_mem());
    assert_true(PEM_write_bio_PKCS8PrivateKey(bio, pkey, EVP_aes_128_cbc(), "password", 8, NULL, NULL) > 0);
    char *p;
    long n = BIO_get_mem_data(bio, &p);
    struct str text = arena_dup(a, (struct str) { p, (size_t)n });
    BIO_free(bio);
    return text;
}

static EVP_PKEY *other_kind(const char *type, const char *curve)
{
    return curve != NULL ? EVP_PKEY_Q_keygen(NULL, NULL, type, curve) : EVP_PKEY_Q_keygen(NULL, NULL, type);
}

static void test_refused(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct err e = ERR_INIT(a);
    struct jwk *k;
    assert_true(jwk_generate(STR("ES256"), STR("k"), STR("sig"), 0, &k, &e));
    struct str pem = in_form(a, k->pkey, PKCS8), der = in_form(a, k->pkey, PKCS8_DER);
    struct str huge = { arena_zalloc(a, 70000), 70000 };
    struct str texts[] = {
        STR(""),
        STR_NONE,
        STR("no key"),
        STR("{\"kty\":\"EC\"}"),
        STR("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"),
        STR("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
        STR("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
        str_upto(pem, pem.n / 2),
        str_upto(der, der.n - 1),
        str_upto(huge, 60000),
        huge,
        ARENA_CAT(a, huge, pem),
        encrypted(a, k->pkey),
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct jwk *read;
        if (jwk_from_pem(texts[i], STR("k"), STR("sig"), STR("ES256"), &read, &e)) fail_msg("row %zu was accepted", i);
        assert_ptr_equal(e.kind, &err_INVALID_REQUEST);
    }
    jwk_unref(k);

    static const char *const kinds[][2] = { { "X25519", NULL }, { "ED448", NULL }, { "EC", "secp256k1" }, { "EC", "P-224" } };
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        EVP_PKEY *pkey = other_kind(kinds[i][0], kinds[i][1]);
        assert_false(jwk_from_pem(in_form(a, pkey, PKCS8), STR("k"), STR("sig"), STR_NONE, &k, &e));
        assert_non_null(strstr(e.hint, "type or curve is not supported"));
        EVP_PKEY_free(pkey);
    }
    EVP_PKEY *weak = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)512);
    assert_false(jwk_from_pem(in_form(a, weak, PKCS8), STR("k"), STR("sig"), STR_NONE, &k, &e));
    assert_non_null(strstr(e.hint, "has 512 bits"));
    EVP_PKEY_free(weak);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_form),
        cmocka_unit_test(test_parameters_are_passed_over),
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
