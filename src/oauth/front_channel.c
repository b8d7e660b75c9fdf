/* Issues what a response type asks for beside the code. */
#include "oauth/front_channel.h"

#include "oauth/grants.h"
#include "oauth/id_token.h"

static bool add_access_token(const struct provider *p, struct op *op, const struct grant_request *q, struct params *ret,
                             struct str *ret_token, struct err *e)
{
    struct grant_result result = { 0 };
    TRY(grant_issue_access(p, op, q, LIFESPAN_IMPLICIT_ACCESS, &result, e));
    const int64_t life = usec_to_sec(result.expires_at) - usec_to_sec(result.issued_at);
    params_set(op->arena, ret, STR("access_token"), result.access_token);
    params_set(op->arena, ret, STR("expires_in"), arena_printf(op->arena, "%lld", (long long)life));
    params_set(op->arena, ret, STR("scope"), strs_join(op->arena, result.scopes, " "));
    params_set(op->arena, ret, STR("token_type"), STR("bearer"));
    *ret_token = result.access_token;
    return true;
}

bool front_channel_issue(const struct provider *p, struct op *op, const struct authorize_request *q, const struct grant *g,
                         const struct grant_session *granted, struct params *ret_params, struct err *e)
{
    const struct grant_request request = { .client = q->client, .subject = g->subject, .session = *granted, .grant = g };
    const bool openid = strs_has(granted->scopes, STR("openid")), code = (q->response_type & RESPONSE_CODE) != 0;
    const bool id_token = (q->response_type & RESPONSE_ID_TOKEN) != 0;
    struct id_token t = { .client = q->client, .grant = g, .session = granted, .lifespan = LIFESPAN_IMPLICIT_ID };
    struct str text;
    ENSURE(!id_token || openid || code, e, UNSUPPORTED_RESPONSE_TYPE, NULL);
    if (q->response_type & RESPONSE_TOKEN) TRY(add_access_token(p, op, &request, ret_params, &t.access_token, e));
    if (!id_token || !openid) return true;
    t.code = params_get(ret_params, STR("code"));
    TRY(id_token_issue(p, op, &t, &text, e));
    params_set(op->arena, ret_params, STR("id_token"), text);
    return true;
}
