/* Keys per purpose, and the forms a sealed text has on the wire. Knows nothing of what is sealed. */
#include "crypto/seal.h"

#include <nettle/siv-cmac.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/kdf.h>
#include <stdlib.h>
#include <string.h>

#include "base/b64.h"
#include "crypto/scratch.h"

enum { TAG = SIV_DIGEST_SIZE, LONGEST_TEXT = 128 * 1024, LONGEST_TOKEN = 8192, SHORTEST_PART = 20 };

/* Part of every key: another value makes all that is sealed unreadable. */
static const struct str salt = { "grantd seal v2", 14 };

enum list { SYSTEM, COOKIE, PAGINATION };

static const struct purpose {
    const char *label;
    enum list list;
} purposes[SEAL_PURPOSE_MAX_] = {
    /* clang-format off */
    [SEAL_ACCESS_TOKEN]       = { "access token",       SYSTEM },
    [SEAL_REFRESH_TOKEN]      = { "refresh token",      SYSTEM },
    [SEAL_CODE]               = { "code",               SYSTEM },
    [SEAL_DEVICE_CODE]        = { "device code",        SYSTEM },
    [SEAL_REGISTRATION_TOKEN] = { "registration token", SYSTEM },
    [SEAL_LOGIN_CHALLENGE]    = { "login challenge",    SYSTEM },
    [SEAL_LOGIN_VERIFIER]     = { "login verifier",     SYSTEM },
    [SEAL_CONSENT_CHALLENGE]  = { "consent challenge",  SYSTEM },
    [SEAL_CONSENT_VERIFIER]   = { "consent verifier",   SYSTEM },
    [SEAL_DEVICE_CHALLENGE]   = { "device challenge",   SYSTEM },
    [SEAL_DEVICE_VERIFIER]    = { "device verifier",    SYSTEM },
    [SEAL_LOGOUT_CHALLENGE]   = { "logout challenge",   SYSTEM },
    [SEAL_LOGOUT_VERIFIER]    = { "logout verifier",    SYSTEM },
    [SEAL_SESSION_COOKIE]     = { "session cookie",     COOKIE },
    [SEAL_PAGE_TOKEN]         = { "page token",         PAGINATION },
    [SEAL_STORED_KEY]         = { "stored key",         SYSTEM },
    [SEAL_STORED_SESSION]     = { "stored session",     SYSTEM },
    [SEAL_VC_NONCE]           = { "vc nonce",           SYSTEM },
    [SEAL_EARLIER_TOKEN]      = { "earlier token",      SYSTEM },
    /* clang-format on */
};

struct sealer {
    struct siv_cmac_aes256_ctx *keys[SEAL_PURPOSE_MAX_]; /* one for each secret; the first seals */
    size_t n[SEAL_PURPOSE_MAX_];
    EVP_MAC_CTX *mac;
};

/* ---- keys ---- */

/* RFC 5869 with SHA-256. */
static void derive(struct str secret, const char *label, unsigned char *key, size_t n)
{
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)secret.p, secret.n),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)salt.p, salt.n),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)label, strlen(label)),
        OSSL_PARAM_construct_end(),
    };
    if (ctx == NULL || EVP_KDF_derive(ctx, key, n, params) != 1) crypto_broken("HKDF");
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
}

static struct siv_cmac_aes256_ctx *keys_of(struct strs secrets, const char *label)
{
    struct siv_cmac_aes256_ctx *keys = calloc(secrets.n, sizeof(*keys));
    unsigned char *key = OPENSSL_secure_malloc(SIV_CMAC_AES256_KEY_SIZE);
    if (keys == NULL || key == NULL) crypto_broken("no memory for keys");
    for (size_t i = 0; i < secrets.n; i++) {
        derive(secrets.v[i], label, key, SIV_CMAC_AES256_KEY_SIZE);
        siv_cmac_aes256_set_key(&keys[i], key);
    }
    OPENSSL_secure_clear_free(key, SIV_CMAC_AES256_KEY_SIZE);
    return keys;
}

static EVP_MAC_CTX *mac_new(struct str secret)
{
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(hmac);
    unsigned char key[32];
    derive(secret, "mac", key, sizeof(key));
    OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
                            OSSL_PARAM_construct_end() };
    if (ctx == NULL || EVP_MAC_init(ctx, key, sizeof(key), params) != 1) crypto_broken("HMAC");
    OPENSSL_cleanse(key, sizeof(key));
    EVP_MAC_free(hmac);
    return ctx;
}

struct sealer *sealer_new(const struct sealer_secrets *secrets)
{
    const struct strs lists[] = {
        [SYSTEM] = secrets->system,
        [COOKIE] = secrets->cookie.n > 0 ? secrets->cookie : secrets->system,
        [PAGINATION] = secrets->pagination.n > 0 ? secrets->pagination : secrets->system,
    };
    if (secrets->system.n == 0) crypto_broken("no system secret to seal with");

    struct sealer *s = calloc(1, sizeof(*s));
    if (s == NULL) crypto_broken("no memory for keys");
    for (size_t i = 0; i < SEAL_PURPOSE_MAX_; i++) {
        struct strs list = lists[purposes[i].list];
        s->keys[i] = keys_of(list, purposes[i].label);
        s->n[i] = list.n;
    }
    s->mac = mac_new(secrets->system.v[0]);
    return s;
}

