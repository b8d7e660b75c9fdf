/* The browser's visits: what each may do, in the order of its checks. Whatever is stored comes last. */
#include "flow/visit.h"

#include "base/rand.h"
#include "flow/flow_int.h"
#include "oauth/code.h"
#include "oauth/front_channel.h"
#include "oauth/id_token_hint.h"
#include "oauth/lifespan.h"
#include "oauth/scope.h"
#include "oauth/subject.h"

#define SESSION_LIFE_MAX (INT64_C(100) * 365 * 24 * 3600) /* seconds; what is longer would overflow times */

/* ---- the request, as it is kept ---- */

/* The parameters without what login and consent app add. */
static struct params own_params(struct arena *a, const struct params *sent)
{
    struct params own = { 0 };
    for (size_t i = 0; i < sent->n; i++) params_add(a, &own, sent->v[i].name, sent->v[i].value);
    params_remove(&own, STR("login_verifier"));
    params_remove(&own, STR("consent_verifier"));
    return own;
}

static bool is_same_request(struct arena *a, const struct params *sent, struct str kept)
{
    struct params now = own_params(a, sent), before;
    return params_parse(a, kept, SIZE_MAX, &before) && str_eq(params_encode(a, &now, true), params_encode(a, &before, true));
}

/* ---- the first visit ---- */

/* OpenID Connect Core 3.1.2.1: "If the elapsed time is greater than this value, the OP MUST attempt to actively re-authenticate
 * the End-User"; 0 is the same as prompt=login. It counts from auth_time, which is what the client will look at: whole seconds.
 */
static bool is_too_old(const struct op *op, const struct authorize_request *q, const struct session_row *s)
{
    const usec_t elapsed = op->now - usec_to_sec(s->authenticated_at) * USEC_PER_SEC;
    return q->max_age == 0 || (q->max_age > 0 && usec_to_sec(elapsed - 1) >= q->max_age);
}

/* OpenID Connect Core 3.1.2.1, id_token_hint: anybody else who is logged in, or logs in, is an error. `claims` NULL: no hint. */
static bool check_hint(const struct provider *p, struct op *op, const struct authorize_request *q, const json_t *claims,
                       struct str subject, struct err *e)
{
    bool about;
    if (claims == NULL) return true;
    TRY(id_token_hint_about(p, op, claims, q->client, subject, &about, e));
    ENSURE(about, e, LOGIN_REQUIRED,
           "The id_token_hint is about another user than the one who is logged in; leave it out, or log in as that user "
           "(prompt=login).");
    return true;
}

static bool read_hint(const struct provider *p, struct op *op, const struct authorize_request *q, json_t **ret, struct err *e)
{
    *ret = NULL;
    return q->id_token_hint.n == 0 || id_token_hint_read(p, op, q->id_token_hint, ret, e);
}

/* OpenID Connect Core 3.1.2.2: "If the sub (subject) Claim is requested with a specific value [...] the Authorization Server MUST
 * only send a positive response if the End-User identified by that sub value has an active session". */
static bool check_claimed_subject(const struct provider *p, struct op *op, const struct authorize_request *q, struct str subject,
                                  struct err *e)
{
    for (size_t i = 0; i < q->claims.subs.n; i++) {
        bool about;
        json_t *claims;
        TRY(json_read(op->arena, STR("{}"), &claims, NULL, e));
        json_object_set_new(claims, "sub", json_of_str(q->claims.subs.v[i]));
        TRY(id_token_hint_about(p, op, claims, q->client, subject, &about, e));
        ENSURE(about, e, LOGIN_REQUIRED, "The parameter 'claims' asks for another user than the one who is logged in.");
    }
    return true;
}

/* OpenID Connect Core 5.5.1.1: "If the acr Claim is requested as an Essential Claim for the ID Token with [...] values [...] that
 * outcome MUST be treated as a failed authentication attempt" when none of them is reached. */
static bool check_claimed_acr(const struct authorize_request *q, const struct flow *f, struct err *e)
{
    ENSURE(q->claims.acrs.n == 0 || strs_has(q->claims.acrs, f->acr), e, UNMET_AUTHENTICATION,
           "The login did not reach any 'acr' that the parameter 'claims' demands.");
    return true;
}

