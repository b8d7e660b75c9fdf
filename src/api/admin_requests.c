/* What login and consent apps do with a request: get it, accept it, reject it. Both generations of the API. */
#include "api/api.h"
#include "api/body.h"
#include "api/request_view.h"

static bool is_v1(const struct http_req *r) { return r->route->api == API_V1; }

/* ---- challenges ---- */

/* Both generations also read the short name. */
static bool read_challenge(const struct http_req *r, struct str name, struct str *ret, struct err *e)
{
    *ret = params_get(&r->query, name);
    if (ret->n == 0) *ret = params_get(&r->query, STR("challenge"));
    ENSURE(ret->n > 0, e, INVALID_REQUEST, "Query parameter 'challenge' is not defined but should have been.");
    return true;
}

/* Can the request be shown, or told where it went? */
/* Apps of v1 do not hear that a request has expired: they are answered as ever, and the browser is told when it comes back. */
static bool check_found(const struct http_req *r, enum flow_found found, const char *what, struct err *e)
{
    ENSURE(found != FLOW_UNKNOWN, e, NOT_FOUND, "");
    ENSUREF(found != FLOW_EXPIRED || is_v1(r), e, REQUEST_UNAUTHORIZED, "The %s request has expired, please try again.", what);
    return true;
}

static bool check_decidable(const struct http_req *r, enum flow_found found, const char *what, struct err *e)
{
    TRY(check_found(r, found, what, e));
    ENSUREF(found != FLOW_USED, e, CONFLICT, "The %s request was already used and can no longer be changed.", what);
    return true;
}

/* The same answer given again leads to the same verifier; v1 says 409 to every second one. */
static bool check_login_decidable(const struct http_req *r, enum flow_found found, struct err *e)
{
    TRY(check_decidable(r, found, "login", e));
    ENSURE(found != FLOW_DECIDED || !is_v1(r), e, CONFLICT,
           "The login request was already decided; the first decision is final.");
    return true;
}

/* ---- getting ---- */

static bool reply_handled(struct http_req *r, const struct flow *f)
{
    return reply_redirect_to(r, 410, flow_request_url(r->provider, r->op.arena, f));
}

bool admin_login_get(struct http_req *r, struct err *e)
{
    enum flow_found found;
    struct flow f;
    struct request_view v = { .flow = &f };
    TRY(read_challenge(r, STR("login_challenge"), &v.challenge, e));
    TRY(flow_open_login(r->provider, &r->op, v.challenge, &found, &f, &v.client, e));
    TRY(check_found(r, found, "login", e));
    api_no_cache(r);
    if (found == FLOW_USED) return reply_handled(r, &f);

    struct buf out = BUF(r->op.arena);
    TRY(login_request_write(r, &JW(&out), &v, e));
    return http_reply_json(r, 200, buf_str(&out));
}

bool admin_consent_get(struct http_req *r, struct err *e)
{
    enum flow_found found;
    struct flow f;
    struct grant *g;
    struct request_view v = { .flow = &f };
    TRY(read_challenge(r, STR("consent_challenge"), &v.challenge, e));
    TRY(flow_open_consent(r->provider, &r->op, v.challenge, &found, &g, &f, &v.client, e));
    TRY(check_found(r, found, "consent", e));
    api_no_cache(r);
    if (found == FLOW_USED) return reply_handled(r, &f);

    struct buf out = BUF(r->op.arena);
    TRY(consent_request_write(r, &JW(&out), NULL, &v, e));
    return http_reply_json(r, 200, buf_str(&out));
}

/* ---- accepting ---- */

#define MEMBER(type, struct_, member, name, limit)                 \
    {                                                              \
        name, BODY_##type, offsetof(struct struct_, member), limit \
    }
