/* The public keys that a client signs with: its `jwks`, or the document at its `jwks_uri`. Parsed sets are kept; a remote one is
 * fetched once for all who wait for it, again after an hour, and again when a token names a key that it does not have, though not
 * more often than every few seconds: strangers choose what tokens name. */
#ifndef OAUTH_CLIENT_KEYS_H
#define OAUTH_CLIENT_KEYS_H

#include "crypto/jws.h"
#include "oauth/client.h"

struct client_keys;
struct client_keys *client_keys_new(void);
void client_keys_free(struct client_keys *k); /* accepts NULL */

enum client_signature {
    SIGNATURE_RIGHT,
    SIGNATURE_WRONG,
    SIGNATURE_NO_KEY, /* none of the client's keys fits the token's kid and algorithm, or may be used to sign */
    SIGNATURE_NO_KEYS /* the document at jwks_uri could not be read; *ret_why says what happened, for operators */
};
/* Verifies with `alg`, which is asymmetric and what the caller expects of this client. Keys that are at hand are used without
 * waiting. Fails only with MUST_WAIT, and with BUSY when the right key may be in a document that we could not fetch yet. */
MUST_USE bool client_keys_verify(const struct provider *p, struct op *op, const struct client *c, const struct jws *jws,
                                 const struct alg *alg, enum client_signature *ret, const char **ret_why, struct err *e);

#endif
