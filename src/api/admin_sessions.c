/* What was granted and who is logged in: consent sessions listed and revoked, login sessions ended. Both generations of
 * the API. */
#include <string.h>

#include "api/api.h"
#include "api/request_view.h"
#include "base/span.h"
#include "flow/logout.h"
#include "oauth/page.h"

static const struct page_rules consents = { .list = { "consents", 8 }, .size = 250, .max = 500, .own_errors = true };

static bool is_v1(const struct http_req *r) { return r->route->api == API_V1; }

/* A text that no row can have finds nothing, whatever the database makes of it. */
static bool is_findable(struct str s) { return s.n <= STORE_ID_MAX && !str_has(s, '\0'); }

/* ---- the list ---- */

/* A page begins behind the moment and the id of the last one's last row. */
static struct str key_of(struct arena *a, const struct grant *g)
{
    return arena_printf(a, "%lld:%.*s", (long long)g->requested_at, STR_FMT(g->id));
}

static bool read_key(struct str key, struct consent_filter *f, struct err *e)
{
    struct str moment, id;
    if (key.n == 0) return true;
    bool ok = str_split_once(key, ':', &moment, &id) && str_to_int(moment, &f->before);
    ENSURE(ok, e, INVALID_PAGE_TOKEN, "");
    f->before_id = id;
    return true;
}

static void write_claims(struct jw *w, const char *name, struct str claims)
{
    jw_raw(w, name, claims.n > 0 ? claims : STR("{}"));
}

static void write_granted(struct jw *w, const struct grant_session *s)
{
    jw_strs(w, "grant_scope", s->scopes);
    jw_strs(w, "grant_access_token_audience", s->audience);
    jw_object(w, "session");
    write_claims(w, "access_token", s->access_claims);
    write_claims(w, "id_token", s->id_claims);
    if (s->userinfo_claims.n > 0) write_claims(w, "userinfo", s->userinfo_claims);
    jw_end(w);
}

static bool write_consent(struct http_req *r, struct jw *w, const struct grant *g, struct err *e)
{
    const struct provider *p = r->provider;
    struct flow f;
    struct grant_session s;
    struct request_view v = { .flow = &f, .challenge = STR("") };
    TRY(flow_of_grant(&r->op, g, &f, e));
    TRY(grant_session_read(p, &r->op, g, &s, e));
    TRY(client_get_version(p, &r->op, g->client_id, g->client_version, &v.client, e));
    if (v.client == NULL) return true; /* deleted a moment ago */
    if (is_v1(r)) v.challenge = flow_consent_challenge(p, r->op.arena, g->id);

    jw_object(w, NULL);
    write_granted(w, &s);
    jw_bool(w, "remember", g->remember);
    jw_int(w, "remember_for", f.consent_remember_for);
    jw_str(w, "handled_at", time_rfc3339(r->op.arena, g->handled_at, 9));
    if (!is_v1(r)) {
        jw_str(w, "consent_request_id", g->id);
        request_context_write(r, w, &f);
    }
    TRY(consent_request_write(r, w, "consent_request", &v, e));
    jw_end(w);
    return true;
}

static bool write_consents(struct http_req *r, const struct grant *rows, size_t n, struct str *ret, struct err *e)
{
    struct buf out = BUF(r->op.arena);
    struct jw w = JW(&out);
    jw_array(&w, NULL);
    for (size_t i = 0; i < n; i++) TRY(write_consent(r, &w, &rows[i], e));
    jw_end(&w);
    *ret = buf_str(&out);
    return true;
}

