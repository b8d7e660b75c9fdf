/* What handlers use: reading the request's headers, writing the answer. Answers are only noted down here; the server sends them.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "http/exchange.h"

/* ---- the request ---- */

struct str http_header(const struct http_req *r, const char *name)
{
    const struct exchange *x = exchange_of(r);
    const char *value = NULL;
    size_t n = 0;
    if (x == NULL || MHD_lookup_connection_value_n(x->mhd, MHD_HEADER_KIND, name, strlen(name), &value, &n) != MHD_YES)
        return STR_NONE;
    return value == NULL ? STR("") : (struct str) { value, n };
}

struct counting {
    struct str name;
    size_t n;
};

static enum MHD_Result count_one(void *cls, enum MHD_ValueKind kind, const char *key, const char *value)
{
    struct counting *c = cls;
    (void)kind;
    (void)value;
    c->n += str_eq_nocase(str_of(key), c->name);
    return MHD_YES;
}

size_t http_header_count(const struct http_req *r, const char *name)
{
    const struct exchange *x = exchange_of(r);
    struct counting c = { .name = str_of(name) };
    if (x != NULL) MHD_get_connection_values(x->mhd, MHD_HEADER_KIND, count_one, &c);
    return c.n;
}

/* RFC 6265 4.2.1; quotes around a value are dropped, as other servers do. */
struct str http_cookie(const struct http_req *r, struct str name)
{
    struct str rest = http_header(r, "cookie");
    while (rest.p != NULL) {
        struct str pair = str_cut(&rest, ';'), key, value;
        if (!str_split_once(pair, '=', &key, &value) || !str_eq(str_trim(key), name)) continue;
        value = str_trim(value);
        if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"') value = (struct str) { value.p + 1, value.n - 2 };
        return value;
    }
    return STR_NONE;
}

/* ---- headers of the answer ---- */

static bool is_safe(struct str value)
{
    bool safe = true;
    for (size_t i = 0; i < value.n; i++) safe = safe && value.p[i] != '\r' && value.p[i] != '\n' && value.p[i] != '\0';
#ifndef NDEBUG
    if (!safe) abort();
#endif
    return safe;
}

void http_header_add(struct http_req *r, const char *name, struct str value)
{
    if (!is_safe(value)) return;
    if (r->headers_n == r->headers_cap) {
        size_t cap = r->headers_cap == 0 ? 8 : r->headers_cap * 2;
        struct http_header *more = ARENA_ARRAY(r->op.arena, struct http_header, cap);
        if (r->headers_n > 0) memcpy(more, r->headers, r->headers_n * sizeof(*more));
        r->headers = more;
        r->headers_cap = cap;
    }
    r->headers[r->headers_n++] = (struct http_header) { str_of(name), arena_dup(r->op.arena, value) };
}

void http_header_set(struct http_req *r, const char *name, struct str value)
{
    size_t kept = 0;
    for (size_t i = 0; i < r->headers_n; i++)
        if (!str_eq_nocase(r->headers[i].name, str_of(name))) r->headers[kept++] = r->headers[i];
    r->headers_n = kept;
    http_header_add(r, name, value);
}

/* RFC 6265 4.1.1. */
void http_cookie_set(struct http_req *r, const struct cookie *c)
{
    struct buf b = BUF(r->op.arena);
    buf_add(&b, c->name);
    buf_addc(&b, '=');
    buf_add(&b, c->value);
    if (c->path.n > 0) {
        buf_addz(&b, "; Path=");
        buf_add(&b, c->path);
    }
    if (c->domain.n > 0) {
        buf_addz(&b, "; Domain=");
        buf_add(&b, c->domain);
    }
    if (c->max_age != 0) {
        usec_t until = c->max_age < 0 ? 0 : r->op.now + c->max_age;
        buf_addz(&b, "; Expires=");
        buf_add(&b, time_http(r->op.arena, until));
        buf_addf(&b, "; Max-Age=%lld", (long long)(c->max_age < 0 ? 0 : usec_to_sec(c->max_age)));
    }
    if (c->http_only) buf_addz(&b, "; HttpOnly");
    if (c->secure) buf_addz(&b, "; Secure");
    if (c->same_site != NULL) buf_addf(&b, "; SameSite=%s", c->same_site);
    http_header_add(r, "Set-Cookie", buf_str(&b));
}

/* ---- the answer ---- */

