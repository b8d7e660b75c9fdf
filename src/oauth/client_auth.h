/* Client authentication (RFC 6749 2.3, OpenID Connect Core 9): one table of methods. */
#ifndef OAUTH_CLIENT_AUTH_H
#define OAUTH_CLIENT_AUTH_H

#include "base/url.h"
#include "oauth/client.h"

struct assertion;

/* Where a request carries its client's credentials. */
struct client_credentials {
    struct str authorization;  /* the header; p == NULL: none */
    const struct params *form; /* client_id, client_secret, client_assertion... of the body */
};

/* What a request presents, before anything is believed. */
struct client_claim {
    struct str id;
    struct str secret;                 /* p == NULL: none */
    bool basic;                        /* both come from the Authorization header */
    bool body_secret;                  /* the body has a client_secret as well as the id */
    const struct assertion *assertion; /* a signed JWT instead of a secret; NULL: none */
    const struct params *form;
};

struct client_auth_method {
    struct str name; /* token_endpoint_auth_method */
    bool unlisted;   /* works, but the discovery document does not name it */
    /* Does the request use this method? */
    bool (*match)(const struct client_claim *claim);
    /* Checks the claim of a client that is registered for this method. Fails with INVALID_CLIENT, or as client_assertion.h says.
     */
    bool (*verify)(const struct provider *p, struct op *op, const struct client *c, const struct client_claim *claim,
                   struct err *e);
};
extern const struct client_auth_method client_auth_methods[];
extern const size_t client_auth_methods_n;

/* Finds the client and checks what it presents against its registered method. Slow hashes and assertions need op->may_wait. Fails
 * with INVALID_REQUEST when there is nothing to check and with INVALID_CLIENT when it does not hold, as slowly for a client that
 * does not exist as for a wrong secret. */
MUST_USE bool client_authenticate(const struct provider *p, struct op *op, const struct client_credentials *in,
                                  const struct client **ret, struct err *e);

/* Reads "Basic <base64>"; the parts are form-decoded (RFC 6749 2.3.1). *ret_present false: not Basic, or no pair in it. Fails
 * with INVALID_REQUEST when a part cannot be decoded. */
MUST_USE bool client_basic_read(struct arena *a, struct str authorization, bool *ret_present, struct str *ret_id,
                                struct str *ret_secret, struct err *e);

#endif
