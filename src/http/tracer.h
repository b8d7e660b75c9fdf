/* Tracing: which spans are recorded, and how they reach the collector that tracing.* names. A span that ends goes into a bounded
 * buffer; one thread sends what has gathered, and nothing that the collector does reaches a request. Thread-safe. */
#ifndef HTTP_TRACER_H
#define HTTP_TRACER_H

#include "base/span.h"
#include "config/config.h"

/* NULL: tracing is off, or its settings are of no use; the log says which. The texts of `c` must stay. */
struct tracer *tracer_start(const struct config *c);
/* Sends what is left. False: the thread was still at work after `grace`; then the tracer must stay, and all that is left is to
 * end the process. Accepts NULL. */
bool tracer_stop(struct tracer *t, usec_t grace);

/* A span of the operation's arena. `parent`: where the operation comes from, NULL when a trace begins here. */
struct span *tracer_begin(struct tracer *t, struct arena *a, enum span_kind kind, struct str name,
                          const struct trace_context *parent);
/* The same below a span of this process. */
struct span *tracer_begin_below(const struct span *parent, enum span_kind kind, struct str name);
/* Hands it over, if it is recorded. Accepts NULL. */
void tracer_end(struct span *s);

/* Is a trace with this id one of the share that is recorded? Every server that is told the same ratio finds the same. */
bool trace_sampled(const char trace_id[TRACE_ID_LENGTH + 1], double ratio);

#endif
