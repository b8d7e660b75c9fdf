/* Between a complete request and its answer: what every route has in common. Runs on a listener's thread, and again on a worker
 * when the route or its handler has to wait. */
#include <string.h>

#include "base/log.h"
#include "base/rand.h"
#include "http/cors.h"
#include "http/exchange.h"
#include "http/form.h"
#include "http/metrics.h"
#include "http/server_span.h"

enum { QUERY_PAIRS_MAX = 1000, LONGEST_REQUEST_ID = 128, BODY_WITHOUT_USE = 64 * 1024 };

static const struct {
    const char *name;
    enum http_method method;
} method_names[] = {
    { "GET", HTTP_GET },     { "POST", HTTP_POST },       { "PUT", HTTP_PUT },   { "DELETE", HTTP_DELETE },
    { "PATCH", HTTP_PATCH }, { "OPTIONS", HTTP_OPTIONS }, { "HEAD", HTTP_HEAD },
};

/* 0 for any other: then no route matches. */
static enum http_method method_of(const char *name)
{
    for (size_t i = 0; i < sizeof(method_names) / sizeof(method_names[0]); i++)
        if (strcmp(name, method_names[i].name) == 0) return method_names[i].method;
    return 0;
}

/* ---- the beginning ---- */

/* RFC 9112 3.2.2: "a server MUST accept the absolute-form in requests" */
static struct str origin_form(struct str target)
{
    size_t scheme = str_starts_nocase(target, STR("http://")) ? 7 : str_starts_nocase(target, STR("https://")) ? 8 : 0;
    if (scheme == 0) return target;
    for (size_t i = scheme; i < target.n; i++)
        if (target.p[i] == '/' || target.p[i] == '?') return str_from(target, i);
    return STR("/");
}

static bool request_id_ok(struct str id)
{
    for (size_t i = 0; i < id.n; i++)
        if (id.p[i] <= ' ' || id.p[i] > '~' || id.p[i] == '"' || id.p[i] == '\\') return false;
    return id.n > 0 && id.n <= LONGEST_REQUEST_ID;
}

/* Ours only have to differ: a random start for the process and a counter. */
static struct str request_id(struct http_req *r)
{
    static _Thread_local uint64_t next, salt;
    struct str theirs = http_header(r, "x-request-id");
    if (request_id_ok(theirs)) return theirs;
    if (salt == 0) rand_bytes(&salt, sizeof(salt));
    uint64_t parts[2] = { salt, ++next };
    static const char digits[] = "0123456789abcdef";
    char *text = arena_alloc(r->op.arena, 32);
    for (size_t i = 0; i < 32; i++) text[i] = digits[parts[i / 16] >> (60 - 4 * (i % 16)) & 15];
    return (struct str) { text, 32 };
}

static bool said_secure(const struct exchange *x)
{
    return x->conn->tls != NULL || str_eq_nocase(str_trim(http_header(&x->r, "x-forwarded-proto")), STR("https"));
}

static size_t body_limit(const struct exchange *x)
{
    unsigned flags = x->match.outcome == ROUTE_FOUND ? x->match.row->flags : 0;
    if (flags & ROUTE_FORM) return (size_t)x->config->serve_limits_form_bytes;
    if (flags & ROUTE_BODY) return (size_t)x->config->serve_limits_json_bytes;
    return BODY_WITHOUT_USE;
}

