/* Proofs of possession from strangers, as POST /credentials gets them. The first byte says how the rest comes: 'P' as the proof;
 * 'S' as its header, a line feed and its payload, which a key of ours signs: KEY in the header stands for that key, NONCE in the
 * payload for a nonce of the token's. A credential is made only for the signed ones, and only for that key. */
#include <string.h>

#include "base/b64.h"
#include "crypto/jws.h"
#include "fuzz.h"
#include "oauth/credential.h"
#include "oauth/keysets.h"

#define TOKEN_ID STR("00000000-0000-4000-8000-000000000000")

static struct jwk *holder;

static struct provider *provider(void)
{
    static const struct config config = { .secrets_system = { fuzz_secret, 1 },
                                          .keys_algorithm = KEYS_ES256,
                                          .ttl_vc_nonce = 3600 * USEC_PER_SEC };
    static struct provider p = { .config = &config, .issuer = { "https://op", 10 }, .public_url = { "https://op", 10 } };
    if (p.store != NULL) return &p;
    fuzz_provider_open(&p);
    p.keysets = keysets_new(p.store);
    struct err e = ERR_INIT(NULL);
    if (!jwk_generate(STR("EdDSA"), STR(""), STR(""), 0, &holder, &e)) abort();
    return &p;
}

static struct str holder_json(struct arena *a)
{
    json_t *json = jwk_public_json(holder);
    const struct str text = json_text(a, json, true);
    json_decref(json);
    return text;
}

/* `text` with `value` for the first `mark` in it. */
static struct str filled(struct arena *a, struct str text, struct str mark, struct str value)
{
    const char *at = text.n > 0 ? memmem(text.p, text.n, mark.p, mark.n) : NULL;
    if (at == NULL) return text;
    const size_t before = (size_t)(at - text.p);
    return ARENA_CAT(a, str_upto(text, before), value, str_from(text, before + mark.n));
}

static struct str signed_proof(struct arena *a, struct str header, struct str payload)
{
    unsigned char signature[64];
    size_t n = sizeof(signature);
    const struct str text = ARENA_CAT(a, b64url_encode(a, header), STR("."), b64url_encode(a, payload));
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    if (c == NULL || EVP_DigestSignInit(c, NULL, NULL, NULL, holder->pkey) != 1) abort();
    if (EVP_DigestSign(c, signature, &n, (const unsigned char *)text.p, text.n) != 1) abort();
    EVP_MD_CTX_free(c);
    return ARENA_CAT(a, text, STR("."), b64url_encode(a, (struct str) { (char *)signature, n }));
}

static void check_issued(struct arena *a, struct str answer)
{
    struct err e = ERR_INIT(a);
    json_t *json, *claims;
    struct jws jws;
    if (!json_read(a, answer, &json, NULL, &e)) abort();
    if (!jws_parse(a, json_str(json_object_get(json, "credential_draft_00")), &jws, &e)) abort();
    if (!json_read(a, jws.payload, &claims, NULL, &e)) abort();
    const struct str did = json_str(json_object_get(claims, "sub"));
    struct str key, mine = holder_json(a);
    if (!str_starts(did, STR("did:jwk:")) || !b64url_decode(a, str_from(did, 8), &key)) abort();
    if (!json_read(a, key, &json, NULL, &e) || !json_read(a, mine, &claims, NULL, &e)) abort();
    if (!json_equal(json_object_get(json, "x"), json_object_get(claims, "x")) || json_object_get(json, "d") != NULL) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct str scopes[] = { { "openid", 6 }, { "userinfo_credential_draft_00", 28 } };
    struct provider *p = provider();
    ARENA_AUTO a = arena_new();
    struct op op = { .arena = a, .now = 1700000000 * USEC_PER_SEC, .may_wait = true };
    struct err e = ERR_INIT(a);
    struct grant grant = { .subject = STR("ada") };
    const struct user_token u = { .token = { .id = TOKEN_ID },
                                  .grant = &grant,
                                  .session = { .scopes = { scopes, 2 }, .authenticated_at = 1 } };
    struct credential_proof proof = { .type = STR("jwt") };
    const struct credential_request q = { .format = STR("jwt_vc_json"), .proof = &proof };
    struct str answer;
    bool primed;
    if (size < 1 || (data[0] != 'P' && data[0] != 'S')) return 0;
    struct str rest = { (const char *)data + 1, size - 1 };
    if (data[0] == 'S') {
        const struct str header = filled(a, str_cut(&rest, '\n'), STR("KEY"), holder_json(a));
        rest = signed_proof(a, header, filled(a, rest, STR("NONCE"), credential_nonce(p, &op, TOKEN_ID)));
    }
    proof.jwt = rest;
    if (!credential_issue(p, &op, &u, &q, &primed, &answer, &e)) {
        if (e.kind != &err_INVALID_REQUEST) abort();
        return 0;
    }
    if (primed || data[0] != 'S') abort();
    check_issued(a, answer);
    return 0;
}
