/* ID tokens (OpenID Connect Core 2), and the claims about a user that they share with userinfo. */
#ifndef OAUTH_ID_TOKEN_H
#define OAUTH_ID_TOKEN_H

#include "crypto/jwk.h"
#include "oauth/client.h"
#include "oauth/grant_session.h"

struct id_token {
    const struct client *client;
    const struct grant *grant;
    const struct grant_session *session;
    enum client_lifespan lifespan;
    struct str access_token; /* issued with it: at_hash; empty: none */
    struct str code;         /* issued with it, or redeemed after being issued beside tokens: c_hash; empty: none */
};

/* Signed by the current key of the ID tokens' set. */
MUST_USE bool id_token_issue(const struct provider *p, struct op *op, const struct id_token *t, struct str *ret, struct err *e);

/* What ID tokens and userinfo have in common, into an open object: iss, aud, and when a person stands behind the grant sub, rat,
 * auth_time, acr, amr and the session's claims for ID tokens. `g` NULL: a token without a grant. */
MUST_USE bool id_claims_write(const struct provider *p, struct op *op, struct jw *w, struct str client_id, const struct grant *g,
                              const struct grant_session *s, struct err *e);
/* A session's claims into an open object, but for those that only this server says. */
MUST_USE bool session_claims_write(struct op *op, struct jw *w, struct str claims, struct err *e);

/* at_hash and c_hash: the left half of the token's digest by the hash of the signing algorithm (OpenID Connect Core 3.1.3.6). */
MUST_USE bool token_hash(struct arena *a, const struct jwk *signer, struct str token, struct str *ret, struct err *e);

#endif
