/* From a consent and its tokens to a grant: in which state it is, what its tokens say, and until when. Reads no database. */
#include "takeover/family.h"

#include "base/b64.h"
#include "flow/flow.h"
#include "oauth/code.h"
#include "oauth/earlier.h"
#include "oauth/refresh_token.h"

enum { MOST_PARAMETERS = 1000 };
/* Below that of the living ones: brought again, it ends the grant. The one just used may come again within the grace period. */
enum { GENERATION_REPLAYED = 1, GENERATION_USED = IMPORTED_TOKEN_GENERATION - 1 };

static usec_t later(usec_t a, usec_t b) { return a > b ? a : b; }

/* ---- what is alive ---- */

static bool has_code(const struct family *f) { return f->code != NULL && !f->code_used; }

static usec_t latest_end(const struct hydra_token *list)
{
    usec_t end = 0;
    for (; list != NULL; list = list->next) end = later(end, list->until);
    return end;
}

static enum grant_state state_of(const struct family *f)
{
    if (has_code(f) || f->device != NULL) return GRANT_CONSENTED;
    return f->access != NULL || f->refresh != NULL ? GRANT_ACTIVE : GRANT_ENDED;
}

static const struct hydra_token *newest(const struct hydra_token *list)
{
    const struct hydra_token *best = list;
    for (; list != NULL; list = list->next)
        if (list->requested_at > best->requested_at || (best->used && !list->used)) best = list;
    return best;
}

/* The latest token knows best what the next ones have to say: hooks may have changed it since the consent. */
static const struct session_data *latest_data(const struct family *f)
{
    static const struct session_data none = { 0 };
    if (f->refresh != NULL) return &newest(f->refresh)->data;
    if (f->access != NULL) return &newest(f->access)->data;
    if (has_code(f)) return &f->code->data;
    return f->device != NULL ? &f->device->data : &none;
}

/* The consent's; where an upgrade lost it, that of its tokens. */
static struct str subject_of(const struct family *f)
{
    const struct str subject = f->consent[CONSENT_SUBJECT].s;
    return subject.n > 0 ? subject : latest_data(f)->subject;
}

static usec_t reached_at(const struct family *f)
{
    if (f->refresh != NULL) return newest(f->refresh)->requested_at;
    if (f->access != NULL) return newest(f->access)->requested_at;
    return later(f->consent[CONSENT_HANDLED].i, f->consent[CONSENT_REQUESTED].i);
}

/* ---- what the authorization request said ---- */

static struct str query_of(struct arena *a, struct str request_url)
{
    struct url u;
    return url_parse(a, request_url, &u) && u.query.n <= FLOW_REQUEST_MAX ? u.query : STR("");
}

static struct str asked(struct arena *a, struct str form, const char *name)
{
    struct params q;
    return params_parse(a, form, MOST_PARAMETERS, &q) ? params_get(&q, str_of(name)) : STR("");
}

/* What was kept with the code counts; the URL lacks what came in a body or in a request object. */
static struct str asked_with_code(struct arena *a, const struct family *f, const char *name)
{
    const struct str kept = asked(a, f->code_form, name);
    return kept.n > 0 ? kept : asked(a, query_of(a, f->consent[CONSENT_URL].s), name);
}

static bool is_hybrid(struct arena *a, const struct family *f)
{
    const struct strs types = strs_words(a, asked_with_code(a, f, "response_type"));
    return types.n > 1 && strs_has(types, STR("code"));
}

/* RFC 7636 4.2: the method `plain` promises the verifier itself, whose digest is what S256 compares. */
static struct str code_challenge(struct arena *a, struct str pkce_form)
{
    const struct str challenge = asked(a, pkce_form, "code_challenge");
    struct str digest;
    if (challenge.n == 0 || str_eq(asked(a, pkce_form, "code_challenge_method"), STR("S256"))) return challenge;
    return hex_decode(a, hydra_jti_digest(a, challenge), &digest) ? b64url_encode(a, digest) : challenge;
}

/* ---- the grant's documents ---- */

static json_t *json_of(struct arena *a, struct str text)
{
    struct err ignored = ERR_INIT(a);
    json_t *v;
    return text.n > 0 && json_read(a, text, &v, NULL, &ignored) && !json_is_null(v) ? v : NULL;
}

