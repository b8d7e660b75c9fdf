/* Logging out: who asked (the user, or a client with an ID token of ours), what the logout app decided, and what ends when the
 * browser comes back (OpenID Connect RP-Initiated, Front-Channel and Back-Channel Logout 1.0).
 *
 *   request ──seal──▶ challenge ──accept──▶ verifier ──browser──▶ session ended, clients told
 *
 * Nothing is stored but a mark of the decision, under the id that challenge and verifier share. Tokens and consents outlive
 * it. */
#ifndef FLOW_LOGOUT_H
#define FLOW_LOGOUT_H

#include "base/url.h"
#include "oauth/client.h"

struct logout {
    struct str id; /* 32 hex digits */
    usec_t requested_at;
    struct str subject, session_id;
    struct str client_id;   /* the client that asked; empty: the user did */
    struct str request_url; /* path and query; only in challenges */
    struct str target;      /* where the browser goes when all is done */
};
static inline bool logout_by_client(const struct logout *l) { return l->client_id.n > 0; }

/* ---- the request ---- */

/* `session` is the browser's, or NULL. *ret_ask false: nobody is logged in, the browser goes to ret->target at once. Fails with
 * INVALID_REQUEST. */
MUST_USE bool logout_begin(const struct provider *p, struct op *op, const struct params *asked, const struct session_row *session,
                           struct logout *ret, bool *ret_ask, struct err *e);
/* Of a request that is to be asked about; `request_url` must be set and have at most LOGOUT_URL_MAX bytes. */
enum { LOGOUT_URL_MAX = 4096 };
struct str logout_challenge(const struct provider *p, struct arena *a, const struct logout *l);
usec_t logout_expiry(const struct provider *p, const struct logout *l);

/* ---- the decision ---- */

enum logout_found {
    LOGOUT_OPEN,     /* can be decided */
    LOGOUT_ACCEPTED, /* the browser has not come back */
    LOGOUT_REJECTED,
    LOGOUT_COMPLETED, /* the browser came back: 410 */
    LOGOUT_EXPIRED,   /* older than ttl.login_consent_request: 401 */
    LOGOUT_UNKNOWN    /* not sealed by us as this kind, changed, or its client is gone: 404 */
};
MUST_USE bool logout_open_challenge(const struct provider *p, struct op *op, struct str challenge, enum logout_found *ret,
                                    struct logout *ret_logout, const struct client **ret_client /* NULL: the user asked */,
                                    struct err *e);
/* The first decision is final; the same one may be repeated. Fails with CONFLICT. */
MUST_USE bool logout_decide(const struct provider *p, struct op *op, const struct logout *l, bool accept, struct err *e);
struct str logout_verifier(const struct provider *p, struct arena *a, const struct logout *l);

/* ---- the end ---- */

MUST_USE bool logout_open_verifier(const struct provider *p, struct op *op, struct str verifier, enum logout_found *ret,
                                   struct logout *ret_logout, struct err *e);

struct ended_session {
    bool ended;        /* false: there was none any more, and nobody is told */
    struct strs front; /* what the browser has to load, one URL per client */
};
/* Ends a login session and queues what its clients hear of it over the back channel, and the end of the session that the user has
 * at the identity provider. */
MUST_USE bool session_end(const struct provider *p, struct op *op, struct str id, struct ended_session *ret, struct err *e);
/* The same for an accepted logout, which is completed by it. */
MUST_USE bool logout_complete(const struct provider *p, struct op *op, const struct logout *l, struct ended_session *ret,
                              struct err *e);

#endif
