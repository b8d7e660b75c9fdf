/* /oauth2/register: dynamic client registration and management. What may be registered is in oauth/registration.c. */
#include "api/api.h"
#include "oauth/registration.h"

static bool reply(struct http_req *r, int status, const struct client *c, enum client_view view, const struct client_extras *x)
{
    struct buf out = BUF(r->op.arena);
    client_write(&JW(&out), NULL, c, view, false, x);
    return http_reply_oauth(r, status, buf_str(&out));
}

/* RFC 6750 3: "the resource server MUST include the HTTP "WWW-Authenticate" response header field". */
static bool challenge(struct http_req *r, const struct err *e)
{
    if (err_is(e, &err_UNAUTHORIZED) || err_is(e, &err_INVALID_TOKEN))
        http_header_set(r, "WWW-Authenticate", STR("Bearer error=\"invalid_token\""));
    return false;
}

bool public_register(struct http_req *r, struct err *e)
{
    json_t *body;
    struct client *c;
    struct client_extras x;
    struct str token;
    TRY(registration_enabled(r->provider, e));
    TRY(api_bearer(r, &token, e));
    if (!registration_admits(r->provider, token, e)) return challenge(r, e);
    TRY(api_body_json(r, &body, e));
    TRY(registration_create(r->provider, &r->op, body, &c, &x, e));

    /* RFC 7591 asks for no Location; deployed clients know this one. Where to manage the client is in registration_client_uri. */
    struct buf location = BUF(r->op.arena);
    buf_addz(&location, "/admin/clients/");
    url_encode_path(&location, c->id);
    http_header_add(r, "Location", buf_str(&location));
    return reply(r, 201, c, CLIENT_CREATED, &x);
}

bool public_registered_get(struct http_req *r, struct err *e)
{
    const struct client *c;
    struct str token;
    TRY(registration_enabled(r->provider, e));
    TRY(api_bearer(r, &token, e));
    if (!registration_find(r->provider, &r->op, r->param[0], token, &c, e)) return challenge(r, e);
    return reply(r, 200, c, CLIENT_SELF, NULL);
}

bool public_registered_replace(struct http_req *r, struct err *e)
{
    struct registration_change change = { .id = r->param[0] };
    const struct client *current;
    json_t *body;
    struct client *c;
    struct client_extras x;
    TRY(registration_enabled(r->provider, e));
    TRY(api_bearer(r, &change.token, e));
    if (!registration_find(r->provider, &r->op, change.id, change.token, &current, e)) return challenge(r, e);
    TRY(api_body_json(r, &body, e));
    change.document = body;
    if (!registration_replace(r->provider, &r->op, &change, &c, &x, e)) return challenge(r, e);
    return reply(r, 200, c, CLIENT_CREATED, &x);
}

bool public_registered_delete(struct http_req *r, struct err *e)
{
    struct str token;
    TRY(registration_enabled(r->provider, e));
    TRY(api_bearer(r, &token, e));
    if (!registration_delete(r->provider, &r->op, r->param[0], token, e)) return challenge(r, e);
    return http_reply_empty(r, 204);
}
