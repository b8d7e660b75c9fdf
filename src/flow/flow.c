/* The moves of a flow: each is one compare-and-set on the grant row, so that the first decision is final however many come at
 * once. */
#include "flow/flow.h"

#include "base/b64.h"
#include "base/rand.h"
#include "base/span.h"
#include "flow/flow_int.h"
#include "oauth/pack.h"

enum { CSRF_BYTES = 16 };

static bool is_expired(const struct provider *p, const struct op *op, usec_t requested_at)
{
    return op->now - requested_at > p->config->ttl_login_consent_request;
}

/* The row outlives the request by an hour: who comes late is told so, and not that there never was one. */
static usec_t flow_end(const struct provider *p, usec_t requested_at)
{
    return requested_at + p->config->ttl_login_consent_request + 3600 * USEC_PER_SEC;
}

/* What is a column of the row is not repeated in its document. */
bool flow_of_grant(struct op *op, const struct grant *g, struct flow *ret, struct err *e)
{
    *ret = (struct flow) { .id = g->id,
                           .client_id = g->client_id,
                           .subject = g->subject,
                           .session_id = g->session_id,
                           .requested_at = g->requested_at };
    return flow_decode(op->arena, g->request, ret, e);
}

/* ---- the login app ---- */

bool flow_open_login(const struct provider *p, struct op *op, struct str challenge, enum flow_found *ret, struct flow *ret_flow,
                     const struct client **ret_client, struct err *e)
{
    *ret = FLOW_UNKNOWN;
    if (!flow_challenge_read(p, op->arena, challenge, ret_flow)) return true;
    TRY(client_get(p, op, ret_flow->client_id, ret_client, e));
    if (*ret_client == NULL) return true;
    struct grant *g;
    TRY(store_grant_get(p->store, op, ret_flow->id, &g, e));
    bool waiting = g != NULL && (g->state == GRANT_LOGGED_IN || g->state == GRANT_LOGIN_REJECTED);
    if (g != NULL && !waiting)
        *ret = FLOW_USED;
    else if (is_expired(p, op, ret_flow->requested_at))
        *ret = FLOW_EXPIRED;
    else
        *ret = waiting ? FLOW_DECIDED : FLOW_OPEN;
    return true;
}

static bool same_rejection(const struct rejection *a, const struct rejection *b)
{
    if (a == NULL || b == NULL) return a == b;
    return str_eq(a->error, b->error) && str_eq(a->description, b->description) && str_eq(a->hint, b->hint) &&
           a->status == b->status;
}

/* The same answer given again, a moment later. */
static bool same_login(struct op *op, const struct grant *stored, const struct flow *f, struct err *e)
{
    struct flow before;
    if (!flow_of_grant(op, stored, &before, e)) return false;
    struct flow again = *f;
    again.authenticated_at = before.authenticated_at;
    return str_eq(stored->subject, f->subject) && same_rejection(before.rejection, f->rejection) &&
           str_eq(flow_encode(op->arena, &before), flow_encode(op->arena, &again));
}

bool flow_decide_login(const struct provider *p, struct op *op, const struct flow *f, struct str *ret_verifier, struct err *e)
{
    struct grant g = { .id = f->id,
                       .state = f->rejection != NULL ? GRANT_LOGIN_REJECTED : GRANT_LOGGED_IN,
                       .client_id = f->client_id,
                       .subject = f->subject,
                       .session_id = f->session_id,
                       .request = flow_encode(op->arena, f),
                       .session = STR(""),
                       .requested_at = f->requested_at,
                       .handled_at = op->now,
                       .expires_at = flow_end(p, f->requested_at) };
    enum store_put put;
    TRY(store_grant_insert(p->store, op, &g, &put, e));
    if (put == STORE_EXISTS) {
        struct grant *stored;
        TRY(store_grant_get(p->store, op, f->id, &stored, e));
        bool same = stored != NULL && stored->state == g.state && same_login(op, stored, f, e);
        ENSURE(same, e, CONFLICT, "The login request was already decided; the first decision is final.");
    }
    *ret_verifier = flow_id_seal(p, op->arena, SEAL_LOGIN_VERIFIER, f->id);
    span_event(op, &(struct span_event) { .name = f->rejection != NULL ? EVENT_LOGIN_REJECTED : EVENT_LOGIN_ACCEPTED,
                                          .client_id = f->client_id,
                                          .subject = f->subject });
    return true;
}

/* ---- the browser comes back from the login app ---- */

