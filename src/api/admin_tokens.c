/* Ending a client's access tokens; v1.10's clean-up call. */
#include "api/api.h"

enum { FLUSH_SLICE = 1000 };

bool admin_tokens_delete(struct http_req *r, struct err *e)
{
    const struct str id = params_get(&r->query, STR("client_id"));
    ENSUREF(id.n > 0, e, INVALID_REQUEST, "Query parameter '%s' is not defined but it should have been.",
            r->route->api == API_V1 ? "client" : "client_id");
    if (id.n <= STORE_ID_MAX) TRY(store_client_not_before(r->provider->store, &r->op, id, r->op.now, e));
    return http_reply_empty(r, 204);
}

/* Expired rows go by themselves; this call only brings the next slice forward. Live tokens are not touched, whatever it says. */
bool admin_tokens_flush(struct http_req *r, struct err *e)
{
    json_t *body;
    usec_t moment;
    int64_t deleted;
    TRY(api_body_json(r, &body, e));
    const json_t *not_after = json_member(body, "notAfter");
    ENSURE(json_is_object(body) || json_is_null(body), e, BAD_REQUEST, "Unable to decode the request body: expected an object.");
    ENSURE(not_after == NULL || json_is_null(not_after) || time_parse_rfc3339(json_str(not_after), &moment), e, BAD_REQUEST,
           "Unable to decode the request body: notAfter is no RFC 3339 time.");
    TRY(store_expire(r->provider->store, &r->op, FLUSH_SLICE, &deleted, e));
    return http_reply_empty(r, 204);
}