/* clang-format off */
static const struct body_member login_members[] = {
    MEMBER(TEXT,  flow, subject,        "subject",                      STORE_ID_MAX),
    MEMBER(BOOL,  flow, remember,       "remember",                     0),
    MEMBER(INT,   flow, remember_for,   "remember_for",                 0),
    MEMBER(BOOL,  flow, extend_session, "extend_session_lifespan",      0),
    MEMBER(TEXT,  flow, acr,            "acr",                          0),
    MEMBER(TEXTS, flow, amr,            "amr",                          0),
    MEMBER(TEXT,  flow, forced_subject, "force_subject_identifier",     STORE_ID_MAX),
    MEMBER(TEXT,  flow, idp_session_id, "identity_provider_session_id", STORE_ID_MAX),
    MEMBER(ANY,   flow, context,        "context",                      0),
};
/* clang-format on */

/* The answer's members over what the challenge says. */
static void apply_login(const struct http_req *r, const struct flow *said, struct flow *f)
{
    f->subject = said->subject;
    f->remember = said->remember || f->skip;
    f->remember_for = said->remember_for;
    f->extend_session = said->extend_session;
    f->acr = said->acr;
    f->amr = said->amr;
    f->forced_subject = said->forced_subject;
    f->idp_session_id = said->idp_session_id;
    f->context = said->context;
    if (!f->skip) f->authenticated_at = r->op.now;
}

static bool reply_login_verifier(struct http_req *r, const struct flow *f, struct err *e)
{
    struct str verifier;
    TRY(flow_decide_login(r->provider, &r->op, f, &verifier, e));
    return reply_redirect_to(r, 200, flow_redirect_to(r->provider, r->op.arena, f, STR("login_verifier"), verifier));
}

bool admin_login_accept(struct http_req *r, struct err *e)
{
    enum flow_found found;
    struct flow f, said = { 0 };
    const struct client *client;
    struct str challenge;
    TRY(read_challenge(r, STR("login_challenge"), &challenge, e));
    TRY(body_read(r, login_members, ARRAY_LEN(login_members), &said, e));
    ENSURE(said.subject.n > 0, e, INVALID_REQUEST, "Field 'subject' must not be empty.");
    TRY(flow_open_login(r->provider, &r->op, challenge, &found, &f, &client, e));
    TRY(check_login_decidable(r, found, e));

    /* Somebody else is signing in: the browser starts over and today's API forgets the session. */
    if (f.skip && !str_eq(said.subject, f.subject)) {
        ENSURE(!is_v1(r), e, INVALID_REQUEST, "Field 'subject' does not match subject from previous authentication.");
        return reply_redirect_to(r, 200, flow_redirect_to(r->provider, r->op.arena, &f, STR("prompt"), STR("login")));
    }
    apply_login(r, &said, &f);
    return reply_login_verifier(r, &f, e);
}

struct consent_answer {
    struct grant_session granted;
    json_t *session;
    struct str context;
    bool remember;
    int64_t remember_for;
    usec_t handled_at; /* read for its type only */
};
/* clang-format off */
static const struct body_member consent_members[] = {
    MEMBER(TEXTS,  consent_answer, granted.scopes,   "grant_scope",                 0),
    MEMBER(TEXTS,  consent_answer, granted.audience, "grant_access_token_audience", 0),
    MEMBER(OBJECT, consent_answer, session,          "session",                     0),
    MEMBER(BOOL,   consent_answer, remember,         "remember",                    0),
    MEMBER(INT,    consent_answer, remember_for,     "remember_for",                0),
    MEMBER(ANY,    consent_answer, context,          "context",                     0),
};
static const struct body_member v1_consent_members[] = {
    MEMBER(TIME,   consent_answer, handled_at,       "handled_at",                  0),
};
static const struct body_member session_members[] = {
    MEMBER(CLAIMS, grant_session, access_claims,   "access_token", 0),
    MEMBER(CLAIMS, grant_session, id_claims,       "id_token",     0),
    MEMBER(CLAIMS, grant_session, userinfo_claims, "userinfo",     0),
};
/* clang-format on */

