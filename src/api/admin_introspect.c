/* POST /admin/oauth2/introspect, and the same of v1.10. */
#include "api/api.h"
#include "oauth/introspection.h"

bool admin_introspect(struct http_req *r, struct err *e)
{
    const struct str token = params_get(&r->form, STR("token")), scope = params_get(&r->form, STR("scope"));
    struct str json;
    ENSURE(!r->form_empty, e, INVALID_REQUEST, "The POST body can not be empty.");
    TRY(introspect(r->provider, &r->op, token, scope, r->route->api == API_V1, &json, e));
    return http_reply_oauth(r, 200, json);
}
