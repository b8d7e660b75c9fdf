/* JSON Web Keys (RFC 7517, 7518, 8037) and sets of them. */
#ifndef CRYPTO_JWK_H
#define CRYPTO_JWK_H

#include <openssl/evp.h>

#include "base/json.h"

struct alg; /* a row of alg.def: RS256 ... PS512, ES256 ES384 ES512, EdDSA, HS256 HS384 HS512 */
const struct alg *alg_by_name(struct str name); /* NULL: unknown; "none" is unknown */
const char *alg_name(const struct alg *alg);
/* The digest that at_hash and c_hash use with this algorithm (OpenID Connect Core 3.1.3.6); SHA-512 for EdDSA. */
const EVP_MD *alg_hash(const struct alg *alg);
bool alg_is_symmetric(const struct alg *alg);

/* One key, immutable, shared by reference. */
struct jwk {
    struct str kid, use, alg, kty, crv; /* empty when absent */
    bool is_private;                    /* holds private (or symmetric) material */
    EVP_PKEY *pkey;                     /* NULL for symmetric keys */
    EVP_MD_CTX *signer;                 /* a signature begun with the key's algorithm, for jws.c to copy; NULL: cannot sign */
    struct str secret;                  /* symmetric keys: the bytes */
    json_t *json;                       /* all members, private ones included, in canonical form; never changed */
    int refs;
    struct arena *arena;
};
/* What the key signs with: its alg member if that suits it, the default without one. NULL: it cannot sign. */
const struct alg *alg_of(const struct jwk *k);
/* May the key verify with it: its type and curve fit, and its alg member does not say that it is for something else than
 * signatures. Which of RSA's algorithms it is, the caller says: deployed clients sign with another one than the member names. */
bool alg_fits(const struct alg *alg, const struct jwk *k);
struct jwk *jwk_ref(struct jwk *k);
void jwk_unref(struct jwk *k); /* accepts NULL */

/* Checks members and the key itself (point on the curve, RSA of 1024..16384 bits, private part that belongs to the public one:
 * private RSA keys have at most 8192 bits, without p and q 4096). Unknown members are dropped; x5c, x5u, x5t, x5t#S256, key_ops
 * are kept; RSA's CRT members are computed. An alg that does not suit the key is kept, but the key then neither signs nor
 * verifies. Fails with INVALID_REQUEST. */
MUST_USE bool jwk_parse(const json_t *json, struct jwk **ret, struct err *e);
/* Public half as JSON (new reference): RSA n,e; EC crv,x,y; OKP crv,x; and the members about the key. Symmetric keys: NULL. */
json_t *jwk_public_json(const struct jwk *k);
/* PEM or DER, private or public (PKCS#1, PKCS#8, SEC1, SubjectPublicKeyInfo, certificate). A signature algorithm that does not
 * suit the key is refused. */
MUST_USE bool jwk_from_pem(struct str pem_or_der, struct str kid, struct str use, struct str alg, struct jwk **ret,
                           struct err *e);

/* `rsa_bits` for RS and PS. Symmetric keys are as long as v1.10 made them (16 bytes for HS256, 32 for HS512; no HS384). Empty kid
 * and use are left out. Slow for RSA. Fails with UNSUPPORTED_KEY_ALGORITHM. */
MUST_USE bool jwk_generate(struct str alg, struct str kid, struct str use, unsigned rsa_bits, struct jwk **ret, struct err *e);
/* RFC 7638 thumbprint, SHA-256, base64url. */
struct str jwk_thumbprint(struct arena *a, const struct jwk *k);

struct jwks {
    struct jwk **v; /* in the arena; keys are referenced until the arena goes */
    size_t n;
};
/* A document {"keys":[...]}; at most 100 keys; none when `keys` is missing or null. `skip_unknown` is for sets of others, whose
 * keys only verify: keys that cannot be used are left out instead of refused (RFC 7517 5), and private halves are not read
 * (checking one is slow). */
MUST_USE bool jwks_parse(struct arena *a, const json_t *json, bool skip_unknown, struct jwks *ret, struct err *e);

#endif
