/* Verifiable credentials about a user (OpenID Connect UserInfo Verifiable Credentials, draft 00): what userinfo says, signed for
 * a key that its holder has proved to have. */
#ifndef OAUTH_CREDENTIAL_H
#define OAUTH_CREDENTIAL_H

#include "base/json.h"
#include "oauth/userinfo.h"

/* The members of the discovery document about credentials. */
void credential_write_supported(struct jw *w);

/* May a token with these scopes get a credential? */
bool credential_scopes(struct strs granted);
/* A nonce for proofs, good with the access token of this id for ttl.vc_nonce. */
struct str credential_nonce(const struct provider *p, struct op *op, struct str token_id);

struct credential_proof {
    struct str type, jwt;
};
struct credential_request {
    struct str format;
    struct strs types;
    const struct credential_proof *proof; /* NULL: none, the caller asks for a nonce */
};
/* *ret_json is the answer: the credential, or without a proof an error that brings a nonce (*ret_primed). Fails with
 * INVALID_REQUEST or INSUFFICIENT_SCOPE. */
MUST_USE bool credential_issue(const struct provider *p, struct op *op, const struct user_token *u,
                               const struct credential_request *q, bool *ret_primed, struct str *ret_json, struct err *e);

#endif
