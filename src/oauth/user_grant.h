/* Grants that a person gave, at the token endpoint: how a row comes to its next generation, and which tokens that brings. The
 * code, refresh and device grants share it. */
#ifndef OAUTH_USER_GRANT_H
#define OAUTH_USER_GRANT_H

#include "oauth/grants.h"

/* Which of the client's lifespans count. */
struct user_lifespans {
    enum client_lifespan access, id, refresh;
};

/* The row one generation on: active, rotated now, kept as long as a token of it is of use. Stores nothing. */
struct grant user_grant_next(const struct provider *p, struct op *op, const struct grant_request *q, const struct grant *g,
                             const struct user_lifespans *lives);
/* Makes what user_grant_issue will sign with ready, so that nothing can fail once the row has moved. */
MUST_USE bool user_grant_prepare(const struct provider *p, struct op *op, const struct grant_request *q, struct err *e);
/* The tokens of the row `g`, which is stored: an access token; with offline or offline_access granted a refresh token, if the
 * client may use it; with openid granted an ID token. `code` empty: no c_hash. */
MUST_USE bool user_grant_issue(const struct provider *p, struct op *op, const struct grant_request *q, const struct grant *g,
                               const struct user_lifespans *lives, struct str code, struct grant_result *ret, struct err *e);
/* The first tokens of a grant that was consented to: the three in their order. Who finds the row moved meanwhile fails with
 * INVALID_GRANT. */
MUST_USE bool user_grant_begin(const struct provider *p, struct op *op, const struct grant_request *q,
                               const struct user_lifespans *lives, struct str code, struct grant_result *ret, struct err *e);

#endif
