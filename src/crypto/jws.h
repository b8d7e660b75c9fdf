/* JSON Web Signatures in compact form (RFC 7515, 7519). The algorithm is what the caller allows, never what a header says. */
#ifndef CRYPTO_JWS_H
#define CRYPTO_JWS_H

#include "base/clock.h"
#include "crypto/jwk.h"

/* Header exactly alg, kid, typ (each when not empty); payload as given. The key's `alg` member decides the algorithm (RSA without
 * one: RS256; EC by curve; Ed25519: EdDSA). */
MUST_USE bool jws_sign(struct arena *a, const struct jwk *key, struct str typ, struct str payload, struct str *ret,
                       struct err *e);

struct jws {
    json_t *header;           /* object, borrowed from the arena */
    struct str alg, kid, typ; /* from the header; empty when absent */
    struct str payload;       /* decoded bytes */
    struct str signed_text;   /* "header.payload" */
    struct str signature;     /* decoded bytes */
};
/* Takes apart; verifies nothing. At most 64 KiB. A header with `crit` is refused (RFC 7515 4.1.11). Fails with INVALID_TOKEN. */
MUST_USE bool jws_parse(struct arena *a, struct str compact, struct jws *ret, struct err *e);
/* True when `key` has made the signature with `alg`, which must suit the key (and equal its alg member when it has one). ECDSA
 * values r or s of zero never verify. Remembers nothing. */
MUST_USE bool jws_verify(const struct jws *jws, const struct jwk *key, const struct alg *alg);

/* Tries the keys of a set that fit: by kid when the token names one, else all; `use` must be "sig" or absent. */
MUST_USE bool jws_verify_set(const struct jws *jws, const struct jwks *keys, const struct alg *alg, const struct jwk **ret_key);

#endif
