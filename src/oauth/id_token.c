/* Writes and signs ID tokens. What the consent app says never replaces what this server knows. */
#include "oauth/id_token.h"

#include <openssl/evp.h>

#include "base/b64.h"
#include "base/doc.h"
#include "base/rand.h"
#include "oauth/keysets.h"
#include "oauth/lifespan.h"

/* Only this server says these, whether it has a value for them or not. */
static const char *const protected[] = { "iss", "sub", "aud",   "exp",     "nbf",    "iat", "jti", "auth_time",
                                         "rat", "sid", "nonce", "at_hash", "c_hash", "acr", "amr" };

static bool is_protected(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(protected); i++) {
        if (str_eq(name, str_of(protected[i]))) return true;
    }
    return false;
}

bool session_claims_write(struct op *op, struct jw *w, struct str claims, struct err *e)
{
    if (claims.n == 0) return true;
    ENSURE(doc_copy_members(op->arena, w, claims, is_protected), e, SERVER_ERROR, "Stored claims cannot be read.");
    return true;
}

static void write_login(struct jw *w, const struct grant *g, const struct grant_session *s)
{
    jw_str(w, "sub", s->sub.n > 0 ? s->sub : g->subject);
    jw_int(w, "rat", usec_to_sec(g->requested_at));
    jw_int(w, "auth_time", usec_to_sec(s->authenticated_at));
    if (s->acr.n > 0) jw_str(w, "acr", s->acr);
    if (s->amr.n > 0) jw_strs(w, "amr", s->amr);
}

bool id_claims_write(const struct provider *p, struct op *op, struct jw *w, struct str client_id, const struct grant *g,
                     const struct grant_session *s, struct err *e)
{
    jw_str(w, "iss", p->issuer);
    jw_array(w, "aud");
    jw_str(w, NULL, client_id);
    jw_end(w);
    if (g == NULL || s->authenticated_at == 0) return true;
    write_login(w, g, s);
    return session_claims_write(op, w, s->id_claims, e);
}

bool token_hash(struct arena *a, const struct jwk *signer, struct str token, struct str *ret, struct err *e)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length;
    ENSURE(EVP_Digest(token.p, token.n, digest, &length, alg_hash(alg_of(signer)), NULL) == 1, e, SERVER_ERROR,
           "The token's digest could not be made.");
    *ret = b64url_encode(a, (struct str) { (const char *)digest, length / 2 });
    return true;
}

static bool write_hash(struct op *op, struct jw *w, const char *name, const struct jwk *signer, struct str token, struct err *e)
{
    struct str hash;
    if (token.n == 0) return true;
    TRY(token_hash(op->arena, signer, token, &hash, e));
    jw_str(w, name, hash);
    return true;
}

bool id_token_issue(const struct provider *p, struct op *op, const struct id_token *t, struct str *ret, struct err *e)
{
    const struct jwk *signer;
    struct buf b = BUF(op->arena);
    struct jw w = JW(&b);
    struct grant_session s = *t->session;
    /* OpenID Connect Core 2: "An Authentication Context Class Reference value of "0" indicates that the End-User authentication
     * did not meet the requirements of ISO/IEC 29115 level 1." */
    if (s.acr.n == 0 && s.acr_requested) s.acr = STR("0");
    TRY(keyset_signer(p, op, STR(KEYSET_ID_TOKEN), &signer, e));
    buf_reserve(&b, 512 + s.id_claims.n);
    jw_object(&w, NULL);
    jw_int(&w, "iat", usec_to_sec(op->now));
    jw_int(&w, "exp", usec_to_sec(lifespan_end(op->now, lifespan_of(p, t->client, t->lifespan))));
    jw_str(&w, "jti", rand_uuid(op->arena));
    if (s.sid.n > 0) jw_str(&w, "sid", s.sid);
    if (s.nonce.n > 0) jw_str(&w, "nonce", s.nonce);
    TRY(write_hash(op, &w, "at_hash", signer, t->access_token, e));
    TRY(write_hash(op, &w, "c_hash", signer, t->code, e));
    TRY(id_claims_write(p, op, &w, t->client->id, t->grant, &s, e));
    jw_end(&w);
    return keyset_sign(p, op, STR(KEYSET_ID_TOKEN), STR("JWT"), buf_str(&b), ret, e);
}
