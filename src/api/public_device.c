/* The device flow on the public listener: the device's own request, and the browser's visits to the verification page. What they
 * decide is in oauth/device.c and flow/device.c; here are cookies and redirects. Errors are JSON: no client waits for the
 * browser. */
#include "api/api.h"
#include "api/browser.h"
#include "flow/device.h"
#include "oauth/device.h"

bool public_device_auth(struct http_req *r, struct err *e)
{
    struct client_credentials credentials;
    struct str json;
    TRY(api_credentials(r, &credentials, e));
    if (!device_request(r->provider, &r->op, &credentials, &json, e)) return api_challenge(r, e);
    return http_reply_oauth(r, 200, json);
}

/* ---- the browser ---- */

static bool ask_code(struct http_req *r, struct err *e)
{
    struct flow f;
    struct params add = { 0 };
    struct str user_code = params_get(&r->query, STR("user_code"));
    TRY(device_flow_begin(r->provider, &r->op, &r->query, &f, e));
    browser_csrf_set(r, CSRF_DEVICE, &f);
    params_add(r->op.arena, &add, STR("device_challenge"), device_flow_challenge(r->provider, r->op.arena, &f));
    if (user_code.n > 0) params_add(r->op.arena, &add, STR("user_code"), user_code);
    return browser_redirect(r, r->provider->config->url.device_verification, &add);
}

static bool ask_login(struct http_req *r, struct str verifier, struct err *e)
{
    const struct provider *p = r->provider;
    struct flow begun, f;
    struct params asked;
    struct authorize_request q;
    struct session_row *session;
    TRY(device_flow_verify(p, &r->op, verifier, &begun, e));
    TRY(browser_csrf_check(r, CSRF_DEVICE, &begun, e));
    TRY(device_flow_request(p, &r->op, &begun, &r->query, &asked, e));
    TRY(authorize_read_device(p, &r->op, &asked, &q, e));
    TRY(browser_session(r, &session, e));
    TRY(visit_begin(p, &r->op, &q, session, &f, e));
    f.device = true;
    f.device_id = begun.device_id;

    browser_csrf_drop(r, CSRF_DEVICE, &begun);
    return browser_ask_login(r, &q, &asked, &f);
}

static enum csrf_step cookie_of(enum visit_step step) { return step == VISIT_LOGIN ? CSRF_LOGIN : CSRF_CONSENT; }

/* The app refused: the device learns it, if it is this browser's flow. */
static bool refuse(struct http_req *r, enum visit_step step, struct grant *g, const struct flow *f, struct err *e)
{
    struct err why = ERR_INIT(r->op.arena);
    if (!browser_csrf_check(r, cookie_of(step), f, &why) || g->state == GRANT_ENDED) return true;
    TRY(device_flow_refuse(r->provider, &r->op, f, e));
    return flow_close(r->provider, &r->op, g, e);
}

static bool check(struct http_req *r, enum visit_step step, enum flow_found found, const struct authorize_request *q,
                  struct grant *g, const struct flow *f, struct err *e)
{
    struct err why = ERR_INIT(r->op.arena);
    if (visit_check(&r->op, step, found, q, f, &why)) return browser_csrf_check(r, cookie_of(step), f, e);
    if (why.name != NULL) {
        TRY(refuse(r, step, g, f, e));
        if (why.status == 0) why.status = 400;
    }
    *e = why;
    return false;
}

static bool after_login(struct http_req *r, struct str verifier, struct err *e)
{
    enum flow_found found;
    struct grant *g;
    struct flow f = { 0 };
    struct authorize_request q;
    TRY(authorize_read_device(r->provider, &r->op, &r->query, &q, e));
    TRY(flow_open_login_verifier(r->provider, &r->op, verifier, &found, &g, &f, e));
    TRY(check(r, VISIT_LOGIN, found, &q, g, &f, e));
    return browser_logged_in(r, &q, g, &f, e);
}

static bool after_consent(struct http_req *r, struct str verifier, struct err *e)
{
    const struct provider *p = r->provider;
    enum flow_found found;
    struct grant *g;
    struct flow f = { 0 };
    struct authorize_request q;
    struct params add = { 0 };
    TRY(authorize_read_device(p, &r->op, &r->query, &q, e));
    TRY(flow_open_consent_verifier(p, &r->op, verifier, &found, &g, &f, e));
    TRY(check(r, VISIT_CONSENT, found, &q, g, &f, e));
    TRY(device_flow_finish(p, &r->op, &q, g, &f, e));
    browser_csrf_drop(r, CSRF_LOGIN, &f);
    browser_csrf_drop(r, CSRF_CONSENT, &f);
    params_add(r->op.arena, &add, STR("client_id"), q.client->id);
    return browser_redirect(r, p->config->url.device_success, &add);
}

bool public_device_verify(struct http_req *r, struct err *e)
{
    struct str device = str_trim(params_get(&r->query, STR("device_verifier")));
    struct str login = str_trim(params_get(&r->query, STR("login_verifier")));
    struct str consent = str_trim(params_get(&r->query, STR("consent_verifier")));
    if (login.n == 0 && consent.n == 0) return device.n > 0 ? ask_login(r, device, e) : ask_code(r, e);
    OP_MUST_WAIT(&r->op, e); /* those who come back write; there is no point in beginning here */
    return login.n > 0 ? after_login(r, login, e) : after_consent(r, consent, e);
}
