/* Cross-origin requests (Fetch standard, CORS protocol): which origins may read answers, and what a preflight is told. */
#ifndef HTTP_CORS_H
#define HTTP_CORS_H

#include "config/config.h"
#include "http/http.h"

struct cors {
    const struct config_cors *settings;
    bool unbounded; /* honour wildcards that no registrable domain bounds */
    bool admin;     /* adds what clients of the admin API read to the default exposed headers */
};

bool cors_origin_allowed(const struct cors *c, struct str origin);
/* Of a pattern such as `https:` and two slashes, then `*.example.com`: what follows the '*' is a dot and a registrable domain or
 * one below it (public suffix list). */
bool cors_pattern_bounded(struct str pattern);
/* Logs the patterns that are ignored, at the start; `key` is where they were configured. */
void cors_warn(const struct cors *c, const char *key);
bool cors_is_preflight(const struct http_req *r);
/* What the answer to a preflight says about permissions. `allowed`: the origin is. */
void cors_preflight_headers(struct http_req *r, const struct cors *c, bool allowed);
/* Of an ordinary answer. */
void cors_headers(struct http_req *r, const struct cors *c, bool allowed);

#endif
