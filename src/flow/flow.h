/* One authorization from its request to the verdict, as one state machine over the grant row (store.h, enum grant_state):
 *
 *   request ──seal──▶ login challenge ──accept──▶ LOGGED_IN ──browser──▶ CONSENT_ASKED ──accept──▶ CONSENT_ACCEPTED ──browser──▶
 * CONSENTED
 *
 * Nothing is stored before the login app has decided. The row's id is in the challenge, so the first decision is final. All
 * later strings (verifiers, consent challenges) seal just that id and are at most 64 characters. Knows neither HTTP nor SQL. */
#ifndef FLOW_FLOW_H
#define FLOW_FLOW_H

#include "oauth/client.h"
#include "oauth/grant_session.h"

/* What a login or consent app said when it refused. */
struct rejection {
    struct str error, description, hint, debug;
    int64_t status; /* 0: 400 */
};

/* Longest request that a flow keeps, form-encoded: the URL that brings the browser back holds it whole, and the login challenge
 * is at most half as long again; both have to pass through the listeners. */
enum { FLOW_REQUEST_MAX = 8 * 1024 };

/* An authorization request on its way, and after the login app's decision what it said. Sealed into the login challenge, later
 * stored as JSON in the grant row (`request`). */
struct flow {
    struct str id; /* 32 hex digits; the grant's id; `consent_request_id` */
    struct str client_id;
    struct str request; /* parameters of the authorization request, form-encoded: the query, with a POST body folded in */
    bool device;        /* came from the device verification page; then `device_id` is the waiting device (store.h) */
    struct str device_id;
    usec_t requested_at;
    struct str session_id;   /* login session: new, or the remembered one */
    bool skip;               /* a remembered session identifies the user: */
    struct str subject;      /*   this one (before acceptance only with skip) */
    usec_t authenticated_at; /* with skip: of the session; else when the login app accepted */
    struct str login_csrf;   /* hex; what the browser's cookie must hold */

    /* the login app's answer */
    bool remember, extend_session;
    int64_t remember_for; /* seconds; 0: ttl.authentication_session */
    struct str acr;
    struct strs amr;
    struct str context; /* any JSON, as json_text writes it; empty: none */
    struct str forced_subject, idp_session_id;
    struct rejection *rejection; /* NULL: accepted */

    /* once the consent app was asked */
    bool consent_skip;
    struct str consent_csrf;

    /* the consent app's answer; what it granted is in the row's `session` (oauth/grant_session.h), whether it is to be
     * remembered in its columns */
    int64_t consent_remember_for; /* seconds; 0: for ever */
    struct str consent_context;   /* empty: the login's */
    struct rejection *consent_rejection;
};

/* flow_doc.c: the JSON in the row. Reading fails with SERVER_ERROR on a damaged row. */
struct str flow_encode(struct arena *a, const struct flow *f);
MUST_USE bool flow_decode(struct arena *a, struct str json, struct flow *ret, struct err *e);
/* The same with what the row's columns say. */
MUST_USE bool flow_of_grant(struct op *op, const struct grant *g, struct flow *ret, struct err *e);

/* flow_challenge.c: under 500 characters for a typical request (the request is compressed with a dictionary). */
struct str flow_login_challenge(const struct provider *p, struct arena *a, const struct flow *f);
/* What the consent app was given for a grant. */
struct str flow_consent_challenge(const struct provider *p, struct arena *a, struct str grant_id);

enum flow_found {
    FLOW_OPEN,    /* can be decided */
    FLOW_DECIDED, /* decided, the browser has not come back: the same decision may be repeated */
    FLOW_USED,    /* the browser came back: 410 */
    FLOW_EXPIRED, /* older than ttl.login_consent_request: 401 */
    FLOW_UNKNOWN  /* not sealed by us as this kind, changed, or its client is gone: 404 */
};
/* Opens a challenge and looks whether it was decided. *ret_client is the client as it is now. */
MUST_USE bool flow_open_login(const struct provider *p, struct op *op, struct str challenge, enum flow_found *ret,
                              struct flow *ret_flow, const struct client **ret_client, struct err *e);
MUST_USE bool flow_open_consent(const struct provider *p, struct op *op, struct str challenge, enum flow_found *ret,
                                struct grant **ret_grant, struct flow *ret_flow, const struct client **ret_client, struct err *e);

/* Stores the decision in `f` (which flow_open_login filled and the caller completed): *ret is the verifier. False with CONFLICT
 * when another decision was stored before; repeating the same one gives the same verifier. */
MUST_USE bool flow_decide_login(const struct provider *p, struct op *op, const struct flow *f, struct str *ret_verifier,
                                struct err *e);
/* `f` holds the consent app's answer; `granted` is NULL when it refused. */
MUST_USE bool flow_decide_consent(const struct provider *p, struct op *op, const struct grant *g, const struct flow *f,
                                  bool remember, const struct grant_session *granted, struct str *ret_verifier, struct err *e);

/* The authorization request's URL, as `request_url` and base of redirect_to: auth_url override or public URL + /oauth2/auth (the
 * device page for device flows). */
struct str flow_request_url(const struct provider *p, struct arena *a, const struct flow *f);
/* request URL + one parameter, query sorted. */
struct str flow_redirect_to(const struct provider *p, struct arena *a, const struct flow *f, struct str name, struct str value);

/* ---- the browser comes back ---- */

/* Finds the grant of a verifier: FLOW_UNKNOWN without them; FLOW_EXPIRED, FLOW_DECIDED or FLOW_USED with grant and flow. A login
 * verifier stays good until the flow ends, because a browser may come back twice. */
MUST_USE bool flow_open_login_verifier(const struct provider *p, struct op *op, struct str verifier, enum flow_found *ret,
                                       struct grant **ret_grant, struct flow *ret_flow, struct err *e);
MUST_USE bool flow_open_consent_verifier(const struct provider *p, struct op *op, struct str verifier, enum flow_found *ret,
                                         struct grant **ret_grant, struct flow *ret_flow, struct err *e);
/* LOGGED_IN → CONSENT_ASKED, storing or dropping the login session in the same transaction; *ret_challenge for the consent app.
 * Called after every check, CSRF included. Coming again with the same verifier gives the same challenge. */
MUST_USE bool flow_ask_consent(const struct provider *p, struct op *op, struct grant *g, struct flow *f,
                               const struct session_row *session, struct str drop_session, struct str *ret_challenge,
                               struct err *e);
/* CONSENT_ACCEPTED → CONSENTED (a code is due) or ACTIVE (front-channel tokens only), storing the now complete
 * session. False with ACCESS_DENIED when it was used. */
MUST_USE bool flow_finish(const struct provider *p, struct op *op, struct grant *g, enum grant_state to,
                          const struct grant_session *granted, usec_t expires_at, struct err *e);
/* Ends a rejected flow. */
MUST_USE bool flow_close(const struct provider *p, struct op *op, struct grant *g, struct err *e);

#endif
