/* Token introspection (RFC 7662) and the kinds of token that it and revocation know. */
#ifndef OAUTH_INTROSPECTION_H
#define OAUTH_INTROSPECTION_H

#include "oauth/token.h"

/* A kind of token that clients hold. What a refresh token says has the same members as an access token's. */
struct token_kind {
    const char *use; /* "access_token": `token_use` of the answer */
    /* *ret_ours false: not of this kind. Looks at no token's row. ret->client_id is always filled. */
    bool (*open)(const struct provider *p, struct op *op, struct str text, struct access_token *ret, bool *ret_ours,
                 struct err *e);
    /* Clock and row; *ret_grant as in access_token_check. */
    bool (*check)(const struct provider *p, struct op *op, const struct access_token *t, enum token_life *ret,
                  struct grant **ret_grant, struct err *e);
};
extern const struct token_kind token_kinds[];
extern const size_t token_kinds_n;

/* Which kind is it? *ret_kind NULL: none of ours. */
MUST_USE bool token_open(const struct provider *p, struct op *op, struct str text, struct access_token *ret,
                         const struct token_kind **ret_kind, struct err *e);

/* The answer as JSON. `scope`: names that must all be granted; empty: any. `iss_slash`: `iss` ends with one '/', as v1.10 says
 * it. */
MUST_USE bool introspect(const struct provider *p, struct op *op, struct str token, struct str scope, bool iss_slash,
                         struct str *ret_json, struct err *e);

#endif
