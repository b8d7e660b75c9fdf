/* Dynamic client registration and management (RFC 7591, RFC 7592): the same clients as the admin API's, made and changed by
 * whoever may, within limits. */
#ifndef OAUTH_REGISTRATION_H
#define OAUTH_REGISTRATION_H

#include "oauth/client.h"

/* Fails with NO_RESOURCE where registration is off. */
MUST_USE bool registration_enabled(const struct provider *p, struct err *e);

/* May whoever presents this initial access token register a client? Fails with INVALID_TOKEN. */
MUST_USE bool registration_admits(const struct provider *p, struct str token, struct err *e);
/* A new client from a request's document. Fails with BAD_REQUEST or INVALID_REQUEST for what nobody may choose, and like
 * client_create. *ret_x is what the answer shows beside it. */
MUST_USE bool registration_create(const struct provider *p, struct op *op, const json_t *document, struct client **ret,
                                  struct client_extras *ret_x, struct err *e);
/* The client whose registration access token this is. Fails with UNAUTHORIZED, the same for a client that does not exist. */
MUST_USE bool registration_find(const struct provider *p, struct op *op, struct str id, struct str token,
                                const struct client **ret, struct err *e);
/* Replaces all that a document can say; *ret_x has the token that is good from now on. */
struct registration_change {
    struct str id, token;
    const json_t *document;
};
MUST_USE bool registration_replace(const struct provider *p, struct op *op, const struct registration_change *change,
                                   struct client **ret, struct client_extras *ret_x, struct err *e);
MUST_USE bool registration_delete(const struct provider *p, struct op *op, struct str id, struct str token, struct err *e);

#endif
