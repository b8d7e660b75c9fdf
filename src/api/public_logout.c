/* GET and POST /oauth2/sessions/logout: a logout begins, or the browser comes back from the logout app with a logout_verifier. */
#include "api/api.h"
#include "api/browser.h"
#include "api/html.h"
#include "api/pages/page.h"
#include "flow/logout.h"

#define FRONT_WAIT "7"

/* ---- it begins ---- */

static struct str with_query(struct arena *a, struct str path, struct str query)
{
    return query.n > 0 ? ARENA_CAT(a, path, STR("?"), query) : path;
}

/* Path and query, with what a POST body adds. It travels in the challenge, so a very long hint is left out. */
static bool request_url(struct http_req *r, struct params *asked, struct str *ret, struct err *e)
{
    struct arena *a = r->op.arena;
    *ret = r->form.n == 0 ? r->target : with_query(a, r->path, params_encode(a, asked, false));
    if (ret->n <= LOGOUT_URL_MAX) return true;
    params_remove(asked, STR("id_token_hint"));
    *ret = with_query(a, r->path, params_encode(a, asked, false));
    ENSURE(ret->n <= LOGOUT_URL_MAX, e, INVALID_REQUEST, "The logout request is too long.");
    return true;
}

static bool begin(struct http_req *r, struct err *e)
{
    const struct provider *p = r->provider;
    struct params asked = browser_params(r), add = { 0 };
    struct session_row *session;
    struct logout l;
    bool ask;
    TRY(browser_session(r, &session, e));
    TRY(logout_begin(p, &r->op, &asked, session, &l, &ask, e));
    if (!ask) return http_redirect(r, 302, l.target);

    TRY(request_url(r, &asked, &l.request_url, e));
    params_add(r->op.arena, &add, STR("logout_challenge"), logout_challenge(p, r->op.arena, &l));
    return browser_redirect(r, p->config->url.logout, &add);
}

/* ---- the page that tells clients through the browser (Front-Channel Logout 1.0) ---- */

/* scheme://host[:port] of each frame, each once. */
static struct str frame_sources(struct arena *a, struct strs frames)
{
    struct strs sources = { 0 };
    for (size_t i = 0; i < frames.n; i++) {
        struct url url;
        if (!url_parse(a, frames.v[i], &url)) continue;
        struct str source = ARENA_CAT(a, url.scheme, STR("://"), url_hostport(a, &url));
        if (!strs_has(sources, source)) strs_add(a, &sources, source);
    }
    return strs_join(a, sources, " ");
}

/* Goes on when every frame has loaded, by script; after FRONT_WAIT seconds in any case. */
static bool reply_front(struct http_req *r, struct str target, struct strs frames)
{
    struct arena *a = r->op.arena;
    struct str nonce = html_nonce(a);
    struct params vars = { 0 };
    params_add(a, &vars, STR("@title"), STR("signing_out_title"));
    params_add(a, &vars, STR("go"), target);
    params_add(a, &vars, STR("wait"), STR(FRONT_WAIT));
    params_add(a, &vars, STR("nonce"), nonce);
    for (size_t i = 0; i < frames.n; i++) params_add(a, &vars, STR("frame"), frames.v[i]);
    return page_reply_policy(r, 200, page_signing_out, &vars,
                             ARENA_CAT(a, STR("form-action 'none'; frame-ancestors 'none'; script-src 'nonce-"), nonce,
                                       STR("'; frame-src "), frame_sources(a, frames)));
}

/* ---- it ends ---- */

/* Is there still something to end? Asked by the user, the browser must have the very login that was to end. */
static bool is_due(struct http_req *r, const struct logout *l, enum logout_found found, bool *ret, struct err *e)
{
    struct session_row *session;
    *ret = found == LOGOUT_ACCEPTED;
    if (!*ret || logout_by_client(l)) return true;
    TRY(browser_session(r, &session, e));
    *ret = session != NULL && str_eq(session->id, l->session_id) && str_eq(session->subject, l->subject);
    return true;
}

/* The user may have signed in again since the client got its ID token, so that this browser has another login by now: it ends as
 * well. Somebody else's does not, for the logout app asked about this user. */
static bool end_renewed(struct http_req *r, const struct logout *l, const struct session_row *own, struct strs *front,
                        struct err *e)
{
    struct ended_session ended;
    if (own == NULL || str_eq(own->id, l->session_id) || !str_eq(own->subject, l->subject)) return true;
    TRY(session_end(r->provider, &r->op, own->id, &ended, e));
    for (size_t i = 0; i < ended.front.n; i++) strs_add(r->op.arena, front, ended.front.v[i]);
    return true;
}

/* Whose login it was or not: whoever signs out in a browser is not signed in there afterwards. */
static bool end(struct http_req *r, const struct logout *l, struct strs *ret_front, struct err *e)
{
    struct session_row *own;
    struct ended_session ended;
    TRY(browser_session(r, &own, e));
    TRY(logout_complete(r->provider, &r->op, l, &ended, e));
    *ret_front = ended.front;
    TRY(end_renewed(r, l, own, ret_front, e));
    browser_session_drop(r);
    return true;
}

static bool complete(struct http_req *r, struct str verifier, struct err *e)
{
    enum logout_found found;
    struct logout l;
    struct strs front;
    bool due;
    TRY(logout_open_verifier(r->provider, &r->op, verifier, &found, &l, e));
    ENSURE(found != LOGOUT_UNKNOWN, e, NOT_FOUND, "");
    ENSURE(found == LOGOUT_ACCEPTED || found == LOGOUT_COMPLETED, e, REQUEST_UNAUTHORIZED,
           "The logout request has expired, please try the flow again.");
    TRY(is_due(r, &l, found, &due, e));
    if (!due) return http_redirect(r, 302, l.target);
    TRY(end(r, &l, &front, e));
    return front.n > 0 ? reply_front(r, l.target, front) : http_redirect(r, 302, l.target);
}

bool public_logout(struct http_req *r, struct err *e)
{
    struct str verifier = params_get(&r->query, STR("logout_verifier"));
    return verifier.n > 0 ? complete(r, verifier, e) : begin(r, e);
}
