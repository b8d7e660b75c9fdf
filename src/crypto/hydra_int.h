/* What the files hydra*.c share: the keys. */
#ifndef CRYPTO_HYDRA_INT_H
#define CRYPTO_HYDRA_INT_H

#include <openssl/evp.h>

#include "crypto/hydra.h"

enum { HYDRA_KEY = 32 };

struct hydra {
    size_t n;                 /* of the system secrets: */
    unsigned char *keys;      /* SHA-256 of each */
    EVP_MAC_CTX **token_macs; /* HMAC-SHA-512/256 under those */
    size_t cookies_n;         /* of the cookie secrets, then of the keys above: */
    unsigned char *cookie_keys;
    EVP_MAC_CTX **cookie_macs; /* HMAC-SHA-256 */
};

static inline const unsigned char *hydra_key(const struct hydra *h, size_t i) { return h->keys + i * HYDRA_KEY; }
static inline const unsigned char *hydra_cookie_key(const struct hydra *h, size_t i) { return h->cookie_keys + i * HYDRA_KEY; }

/* The MAC of the parts, one after the other, under a template. */
void hydra_mac(const EVP_MAC_CTX *template, const struct str *parts, size_t n, unsigned char ret[HYDRA_KEY]);

#endif