bool admin_consent_sessions_list(struct http_req *r, struct err *e)
{
    const struct provider *p = r->provider;
    struct arena *a = r->op.arena;
    struct page page;
    struct str session = params_get(&r->query, STR("login_session_id"));
    struct consent_filter f = { .subject = params_get(&r->query, STR("subject")),
                                .session_id = session.n > 0 ? session : STR_NONE };
    ENSURE(f.subject.n > 0, e, INVALID_REQUEST, "Query parameter 'subject' is not defined but should have been.");
    TRY(page_read(p->sealer, a, &consents, &r->query, is_v1(r), &page, e));
    TRY(read_key(page.after, &f, e));
    f.offset = page.offset;
    f.limit = page.limit + 1; /* one more, to see whether there is a next page */

    struct grant *rows = NULL;
    size_t n = 0;
    int64_t total = 0;
    struct str json, next = STR_NONE;
    if (is_findable(f.subject) && is_findable(session)) {
        TRY(store_consent_list(p->store, &r->op, &f, &rows, &n, e));
        if (page_counts(&page)) TRY(store_consent_count(p->store, &r->op, &f, &total, e));
    }
    if (n > (size_t)page.limit) next = key_of(a, &rows[--n - 1]);
    TRY(write_consents(r, rows, n, &json, e));

    struct str path = is_v1(r) ? STR("/oauth2/auth/sessions/consent") : STR("/admin/oauth2/auth/sessions/consent");
    if (n > 0) http_header_add(r, "Link", page_links(p->sealer, a, &consents, &page, path, &r->query, next, total));
    if (page_counts(&page)) http_header_add(r, "X-Total-Count", arena_printf(a, "%lld", (long long)total));
    api_no_cache(r);
    return http_reply_json(r, 200, json);
}

/* ---- revoking consents ---- */

struct revocation {
    struct str subject, client, grant;
    bool all;
};

static bool check_revocation(const struct revocation *v, struct err *e)
{
    bool by_grant = v->grant.n > 0 && v->subject.n == 0 && v->client.n == 0 && !v->all;
    bool by_subject = v->grant.n == 0 && v->subject.n > 0 && (v->client.n > 0) != v->all;
    ENSURE(by_grant || by_subject, e, INVALID_REQUEST, "Invalid combination of query parameters.");
    return true;
}

/* v1 knew no consent_request_id, and a client won over `all`. */
static bool check_revocation_v1(const struct revocation *v, struct err *e)
{
    ENSURE(v->subject.n > 0, e, INVALID_REQUEST, "Query parameter 'subject' is not defined but should have been.");
    ENSURE(v->client.n > 0 || v->all, e, INVALID_REQUEST,
           "Query parameter both 'client' and 'all' is not defined but one of them should have been.");
    return true;
}

bool admin_consent_sessions_revoke(struct http_req *r, struct err *e)
{
    struct revocation v = { .subject = params_get(&r->query, STR("subject")),
                            .client = params_get(&r->query, STR("client")),
                            .grant = is_v1(r) ? STR_NONE : params_get(&r->query, STR("consent_request_id")),
                            .all = str_eq(params_get(&r->query, STR("all")), STR("true")) };
    TRY(is_v1(r) ? check_revocation_v1(&v, e) : check_revocation(&v, e));
    if (is_findable(v.subject) && is_findable(v.client) && is_findable(v.grant))
        TRY(store_consent_revoke(r->provider->store, &r->op, v.subject, v.client, v.grant, e));
    span_event(&r->op, &(struct span_event) { .name = EVENT_CONSENT_REVOKED, .client_id = v.client, .subject = v.subject });
    return http_reply_empty(r, 204);
}

/* ---- ending login sessions ---- */

/* By subject nobody is told; by session id the clients hear of it over the back channel. */
bool admin_login_sessions_revoke(struct http_req *r, struct err *e)
{
    struct str subject = params_get(&r->query, STR("subject"));
    struct str sid = is_v1(r) ? STR_NONE : params_get(&r->query, STR("sid"));
    ENSURE(subject.n > 0 || !is_v1(r), e, INVALID_REQUEST, "Query parameter 'subject' is not defined but should have been.");
    ENSURE(subject.n > 0 || sid.n > 0, e, INVALID_REQUEST, "Either 'subject' or 'sid' query parameters need to be defined.");

    struct ended_session ended;
    if (sid.n > 0 && is_findable(sid)) TRY(session_end(r->provider, &r->op, sid, &ended, e));
    if (sid.n == 0 && is_findable(subject)) TRY(store_session_delete_subject(r->provider->store, &r->op, subject, e));
    return http_reply_empty(r, 204);
}
