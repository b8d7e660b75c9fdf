/* Sealing: AES-256-SIV (RFC 5297) under keys that HKDF (RFC 5869) derives per purpose from the configured secrets. The nonce is
 * derived from the content, so equal contents seal to equal texts: callers put something unique inside where that matters. */
#ifndef CRYPTO_SEAL_H
#define CRYPTO_SEAL_H

#include "base/err.h"

enum seal_purpose {
    SEAL_ACCESS_TOKEN,
    SEAL_REFRESH_TOKEN,
    SEAL_CODE,
    SEAL_DEVICE_CODE,
    SEAL_REGISTRATION_TOKEN,
    SEAL_LOGIN_CHALLENGE,
    SEAL_LOGIN_VERIFIER,
    SEAL_CONSENT_CHALLENGE,
    SEAL_CONSENT_VERIFIER,
    SEAL_DEVICE_CHALLENGE,
    SEAL_DEVICE_VERIFIER,
    SEAL_LOGOUT_CHALLENGE,
    SEAL_LOGOUT_VERIFIER,
    SEAL_SESSION_COOKIE,
    SEAL_PAGE_TOKEN,
    SEAL_STORED_KEY,
    SEAL_STORED_SESSION,
    SEAL_VC_NONCE,
    SEAL_EARLIER_TOKEN,
    SEAL_PURPOSE_MAX_
};

struct sealer;

/* The first secret of a list seals, all open. Empty `cookie` or `pagination` lists fall back to `system`, which has at least one.
 * Derived keys pass through OpenSSL's secure memory (locked, where main has set it up) and stay in the sealer only, which wipes
 * them. The sealer is immutable and may be used by all threads at once. */
struct sealer_secrets {
    struct strs system, cookie, pagination;
};
struct sealer *sealer_new(const struct sealer_secrets *secrets);
void sealer_free(struct sealer *s);

/* The ciphertext is 16 bytes longer than `plain`, which is not empty. `bound` (the issuer, a set's name...) must be the same to
 * open. */
struct str seal(const struct sealer *s, struct arena *a, enum seal_purpose purpose, struct str bound, struct str plain);
/* False: not sealed by us for this purpose and bound, or changed. Tries every secret. */
MUST_USE bool unseal(const struct sealer *s, struct arena *a, enum seal_purpose purpose, struct str bound, struct str sealed,
                     struct str *ret_plain);

/* As text: base64url in one piece; every text has one spelling. Opening refuses more than 128 KiB of text, 8 KiB of token. */
struct str seal_text(const struct sealer *s, struct arena *a, enum seal_purpose purpose, struct str bound, struct str plain);
MUST_USE bool unseal_text(const struct sealer *s, struct arena *a, enum seal_purpose purpose, struct str bound, struct str text,
                          struct str *ret_plain);
/* As a token: `prefix` ("ory_at_"), then two base64url parts of at least 20 characters with a dot between, so that patterns
 * written for such tokens match. `plain` has at least 14 bytes. Opening takes the token with or without the prefix. */
struct str seal_token(const struct sealer *s, struct arena *a, enum seal_purpose purpose, struct str bound, struct str prefix,
                      struct str plain);
MUST_USE bool unseal_token(const struct sealer *s, struct arena *a, enum seal_purpose purpose, struct str bound,
                           struct str prefix, struct str token, struct str *ret_plain);

/* HMAC-SHA-256 under a key derived from the first system secret: for look-up values that must not be guessable. Different labels
 * give unrelated values. */
void sealer_mac(const struct sealer *s, const char *label, struct str text, unsigned char ret[32]);

#endif
