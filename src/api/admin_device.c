/* The verification page's app tells which code was typed. */
#include "api/api.h"
#include "api/body.h"
#include "api/request_view.h"
#include "flow/device.h"

struct typed {
    struct str user_code;
};
static const struct body_member members[] = { { "user_code", BODY_TEXT, offsetof(struct typed, user_code), 1024 } };

/* Deployed apps compare with this wording. */
static bool read_typed(const struct http_req *r, struct str *ret, struct err *e)
{
    struct typed typed = { 0 };
    json_t *body;
    struct err why = ERR_INIT(r->op.arena);
    ENSUREF(json_read(r->op.arena, r->body, &body, NULL, &why) && json_is_object(body), e, INVALID_REQUEST,
            "Unable to decode request body: %s", why.hint != NULL ? why.hint : "it must be a JSON object.");
    TRY(body_read_object(r->op.arena, body, members, ARRAY_LEN(members), &typed, e));
    ENSURE(typed.user_code.n > 0, e, INVALID_REQUEST, "Field 'user_code' must not be empty.");
    *ret = typed.user_code;
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
