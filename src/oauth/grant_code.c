/* The authorization code is redeemed (RFC 6749 4.1.3): one move of the grant's row from consented to active, so that one of many
 * redemptions wins. */
#include "oauth/code.h"
#include "oauth/earlier.h"
#include "oauth/pkce.h"
#include "oauth/user_grant.h"

static const struct user_lifespans lives = { LIFESPAN_AUTHORIZATION_CODE_ACCESS, LIFESPAN_AUTHORIZATION_CODE_ID,
                                             LIFESPAN_AUTHORIZATION_CODE_REFRESH };

/* RFC 6749 4.1.2: "If an authorization code is used more than once, the authorization server MUST deny the request and SHOULD
 * revoke (when possible) all tokens previously issued based on that authorization code." Whoever brings it, the code has leaked.
 */
static bool check_unused(const struct provider *p, struct op *op, const struct grant *g, const struct code *code, struct err *e)
{
    enum store_put ignored;
    ENSURE(g != NULL && g->client_version > 0, e, INVALID_GRANT, NULL);
    if (g->state == GRANT_CONSENTED) return true;
    if (g->state == GRANT_ACTIVE) TRY(store_grant_end(p->store, op, g->id, &ignored, e));
    ENSURE(g->generation > code->generation, e, INVALID_GRANT,
           "The consent that the authorization code stands for was revoked, or the code was brought with a wrong code_verifier.");
    FAIL(e, INVALID_GRANT, "The authorization code has already been used.");
}

static bool check_binding(const struct grant_request *q, const struct grant *g, struct err *e)
{
    /* RFC 6749 4.1.3: "ensure that the authorization code was issued to the authenticated confidential client". */
    ENSURE(str_eq(g->client_id, q->client->id), e, INVALID_GRANT,
           "The OAuth 2.0 Client ID from this request does not match the one from the authorize request.");
    /* "ensure that the "redirect_uri" parameter is present if the "redirect_uri" parameter was included in the initial
     * authorization request [...] and if included ensure that their values are identical". */
    const struct str first = q->session.redirect_uri;
    ENSURE(first.n == 0 || str_eq(first, params_get(q->form, STR("redirect_uri"))), e, INVALID_GRANT,
           "The 'redirect_uri' from this request does not match the one from the authorize request.");
    return true;
}

/* A wrong verifier means that somebody else holds the code: it is burnt. */
static bool check_pkce(const struct provider *p, struct op *op, const struct grant_request *q, const struct grant *g,
                       struct err *e)
{
    struct err failed = ERR_INIT(op->arena);
    enum store_put ignored;
    if (pkce_check(p, op, q->client, q->session.code_challenge, params_get(q->form, STR("code_verifier")), e)) return true;
    if (!store_grant_end(p->store, op, g->id, &ignored, &failed)) *e = failed;
    return false;
}

bool authorization_code_validate(const struct provider *p, struct op *op, struct grant_request *q, struct err *e)
{
    struct code code;
    struct grant *g;
    struct str text;
    TRY(grant_allowed(q, e));
    TRY(earlier_token(p, op, CODE_PREFIX, params_get(q->form, STR("code")), &text, e));
    ENSURE(code_open(p, op->arena, text, &code), e, INVALID_GRANT, NULL);
    OP_MUST_WAIT(op, e); /* every way on from here writes */
    TRY(store_grant_get(p->store, op, code.grant_id, &g, e));
    TRY(check_unused(p, op, g, &code, e));
    ENSURE(op->now <= code.expires_at && g->generation == code.generation, e, INVALID_GRANT, NULL);
    TRY(grant_session_read(p, op, g, &q->session, e));
    TRY(check_binding(q, g, e));
    TRY(check_pkce(p, op, q, g, e));
    q->subject = g->subject;
    q->grant = g;
    return true;
}

/* c_hash is over the code as it was sent, which may come back without its prefix. */
static struct str code_as_sent(struct op *op, const struct grant_request *q)
{
    const struct str code = params_get(q->form, STR("code"));
    if (!q->session.hybrid) return STR("");
    return str_starts(code, CODE_PREFIX) ? code : ARENA_CAT(op->arena, CODE_PREFIX, code);
}

bool authorization_code_issue(const struct provider *p, struct op *op, const struct grant_request *q, struct grant_result *ret,
                              struct err *e)
{
    return user_grant_begin(p, op, q, &lives, code_as_sent(op, q), ret, e);
}