static bool open_row(const struct provider *p, struct op *op, enum seal_purpose purpose, struct str text, struct grant **ret,
                     struct flow *ret_flow, struct err *e)
{
    struct str id;
    *ret = NULL;
    if (!flow_id_open(p, op->arena, purpose, text, &id)) return true;
    TRY(store_grant_get(p->store, op, id, ret, e));
    if (*ret != NULL && (*ret)->client_version == 0) *ret = NULL;
    return *ret == NULL || flow_of_grant(op, *ret, ret_flow, e);
}

bool flow_open_login_verifier(const struct provider *p, struct op *op, struct str verifier, enum flow_found *ret,
                              struct grant **ret_grant, struct flow *ret_flow, struct err *e)
{
    *ret = FLOW_UNKNOWN;
    TRY(open_row(p, op, SEAL_LOGIN_VERIFIER, verifier, ret_grant, ret_flow, e));
    if (*ret_grant == NULL) return true;
    enum grant_state state = (*ret_grant)->state;
    if (is_expired(p, op, (*ret_grant)->requested_at))
        *ret = FLOW_EXPIRED;
    else
        *ret = state <= GRANT_CONSENT_REJECTED ? FLOW_DECIDED : FLOW_USED;
    return true;
}

bool flow_ask_consent(const struct provider *p, struct op *op, struct grant *g, struct flow *f, const struct session_row *session,
                      struct str drop_session, struct str *ret_challenge, struct err *e)
{
    *ret_challenge = flow_id_seal(p, op->arena, SEAL_CONSENT_CHALLENGE, g->id);
    if (g->state != GRANT_LOGGED_IN) return true;
    f->consent_csrf = rand_hex(op->arena, CSRF_BYTES);
    struct grant to = *g;
    to.state = GRANT_CONSENT_ASKED;
    to.request = flow_encode(op->arena, f);
    enum store_put put;
    TRY(store_grant_move(p->store, op,
                         &(struct grant_move) { .from = GRANT_LOGGED_IN,
                                                .from_generation = g->generation,
                                                .to = &to,
                                                .session = session,
                                                .drop_session = drop_session },
                         &put, e));
    if (put == STORE_DONE) return *g = to, true;

    /* Two visits at once: whichever came first asked, the other one follows it. */
    struct grant *now;
    TRY(store_grant_get(p->store, op, g->id, &now, e));
    ENSURE(now != NULL && now->state <= GRANT_CONSENT_REJECTED, e, ACCESS_DENIED, "The login verifier has already been used.");
    *g = *now;
    return flow_of_grant(op, now, f, e);
}

/* ---- the consent app ---- */

static enum flow_found consent_found(const struct provider *p, const struct op *op, const struct grant *g)
{
    switch (g->state) {
    case GRANT_CONSENT_ASKED: return is_expired(p, op, g->requested_at) ? FLOW_EXPIRED : FLOW_OPEN;
    case GRANT_CONSENT_ACCEPTED:
    case GRANT_CONSENT_REJECTED: return is_expired(p, op, g->requested_at) ? FLOW_EXPIRED : FLOW_DECIDED;
    case GRANT_CONSENTED:
    case GRANT_ACTIVE:
    case GRANT_ENDED: return FLOW_USED;
    default: return FLOW_UNKNOWN;
    }
}

bool flow_open_consent(const struct provider *p, struct op *op, struct str challenge, enum flow_found *ret,
                       struct grant **ret_grant, struct flow *ret_flow, const struct client **ret_client, struct err *e)
{
    *ret = FLOW_UNKNOWN;
    TRY(open_row(p, op, SEAL_CONSENT_CHALLENGE, challenge, ret_grant, ret_flow, e));
    if (*ret_grant == NULL) return true;
    TRY(client_get_version(p, op, (*ret_grant)->client_id, (*ret_grant)->client_version, ret_client, e));
    if (*ret_client == NULL) return true;
    *ret = consent_found(p, op, *ret_grant);
    return true;
}