void exchange_begin(struct exchange *x, const char *method)
{
    struct http_req *r = &x->r;
    r->target = origin_form(r->target);
    r->conn = x;
    r->op.now = clock_now();
    r->method = method_of(method);
    r->listener = x->conn->listener;
    r->remote = (struct str) { x->conn->remote, x->conn->remote_n };
    r->request_id = request_id(r);
    r->secure = said_secure(x);
    x->started = clock_monotonic();
    x->type = http_header(r, "content-type");

    r->provider = x->app->acquire(x->app->app);
    x->config = x->app->config(r->provider);
    config_listener(x->config, r->listener == LISTEN_PUBLIC ? CONFIG_PUBLIC : CONFIG_ADMIN, &x->settings);

    struct str path = r->target, query;
    if (str_split_once(r->target, '?', &path, &query)) (void)query;
    router_find(listener_router(x->listener), r->op.arena, path, r->method, &x->match);
    r->path = path_without_slash(path);
    if (x->match.outcome == ROUTE_FOUND) r->route = x->match.row;
    memcpy(r->param, x->match.param, sizeof(r->param));
    x->body_limit = body_limit(x);
    if (x->app->tracer != NULL) server_span_begin(x);
    server_span_enter(x);
    access_started(x);
    server_span_leave(x);
}

void exchange_end(struct exchange *x)
{
    if (x->r.provider != NULL && x->app->release != NULL) x->app->release(x->r.provider);
    x->r.provider = NULL;
}

/* ---- answers without a handler ---- */

/* The representation that an Accept header likes best; text/html when it does not say (RFC 9110 12.5.1, without weights: clients
 * that send several list their favourite first). */
static const char *preferred_type(const struct http_req *r)
{
    static const char *const known[] = { "application/json", "text/plain", "text/html" };
    struct str accept = http_header(r, "accept");
    while (accept.p != NULL) {
        struct str range = str_cut(&accept, ','), type, weight;
        type = str_split_once(range, ';', &type, &weight) ? str_trim(type) : str_trim(range);
        for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
            if (str_eq_nocase(type, str_of(known[i]))) return known[i];
    }
    return "text/html";
}

#define NO_ROUTE_REASON "The requested route does not exist. Make sure you are using the right path, domain, and port."

static bool answer_no_route(struct http_req *r)
{
    const char *type = preferred_type(r);
    if (strcmp(type, "application/json") == 0)
        return http_reply(r, 404, "application/json",
                          STR("{\"error\":{\"code\":404,\"message\":\"Not Found\",\"reason\":\"" NO_ROUTE_REASON "\"}}\n"));
    if (strcmp(type, "text/plain") == 0) return http_reply(r, 404, "text/plain", STR("Error 404 - " NO_ROUTE_REASON "\n"));
    return http_reply(r, 404, "text/html; charset=utf-8",
                      STR("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Not Found</title></head>\n"
                          "<body><h1>404 Not Found</h1><p>" NO_ROUTE_REASON "</p></body></html>\n"));
}

static struct str allow_list(struct arena *a, unsigned methods)
{
    struct buf b = BUF(a);
    static const char *const sorted[] = { "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT" };
    for (size_t i = 0; i < sizeof(sorted) / sizeof(sorted[0]); i++) {
        if (!(methods & method_of(sorted[i]))) continue;
        if (b.n > 0) buf_addz(&b, ", ");
        buf_addz(&b, sorted[i]);
    }
    return buf_str(&b);
}

static bool answer_moved(struct exchange *x)
{
    struct http_req *r = &x->r;
    struct str path, query, location = x->match.moved;
    if (str_split_once(r->target, '?', &path, &query)) location = ARENA_CAT(r->op.arena, location, STR("?"), query);
    return http_redirect(r, r->method == HTTP_GET && x->match.api == API_V1 ? 301 : 307, location);
}

/* The old generation's manners: 405 with Allow, OPTIONS answered. */
static bool answer_old(struct exchange *x)
{
    struct http_req *r = &x->r;
    if (x->match.outcome == ROUTE_NO_PATH)
        return http_reply(r, 404, "text/plain", STR("{\"error\": \"Error 404 - " NO_ROUTE_REASON "\"}\n"));
    http_header_set(r, "Allow", allow_list(r->op.arena, x->match.allow | HTTP_OPTIONS));
    if (r->method == HTTP_OPTIONS) return http_reply_empty(r, 200);
    return http_reply(r, 405, "text/plain; charset=utf-8", STR("Method Not Allowed\n"));
}