/* As this server writes JSON: what it keeps is read back strictly (base/doc.h). */
static struct str compact(struct arena *a, struct str text)
{
    const json_t *v = json_of(a, text);
    return v != NULL ? json_text(a, v, false) : STR("");
}

static struct str claims_of(struct arena *a, struct str text)
{
    const json_t *v = json_of(a, text);
    return json_is_object(v) && json_object_size(v) > 0 ? json_text(a, v, false) : STR("");
}

static bool same_words(struct strs a, struct strs b)
{
    bool same = a.n == b.n;
    for (size_t i = 0; same && i < a.n; i++) same = str_eq(a.v[i], b.v[i]);
    return same;
}

static struct str or_else(struct str s, struct str other) { return s.n > 0 ? s : other.p != NULL ? other : STR(""); }

static struct grant_session session_of(struct arena *a, const struct family *f)
{
    const struct sql_cell *c = f->consent;
    const struct session_data *d = latest_data(f);
    const bool issued = d->sub.n > 0 || d->subject.n > 0;
    struct grant_session s = { .scopes = hydra_list(a, c[CONSENT_SCOPE].s), .audience = hydra_list(a, c[CONSENT_AUDIENCE].s) };
    const struct strs requested = hydra_list(a, c[CONSENT_REQUESTED_SCOPE].s);
    s.requested = same_words(requested, s.scopes) ? (struct strs) { 0 } : requested;
    s.access_claims = issued ? d->access_claims : claims_of(a, c[CONSENT_ACCESS_CLAIMS].s);
    s.id_claims = issued ? d->id_claims : claims_of(a, c[CONSENT_ID_CLAIMS].s);
    s.sub = str_eq(d->sub, subject_of(f)) ? STR("") : d->sub;
    s.sid = or_else(d->sid, c[CONSENT_SESSION].s);
    s.authenticated_at = d->auth_time != 0 ? d->auth_time : c[CONSENT_AUTHENTICATED].i;
    s.acr = or_else(d->acr, c[CONSENT_ACR].s);
    s.amr = d->amr.n > 0 ? d->amr : hydra_list(a, c[CONSENT_AMR].s);
    s.acr_requested = asked(a, query_of(a, c[CONSENT_URL].s), "acr_values").n > 0;
    s.nonce = d->nonce;
    if (!has_code(f)) return s;
    s.redirect_uri = asked(a, f->code_form, "redirect_uri");
    s.code_challenge = code_challenge(a, f->pkce_form);
    s.hybrid = is_hybrid(a, f);
    return s;
}

/* What consents are listed with. */
static struct str request_of(struct arena *a, const struct family *f, const struct grant_session *s)
{
    const struct sql_cell *c = f->consent;
    const struct flow flow = { .request = query_of(a, c[CONSENT_URL].s),
                               .device = c[CONSENT_DEVICE].i != 0,
                               .authenticated_at = s->authenticated_at,
                               .acr = s->acr,
                               .amr = s->amr,
                               .context = compact(a, c[CONSENT_CONTEXT].s),
                               .forced_subject = c[CONSENT_FORCED_SUBJECT].s,
                               .consent_skip = c[CONSENT_SKIP].i != 0,
                               .consent_remember_for = c[CONSENT_REMEMBER_FOR].i };
    return flow_encode(a, &flow);
}

/* ---- the grant ---- */

static usec_t consent_until(const struct sql_cell *c)
{
    const int64_t life = c[CONSENT_REMEMBER_FOR].i;
    return life <= 0 || life >= USEC_NEVER / USEC_PER_SEC / 2 ? USEC_NEVER : c[CONSENT_REQUESTED].i + life * USEC_PER_SEC;
}

static usec_t tokens_until(const struct family *f)
{
    usec_t end = later(latest_end(f->access), latest_end(f->refresh));
    if (has_code(f)) end = later(end, f->code->until);
    if (f->device != NULL) end = later(end, f->device->until);
    return end > 0 && end < USEC_NEVER ? end + USEC_PER_SEC : end; /* tokens live until their last second is over */
}

