/* How long tokens live: the client's own figure for the grant and the kind of token, else the server's ttl.*. */
#ifndef OAUTH_LIFESPAN_H
#define OAUTH_LIFESPAN_H

#include "oauth/client.h"

/* USEC_NEVER for a refresh token without end. */
usec_t lifespan_of(const struct provider *p, const struct client *c, enum client_lifespan which);
/* When something made at `now` with that life ends: in whole seconds, as `exp` says it. USEC_NEVER stays. */
usec_t lifespan_end(usec_t now, usec_t life);

#endif
