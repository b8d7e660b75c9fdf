/* Names and attributes are those of OpenTelemetry's conventions for HTTP. No query, body or credential is among them. */
#include "http/server_span.h"

#include "base/log.h"
#include "http/metrics.h"
#include "http/propagation.h"
#include "http/tracer.h"

/* ---- where it comes from ---- */

struct joining {
    struct str name;
    struct buf text;
};

static enum MHD_Result join_one(void *cls, enum MHD_ValueKind kind, const char *key, const char *value)
{
    struct joining *j = cls;
    (void)kind;
    if (!str_eq_nocase(str_of(key), j->name)) return MHD_YES;
    if (j->text.n > 0) buf_addc(&j->text, ',');
    buf_addz(&j->text, value == NULL ? "" : value);
    return j->text.n > TRACESTATE_MAX ? MHD_NO : MHD_YES;
}

/* Trace Context 3.3.1.1: several tracestate headers "MUST be combined into a single header" */
static struct str joined_header(const struct exchange *x, const char *name)
{
    struct joining j = { .name = str_of(name), .text = BUF(x->r.op.arena) };
    if (http_header_count(&x->r, name) < 2) return http_header(&x->r, name);
    MHD_get_connection_values(x->mhd, MHD_HEADER_KIND, join_one, &j);
    return buf_str(&j.text);
}

/* Two of them name two parents, so neither counts. */
static struct str single_header(const struct http_req *r, const char *name)
{
    return http_header_count(r, name) == 1 ? http_header(r, name) : STR_NONE;
}

static bool read_context(struct exchange *x, struct trace_context *ret)
{
    const struct http_req *r = &x->r;
    const struct trace_headers h = { .traceparent = single_header(r, "traceparent"),
                                     .tracestate = joined_header(x, "tracestate"),
                                     .b3 = http_header(r, "b3"),
                                     .b3_trace = http_header(r, "x-b3-traceid"),
                                     .b3_span = http_header(r, "x-b3-spanid"),
                                     .b3_sampled = http_header(r, "x-b3-sampled"),
                                     .b3_flags = http_header(r, "x-b3-flags"),
                                     .uber = http_header(r, "uber-trace-id") };
    return trace_context_read(r->op.arena, &h, ret);
}

/* ---- what it is about ---- */

/* As the metrics have it. */
static struct str endpoint(const struct http_req *r)
{
    struct buf b = BUF(r->op.arena);
    if (r->route == NULL) return STR("/");
    metrics_endpoint(&b, r->route);
    return buf_str(&b);
}

/* Without the port, and without the brackets around an IPv6 address. */
static struct str peer_address(const struct conn *c) { return (struct str) { c->remote + (c->remote[0] == '['), c->address_n }; }

static void add_host(struct span *s, struct str host)
{
    struct str name = host, port;
    int64_t number;
    size_t end = host.n;
    while (end > 0 && host.p[end - 1] != ':' && host.p[end - 1] != ']') end--;
    if (end > 0 && host.p[end - 1] == ':') {
        name = str_upto(host, end - 1);
        port = str_from(host, end);
        if (str_to_int(port, &number)) span_add_number(s, "server.port", number);
    }
    span_add(s, "server.address", name);
}

static void describe(struct exchange *x, struct span *s)
{
    struct http_req *r = &x->r;
    span_add(s, "http.request.method", r->method == 0 ? STR("_OTHER") : str_of(method_name(r)));
    if (r->route != NULL) span_add(s, "http.route", s->name);
    span_add(s, "url.path", r->path);
    span_add(s, "url.scheme", r->secure ? STR("https") : STR("http"));
    add_host(s, http_header(r, "host"));
    span_add(s, "client.address", peer_address(x->conn));
    span_add(s, "user_agent.original", http_header(r, "user-agent"));
}

/* ---- its life ---- */

void server_span_begin(struct exchange *x)
{
    struct http_req *r = &x->r;
    struct trace_context parent;
    if (x->match.row != NULL && x->match.row->flags & ROUTE_PROBE) return;
    bool known = read_context(x, &parent);
    r->op.span = tracer_begin(x->app->tracer, r->op.arena, SPAN_SERVER, endpoint(r), known ? &parent : NULL);
    if (r->op.span->context.sampled) describe(x, r->op.span);
}

void server_span_enter(const struct exchange *x)
{
    struct span *s = x->r.op.span;
    if (s == NULL) return;
    s->events_n = 0;
    log_trace(s->context.trace_id, s->context.span_id);
}

void server_span_leave(const struct exchange *x)
{
    if (x->r.op.span != NULL) log_trace(NULL, NULL);
}

void server_span_end(struct exchange *x)
{
    struct span *s = x->r.op.span;
    if (s == NULL) return;
    span_add_number(s, "http.response.status_code", x->r.status);
    s->failed = x->r.status >= 500;
    if (s->failed) span_add(s, "error.type", arena_printf(s->arena, "%d", x->r.status));
    tracer_end(s);
}