bool visit_begin(const struct provider *p, struct op *op, const struct authorize_request *q, const struct session_row *session,
                 struct flow *ret, struct err *e)
{
    json_t *hint;
    bool ask = (q->prompt & (PROMPT_LOGIN | PROMPT_SELECT_ACCOUNT)) != 0 || session == NULL || is_too_old(op, q, session);
    bool none = (q->prompt & PROMPT_NONE) != 0;
    /* Before the hint is read: an application that holds an old one learns what it can act on. */
    ENSURE(!none || !ask, e, LOGIN_REQUIRED, "Prompt 'none' was requested, but no existing login session was found.");
    /* OpenID Connect Core 3.1.2.1: "If this parameter contains none with any other value, an error is returned." */
    ENSURE(!none || q->prompt == PROMPT_NONE, e, INVALID_REQUEST, "The prompt 'none' cannot be combined with another one.");
    TRY(read_hint(p, op, q, &hint, e));
    if (!ask) TRY(check_hint(p, op, q, hint, session->subject, e));
    if (!ask) TRY(check_claimed_subject(p, op, q, session->subject, e));

    struct params own = own_params(op->arena, q->params);
    struct str request = params_encode(op->arena, &own, false);
    ENSUREF(request.n <= FLOW_REQUEST_MAX, e, INVALID_REQUEST, "The request is longer than %d bytes.", FLOW_REQUEST_MAX);
    *ret = (struct flow) { .id = rand_hex(op->arena, FLOW_ID_BYTES),
                           .client_id = q->client->id,
                           .request = request,
                           .requested_at = op->now,
                           .session_id = ask ? rand_uuid(op->arena) : session->id,
                           .skip = !ask,
                           .subject = ask ? STR("") : session->subject,
                           .authenticated_at = ask ? 0 : session->authenticated_at,
                           .login_csrf = rand_hex(op->arena, FLOW_ID_BYTES) };
    return true;
}

/* ---- later visits ---- */

static const struct rejection *rejection_of(enum visit_step step, const struct flow *f)
{
    return step == VISIT_LOGIN ? f->rejection : f->consent_rejection;
}

/* The app's own words. */
static bool refuse(struct op *op, enum visit_step step, const struct rejection *r, struct err *e)
{
    struct arena *a = op->arena;
    bool given = r->error.n > 0;
    err_set(e, &err_ACCESS_DENIED, r->hint.n > 0 ? arena_dupz(a, r->hint) : NULL, __FILE__, __LINE__);
    e->name = given ? arena_dupz(a, r->error) : step == VISIT_LOGIN ? "login request denied" : "consent request denied";
    e->description = arena_dupz(a, r->description);
    e->debug = r->debug.n > 0 ? arena_dupz(a, r->debug) : NULL;
    e->status = (int)r->status;
    return false;
}

static bool check_use(enum visit_step step, bool good, struct err *e)
{
    ENSURE(good || step != VISIT_LOGIN, e, ACCESS_DENIED,
           "The login verifier has already been used, has not been granted, or is invalid.");
    ENSURE(good, e, ACCESS_DENIED, "The consent verifier has already been used, has not been granted, or is invalid.");
    return true;
}

bool visit_check(struct op *op, enum visit_step step, enum flow_found found, const struct authorize_request *q,
                 const struct flow *f, struct err *e)
{
    TRY(check_use(step, found != FLOW_UNKNOWN, e));
    ENSURE(found != FLOW_EXPIRED || step != VISIT_LOGIN, e, REQUEST_UNAUTHORIZED,
           "The login request has expired, please try again.");
    ENSURE(found != FLOW_EXPIRED, e, REQUEST_UNAUTHORIZED, "The consent request has expired, please try again.");
    ENSURE(str_eq(f->client_id, q->client->id), e, INVALID_CLIENT, "The verifier was made for another client.");
    ENSURE(f->device == q->device && is_same_request(op->arena, q->params, f->request), e, INVALID_REQUEST,
           "The parameters are not those that this login began with; send the browser to the redirect_to as it was given out.");
    if (rejection_of(step, f) != NULL) return refuse(op, step, rejection_of(step, f), e);
    return check_use(step, found == FLOW_DECIDED, e);
}

