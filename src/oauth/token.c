/* Opaque access tokens, and what both kinds share: ids, the choice of kind, the check of life. JWTs are in token_jwt.c. */
#include "oauth/token.h"

#include <string.h>

#include "base/b64.h"
#include "base/rand.h"
#include "oauth/earlier.h"
#include "oauth/grant_session.h"
#include "oauth/pack.h"
#include "oauth/token_int.h"

enum { FORM_OWN = 1, FORM_GRANT = 2, ID_BYTES = TOKEN_ID_BYTES };
/* What is longer would make an Authorization header that proxies refuse. */
enum { SEALED_MAX = 1100 };

/* ---- ids: RFC 9562 version 7, with the microseconds in the twelve bits after the milliseconds (method 3 of section 6.2) ---- */

static void id_make(usec_t now, const unsigned char unique[8], unsigned char id[ID_BYTES])
{
    const uint64_t ms = (uint64_t)now / 1000, fraction = ((uint64_t)now % 1000 * 4096 + 999) / 1000;
    for (int i = 0; i < 6; i++) id[i] = (unsigned char)(ms >> (40 - 8 * i));
    id[6] = (unsigned char)(0x70 | fraction >> 8);
    id[7] = (unsigned char)fraction;
    memcpy(id + 8, unique, 8);
    id[8] = (id[8] & 0x3F) | 0x80;
}

static usec_t id_moment(const unsigned char id[ID_BYTES])
{
    uint64_t ms = 0;
    for (int i = 0; i < 6; i++) ms = ms << 8 | id[i];
    const uint64_t fraction = (uint64_t)(id[6] & 0x0F) << 8 | id[7];
    return (usec_t)(ms * 1000 + fraction * 1000 / 4096);
}

static struct str id_text(struct arena *a, const unsigned char id[ID_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    char *text = arena_alloc(a, 37), *out = text;
    for (int i = 0; i < ID_BYTES; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) *out++ = '-';
        *out++ = digits[id[i] >> 4];
        *out++ = digits[id[i] & 15];
    }
    *out = '\0';
    return (struct str) { text, 36 };
}

bool token_id_read(struct str text, unsigned char ret[TOKEN_ID_BYTES])
{
    size_t n = 0;
    int high = -1;
    if (text.n != 36) return false;
    for (size_t i = 0; i < text.n; i++) {
        const char c = text.p[i];
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (c != '-') return false;
            continue;
        }
        const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0) return false;
        if (high >= 0) ret[n++] = (unsigned char)(high << 4 | digit);
        high = high < 0 ? digit : -1;
    }
    return true;
}

void token_id_set(struct arena *a, struct access_token *t, const unsigned char id[TOKEN_ID_BYTES])
{
    t->id = id_text(a, id);
    t->issued_at = id_moment(id);
}

/* ---- opaque tokens ---- */

static bool write_grant_id(struct op *op, struct buf *b, struct str grant_id)
{
    struct str bytes;
    if (!hex_decode(op->arena, grant_id, &bytes) || bytes.n != TOKEN_GRANT_BYTES) return false;
    buf_add(b, bytes);
    return true;
}

/* Form, id, life in seconds, client; then the grant and its generation, or everything that the token says. */
static bool opaque_payload(struct op *op, const struct access_token *t, const unsigned char id[ID_BYTES], struct str *ret)
{
    struct buf b = BUF(op->arena);
    buf_reserve(&b, 160);
    buf_addc(&b, t->grant_id.n > 0 ? FORM_GRANT : FORM_OWN);
    buf_add(&b, (struct str) { (const char *)id, ID_BYTES });
    pack_int(&b, token_life_seconds(t));
    pack_str(&b, t->client_id);
    if (t->grant_id.n > 0) {
        if (!write_grant_id(op, &b, t->grant_id)) return false;
        pack_int(&b, (uint64_t)t->generation);
    } else {
        pack_str(&b, str_eq(t->subject, t->client_id) ? STR("") : t->subject);
        pack_strs(&b, t->scopes);
        pack_strs(&b, t->audience);
        pack_str(&b, t->ext);
    }
    *ret = buf_str(&b);
    return true;
}

