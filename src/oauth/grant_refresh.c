/* A refresh token is redeemed (RFC 6749 6) and rotated: the grant's row moves to its next generation by compare-and-set. The
 * parameters `scope` and `audience` change nothing, as deployed clients expect. */
#include "oauth/audience.h"
#include "oauth/earlier.h"
#include "oauth/refresh_token.h"
#include "oauth/scope.h"
#include "oauth/user_grant.h"

static const struct user_lifespans lives = { LIFESPAN_REFRESH_ACCESS, LIFESPAN_REFRESH_ID, LIFESPAN_REFRESH_REFRESH };

#define NOT_VALID "The refresh token is malformed or not valid."

/* RFC 9700 4.14.2: "the authorization server cannot determine which party submitted the invalid refresh token, but it will revoke
 * the active refresh token as well as the access authorization grant associated with it." */
static bool check_use(const struct provider *p, struct op *op, const struct grant *g, const struct refresh_token *t,
                      struct err *e)
{
    enum store_put ignored;
    switch (refresh_token_use(p, op, g, t)) {
    case REFRESH_FIRST:
    case REFRESH_AGAIN: return true;
    case REFRESH_EXPIRED: FAIL(e, INVALID_GRANT, "The refresh token expired.");
    case REFRESH_DEAD: FAIL(e, INVALID_GRANT, NOT_VALID);
    case REFRESH_REPLAYED: break;
    }
    TRY(store_grant_end(p->store, op, g->id, &ignored, e));
    err_set(e, &err_INVALID_GRANT, "The refresh token was already used.", __FILE__, __LINE__);
    return err_debugf(e, "%s",
                      "All tokens of its grant have been ended: a refresh token works once, its answer brings the next one.");
}

bool refresh_token_validate(const struct provider *p, struct op *op, struct grant_request *q, struct err *e)
{
    struct refresh_token *t = ARENA_NEW(op->arena, struct refresh_token);
    struct grant *g;
    struct str text;
    TRY(grant_allowed(q, e));
    TRY(earlier_token(p, op, REFRESH_TOKEN_PREFIX, params_get(q->form, STR("refresh_token")), &text, e));
    ENSURE(refresh_token_read(p, op->arena, text, t), e, INVALID_GRANT, NOT_VALID);
    OP_MUST_WAIT(op, e); /* every way on from here writes */
    TRY(store_grant_get(p->store, op, t->grant_id, &g, e));
    TRY(check_use(p, op, g, t, e));
    /* RFC 6749 6: "ensure that the refresh token was issued to the authenticated client". */
    ENSURE(str_eq(g->client_id, q->client->id), e, INVALID_GRANT,
           "The OAuth 2.0 Client ID from this request does not match the ID during the initial token issuance.");
    TRY(grant_session_read(p, op, g, &q->session, e));
    TRY(scopes_check(p, q->client, q->session.scopes, e));
    TRY(audience_check(op, q->client, q->session.audience, e));
    q->subject = g->subject;
    q->grant = g;
    q->own = t;
    return true;
}

/* Without a grace period every access token from before dies. With one, what other uses of the same refresh token brought lives
 * on: it was issued after the generation began. */
static usec_t access_not_before(const struct provider *p, const struct grant *g)
{
    return p->config->oauth2_grant_refresh_token_rotation_grace_period > 0 ? g->rotated_at + 1 : USEC_NEVER;
}

static bool rotate(const struct provider *p, struct op *op, const struct grant_request *q, const struct grant *g,
                   struct grant *ret, enum store_put *ret_put, struct err *e)
{
    *ret = user_grant_next(p, op, q, g, &lives);
    ret->access_not_before = access_not_before(p, g);
    return store_grant_move(p->store, op,
                            &(struct grant_move) { .from = GRANT_ACTIVE, .from_generation = g->generation, .to = ret }, ret_put,
                            e);
}

/* Moves the row, or finds it moved by another use of the same token. *ret is the row that the tokens are for. */
static bool take(const struct provider *p, struct op *op, const struct grant_request *q, struct grant *ret, struct err *e)
{
    enum { ROUNDS = 3 };
    const struct grant *g = q->grant;
    for (int i = 0; i < ROUNDS; i++) {
        const enum refresh_use use = refresh_token_use(p, op, g, q->own);
        enum store_put put;
        struct grant *now;
        if (use == REFRESH_FIRST) {
            TRY(rotate(p, op, q, g, ret, &put, e));
        } else if (use == REFRESH_AGAIN) {
            TRY(store_grant_reuse(p->store, op, g->id, g->generation, refresh_token_repeats(p), &put, e));
            *ret = *g;
        } else {
            break;
        }
        if (put == STORE_DONE) return true;
        TRY(store_grant_get(p->store, op, q->grant->id, &now, e));
        g = now;
    }
    FAIL(e, INVALID_GRANT, "The refresh token is being used by another request.");
}

bool refresh_token_redeem(const struct provider *p, struct op *op, const struct grant_request *q, struct grant_result *ret,
                          struct err *e)
{
    struct grant row;
    TRY(user_grant_prepare(p, op, q, e));
    TRY(take(p, op, q, &row, e));
    return user_grant_issue(p, op, q, &row, &lives, STR(""), ret, e);
}
