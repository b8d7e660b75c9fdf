/* The person's side of the device flow (RFC 8628 3.3): the verification page's challenge, the typed code, and from there login
 * and consent as for any other request. Until a code was typed nothing is stored. */
#ifndef FLOW_DEVICE_H
#define FLOW_DEVICE_H

#include "flow/visit.h"

/* Begins: a flow that knows no client yet. Keeps what `params` say about the login (prompt, max_age, hints). */
MUST_USE bool device_flow_begin(const struct provider *p, struct op *op, const struct params *params, struct flow *ret,
                                struct err *e);
struct str device_flow_challenge(const struct provider *p, struct arena *a, const struct flow *f);
/* FLOW_OPEN, FLOW_EXPIRED or FLOW_UNKNOWN. */
enum flow_found device_flow_open(const struct provider *p, struct op *op, struct str challenge, struct flow *ret);

/* A code was typed: *ret_url is where the browser goes on. Fails with INVALID_REQUEST when no device waits with this code, and
 * with TOO_MANY_TRIES when too many were tried. */
MUST_USE bool device_flow_accept(const struct provider *p, struct op *op, const struct flow *f, struct str user_code,
                                 struct str *ret_url, struct err *e);

/* The browser is back with a verifier: *ret_begun is the flow of the device page, whose CSRF value the caller checks before
 * anything else. Fails with ACCESS_DENIED. */
MUST_USE bool device_flow_verify(const struct provider *p, struct op *op, struct str verifier, struct flow *ret_begun,
                                 struct err *e);
/* What the device asked for with what the browser brought, as parameters; then visit_begin goes on with a request read from them.
 * Fails with INVALID_CLIENT when `sent` names another client, and with ACCESS_DENIED when the device waits no more. */
MUST_USE bool device_flow_request(const struct provider *p, struct op *op, const struct flow *begun, const struct params *sent,
                                  struct params *ret, struct err *e);

/* Back from the consent app: the device gets the grant. */
MUST_USE bool device_flow_finish(const struct provider *p, struct op *op, const struct authorize_request *q, struct grant *g,
                                 const struct flow *f, struct err *e);
/* The person said no: the device learns it. */
MUST_USE bool device_flow_refuse(const struct provider *p, struct op *op, const struct flow *f, struct err *e);

#endif
