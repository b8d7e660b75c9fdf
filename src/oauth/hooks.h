/* Web hooks of the token endpoint: the operator's own service is asked before tokens are made, and may change the session's
 * claims or refuse. */
#ifndef OAUTH_HOOKS_H
#define OAUTH_HOOKS_H

#include "oauth/grants.h"

/* Calls the hooks that are configured for a validated request: for refresh_token the refresh hook, then for every grant type the
 * token hook. Replaces q->session's claims with what they say and sets q->claims_changed. Waits, if there are any; nothing may be
 * stored before. Fails with ACCESS_DENIED (a hook said 403) or SERVER_ERROR (anything else than 200 and 204). */
MUST_USE bool hooks_call(const struct provider *p, struct op *op, struct grant_request *q, struct err *e);

#endif
