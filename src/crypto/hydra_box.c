/* What Hydra encrypts: rows with AES-256-GCM, challenges with XChaCha20-Poly1305. */
#include <limits.h>
#include <string.h>

#include "base/b64.h"
#include "crypto/hydra_int.h"
#include "crypto/scratch.h"

enum { TAG = 16, GCM_NONCE = 12, XCHACHA_NONCE = 24, STORED_MAX = 4 * 1024 * 1024, CHALLENGE_MAX = 128 * 1024 };

struct box {
    const EVP_CIPHER *cipher;
    const unsigned char *key, *nonce; /* of 12 bytes, in both */
    struct str data;                  /* authenticated, not encrypted; empty: none */
    struct str text;                  /* ciphertext, then the tag */
};

static bool box_open(const struct box *b, unsigned char *out)
{
    EVP_CIPHER_CTX *ctx = scratch_get()->cipher;
    unsigned char tag[TAG];
    const size_t length = b->text.n - TAG;
    int n, end;
    memcpy(tag, b->text.p + length, TAG);
    const bool opened =
        EVP_CIPHER_CTX_reset(ctx) == 1 && EVP_DecryptInit_ex2(ctx, b->cipher, b->key, b->nonce, NULL) == 1 &&
        (b->data.n == 0 || EVP_DecryptUpdate(ctx, NULL, &n, (const unsigned char *)b->data.p, (int)b->data.n) == 1) &&
        EVP_DecryptUpdate(ctx, out, &n, (const unsigned char *)b->text.p, (int)length) == 1 &&
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, tag) == 1 && EVP_DecryptFinal_ex(ctx, out + n, &end) == 1;
    EVP_CIPHER_CTX_reset(ctx); /* wipes the key */
    return opened;
}

/* ---- at rest ---- */

bool hydra_unseal(const struct hydra *h, struct arena *a, struct str stored, struct str *ret_plain)
{
    struct str bytes;
    if (stored.n > STORED_MAX || !b64url_decode(a, stored, &bytes) || bytes.n <= GCM_NONCE + TAG) return false;
    const struct str text = str_from(bytes, GCM_NONCE);
    unsigned char *plain = arena_alloc(a, text.n);
    for (size_t i = 0; i < h->n; i++) {
        const struct box b = {
            .cipher = EVP_aes_256_gcm(), .key = hydra_key(h, i), .nonce = (const unsigned char *)bytes.p, .text = text
        };
        if (!box_open(&b, plain)) continue;
        *ret_plain = (struct str) { (char *)plain, text.n - TAG };
        return true;
    }
    return false;
}

/* ---- challenges ---- */

static uint32_t rotl(uint32_t x, int by) { return x << by | x >> (32 - by); }

static void quarter(uint32_t *s, int a, int b, int c, int d)
{
    s[a] += s[b], s[d] = rotl(s[d] ^ s[a], 16);
    s[c] += s[d], s[b] = rotl(s[b] ^ s[c], 12);
    s[a] += s[b], s[d] = rotl(s[d] ^ s[a], 8);
    s[c] += s[d], s[b] = rotl(s[b] ^ s[c], 7);
}

static uint32_t load(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* The subkey of XChaCha20 (draft-irtf-cfrg-xchacha 2.2): ChaCha20's rounds (RFC 8439 2.3) without the final addition, of which
 * the first and the last row are kept. */
static void hchacha20(const unsigned char key[HYDRA_KEY], const unsigned char nonce[16], unsigned char ret[HYDRA_KEY])
{
    uint32_t s[16] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 };
    for (int i = 0; i < 8; i++) s[4 + i] = load(key + (size_t)i * 4);
    for (int i = 0; i < 4; i++) s[12 + i] = load(nonce + (size_t)i * 4);
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 4; i++) quarter(s, i, 4 + i, 8 + i, 12 + i);
        for (int i = 0; i < 4; i++) quarter(s, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4);
    }
    for (int i = 0; i < 8; i++) {
        const uint32_t word = s[i < 4 ? i : 8 + i];
        for (int j = 0; j < 4; j++) ret[i * 4 + j] = (unsigned char)(word >> 8 * j);
    }
}

/* The challenge's purpose is authenticated: a login challenge does not pass for a consent challenge. */
static struct str purpose_data(struct arena *a, enum hydra_purpose purpose)
{
    return purpose == 0 ? STR("{}") : arena_printf(a, "{\"p\":%d}", (int)purpose);
}

bool hydra_challenge_open(const struct hydra *h, struct arena *a, enum hydra_purpose purpose, struct str challenge,
                          struct str *ret_gzip)
{
    struct str bytes;
    if (challenge.n > CHALLENGE_MAX || !b64url_decode(a, challenge, &bytes) || bytes.n <= XCHACHA_NONCE + TAG) return false;
    unsigned char subkey[HYDRA_KEY], nonce[GCM_NONCE] = { 0 };
    const struct str text = str_from(bytes, XCHACHA_NONCE);
    unsigned char *plain = arena_alloc(a, text.n);
    bool opened = false;
    memcpy(nonce + 4, bytes.p + 16, 8);
    for (size_t i = 0; i < h->n && !opened; i++) {
        hchacha20(hydra_key(h, i), (const unsigned char *)bytes.p, subkey);
        opened = box_open(&(struct box) { EVP_chacha20_poly1305(), subkey, nonce, purpose_data(a, purpose), text }, plain);
    }
    OPENSSL_cleanse(subkey, sizeof(subkey));
    if (opened) *ret_gzip = (struct str) { (char *)plain, text.n - TAG };
    return opened;
}
