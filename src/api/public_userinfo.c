/* GET and POST /userinfo, with an access token as RFC 6750 2 carries it. */
#include "api/api.h"

#include "oauth/userinfo.h"

/* RFC 6750 3: "the resource server MUST include the HTTP "WWW-Authenticate" response header field". */
static bool challenge(struct http_req *r, const struct err *e)
{
    const bool scope = err_is(e, &err_INSUFFICIENT_SCOPE);
    if (!scope && !err_is(e, &err_REQUEST_UNAUTHORIZED) && !err_is(e, &err_INVALID_TOKEN)) return false;
    const struct str text = http_error_description(r->op.arena, e, false);
    http_header_set(r, "WWW-Authenticate",
                    arena_printf(r->op.arena, "Bearer error=\"%s\",error_description=\"%.*s\"%s", e->kind->name, STR_FMT(text),
                                 scope ? ",scope=\"openid\"" : ""));
    return false;
}

bool public_userinfo(struct http_req *r, struct err *e)
{
    struct str token, answer;
    bool jwt;
    TRY(api_bearer(r, &token, e));
    if (!userinfo(r->provider, &r->op, token, &jwt, &answer, e)) return challenge(r, e);
    return jwt ? http_reply(r, 200, "application/jwt", answer) : http_reply_json(r, 200, answer);
}
