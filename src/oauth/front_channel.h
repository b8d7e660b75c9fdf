/* Tokens that go back through the browser: implicit and hybrid response types (RFC 6749 4.2, OpenID Connect Core 3.2, 3.3). */
#ifndef OAUTH_FRONT_CHANNEL_H
#define OAUTH_FRONT_CHANNEL_H

#include "oauth/authorize.h"
#include "oauth/grant_session.h"

/* Adds to *ret_params, which holds `code` when the response type has one, what else the response type asks for: access_token,
 * token_type, expires_in, scope; id_token (with c_hash, at_hash) when openid was granted. Fails with UNSUPPORTED_RESPONSE_TYPE
 * when nothing but an ID token was asked for and openid was not granted. `granted` is complete (flow/ has filled it). Stores
 * nothing about `g`, which is moved to CONSENTED or ACTIVE afterwards, generation unchanged. */
MUST_USE bool front_channel_issue(const struct provider *p, struct op *op, const struct authorize_request *q,
                                  const struct grant *g, const struct grant_session *granted, struct params *ret_params,
                                  struct err *e);

#endif