bool http_reply(struct http_req *r, int status, const char *content_type, struct str content)
{
    r->status = status;
    r->content_type = content_type;
    r->content = content;
    return true;
}

bool http_reply_empty(struct http_req *r, int status) { return http_reply(r, status, NULL, STR("")); }

bool http_redirect(struct http_req *r, int status, struct str location)
{
    http_header_set(r, "Location", location);
    return http_reply_empty(r, status);
}

bool http_reply_oauth(struct http_req *r, int status, struct str json)
{
    return http_reply(r, status, "application/json;charset=UTF-8", json);
}

bool http_reply_json(struct http_req *r, int status, struct str json)
{
    return http_reply(r, status, "application/json; charset=utf-8", ARENA_CAT(r->op.arena, json, STR("\n")));
}

void answer_reset(struct http_req *r)
{
    r->status = 0;
    r->content = STR_NONE;
    r->content_type = NULL;
    r->headers_n = 0;
}

/* ---- errors ---- */

struct str http_error_description(struct arena *a, const struct err *e, bool expose)
{
    const char *parts[] = { e->description != NULL ? e->description : e->kind->description, e->hint, expose ? e->debug : NULL };
    struct buf b = BUF(a);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (parts[i] == NULL || parts[i][0] == '\0') continue;
        if (b.n > 0) buf_addc(&b, ' ');
        buf_addz(&b, parts[i]);
    }
    for (size_t i = 0; i < b.n; i++)
        if (b.p[i] == '"') b.p[i] = '\'';
    return b.n == 0 ? STR("") : buf_str(&b);
}

struct str http_error_json(struct arena *a, const struct err *e, bool expose)
{
    struct buf b = BUF(a);
    struct jw w = JW(&b);
    jw_object(&w, NULL);
    jw_str(&w, "error", str_of(e->name != NULL ? e->name : e->kind->name));
    jw_str(&w, "error_description", http_error_description(a, e, expose));
    jw_end(&w);
    return buf_str(&b);
}

const char *status_text(int status)
{
    const char *text = MHD_get_reason_phrase_for((unsigned)status);
    return text == NULL ? "" : text;
}

static int status_of(const struct err *e) { return e->status != 0 ? e->status : e->kind->status; }

/* 5xx is the operator's business; the rest is what callers do wrong. */
void http_error_log(const struct http_req *r, const struct err *e)
{
    int status = status_of(e);
    struct str place = e->file != NULL ? log_place_text(r->op.arena, e->file, e->line) : STR("");
    const struct log_field error[] = {
        LF_STR("message", str_of(e->name != NULL ? e->name : e->kind->name)),
        LF_STR("reason", http_error_description(r->op.arena, e, false)),
        LF_Z("debug", e->debug != NULL ? e->debug : ""),
        LF_Z("status", status_text(status)),
        LF_INT("status_code", status),
    };
    log_at(status >= 500 ? LOG_ERROR : LOG_DEBUG, "An error occurred while handling a request",
           LF_OBJ("error", error, sizeof(error) / sizeof(error[0])), LF_STR("file", place), LF_STR("request_id", r->request_id));
}

/* RFC 9110 11.6.1: a 401 needs a challenge; 10.2.3: when to come back. */
static void add_hints(struct http_req *r, const struct err *e, int status)
{
    if (status == 503) http_header_set(r, "Retry-After", STR("1"));
    if (status != 401 || r->headers_n > 0) return;
    if (err_is(e, &err_INVALID_CLIENT) && str_starts_nocase(http_header(r, "authorization"), STR("Basic ")))
        http_header_set(r, "WWW-Authenticate", STR("Basic realm=\"oauth2\""));
}

bool answer_error(struct http_req *r, const struct err *e)
{
    const struct exchange *x = exchange_of(r);
    unsigned flags = r->route == NULL ? 0 : r->route->flags;
    int status = status_of(e);
    http_error_log(r, e);
    add_hints(r, e, status);
    if (flags & ROUTE_BROWSER && x->app->browser_error != NULL && x->app->browser_error(r, e)) return true;

    bool oauth = r->listener == LISTEN_PUBLIC && flags & ROUTE_NO_STORE;
    bool expose = oauth && x->config->oauth2_expose_internal_errors;
    struct str json = http_error_json(r->op.arena, e, expose);
    if (oauth) return http_reply_oauth(r, status, json);
    return http_reply(r, status, "application/json", ARENA_CAT(r->op.arena, json, STR("\n")));
}
