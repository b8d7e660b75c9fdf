/* Seals and opens refresh tokens, and judges a use by the row. Changes nothing. */
#include "oauth/refresh_token.h"

#include "base/b64.h"
#include "oauth/earlier.h"
#include "oauth/lifespan.h"
#include "oauth/pack.h"
#include "oauth/token_int.h"

/* Seconds of life, one more than they are; 0 stands for a token without end. */
static uint64_t pack_life(const struct refresh_token *t)
{
    if (t->expires_at == USEC_NEVER) return 0;
    const int64_t life = usec_to_sec(t->expires_at) - usec_to_sec(t->issued_at);
    return (uint64_t)(life < 0 ? 0 : life > TOKEN_LIFE_MAX ? TOKEN_LIFE_MAX : life) + 1;
}

struct str refresh_token_write(const struct provider *p, struct arena *a, const struct refresh_token *t)
{
    struct buf b = BUF(a);
    struct str id;
    if (!hex_decode(a, t->grant_id, &id)) id = STR(""); /* no id of ours: what is sealed will not open */
    buf_add(&b, id);
    pack_int(&b, (uint64_t)t->generation);
    pack_int(&b, (uint64_t)t->issued_at);
    pack_int(&b, pack_life(t));
    pack_str(&b, t->client_id);
    return seal_token(p->sealer, a, SEAL_REFRESH_TOKEN, p->issuer, REFRESH_TOKEN_PREFIX, buf_str(&b));
}

struct str refresh_token_issue(const struct provider *p, struct arena *a, const struct grant *g, usec_t life)
{
    const struct refresh_token t = { .grant_id = g->id,
                                     .generation = g->generation,
                                     .client_id = g->client_id,
                                     .issued_at = g->rotated_at,
                                     .expires_at = lifespan_end(g->rotated_at, life) };
    return refresh_token_write(p, a, &t);
}

bool refresh_token_read(const struct provider *p, struct arena *a, struct str text, struct refresh_token *ret)
{
    struct str plain;
    if (!unseal_token(p->sealer, a, SEAL_REFRESH_TOKEN, p->issuer, REFRESH_TOKEN_PREFIX, text, &plain)) return false;
    struct unpack u = UNPACK(plain);
    struct refresh_token t = { .grant_id = hex_encode(a, unpack_bytes(&u, TOKEN_GRANT_BYTES)) };
    t.generation = (int64_t)unpack_int(&u);
    t.issued_at = (usec_t)unpack_int(&u);
    const uint64_t life = unpack_int(&u);
    t.client_id = unpack_str(&u);
    if (!unpack_done(&u) || life > TOKEN_LIFE_MAX + 1) return false;
    t.expires_at = life == 0 ? USEC_NEVER : (usec_to_sec(t.issued_at) + (int64_t)life - 1) * USEC_PER_SEC;
    *ret = t;
    return true;
}

/* ---- what a use is ---- */

int64_t refresh_token_repeats(const struct provider *p)
{
    const int64_t uses = p->config->oauth2_grant_refresh_token_rotation_grace_reuse_count;
    return uses > 0 ? uses - 1 : 0;
}

/* The grace period begins with a token's first use. Of the generation before the present one the row knows when that was, and how
 * often it came again; of older ones only that it was not before the token was made, and no number. */
static bool may_repeat(const struct provider *p, const struct op *op, const struct grant *g, const struct refresh_token *t)
{
    const usec_t grace = p->config->oauth2_grant_refresh_token_rotation_grace_period;
    const int64_t uses = p->config->oauth2_grant_refresh_token_rotation_grace_reuse_count;
    const bool last = t->generation == g->generation - 1;
    if (grace <= 0 || op->now - (last ? g->rotated_at : t->issued_at) > grace) return false;
    return uses == 0 || (last && g->reuses + 1 < uses);
}

enum refresh_use refresh_token_use(const struct provider *p, const struct op *op, const struct grant *g,
                                   const struct refresh_token *t)
{
    const bool expired = op->now > t->expires_at;
    if (g == NULL) return expired ? REFRESH_EXPIRED : REFRESH_DEAD;
    if (g->state != GRANT_ACTIVE || g->client_version == 0 || t->generation > g->generation) return REFRESH_DEAD;
    const bool repeated = t->generation < g->generation && may_repeat(p, op, g, t);
    if (t->generation < g->generation && !repeated) return REFRESH_REPLAYED;
    if (expired) return REFRESH_EXPIRED;
    return repeated ? REFRESH_AGAIN : REFRESH_FIRST;
}

/* ---- as a kind of token ---- */

bool refresh_token_open(const struct provider *p, struct op *op, struct str text, struct access_token *ret, bool *ret_ours,
                        struct err *e)
{
    struct refresh_token t;
    TRY(earlier_token(p, op, REFRESH_TOKEN_PREFIX, text, &text, e));
    *ret_ours = refresh_token_read(p, op->arena, text, &t);
    if (!*ret_ours) return true;
    *ret = (struct access_token) { .grant_id = t.grant_id,
                                   .generation = t.generation,
                                   .client_id = t.client_id,
                                   .issued_at = t.issued_at,
                                   .expires_at = t.expires_at };
    return true;
}

bool refresh_token_check(const struct provider *p, struct op *op, const struct access_token *t, enum token_life *ret,
                         struct grant **ret_grant, struct err *e)
{
    const struct refresh_token r = { .generation = t->generation, .issued_at = t->issued_at, .expires_at = t->expires_at };
    TRY(store_grant_get(p->store, op, t->grant_id, ret_grant, e));
    const enum refresh_use use = refresh_token_use(p, op, *ret_grant, &r);
    *ret = use == REFRESH_FIRST || use == REFRESH_AGAIN ? TOKEN_ALIVE : use == REFRESH_EXPIRED ? TOKEN_EXPIRED : TOKEN_DEAD;
    return true;
}
