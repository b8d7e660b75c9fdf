/* The two records of a request, with the names that log pipelines for Hydra key on. Secrets never get that far: queries, cookies
 * and credentials are replaced unless the operator asks for them. */
#include <ctype.h>
#include <string.h>

#include "base/log.h"
#include "http/exchange.h"

enum { HEADERS_LOGGED_MAX = 100 };

static const char *const hidden[] = { "authorization", "cookie", "set-cookie", "x-session-token" };

struct fields {
    const struct exchange *x;
    struct log_field v[HEADERS_LOGGED_MAX];
    size_t n;
};

static bool is_hidden(const struct exchange *x, struct str name)
{
    if (log_leaks()) return false;
    for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
        if (str_eq(name, str_of(hidden[i]))) return true;
    return strs_has_nocase(x->config->log_additional_redacted_headers, name);
}

static struct str without_query(struct str url)
{
    struct str before, after;
    return !log_leaks() && str_split_once(url, '?', &before, &after) ? before : url;
}

static void add_header(struct fields *f, struct str name, struct str value)
{
    if (f->n == HEADERS_LOGGED_MAX) return;
    struct arena *a = f->x->r.op.arena;
    char *lower = arena_dupz(a, name);
    for (char *p = lower; *p != '\0'; p++) *p = (char)tolower((unsigned char)*p);
    struct str key = { lower, name.n };
    if (is_hidden(f->x, key))
        value = log_redaction_text();
    else if (str_eq(key, STR("location")) || str_eq(key, STR("referer")))
        value = without_query(value);
    f->v[f->n++] = LF_STR(lower, value);
}

static enum MHD_Result add_request_header(void *cls, enum MHD_ValueKind kind, const char *key, const char *value)
{
    (void)kind;
    add_header(cls, str_of(key), str_of(value));
    return MHD_YES;
}

static enum log_level level_of(const struct exchange *x)
{
    bool quiet = x->match.row != NULL && x->match.row->flags & ROUTE_PROBE && x->settings.quiet_health;
    return quiet ? LOG_TRACE : LOG_INFO;
}

const char *method_name(const struct http_req *r)
{
    static const char *const names[] = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS" };
    return r->method == 0 ? "unknown" : names[__builtin_ctz((unsigned)r->method)];
}

/* Made once per record: the answer's headers do not exist yet at the first. */
static struct log_field request_field(struct exchange *x)
{
    struct arena *a = x->r.op.arena;
    struct fields *headers = arena_alloc(a, sizeof(*headers));
    headers->x = x;
    headers->n = 0;
    MHD_get_connection_values(x->mhd, MHD_HEADER_KIND, add_request_header, headers);

    struct str query = STR(""), path;
    if (str_split_once(x->r.target, '?', &path, &query) && !log_leaks()) query = log_redaction_text();
    const struct log_field fields[] = {
        LF_STR("remote", ((struct str) { x->conn->remote, x->conn->remote_n })),
        LF_Z("method", method_name(&x->r)),
        LF_STR("path", x->r.path),
        LF_STR("query", query),
        LF_Z("scheme", x->r.secure ? "https" : "http"),
        LF_STR("host", http_header(&x->r, "host")),
        LF_OBJ("headers", headers->v, headers->n),
    };
    struct log_field *kept = arena_alloc(a, sizeof(fields));
    memcpy(kept, fields, sizeof(fields));
    return LF_OBJ("http_request", kept, sizeof(fields) / sizeof(fields[0]));
}

void access_started(struct exchange *x)
{
    if (!log_on(level_of(x))) return;
    log_at(level_of(x), "started handling request", request_field(x), LF_STR("request_id", x->r.request_id));
}

void access_completed(struct exchange *x, usec_t took)
{
    enum log_level level = level_of(x);
    if (!log_on(level)) return;
    struct fields *headers = arena_alloc(x->r.op.arena, sizeof(*headers));
    headers->x = x;
    headers->n = 0;
    for (size_t i = 0; i < x->r.headers_n; i++) add_header(headers, x->r.headers[i].name, x->r.headers[i].value);
    const struct log_field answer[] = {
        LF_INT("status", x->r.status), LF_Z("text_status", status_text(x->r.status)), LF_INT("size", (int64_t)x->r.content.n),
        LF_INT("took", took * 1000),   LF_OBJ("headers", headers->v, headers->n),
    };
    log_at(level, "completed handling request", request_field(x),
           LF_OBJ("http_response", answer, sizeof(answer) / sizeof(answer[0])), LF_STR("request_id", x->r.request_id));
}