bool flow_decide_consent(const struct provider *p, struct op *op, const struct grant *g, const struct flow *f, bool remember,
                         const struct grant_session *granted, struct str *ret_verifier, struct err *e)
{
    struct grant to = *g;
    to.state = granted != NULL ? GRANT_CONSENT_ACCEPTED : GRANT_CONSENT_REJECTED;
    to.request = flow_encode(op->arena, f);
    to.session = granted != NULL ? grant_session_write(p, op, g->id, granted) : STR("");
    to.remember = remember;
    to.skipped = f->consent_skip;
    to.handled_at = op->now;
    enum store_put put;
    TRY(store_grant_move(p->store, op,
                         &(struct grant_move) { .from = GRANT_CONSENT_ASKED, .from_generation = g->generation, .to = &to }, &put,
                         e));
    if (put != STORE_DONE) {
        /* Sealing is deterministic, so the same answer given again has the same texts. */
        struct grant *now;
        TRY(store_grant_get(p->store, op, g->id, &now, e));
        bool same = now != NULL && now->state == to.state && now->remember == remember && str_eq(now->request, to.request) &&
                    str_eq(now->session, to.session);
        ENSURE(same, e, CONFLICT, "The consent request was already used and can no longer be changed.");
    }
    *ret_verifier = flow_id_seal(p, op->arena, SEAL_CONSENT_VERIFIER, g->id);
    span_event(op, &(struct span_event) { .name = granted != NULL ? EVENT_CONSENT_ACCEPTED : EVENT_CONSENT_REJECTED,
                                          .client_id = g->client_id,
                                          .subject = g->subject });
    return true;
}

/* ---- the browser comes back from the consent app ---- */

bool flow_open_consent_verifier(const struct provider *p, struct op *op, struct str verifier, enum flow_found *ret,
                                struct grant **ret_grant, struct flow *ret_flow, struct err *e)
{
    *ret = FLOW_UNKNOWN;
    TRY(open_row(p, op, SEAL_CONSENT_VERIFIER, verifier, ret_grant, ret_flow, e));
    if (*ret_grant != NULL) *ret = consent_found(p, op, *ret_grant);
    if (*ret == FLOW_OPEN) *ret = FLOW_UNKNOWN; /* no verifier was given out yet */
    return true;
}

/* Until when the consent is listed and, when remembered, lets later requests skip. It counts from the request, not from the
 * answer. */
static usec_t consent_until(const struct grant *g, const struct flow *f)
{
    if (f->consent_remember_for <= 0 || f->consent_remember_for >= USEC_NEVER / USEC_PER_SEC / 2) return USEC_NEVER;
    return g->requested_at + f->consent_remember_for * USEC_PER_SEC;
}

/* Front-Channel Logout 1.0 3, Back-Channel Logout 1.0 2.3: the server has to remember whom it signed in, also when their tokens
 * have long expired. Otherwise: 0. */
static bool logout_until(const struct provider *p, struct op *op, const struct grant *g, usec_t *ret, struct err *e)
{
    const struct client *c;
    *ret = 0;
    TRY(client_get_version(p, op, g->client_id, g->client_version, &c, e));
    if (c == NULL || !client_hears_logouts(c)) return true;
    return store_session_lacks(p->store, op, g->session_id, g->client_id, ret, e);
}

bool flow_finish(const struct provider *p, struct op *op, struct grant *g, enum grant_state to_state,
                 const struct grant_session *granted, usec_t expires_at, struct err *e)
{
    struct flow f;
    usec_t until;
    TRY(flow_of_grant(op, g, &f, e));
    TRY(logout_until(p, op, g, &until, e));
    struct grant to = *g;
    to.state = to_state;
    to.session = grant_session_write(p, op, g->id, granted);
    to.rotated_at = op->now;
    to.consent_until = consent_until(g, &f);
    to.expires_at = grant_expiry(&to, expires_at > until ? expires_at : until);
    enum store_put put;
    TRY(store_grant_move(p->store, op,
                         &(struct grant_move) { .from = GRANT_CONSENT_ACCEPTED, .from_generation = g->generation, .to = &to },
                         &put, e));
    ENSURE(put == STORE_DONE, e, ACCESS_DENIED, "The consent verifier has already been used.");
    *g = to;
    return true;
}

bool flow_close(const struct provider *p, struct op *op, struct grant *g, struct err *e)
{
    struct grant to = *g;
    to.state = GRANT_ENDED;
    enum store_put put;
    return store_grant_move(p->store, op, &(struct grant_move) { .from = g->state, .from_generation = g->generation, .to = &to },
                            &put, e);
}

/* ---- where the browser is sent ---- */

struct str flow_request_url(const struct provider *p, struct arena *a, const struct flow *f)
{
    struct str own = p->config->webfinger_oidc_discovery_auth_url;
    struct str base = f->device   ? config_url_join(a, p->public_url, "oauth2/device/verify")
                      : own.n > 0 ? own
                                  : config_url_join(a, p->public_url, "oauth2/auth");
    return f->request.n > 0 ? ARENA_CAT(a, base, STR("?"), f->request) : base;
}

struct str flow_redirect_to(const struct provider *p, struct arena *a, const struct flow *f, struct str name, struct str value)
{
    struct params one = { 0 };
    params_add(a, &one, name, value);
    return url_with_params(a, flow_request_url(p, a, f), &one);
}
