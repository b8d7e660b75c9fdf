/* id_token_hint (OpenID Connect Core 3.1.2.1, RP-Initiated Logout 2): an ID token of ours that says whom a request is about. */
#ifndef OAUTH_ID_TOKEN_HINT_H
#define OAUTH_ID_TOKEN_HINT_H

#include "oauth/client.h"

/* The claims of an ID token that one of our keys has signed, however long ago it expired; always with `sub`. Fails with
 * INVALID_REQUEST. */
MUST_USE bool id_token_hint_read(const struct provider *p, struct op *op, struct str hint, json_t **ret_claims, struct err *e);

/* Is it about this subject? It may carry the subject as it is, as this client sees it, or as a login app once renamed it for
 * this client. */
MUST_USE bool id_token_hint_about(const struct provider *p, struct op *op, const json_t *claims, const struct client *c,
                                  struct str subject, bool *ret, struct err *e);

#endif
