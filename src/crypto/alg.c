/* The table of signature algorithms and what follows from a row. */
#include "crypto/alg.h"

#include <openssl/rsa.h>

#define ALG(name_, kty_, crv_, digest_, kind_, size_) \
    { .name = { #name_, sizeof(#name_) - 1 },         \
      .kty = { kty_, sizeof(kty_) - 1 },              \
      .crv = { crv_, sizeof(crv_) - 1 },              \
      .digest = EVP_##digest_,                        \
      .kind = ALG_##kind_,                            \
      .size = (size_) },
static const struct alg algs[] = {
#include "crypto/alg.def"
};
#undef ALG

const struct alg *alg_by_name(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(algs); i++)
        if (str_eq(algs[i].name, name)) return &algs[i];
    return NULL;
}

const char *alg_name(const struct alg *alg) { return alg->name.p; }

const EVP_MD *alg_hash(const struct alg *alg) { return alg->digest(); }

bool alg_is_symmetric(const struct alg *alg) { return alg->kind == ALG_HMAC; }

bool alg_suits(const struct alg *alg, struct str kty, struct str crv)
{
    return str_eq(alg->kty, kty) && (alg->crv.n == 0 || str_eq(alg->crv, crv));
}

const struct alg *alg_default(struct str kty, struct str crv)
{
    for (size_t i = 0; i < ARRAY_LEN(algs); i++)
        if (alg_suits(&algs[i], kty, crv)) return &algs[i];
    return NULL;
}

const struct alg *alg_of(const struct jwk *k)
{
    if (k->alg.n == 0) return alg_default(k->kty, k->crv);
    const struct alg *alg = alg_by_name(k->alg);
    return alg != NULL && alg_suits(alg, k->kty, k->crv) ? alg : NULL;
}

bool alg_fits(const struct alg *alg, const struct jwk *k) { return alg_suits(alg, k->kty, k->crv) && alg_of(k) != NULL; }

bool alg_begin(const struct alg *alg, EVP_PKEY *pkey, bool signing, EVP_MD_CTX *ctx)
{
    const EVP_MD *digest = alg->kind == ALG_ED25519 ? NULL : alg->digest();
    EVP_PKEY_CTX *params;
    TRY((signing ? EVP_DigestSignInit : EVP_DigestVerifyInit)(ctx, &params, digest, NULL, pkey) == 1);
    if (alg->kind != ALG_RSA_PSS) return true;
    /* RFC 7518 3.5: "The size of the salt value is the same size as the hash function output." */
    return EVP_PKEY_CTX_set_rsa_padding(params, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(params, RSA_PSS_SALTLEN_DIGEST) == 1;
}
