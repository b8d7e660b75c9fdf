/* AES-SIV through EVP. OpenSSL wants a fresh context for every message; copying a keyed one spares the key set-up. */
#include "crypto/siv.h"

#include <limits.h>
#include <string.h>

#include "crypto/scratch.h"

static bool add_data(EVP_CIPHER_CTX *ctx, struct str data)
{
    int n;
    /* OpenSSL before 3.0.10 ignores empty components, so that what they authenticate would depend on its version. */
    return data.n == 0 || EVP_CipherUpdate(ctx, NULL, &n, (const unsigned char *)data.p, (int)data.n) == 1;
}

EVP_CIPHER_CTX *siv_template(const EVP_CIPHER *cipher, const unsigned char *key, bool sealing, const struct str *data, size_t n)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    if (ctx == NULL || EVP_CipherInit_ex2(ctx, cipher, key, NULL, sealing, NULL) != 1) crypto_broken("AES-SIV");
    for (size_t i = 0; i < n; i++)
        if (!add_data(ctx, data[i])) crypto_broken("AES-SIV");
    return ctx;
}

static EVP_CIPHER_CTX *copy_of(const EVP_CIPHER_CTX *template)
{
    EVP_CIPHER_CTX *ctx = scratch_get()->cipher;
    if (EVP_CIPHER_CTX_copy(ctx, template) != 1) crypto_broken("AES-SIV copy");
    return ctx;
}

void siv_seal(const EVP_CIPHER_CTX *sealing, struct str last, struct str plain, unsigned char *out)
{
    if (plain.n == 0 || plain.n > INT_MAX - SIV_TAG || last.n > INT_MAX) crypto_broken("length of what is to be sealed");

    EVP_CIPHER_CTX *ctx = copy_of(sealing);
    int n, end;
    bool sealed = add_data(ctx, last) &&
                  EVP_EncryptUpdate(ctx, out + SIV_TAG, &n, (const unsigned char *)plain.p, (int)plain.n) == 1 &&
                  EVP_EncryptFinal_ex(ctx, out + SIV_TAG + n, &end) == 1 &&
                  EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, SIV_TAG, out) == 1;
    if (!sealed) crypto_broken("AES-SIV");
}

bool siv_open(const EVP_CIPHER_CTX *opening, struct str last, struct str sealed, unsigned char *out)
{
    if (sealed.n <= SIV_TAG || sealed.n > INT_MAX || last.n > INT_MAX) return false;

    EVP_CIPHER_CTX *ctx = copy_of(opening);
    unsigned char tag[SIV_TAG];
    memcpy(tag, sealed.p, SIV_TAG);
    const unsigned char *text = (const unsigned char *)sealed.p + SIV_TAG;
    int n, end;
    return EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, SIV_TAG, tag) == 1 && add_data(ctx, last) &&
           EVP_DecryptUpdate(ctx, out, &n, text, (int)sealed.n - SIV_TAG) == 1 && EVP_DecryptFinal_ex(ctx, out + n, &end) == 1;
}
