/* What others need to know to work with this server: the discovery document and the public keys. */
#include "api/api.h"
#include "oauth/discovery.h"
#include "oauth/keysets.h"

bool public_discovery(struct http_req *r, struct err *e)
{
    struct str json;
    TRY(discovery_document(r->provider, &r->op, &json, e));
    api_no_cache(r);
    return http_reply_json(r, 200, json);
}

bool public_jwks(struct http_req *r, struct err *e)
{
    struct str json;
    TRY(keysets_published(r->provider, &r->op, &json, e));
    api_no_cache(r);
    return http_reply_json(r, 200, json);
}
