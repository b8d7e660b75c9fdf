/* JWT access tokens: claims, and the way back from `jti` to the grant. */
#include <string.h>

#include "base/b64.h"
#include "base/json.h"
#include "crypto/jws.h"
#include "oauth/earlier.h"
#include "oauth/keysets.h"
#include "oauth/pack.h"
#include "oauth/token_int.h"

enum { JTI_GRANT = 3 }; /* not a form of opaque tokens, so that neither passes for the other */

/* Claims that session data never sets. */
static const char *const reserved[] = { "iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "scp", "scope", "ext" };

static bool may_promote(const struct config *config, const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(reserved); i++) {
        if (strcmp(name, reserved[i]) == 0) return false;
    }
    return strs_has(config->oauth2_allowed_top_level_claims, str_of(name));
}

/* ---- jti: the token's id; for tokens of a grant sealed together with grant and generation ---- */

static struct str write_jti(const struct provider *p, struct op *op, const struct access_token *t)
{
    unsigned char id[TOKEN_ID_BYTES];
    struct str grant = STR("");
    if (t->grant_id.n == 0 || !token_id_read(t->id, id) || !hex_decode(op->arena, t->grant_id, &grant)) return t->id;
    struct buf b = BUF(op->arena);
    buf_addc(&b, JTI_GRANT);
    buf_add(&b, (struct str) { (const char *)id, sizeof(id) });
    buf_add(&b, grant);
    pack_int(&b, (uint64_t)t->generation);
    return seal_text(p->sealer, op->arena, SEAL_ACCESS_TOKEN, p->issuer, buf_str(&b));
}

static bool read_jti(const struct provider *p, struct op *op, struct str jti, struct access_token *t)
{
    unsigned char id[TOKEN_ID_BYTES];
    struct str plain;
    if (token_id_read(jti, id)) {
        token_id_set(op->arena, t, id);
        return true;
    }
    if (!unseal_text(p->sealer, op->arena, SEAL_ACCESS_TOKEN, p->issuer, jti, &plain)) return false;
    struct unpack u = UNPACK(plain);
    const uint64_t form = unpack_int(&u);
    const struct str own = unpack_bytes(&u, TOKEN_ID_BYTES), grant = unpack_bytes(&u, TOKEN_GRANT_BYTES);
    t->generation = (int64_t)unpack_int(&u);
    if (form != JTI_GRANT || !unpack_done(&u)) return false;
    t->grant_id = hex_encode(op->arena, grant);
    token_id_set(op->arena, t, (const unsigned char *)own.p);
    return true;
}

/* ---- issuing ---- */

/* Claims of the session that are allowed at the top go there; then `ext`: all of them (mirror), or what is left (preserve). */
static void write_session(const struct provider *p, struct jw *w, const json_t *session)
{
    const bool mirror = p->config->oauth2_mirror_top_level_claims, preserve = p->config->oauth2_preserve_ext_claims;
    const char *name;
    json_t *value;
    size_t rest = 0;
    json_object_foreach((json_t *)session, name, value)
    {
        if (may_promote(p->config, name))
            jw_value(w, name, value);
        else
            rest++;
    }
    if (mirror) {
        jw_value(w, "ext", session);
        return;
    }
    if (!preserve || rest == 0) return;
    jw_object(w, "ext");
    json_object_foreach((json_t *)session, name, value)
    {
        if (!may_promote(p->config, name)) jw_value(w, name, value);
    }
    jw_end(w);
}

static bool write_ext(const struct provider *p, struct op *op, struct jw *w, struct str ext, struct err *e)
{
    json_t *session;
    const bool mirror = p->config->oauth2_mirror_top_level_claims;
    if (ext.n == 0) {
        if (mirror) jw_raw(w, "ext", STR("{}"));
        return true;
    }
    if (mirror && p->config->oauth2_allowed_top_level_claims.n == 0) {
        jw_raw(w, "ext", ext);
        return true;
    }
    TRY(json_read(op->arena, ext, &session, NULL, e));
    write_session(p, w, session);
    return true;
}

/* RFC 9068 2.2 and 3: `aud` is required; without a request for one "the authorization server MUST use a default resource
 * indicator". */
static struct strs audience_of(const struct provider *p, struct arena *a, const struct access_token *t)
{
    struct strs list = t->audience;
    if (list.n == 0 && p->config->strategies_jwt_profile == JWT_PROFILE_RFC9068) strs_add(a, &list, p->issuer);
    return list;
}

