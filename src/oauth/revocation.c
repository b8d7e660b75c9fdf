/* Ends what a token stands for: its grant, or, when it has none, the token alone. */
#include "oauth/revocation.h"

#include "base/span.h"
#include "oauth/grants.h"
#include "oauth/introspection.h"

/* RFC 7009 2.2.1 gives no details to those who are not let in. */
static bool authenticate(const struct provider *p, struct op *op, const struct client_credentials *credentials,
                         const struct client **ret, struct err *e)
{
    struct err refused = ERR_INIT(op->arena);
    if (client_authenticate(p, op, credentials, ret, &refused)) return true;
    if (err_is(&refused, &err_INVALID_CLIENT)) refused.hint = NULL;
    if (err_is(&refused, &err_INVALID_REQUEST)) refused.hint = HINT_CHECK_PARAMETERS;
    *e = refused;
    return false;
}

static bool end_token(const struct provider *p, struct op *op, const struct access_token *t, struct err *e)
{
    enum store_put ignored;
    if (t->grant_id.n > 0) return store_grant_end(p->store, op, t->grant_id, &ignored, e);
    if (t->expires_at + USEC_PER_SEC <= op->now) return true;
    return store_mark_put(p->store, op, MARK_TOKEN_DENIED, t->id, 1, t->expires_at + USEC_PER_SEC, &ignored, NULL, e);
}

bool revoke(const struct provider *p, struct op *op, const struct client_credentials *credentials, struct err *e)
{
    const struct client *c;
    const struct token_kind *kind;
    struct access_token t;
    ENSURE(credentials->form->n > 0, e, INVALID_REQUEST, HINT_CHECK_PARAMETERS);
    TRY(authenticate(p, op, credentials, &c, e));
    TRY(token_open(p, op, params_get(credentials->form, STR("token")), &t, &kind, e));
    /* RFC 7009 2.1: "verifies whether the token was issued to the client making the revocation request". 2.2: "invalid tokens do
     * not cause an error response". */
    if (kind == NULL || !str_eq(t.client_id, c->id)) return true;
    TRY(end_token(p, op, &t, e));
    span_event(op, &(struct span_event) { .name = EVENT_ACCESS_TOKEN_REVOKED, .client_id = c->id });
    return true;
}
