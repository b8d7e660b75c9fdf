/* How a trace crosses from one server to the next: the headers it comes in by, whoever sent them, and the one it leaves by. */
#ifndef HTTP_PROPAGATION_H
#define HTTP_PROPAGATION_H

#include "base/span.h"

enum { TRACESTATE_MAX = 512, TRACESTATE_MEMBERS_MAX = 32 };

/* A request's headers; STR_NONE: not there. */
struct trace_headers {
    struct str traceparent, tracestate;                     /* W3C Trace Context */
    struct str b3, b3_trace, b3_span, b3_sampled, b3_flags; /* Zipkin: all in one header, or one header each */
    struct str uber;                                        /* Jaeger's uber-trace-id */
};
/* The span that the request comes from. False: none that is well-formed, so that a new trace begins here. */
bool trace_context_read(struct arena *a, const struct trace_headers *h, struct trace_context *ret);
/* The value of traceparent. */
struct str trace_context_write(struct arena *a, const struct trace_context *c);

#endif