void sealer_free(struct sealer *s)
{
    if (s == NULL) return;
    for (size_t i = 0; i < SEAL_PURPOSE_MAX_; i++) {
        OPENSSL_cleanse(s->keys[i], s->n[i] * sizeof(*s->keys[i]));
        free(s->keys[i]);
    }
    EVP_MAC_CTX_free(s->mac);
    free(s);
}

void sealer_mac(const struct sealer *s, const char *label, struct str text, unsigned char ret[32])
{
    EVP_MAC_CTX *ctx = EVP_MAC_CTX_dup(s->mac);
    size_t n;
    /* The label goes in with its NUL, so that it cannot run into the text. */
    bool done = ctx != NULL && EVP_MAC_update(ctx, (const unsigned char *)label, strlen(label) + 1) == 1 &&
                EVP_MAC_update(ctx, (const unsigned char *)text.p, text.n) == 1 && EVP_MAC_final(ctx, ret, &n, 32) == 1;
    if (!done) crypto_broken("HMAC");
    EVP_MAC_CTX_free(ctx);
}

/* ---- bytes ---- */

/* RFC 5297, section 3: the label stands where a nonce would, so that it is authenticated too. */
struct str seal(const struct sealer *s, struct arena *a, enum seal_purpose purpose, struct str bound, struct str plain)
{
    if (plain.n == 0) crypto_broken("nothing to seal");
    const char *label = purposes[purpose].label;
    struct str sealed = { arena_alloc(a, plain.n + TAG), plain.n + TAG };
    siv_cmac_aes256_encrypt_message(&s->keys[purpose][0], strlen(label), (const uint8_t *)label, bound.n,
                                    (const uint8_t *)bound.p, sealed.n, (uint8_t *)sealed.p, (const uint8_t *)plain.p);
    return sealed;
}

bool unseal(const struct sealer *s, struct arena *a, enum seal_purpose purpose, struct str bound, struct str sealed,
            struct str *ret_plain)
{
    if (sealed.n <= TAG) return false;
    const char *label = purposes[purpose].label;
    struct str plain = { arena_alloc(a, sealed.n - TAG), sealed.n - TAG };
    for (size_t i = 0; i < s->n[purpose]; i++) {
        if (!siv_cmac_aes256_decrypt_message(&s->keys[purpose][i], strlen(label), (const uint8_t *)label, bound.n,
                                             (const uint8_t *)bound.p, plain.n, (uint8_t *)plain.p, (const uint8_t *)sealed.p))
            continue;
        *ret_plain = plain;
        return true;
    }
    return false;
}

/* ---- one piece of text ---- */

struct str seal_text(const struct sealer *s, struct arena *a, enum seal_purpose purpose, struct str bound, struct str plain)
{
    return b64url_encode(a, seal(s, a, purpose, bound, plain));
}

bool unseal_text(const struct sealer *s, struct arena *a, enum seal_purpose purpose, struct str bound, struct str text,
                 struct str *ret_plain)
{
    if (text.n > LONGEST_TEXT) return false;
    char *bytes = arena_alloc(a, text.n * 3 / 4 + 1);
    size_t n;
    TRY(b64url_read(text, bytes, &n));
    return unseal(s, a, purpose, bound, (struct str) { bytes, n }, ret_plain);
}

/* ---- tokens: two parts, the first with half of the bytes, rounded down ---- */

struct str seal_token(const struct sealer *s, struct arena *a, enum seal_purpose purpose, struct str bound, struct str prefix,
                      struct str plain)
{
    struct str sealed = seal(s, a, purpose, bound, plain);
    size_t half = sealed.n / 2, rest = sealed.n - half;
    char *text = arena_alloc(a, prefix.n + b64url_length(half) + 1 + b64url_length(rest) + 1), *at = text;
    if (prefix.n > 0) at = mempcpy(at, prefix.p, prefix.n);
    at += b64url_write(sealed.p, half, at);
    *at++ = '.';
    at += b64url_write(sealed.p + half, rest, at);
    *at = '\0';
    return (struct str) { text, (size_t)(at - text) };
}

bool unseal_token(const struct sealer *s, struct arena *a, enum seal_purpose purpose, struct str bound, struct str prefix,
                  struct str token, struct str *ret_plain)
{
    if (token.n > LONGEST_TOKEN) return false;
    if (prefix.n > 0 && str_starts(token, prefix)) token = str_from(token, prefix.n);

    struct str first, second;
    TRY(str_split_once(token, '.', &first, &second));
    if (first.n < SHORTEST_PART || second.n < SHORTEST_PART) return false;
    unsigned char bytes[LONGEST_TOKEN * 3 / 4];
    size_t half, rest;
    TRY(b64url_read(first, bytes, &half) && b64url_read(second, bytes + half, &rest));
    /* A dot elsewhere would give the same token a second spelling. */
    if (half != (half + rest) / 2) return false;
    return unseal(s, a, purpose, bound, (struct str) { (char *)bytes, half + rest }, ret_plain);
}
