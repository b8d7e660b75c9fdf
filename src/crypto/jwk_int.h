/* What the files that make keys share. Only for files of this folder. */
#ifndef CRYPTO_JWK_INT_H
#define CRYPTO_JWK_INT_H

#include "crypto/alg.h"

/* The members that hold the key itself, decoded. Empty: absent. */
struct jwk_parts {
    struct str k, x, y, n, e, d, p, q, dp, dq, qi;
};

/* Check the parts, bring them into canonical form, and make the key. `alg` is a row with the key's type and curve. */
MUST_USE bool jwk_load_rsa(struct arena *a, const struct alg *alg, struct jwk_parts *parts, EVP_PKEY **ret, struct err *e);
MUST_USE bool jwk_load_ec(struct arena *a, const struct alg *alg, struct jwk_parts *parts, EVP_PKEY **ret, struct err *e);
MUST_USE bool jwk_load_ed25519(struct arena *a, const struct alg *alg, struct jwk_parts *parts, EVP_PKEY **ret, struct err *e);

/* The other way: type, curve and parts of a key that OpenSSL holds. False: a kind that is not supported. */
MUST_USE bool jwk_parts_of(struct arena *a, EVP_PKEY *pkey, struct str *ret_kty, struct str *ret_crv, struct jwk_parts *ret);

struct jwk_names {
    struct str kid, use, alg, kty, crv; /* empty: left out */
};
/* The JSON of a key (new reference), members in canonical order. */
json_t *jwk_write(const struct jwk_names *names, const struct jwk_parts *parts);

/* A point that Ed25519 signatures may be verified with: on the curve, and not of small order. */
bool ed25519_point_is_good(const unsigned char point[32]);

#endif
