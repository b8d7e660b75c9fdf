/* The authorization code (RFC 6749 4.1.2): sealed, it names the grant and the generation at which it may be redeemed, so that
 * redeeming it is a move of the grant's row. */
#ifndef OAUTH_CODE_H
#define OAUTH_CODE_H

#include "oauth/provider.h"

#define CODE_PREFIX STR("ory_ac_")

struct code {
    struct str grant_id;
    int64_t generation;
    usec_t expires_at;
};
struct str code_issue(const struct provider *p, struct arena *a, const struct code *c);
/* False: not sealed by us, or changed. With or without its prefix. */
MUST_USE bool code_open(const struct provider *p, struct arena *a, struct str text, struct code *ret);

#endif
