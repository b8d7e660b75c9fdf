/* Seals and opens codes; whether one may be redeemed is the row's business. */
#include "oauth/code.h"

#include "base/b64.h"
#include "oauth/pack.h"

enum { GRANT_BYTES = 16 };

struct str code_issue(const struct provider *p, struct arena *a, const struct code *c)
{
    struct buf b = BUF(a);
    struct str id;
    if (!hex_decode(a, c->grant_id, &id)) id = STR(""); /* opens as malformed */
    buf_add(&b, id);
    pack_int(&b, (uint64_t)c->generation);
    pack_int(&b, (uint64_t)c->expires_at);
    return seal_token(p->sealer, a, SEAL_CODE, p->issuer, CODE_PREFIX, buf_str(&b));
}

bool code_open(const struct provider *p, struct arena *a, struct str text, struct code *ret)
{
    struct str plain;
    if (!unseal_token(p->sealer, a, SEAL_CODE, p->issuer, CODE_PREFIX, text, &plain)) return false;
    struct unpack u = UNPACK(plain);
    ret->grant_id = hex_encode(a, unpack_bytes(&u, GRANT_BYTES));
    ret->generation = (int64_t)unpack_int(&u);
    ret->expires_at = (usec_t)unpack_int(&u);
    return unpack_done(&u);
}
