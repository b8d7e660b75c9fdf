/* The server's key sets: cached in parsed form, refreshed when the store's version moves, generated when missing, published
 * before they sign. */
#ifndef OAUTH_KEYSETS_H
#define OAUTH_KEYSETS_H

#include "crypto/jws.h"
#include "oauth/provider.h"

#define KEYSET_ID_TOKEN     "hydra.openid.id-token"
#define KEYSET_ACCESS_TOKEN "hydra.jwt.access-token"

/* Parsed keys of one set, newest first. Shared by reference: held until the arena that asked goes. */
struct keyset {
    struct str name;
    struct jwks keys;
    const usec_t *signs_from; /* of each key */
};

struct keysets *keysets_new(struct store *store);
void keysets_free(struct keysets *k);

/* The set as it is now; n == 0 when there is none. The built-in and the published sets come from memory, at most one second old
 * (this node's own changes show at once); others from the store. */
MUST_USE bool keyset_get(const struct provider *p, struct op *op, struct str name, const struct keyset **ret, struct err *e);
/* The key of a built-in set that signs: the newest private one whose time has come. Makes one when the set has none (waits). Its
 * `kid` is the published one. */
MUST_USE bool keyset_signer(const struct provider *p, struct op *op, struct str name, const struct jwk **ret, struct err *e);
/* Signs a payload with it: header alg, kid, typ. The one narrow call through which private keys are used. */
MUST_USE bool keyset_sign(const struct provider *p, struct op *op, struct str name, struct str typ, struct str payload,
                          struct str *ret, struct err *e);
/* Verifies by kid over all keys of the set; *ret_ok says the outcome. */
MUST_USE bool keyset_verify(const struct provider *p, struct op *op, struct str name, const struct jws *jws, bool *ret_ok,
                            struct err *e);
/* The published document: public halves of webfinger.jwks.broadcast_keys and the two built-in sets, without duplicates. Makes the
 * first key of a set that is not there (waits). */
MUST_USE bool keysets_published(const struct provider *p, struct op *op, struct str *ret_json, struct err *e);
/* Makes the keys that keysets_published would make; called in the background after the start. */
MUST_USE bool keysets_prepare(const struct provider *p, struct op *op, struct err *e);

/* ---- changing sets; all wait ---- */

/* Past the cache, for those who administer keys. */
MUST_USE bool keyset_load(const struct provider *p, struct op *op, struct str name, const struct keyset **ret, struct err *e);
/* DONE or EXISTS (a kid is taken; nothing is changed). */
MUST_USE bool keyset_add(const struct provider *p, struct op *op, struct str name, struct jwk *const *keys, size_t n,
                         enum store_put *ret, struct err *e);
/* The whole set becomes `keys`. DONE or EXISTS (two share a kid). */
MUST_USE bool keyset_replace(const struct provider *p, struct op *op, struct str name, struct jwk *const *keys, size_t n,
                             enum store_put *ret, struct err *e);
MUST_USE bool keyset_put(const struct provider *p, struct op *op, struct str name, struct jwk *key, struct err *e);
/* `kid` with p == NULL: the whole set. What is not there is no failure. */
MUST_USE bool keyset_delete(const struct provider *p, struct op *op, struct str name, struct str kid, struct err *e);

/* ---- rows, for those who store a key beside something else ---- */

struct key_row keyset_row(const struct provider *p, struct op *op, struct str name, const struct jwk *key);
/* The key is held until op->arena goes; public keys only, as it is remembered. Fails with MISCONFIGURATION. */
MUST_USE bool keyset_row_open(const struct provider *p, struct op *op, const struct key_row *row, struct jwk **ret,
                              struct err *e);

#endif