static bool opaque_read(struct op *op, struct str plain, struct access_token *ret)
{
    struct unpack u = UNPACK(plain);
    struct access_token t = { 0 };
    const uint64_t form = unpack_int(&u);
    const struct str id = unpack_bytes(&u, ID_BYTES);
    const uint64_t life = unpack_int(&u);
    t.client_id = unpack_str(&u);
    if (form == FORM_GRANT) {
        t.grant_id = hex_encode(op->arena, unpack_bytes(&u, TOKEN_GRANT_BYTES));
        t.generation = (int64_t)unpack_int(&u);
    } else if (form == FORM_OWN) {
        t.subject = unpack_str(&u);
        if (t.subject.n == 0) t.subject = t.client_id;
        t.scopes = unpack_strs(&u, op->arena);
        t.audience = unpack_strs(&u, op->arena);
        t.ext = unpack_str(&u);
    } else {
        return false;
    }
    if (!unpack_done(&u) || life > TOKEN_LIFE_MAX) return false;
    token_id_set(op->arena, &t, (const unsigned char *)id.p);
    t.expires_at = (usec_to_sec(t.issued_at) + (int64_t)life) * USEC_PER_SEC;
    *ret = t;
    return true;
}

uint64_t token_life_seconds(const struct access_token *t)
{
    const int64_t life = usec_to_sec(t->expires_at) - usec_to_sec(t->issued_at);
    return life < 0 ? 0 : life > TOKEN_LIFE_MAX ? TOKEN_LIFE_MAX : (uint64_t)life;
}

/* ---- issuing ---- */

bool token_is_jwt_for(const struct provider *p, const struct client *c)
{
    if (c->access_token_strategy.n > 0) return str_eq(c->access_token_strategy, STR("jwt"));
    return p->config->strategies_access_token == TOKEN_JWT;
}

/* A token whose claims fit nowhere else: they go to a grant that lives exactly as long as the token. */
static bool give_grant(const struct provider *p, struct op *op, struct access_token *t, struct str id, struct err *e)
{
    enum store_put put;
    OP_MUST_WAIT(op, e);
    t->grant_id = id;
    t->generation = 1;
    const struct grant_session session = { .scopes = t->scopes, .audience = t->audience, .access_claims = t->ext };
    const struct grant g = {
        .id = t->grant_id,
        .state = GRANT_ACTIVE,
        .generation = t->generation,
        .client_id = t->client_id,
        .subject = t->subject,
        .request = STR("{}"),
        .session = grant_session_write(p, op, t->grant_id, &session),
        .requested_at = t->issued_at,
        .handled_at = t->issued_at,
        .rotated_at = t->issued_at,
        .expires_at = t->expires_at + USEC_PER_SEC,
    };
    return store_grant_insert(p->store, op, &g, &put, e); /* EXISTS: the same one, taken over before */
}

/* `more`: the id of a grant for what is too much for the token; empty: a random one. */
static bool issue_opaque(const struct provider *p, struct op *op, struct access_token *t, const unsigned char id[ID_BYTES],
                         struct str more, struct str *ret, struct err *e)
{
    struct str plain;
    ENSURE(opaque_payload(op, t, id, &plain), e, SERVER_ERROR, "The grant's id is malformed.");
    if (plain.n > SEALED_MAX && t->grant_id.n == 0) {
        TRY(give_grant(p, op, t, more.n > 0 ? more : rand_hex(op->arena, TOKEN_GRANT_BYTES), e));
        ENSURE(opaque_payload(op, t, id, &plain), e, SERVER_ERROR, "The grant's id is malformed.");
    }
    *ret = seal_token(p->sealer, op->arena, SEAL_ACCESS_TOKEN, p->issuer, ACCESS_TOKEN_PREFIX, plain);
    return true;
}

