/* Zipkin's API v2: flat tags, events as annotations, times in microseconds. */
#include "http/span_json.h"

static const char *const kinds[] = { [SPAN_INTERNAL] = NULL, [SPAN_SERVER] = "SERVER", [SPAN_CLIENT] = "CLIENT" };

static void write_tag(struct jw *w, const struct span_attribute *a)
{
    jw_str(w, a->name, a->s.p != NULL ? a->s : arena_printf(w->out->arena, "%lld", (long long)a->i));
}

static void write_tags(struct jw *w, const struct span_resource *r, const struct span *s)
{
    jw_object(w, "tags");
    for (size_t i = 0; i < s->attributes_n; i++) write_tag(w, &s->attributes[i]);
    if (s->failed) jw_str(w, "error", STR("true"));
    if (r->service_version.n > 0) jw_str(w, "service.version", r->service_version);
    if (r->environment.n > 0) jw_str(w, "deployment.environment", r->environment);
    jw_end(w);
}

/* "Name", or with attributes "Name": {"attribute": "value"}: what OpenTelemetry makes of an event where there are annotations. */
static struct str annotation(struct arena *a, const struct span_event *e)
{
    struct span_attribute about[SPAN_EVENT_ATTRIBUTES_MAX];
    size_t n = span_event_attributes(e, about);
    struct str name = str_of(span_event_text(e->name));
    struct buf b = BUF(a);
    struct jw w = JW(&b);
    if (n == 0) return name;
    jw_object(&w, NULL);
    for (size_t i = 0; i < n; i++) write_tag(&w, &about[i]);
    jw_end(&w);
    return ARENA_CAT(a, STR("\""), name, STR("\": "), buf_str(&b));
}

static void write_span(struct jw *w, const struct span_resource *r, const struct span *s)
{
    jw_object(w, NULL);
    jw_str(w, "traceId", str_of(s->context.trace_id));
    jw_str(w, "id", str_of(s->context.span_id));
    if (s->parent[0] != '\0') jw_str(w, "parentId", str_of(s->parent));
    jw_str(w, "name", s->name);
    if (kinds[s->kind] != NULL) jw_str(w, "kind", str_of(kinds[s->kind]));
    jw_int(w, "timestamp", s->started);
    jw_int(w, "duration", s->took > 0 ? s->took : 1); /* 0 would mean that it is not known */
    jw_object(w, "localEndpoint");
    jw_str(w, "serviceName", r->service_name);
    jw_end(w);
    jw_array(w, "annotations");
    for (size_t i = 0; i < s->events_n; i++) {
        jw_object(w, NULL);
        jw_int(w, "timestamp", s->events[i].at);
        jw_str(w, "value", annotation(w->out->arena, &s->events[i]));
        jw_end(w);
    }
    jw_end(w);
    write_tags(w, r, s);
    jw_end(w);
}

static struct str body(struct arena *a, const struct span_resource *r, struct str spans)
{
    (void)r;
    return ARENA_CAT(a, STR("["), spans, STR("]"));
}

const struct span_format span_format_zipkin = { write_span, body };
