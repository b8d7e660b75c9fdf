/* The authorization request (RFC 6749 4.1.1 and 4.2.1, OpenID Connect Core 3.1.2.1): read into typed members, every check that
 * needs no user made at once, and where its errors go. */
#ifndef OAUTH_AUTHORIZE_H
#define OAUTH_AUTHORIZE_H

#include "base/url.h"
#include "oauth/claims_request.h"
#include "oauth/client.h"

enum response_mode { MODE_QUERY, MODE_FRAGMENT, MODE_FORM_POST };
enum response_type { RESPONSE_CODE = 1, RESPONSE_TOKEN = 2, RESPONSE_ID_TOKEN = 4 };
enum prompt { PROMPT_NONE = 1, PROMPT_LOGIN = 2, PROMPT_CONSENT = 4, PROMPT_SELECT_ACCOUNT = 8, PROMPT_REGISTRATION = 16 };

/* Members are filled in the order of the checks: after a failure those before the failing one are there. */
struct authorize_request {
    const struct params *params; /* as sent: query, then what a POST body adds; with a request object merged in */
    struct str state;
    const struct client *client;
    struct str redirect_uri; /* where answers go */
    bool redirect_given;     /* the request named it, so the token request must repeat it */
    bool device;             /* it is a device's: there is nothing to redirect to */
    bool redirectable;       /* client and redirect_uri hold: errors may go there, in `mode` */
    enum response_mode mode;
    unsigned response_type; /* enum response_type */
    struct strs scopes, audience;
    struct str nonce, code_challenge; /* the challenge is always S256 */
    unsigned prompt;                  /* enum prompt */
    int64_t max_age;                  /* seconds; -1: not limited */
    struct str id_token_hint, display, login_hint;
    struct strs acr_values, ui_locales;
    struct claims_request claims;
};

/* The members of the discovery document that say what may be asked. */
void authorize_write_supported(struct jw *w);

/* On failure `ret->redirectable` says whether the error goes to the client or to the error page. */
MUST_USE bool authorize_read(const struct provider *p, struct op *op, const struct params *params, struct authorize_request *ret,
                             struct err *e);

/* The same for what a device asked for (RFC 8628 3.1), as the browser carries it: client_id, scope, audience, and what may be
 * said about the login. */
MUST_USE bool authorize_read_device(const struct provider *p, struct op *op, const struct params *params,
                                    struct authorize_request *ret, struct err *e);

/* Exact match with a registered URI; for loopback IP literals over http the port is free (RFC 8252 7.3). Empty `uri`: the only
 * registered one. STR_NONE when none matches. */
struct str redirect_uri_match(struct arena *a, struct strs registered, struct str uri);
/* https, or plain http that stays on this machine, or a scheme of the app's own (RFC 8252 7.1). */
bool redirect_uri_is_secure(struct arena *a, struct str uri);
/* https, or http that stays on this machine: whoever gets the answer is the one who was registered. Any app can claim a scheme
 * of its own. */
bool redirect_uri_shows_client(struct arena *a, struct str uri);

#endif
