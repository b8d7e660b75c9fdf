/* The name that a client knows a user by (OpenID Connect Core 8): the subject itself, a value of the client's own (pairwise), or
 * what the login app forced. Only ID tokens and userinfo carry it; access tokens carry the subject itself. */
#ifndef OAUTH_SUBJECT_H
#define OAUTH_SUBJECT_H

#include "oauth/client.h"

/* The name for the tokens of one login; `forced`: what its login app forced, empty: nothing. Public clients get the subject
 * itself, whatever was forced. Fails with INVALID_REQUEST when the client wants pairwise subjects but they are not configured or
 * no sector can be told. */
MUST_USE bool subject_of_login(const struct provider *p, struct arena *a, const struct client *c, struct str subject,
                               struct str forced, struct str *ret, struct err *e);

#endif
