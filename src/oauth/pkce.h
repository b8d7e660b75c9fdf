/* Proof Key for Code Exchange (RFC 7636) at the token endpoint. */
#ifndef OAUTH_PKCE_H
#define OAUTH_PKCE_H

#include "oauth/client.h"

/* Does the verifier fit the challenge that the code was bound to? `challenge` empty: the request had none, which fails too when
 * there is a verifier, or when PKCE is required of this client. Fails with INVALID_GRANT or INVALID_REQUEST. */
MUST_USE bool pkce_check(const struct provider *p, struct op *op, const struct client *c, struct str challenge,
                         struct str verifier, struct err *e);

#endif
