/* What follows from a person's grant. Knows neither codes nor how a refresh token is judged. */
#include "oauth/user_grant.h"

#include "oauth/id_token.h"
#include "oauth/keysets.h"
#include "oauth/lifespan.h"
#include "oauth/refresh_token.h"

static bool has_refresh_token(const struct grant_request *q)
{
    const struct strs granted = q->session.scopes;
    if (!strs_has(granted, STR("offline")) && !strs_has(granted, STR("offline_access"))) return false;
    return client_may_grant(q->client, STR("refresh_token"));
}

static bool has_id_token(const struct grant_request *q) { return strs_has(q->session.scopes, STR("openid")); }

static usec_t later(usec_t a, usec_t b) { return a > b ? a : b; }

struct grant user_grant_next(const struct provider *p, struct op *op, const struct grant_request *q, const struct grant *g,
                             const struct user_lifespans *lives)
{
    struct grant to = *g;
    to.state = GRANT_ACTIVE;
    to.generation++;
    to.rotated_at = op->now;
    to.reuses = 0;
    if (q->claims_changed) to.session = grant_session_write(p, op, g->id, &q->session);
    usec_t until = lifespan_end(op->now, lifespan_of(p, q->client, lives->access));
    if (has_refresh_token(q)) until = later(until, lifespan_end(op->now, lifespan_of(p, q->client, lives->refresh)));
    if (until < USEC_NEVER) until += USEC_PER_SEC; /* tokens live until their last second is over */
    to.expires_at = later(g->expires_at, grant_expiry(&to, until));
    return to;
}

bool user_grant_prepare(const struct provider *p, struct op *op, const struct grant_request *q, struct err *e)
{
    const struct jwk *ignored;
    if (has_id_token(q)) TRY(keyset_signer(p, op, STR(KEYSET_ID_TOKEN), &ignored, e));
    return !token_is_jwt_for(p, q->client) || keyset_signer(p, op, STR(KEYSET_ACCESS_TOKEN), &ignored, e);
}

static bool issue_id_token(const struct provider *p, struct op *op, const struct grant_request *q, enum client_lifespan lifespan,
                           struct str code, struct grant_result *ret, struct err *e)
{
    const struct id_token t = { .client = q->client,
                                .grant = q->grant,
                                .session = &q->session,
                                .lifespan = lifespan,
                                .access_token = ret->access_token,
                                .code = code };
    return id_token_issue(p, op, &t, &ret->id_token, e);
}

bool user_grant_issue(const struct provider *p, struct op *op, const struct grant_request *q, const struct grant *g,
                      const struct user_lifespans *lives, struct str code, struct grant_result *ret, struct err *e)
{
    struct grant_request now = *q;
    now.grant = g;
    TRY(grant_issue_access(p, op, &now, lives->access, ret, e));
    if (has_refresh_token(q)) {
        ret->refresh_token = refresh_token_issue(p, op->arena, g, lifespan_of(p, q->client, lives->refresh));
    }
    return !has_id_token(q) || issue_id_token(p, op, &now, lives->id, code, ret, e);
}

bool user_grant_begin(const struct provider *p, struct op *op, const struct grant_request *q, const struct user_lifespans *lives,
                      struct str code, struct grant_result *ret, struct err *e)
{
    const struct grant to = user_grant_next(p, op, q, q->grant, lives);
    const struct grant_move move = { .from = GRANT_CONSENTED, .from_generation = q->grant->generation, .to = &to };
    enum store_put put;
    TRY(user_grant_prepare(p, op, q, e));
    TRY(store_grant_move(p->store, op, &move, &put, e));
    ENSURE(put == STORE_DONE, e, INVALID_GRANT, "The code is being used by another request.");
    return user_grant_issue(p, op, q, &to, lives, code, ret, e);
}
