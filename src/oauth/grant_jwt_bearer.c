/* An assertion of a trusted issuer is the grant (RFC 7523 2.1): tokens for its subject, without that one being asked; no refresh
 * token. */
#include "oauth/assertion.h"
#include "oauth/audience.h"
#include "oauth/grants.h"
#include "oauth/scope.h"
#include "oauth/trust.h"

#define THE_JWT "The JWT in 'assertion' request parameter "

static bool read_assertion(struct op *op, const struct grant_request *q, struct assertion *t, struct err *e)
{
    const struct str text = params_get(q->form, STR("assertion"));
    struct err why = ERR_INIT(op->arena);
    ENSUREF(text.n > 0, e, INVALID_REQUEST, "The assertion request parameter must be set when using grant_type of '%.*s'.",
            STR_FMT(q->type->name));
    if (!assertion_read(op->arena, text, t, &why)) {
        err_set(e, &err_INVALID_GRANT, "Unable to parse JSON Web Token passed in 'assertion' request parameter.", __FILE__,
                __LINE__);
        return err_debugf(e, "%s", why.hint != NULL ? why.hint : "");
    }
    ENSURE(t->iss.n > 0, e, INVALID_GRANT, THE_JWT "MUST contain an 'iss' (issuer) claim.");
    ENSURE(t->sub.n > 0, e, INVALID_GRANT, THE_JWT "MUST contain a 'sub' (subject) claim.");
    return true;
}

static bool check_signature(const struct provider *p, struct op *op, const struct assertion *t, const struct trust **ret,
                            struct err *e)
{
    enum trust_found found;
    TRY(trust_verify(p, op, &t->jws, t->iss, t->sub, &found, ret, e));
    ENSUREF(found != TRUST_NONE, e, INVALID_GRANT,
            "No public JWK was registered for issuer '%.*s' and subject '%.*s', and public key is required to check signature of "
            "JWT in "
            "'assertion' request parameter.",
            STR_FMT(str_upto(t->iss, STORE_ID_MAX)), STR_FMT(str_upto(t->sub, STORE_ID_MAX)));
    ENSURE(found == TRUST_FOUND, e, INVALID_GRANT, "Unable to verify the integrity of the 'assertion' value.");
    return true;
}

/* RFC 7523 3, item 3. */
static bool check_audience(const struct provider *p, struct op *op, const struct assertion *t, struct err *e)
{
    const struct strs urls = assertion_token_urls(p, op->arena);
    ENSURE(t->audience.n > 0, e, INVALID_GRANT, THE_JWT "MUST contain an 'aud' (audience) claim.");
    ENSUREF(assertion_is_for(t, urls), e, INVALID_GRANT,
            THE_JWT
            "MUST contain an 'aud' (audience) claim containing a value '%.*s' that identifies the authorization server as an "
            "intended audience.",
            STR_FMT(strs_join(op->arena, urls, "' or '")));
    return true;
}

/* RFC 7523 3, items 4 to 7. */
static bool check_claims(const struct provider *p, struct op *op, const struct assertion *t, struct err *e)
{
    const struct config *c = p->config;
    ENSURE(assertion_has_type(t, "authorization-grant+jwt"), e, INVALID_GRANT,
           THE_JWT "says in its 'typ' that it is something else.");
    ENSURE(t->exp != ASSERTION_UNSET, e, INVALID_GRANT, THE_JWT "MUST contain an 'exp' (expiration time) claim.");
    ENSURE(op->now < t->exp, e, INVALID_GRANT, THE_JWT "expired.");
    const struct assertion when = { .exp = ASSERTION_UNSET, .nbf = t->nbf, .iat = ASSERTION_UNSET };
    ENSUREF(assertion_time_fault(&when, op->now) == NULL, e, INVALID_GRANT,
            THE_JWT
            "contains an 'nbf' (not before) claim, that identifies the time '%.*s' before which the token MUST NOT be accepted.",
            STR_FMT(time_rfc3339(op->arena, t->nbf, 0)));
    ENSURE(t->iat != ASSERTION_UNSET || c->oauth2_grant_jwt_iat_optional, e, INVALID_GRANT,
           THE_JWT "MUST contain an 'iat' (issued at) claim.");
    const usec_t from = t->iat != ASSERTION_UNSET && t->iat < op->now ? t->iat : op->now;
    ENSUREF(t->exp - from <= c->oauth2_grant_jwt_max_ttl, e, INVALID_GRANT,
            THE_JWT "contains an 'exp' (expiration time) claim with value '%.*s' that is unreasonably far in the future.",
            STR_FMT(time_rfc3339(op->arena, t->exp, 0)));
    ENSURE(t->jti.n > 0 || c->oauth2_grant_jwt_jti_optional, e, INVALID_GRANT, THE_JWT "MUST contain an 'jti' (JWT ID) claim.");
    return true;
}