static bool answer_without_row(struct exchange *x)
{
    struct http_req *r = &x->r;
    if (x->match.outcome == ROUTE_MOVED) return answer_moved(x);
    if (x->match.api == API_V1) return answer_old(x);
    /* These routes have always answered OPTIONS, even with CORS switched off. */
    bool options = x->match.outcome == ROUTE_NO_METHOD && r->method == HTTP_OPTIONS && x->match.row->flags & ROUTE_CORS_CLIENT;
    return options ? http_reply_empty(r, 200) : answer_no_route(r);
}

/* ---- who may come in ---- */

static struct cors cors_of(const struct exchange *x)
{
    return (struct cors) { .settings = &x->settings.cors,
                           .unbounded = x->config->feature_flags_legacy_allow_insecure_origins,
                           .admin = x->r.listener == LISTEN_ADMIN };
}

static bool path_has_own_origins(const struct exchange *x)
{
    if (x->match.outcome != ROUTE_FOUND && !cors_is_preflight(&x->r)) return false;
    return x->match.row != NULL && x->match.row->flags & ROUTE_CORS_CLIENT && x->app->client_origin != NULL;
}

/* Would have to ask the store which origins a client has. */
static bool origin_needs_store(struct exchange *x)
{
    struct str origin = http_header(&x->r, "origin");
    if (!x->settings.cors.enabled || origin.n == 0 || !path_has_own_origins(x)) return false;
    struct cors c = cors_of(x);
    return !cors_origin_allowed(&c, origin);
}

static bool origin_allowed(struct exchange *x, const struct cors *c)
{
    struct str origin = http_header(&x->r, "origin");
    if (origin.n == 0) return false;
    return cors_origin_allowed(c, origin) || (path_has_own_origins(x) && x->app->client_origin(&x->r, origin));
}

/* RFC 6750 2.1 and 3. Probes stay open: whoever restarts the process has no key. */
static bool check_api_key(struct exchange *x, struct err *e)
{
    struct http_req *r = &x->r;
    if (r->listener != LISTEN_ADMIN || x->config->serve_admin_api_keys.n == 0) return true;
    if (x->match.row != NULL && x->match.row->flags & ROUTE_PROBE) return true;

    struct str header = http_header(r, "authorization");
    bool bearer = str_starts_nocase(header, STR("Bearer ")) && http_header_count(r, "authorization") == 1;
    if (bearer && config_api_key_ok(x->config, str_trim(str_from(header, 7)))) return true;
    http_header_set(r, "WWW-Authenticate",
                    bearer ? STR("Bearer realm=\"admin\", error=\"invalid_token\"") : STR("Bearer realm=\"admin\""));
    FAIL(e, REQUEST_UNAUTHORIZED, "This listener asks for one of the keys in serve.admin.api_keys as a bearer token.");
}

/* ---- the body ---- */

static bool too_large(const struct exchange *x, struct err *e)
{
    /* Form endpoints speak OAuth, which knows 400 only. */
    if (x->match.row != NULL && x->match.row->flags & ROUTE_FORM)
        FAILF(e, INVALID_REQUEST, "The form is larger than %zu bytes.", x->body_limit);
    FAILF(e, TOO_LARGE, "The limit is %zu bytes.", x->body_limit);
}

static bool read_inputs(struct exchange *x, struct err *e)
{
    struct http_req *r = &x->r;
    struct str path, query = STR(""), body = { x->body, x->body_n };
    if (x->too_large) return too_large(x, e);
    if (str_split_once(r->target, '?', &path, &query) && !params_parse(r->op.arena, query, QUERY_PAIRS_MAX, &r->query)) {
        err_set(e, &err_INVALID_REQUEST, "The query has too many parameters.", __FILE__, __LINE__);
        e->status = 414;
        return false;
    }
    if (r->route->flags & ROUTE_BODY) r->body = body.p == NULL ? STR("") : body;
    if (r->route->flags & ROUTE_FORM) {
        TRY(form_read(r->op.arena, x->type, body, &r->form, e));
        r->form_empty = r->form.n == 0;
    }
    return true;
}

