/* POST /oauth2/revoke. */
#include "api/api.h"
#include "oauth/revocation.h"

bool public_revoke(struct http_req *r, struct err *e)
{
    struct client_credentials credentials;
    TRY(api_credentials(r, &credentials, e));
    if (!revoke(r->provider, &r->op, &credentials, e)) return api_challenge(r, e);
    return http_reply_empty(r, 200);
}
