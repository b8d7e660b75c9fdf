/* What the logout app does with a request: get it, accept it, reject it. Both generations of the API. */
#include "api/api.h"
#include "api/request_view.h"
#include "base/rand.h"
#include "flow/logout.h"

struct logout_view {
    struct str challenge;
    struct logout logout;
    const struct client *client; /* NULL: the user asked */
    enum logout_found found;
};

static bool is_v1(const struct http_req *r) { return r->route->api == API_V1; }

static bool check_found(enum logout_found found, struct err *e)
{
    ENSURE(found != LOGOUT_UNKNOWN, e, NOT_FOUND, "");
    ENSURE(found != LOGOUT_EXPIRED, e, REQUEST_UNAUTHORIZED, "The logout request has expired, please try the flow again.");
    return true;
}

static bool open_logout(struct http_req *r, struct logout_view *v, struct err *e)
{
    v->challenge = params_get(&r->query, STR("logout_challenge"));
    if (v->challenge.n == 0) v->challenge = params_get(&r->query, STR("challenge"));
    ENSURE(v->challenge.n > 0, e, INVALID_REQUEST, "Query parameter 'logout_challenge' is not defined but should have been.");
    TRY(logout_open_challenge(r->provider, &r->op, v->challenge, &v->found, &v->logout, &v->client, e));
    /* Logout challenges of early releases were UUIDs; whoever still has one is told that it is too late. */
    if (v->found == LOGOUT_UNKNOWN && uuid_is(v->challenge) && !is_v1(r)) v->found = LOGOUT_EXPIRED;
    return check_found(v->found, e);
}

/* ---- getting ---- */

static bool reply_request(struct http_req *r, const struct logout_view *v)
{
    const struct logout *l = &v->logout;
    struct arena *a = r->op.arena;
    struct buf out = BUF(a);
    struct jw w = JW(&out);
    jw_object(&w, NULL);
    jw_str(&w, "challenge", v->challenge);
    jw_str(&w, "subject", l->subject);
    if (l->session_id.n > 0) jw_str(&w, "sid", l->session_id);
    jw_str(&w, "request_url", l->request_url);
    jw_bool(&w, "rp_initiated", logout_by_client(l));
    if (!is_v1(r)) {
        jw_str(&w, "expires_at", time_rfc3339(a, logout_expiry(r->provider, l), 0));
        jw_str(&w, "requested_at", time_rfc3339(a, l->requested_at, 0));
    }
    if (v->client != NULL)
        client_write(&w, "client", v->client, CLIENT_READ, is_v1(r), NULL);
    else
        jw_null(&w, "client");
    jw_end(&w);
    return http_reply_json(r, 200, buf_str(&out));
}

/* The path is ours whatever stands before it outside. */
static struct str own_url(struct http_req *r, struct str request_url)
{
    struct str base = config_url_join(r->op.arena, r->provider->public_url, "oauth2/sessions/logout"), path, query;
    return str_split_once(request_url, '?', &path, &query) ? ARENA_CAT(r->op.arena, base, STR("?"), query) : base;
}

bool admin_logout_get(struct http_req *r, struct err *e)
{
    struct logout_view v;
    TRY(open_logout(r, &v, e));
    ENSURE(v.found != LOGOUT_REJECTED, e, NOT_FOUND, "");
    api_no_cache(r);
    if (v.found == LOGOUT_COMPLETED) return reply_redirect_to(r, 410, own_url(r, v.logout.request_url));
    return reply_request(r, &v);
}

/* ---- deciding ---- */

bool admin_logout_accept(struct http_req *r, struct err *e)
{
    const struct provider *p = r->provider;
    struct logout_view v;
    struct params add = { 0 };
    TRY(open_logout(r, &v, e));
    TRY(logout_decide(p, &r->op, &v.logout, true, e));
    params_add(r->op.arena, &add, STR("logout_verifier"), logout_verifier(p, r->op.arena, &v.logout));
    struct str base = config_url_join(r->op.arena, p->public_url, "oauth2/sessions/logout");
    return reply_redirect_to(r, 200, url_with_params(r->op.arena, base, &add));
}

bool admin_logout_reject(struct http_req *r, struct err *e)
{
    struct logout_view v;
    TRY(open_logout(r, &v, e));
    TRY(logout_decide(r->provider, &r->op, &v.logout, false, e));
    return http_reply_empty(r, 204);
}
