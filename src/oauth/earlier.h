/* Tokens, codes and registration access tokens that Ory Hydra gave out before its database was taken over. Each has a row that
 * leads from the digest of its signature to the token that we would have given out in its place; from there on everything is as
 * with one of our own. */
#ifndef OAUTH_EARLIER_H
#define OAUTH_EARLIER_H

#include "oauth/provider.h"

/* ---- serving ---- */

/* The token in whose place `text` was given out, into *ret; `text` itself when it is none of those. Only what is authentic under
 * our secrets is looked for in the store. `prefix`: of the kind that is expected; `text` comes with or without it. */
MUST_USE bool earlier_token(const struct provider *p, struct op *op, struct str prefix, struct str text, struct str *ret,
                            struct err *e);
/* The same for a JWT whose signature has been verified. *ret empty: there is no such row, the token is dead. */
MUST_USE bool earlier_jwt(const struct provider *p, struct op *op, struct str text, struct str *ret, struct err *e);

/* ---- taking over: the rows for store_import_earlier() ----
 * The client's row must be there and have a not_before below the tokens' moments of issue.
 * `digest` is hydra_signature_digest() of the signature, or the column itself where it holds that. The same input gives a row
 * that means the same. The token stands sealed in the row: whoever reads the database cannot use it. */

struct access_token;  /* oauth/token.h */
struct refresh_token; /* oauth/refresh_token.h */
struct code;          /* oauth/code.h */
struct device_code;   /* oauth/device.h */
struct client;        /* oauth/client.h */

/* `t` is complete but for `id`, which comes from the digest and issued_at: either grant_id (32 hex digits) and generation, or
 * subject, scopes, audience and ext. A token without a grant that says more than a token can hold gets a grant row of its own, as
 * when issuing (stored here, at once; waits), whose id comes from the digest. Fails with BAD_REQUEST on a digest that is no hex,
 * with SERVER_ERROR on such a grant_id. */
MUST_USE bool earlier_access_token(const struct provider *p, struct op *op, struct str digest, const struct access_token *t,
                                   struct earlier_token *ret, struct err *e);
/* `until`: when the row may go. Of use after the token itself has expired: who brings a used one again ends its grant, so give
 * the grant's expires_at, or what is later. t->grant_id is 32 hex digits in all of them. A used refresh token has a generation
 * below that of the grant's row, the living one the same. A used code: the grant is ACTIVE, or past it (its generation does not
 * matter). */
struct earlier_token earlier_refresh_token(const struct provider *p, struct arena *a, struct str digest,
                                           const struct refresh_token *t, usec_t until);
struct earlier_token earlier_code(const struct provider *p, struct arena *a, struct str digest, const struct code *c,
                                  usec_t until);
struct earlier_token earlier_device_code(const struct provider *p, struct arena *a, struct str digest,
                                         const struct device_code *c);
/* `c` as it is stored: generation and created_at are in the token. Stays for good; the next PUT makes it useless. */
struct earlier_token earlier_registration_token(const struct provider *p, struct arena *a, struct str digest,
                                                const struct client *c);

#endif
