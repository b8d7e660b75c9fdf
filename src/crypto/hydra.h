/* What Ory Hydra derives from the same secrets: enough to go on with what it has given out (tokens, codes, cookies) and to read
 * what it has stored. Nothing is made in these forms. Knows nothing of what the values stand for. */
#ifndef CRYPTO_HYDRA_H
#define CRYPTO_HYDRA_H

#include "crypto/seal.h"

struct hydra;

/* The keys of all secrets: reading tries every one. Immutable, for all threads at once. `pagination` is not used. */
struct hydra *hydra_new(const struct sealer_secrets *secrets);
void hydra_free(struct hydra *h); /* accepts NULL */

/* ---- opaque tokens, codes, device codes, registration access tokens ---- */

/* Is it one of its opaque tokens, authentic under one of the secrets? With or without `prefix` ("ory_at_"; v1 had none).
 * *ret_signature is a view of the token: the part after the dot. */
MUST_USE bool hydra_token_verify(const struct hydra *h, struct str prefix, struct str token, struct str *ret_signature);
/* What a token is found by: lower hex SHA-384 of its signature (the text after the last dot, of JWTs too), 96 characters. The
 * column `signature` of access tokens holds just this; those of other tables, and old rows, hold the signature itself. */
struct str hydra_signature_digest(struct arena *a, struct str signature);

/* The columns user_code_signature that a typed code may have: one per secret. */
struct strs hydra_user_code_digests(const struct hydra *h, struct arena *a, struct str user_code);

/* The column `signature` of used jtis: lower hex SHA-256. It knows no issuer. */
struct str hydra_jti_digest(struct arena *a, struct str jti);

/* ---- at rest ---- */

/* hydra_jwk.keydata, and session_data where that is no JSON. False: not sealed under any of the secrets, or changed, or above 4
 * MiB. */
MUST_USE bool hydra_unseal(const struct hydra *h, struct arena *a, struct str stored, struct str *ret_plain);

/* ---- cookies ---- */

/* The names that v1 gave the cookie of the login session: secure, insecure. */
#define HYDRA_V1_SESSION_COOKIE          "oauth2_authentication_session"
#define HYDRA_V1_SESSION_COOKIE_INSECURE "oauth2_authentication_session_insecure"

enum hydra_cookie {
    HYDRA_COOKIE_SESSION, /* the login session's id: a UUID */
    HYDRA_COOKIE_CSRF     /* of one flow: 32 hex digits */
};
/* What a cookie of v1 or later holds. The name is part of the MAC. */
MUST_USE bool hydra_cookie_open(const struct hydra *h, struct arena *a, enum hydra_cookie kind, struct str name, struct str value,
                                struct str *ret);

/* ---- challenges of flows in flight (from v2.2 on) ---- */

enum hydra_purpose {
    HYDRA_LOGIN_CHALLENGE = 0,
    HYDRA_LOGIN_VERIFIER = 1,
    HYDRA_DEVICE_CHALLENGE = 2,
    HYDRA_DEVICE_VERIFIER = 3,
    HYDRA_CONSENT_CHALLENGE = 4,
    HYDRA_CONSENT_VERIFIER = 5,
    HYDRA_LOGOUT_CHALLENGE = 7,
    HYDRA_LOGOUT_VERIFIER = 8
};
/* The gzip stream inside; whoever inflates it caps the size. */
MUST_USE bool hydra_challenge_open(const struct hydra *h, struct arena *a, enum hydra_purpose purpose, struct str challenge,
                                   struct str *ret_gzip);

#endif
