/* Finds the row of the route table for a request. Prepared once per listener; lookups take no lock and no memory but for the
 * decoded parameters. */
#ifndef HTTP_ROUTE_H
#define HTTP_ROUTE_H

#include "http/http.h"

enum { ROUTES_MAX = 1024 };
struct router;

/* `current_only`: paths without /admin mean what they mean with it; rows of the old generation are left out. */
struct router *router_new(const struct route *rows, size_t n, enum http_listener listener, bool current_only);
void router_free(struct router *r);

enum route_outcome {
    ROUTE_FOUND,
    ROUTE_NO_PATH,
    ROUTE_NO_METHOD, /* the path is there, `allow` says for what */
    ROUTE_MOVED      /* `moved` is there */
};
struct route_match {
    enum route_outcome outcome;
    const struct route *row; /* ROUTE_FOUND; ROUTE_NO_METHOD: any row of the path */
    enum api api;            /* whose manners an answer without a row has */
    unsigned allow;          /* methods of the path */
    struct str moved;        /* ROUTE_MOVED: without a trailing slash (old generation), doubled slashes or dot segments */
    struct str param[HTTP_PARAMS_MAX];
};
/* `path` as sent, without query. */
void router_find(const struct router *r, struct arena *a, struct str path, enum http_method method, struct route_match *ret);
struct str path_without_slash(struct str path); /* one trailing slash removed, unless it is all there is */

#endif
