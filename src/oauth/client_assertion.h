/* Client authentication by a signed JWT (RFC 7523 2.2, OpenID Connect Core 9): private_key_jwt and client_secret_jwt. */
#ifndef OAUTH_CLIENT_ASSERTION_H
#define OAUTH_CLIENT_ASSERTION_H

#include "oauth/assertion.h"
#include "oauth/client.h"

#define CLIENT_ASSERTION_TYPE STR("urn:ietf:params:oauth:client-assertion-type:jwt-bearer")

/* Reads the parameter `client_assertion`; *ret_id is the client that it claims to come from: `body_id` when given, else `sub`.
 * Fails with INVALID_REQUEST when it is empty and with INVALID_CLIENT when it is nothing to believe. */
MUST_USE bool client_assertion_read(struct op *op, struct str text, struct str body_id, struct assertion *ret, struct str *ret_id,
                                    struct err *e);

/* Everything that such a token must hold, for a client that is registered for the method; each token counts once. Both wait. Fail
 * with INVALID_CLIENT, with INVALID_REQUEST when the client has no key that fits, with JTI_KNOWN when the token was used. */
MUST_USE bool client_assertion_by_key(const struct provider *p, struct op *op, const struct client *c, const struct assertion *t,
                                      struct err *e);
MUST_USE bool client_assertion_by_secret(const struct provider *p, struct op *op, const struct client *c,
                                         const struct assertion *t, struct err *e);

#endif
