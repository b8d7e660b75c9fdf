/* The endpoints' handlers, one group per file, and the few things that handlers share. */
#ifndef API_API_H
#define API_API_H

#include "http/http.h"
#include "oauth/client_auth.h"

/* ---- shared (api.c) ---- */

/* The request's body as JSON. Fails with BAD_REQUEST. */
MUST_USE bool api_body_json(const struct http_req *r, json_t **ret, struct err *e);
/* Today's admin API marks every answer to a GET as not to be kept. */
void api_no_cache(struct http_req *r);

/* What a request on the public listener presents as its client's credentials. Fails with INVALID_REQUEST when there are several
 * Authorization headers. */
MUST_USE bool api_credentials(const struct http_req *r, struct client_credentials *ret, struct err *e);
/* The access token of a request (RFC 6750 2); empty: none. The header counts first; one of another scheme is looked past. Fails
 * with INVALID_REQUEST when there are several Authorization headers. */
MUST_USE bool api_bearer(const struct http_req *r, struct str *ret, struct err *e);
/* After a failed authentication: adds the challenge that fits. Returns false, so that `return api_challenge(r, e)` reads well. */
bool api_challenge(struct http_req *r, const struct err *e);

/* ---- every handler, one group per file ---- */

#define ROUTE(listeners, methods, path, api, flags, handler, operation) bool handler(struct http_req *r, struct err *e);
#include "api/routes.def"
#undef ROUTE

/* ---- routes.c ---- */

extern const struct route api_routes[];
extern const size_t api_routes_n;

#endif
