/* The development pages: login (any name signs in), consent, logout and the code of a device, decided like an app would decide
 * them over the admin API. fallbacks.c sees to it that they are reached in development mode only. What a page shows and takes is
 * bound to the browser that the flow began in: by the flow's cookie, and by Sec-Fetch-Site where browsers send it. */
#include "api/api.h"
#include "api/browser.h"
#include "api/fallbacks.h"
#include "base/json.h"
#include "flow/device.h"
#include "flow/logout.h"
#include "oauth/audience.h"
#include "oauth/scope.h"

enum { MOST_PARAMETERS = 1000, USER_CODE_MAX = 1024 };

/* ---- requests that cannot be decided (any more) ---- */

enum end { END_NOT, END_EMPTY, END_UNKNOWN, END_EXPIRED, END_USED, END_FOREIGN };

static const struct notice ends[] = {
    [END_EMPTY] = { .status = 200, .title = "begin_title", .text = "begin_text" },
    [END_UNKNOWN] = { .status = 404, .title = "unknown_title", .text = "unknown_text" },
    [END_EXPIRED] = { .status = 410, .title = "expired_title", .text = "expired_text" },
    [END_USED] = { .status = 410, .title = "used_title", .text = "used_text" },
    [END_FOREIGN] = { .status = 403, .title = "foreign_title", .text = "foreign_text", .advice = "foreign_advice" },
};

static bool reply_end(struct http_req *r, enum end end, const struct flow *f)
{
    struct notice n = ends[end];
    struct params vars = { 0 };
    params_add(r->op.arena, &vars, STR("public_url"), r->provider->public_url);
    if (f != NULL && (end == END_EXPIRED || end == END_USED)) n.again = flow_request_url(r->provider, r->op.arena, f);
    return notice_reply(r, &n, &vars);
}

static enum end end_of(enum flow_found found)
{
    switch (found) {
    case FLOW_OPEN:
    case FLOW_DECIDED: return END_NOT;
    case FLOW_USED: return END_USED;
    case FLOW_EXPIRED: return END_EXPIRED;
    case FLOW_UNKNOWN: break;
    }
    return END_UNKNOWN;
}

/* A form may come from one of these pages only (Fetch Metadata: "same-origin"). */
static bool is_from_elsewhere(const struct http_req *r)
{
    struct str site = http_header(r, "sec-fetch-site");
    return r->method == HTTP_POST && site.n > 0 && !str_eq(site, STR("same-origin"));
}

static bool is_own_browser(const struct http_req *r, enum csrf_step step, const struct flow *f)
{
    struct err why = ERR_INIT(r->op.arena);
    return !is_from_elsewhere(r) && browser_csrf_check(r, step, f, &why);
}

/* ---- what they share ---- */

struct asked {
    struct str challenge;
    struct flow flow;
    struct grant *grant; /* only of a consent */
    const struct client *client;
    struct params query; /* the authorization request */
    struct strs scopes, audience;
};

static const struct params *input(const struct http_req *r) { return r->method == HTTP_POST ? &r->form : &r->query; }
static bool is_denied(const struct http_req *r) { return str_eq(params_get(&r->form, STR("action")), STR("deny")); }
static bool is_remembered(const struct http_req *r) { return params_get(&r->form, STR("remember")).n > 0; }

static struct str client_name(const struct client *c) { return c->name.n > 0 ? c->name : c->id; }

static bool read_request(struct http_req *r, struct asked *q, struct err *e)
{
    ENSURE(params_parse(r->op.arena, q->flow.request, MOST_PARAMETERS, &q->query), e, SERVER_ERROR,
           "A stored request has too many parameters.");
    TRY(scope_read(&r->op, params_get(&q->query, STR("scope")), &q->scopes, e));
    return audience_read(&r->op, &q->query, &q->audience, e);
}

static struct params page_vars(struct http_req *r, const char *title, const char *note, const char *field, struct str challenge)
{
    struct params vars = { 0 };
    params_add(r->op.arena, &vars, STR("@title"), str_of(title));
    params_add(r->op.arena, &vars, STR("@note"), str_of(note));
    params_add(r->op.arena, &vars, STR("challenge_name"), str_of(field));
    params_add(r->op.arena, &vars, STR("challenge"), challenge);
    return vars;
}

