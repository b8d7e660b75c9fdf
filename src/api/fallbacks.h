/* What stands at /oauth2/fallbacks/: pages for whatever urls.* leaves unset, and in development mode a login that takes any name.
 */
#ifndef API_FALLBACKS_H
#define API_FALLBACKS_H

#include "api/pages/page.h"
#include "config/config.h"

/* The development pages (dev_login.c): they decide a request like a login app does over the admin API. Called only when the
 * settings allow it. */
MUST_USE bool dev_login(struct http_req *r, struct err *e);
MUST_USE bool dev_consent(struct http_req *r, struct err *e);
MUST_USE bool dev_logout(struct http_req *r, struct err *e);
MUST_USE bool dev_device(struct http_req *r, struct err *e);

#endif