bool token_jwt_issue(const struct provider *p, struct op *op, const struct access_token *t, struct str *ret, struct err *e)
{
    const bool rfc9068 = p->config->strategies_jwt_profile == JWT_PROFILE_RFC9068;
    const int claim = p->config->strategies_jwt_scope_claim;
    const int64_t issued = usec_to_sec(t->issued_at);
    struct buf b = BUF(op->arena);
    struct jw w = JW(&b);
    buf_reserve(&b, 512);
    jw_object(&w, NULL);
    jw_strs(&w, "aud", audience_of(p, op->arena, t));
    jw_str(&w, "client_id", t->client_id);
    jw_int(&w, "exp", issued + (int64_t)token_life_seconds(t));
    jw_int(&w, "iat", issued);
    jw_str(&w, "iss", p->issuer);
    jw_str(&w, "jti", write_jti(p, op, t));
    if (!p->config->oauth2_exclude_not_before_claim) jw_int(&w, "nbf", issued);
    if (rfc9068 || claim != SCOPE_CLAIM_LIST) jw_str(&w, "scope", strs_join(op->arena, t->scopes, " "));
    if (claim != SCOPE_CLAIM_STRING) jw_strs(&w, "scp", t->scopes);
    jw_str(&w, "sub", t->subject);
    TRY(write_ext(p, op, &w, t->ext, e));
    jw_end(&w);
    /* RFC 9068 2.1: "the value used SHOULD be "at+jwt"" */
    return keyset_sign(p, op, STR(KEYSET_ACCESS_TOKEN), rfc9068 ? STR("at+jwt") : STR("JWT"), buf_str(&b), ret, e);
}

/* ---- opening ---- */

bool token_jwt_looks_like(struct str text)
{
    struct str rest = text;
    if (text.n < 2 || memcmp(text.p, "ey", 2) != 0) return false;
    str_cut(&rest, '.');
    str_cut(&rest, '.');
    return rest.p != NULL;
}

static struct strs read_texts(struct arena *a, const json_t *list)
{
    struct strs texts = { 0 };
    for (size_t i = 0; i < json_array_size(list); i++) strs_add(a, &texts, json_str(json_array_get(list, i)));
    return texts;
}

/* Seconds of a claim as microseconds; false when absent, no integer, or beyond what a moment can be. */
static bool read_moment(const json_t *claims, const char *name, usec_t *ret)
{
    const json_t *value = json_object_get(claims, name);
    const json_int_t seconds = json_integer_value(value);
    if (!json_is_integer(value) || seconds < 0 || seconds > TOKEN_LIFE_MAX) return false;
    *ret = seconds * USEC_PER_SEC;
    return true;
}

/* Was it given out before a take-over? Our ids hold the moment of issue, or are sealed; those are random. */
static bool is_earlier(struct op *op, const json_t *claims)
{
    unsigned char id[TOKEN_ID_BYTES];
    struct access_token t;
    usec_t issued;
    if (!token_id_read(json_str(json_object_get(claims, "jti")), id)) return false;
    token_id_set(op->arena, &t, id);
    const bool dated = id[6] >> 4 == 7 && read_moment(claims, "iat", &issued) && usec_to_sec(t.issued_at) == usec_to_sec(issued);
    return !dated;
}

static bool read_claims(const struct provider *p, struct op *op, const json_t *claims, struct access_token *ret)
{
    struct access_token t = { 0 };
    usec_t issued;
    const json_t *scp = json_object_get(claims, "scp"), *ext = json_object_get(claims, "ext");
    /* RFC 9068 4: "The issuer identifier for the authorization server MUST exactly match the value of the iss claim." */
    if (!str_eq(json_str(json_object_get(claims, "iss")), p->issuer)) return false;
    if (!read_moment(claims, "exp", &t.expires_at) || !read_moment(claims, "iat", &issued)) return false;
    t.client_id = json_str(json_object_get(claims, "client_id"));
    t.subject = json_str(json_object_get(claims, "sub"));
    if (t.client_id.n == 0 || !read_jti(p, op, json_str(json_object_get(claims, "jti")), &t)) return false;
    if (usec_to_sec(t.issued_at) != usec_to_sec(issued)) return false;
    if (json_is_array(scp))
        t.scopes = read_texts(op->arena, scp);
    else
        t.scopes = strs_words(op->arena, json_str(json_object_get(claims, "scope")));
    t.audience = read_texts(op->arena, json_object_get(claims, "aud"));
    if (json_object_size(ext) > 0) t.ext = json_text(op->arena, ext, false);
    *ret = t;
    return true;
}

bool token_jwt_open(const struct provider *p, struct op *op, struct str text, struct access_token *ret, bool *ret_ours,
                    struct err *e)
{
    struct err unreadable = ERR_INIT(op->arena);
    struct jws jws;
    json_t *claims;
    bool signed_by_us = false;
    *ret_ours = false;
    if (!jws_parse(op->arena, text, &jws, &unreadable)) return true;
    TRY(keyset_verify(p, op, STR(KEYSET_ACCESS_TOKEN), &jws, &signed_by_us, e));
    if (!signed_by_us || !json_read(op->arena, jws.payload, &claims, NULL, &unreadable)) return true;
    if (is_earlier(op, claims)) {
        TRY(earlier_jwt(p, op, text, &text, e));
        *ret_ours = token_opaque_open(p, op, text, ret);
        return true;
    }
    *ret_ours = read_claims(p, op, claims, ret);
    return true;
}
