/* The UserInfo endpoint's protocol (OpenID Connect Core 5.3). */
#ifndef OAUTH_USERINFO_H
#define OAUTH_USERINFO_H

#include "oauth/grant_session.h"
#include "oauth/token.h"

/* A living access token and what stands behind it. */
struct user_token {
    struct access_token token;
    struct grant *grant; /* NULL: a token without a grant */
    struct grant_session session;
};
/* Fails with REQUEST_UNAUTHORIZED (no token of ours, or dead), INVALID_TOKEN (expired), INSUFFICIENT_SCOPE (openid was not
 * granted), `other_kind` (a token of ours, but no access token: callers of the endpoints expect different names). Never waits for
 * a write. */
MUST_USE bool user_token_check(const struct provider *p, struct op *op, struct str text, const struct err_kind *other_kind,
                               struct user_token *ret, struct err *e);

/* The claims that `token` may see: JSON, or for clients with userinfo_signed_response_alg a JWT (*ret_signed). Fails as
 * user_token_check does. */
MUST_USE bool userinfo(const struct provider *p, struct op *op, struct str token, bool *ret_signed, struct str *ret,
                       struct err *e);

#endif
