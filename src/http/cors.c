/* Origins against patterns, and the headers of both kinds of answer. */
#include "cors.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

#include "base/log.h"
#include "http/exchange.h"

/* ---- the public suffix list: libpsl is only loaded when a wildcard asks for it ---- */

static struct {
    pthread_once_t once;
    const void *(*builtin)(void);
    const char *(*registrable_domain)(const void *list, const char *domain);
} psl = { .once = PTHREAD_ONCE_INIT };

static void load_psl(void)
{
    void *library = dlopen("libpsl.so.5", RTLD_NOW | RTLD_LOCAL);
    if (library != NULL) {
        *(void **)&psl.builtin = dlsym(library, "psl_builtin");
        *(void **)&psl.registrable_domain = dlsym(library, "psl_registrable_domain");
    }
    if (psl.builtin == NULL || psl.registrable_domain == NULL)
        log_at(LOG_WARN, "CORS origins with a wildcard are ignored: the library with the public suffix list, libpsl, is missing",
               LF_Z("remedy", "install libpsl5, or list the origins one by one"));
}

static bool has_registrable_domain(const char *host)
{
    pthread_once(&psl.once, load_psl);
    if (psl.builtin == NULL || psl.registrable_domain == NULL) return false;
    const void *list = psl.builtin();
    return list != NULL && psl.registrable_domain(list, host) != NULL;
}

/* ---- origins ---- */

bool cors_pattern_bounded(struct str pattern)
{
    struct str before, after, host, port;
    if (!str_split_once(pattern, '*', &before, &after)) return true;
    if (after.n < 2 || after.p[0] != '.') return false;
    host = str_from(after, 1);
    if (str_split_once(host, ':', &host, &port)) (void)port;
    char z[254];
    if (host.n >= sizeof(z)) return false;
    for (size_t i = 0; i < host.n; i++) z[i] = host.p[i] >= 'A' && host.p[i] <= 'Z' ? (char)(host.p[i] | 0x20) : host.p[i];
    z[host.n] = '\0';
    return has_registrable_domain(z);
}

static bool ends_nocase(struct str s, struct str end) { return s.n >= end.n && str_eq_nocase(str_from(s, s.n - end.n), end); }

/* A star alone or right after the scheme says plainly that every host is meant. */
static bool is_honoured(const struct cors *c, struct str pattern)
{
    return str_eq(pattern, STR("*")) || str_ends(pattern, STR("://*")) || c->unbounded || cors_pattern_bounded(pattern);
}

static bool matches(const struct cors *c, struct str pattern, struct str origin)
{
    struct str before, after;
    if (str_eq(pattern, STR("*"))) return true;
    if (!str_split_once(pattern, '*', &before, &after)) return str_eq_nocase(pattern, origin);
    if (origin.n <= before.n + after.n || !str_starts_nocase(origin, before) || !ends_nocase(origin, after)) return false;
    return is_honoured(c, pattern);
}

bool cors_origin_allowed(const struct cors *c, struct str origin)
{
    struct strs list = c->settings->allowed_origins;
    if (list.n == 0) return true;
    for (size_t i = 0; i < list.n; i++)
        if (matches(c, list.v[i], origin)) return true;
    return false;
}

void cors_warn(const struct cors *c, const char *key)
{
    const struct strs list = c->settings->allowed_origins;
    for (size_t i = 0; i < list.n; i++) {
        if (is_honoured(c, list.v[i])) continue;
        log_at(LOG_WARN, "A CORS origin is ignored: its wildcard would let in hosts of other people", LF_Z("key", key),
               LF_STR("origin", list.v[i]),
               LF_Z("remedy",
                    "list the origins one by one, or put a domain of your own behind the '*' as in https://*.example.com"));
    }
}

/* ---- answers ---- */

/* One without Origin is answered, too: without permissions. */
bool cors_is_preflight(const struct http_req *r)
{
    return r->method == HTTP_OPTIONS && http_header(r, "access-control-request-method").n > 0;
}

static void add_origin(struct http_req *r, const struct cors *c)
{
    http_header_set(r, "Access-Control-Allow-Origin", http_header(r, "origin"));
    if (c->settings->allow_credentials) http_header_set(r, "Access-Control-Allow-Credentials", STR("true"));
}

/* OPTIONS is how permission is asked for. */
static bool method_allowed(const struct cors *c, struct str method)
{
    return str_eq(method, STR("OPTIONS")) || strs_has_nocase(c->settings->allowed_methods, method);
}

/* RFC 9110 5.6.1 list; names without regard to case. "Origin" is always fine: browsers send it by themselves. */
static bool headers_allowed(const struct cors *c, struct str requested)
{
    struct strs allowed = c->settings->allowed_headers;
    while (requested.p != NULL) {
        struct str name = str_trim(str_cut(&requested, ','));
        if (name.n == 0 || str_eq_nocase(name, STR("origin"))) continue;
        if (!strs_has(allowed, STR("*")) && !strs_has_nocase(allowed, name)) return false;
    }
    return true;
}

static void log_decision(const struct cors *c, const struct http_req *r, bool allowed)
{
    if (!c->settings->debug) return;
    log_at(LOG_DEBUG, "cross-origin request", LF_STR("origin", http_header(r, "origin")), LF_BOOL("allowed", allowed),
           LF_STR("path", r->path));
}

void cors_preflight_headers(struct http_req *r, const struct cors *c, bool allowed)
{
    struct str method = http_header(r, "access-control-request-method"),
               headers = http_header(r, "access-control-request-headers");
    http_header_set(r, "Vary", STR("Origin, Access-Control-Request-Method, Access-Control-Request-Headers"));
    allowed = allowed && method_allowed(c, method) && headers_allowed(c, headers);
    log_decision(c, r, allowed);
    if (!allowed) return;

    add_origin(r, c);
    http_header_set(r, "Access-Control-Allow-Methods", method);
    if (headers.n > 0) http_header_set(r, "Access-Control-Allow-Headers", headers);
    if (c->settings->max_age > 0)
        http_header_set(r, "Access-Control-Max-Age", arena_printf(r->op.arena, "%lld", (long long)c->settings->max_age));
}

static struct str exposed(struct http_req *r, const struct cors *c)
{
    static const char usual[] = "Cache-Control, Expires, Last-Modified, Pragma, Content-Length, Content-Language, Content-Type";
    struct str names = strs_join(r->op.arena, c->settings->exposed_headers, ", ");
    /* Pagination and creation are useless to scripts without these. */
    if (c->admin && str_eq(names, str_of(usual))) names = ARENA_CAT(r->op.arena, names, STR(", Link, X-Total-Count, Location"));
    return names;
}

void cors_headers(struct http_req *r, const struct cors *c, bool allowed)
{
    http_header_add(r, "Vary", STR("Origin"));
    if (http_header(r, "origin").n == 0) return;
    allowed = allowed && method_allowed(c, str_of(method_name(r)));
    log_decision(c, r, allowed);
    if (!allowed) return;
    add_origin(r, c);
    struct str names = exposed(r, c);
    if (names.n > 0) http_header_set(r, "Access-Control-Expose-Headers", names);
}