/* ---- back from the login app ---- */

/* Does what the user agreed to before cover this request? Only the newest answer counts. */
static bool covered_before(const struct provider *p, struct op *op, const struct authorize_request *q, const struct flow *f,
                           bool *ret, struct err *e)
{
    struct grant *before;
    struct grant_session granted;
    struct err why = ERR_INIT(op->arena);
    *ret = false;
    TRY(store_consent_latest(p->store, op, f->client_id, f->subject, &before, e));
    /* One that cannot be read any more is asked for again. */
    if (before == NULL || !grant_session_read(p, op, before, &granted, &why)) return true;
    bool all = true;
    for (size_t i = 0; i < q->scopes.n; i++) all = all && scope_covers(p, granted.scopes, q->scopes.v[i]);
    *ret = all;
    return true;
}

static bool decide_consent(const struct provider *p, struct op *op, const struct authorize_request *q, const struct flow *f,
                           bool *ret, struct err *e)
{
    *ret = false;
    /* RFC 9700 2.1, RFC 8252 8.6: a public client whose redirect any app could take is never let through without the user. */
    bool known = !client_is_public(q->client) || (!f->device && redirect_uri_shows_client(op->arena, q->redirect_uri));
    bool ask = (q->prompt & PROMPT_CONSENT) != 0 || !known;
    if (!ask) TRY(covered_before(p, op, q, f, ret, e));
    ENSURE(*ret || (q->prompt & PROMPT_NONE) == 0, e, CONSENT_REQUIRED,
           "Prompt 'none' was requested, but the user has to be asked for consent.");
    return true;
}

static usec_t session_life(const struct provider *p, const struct flow *f)
{
    int64_t seconds = f->remember_for < SESSION_LIFE_MAX ? f->remember_for : SESSION_LIFE_MAX;
    return seconds > 0 && f->remember ? seconds * USEC_PER_SEC : p->config->ttl_authentication_session;
}

/* A session that ended since the request began identifies nobody any more: whoever signed out, or was signed out, is not signed
 * in again by a request that was under way. */
static bool check_session(const struct provider *p, struct op *op, const struct flow *f, struct err *e)
{
    struct session_row *session;
    if (!f->skip) return true;
    TRY(store_session_get(p->store, op, f->session_id, &session, e));
    ENSURE(session != NULL, e, LOGIN_REQUIRED, "The login session has ended since the request began; start the login again.");
    return true;
}

/* What the first of several visits with one verifier settles. */
static bool settle_login(const struct provider *p, struct op *op, const struct authorize_request *q, struct flow *f,
                         struct err *e)
{
    struct str shown;
    TRY(check_session(p, op, f, e));
    /* A pairwise client without a sector fails here, not at the end. */
    TRY(subject_of_login(p, op->arena, q->client, f->subject, f->forced_subject, &shown, e));
    TRY(decide_consent(p, op, q, f, &f->consent_skip, e));
    if (f->forced_subject.n > 0) TRY(store_alias_put(p->store, op, f->client_id, f->subject, f->forced_subject, e));
    if (!f->skip || !f->extend_session) return true;
    /* Not by writing the row: a session that was revoked meanwhile must not come back. */
    return store_session_extend(p->store, op, f->session_id, op->now + session_life(p, f), e);
}

bool visit_login(const struct provider *p, struct op *op, const struct authorize_request *q, struct grant *g, struct flow *f,
                 struct str browser_session, struct login_visit *ret, struct err *e)
{
    json_t *hint;
    TRY(read_hint(p, op, q, &hint, e));
    TRY(check_hint(p, op, q, hint, f->subject, e));
    TRY(check_claimed_subject(p, op, q, f->subject, e));
    TRY(check_claimed_acr(q, f, e));
    if (g->state == GRANT_LOGGED_IN) TRY(settle_login(p, op, q, f, e));

