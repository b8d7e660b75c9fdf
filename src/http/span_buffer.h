/* Spans that wait to be sent, as JSON texts with commas between them: no more than a collector takes at once, however slow it is.
 * Not thread-safe. */
#ifndef HTTP_SPAN_BUFFER_H
#define HTTP_SPAN_BUFFER_H

#include "base/str.h"

enum { SPAN_BUFFER_SPANS = 2048, SPAN_BUFFER_BYTES = 4 << 20 };

/* Zero-initialised is empty. */
struct span_buffer {
    char *p;
    size_t n, cap, spans;
};
/* False: it is full, or the system has no memory left. */
MUST_USE bool span_buffer_add(struct span_buffer *b, struct str json);
void span_buffer_clear(struct span_buffer *b); /* keeps the memory */
void span_buffer_done(struct span_buffer *b);

#endif
