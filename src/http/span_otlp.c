/* OTLP in the JSON form of its protobuf messages: 64-bit numbers are texts, identifiers hex digits. */
#include "base/version.h"
#include "http/span_json.h"

enum { NANOS_PER_USEC = 1000, STATUS_ERROR = 2 };

static const int kinds[] = { [SPAN_INTERNAL] = 1, [SPAN_SERVER] = 2, [SPAN_CLIENT] = 3 };

static void write_long(struct jw *w, const char *name, int64_t n)
{
    jw_raw(w, name, arena_printf(w->out->arena, "\"%lld\"", (long long)n));
}

static void write_attribute(struct jw *w, const struct span_attribute *a)
{
    jw_object(w, NULL);
    jw_str(w, "key", str_of(a->name));
    jw_object(w, "value");
    if (a->s.p != NULL)
        jw_str(w, "stringValue", a->s);
    else
        write_long(w, "intValue", a->i);
    jw_end(w);
    jw_end(w);
}

static void write_attributes(struct jw *w, const struct span_attribute *list, size_t n)
{
    jw_array(w, "attributes");
    for (size_t i = 0; i < n; i++) write_attribute(w, &list[i]);
    jw_end(w);
}

static void write_event(struct jw *w, const struct span_event *e)
{
    struct span_attribute about[SPAN_EVENT_ATTRIBUTES_MAX];
    size_t n = span_event_attributes(e, about);
    jw_object(w, NULL);
    write_long(w, "timeUnixNano", e->at * NANOS_PER_USEC);
    jw_str(w, "name", str_of(span_event_text(e->name)));
    write_attributes(w, about, n);
    jw_end(w);
}

static void write_span(struct jw *w, const struct span_resource *r, const struct span *s)
{
    (void)r;
    jw_object(w, NULL);
    jw_str(w, "traceId", str_of(s->context.trace_id));
    jw_str(w, "spanId", str_of(s->context.span_id));
    if (s->context.state.n > 0) jw_str(w, "traceState", s->context.state);
    if (s->parent[0] != '\0') jw_str(w, "parentSpanId", str_of(s->parent));
    jw_str(w, "name", s->name);
    jw_int(w, "kind", kinds[s->kind]);
    write_long(w, "startTimeUnixNano", s->started * NANOS_PER_USEC);
    write_long(w, "endTimeUnixNano", (s->started + s->took) * NANOS_PER_USEC);
    write_attributes(w, s->attributes, s->attributes_n);
    jw_array(w, "events");
    for (size_t i = 0; i < s->events_n; i++) write_event(w, &s->events[i]);
    jw_end(w);
    jw_object(w, "status");
    if (s->failed) jw_int(w, "code", STATUS_ERROR);
    jw_end(w);
    jw_end(w);
}

static void write_resource(struct jw *w, const struct span_resource *r)
{
    const struct span_attribute all[] = {
        { .name = "service.name", .s = r->service_name },
        { .name = "service.version", .s = r->service_version },
        { .name = "deployment.environment", .s = r->environment },
    };
    jw_object(w, "resource");
    jw_array(w, "attributes");
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        if (all[i].s.n > 0) write_attribute(w, &all[i]);
    jw_end(w);
    jw_end(w);
}

static struct str body(struct arena *a, const struct span_resource *r, struct str spans)
{
    struct buf b = BUF(a);
    struct jw w = JW(&b);
    buf_reserve(&b, spans.n + SPAN_TEXT_MAX);
    jw_object(&w, NULL);
    jw_array(&w, "resourceSpans");
    jw_object(&w, NULL);
    write_resource(&w, r);
    jw_array(&w, "scopeSpans");
    jw_object(&w, NULL);
    jw_object(&w, "scope");
    jw_str(&w, "name", STR("grantd"));
    jw_str(&w, "version", STR(GRANTD_VERSION));
    jw_end(&w);
    jw_array(&w, "spans");
    jw_raw(&w, NULL, spans);
    while (w.depth > 0) jw_end(&w);
    return buf_str(&b);
}

const struct span_format span_format_otlp = { write_span, body };
