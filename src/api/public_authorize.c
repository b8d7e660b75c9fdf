/* GET and POST /oauth2/auth: the browser's three visits. What they decide is in flow/visit.c; here are cookies and redirects. */
#include "api/api.h"
#include "api/browser.h"
#include "api/respond.h"
#include "flow/visit.h"

struct visit {
    struct params sent;
    struct authorize_request q;
    struct str login_verifier, consent_verifier;
};

/* ---- the first visit ---- */

static bool ask_login(struct http_req *r, struct visit *v, struct err *e)
{
    struct session_row *session;
    struct flow f;
    TRY(browser_session(r, &session, e));
    TRY(visit_begin(r->provider, &r->op, &v->q, session, &f, e));
    return browser_ask_login(r, &v->q, &v->sent, &f);
}

/* ---- back from an app ---- */

static enum csrf_step cookie_of(enum visit_step step) { return step == VISIT_LOGIN ? CSRF_LOGIN : CSRF_CONSENT; }

/* Ends a flow that the app refused, if it is this browser's: a stranger's is told why, and changes nothing. */
static bool close_refused(struct http_req *r, enum visit_step step, struct grant *g, const struct flow *f, struct err *e)
{
    struct err why = ERR_INIT(r->op.arena);
    bool own = browser_csrf_check(r, cookie_of(step), f, &why);
    return !own || g->state == GRANT_ENDED || flow_close(r->provider, &r->op, g, e);
}

static bool check(struct http_req *r, const struct visit *v, enum visit_step step, enum flow_found found, struct grant *g,
                  const struct flow *f, struct err *e)
{
    struct err why = ERR_INIT(r->op.arena);
    if (visit_check(&r->op, step, found, &v->q, f, &why)) return browser_csrf_check(r, cookie_of(step), f, e);
    if (why.name != NULL) TRY(close_refused(r, step, g, f, e));
    *e = why;
    return false;
}

static bool after_login(struct http_req *r, struct visit *v, struct err *e)
{
    enum flow_found found;
    struct grant *g;
    struct flow f = { 0 };
    TRY(flow_open_login_verifier(r->provider, &r->op, v->login_verifier, &found, &g, &f, e));
    TRY(check(r, v, VISIT_LOGIN, found, g, &f, e));
    return browser_logged_in(r, &v->q, g, &f, e);
}

static bool after_consent(struct http_req *r, struct visit *v, struct err *e)
{
    const struct provider *p = r->provider;
    enum flow_found found;
    struct grant *g;
    struct flow f = { 0 };
    struct params answer;
    TRY(flow_open_consent_verifier(p, &r->op, v->consent_verifier, &found, &g, &f, e));
    TRY(check(r, v, VISIT_CONSENT, found, g, &f, e));
    TRY(visit_consent(p, &r->op, &v->q, g, &f, &answer, e));
    browser_csrf_drop(r, CSRF_LOGIN, &f);
    browser_csrf_drop(r, CSRF_CONSENT, &f);
    return respond(r, &v->q, &answer);
}

static bool visit(struct http_req *r, struct visit *v, struct err *e)
{
    TRY(authorize_read(r->provider, &r->op, &v->sent, &v->q, e));
    if (v->login_verifier.n > 0) return after_login(r, v, e);
    if (v->consent_verifier.n > 0) return after_consent(r, v, e);
    return ask_login(r, v, e);
}

bool public_authorize(struct http_req *r, struct err *e)
{
    struct visit v = { .sent = browser_params(r) };
    v.login_verifier = str_trim(params_get(&v.sent, STR("login_verifier")));
    v.consent_verifier = str_trim(params_get(&v.sent, STR("consent_verifier")));
    /* Those who come back write; there is no point in beginning here. */
    if (v.login_verifier.n > 0 || v.consent_verifier.n > 0) OP_MUST_WAIT(&r->op, e);
    if (visit(r, &v, e)) return true;
    if (err_is(e, &err_MUST_WAIT) || !v.q.redirectable) return false;
    http_error_log(r, e);
    return respond_error(r, &v.q, e);
}
