/* Access tokens of strangers. The first byte says how the rest is used: 'T' the token as it is; 'S' what is inside a sealed
 * token; 'J' the claims of a JWT that our key has signed. What opens must be whole. */
#include "fuzz.h"
#include "oauth/keysets.h"
#include "oauth/token.h"

static struct provider *provider(void)
{
    static const struct config config = { .secrets_system = { fuzz_secret, 1 }, .keys_algorithm = KEYS_ES256 };
    static struct provider p = { .config = &config, .issuer = { "https://op", 10 } };
    if (p.store != NULL) return &p;
    fuzz_provider_open(&p);
    p.keysets = keysets_new(p.store);
    return &p;
}

static bool make_token(const struct provider *p, struct op *op, char how, struct str content, struct str *ret)
{
    struct err e = ERR_INIT(op->arena);
    switch (how) {
    case 'T': *ret = content; return true;
    case 'S':
        if (content.n < 14) return false;
        *ret = seal_token(p->sealer, op->arena, SEAL_ACCESS_TOKEN, p->issuer, ACCESS_TOKEN_PREFIX, content);
        return true;
    case 'J':
        if (!keyset_sign(p, op, STR(KEYSET_ACCESS_TOKEN), STR("JWT"), content, ret, &e)) abort();
        return true;
    default: return false;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct provider *p = provider();
    ARENA_AUTO a = arena_new();
    struct op op = { .arena = a, .now = clock_now(), .may_wait = true };
    struct err e = ERR_INIT(a);
    struct access_token t;
    struct grant *grant;
    enum token_life life;
    struct str text;
    bool ours;
    if (size < 1 || !make_token(p, &op, (char)data[0], (struct str) { (const char *)data + 1, size - 1 }, &text)) return 0;
    if (!access_token_open(p, &op, text, &t, &ours, &e)) abort();
    if (!ours) return 0;
    if (t.id.n != 36 || t.expires_at < 0 || (t.grant_id.n != 0 && t.grant_id.n != 32)) abort();
    if (!access_token_check(p, &op, &t, &life, &grant, &e) || life == TOKEN_ALIVE) abort();
    return 0;
}
