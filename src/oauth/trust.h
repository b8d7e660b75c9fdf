/* Trusted issuers: whose assertions the jwt-bearer grant takes (RFC 7523 3), for which subjects, with which key and scopes. */
#ifndef OAUTH_TRUST_H
#define OAUTH_TRUST_H

#include "crypto/jws.h"
#include "oauth/provider.h"

/* Checks and stores: t->issuer, subject, any_subject, scopes and expires_at are given, the rest is made. Waits. Fails with
 * BAD_REQUEST, or with DUPLICATE: the same trust is there, or the issuer has another key of that kid. */
MUST_USE bool trust_create(const struct provider *p, struct op *op, struct trust *t, const json_t *jwk, struct err *e);

enum trust_found {
    TRUST_FOUND,     /* *ret is the row whose key has made the signature */
    TRUST_NONE,      /* nobody trusts this issuer for this subject, with this kid, now */
    TRUST_NOT_SIGNED /* somebody does, but the signature is not theirs */
};
MUST_USE bool trust_verify(const struct provider *p, struct op *op, const struct jws *jws, struct str issuer, struct str subject,
                           enum trust_found *ret, const struct trust **ret_trust, struct err *e);

#endif
