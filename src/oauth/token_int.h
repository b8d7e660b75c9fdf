/* What token.c and token_jwt.c share. */
#ifndef OAUTH_TOKEN_INT_H
#define OAUTH_TOKEN_INT_H

#include "oauth/token.h"

enum { TOKEN_ID_BYTES = 16, TOKEN_GRANT_BYTES = 16 };
#define TOKEN_LIFE_MAX (INT64_C(1) << 40) /* seconds; keeps sums in range */

MUST_USE bool token_id_read(struct str text, unsigned char ret[TOKEN_ID_BYTES]);
/* Sets t->id and t->issued_at. */
void token_id_set(struct arena *a, struct access_token *t, const unsigned char id[TOKEN_ID_BYTES]);
uint64_t token_life_seconds(const struct access_token *t);

/* An opaque token from before a take-over. `t` is complete but for its id, which comes from issued_at and `unique`, of at least
 * 16 bytes. */
MUST_USE bool token_opaque_earlier(const struct provider *p, struct op *op, struct access_token *t, struct str unique,
                                   struct str *ret, struct err *e);
/* False: not sealed by us as this kind, or changed. */
MUST_USE bool token_opaque_open(const struct provider *p, struct op *op, struct str text, struct access_token *ret);

bool token_jwt_looks_like(struct str text);
MUST_USE bool token_jwt_issue(const struct provider *p, struct op *op, const struct access_token *t, struct str *ret,
                              struct err *e);
MUST_USE bool token_jwt_open(const struct provider *p, struct op *op, struct str text, struct access_token *ret, bool *ret_ours,
                             struct err *e);

#endif