static bool check_scopes(const struct provider *p, const struct grant_request *q, const struct assertion *t,
                         const struct trust *trust, struct err *e)
{
    for (size_t i = 0; i < q->scopes.n; i++) {
        ENSUREF(scope_covers(p, trust->scopes, q->scopes.v[i]), e, INVALID_SCOPE,
                "The public key registered for issuer '%.*s' and subject '%.*s' is not allowed to request scope '%.*s'.",
                STR_FMT(t->iss), STR_FMT(t->sub), STR_FMT(str_upto(q->scopes.v[i], STORE_ID_MAX)));
    }
    return true;
}

/* What was asked for; or, where clients get their scopes unasked, those of them that the issuer may give. */
static struct strs granted_scopes(const struct provider *p, struct op *op, const struct grant_request *q,
                                  const struct trust *trust)
{
    struct strs granted = { 0 };
    if (q->scopes.n > 0 || !p->config->oauth2_client_credentials_default_grant_allowed_scope) return q->scopes;
    for (size_t i = 0; i < q->client->scopes.n; i++) {
        if (scope_covers(p, trust->scopes, q->client->scopes.v[i])) strs_add(op->arena, &granted, q->client->scopes.v[i]);
    }
    return granted;
}

static bool may_ask(struct op *op, const struct client *c, struct str audience)
{
    struct err ignored = ERR_INIT(op->arena);
    return audience_check(op, c, (struct strs) { &audience, 1 }, &ignored);
}

/* Audiences that the client may not ask for are left out, as they always were. */
static struct strs granted_audience(const struct provider *p, struct op *op, const struct grant_request *q,
                                    const struct assertion *t)
{
    struct strs granted = { 0 };
    for (size_t i = 0; i < q->audience.n; i++) {
        if (may_ask(op, q->client, q->audience.v[i])) strs_add(op->arena, &granted, q->audience.v[i]);
    }
    if (p->config->oauth2_grant_jwt_omit_assertion_audience) return granted;
    for (size_t i = 0; i < t->audience.n; i++) {
        if (!strs_has(granted, t->audience.v[i])) strs_add(op->arena, &granted, t->audience.v[i]);
    }
    return granted;
}

bool jwt_bearer_validate(const struct provider *p, struct op *op, struct grant_request *q, struct err *e)
{
    struct assertion *t = ARENA_NEW(op->arena, struct assertion);
    const struct trust *trust;
    TRY(grant_allowed(q, e));
    /* Using a jti up waits in any case: nothing is read or verified twice. */
    if (!p->config->oauth2_grant_jwt_jti_optional) OP_MUST_WAIT(op, e);
    TRY(read_assertion(op, q, t, e));
    if (t->jti.n > 0) OP_MUST_WAIT(op, e);
    TRY(check_signature(p, op, t, &trust, e));
    TRY(check_audience(p, op, t, e));
    TRY(check_claims(p, op, t, e));
    TRY(check_scopes(p, q, t, trust, e));
    q->subject = t->sub;
    q->session.scopes = granted_scopes(p, op, q, trust);
    q->session.audience = granted_audience(p, op, q, t);
    q->own = t;
    return true;
}

bool jwt_bearer_issue(const struct provider *p, struct op *op, const struct grant_request *q, struct grant_result *ret,
                      struct err *e)
{
    const struct assertion *t = q->own;
    enum store_put put = STORE_DONE;
    if (t->jti.n > 0) TRY(assertion_burn(p, op, "issuer", t->iss, t, &put, e));
    ENSURE(put == STORE_DONE, e, JTI_KNOWN, NULL);
    return grant_issue_access(p, op, q, LIFESPAN_JWT_BEARER_ACCESS, ret, e);
}
