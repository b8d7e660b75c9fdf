/* Answers of the authorization endpoint that go to the client (RFC 6749 4.1.2, OAuth 2.0 Multiple Response Types, Form Post
 * Response Mode). */
#ifndef API_RESPOND_H
#define API_RESPOND_H

#include "http/http.h"
#include "oauth/authorize.h"

/* Sends the parameters to q->redirect_uri the way q->mode says. Returns true. */
bool respond(struct http_req *r, const struct authorize_request *q, const struct params *answer);
/* The same for an error: error, error_description, state. */
bool respond_error(struct http_req *r, const struct authorize_request *q, const struct err *e);

#endif
