/* Request objects (OpenID Connect Core 6, RFC 9101): the parameters of an authorization request as a JWT, by value (`request`) or
 * by reference (`request_uri`). */
#ifndef OAUTH_REQUEST_OBJECT_H
#define OAUTH_REQUEST_OBJECT_H

#include "base/url.h"
#include "oauth/client.h"

/* The parameters with those of the request object merged in, and without `request` and `request_uri`: what is kept of the request
 * is the outcome, so an object is read once, on the first visit. *ret is `sent` when there is no object, or when the scope lacks
 * openid, without which it has never counted. Waits for remote objects and keys. Fails with INVALID_REQUEST, INVALID_REQUEST_URI
 * or INVALID_REQUEST_OBJECT. */
MUST_USE bool request_object_merge(const struct provider *p, struct op *op, const struct client *c, const struct params *sent,
                                   const struct params **ret, struct err *e);

/* What the discovery document says about them. */
void request_object_write_supported(struct jw *w);

#endif