/* RFC 6749 4.1.2.1. */
static struct rejection *denied(struct http_req *r)
{
    struct rejection *said = ARENA_NEW(r->op.arena, struct rejection);
    *said =
        (struct rejection) { .error = STR("access_denied"), .description = STR("The user denied the request."), .status = 403 };
    return said;
}

/* ---- login ---- */

static bool open_login(struct http_req *r, struct asked *q, enum end *ret, struct err *e)
{
    enum flow_found found;
    *ret = END_EMPTY;
    q->challenge = params_get(input(r), STR("login_challenge"));
    if (q->challenge.n == 0) return true;
    TRY(flow_open_login(r->provider, &r->op, q->challenge, &found, &q->flow, &q->client, e));
    *ret = end_of(found);
    if (*ret == END_NOT && !is_own_browser(r, CSRF_LOGIN, &q->flow)) *ret = END_FOREIGN;
    return *ret != END_NOT || read_request(r, q, e);
}

static bool show_login(struct http_req *r, const struct asked *q, const char *problem, struct str username)
{
    struct arena *a = r->op.arena;
    struct params vars = page_vars(r, "login_title", "login_dev", "login_challenge", q->challenge);
    params_add(a, &vars, STR("client"), client_name(q->client));
    params_add(a, &vars, STR("username"), username);
    params_add(a, &vars, STR("longest"), arena_printf(a, "%d", STORE_ID_MAX));
    if (problem != NULL) params_add(a, &vars, STR("@problem"), str_of(problem));
    return page_reply(r, problem != NULL ? 400 : 200, page_login, &vars);
}

static bool decide_login(struct http_req *r, const struct asked *q, struct err *e)
{
    struct str verifier;
    if (flow_decide_login(r->provider, &r->op, &q->flow, &verifier, e))
        return page_go_on(r, flow_redirect_to(r->provider, r->op.arena, &q->flow, STR("login_verifier"), verifier));
    return err_is(e, &err_CONFLICT) ? reply_end(r, END_USED, &q->flow) : false;
}

static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7F) return false;
    return s.n <= STORE_ID_MAX && str_is_utf8(s);
}

static bool take_login(struct http_req *r, struct asked *q, struct err *e)
{
    struct str name = str_trim(params_get(&r->form, STR("username")));
    if (is_denied(r)) {
        q->flow.rejection = denied(r);
        return decide_login(r, q, e);
    }
    if (name.n == 0) return show_login(r, q, "login_name_missing", STR(""));
    if (!is_name(name)) return show_login(r, q, "login_name_bad", STR(""));
    q->flow.subject = name;
    q->flow.remember = is_remembered(r);
    q->flow.authenticated_at = r->op.now;
    return decide_login(r, q, e);
}

bool dev_login(struct http_req *r, struct err *e)
{
    struct asked q = { 0 };
    enum end end;
    TRY(open_login(r, &q, &end, e));
    if (end != END_NOT) return reply_end(r, end, &q.flow);
    if (q.flow.skip) { /* a remembered login */
        q.flow.remember = true;
        return decide_login(r, &q, e);
    }
    if (r->method == HTTP_POST) return take_login(r, &q, e);
    return show_login(r, &q, NULL, params_get(&q.query, STR("login_hint")));
}

/* ---- consent ---- */

static bool open_consent(struct http_req *r, struct asked *q, enum end *ret, struct err *e)
{
    enum flow_found found;
    *ret = END_EMPTY;
    q->challenge = params_get(input(r), STR("consent_challenge"));
    if (q->challenge.n == 0) return true;
    TRY(flow_open_consent(r->provider, &r->op, q->challenge, &found, &q->grant, &q->flow, &q->client, e));
    *ret = end_of(found);
    if (*ret == END_NOT && !is_own_browser(r, CSRF_CONSENT, &q->flow)) *ret = END_FOREIGN;
    return *ret != END_NOT || read_request(r, q, e);
}

