/* A bounded pool of threads for requests that wait. Threads are started when the first requests need them. */
#ifndef HTTP_WORKERS_H
#define HTTP_WORKERS_H

#include "http/exchange.h"

struct workers;
struct workers *workers_new(size_t threads, size_t queue, void (*work)(struct exchange *x));
/* False at once when the queue is full or no thread can be started. */
MUST_USE bool workers_take(struct workers *w, struct exchange *x);
bool workers_busy(struct workers *w); /* something is queued or at work */
void workers_free(struct workers *w); /* finishes what is queued; accepts NULL */

#endif
