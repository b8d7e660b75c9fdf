/* Token revocation (RFC 7009). */
#ifndef OAUTH_REVOCATION_H
#define OAUTH_REVOCATION_H

#include "oauth/client_auth.h"

/* Authenticates the client and ends the token `token` of the form with all of its family. A token that is unknown, dead already,
 * or another client's is no failure and stays as it is. Fails with STORAGE when the token could not be ended. */
MUST_USE bool revoke(const struct provider *p, struct op *op, const struct client_credentials *credentials, struct err *e);

#endif
