/* The client acts for itself (RFC 6749 4.4): no user, no row, no refresh token. */
#include "oauth/audience.h"
#include "oauth/grants.h"
#include "oauth/scope.h"

bool client_credentials_validate(const struct provider *p, struct op *op, struct grant_request *q, struct err *e)
{
    const bool all = q->scopes.n == 0 && p->config->oauth2_client_credentials_default_grant_allowed_scope;
    TRY(scopes_check(p, q->client, q->scopes, e));
    TRY(audience_check(op, q->client, q->audience, e));
    /* RFC 6749 4.4: "The client credentials grant type MUST only be used by confidential clients." */
    ENSURE(!client_is_public(q->client), e, INVALID_GRANT,
           "The OAuth 2.0 Client is marked as public and is thus not allowed to use authorization grant 'client_credentials'.");
    TRY(grant_allowed(q, e));
    q->subject = q->client->id;
    q->session.scopes = all ? q->client->scopes : q->scopes;
    q->session.audience = q->audience;
    return true;
}

bool client_credentials_issue(const struct provider *p, struct op *op, const struct grant_request *q, struct grant_result *ret,
                              struct err *e)
{
    return grant_issue_access(p, op, q, LIFESPAN_CLIENT_CREDENTIALS_ACCESS, ret, e);
}
