/* The admin API of trusted issuers, whose assertions the jwt-bearer grant takes: parse, call oauth/trust.h, write. */
#include "api/api.h"
#include "api/body.h"
#include "base/rand.h"
#include "oauth/page.h"
#include "oauth/trust.h"

static const struct page_rules issuers = { .list = { "trusted_issuers", 15 }, .size = 250, .max = 1000 };

#define BASE_PATH "/admin/trust/grants/jwt-bearer/issuers"

/* ---- writing ---- */

/* `scopes_null`: a list that was not given is null, as it is in the answer that creates the trust. */
static void write_trust(struct http_req *r, struct jw *w, const struct trust *t, bool scopes_null)
{
    jw_object(w, NULL);
    jw_str(w, "id", t->id);
    jw_str(w, "issuer", t->issuer);
    jw_str(w, "subject", t->subject);
    jw_bool(w, "allow_any_subject", t->any_subject);
    if (scopes_null)
        jw_null(w, "scope");
    else
        jw_strs(w, "scope", t->scopes);
    jw_object(w, "public_key");
    jw_str(w, "set", t->issuer);
    jw_str(w, "kid", t->kid);
    jw_end(w);
    jw_str(w, "created_at", time_rfc3339(r->op.arena, t->created_at, 0));
    jw_str(w, "expires_at", time_rfc3339(r->op.arena, t->expires_at, 0));
    jw_end(w);
}

static bool reply(struct http_req *r, int status, const struct trust *t, bool scopes_null)
{
    struct buf b = BUF(r->op.arena);
    write_trust(r, &JW(&b), t, scopes_null);
    return http_reply_json(r, status, buf_str(&b));
}

/* ---- creating ---- */

struct wish {
    struct str issuer, subject, expires_at;
    bool any_subject;
    struct strs scopes;
    json_t *jwk;
};

static const struct body_member members[] = {
    { "issuer", BODY_TEXT, offsetof(struct wish, issuer), STORE_ID_MAX },
    { "subject", BODY_TEXT, offsetof(struct wish, subject), STORE_ID_MAX },
    { "allow_any_subject", BODY_BOOL, offsetof(struct wish, any_subject), 0 },
    { "scope", BODY_TEXTS, offsetof(struct wish, scopes), 0 },
    { "expires_at", BODY_TEXT, offsetof(struct wish, expires_at), 64 },
    { "jwk", BODY_OBJECT, offsetof(struct wish, jwk), 0 },
};

/* What programs write that have a time's type and no time. */
#define NO_TIME STR("0001-01-01T00:00:00Z")

static bool check_wish(const struct wish *wish, struct err *e)
{
    ENSURE(wish->issuer.n > 0, e, MISSING_PARAMETER, "Field 'issuer' is required.");
    ENSURE(wish->subject.n > 0 || wish->any_subject, e, MISSING_PARAMETER,
           "One of 'subject' or 'allow_any_subject' field must be set.");
    ENSURE(wish->subject.n == 0 || !wish->any_subject, e, MISSING_PARAMETER,
           "Both 'subject' and 'allow_any_subject' fields cannot be set at the same time.");
    ENSURE(wish->expires_at.n > 0 && !str_eq(wish->expires_at, NO_TIME), e, MISSING_PARAMETER, "Field 'expires_at' is required.");
    ENSURE(json_str(json_object_get(wish->jwk, "kid")).n > 0, e, MISSING_PARAMETER,
           "Field 'jwk' must contain JWK with kid header.");
    return true;
}

/* Whole seconds, to the nearest. */
static bool read_time(struct str text, usec_t *ret, struct err *e)
{
    usec_t t;
    ENSURE(time_parse_rfc3339(text, &t), e, BAD_REQUEST, "Field 'expires_at' is no time as RFC 3339 writes it.");
    *ret = usec_to_sec(t + USEC_PER_SEC / 2) * USEC_PER_SEC;
    return true;
}

bool admin_trust_create(struct http_req *r, struct err *e)
{
    struct wish wish = { 0 };
    TRY(body_read(r, members, ARRAY_LEN(members), &wish, e));
    TRY(check_wish(&wish, e));
    struct trust t = { .issuer = wish.issuer, .subject = wish.subject, .any_subject = wish.any_subject, .scopes = wish.scopes };
    TRY(read_time(wish.expires_at, &t.expires_at, e));
    TRY(trust_create(r->provider, &r->op, &t, wish.jwk, e));
    /* Without /admin, as it always was: clients compare it. */
    http_header_add(r, "Location", ARENA_CAT(r->op.arena, STR("/trust/grants/jwt-bearer/issuers/"), t.id));
    return reply(r, 201, &t, t.scopes.v == NULL);
}

/* ---- one ---- */

static bool check_id(const struct http_req *r, struct err *e)
{
    ENSUREF(uuid_is(r->param[0]), e, BAD_REQUEST, "Unable to parse parameter id: '%.*s' is no UUID.",
            STR_FMT(str_upto(r->param[0], 64)));
    return true;
}

bool admin_trust_get(struct http_req *r, struct err *e)
{
    struct trust *t;
    api_no_cache(r);
    TRY(check_id(r, e));
    TRY(store_trust_get(r->provider->store, &r->op, str_lower(r->op.arena, r->param[0]), &t, e));
    ENSURE(t != NULL, e, NO_ROW, "");
    return reply(r, 200, t, false);
}

bool admin_trust_delete(struct http_req *r, struct err *e)
{
    enum store_put put;
    TRY(check_id(r, e));
    TRY(store_trust_delete(r->provider->store, &r->op, str_lower(r->op.arena, r->param[0]), &put, e));
    ENSURE(put == STORE_DONE, e, NO_ROW, "");
    return http_reply_empty(r, 204);
}

/* ---- all ---- */

static struct str write_rows(struct http_req *r, const struct trust *rows, size_t n)
{
    struct buf b = BUF(r->op.arena);
    struct jw w = JW(&b);
    jw_array(&w, NULL);
    for (size_t i = 0; i < n; i++) write_trust(r, &w, &rows[i], false);
    jw_end(&w);
    return buf_str(&b);
}

static bool is_findable(struct str s) { return s.n <= STORE_ID_MAX && !str_has(s, '\0'); }

bool admin_trust_list(struct http_req *r, struct err *e)
{
    const struct provider *p = r->provider;
    struct arena *a = r->op.arena;
    const struct str issuer = params_get(&r->query, STR("issuer"));
    struct page page;
    struct trust *rows = NULL;
    struct str next = STR_NONE;
    size_t n = 0;
    int64_t total = 0;
    api_no_cache(r);
    TRY(page_read(p->sealer, a, &issuers, &r->query, false, &page, e));
    const struct trust_filter f = { .issuer = issuer.n > 0 ? issuer : STR_NONE,
                                    .after = page.after,
                                    .offset = page.offset,
                                    .limit = page.limit + 1 /* one more, to see whether there is a next page */ };
    if (is_findable(issuer)) {
        TRY(store_trust_list(p->store, &r->op, &f, &rows, &n, e));
        if (page_counts(&page)) TRY(store_trust_count(p->store, &r->op, &f, &total, e));
    }
    if (n > (size_t)page.limit) next = rows[--n - 1].id;
    http_header_add(r, "Link", page_links(p->sealer, a, &issuers, &page, STR(BASE_PATH), &r->query, next, total));
    if (page_counts(&page)) http_header_add(r, "X-Total-Count", arena_printf(a, "%lld", (long long)total));
    return http_reply_json(r, 200, write_rows(r, rows, n));
}
