/* What is decided on the browser's three visits to the authorization endpoint: plain, back from the login app with a
 * login_verifier, back from the consent app with a consent_verifier. Cookies are the caller's business: it looks at the flow's
 * CSRF value between the check and the step that changes something. */
#ifndef FLOW_VISIT_H
#define FLOW_VISIT_H

#include "flow/flow.h"
#include "oauth/authorize.h"

/* Begins a flow. `session`: the browser's remembered login, or NULL. Fails with LOGIN_REQUIRED when the user would have to be
 * asked and must not. Stores nothing. */
MUST_USE bool visit_begin(const struct provider *p, struct op *op, const struct authorize_request *q,
                          const struct session_row *session, struct flow *ret, struct err *e);

enum visit_step { VISIT_LOGIN, VISIT_CONSENT };
/* Is this verifier of use, and this request the one that the flow began with? When the app refused, fails with the app's own
 * error: only that one sets e->name. */
MUST_USE bool visit_check(struct op *op, enum visit_step step, enum flow_found found, const struct authorize_request *q,
                          const struct flow *f, struct err *e);

enum session_cookie { SESSION_COOKIE_LEAVE, SESSION_COOKIE_SET, SESSION_COOKIE_DROP };
struct login_visit {
    struct str consent_challenge;
    enum session_cookie cookie;
    usec_t cookie_life; /* SESSION_COOKIE_SET */
};
/* The user is logged in: stores the login session, decides whether the consent can be skipped, and goes on to the consent app.
 * `browser_session`: id of the session that the browser had, replaced by a login that is not to be remembered. */
MUST_USE bool visit_login(const struct provider *p, struct op *op, const struct authorize_request *q, struct grant *g,
                          struct flow *f, struct str browser_session, struct login_visit *ret, struct err *e);
/* What the consent app granted, complete: what the tokens to come will say of this request and this login. */
MUST_USE bool visit_granted(const struct provider *p, struct op *op, const struct authorize_request *q, const struct grant *g,
                            const struct flow *f, struct grant_session *ret, struct err *e);
/* The user has consented: what the client gets. */
MUST_USE bool visit_consent(const struct provider *p, struct op *op, const struct authorize_request *q, struct grant *g,
                            const struct flow *f, struct params *ret, struct err *e);

#endif
