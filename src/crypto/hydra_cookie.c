/* Hydra's cookies: securecookie's layout around a gob (Go's serialization) of a map with one entry. */
#include "base/b64.h"
#include "base/rand.h"
#include "crypto/hydra_int.h"
#include "crypto/scratch.h"

enum { VALUE_MAX = 4096, IV = 16, TIME_MAX = 20, UUID = 36, CSRF = 32 };

/* A map from text to anything, with one entry; its name and the length of its value, a text, which follows. */
#define GOB(size) 0x0d, 0x7f, 0x04, 0x01, 0x02, 0xff, 0x80, 0x00, 0x01, 0x10, 0x01, 0x10, 0x00, 0x00, size, 0xff, 0x80, 0x00, 0x01
#define STRING    0x06, 's', 't', 'r', 'i', 'n', 'g', 0x0c
static const unsigned char session_start[] = { GOB(0x41), STRING, 0x05, 0x00, 0x03, 's', 'i', 'd', STRING, 0x26, 0x00, UUID };
static const unsigned char csrf_start[] = { GOB(0x3e), STRING, 0x06, 0x00, 0x04, 'c', 's', 'r', 'f', STRING, 0x22, 0x00, CSRF };

static const struct form {
    struct str start;
    size_t n; /* of the value */
} forms[] = {
    [HYDRA_COOKIE_SESSION] = { { (const char *)session_start, sizeof(session_start) }, UUID },
    [HYDRA_COOKIE_CSRF] = { { (const char *)csrf_start, sizeof(csrf_start) }, CSRF },
};

static bool gob_read(enum hydra_cookie kind, struct arena *a, struct str gob, struct str *ret)
{
    const struct form *form = &forms[kind];
    struct str bytes;
    if (gob.n != form->start.n + form->n || !str_starts(gob, form->start)) return false;
    const struct str value = str_from(gob, form->start.n);
    if (kind == HYDRA_COOKIE_SESSION ? !uuid_is(value) : !hex_decode(a, value, &bytes)) return false;
    *ret = value;
    return true;
}

static bool decrypt(const unsigned char *key, struct str text, unsigned char *out)
{
    EVP_CIPHER_CTX *ctx = scratch_get()->cipher;
    int n;
    if (text.n > VALUE_MAX) return false;
    const bool done = EVP_CIPHER_CTX_reset(ctx) == 1 &&
                      EVP_DecryptInit_ex2(ctx, EVP_aes_256_ctr(), key, (const unsigned char *)text.p, NULL) == 1 &&
                      EVP_DecryptUpdate(ctx, out, &n, (const unsigned char *)text.p + IV, (int)(text.n - IV)) == 1;
    EVP_CIPHER_CTX_reset(ctx);
    return done;
}

/* moment | payload | MAC. The MAC is raw bytes, which may have a bar among them. */
struct parts {
    struct str time, payload, mac;
};

static bool split(struct arena *a, struct str value, struct parts *ret)
{
    struct str rest;
    if (value.n > VALUE_MAX || !b64url_decode(a, value, &rest)) return false;
    ret->time = str_cut(&rest, '|');
    if (rest.p == NULL || ret->time.n == 0 || ret->time.n > TIME_MAX) return false;
    ret->payload = str_cut(&rest, '|');
    ret->mac = rest;
    return rest.p != NULL && rest.n == HYDRA_KEY;
}

bool hydra_cookie_open(const struct hydra *h, struct arena *a, enum hydra_cookie kind, struct str name, struct str value,
                       struct str *ret)
{
    struct parts c;
    struct str payload;
    unsigned char mac[HYDRA_KEY];
    if (!split(a, value, &c) || !b64url_decode(a, c.payload, &payload) || payload.n <= IV) return false;
    const struct str signed_parts[] = { name, STR("|"), c.time, STR("|"), c.payload };
    for (size_t i = 0; i < h->cookies_n; i++) {
        hydra_mac(h->cookie_macs[i], signed_parts, ARRAY_LEN(signed_parts), mac);
        if (!str_eq_secret((struct str) { (char *)mac, sizeof(mac) }, c.mac)) continue;
        if (gob_read(kind, a, payload, ret)) return true; /* v1 does not encrypt */
        unsigned char *plain = arena_alloc(a, payload.n);
        const struct str gob = { (char *)plain, payload.n - IV };
        return decrypt(hydra_cookie_key(h, i), payload, plain) && gob_read(kind, a, gob, ret);
    }
    return false;
}
