/* The discovery document (OpenID Connect Discovery 1.0, RFC 8414): what works here, made from the tables that do the work. */
#ifndef OAUTH_DISCOVERY_H
#define OAUTH_DISCOVERY_H

#include "oauth/provider.h"

/* What does not change while a snapshot lives: the document without its end, which names the signing algorithms. Made once, in
 * p->arena. */
struct str discovery_prepare(const struct provider *p);
/* The whole document, from p->discovery. Waits when the first signing key has to be made. */
MUST_USE bool discovery_document(const struct provider *p, struct op *op, struct str *ret_json, struct err *e);

#endif
