/* The session column of a grant: JSON, or the same sealed. Short names: rows are many. Knows nothing of who grants. */
#include "oauth/grant_session.h"

enum member_kind { M_STR, M_STRS, M_TIME, M_BOOL, M_CLAIMS };

struct member {
    const char *name;
    enum member_kind kind;
    size_t offset;
};

/* clang-format off */
#define MEMBER(name, kind, member) { name, kind, offsetof(struct grant_session, member) }
static const struct member members[] = {
    MEMBER("scopes",       M_STRS,   scopes),
    MEMBER("audience",     M_STRS,   audience),
    MEMBER("access_token", M_CLAIMS, access_claims),
    MEMBER("id_token",     M_CLAIMS, id_claims),
    MEMBER("userinfo",     M_CLAIMS, userinfo_claims),
    MEMBER("rs",           M_STRS,   requested),
    MEMBER("sub",          M_STR,    sub),
    MEMBER("sid",          M_STR,    sid),
    MEMBER("at",           M_TIME,   authenticated_at),
    MEMBER("acr",          M_STR,    acr),
    MEMBER("amr",          M_STRS,   amr),
    MEMBER("acrq",         M_BOOL,   acr_requested),
    MEMBER("nonce",        M_STR,    nonce),
    MEMBER("ru",           M_STR,    redirect_uri),
    MEMBER("cc",           M_STR,    code_challenge),
    MEMBER("hy",           M_BOOL,   hybrid),
};
/* clang-format on */

static void write_member(struct jw *w, const struct member *m, const void *at)
{
    const struct str *text = at;
    switch (m->kind) {
    case M_STR:
        if (text->n > 0) jw_str(w, m->name, *text);
        break;
    case M_CLAIMS:
        if (text->n > 0) jw_raw(w, m->name, *text);
        break;
    case M_STRS:
        if (((const struct strs *)at)->n > 0) jw_strs(w, m->name, *(const struct strs *)at);
        break;
    case M_TIME:
        if (*(const usec_t *)at != 0) jw_int(w, m->name, *(const usec_t *)at);
        break;
    case M_BOOL:
        if (*(const bool *)at) jw_bool(w, m->name, true);
        break;
    }
}

struct str grant_session_write(const struct provider *p, struct op *op, struct str grant_id, const struct grant_session *s)
{
    struct buf out = BUF(op->arena);
    struct jw w = JW(&out);
    jw_object(&w, NULL);
    for (size_t i = 0; i < ARRAY_LEN(members); i++) write_member(&w, &members[i], (const char *)s + members[i].offset);
    jw_end(&w);
    if (!p->config->oauth2_session_encrypt_at_rest) return buf_str(&out);
    return seal_text(p->sealer, op->arena, SEAL_STORED_SESSION, grant_id, buf_str(&out));
}

static struct strs read_list(struct arena *a, const json_t *list)
{
    struct strs texts = { 0 };
    for (size_t i = 0; i < json_array_size(list); i++) strs_add(a, &texts, json_str(json_array_get(list, i)));
    return texts;
}

static void read_member(struct arena *a, const struct member *m, const json_t *v, void *at)
{
    switch (m->kind) {
    case M_STR:
        *(struct str *)at = json_str(v);
        break;
    case M_STRS:
        *(struct strs *)at = read_list(a, v);
        break;
    case M_TIME:
        *(usec_t *)at = json_integer_value(v);
        break;
    case M_BOOL:
        *(bool *)at = json_is_true(v);
        break;
    case M_CLAIMS:
        if (json_object_size(v) > 0) *(struct str *)at = json_text(a, v, false);
        break;
    }
}

bool grant_session_read(const struct provider *p, struct op *op, const struct grant *g, struct grant_session *ret, struct err *e)
{
    struct str text = g->session;
    json_t *json;
    if (text.n > 0 && text.p[0] != '{' && !unseal_text(p->sealer, op->arena, SEAL_STORED_SESSION, g->id, text, &text)) {
        FAIL(e, SERVER_ERROR, "A stored session cannot be opened: secrets.system must still list the secret it was sealed with.");
    }
    *ret = (struct grant_session) { 0 };
    if (text.n == 0) return true;
    TRY(json_read(op->arena, text, &json, NULL, e));
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        const json_t *v = json_object_get(json, members[i].name);
        if (v != NULL) read_member(op->arena, &members[i], v, (char *)ret + members[i].offset);
    }
    return true;
}

usec_t grant_expiry(const struct grant *g, usec_t tokens_until)
{
    const bool remembered = g->remember && !g->skipped;
    return remembered && g->consent_until > tokens_until ? g->consent_until : tokens_until;
}
