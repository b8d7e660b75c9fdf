/* One text that grows by doubling, up to its limit. */
#include "http/span_buffer.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 64 * 1024 };

static bool make_room(struct span_buffer *b, size_t more)
{
    if (b->n + more <= b->cap) return true;
    size_t cap = b->cap == 0 ? FIRST_ROOM : b->cap;
    while (cap < b->n + more) cap *= 2;
    char *p = realloc(b->p, cap);
    if (p == NULL) return false;
    b->p = p;
    b->cap = cap;
    return true;
}

bool span_buffer_add(struct span_buffer *b, struct str json)
{
    if (b->spans == SPAN_BUFFER_SPANS || json.n + 1 > SPAN_BUFFER_BYTES - b->n || !make_room(b, json.n + 1)) return false;
    if (b->spans > 0) b->p[b->n++] = ',';
    memcpy(b->p + b->n, json.p, json.n);
    b->n += json.n;
    b->spans++;
    return true;
}

void span_buffer_clear(struct span_buffer *b) { b->n = b->spans = 0; }

void span_buffer_done(struct span_buffer *b)
{
    free(b->p);
    *b = (struct span_buffer) { 0 };
}
