/* Opens a token, looks at its row, says what it stands for. */
#include "oauth/introspection.h"

#include "base/json.h"
#include "base/span.h"
#include "oauth/grant_session.h"
#include "oauth/refresh_token.h"
#include "oauth/scope.h"

enum { TOKEN_TEXT_MAX = 65536 };

const struct token_kind token_kinds[] = {
    { "access_token", access_token_open, access_token_check },
    { "refresh_token", refresh_token_open, refresh_token_check },
};
const size_t token_kinds_n = ARRAY_LEN(token_kinds);

bool token_open(const struct provider *p, struct op *op, struct str text, struct access_token *ret,
                const struct token_kind **ret_kind, struct err *e)
{
    bool ours = false;
    *ret_kind = NULL;
    if (text.n == 0 || text.n > TOKEN_TEXT_MAX) return true;
    for (size_t i = 0; i < token_kinds_n && !ours; i++) {
        TRY(token_kinds[i].open(p, op, text, ret, &ours, e));
        if (ours) *ret_kind = &token_kinds[i];
    }
    return true;
}

/* What the answer is about: the token's own words, or those of its grant's row. */
struct subject_matter {
    struct str subject, ext, seen_as; /* seen_as: the name that the client knows the subject by, when it is another one */
    struct strs scopes, audience;
};

static bool gather(const struct provider *p, struct op *op, const struct access_token *t, const struct grant *g,
                   struct subject_matter *ret, struct err *e)
{
    struct grant_session session;
    if (g == NULL) {
        *ret = (struct subject_matter) { t->subject, t->ext, STR(""), t->scopes, t->audience };
        return true;
    }
    TRY(grant_session_read(p, op, g, &session, e));
    *ret = (struct subject_matter) { g->subject, session.access_claims, session.sub, session.scopes, session.audience };
    return true;
}

static bool grants_all(const struct provider *p, struct strs granted, struct strs wanted)
{
    for (size_t i = 0; i < wanted.n; i++) {
        if (!scope_covers(p, granted, wanted.v[i])) return false;
    }
    return true;
}

static struct str with_slash(struct arena *a, struct str issuer)
{
    return str_ends(issuer, STR("/")) ? issuer : ARENA_CAT(a, issuer, STR("/"));
}

static struct str describe(const struct provider *p, struct op *op, const struct access_token *t, const char *use,
                           const struct subject_matter *m, bool iss_slash)
{
    struct buf b = BUF(op->arena);
    struct jw w = JW(&b);
    buf_reserve(&b, 512 + m->ext.n);
    jw_object(&w, NULL);
    jw_bool(&w, "active", true);
    if (m->scopes.n > 0) jw_str(&w, "scope", strs_join(op->arena, m->scopes, " "));
    jw_str(&w, "client_id", t->client_id);
    jw_str(&w, "sub", m->subject);
    if (m->seen_as.n > 0) jw_str(&w, "obfuscated_subject", m->seen_as);
    if (t->expires_at < USEC_NEVER) jw_int(&w, "exp", usec_to_sec(t->expires_at));
    jw_int(&w, "iat", usec_to_sec(t->issued_at));
    jw_int(&w, "nbf", usec_to_sec(t->issued_at));
    jw_strs(&w, "aud", m->audience);
    jw_str(&w, "iss", iss_slash ? with_slash(op->arena, p->issuer) : p->issuer);
    jw_str(&w, "token_type", STR("Bearer"));
    jw_str(&w, "token_use", str_of(use));
    if (m->ext.n > 0) jw_raw(&w, "ext", m->ext);
    jw_end(&w);
    return buf_str(&b);
}

bool introspect(const struct provider *p, struct op *op, struct str token, struct str scope, bool iss_slash, struct str *ret_json,
                struct err *e)
{
    const struct token_kind *kind;
    struct access_token t;
    enum token_life life = TOKEN_DEAD;
    struct grant *grant = NULL;
    struct subject_matter matter;
    struct strs wanted;

    /* RFC 7662 2.2: "the authorization server SHOULD NOT include any additional information about an inactive token" */
    *ret_json = STR("{\"active\":false}");
    TRY(scope_read(op, scope, &wanted, e));
    TRY(token_open(p, op, token, &t, &kind, e));
    if (kind == NULL) return true;
    TRY(kind->check(p, op, &t, &life, &grant, e));
    if (life != TOKEN_ALIVE) return true;
    TRY(gather(p, op, &t, grant, &matter, e));
    if (!grants_all(p, matter.scopes, wanted)) return true;
    span_event(op, &(struct span_event) {
                       .name = EVENT_ACCESS_TOKEN_INSPECTED, .client_id = t.client_id, .subject = matter.subject });
    *ret_json = describe(p, op, &t, kind->use, &matter, iss_slash);
    return true;
}
