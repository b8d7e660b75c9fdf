/* Keys and key sets from strangers, as JSON, PEM or DER. What is accepted must have one canonical form that is accepted again,
 * and a public half without anything private. */
#include "crypto/jwk.h"
#include "fuzz.h"

static void must_be(bool right)
{
    if (!right) abort();
}

static void check_public(struct arena *a, const struct jwk *k)
{
    json_t *public = jwk_public_json(k);
    must_be((public != NULL) == (k->pkey != NULL));
    if (public == NULL) return;
    struct err e = ERR_INIT(a);
    struct jwk *verifier;
    must_be(json_object_get(public, "d") == NULL && json_object_get(public, "p") == NULL && json_object_get(public, "k") == NULL);
    must_be(jwk_parse(public, &verifier, &e) && !verifier->is_private);
    must_be(str_eq(jwk_thumbprint(a, verifier), jwk_thumbprint(a, k)));
    jwk_unref(verifier);
    json_decref(public);
}

static void check(struct arena *a, const struct jwk *k)
{
    struct err e = ERR_INIT(a);
    struct jwk *again;
    must_be(jwk_parse(k->json, &again, &e));
    must_be(str_eq(json_text(a, k->json, false), json_text(a, again->json, false)));
    jwk_unref(again);
    check_public(a, k);
}

static void try_json(struct arena *a, const json_t *json)
{
    struct err e = ERR_INIT(a);
    struct jwk *k;
    struct jwks own, foreign;
    if (jwk_parse(json, &k, &e)) {
        check(a, k);
        jwk_unref(k);
    }
    bool strict = jwks_parse(a, json, false, &own, &e), lenient = jwks_parse(a, json, true, &foreign, &e);
    must_be(lenient || !strict);
    must_be(!strict || own.n == foreign.n);
    for (size_t i = 0; lenient && i < foreign.n; i++) must_be(!foreign.v[i]->is_private || foreign.v[i]->pkey == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ARENA_AUTO a = arena_new();
    struct err e = ERR_INIT(a);
    struct str text = { (const char *)data, size };
    json_t *json;
    struct jwk *k;
    if (json_read(a, text, &json, NULL, &e)) {
        try_json(a, json);
    } else if (jwk_from_pem(text, STR("kid"), STR("sig"), STR_NONE, &k, &e)) {
        check(a, k);
        jwk_unref(k);
    }
    return 0;
}
