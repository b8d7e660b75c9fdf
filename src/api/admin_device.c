/* The verification page's app tells which code was typed. */
#include "api/api.h"
#include "api/request_view.h"
#include "flow/device.h"

/* Deployed apps compare with this wording. */
static bool read_typed(const struct http_req *r, struct str *ret, struct err *e)
{
    json_t *body;
    struct err why = ERR_INIT(r->op.arena);
    ENSUREF(json_read(r->op.arena, r->body, &body, NULL, &why), e, INVALID_REQUEST, "Unable to decode request body: %s",
            why.hint != NULL ? why.hint : "it is no JSON.");
    ENSURE(json_is_object(body) || json_is_null(body), e, INVALID_REQUEST,
           "Unable to decode request body: it must be a JSON object.");
    const json_t *code = json_member(body, "user_code");
    ENSURE(code == NULL || json_is_null(code) || json_is_string(code), e, INVALID_REQUEST,
           "Unable to decode request body: 'user_code' must be a string.");
    *ret = json_str(code);
    ENSURE(ret->n > 0, e, INVALID_REQUEST, "Field 'user_code' must not be empty.");
    return true;
}

bool admin_device_accept(struct http_req *r, struct err *e)
{
    struct str challenge = params_get(&r->query, STR("device_challenge")), user_code, url;
    struct flow f;
    ENSURE(challenge.n > 0, e, INVALID_REQUEST, "Query parameter 'device_challenge' is not defined but should have been.");
    TRY(read_typed(r, &user_code, e));
    enum flow_found found = device_flow_open(r->provider, &r->op, challenge, &f);
    ENSURE(found != FLOW_UNKNOWN, e, NOT_FOUND, "");
    ENSURE(found != FLOW_EXPIRED, e, REQUEST_UNAUTHORIZED, "The device request has expired, please try again.");
    TRY(device_flow_accept(r->provider, &r->op, &f, user_code, &url, e));
    return reply_redirect_to(r, 200, url);
}
