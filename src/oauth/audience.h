/* Audiences: which resource servers a client may ask tokens for. */
#ifndef OAUTH_AUDIENCE_H
#define OAUTH_AUDIENCE_H

#include "base/url.h"
#include "oauth/client.h"

/* The parameter `audience`: several of them are one value each, a single one is a list of words. At most 100 values in 16 KiB,
 * else INVALID_REQUEST. */
MUST_USE bool audience_read(struct op *op, const struct params *form, struct strs *ret, struct err *e);
/* Two URLs: same scheme and host, and a path equal to or below the registered one. Anything without a host (urn:...): the same
 * text. */
bool audience_covers(struct arena *a, struct str registered, struct str requested);
/* Fails with INVALID_REQUEST, naming the first one that the client may not request. */
MUST_USE bool audience_check(struct op *op, const struct client *c, struct strs audience, struct err *e);

#endif