static struct strs each_once(struct arena *a, struct strs list)
{
    struct strs once = { 0 };
    for (size_t i = 0; i < list.n; i++)
        if (!strs_has(once, list.v[i])) strs_add(a, &once, list.v[i]);
    return once;
}

bool admin_consent_accept(struct http_req *r, struct err *e)
{
    struct consent_answer said = { 0 };
    struct str challenge;
    TRY(read_challenge(r, STR("consent_challenge"), &challenge, e));
    TRY(body_read(r, consent_members, ARRAY_LEN(consent_members), &said, e));
    if (is_v1(r)) TRY(body_read(r, v1_consent_members, ARRAY_LEN(v1_consent_members), &said, e));
    said.granted.scopes = each_once(r->op.arena, said.granted.scopes);
    said.granted.audience = each_once(r->op.arena, said.granted.audience);
    TRY(body_read_object(r->op.arena, said.session, session_members, ARRAY_LEN(session_members), &said.granted, e));

    enum flow_found found;
    struct flow f;
    struct grant *g;
    const struct client *client;
    TRY(flow_open_consent(r->provider, &r->op, challenge, &found, &g, &f, &client, e));
    TRY(check_decidable(r, found, "consent", e));
    f.consent_remember_for = said.remember_for;
    f.consent_context = said.context;

    struct str verifier;
    TRY(flow_decide_consent(r->provider, &r->op, g, &f, said.remember, &said.granted, &verifier, e));
    return reply_redirect_to(r, 200, flow_redirect_to(r->provider, r->op.arena, &f, STR("consent_verifier"), verifier));
}

/* ---- rejecting ---- */

/* clang-format off */
static const struct body_member rejection_members[] = {
    MEMBER(TEXT, rejection, error,       "error",             0),
    MEMBER(TEXT, rejection, description, "error_description", 0),
    MEMBER(TEXT, rejection, hint,        "error_hint",        0),
    MEMBER(TEXT, rejection, debug,       "error_debug",       0),
    MEMBER(INT,  rejection, status,      "status_code",       0),
};
/* clang-format on */

static bool read_rejection(const struct http_req *r, struct str usual, struct rejection **ret, struct err *e)
{
    struct rejection *said = ARENA_NEW(r->op.arena, struct rejection);
    TRY(body_read(r, rejection_members, ARRAY_LEN(rejection_members), said, e));
    if (said->error.n == 0) said->error = usual;
    *ret = said;
    return true;
}

bool admin_login_reject(struct http_req *r, struct err *e)
{
    enum flow_found found;
    struct flow f;
    const struct client *client;
    struct str challenge;
    struct rejection *said;
    TRY(read_challenge(r, STR("login_challenge"), &challenge, e));
    TRY(read_rejection(r, STR("login request denied"), &said, e));
    TRY(flow_open_login(r->provider, &r->op, challenge, &found, &f, &client, e));
    TRY(check_login_decidable(r, found, e));
    f.rejection = said;
    return reply_login_verifier(r, &f, e);
}

bool admin_consent_reject(struct http_req *r, struct err *e)
{
    enum flow_found found;
    struct flow f;
    struct grant *g;
    const struct client *client;
    struct str challenge, verifier;
    TRY(read_challenge(r, STR("consent_challenge"), &challenge, e));
    struct rejection *said;
    TRY(read_rejection(r, STR("consent request denied"), &said, e));
    TRY(flow_open_consent(r->provider, &r->op, challenge, &found, &g, &f, &client, e));
    TRY(check_decidable(r, found, "consent", e));
    f.consent_rejection = said;
    TRY(flow_decide_consent(r->provider, &r->op, g, &f, false, NULL, &verifier, e));
    return reply_redirect_to(r, 200, flow_redirect_to(r->provider, r->op.arena, &f, STR("consent_verifier"), verifier));
}
