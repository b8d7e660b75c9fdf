/* The span of a request that is being served: where it comes from, what it was about, how it ended. */
#ifndef HTTP_SERVER_SPAN_H
#define HTTP_SERVER_SPAN_H

#include "http/exchange.h"

/* After the route is known. Probes have none: they would drown everything else. */
void server_span_begin(struct exchange *x);
/* The answer is complete. */
void server_span_end(struct exchange *x);
/* What this thread logs between the two is about this request. A handler that runs again has its events before it once more. */
void server_span_enter(const struct exchange *x);
void server_span_leave(const struct exchange *x);

#endif
