/* Counters of served requests, cheap to bump from any thread, and their Prometheus text. One set per process: both listeners feed
 * it. */
#ifndef HTTP_METRICS_H
#define HTTP_METRICS_H

#include "http/http.h"

enum { METRICS_UNMATCHED = -1 };
struct metrics_sample {
    int row; /* of the route table; METRICS_UNMATCHED */
    enum http_method method;
    int status;
    usec_t took;
    size_t received, sent; /* bytes */
};
/* The rows must stay. */
void metrics_setup(const struct route *routes, size_t n);
void metrics_count(const struct metrics_sample *s);
void metrics_refused(int status);     /* turned away before there was a request */
void metrics_spans_dropped(size_t n); /* spans that no collector has got */
/* "/admin/clients/{id}" as "/admin/clients/{param}": the name of a route's endpoint. */
void metrics_endpoint(struct buf *b, const struct route *row);

#endif
