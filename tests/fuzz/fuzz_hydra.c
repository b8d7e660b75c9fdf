/* Tokens, cookies, rows and challenges in Hydra's forms, from strangers. Nothing may pass that has not the MAC of the secret;
 * what has it, because it was made here, must. The first byte chooses the form. */
#include <openssl/evp.h>
#include <string.h>

#include "base/b64.h"
#include "base/rand.h"
#include "crypto/hydra.h"
#include "fuzz.h"

static unsigned char key[32];

static const struct hydra *keys(void)
{
    static struct hydra *h;
    if (h != NULL) return h;
    h = hydra_new(
        &(struct sealer_secrets) { .system = { (struct str[]) { { "a newer one for fuzzing", 23 }, { "fuzzing", 7 } }, 2 } });
    EVP_Digest("fuzzing", 7, key, NULL, EVP_sha256(), NULL);
    return h;
}

static void must_be(bool right)
{
    if (!right) abort();
}

static struct str mac(struct arena *a, const char *digest, struct str text)
{
    unsigned char out[32];
    size_t n;
    must_be(EVP_Q_mac(NULL, "HMAC", NULL, digest, NULL, key, sizeof(key), (const unsigned char *)text.p, text.n, out, sizeof(out),
                      &n) != NULL);
    return arena_dup(a, (struct str) { (char *)out, sizeof(out) });
}

static void token(struct arena *a, struct str text)
{
    struct str signature;
    if (hydra_token_verify(keys(), STR("ory_at_"), text, &signature)) must_be(str_ends(text, signature) && signature.n == 43);
    if (text.n < 32) return;
    const struct str random = str_upto(text, 32);
    const struct str made = ARENA_CAT(a, b64url_encode(a, random), STR("."), b64url_encode(a, mac(a, "SHA512-256", random)));
    must_be(hydra_token_verify(keys(), STR("ory_at_"), made, &signature));
    must_be(!hydra_token_verify(keys(), STR("ory_at_"), str_upto(made, made.n - 1), &signature));
}

/* What follows the MAC's check is reached with a cookie that is signed here. */
static void cookie(struct arena *a, struct str text)
{
    struct str id;
    const struct str payload = b64url_encode(a, text);
    const struct str made = ARENA_CAT(a, STR("1700000000|"), payload);
    const struct str sum = mac(a, "SHA256", ARENA_CAT(a, STR("name|"), made));
    const struct str value = b64url_encode(a, ARENA_CAT(a, made, STR("|"), sum));
    must_be(!hydra_cookie_open(keys(), a, HYDRA_COOKIE_SESSION, STR("name"), text, &id));
    if (hydra_cookie_open(keys(), a, HYDRA_COOKIE_SESSION, STR("name"), value, &id)) must_be(uuid_is(id));
    if (hydra_cookie_open(keys(), a, HYDRA_COOKIE_CSRF, STR("name"), value, &id)) must_be(id.n == 32);
}

static void stored(struct arena *a, struct str text)
{
    struct str plain;
    must_be(!hydra_unseal(keys(), a, text, &plain));
    must_be(!hydra_unseal(keys(), a, b64url_encode(a, text), &plain));
}

static void challenge(struct arena *a, struct str text)
{
    struct str plain;
    must_be(!hydra_challenge_open(keys(), a, HYDRA_LOGIN_CHALLENGE, text, &plain));
    must_be(!hydra_challenge_open(keys(), a, HYDRA_CONSENT_VERIFIER, b64url_encode(a, text), &plain));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const forms[])(struct arena * a, struct str text) = { token, cookie, stored, challenge };
    if (size < 1) return 0;
    ARENA_AUTO a = arena_new();
    forms[data[0] % ARRAY_LEN(forms)](a, (struct str) { (const char *)data + 1, size - 1 });
    return 0;
}