/* ---- the answer ---- */

static bool has_header(const struct http_req *r, const char *name)
{
    for (size_t i = 0; i < r->headers_n; i++)
        if (str_eq_nocase(r->headers[i].name, str_of(name))) return true;
    return false;
}

static void add_cache_headers(struct exchange *x)
{
    struct http_req *r = &x->r;
    if (has_header(r, "Cache-Control")) return;
    if (r->route != NULL && r->route->flags & ROUTE_NO_STORE) {
        http_header_add(r, "Cache-Control", STR("no-store"));
        http_header_add(r, "Pragma", STR("no-cache"));
    } else if (r->method == HTTP_GET && x->match.api == API_CURRENT) {
        http_header_add(r, "Cache-Control", STR("private, no-cache, no-store, must-revalidate"));
    }
}

static void add_cors_headers(struct exchange *x)
{
    struct cors c = cors_of(x);
    const bool allowed = origin_allowed(x, &c);
    if (cors_is_preflight(&x->r))
        cors_preflight_headers(&x->r, &c, allowed);
    else
        cors_headers(&x->r, &c, allowed);
}

static void finish(struct exchange *x)
{
    struct http_req *r = &x->r;
    add_cache_headers(x);
    http_header_set(r, "X-Request-ID", r->request_id);
    if (x->settings.cors.enabled) add_cors_headers(x);
    usec_t took = clock_monotonic() - x->started;
    metrics_count(&(struct metrics_sample) { .row = r->route == NULL ? METRICS_UNMATCHED : (int)(r->route - x->app->routes),
                                             .method = r->method,
                                             .status = r->status,
                                             .took = took,
                                             .received = x->conn->framing.head + x->body_n,
                                             .sent = r->content.n });
    server_span_end(x);
    access_completed(x, took);
}

static bool run_handler(struct exchange *x, struct err *e)
{
    TRY(check_api_key(x, e));
    if (x->match.outcome != ROUTE_FOUND) return answer_without_row(x);
    if (x->r.route->flags & ROUTE_WAITS || origin_needs_store(x)) OP_MUST_WAIT(&x->r.op, e);
    TRY(read_inputs(x, e));
    TRY(x->r.route->handler(&x->r, e));
    ENSURE(x->r.status != 0, e, SERVER_ERROR, "");
    return true;
}

static enum exchange_outcome run(struct exchange *x)
{
    struct http_req *r = &x->r;
    struct err e = ERR_INIT(r->op.arena);
    const bool preflight = x->settings.cors.enabled && cors_is_preflight(r);
    answer_reset(r);
    if (preflight && !r->op.may_wait && origin_needs_store(x)) return EX_NEEDS_WORKER;
    if (preflight && !x->settings.cors.options_passthrough) {
        http_reply_empty(r, 204);
    } else if (!run_handler(x, &e)) {
        if (err_is(&e, &err_MUST_WAIT) && !r->op.may_wait) return EX_NEEDS_WORKER;
        answer_error(r, &e);
    }
    finish(x);
    return EX_ANSWERED;
}

enum exchange_outcome exchange_run(struct exchange *x)
{
    server_span_enter(x);
    enum exchange_outcome outcome = run(x);
    server_span_leave(x);
    return outcome;
}

void exchange_busy(struct exchange *x)
{
    struct err e = ERR_INIT(x->r.op.arena);
    server_span_enter(x);
    answer_reset(&x->r);
    if (!err_set(&e, &err_BUSY, "", __FILE__, __LINE__)) answer_error(&x->r, &e);
    finish(x);
    server_span_leave(x);
}