bool family_grant(struct takeover *t, struct op *op, const struct family *f, struct grant *ret, enum takeover_left *ret_why)
{
    struct arena *a = op->arena;
    const struct sql_cell *c = f->consent;
    struct grant g = { .state = state_of(f),
                       .client_id = c[CONSENT_CLIENT].s,
                       .subject = subject_of(f),
                       .session_id = c[CONSENT_SESSION].s,
                       .remember = c[CONSENT_REMEMBER].i != 0,
                       .skipped = c[CONSENT_SKIP].i != 0,
                       .consent_until = consent_until(c),
                       .requested_at = c[CONSENT_REQUESTED].i,
                       .handled_at = later(c[CONSENT_HANDLED].i, c[CONSENT_REQUESTED].i),
                       .rotated_at = reached_at(f) };
    g.expires_at = grant_expiry(&g, tokens_until(f));
    *ret_why = LEFT_EXPIRED;
    if (g.expires_at <= t->now) return false;
    *ret_why = LEFT_UNUSABLE;
    if (!hex_id(a, f->id, &g.id) || g.subject.n == 0) return false;
    const struct grant_session session = session_of(a, f);
    g.generation = g.state == GRANT_CONSENTED ? IMPORTED_CODE_GENERATION
                   : g.state == GRANT_ACTIVE  ? IMPORTED_TOKEN_GENERATION
                                              : 0;
    g.request = request_of(a, f, &session);
    g.session = grant_session_write(t->provider, op, g.id, &session);
    *ret = g;
    return true;
}

/* ---- its tokens ---- */

size_t family_size(const struct family *f)
{
    size_t n = f->code != NULL ? 1 : 0;
    for (const struct hydra_token *k = f->access; k != NULL; k = k->next) n++;
    for (const struct hydra_token *k = f->refresh; k != NULL; k = k->next) n++;
    return n;
}

static usec_t whole_second(usec_t end) { return end == USEC_NEVER ? end : usec_to_sec(end) * USEC_PER_SEC; }

static struct earlier_token refresh_row(struct takeover *t, struct arena *a, const struct hydra_token *k, const struct grant *g)
{
    const struct refresh_token token = { .grant_id = g->id,
                                         .generation = k->used ? GENERATION_USED : IMPORTED_TOKEN_GENERATION,
                                         .client_id = g->client_id,
                                         .issued_at = k->requested_at,
                                         .expires_at = whole_second(k->until) };
    return earlier_refresh_token(t->provider, a, token_digest(a, k->signature), &token, g->expires_at);
}

static struct earlier_token code_row(struct takeover *t, struct arena *a, const struct family *f, const struct grant *g)
{
    const struct code code = { .grant_id = g->id, .generation = IMPORTED_CODE_GENERATION, .expires_at = f->code->until };
    return earlier_code(t->provider, a, token_digest(a, f->code->signature), &code, g->expires_at);
}

static bool access_row(struct takeover *t, struct op *op, const struct hydra_token *k, const struct grant *g,
                       struct earlier_token *ret, struct err *e)
{
    const struct access_token token = { .grant_id = g->id,
                                        .generation = g->generation,
                                        .client_id = g->client_id,
                                        .issued_at = k->requested_at,
                                        .expires_at = whole_second(k->until) };
    return earlier_access_token(t->provider, op, token_digest(op->arena, k->signature), &token, ret, e);
}

bool family_tokens(struct takeover *t, struct op *op, const struct family *f, const struct grant *g, struct earlier_token *rows,
                   size_t *n, struct err *e)
{
    if (g->state == GRANT_ENDED) return true;
    for (const struct hydra_token *k = f->access; k != NULL; k = k->next) TRY(access_row(t, op, k, g, &rows[(*n)++], e));
    for (const struct hydra_token *k = f->refresh; k != NULL; k = k->next) rows[(*n)++] = refresh_row(t, op->arena, k, g);
    if (f->code != NULL) rows[(*n)++] = code_row(t, op->arena, f, g);
    return true;
}

struct earlier_token family_used_refresh(struct takeover *t, struct arena *a, struct str signature, usec_t requested_at,
                                         const struct grant *g)
{
    const struct refresh_token token = { .grant_id = g->id,
                                         .generation = GENERATION_REPLAYED,
                                         .client_id = g->client_id,
                                         .issued_at = requested_at,
                                         .expires_at = whole_second(g->expires_at) };
    return earlier_refresh_token(t->provider, a, token_digest(a, signature), &token, g->expires_at);
}
