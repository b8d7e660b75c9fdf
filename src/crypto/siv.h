/* AES-SIV (RFC 5297) over templates: a template holds the key and the first components of associated data. Only for files of this
 * folder and its tests. */
#ifndef CRYPTO_SIV_H
#define CRYPTO_SIV_H

#include <openssl/evp.h>

#include "base/str.h"

enum { SIV_TAG = 16 };

/* `key` is as long as the cipher wants it. May be copied from by several threads at once. */
EVP_CIPHER_CTX *siv_template(const EVP_CIPHER *cipher, const unsigned char *key, bool sealing, const struct str *data, size_t n);

/* `last` is the last component of associated data; an empty one is no component. `out` has room for SIV_TAG more bytes than
 * `plain`, which is not empty. */
void siv_seal(const EVP_CIPHER_CTX *sealing, struct str last, struct str plain, unsigned char *out);
/* `out` has room for sealed.n bytes; SIV_TAG fewer count, and only when the result is true. */
MUST_USE bool siv_open(const EVP_CIPHER_CTX *opening, struct str last, struct str sealed, unsigned char *out);

#endif
