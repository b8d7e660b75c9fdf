/* Refresh tokens: sealed pointers to a generation of a grant (RFC 6749 6). What one stands for is decided by the row: its own
 * generation redeems, those before it may come again within the grace period, any other one is a replay. */
#ifndef OAUTH_REFRESH_TOKEN_H
#define OAUTH_REFRESH_TOKEN_H

#include "oauth/token.h"

#define REFRESH_TOKEN_PREFIX STR("ory_rt_")

struct refresh_token {
    struct str grant_id;
    int64_t generation;
    struct str client_id;
    usec_t issued_at;  /* when the grant reached the generation */
    usec_t expires_at; /* whole seconds; USEC_NEVER: it does not expire */
};

/* The refresh token of the grant's present generation. The same row gives the same text, whoever asks and when. `life`: of
 * lifespan_of(). */
struct str refresh_token_issue(const struct provider *p, struct arena *a, const struct grant *g, usec_t life);
/* The text that says just this. */
struct str refresh_token_write(const struct provider *p, struct arena *a, const struct refresh_token *t);
/* False: not sealed by us as this kind, or changed. With or without its prefix. */
MUST_USE bool refresh_token_read(const struct provider *p, struct arena *a, struct str text, struct refresh_token *ret);

enum refresh_use {
    REFRESH_FIRST,    /* redeems */
    REFRESH_AGAIN,    /* used before, within the grace period and its count: gives the refresh token of the present generation */
    REFRESH_REPLAYED, /* used before: the grant has to end */
    REFRESH_EXPIRED,
    REFRESH_DEAD /* its grant ended or is gone */
};
/* `g`: the row as it is now; NULL: gone. */
enum refresh_use refresh_token_use(const struct provider *p, const struct op *op, const struct grant *g,
                                   const struct refresh_token *t);
/* How often a token may come again within the grace period, as store_grant_reuse() counts: 0: without limit. */
int64_t refresh_token_repeats(const struct provider *p);

/* The row of token_kinds[]. */
MUST_USE bool refresh_token_open(const struct provider *p, struct op *op, struct str text, struct access_token *ret,
                                 bool *ret_ours, struct err *e);
MUST_USE bool refresh_token_check(const struct provider *p, struct op *op, const struct access_token *t, enum token_life *ret,
                                  struct grant **ret_grant, struct err *e);

#endif
