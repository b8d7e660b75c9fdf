/* One table says which of the server's settings stands behind each of the clients' members. */
#include "oauth/lifespan.h"

enum kind { ACCESS, ID, REFRESH };

static const enum kind kinds[LIFESPAN_MAX_] = {
    [LIFESPAN_AUTHORIZATION_CODE_ACCESS] = ACCESS,
    [LIFESPAN_AUTHORIZATION_CODE_ID] = ID,
    [LIFESPAN_AUTHORIZATION_CODE_REFRESH] = REFRESH,
    [LIFESPAN_CLIENT_CREDENTIALS_ACCESS] = ACCESS,
    [LIFESPAN_IMPLICIT_ACCESS] = ACCESS,
    [LIFESPAN_IMPLICIT_ID] = ID,
    [LIFESPAN_JWT_BEARER_ACCESS] = ACCESS,
    [LIFESPAN_REFRESH_ACCESS] = ACCESS,
    [LIFESPAN_REFRESH_ID] = ID,
    [LIFESPAN_REFRESH_REFRESH] = REFRESH,
    [LIFESPAN_DEVICE_ACCESS] = ACCESS,
    [LIFESPAN_DEVICE_ID] = ID,
    [LIFESPAN_DEVICE_REFRESH] = REFRESH,
};

static usec_t of_server(const struct provider *p, enum kind kind)
{
    switch (kind) {
    case ACCESS: return p->config->ttl_access_token;
    case ID: return p->config->ttl_id_token;
    case REFRESH: break;
    }
    return p->config->ttl_refresh_token;
}

usec_t lifespan_of(const struct provider *p, const struct client *c, enum client_lifespan which)
{
    const enum kind kind = kinds[which];
    const int64_t own = c->lifespans[which];
    const usec_t life = own == LIFESPAN_UNSET ? of_server(p, kind) : own / 1000;
    if (kind == REFRESH && life < 0) return USEC_NEVER;
    /* A client whose ID tokens were to live no time at all gets the usual hour. */
    if (kind == ID && life == 0) return 3600 * USEC_PER_SEC;
    return life;
}

usec_t lifespan_end(usec_t now, usec_t life)
{
    if (life > USEC_NEVER - now) return USEC_NEVER;
    return usec_to_sec(now + life) * USEC_PER_SEC;
}
