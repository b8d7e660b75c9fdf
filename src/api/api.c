/* What the handlers of several groups share. */
#include "api.h"

#include <string.h>

bool api_body_json(const struct http_req *r, json_t **ret, struct err *e)
{
    struct err why = ERR_INIT(r->op.arena);
    ENSUREF(json_read(r->op.arena, r->body, ret, NULL, &why), e, BAD_REQUEST, "Unable to decode the request body: %s",
            why.hint != NULL ? why.hint : "");
    return true;
}

void api_no_cache(struct http_req *r)
{
    if (r->route->api != API_CURRENT || r->method != HTTP_GET) return;
    http_header_set(r, "Cache-Control", STR("private, no-cache, no-store, must-revalidate"));
}

bool api_credentials(const struct http_req *r, struct client_credentials *ret, struct err *e)
{
    /* RFC 6749 2.3: "The client MUST NOT use more than one authentication method in each request." */
    ENSURE(http_header_count(r, "authorization") <= 1, e, INVALID_REQUEST, "The request has several Authorization headers.");
    *ret = (struct client_credentials) { .authorization = http_header(r, "authorization"), .form = &r->form };
    return true;
}

bool api_bearer(const struct http_req *r, struct str *ret, struct err *e)
{
    const struct str header = http_header(r, "authorization");
    ENSURE(http_header_count(r, "authorization") <= 1, e, INVALID_REQUEST, "The request has several Authorization headers.");
    *ret = str_trim(str_from(header, strlen("Bearer")));
    if (str_starts_nocase(header, STR("Bearer ")) || str_eq_nocase(header, STR("Bearer"))) return true;
    *ret = params_get(&r->form, STR("access_token"));
    if (ret->n == 0) *ret = params_get(&r->query, STR("access_token"));
    return true;
}

bool api_challenge(struct http_req *r, const struct err *e)
{
    /* RFC 6749 5.2: "If the client attempted to authenticate via the "Authorization" request header field, the authorization
     * server MUST [...] include the "WWW-Authenticate" response header field matching the authentication scheme used by the
     * client." */
    const bool basic = str_starts_nocase(http_header(r, "authorization"), STR("Basic "));
    if (basic && err_is(e, &err_INVALID_CLIENT)) http_header_set(r, "WWW-Authenticate", STR("Basic realm=\"OAuth 2.0\""));
    return false;
}