static bool show_consent(struct http_req *r, const struct asked *q)
{
    struct arena *a = r->op.arena;
    struct params vars = page_vars(r, "consent_title", "consent_dev", "consent_challenge", q->challenge);
    params_add(a, &vars, STR("client"), client_name(q->client));
    params_add(a, &vars, STR("subject"), q->flow.subject);
    params_add(a, &vars, STR("policy_uri"), q->client->policy_uri);
    params_add(a, &vars, STR("tos_uri"), q->client->tos_uri);
    for (size_t i = 0; i < q->scopes.n; i++) params_add(a, &vars, STR("scope"), q->scopes.v[i]);
    if (q->audience.n > 0) params_add(a, &vars, STR("has_audience"), STR("1"));
    for (size_t i = 0; i < q->audience.n; i++) params_add(a, &vars, STR("audience"), q->audience.v[i]);
    return page_reply(r, 200, page_consent, &vars);
}

/* OpenID Connect Core 5.4: what the scopes profile and email promise, as far as a name can tell. */
static struct str claims_of(struct arena *a, const struct grant_session *granted, struct str subject)
{
    struct buf out = BUF(a);
    struct jw w = JW(&out);
    bool profile = strs_has(granted->scopes, STR("profile"));
    bool email = strs_has(granted->scopes, STR("email")) && str_has(subject, '@');
    if (!profile && !email) return STR("");
    jw_object(&w, NULL);
    if (profile) jw_str(&w, "name", subject);
    if (profile) jw_str(&w, "preferred_username", subject);
    if (email) jw_str(&w, "email", subject);
    jw_end(&w);
    return buf_str(&out);
}

/* `granted` NULL: the user denied it. */
static bool decide_consent(struct http_req *r, const struct asked *q, struct grant_session *granted, bool remember, struct err *e)
{
    struct str verifier;
    if (granted != NULL) granted->id_claims = claims_of(r->op.arena, granted, q->flow.subject);
    if (flow_decide_consent(r->provider, &r->op, q->grant, &q->flow, remember, granted, &verifier, e))
        return page_go_on(r, flow_redirect_to(r->provider, r->op.arena, &q->flow, STR("consent_verifier"), verifier));
    return err_is(e, &err_CONFLICT) ? reply_end(r, END_USED, &q->flow) : false;
}

/* Those of `asked` that the form has ticked. */
static struct strs ticked(struct http_req *r, struct str name, struct strs asked)
{
    struct strs list = { 0 };
    for (size_t i = 0; i < asked.n; i++)
        for (size_t k = 0; k < r->form.n; k++)
            if (str_eq(r->form.v[k].name, name) && str_eq(r->form.v[k].value, asked.v[i]) && !strs_has(list, asked.v[i]))
                strs_add(r->op.arena, &list, asked.v[i]);
    return list;
}

static bool take_consent(struct http_req *r, struct asked *q, struct err *e)
{
    if (is_denied(r)) {
        q->flow.consent_rejection = denied(r);
        return decide_consent(r, q, NULL, false, e);
    }
    struct grant_session granted = { .scopes = ticked(r, STR("grant_scope"), q->scopes),
                                     .audience = ticked(r, STR("grant_audience"), q->audience) };
    return decide_consent(r, q, &granted, is_remembered(r), e);
}

/* The user agreed before, or the client is one of the operator's own. */
static bool may_skip_consent(struct http_req *r, const struct asked *q)
{
    bool ask = strs_has(strs_words(r->op.arena, params_get(&q->query, STR("prompt"))), STR("consent"));
    return q->flow.consent_skip || (q->client->skip_consent && !ask);
}

bool dev_consent(struct http_req *r, struct err *e)
{
    struct asked q = { 0 };
    enum end end;
    TRY(open_consent(r, &q, &end, e));
    if (end != END_NOT) return reply_end(r, end, &q.flow);
    if (may_skip_consent(r, &q)) {
        struct grant_session granted = { .scopes = q.scopes, .audience = q.audience };
        return decide_consent(r, &q, &granted, false, e);
    }
    return r->method == HTTP_POST ? take_consent(r, &q, e) : show_consent(r, &q);
}

/* ---- logout ---- */

static enum end end_of_logout(enum logout_found found)
{
    switch (found) {
    case LOGOUT_OPEN:
    case LOGOUT_ACCEPTED:
    case LOGOUT_REJECTED: return END_NOT;
    case LOGOUT_COMPLETED: return END_USED;
    case LOGOUT_EXPIRED: return END_EXPIRED;
    case LOGOUT_UNKNOWN: break;
    }
    return END_UNKNOWN;
}

