/* Scopes: what a client may ask for, and whether what was granted covers a name (RFC 6749 3.3). */
#ifndef OAUTH_SCOPE_H
#define OAUTH_SCOPE_H

#include "oauth/client.h"

/* The words of a parameter `scope`. Fails with INVALID_SCOPE when it is longer than 16 KiB. */
MUST_USE bool scope_read(struct op *op, struct str text, struct strs *ret, struct err *e);
/* By strategies.scope. Exact: the name is in the list. Wildcard: names have parts between dots; a part `*` stands for one part
 * that is not empty, and as the last part of a shorter name for all that remain. */
bool scope_covers(const struct provider *p, struct strs allowed, struct str scope);
/* Fails with INVALID_SCOPE, naming the first one that the client may not request. */
MUST_USE bool scopes_check(const struct provider *p, const struct client *c, struct strs scopes, struct err *e);

#endif