    struct session_row row = { .id = f->session_id,
                               .subject = f->subject,
                               .remember = f->remember,
                               .authenticated_at = f->authenticated_at,
                               .expires_at = op->now + session_life(p, f),
                               .idp_session_id = f->idp_session_id };
    bool forget = !f->skip && !f->remember;
    TRY(flow_ask_consent(p, op, g, f, f->skip ? NULL : &row, forget ? browser_session : STR_NONE, &ret->consent_challenge, e));
    bool keep = f->remember && (!f->skip || f->extend_session);
    ret->cookie = forget ? SESSION_COOKIE_DROP : keep ? SESSION_COOKIE_SET : SESSION_COOKIE_LEAVE;
    ret->cookie_life = session_life(p, f);
    return true;
}

/* ---- back from the consent app ---- */

static struct str code_of(const struct provider *p, struct op *op, const struct grant *g, usec_t until)
{
    return code_issue(p, op->arena, &(struct code) { .grant_id = g->id, .generation = g->generation, .expires_at = until });
}

static bool same_words(struct strs a, struct strs b)
{
    bool same = a.n == b.n;
    for (size_t i = 0; same && i < a.n; i++) same = str_eq(a.v[i], b.v[i]);
    return same;
}

/* What the tokens to come will say of this request and this login. */
static bool complete_session(const struct provider *p, struct op *op, const struct authorize_request *q, const struct flow *f,
                             struct grant_session *s, struct err *e)
{
    struct str sub;
    TRY(subject_of_login(p, op->arena, q->client, f->subject, f->forced_subject, &sub, e));
    s->sub = str_eq(sub, f->subject) ? STR("") : sub;
    s->requested = same_words(q->scopes, s->scopes) ? (struct strs) { 0 } : q->scopes;
    s->sid = f->session_id;
    s->authenticated_at = f->authenticated_at;
    s->acr = f->acr;
    s->amr = f->amr;
    s->acr_requested = q->acr_values.n > 0 || q->claims.acr;
    s->nonce = q->nonce;
    s->redirect_uri = q->redirect_given ? q->redirect_uri : STR("");
    s->code_challenge = q->code_challenge;
    s->hybrid = (q->response_type & RESPONSE_CODE) != 0 && q->response_type != RESPONSE_CODE;
    return true;
}

bool visit_granted(const struct provider *p, struct op *op, const struct authorize_request *q, const struct grant *g,
                   const struct flow *f, struct grant_session *ret, struct err *e)
{
    TRY(grant_session_read(p, op, g, ret, e));
    return complete_session(p, op, q, f, ret, e);
}

bool visit_consent(const struct provider *p, struct op *op, const struct authorize_request *q, struct grant *g,
                   const struct flow *f, struct params *ret, struct err *e)
{
    struct grant_session granted;
    OP_MUST_WAIT(op, e); /* before tokens are signed that a second run would sign again */
    TRY(visit_granted(p, op, q, g, f, &granted, e));
    bool code = (q->response_type & RESPONSE_CODE) != 0, front = q->response_type != RESPONSE_CODE;
    bool id_token = (q->response_type & RESPONSE_ID_TOKEN) != 0;
    ENSURE(!id_token || code || strs_has(granted.scopes, STR("openid")), e, UNSUPPORTED_RESPONSE_TYPE, NULL);

    *ret = (struct params) { 0 };
    usec_t until = code ? lifespan_end(op->now, p->config->ttl_auth_code) : 0;
    usec_t front_until = front ? lifespan_end(op->now, lifespan_of(p, q->client, LIFESPAN_IMPLICIT_ACCESS)) : 0;
    if (code) params_add(op->arena, ret, STR("code"), code_of(p, op, g, until));
    if (front)
        TRY(front_channel_issue(p, op, q, g, &granted, ret, e));
    else
        params_set(op->arena, ret, STR("scope"), strs_join(op->arena, granted.scopes, " "));
    TRY(flow_finish(p, op, g, code ? GRANT_CONSENTED : GRANT_ACTIVE, &granted, until > front_until ? until : front_until, e));
    params_set(op->arena, ret, STR("state"), q->state);
    return true;
}