static bool decide_logout(struct http_req *r, const struct logout *l, bool accept, struct err *e)
{
    const struct provider *p = r->provider;
    if (!logout_decide(p, &r->op, l, accept, e)) return err_is(e, &err_CONFLICT) ? reply_end(r, END_USED, NULL) : false;
    if (!accept) return notice_reply(r, &(struct notice) { .status = 200, .title = "stayed_title", .text = "stayed_text" }, NULL);
    struct params verifier = { 0 };
    params_add(r->op.arena, &verifier, STR("logout_verifier"), logout_verifier(p, r->op.arena, l));
    return page_go_on(r, url_with_params(r->op.arena, config_url_join(r->op.arena, p->public_url, "oauth2/sessions/logout"),
                                         &verifier));
}

static bool show_logout(struct http_req *r, struct str challenge, const struct logout *l, const struct client *client)
{
    struct params vars = page_vars(r, "logout_title", "logout_dev", "logout_challenge", challenge);
    params_add(r->op.arena, &vars, STR("subject"), l->subject);
    if (client != NULL) params_add(r->op.arena, &vars, STR("client"), client_name(client));
    return page_reply(r, 200, page_logout, &vars);
}

/* Without a cookie of its own: whoever has an ID token of the session may end it, from any browser. */
bool dev_logout(struct http_req *r, struct err *e)
{
    struct logout l;
    const struct client *client;
    enum logout_found found;
    struct str challenge = params_get(input(r), STR("logout_challenge"));
    if (challenge.n == 0) return reply_end(r, END_EMPTY, NULL);
    TRY(logout_open_challenge(r->provider, &r->op, challenge, &found, &l, &client, e));
    enum end end = is_from_elsewhere(r) ? END_FOREIGN : end_of_logout(found);
    if (end != END_NOT) return reply_end(r, end, NULL);

    bool skip = client != NULL && client->skip_logout_consent == TRI_TRUE;
    if (skip || r->method == HTTP_POST) return decide_logout(r, &l, skip || !is_denied(r), e);
    return show_logout(r, challenge, &l, client);
}

/* ---- the code of a device ---- */

static enum end open_device(struct http_req *r, struct str challenge, struct flow *f)
{
    if (challenge.n == 0) return END_EMPTY;
    enum end end = end_of(device_flow_open(r->provider, &r->op, challenge, f));
    f->device = true; /* so that to start again is to come here again */
    return end == END_NOT && !is_own_browser(r, CSRF_DEVICE, f) ? END_FOREIGN : end;
}

/* RFC 8628 3.3.1: a code that came with the link is shown, for the user to compare, and still has to be sent. */
static bool show_device(struct http_req *r, struct str challenge, const char *problem, struct str user_code)
{
    struct params vars = page_vars(r, "device_title", "device_dev", "device_challenge", challenge);
    params_add(r->op.arena, &vars, STR("user_code"), user_code);
    params_add(r->op.arena, &vars, STR("longest"), arena_printf(r->op.arena, "%d", USER_CODE_MAX));
    if (problem != NULL) params_add(r->op.arena, &vars, STR("@problem"), str_of(problem));
    return page_reply(r, problem != NULL ? 400 : 200, page_device, &vars);
}

static bool take_device(struct http_req *r, struct str challenge, const struct flow *f, struct err *e)
{
    struct str url, user_code = str_trim(params_get(&r->form, STR("user_code")));
    if (user_code.n == 0) return show_device(r, challenge, "device_code_missing", STR(""));
    if (user_code.n > USER_CODE_MAX) return show_device(r, challenge, "device_code_wrong", STR(""));
    if (device_flow_accept(r->provider, &r->op, f, user_code, &url, e)) return page_go_on(r, url);
    return err_is(e, &err_INVALID_REQUEST) ? show_device(r, challenge, "device_code_wrong", user_code) : false;
}

bool dev_device(struct http_req *r, struct err *e)
{
    struct flow f = { 0 };
    struct str challenge = params_get(input(r), STR("device_challenge"));
    enum end end = open_device(r, challenge, &f);
    if (end != END_NOT) return reply_end(r, end, &f);
    if (r->method == HTTP_POST) return take_device(r, challenge, &f, e);
    return show_device(r, challenge, NULL, params_get(&r->query, STR("user_code")));
}
