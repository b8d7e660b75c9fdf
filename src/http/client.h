/* Outgoing HTTP over libcurl, loaded when the first request is made. One guarded client for everything the server fetches
 * (operations.md 7.3), and the same for the command line's requests to a server. */
#ifndef HTTP_CLIENT_H
#define HTTP_CLIENT_H

#include "base/op.h"
#include "http/http.h"

struct fetch {
    const char *method; /* NULL: GET, with a body POST */
    struct str url;
    struct str body;
    const char *content_type;
    const struct http_header *headers;
    size_t headers_n;
    size_t max_bytes; /* of the answer, after decoding; 0: 1 MiB */
    usec_t timeout;   /* of one attempt; 0: 30 s */
    int attempts;     /* 0: 1; more: retried on connection errors, 429 and 5xx except 501, waiting 1 s, 2 s... (Retry-After) */
    bool guard;       /* refuse addresses that are not public, checked when connecting, unless the URL matches `exceptions` */
    struct strs exceptions; /* globs with separators '.' and '/' */
    bool insecure_tls;      /* command line only */
    int max_redirects;      /* 0: none; each target is checked like the first */
};
struct fetched {
    int status;
    struct str content_type, body;
    struct params headers; /* names in lower case */
};
/* Waits: needs op->may_wait. Any HTTP answer is a success here; fails with SERVER_ERROR when there was none (the hint is safe to
 * show: it names no address; debug has the details). */
MUST_USE bool fetch(struct op *op, const struct fetch *f, struct fetched *ret, struct err *e);

#endif
