/* POST /oauth2/token. */
#include "api/api.h"
#include "oauth/grants.h"

bool public_token(struct http_req *r, struct err *e)
{
    struct client_credentials credentials;
    struct str json;
    TRY(api_credentials(r, &credentials, e));
    if (!token_request(r->provider, &r->op, &credentials, &json, e)) return api_challenge(r, e);
    return http_reply_oauth(r, 200, json);
}
