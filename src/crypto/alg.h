/* Rows of alg.def. Only for files of this folder. */
#ifndef CRYPTO_ALG_H
#define CRYPTO_ALG_H

#include "crypto/jwk.h"

enum alg_kind { ALG_RSA_PKCS1, ALG_RSA_PSS, ALG_ECDSA, ALG_ED25519, ALG_HMAC };

struct alg {
    struct str name, kty, crv;
    const EVP_MD *(*digest)(void);
    enum alg_kind kind;
    size_t size;
};

bool alg_suits(const struct alg *alg, struct str kty, struct str crv);
/* The algorithm of keys that name none; NULL: a kind of key that is not supported. */
const struct alg *alg_default(struct str kty, struct str crv);

/* Starts a signature or verification in `ctx`. */
MUST_USE bool alg_begin(const struct alg *alg, EVP_PKEY *pkey, bool signing, EVP_MD_CTX *ctx);

#endif
