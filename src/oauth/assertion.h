/* JWTs that others have made for us (RFC 7519, RFC 7521): client assertions, assertions of trusted issuers, request objects.
 * Taken apart here; whose keys they need and what they must say is their users' business. */
#ifndef OAUTH_ASSERTION_H
#define OAUTH_ASSERTION_H

#include "crypto/jws.h"
#include "oauth/provider.h"

#define ASSERTION_UNSET INT64_MIN /* a moment that was not given */

struct assertion {
    struct jws jws;
    json_t *claims;           /* an object; lives as long as the arena */
    struct str iss, sub, jti; /* empty when absent */
    struct strs audience;     /* `aud`, a text or a list of them */
    usec_t exp, nbf, iat;     /* ASSERTION_UNSET when absent */
};

/* Fails with INVALID_TOKEN: no JWT, or a registered claim has the wrong type. Verifies nothing. */
MUST_USE bool assertion_read(struct arena *a, struct str text, struct assertion *ret, struct err *e);

/* What is wrong with its moments at `now`; NULL: nothing. Claims that are absent are not missed. Other people's clocks may be a
 * little ahead of ours. */
const char *assertion_time_fault(const struct assertion *t, usec_t now);

/* RFC 8725 3.11: a JWT that says it was made for something else is not taken. `type` is the name for this use; a plain "JWT", or
 * none, is what most makers write. */
bool assertion_has_type(const struct assertion *t, const char *type);

/* What a token endpoint may be called by: the configured URL and those made from public URL and issuer, each once (RFC 7523 3).
 */
struct strs assertion_token_urls(const struct provider *p, struct arena *a);
bool assertion_is_for(const struct assertion *t, struct strs urls);

/* Remembers the token's jti until it has expired. DONE, or EXISTS: it was used before. Each maker has jtis of its own (RFC 7519
 * 4.1.7): `maker` says who, in a name space of its kind. Waits. */
MUST_USE bool assertion_burn(const struct provider *p, struct op *op, const char *kind, struct str maker,
                             const struct assertion *t, enum store_put *ret, struct err *e);
/* Was it used on the server that was taken over? */
MUST_USE bool assertion_used_earlier(const struct provider *p, struct op *op, const struct assertion *t, bool *ret,
                                     struct err *e);

#endif
