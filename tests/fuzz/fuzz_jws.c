/* Tokens from strangers, and signatures over them. Nothing verifies but what the keys signed; the keys are made anew in every
 * run, so no input can hold a signature of theirs. The payload of each input is signed and must come back. */
#include "crypto/jws.h"
#include "fuzz.h"

static const char *const algs[] = { "RS256", "PS384", "ES256", "ES512", "EdDSA", "HS256" };
static struct jwk *keys[ARRAY_LEN(algs)];

static void must_be(bool right)
{
    if (!right) abort();
}

static const struct jwks *key_set(void)
{
    static const struct jwks set = { keys, ARRAY_LEN(algs) };
    struct err e = ERR_INIT(NULL);
    for (size_t i = 0; i < ARRAY_LEN(algs) && keys[i] == NULL; i++)
        must_be(jwk_generate(str_of(algs[i]), STR("k"), STR_NONE, 1024, &keys[i], &e));
    return &set;
}

static void must_not_verify(const struct jws *jws)
{
    const struct jwk *found;
    for (size_t i = 0; i < ARRAY_LEN(algs); i++) must_be(!jws_verify_set(jws, key_set(), alg_by_name(str_of(algs[i])), &found));
}

static void must_come_back(struct arena *a, const struct jwk *k, struct str payload)
{
    struct err e = ERR_INIT(a);
    struct str compact;
    struct jws jws;
    must_be(jws_sign(a, k, STR("JWT"), payload, &compact, &e));
    if (compact.n > 65536) return;
    must_be(jws_parse(a, compact, &jws, &e) && str_eq(jws.payload, payload) && jws_verify(&jws, k, alg_by_name(k->alg)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ARENA_AUTO a = arena_new();
    struct err e = ERR_INIT(a);
    struct str text = { (const char *)data, size };
    struct jws jws;
    const struct jwks *set = key_set();
    if (jws_parse(a, text, &jws, &e)) must_not_verify(&jws);
    must_come_back(a, set->v[size % set->n], text);

    /* As a signature under a header that names a key and its algorithm. */
    for (size_t i = 0; i < set->n; i++) {
        jws = (struct jws) { .alg = set->v[i]->alg, .kid = STR("k"), .signed_text = STR("e30.e30"), .signature = text };
        must_not_verify(&jws);
    }
    return 0;
}
