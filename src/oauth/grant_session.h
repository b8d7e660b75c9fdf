/* What was granted and what tokens will say, as it stands in a grant's column `session`. */
#ifndef OAUTH_GRANT_SESSION_H
#define OAUTH_GRANT_SESSION_H

#include "base/json.h"
#include "oauth/provider.h"

struct grant_session {
    /* what the consent app granted */
    struct strs scopes, audience;
    struct str access_claims;   /* session claims of access tokens, a JSON object's text; empty: none */
    struct str id_claims;       /* the same for ID tokens and userinfo */
    struct str userinfo_claims; /* the same for userinfo alone */

    struct strs requested; /* scopes that were asked for; empty: the same */

    /* what the request and the login leave for tokens to come (flow/ fills it when the browser is back from the consent app);
     * empty in grants that no person gave */
    struct str sub; /* the name that the client knows the subject by; empty: the subject itself */
    struct str sid; /* the login session; the row's own member forgets it when that is revoked */
    usec_t authenticated_at;
    struct str acr;
    struct strs amr;
    bool acr_requested; /* the request had acr_values */
    struct str nonce;
    struct str redirect_uri;   /* must come again with the code; empty: the request named none */
    struct str code_challenge; /* PKCE, always S256; empty: none */
    bool hybrid;               /* the code was sent beside tokens: the ID token that it is redeemed for has its c_hash */
};

/* The text to store; sealed under the grant's id when oauth2.session.encrypt_at_rest says so. */
struct str grant_session_write(const struct provider *p, struct op *op, struct str grant_id, const struct grant_session *s);
/* Reads both forms. Fails with SERVER_ERROR when the text cannot be opened (another secrets.system, or damage). */
MUST_USE bool grant_session_read(const struct provider *p, struct op *op, const struct grant *g, struct grant_session *ret,
                                 struct err *e);

/* When a grant's row may go: when its tokens are of no more use and its consent, if remembered, has ended. */
usec_t grant_expiry(const struct grant *g, usec_t tokens_until);

#endif
