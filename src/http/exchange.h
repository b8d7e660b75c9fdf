/* One request on its way through this folder; handlers see its first member. */
#ifndef HTTP_EXCHANGE_H
#define HTTP_EXCHANGE_H

#include <microhttpd.h>

#include "config/config.h"
#include "http/http.h"
#include "http/route.h"
#include "http/server.h"
#include "http/wire.h"

struct listener;

enum exchange_state { EX_FRESH, EX_READING, EX_WORKING, EX_DONE };

struct exchange {
    struct http_req r;
    struct MHD_Connection *mhd;
    struct conn *conn;
    struct listener *listener;
    const struct http_app *app;
    const struct config *config; /* of the snapshot */
    struct config_listener settings;
    struct route_match match;
    enum exchange_state state;
    usec_t started; /* monotonic */

    struct str type; /* Content-Type of the body */
    char *body;
    size_t body_n, body_cap, body_limit;
    bool too_large;        /* the body went over the limit; the rest was dropped */
    struct exchange *next; /* in the workers' queue */
};

static inline struct exchange *exchange_of(const struct http_req *r) { return r->conn; }

const struct router *listener_router(const struct listener *l);

/* dispatch.c: everything between a complete request and its answer. */
enum exchange_outcome { EX_ANSWERED, EX_NEEDS_WORKER };
/* After the head: snapshot, route, limits, first log record. */
void exchange_begin(struct exchange *x, const char *method);
/* May be called again with r.op.may_wait set when it said that it needs a worker. */
enum exchange_outcome exchange_run(struct exchange *x);
/* The workers cannot take it. */
void exchange_busy(struct exchange *x);
void exchange_end(struct exchange *x); /* releases the snapshot */

/* answer.c */
bool answer_error(struct http_req *r, const struct err *e);
void answer_reset(struct http_req *r);
const char *status_text(int status);

/* access_log.c: the two records of a request. */
const char *method_name(const struct http_req *r); /* "unknown" for one without a name here */
void access_started(struct exchange *x);
void access_completed(struct exchange *x, usec_t took);

#endif
