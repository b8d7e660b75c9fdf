/* Spans as the collectors read them: a row per kind of collector. */
#ifndef HTTP_SPAN_JSON_H
#define HTTP_SPAN_JSON_H

#include "base/json.h"
#include "base/span.h"

/* Who speaks. Empty: not said. */
struct span_resource {
    struct str service_name, service_version, environment;
};

struct span_format {
    /* One span that has ended, as a JSON object. */
    void (*write)(struct jw *w, const struct span_resource *r, const struct span *s);
    /* The body of a request with all of them, which stand there with commas between them. */
    struct str (*body)(struct arena *a, const struct span_resource *r, struct str spans);
};
extern const struct span_format span_format_otlp;   /* OTLP 1 over HTTP, in JSON */
extern const struct span_format span_format_zipkin; /* Zipkin's API v2 */

/* ---- for the rows ---- */

enum { SPAN_EVENT_ATTRIBUTES_MAX = 3 };
/* The attributes of an event; returns how many. */
size_t span_event_attributes(const struct span_event *e, struct span_attribute ret[SPAN_EVENT_ATTRIBUTES_MAX]);

#endif
