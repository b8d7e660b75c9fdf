/* The session column of a grant: JSON, or the same sealed. Short names: rows are many. Knows nothing of who grants. */
#include "oauth/grant_session.h"

#include "base/doc.h"

/* clang-format off */
#define ROW(name, kind, member) DOC_ROW(name, kind, struct grant_session, member)
static const struct doc_member members[] = {
    ROW("scopes",       DOC_STRS, scopes),
    ROW("audience",     DOC_STRS, audience),
    ROW("access_token", DOC_JSON, access_claims),
    ROW("id_token",     DOC_JSON, id_claims),
    ROW("userinfo",     DOC_JSON, userinfo_claims),
    ROW("rs",           DOC_STRS, requested),
    ROW("sub",          DOC_STR,  sub),
    ROW("sid",          DOC_STR,  sid),
    ROW("at",           DOC_INT,  authenticated_at),
    ROW("acr",          DOC_STR,  acr),
    ROW("amr",          DOC_STRS, amr),
    ROW("acrq",         DOC_BOOL, acr_requested),
    ROW("nonce",        DOC_STR,  nonce),
    ROW("ru",           DOC_STR,  redirect_uri),
    ROW("cc",           DOC_STR,  code_challenge),
    ROW("hy",           DOC_BOOL, hybrid),
};
/* clang-format on */
static const struct doc session_doc = DOC_OF(struct grant_session, members);

struct str grant_session_write(const struct provider *p, struct op *op, struct str grant_id, const struct grant_session *s)
{
    const struct str text = doc_write(op->arena, &session_doc, s);
    if (!p->config->oauth2_session_encrypt_at_rest) return text;
    return seal_text(p->sealer, op->arena, SEAL_STORED_SESSION, grant_id, text);
}

bool grant_session_read(const struct provider *p, struct op *op, const struct grant *g, struct grant_session *ret, struct err *e)
{
    struct str text = g->session;
    if (text.n > 0 && text.p[0] != '{' && !unseal_text(p->sealer, op->arena, SEAL_STORED_SESSION, g->id, text, &text)) {
        FAIL(e, SERVER_ERROR, "A stored session cannot be opened: secrets.system must still list the secret it was sealed with.");
    }
    *ret = (struct grant_session) { 0 };
    if (text.n == 0) return true;
    ENSURE(doc_read(op->arena, &session_doc, text, ret), e, SERVER_ERROR, "A stored session cannot be read.");
    return true;
}

usec_t grant_expiry(const struct grant *g, usec_t tokens_until)
{
    const bool remembered = g->remember && !g->skipped;
    return remembered && g->consent_until > tokens_until ? g->consent_until : tokens_until;
}
