/* Keys that come as PEM or DER, and keys that are made here: both are OpenSSL's objects that get written as JSON and then take
 * the one way of jwk_parse. */
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/decoder.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/rand.h"
#include "crypto/jwk_int.h"

enum { FILE_MAX = 65536, NUMBER_MAX = 2048, BLOCKS_MAX = 8 };

/* ---- parts of OpenSSL's objects ---- */

/* A number with at least `width` bytes; empty when the key has no such number. */
static struct str number_of(struct arena *a, EVP_PKEY *pkey, const char *name, size_t width)
{
    BIGNUM *number = NULL;
    if (EVP_PKEY_get_bn_param(pkey, name, &number) != 1) return STR_NONE;
    size_t n = (size_t)BN_num_bytes(number);
    if (n < width) n = width;
    unsigned char *bytes = arena_alloc(a, n + 1);
    bool written = n <= NUMBER_MAX && BN_bn2binpad(number, bytes, (int)n) >= 0;
    BN_clear_free(number);
    return written ? (struct str) { (char *)bytes, n } : STR_NONE;
}

static bool rsa_parts(struct arena *a, EVP_PKEY *pkey, struct jwk_parts *ret)
{
    *ret = (struct jwk_parts) {
        .n = number_of(a, pkey, OSSL_PKEY_PARAM_RSA_N, 0),
        .e = number_of(a, pkey, OSSL_PKEY_PARAM_RSA_E, 0),
        .d = number_of(a, pkey, OSSL_PKEY_PARAM_RSA_D, 0),
        .p = number_of(a, pkey, OSSL_PKEY_PARAM_RSA_FACTOR1, 0),
        .q = number_of(a, pkey, OSSL_PKEY_PARAM_RSA_FACTOR2, 0),
    };
    return ret->n.n > 0;
}

static bool ec_parts(struct arena *a, EVP_PKEY *pkey, struct str *ret_crv, struct jwk_parts *ret)
{
    char group[64];
    TRY(EVP_PKEY_get_utf8_string_param(pkey, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group), NULL) == 1);
    const char *curve = EC_curve_nid2nist(OBJ_txt2nid(group));
    const struct alg *alg = curve != NULL ? alg_default(STR("EC"), str_of(curve)) : NULL;
    if (alg == NULL) return false;
    *ret_crv = alg->crv;
    *ret = (struct jwk_parts) {
        .x = number_of(a, pkey, OSSL_PKEY_PARAM_EC_PUB_X, alg->size),
        .y = number_of(a, pkey, OSSL_PKEY_PARAM_EC_PUB_Y, alg->size),
        .d = number_of(a, pkey, OSSL_PKEY_PARAM_PRIV_KEY, alg->size),
    };
    return ret->x.n > 0;
}

static bool ed25519_parts(struct arena *a, EVP_PKEY *pkey, struct jwk_parts *ret)
{
    size_t n = 32;
    unsigned char *x = arena_alloc(a, n), *d = arena_alloc(a, n);
    TRY(EVP_PKEY_get_raw_public_key(pkey, x, &n) == 1);
    *ret = (struct jwk_parts) { .x = { (char *)x, n } };
    if (EVP_PKEY_get_raw_private_key(pkey, d, &n) == 1) ret->d = (struct str) { (char *)d, n };
    return true;
}

bool jwk_parts_of(struct arena *a, EVP_PKEY *pkey, struct str *ret_kty, struct str *ret_crv, struct jwk_parts *ret)
{
    *ret_crv = STR_NONE;
    switch (EVP_PKEY_get_base_id(pkey)) {
    case EVP_PKEY_RSA: *ret_kty = STR("RSA"); return rsa_parts(a, pkey, ret);
    case EVP_PKEY_EC: *ret_kty = STR("EC"); return ec_parts(a, pkey, ret_crv, ret);
    case EVP_PKEY_ED25519:
        *ret_kty = STR("OKP");
        *ret_crv = STR("Ed25519");
        return ed25519_parts(a, pkey, ret);
    default: return false;
    }
}

static bool parse_written(const struct jwk_names *names, const struct jwk_parts *parts, struct jwk **ret, struct err *e)
{
    json_t *json = jwk_write(names, parts);
    bool parsed = jwk_parse(json, ret, e);
    json_decref(json);
    return parsed;
}

/* `names` without type and curve. */
static bool from_pkey(EVP_PKEY *pkey, struct jwk_names names, struct jwk **ret, struct err *e)
{
    ARENA_AUTO a = arena_new();
    struct jwk_parts parts;
    ENSURE(jwk_parts_of(a, pkey, &names.kty, &names.crv, &parts), e, INVALID_REQUEST,
           "The key's type or curve is not supported; RSA, EC with P-256, P-384 or P-521, and Ed25519 are.");
    const struct alg *alg = alg_by_name(names.alg);
    ENSUREF(alg == NULL || alg_suits(alg, names.kty, names.crv), e, INVALID_REQUEST,
            "The algorithm %s does not suit a key of type %s.", alg->name.p, names.kty.p);
    return parse_written(&names, &parts, ret, e);
}

