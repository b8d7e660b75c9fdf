/* Access tokens, opaque (sealed) and JWT: what they say, how they are made, opened and checked. Nothing is stored. */
#ifndef OAUTH_TOKEN_H
#define OAUTH_TOKEN_H

#include "oauth/client.h"

#define ACCESS_TOKEN_PREFIX STR("ory_at_")

/* What an access token says. A token of a grant points to its row; others carry everything. */
struct access_token {
    struct str id;       /* a UUID that holds the moment of issue: jti, key of the revocation list */
    struct str grant_id; /* 32 hex digits; empty: a token without a grant */
    int64_t generation;  /* of the grant when it was issued */
    struct str client_id;
    struct str subject;           /* tokens without a grant */
    struct strs scopes, audience; /* tokens without a grant */
    struct str ext;               /* session claims as a JSON object's text; empty: none */
    usec_t issued_at;             /* exact, so that a revocation parts what came before from what came after */
    usec_t expires_at;            /* whole seconds; alive until that second is over */
};

/* Effective strategy: the client's, else strategies.access_token. */
bool token_is_jwt_for(const struct provider *p, const struct client *c);

/* Makes the text that the client gets. `t` is complete but for `id` and `issued_at`, which are made here (from op->now). The
 * members of a JWT come from `scopes`, `audience`, `subject`, `ext`, which must be filled for grant tokens too. A token without
 * a grant that says too much to be sealed gets a grant row of its own (which waits), and t->grant_id. */
MUST_USE bool access_token_issue(const struct provider *p, struct op *op, const struct client *c, struct access_token *t,
                                 struct str *ret, struct err *e);
/* *ret_ours false: not made by us, changed, or malformed. Looks at no clock and at no token's row. */
MUST_USE bool access_token_open(const struct provider *p, struct op *op, struct str text, struct access_token *ret,
                                bool *ret_ours, struct err *e);

enum token_life { TOKEN_ALIVE, TOKEN_EXPIRED, TOKEN_DEAD };
/* Clock, then one row: the client with the revocation list, or the grant (*ret_grant is set then; NULL otherwise). */
MUST_USE bool access_token_check(const struct provider *p, struct op *op, const struct access_token *t, enum token_life *ret,
                                 struct grant **ret_grant, struct err *e);

#endif
