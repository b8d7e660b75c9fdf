/* The listeners, the worker pool, and what stands between the wire and a handler: framing checks, limits, routing, CORS, API
 * keys, access log, metrics. */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "config/config.h"
#include "http/http.h"

struct http_server;
struct tracer;

/* What the wiring supplies. All are called from several threads. */
struct http_app {
    const struct route *routes;
    size_t routes_n;
    /* The snapshot a request runs under; released after its answer. */
    struct provider *(*acquire)(void *app);
    void (*release)(struct provider *p);
    const struct config *(*config)(const struct provider *p);
    /* Per-client CORS: is the origin one of the calling client's (form client_id, Basic user name, bearer token)? For a preflight
     * (method OPTIONS), which names no client: is it one of any client's? Called where waiting is allowed. May be NULL, as may
     * browser_error and release. */
    bool (*client_origin)(struct http_req *r, struct str origin);
    /* Writes a ROUTE_BROWSER error as a page or a redirect to urls.error. */
    bool (*browser_error)(struct http_req *r, const struct err *e);
    struct tracer *tracer; /* http/tracer.h; NULL: tracing is off */
    void *app;
};

struct http_server_options {
    const struct config *config; /* listeners, TLS, limits; restart-only keys are read here */
    unsigned listeners;          /* enum http_listener */
    const struct http_app *app;  /* outlives the server */
    /* Base64 of PEM, for a listener with TLS whose settings name no certificate; empty: one is made for this run. */
    struct str spare_cert, spare_key;
};
/* Binds everything before it returns; fails with MISCONFIGURATION (address, port, reason, remedy) and leaves nothing open. */
MUST_USE bool http_server_start(const struct http_server_options *o, struct http_server **ret, struct err *e);
/* Stops accepting, lets running requests finish for at most `grace`, closes. False: a handler was still at work after that; then
 * the server and what its handlers use must stay, and all that is left is to end the process. Accepts NULL. */
bool http_server_stop(struct http_server *s, usec_t grace);
/* Is one of these listeners to speak TLS without a certificate in the settings? */
bool http_server_lacks_certificate(const struct config *c, unsigned listeners);
/* How many requests may wait at once with this configuration. */
size_t http_server_workers(const struct config *c);
/* Port bound, for tests that ask for port 0... 0 when that listener is a unix socket or off. */
uint16_t http_server_port(const struct http_server *s, enum http_listener l);

/* Prometheus text of the http_* and process_* families. */
struct str http_metrics_text(struct arena *a);

#endif
