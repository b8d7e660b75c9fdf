/* The parameter `claims` (OpenID Connect Core 5.5). Which claims there are is the consent app's business: it sees what was asked
 * for. Held here is what a client may insist on: who the user is (`sub`), and how the user was authenticated (an essential
 * `acr`). */
#ifndef OAUTH_CLAIMS_REQUEST_H
#define OAUTH_CLAIMS_REQUEST_H

#include "base/json.h"
#include "base/op.h"

struct claims_request {
    struct strs subs; /* the user must be each of these, as the client names users */
    struct strs acrs; /* the login must reach one of these; empty: any will do */
    bool acr;         /* an `acr` is wanted in the ID token */
};

/* An empty text asks for nothing. Fails with INVALID_REQUEST. */
MUST_USE bool claims_request_read(struct op *op, struct str text, struct claims_request *ret, struct err *e);

#endif
