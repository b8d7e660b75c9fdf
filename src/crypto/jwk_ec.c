/* EC keys (RFC 7518 6.2) and Ed25519 keys (RFC 8037 2). */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <string.h>

#include "crypto/jwk_int.h"

/* ---- EC ---- */

static EVP_PKEY *make_ec(const char *curve, struct str point, const BIGNUM *d)
{
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    bool built = build != NULL && OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, curve, 0) &&
                 OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point.p, point.n) &&
                 (d == NULL || OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, d));
    OSSL_PARAM *params = built ? OSSL_PARAM_BLD_to_param(build) : NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    EVP_PKEY *pkey = NULL;
    bool made = params != NULL && ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
                EVP_PKEY_fromdata(ctx, &pkey, d != NULL ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, params) == 1;
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    return made ? pkey : NULL;
}

/* d lies between 1 and the order, and d times the base point is the public point. */
static bool pair_fits(EVP_PKEY *pkey)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    bool fits = ctx != NULL && EVP_PKEY_private_check(ctx) == 1 && EVP_PKEY_pairwise_check(ctx) == 1;
    EVP_PKEY_CTX_free(ctx);
    return fits;
}

bool jwk_load_ec(struct arena *a, const struct alg *alg, struct jwk_parts *parts, EVP_PKEY **ret, struct err *e)
{
    bool private = parts->d.n > 0;
    /* RFC 7518 6.2.1.2: "The length of this octet string MUST be the full size of a coordinate for the curve" */
    ENSUREF(parts->x.n == alg->size && parts->y.n == alg->size, e, INVALID_REQUEST,
            "The members x and y of a %s key have to be %zu bytes each.", alg->crv.p, alg->size);
    /* RFC 7518 6.2.2.1 says the same of d. */
    ENSUREF(!private || parts->d.n == alg->size, e, INVALID_REQUEST, "The member d of a %s key has to be %zu bytes.", alg->crv.p,
            alg->size);

    BIGNUM *d = private ? BN_secure_new() : NULL;
    bool read = !private || (d != NULL && BN_bin2bn((const unsigned char *)parts->d.p, (int)parts->d.n, d) != NULL);
    struct str uncompressed = ARENA_CAT(a, STR("\x04"), parts->x, parts->y);
    EVP_PKEY *pkey = read ? make_ec(alg->crv.p, uncompressed, d) : NULL;
    BN_clear_free(d);
    ENSURE(pkey != NULL, e, INVALID_REQUEST, "The EC key's point does not lie on its curve.");
    if (private && !pair_fits(pkey)) {
        EVP_PKEY_free(pkey);
        FAIL(e, INVALID_REQUEST, "The EC key's d does not belong to its x and y.");
    }
    *parts = (struct jwk_parts) { .x = parts->x, .y = parts->y, .d = parts->d };
    *ret = pkey;
    return true;
}

/* ---- Ed25519 ---- */

static bool is_public_half(EVP_PKEY *pkey, struct str x)
{
    unsigned char public[32];
    size_t n = sizeof(public);
    return EVP_PKEY_get_raw_public_key(pkey, public, &n) == 1 && n == x.n && memcmp(public, x.p, n) == 0;
}

bool jwk_load_ed25519(struct arena *a, const struct alg *alg, struct jwk_parts *parts, EVP_PKEY **ret, struct err *e)
{
    (void)a;
    const unsigned char *x = (const unsigned char *)parts->x.p, *d = (const unsigned char *)parts->d.p;
    bool private = parts->d.n > 0;
    ENSURE(parts->x.n == alg->size, e, INVALID_REQUEST, "The member x of an Ed25519 key has to be 32 bytes.");
    ENSURE(!private || parts->d.n == alg->size, e, INVALID_REQUEST, "The member d of an Ed25519 key has to be 32 bytes.");
    ENSURE(ed25519_point_is_good(x), e, INVALID_REQUEST, "The Ed25519 key's x is not a usable point of the curve.");

    EVP_PKEY *pkey = private ? EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, d, alg->size)
                             : EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, x, alg->size);
    if (pkey == NULL || !is_public_half(pkey, parts->x)) {
        EVP_PKEY_free(pkey);
        FAIL(e, INVALID_REQUEST, "The Ed25519 key's d does not belong to its x.");
    }
    *parts = (struct jwk_parts) { .x = parts->x, .d = parts->d };
    *ret = pkey;
    return true;
}
