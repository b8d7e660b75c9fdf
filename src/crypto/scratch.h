/* OpenSSL contexts of the calling thread: copying a keyed template into one of them is several times cheaper than setting up a
 * new one. They are wiped and freed when the thread ends. Only for files of this folder. */
#ifndef CRYPTO_SCRATCH_H
#define CRYPTO_SCRATCH_H

#include <openssl/evp.h>

struct scratch {
    EVP_CIPHER_CTX *cipher;
    EVP_MD_CTX *digest;
};

/* The caller leaves no state in `cipher` and `digest` that a later one could use. */
struct scratch *scratch_get(void);

/* For what cannot fail but for a broken OpenSSL or a lack of memory: ends the process. */
__attribute__((noreturn)) void crypto_broken(const char *what);

#endif
