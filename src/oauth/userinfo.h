/* The UserInfo endpoint's protocol (OpenID Connect Core 5.3). */
#ifndef OAUTH_USERINFO_H
#define OAUTH_USERINFO_H

#include "oauth/provider.h"

/* The claims that `token` may see: JSON, or for clients with userinfo_signed_response_alg a JWT (*ret_signed). Fails with
 * REQUEST_UNAUTHORIZED (no token of ours, or dead), INVALID_TOKEN (expired, or no access token), INSUFFICIENT_SCOPE. Never waits
 * for a write. */
MUST_USE bool userinfo(const struct provider *p, struct op *op, struct str token, bool *ret_signed, struct str *ret,
                       struct err *e);

#endif
