/* The session that a user has at the identity provider behind the login app. An app that uses an Ory Kratos names that session
 * when it accepts a login (identity_provider_session_id); when the login session ends here by a logout, it ends there, too. */
#ifndef FLOW_IDENTITY_PROVIDER_H
#define FLOW_IDENTITY_PROVIDER_H

#include "base/json.h"
#include "oauth/provider.h"

/* False: no identity provider is configured, or the session has none. A delivery keeps the session's id only: address and headers
 * are those that are configured when it is sent. */
bool identity_provider_delivery(const struct provider *p, const struct op *op, const struct session_row *session,
                                struct delivery *ret);
/* The id in a delivery's body; empty in those to clients. */
struct str identity_provider_session(const json_t *body);

/* Asks for the end of that session. *ret_status: of the answer; 0: none. Fails only when the thread must not wait. */
MUST_USE bool identity_provider_end(const struct provider *p, struct op *op, struct str session, usec_t timeout, int *ret_status,
                                    struct err *e);
/* Whether it is over there now: ended, or unknown (any more). */
bool identity_provider_ended(int status);

#endif
