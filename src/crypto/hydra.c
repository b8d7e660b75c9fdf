/* Keys from secrets; tokens and the texts that rows are found by. */
#include "crypto/hydra.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdlib.h>

#include "base/b64.h"
#include "crypto/hydra_int.h"
#include "crypto/scratch.h"

enum { TOKEN_RANDOM = 32, TOKEN_PART = 43 /* characters of 32 bytes */ };

/* ---- keys ---- */

static EVP_MAC_CTX *mac_template(const char *digest, struct str key)
{
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(hmac);
    OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)digest, 0),
                            OSSL_PARAM_construct_end() };
    if (ctx == NULL || EVP_MAC_init(ctx, (const unsigned char *)key.p, key.n, params) != 1) crypto_broken("HMAC");
    EVP_MAC_free(hmac);
    return ctx;
}

static struct str key_text(const unsigned char *key) { return (struct str) { (const char *)key, HYDRA_KEY }; }

static void sha256(struct str text, unsigned char *ret) { SHA256((const unsigned char *)text.p, text.n, ret); }

static void add_system_secrets(struct hydra *h, struct strs secrets)
{
    for (size_t i = 0; i < secrets.n; i++) {
        sha256(secrets.v[i], h->keys + i * HYDRA_KEY);
        h->token_macs[i] = mac_template("SHA512-256", key_text(hydra_key(h, i)));
    }
}

static void add_cookie_secret(struct hydra *h, struct str secret)
{
    sha256(secret, h->cookie_keys + h->cookies_n * HYDRA_KEY);
    h->cookie_macs[h->cookies_n++] = mac_template("SHA256", secret);
}

struct hydra *hydra_new(const struct sealer_secrets *secrets)
{
    const size_t n = secrets->system.n, cookies = secrets->cookie.n + n;
    struct hydra *h = calloc(1, sizeof(*h));
    if (h == NULL) crypto_broken("no memory for keys");
    *h = (struct hydra) { .n = n,
                          .keys = OPENSSL_secure_malloc(n * HYDRA_KEY + 1),
                          .token_macs = calloc(n + 1, sizeof(EVP_MAC_CTX *)),
                          .cookie_keys = OPENSSL_secure_malloc(cookies * HYDRA_KEY + 1),
                          .cookie_macs = calloc(cookies + 1, sizeof(EVP_MAC_CTX *)) };
    if (h->keys == NULL || h->token_macs == NULL || h->cookie_keys == NULL || h->cookie_macs == NULL)
        crypto_broken("no memory for keys");
    add_system_secrets(h, secrets->system);
    for (size_t i = 0; i < secrets->cookie.n; i++) add_cookie_secret(h, secrets->cookie.v[i]);
    /* Without cookie secrets the system's stood in, as hashes. */
    for (size_t i = 0; i < n; i++) add_cookie_secret(h, key_text(hydra_key(h, i)));
    return h;
}

void hydra_free(struct hydra *h)
{
    if (h == NULL) return;
    for (size_t i = 0; i < h->n; i++) EVP_MAC_CTX_free(h->token_macs[i]);
    for (size_t i = 0; i < h->cookies_n; i++) EVP_MAC_CTX_free(h->cookie_macs[i]);
    free(h->token_macs);
    free(h->cookie_macs);
    OPENSSL_secure_clear_free(h->keys, h->n * HYDRA_KEY + 1);
    OPENSSL_secure_clear_free(h->cookie_keys, h->cookies_n * HYDRA_KEY + 1);
    free(h);
}

void hydra_mac(const EVP_MAC_CTX *template, const struct str *parts, size_t n, unsigned char ret[HYDRA_KEY])
{
    EVP_MAC_CTX *ctx = EVP_MAC_CTX_dup(template);
    size_t length;
    bool done = ctx != NULL;
    for (size_t i = 0; i < n && done; i++) done = EVP_MAC_update(ctx, (const unsigned char *)parts[i].p, parts[i].n) == 1;
    if (!done || EVP_MAC_final(ctx, ret, &length, HYDRA_KEY) != 1) crypto_broken("HMAC");
    EVP_MAC_CTX_free(ctx);
}

/* ---- tokens ---- */

static bool is_authentic(const struct hydra *h, struct str random, struct str signature)
{
    unsigned char mac[HYDRA_KEY];
    bool found = false;
    for (size_t i = 0; i < h->n && !found; i++) {
        hydra_mac(h->token_macs[i], &random, 1, mac);
        found = str_eq_secret(key_text(mac), signature);
    }
    return found;
}

bool hydra_token_verify(const struct hydra *h, struct str prefix, struct str token, struct str *ret_signature)
{
    unsigned char random[TOKEN_RANDOM], mac[HYDRA_KEY];
    struct str first, second;
    size_t n;
    if (prefix.n > 0 && str_starts(token, prefix)) token = str_from(token, prefix.n);
    if (token.n != 2 * TOKEN_PART + 1 || !str_split_once(token, '.', &first, &second) || first.n != TOKEN_PART) return false;
    if (!b64url_read(first, random, &n) || !b64url_read(second, mac, &n)) return false;
    if (!is_authentic(h, (struct str) { (char *)random, TOKEN_RANDOM }, key_text(mac))) return false;
    *ret_signature = second;
    return true;
}

struct str hydra_signature_digest(struct arena *a, struct str signature)
{
    unsigned char digest[SHA384_DIGEST_LENGTH];
    SHA384((const unsigned char *)signature.p, signature.n, digest);
    return hex_encode(a, (struct str) { (char *)digest, sizeof(digest) });
}

struct strs hydra_user_code_digests(const struct hydra *h, struct arena *a, struct str user_code)
{
    struct strs digests = { 0 };
    unsigned char mac[HYDRA_KEY];
    for (size_t i = 0; i < h->n; i++) {
        hydra_mac(h->token_macs[i], &user_code, 1, mac);
        strs_add(a, &digests, b64url_encode(a, key_text(mac)));
    }
    return digests;
}

struct str hydra_jti_digest(struct arena *a, struct str jti)
{
    unsigned char digest[HYDRA_KEY];
    sha256(jti, digest);
    return hex_encode(a, key_text(digest));
}