/* ---- PEM and DER ---- */

static int no_password(char *to, int size, int writing, void *arg)
{
    (void)to, (void)size, (void)writing, (void)arg;
    return -1; /* without this OpenSSL would ask on the terminal */
}

/* The first key of that kind; PEM blocks that hold something else (parameters, certificates) are passed over. */
static EVP_PKEY *decode_key(struct str text, int selection)
{
    EVP_PKEY *pkey = NULL;
    BIO *bio = BIO_new_mem_buf(text.p, (int)text.n);
    OSSL_DECODER_CTX *ctx = OSSL_DECODER_CTX_new_for_pkey(&pkey, NULL, NULL, NULL, selection, NULL, NULL);
    if (bio != NULL && ctx != NULL && OSSL_DECODER_CTX_set_pem_password_cb(ctx, no_password, NULL) == 1) {
        for (int i = 0; i < BLOCKS_MAX && pkey == NULL && BIO_pending(bio) > 0; i++)
            if (OSSL_DECODER_from_bio(ctx, bio) != 1) ERR_clear_error();
    }
    OSSL_DECODER_CTX_free(ctx);
    BIO_free(bio);
    return pkey;
}

static EVP_PKEY *decode_certificate(struct str text)
{
    BIO *bio = BIO_new_mem_buf(text.p, (int)text.n);
    X509 *certificate = bio != NULL ? PEM_read_bio_X509(bio, NULL, no_password, NULL) : NULL;
    const unsigned char *der = (const unsigned char *)text.p;
    if (certificate == NULL) certificate = d2i_X509(NULL, &der, (long)text.n);
    EVP_PKEY *pkey = certificate != NULL ? X509_get_pubkey(certificate) : NULL;
    X509_free(certificate);
    BIO_free(bio);
    ERR_clear_error();
    return pkey;
}

bool jwk_from_pem(struct str pem_or_der, struct str kid, struct str use, struct str alg, struct jwk **ret, struct err *e)
{
    ENSURE(pem_or_der.n > 0 && pem_or_der.n <= FILE_MAX, e, INVALID_REQUEST, "The key file is empty or too large.");
    EVP_PKEY *pkey = decode_key(pem_or_der, EVP_PKEY_KEYPAIR);
    if (pkey == NULL) pkey = decode_key(pem_or_der, EVP_PKEY_PUBLIC_KEY);
    if (pkey == NULL) pkey = decode_certificate(pem_or_der);
    ENSURE(
        pkey != NULL, e, INVALID_REQUEST,
        "The text is no key in PEM or DER form (PKCS#1, PKCS#8 without a password, SEC 1, SubjectPublicKeyInfo, certificate).");
    bool made = from_pkey(pkey, (struct jwk_names) { .kid = kid, .use = use, .alg = alg }, ret, e);
    EVP_PKEY_free(pkey);
    return made;
}

/* ---- making keys ---- */

static EVP_PKEY *make_pkey(const struct alg *alg, unsigned rsa_bits)
{
    switch (alg->kind) {
    case ALG_RSA_PKCS1:
    case ALG_RSA_PSS: return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)rsa_bits);
    case ALG_ECDSA: return EVP_PKEY_Q_keygen(NULL, NULL, "EC", alg->crv.p);
    case ALG_ED25519: return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    case ALG_HMAC: break;
    }
    return NULL;
}

static bool make_symmetric(const struct alg *alg, struct jwk_names names, struct jwk **ret, struct err *e)
{
    char bytes[64];
    rand_bytes(bytes, alg->size);
    names.kty = alg->kty;
    bool made = parse_written(&names, &(struct jwk_parts) { .k = { bytes, alg->size } }, ret, e);
    OPENSSL_cleanse(bytes, sizeof(bytes));
    return made;
}

bool jwk_generate(struct str alg_name_, struct str kid, struct str use, unsigned rsa_bits, struct jwk **ret, struct err *e)
{
    const struct alg *alg = alg_by_name(alg_name_);
    ENSURE(alg != NULL && (alg->kind != ALG_HMAC || alg->size > 0), e, UNSUPPORTED_KEY_ALGORITHM, NULL);
    struct jwk_names names = { .kid = kid, .use = use, .alg = alg->name };
    if (alg->kind == ALG_HMAC) return make_symmetric(alg, names, ret, e);

    EVP_PKEY *pkey = make_pkey(alg, rsa_bits);
    ENSURE(pkey != NULL, e, SERVER_ERROR, "The key could not be made.");
    bool made = from_pkey(pkey, names, ret, e);
    EVP_PKEY_free(pkey);
    return made;
}
