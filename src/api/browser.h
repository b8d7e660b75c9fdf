/* What a browser carries between its visits, and where it is sent: the cookie of the login session, the cookies that bind a flow
 * to the browser that began it, redirects to the login and consent apps and to the error page. */
#ifndef API_BROWSER_H
#define API_BROWSER_H

#include "flow/visit.h"
#include "http/http.h"

/* ---- the login session ---- */

/* Its id as the browser has it, whether or not there still is such a session; empty: none. */
struct str browser_session_id(const struct http_req *r);
/* The remembered login of this browser; NULL: none, ended or not remembered. */
MUST_USE bool browser_session(struct http_req *r, struct session_row **ret, struct err *e);
void browser_session_keep(struct http_req *r, struct str id, usec_t life);
/* Sends a cookie that deletes the browser's; those of earlier versions only if it has them. */
void browser_session_drop(struct http_req *r);

/* ---- one cookie per flow and step, so that flows in several windows do not disturb each other ---- */

enum csrf_step { CSRF_LOGIN, CSRF_CONSENT, CSRF_DEVICE };
void browser_csrf_set(struct http_req *r, enum csrf_step step, const struct flow *f);
/* RFC 6749 10.12: the flow goes on only in the browser that has the value. Fails with REQUEST_FORBIDDEN. */
MUST_USE bool browser_csrf_check(const struct http_req *r, enum csrf_step step, const struct flow *f, struct err *e);
void browser_csrf_drop(struct http_req *r, enum csrf_step step, const struct flow *f);

/* ---- to the login app and back ---- */

/* To the login app, or the one for registration. `sent`: what came with the request. Returns true. */
bool browser_ask_login(struct http_req *r, const struct authorize_request *q, const struct params *sent, const struct flow *f);
/* What it decided takes effect, in the browser too, which goes on to the consent app. */
MUST_USE bool browser_logged_in(struct http_req *r, const struct authorize_request *q, struct grant *g, struct flow *f,
                                struct err *e);

/* ---- parameters ---- */

/* OpenID Connect Core 3.1.2.1, RP-Initiated Logout 1.0, 2: GET and POST. A name that the body has counts there only. */
struct params browser_params(struct http_req *r);

/* ---- redirects ---- */

/* 302 to one of our pages or apps: `url` keeps its own query, and gets these. Returns true. */
bool browser_redirect(struct http_req *r, struct str url, const struct params *add);
/* http_app.browser_error: what went wrong, on urls.error. */
bool browser_error(struct http_req *r, const struct err *e);

#endif