bool access_token_issue(const struct provider *p, struct op *op, const struct client *c, struct access_token *t, struct str *ret,
                        struct err *e)
{
    unsigned char id[ID_BYTES], unique[8];
    rand_bytes(unique, sizeof(unique));
    id_make(op->now, unique, id);
    token_id_set(op->arena, t, id);
    if (!token_is_jwt_for(p, c)) return issue_opaque(p, op, t, id, STR(""), ret, e);
    /* What the JWT does not show must be found again when somebody asks. */
    const bool hidden = t->ext.n > 0 && !p->config->oauth2_mirror_top_level_claims;
    if (hidden && t->grant_id.n == 0) TRY(give_grant(p, op, t, rand_hex(op->arena, TOKEN_GRANT_BYTES), e));
    return token_jwt_issue(p, op, t, ret, e);
}

bool token_opaque_earlier(const struct provider *p, struct op *op, struct access_token *t, struct str unique, struct str *ret,
                          struct err *e)
{
    unsigned char id[ID_BYTES];
    id_make(t->issued_at, (const unsigned char *)unique.p, id);
    token_id_set(op->arena, t, id);
    return issue_opaque(p, op, t, id, hex_encode(op->arena, str_upto(unique, TOKEN_GRANT_BYTES)), ret, e);
}

/* ---- opening and checking ---- */

bool token_opaque_open(const struct provider *p, struct op *op, struct str text, struct access_token *ret)
{
    struct str plain;
    return unseal_token(p->sealer, op->arena, SEAL_ACCESS_TOKEN, p->issuer, ACCESS_TOKEN_PREFIX, text, &plain) &&
           opaque_read(op, plain, ret);
}

bool access_token_open(const struct provider *p, struct op *op, struct str text, struct access_token *ret, bool *ret_ours,
                       struct err *e)
{
    if (token_jwt_looks_like(text)) return token_jwt_open(p, op, text, ret, ret_ours, e);
    TRY(earlier_token(p, op, ACCESS_TOKEN_PREFIX, text, &text, e));
    *ret_ours = token_opaque_open(p, op, text, ret);
    return true;
}

static bool check_own(const struct provider *p, struct op *op, const struct access_token *t, enum token_life *ret, struct err *e)
{
    struct client_state state;
    TRY(store_client_state(p->store, op, t->client_id, t->id, &state, e));
    const bool alive = state.version > 0 && !state.denied && t->issued_at > state.not_before;
    *ret = alive ? TOKEN_ALIVE : TOKEN_DEAD;
    return true;
}

/* Tokens of the present generation live; those from before die with the rotation that says so. */
static bool grant_lets(const struct grant *g, const struct access_token *t)
{
    if (g == NULL || g->client_version == 0 || !str_eq(g->client_id, t->client_id)) return false;
    /* CONSENTED: tokens of the front channel are out before the code is redeemed. */
    if (g->state != GRANT_ACTIVE && g->state != GRANT_CONSENTED) return false;
    const bool current = t->generation == g->generation || t->issued_at >= g->access_not_before;
    return current && t->issued_at > g->client_not_before;
}

bool access_token_check(const struct provider *p, struct op *op, const struct access_token *t, enum token_life *ret,
                        struct grant **ret_grant, struct err *e)
{
    struct grant *g = NULL;
    *ret_grant = NULL;
    if (usec_to_sec(op->now) > usec_to_sec(t->expires_at)) {
        *ret = TOKEN_EXPIRED;
        return true;
    }
    if (t->grant_id.n == 0) return check_own(p, op, t, ret, e);
    TRY(store_grant_get(p->store, op, t->grant_id, &g, e));
    *ret = grant_lets(g, t) ? TOKEN_ALIVE : TOKEN_DEAD;
    *ret_grant = g;
    return true;
}
