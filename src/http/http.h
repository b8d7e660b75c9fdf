/* A request and its answer as handlers see them. Only http/ knows threads, sockets and the HTTP library. */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include "base/json.h"
#include "base/op.h"
#include "base/url.h"

enum http_method {
    HTTP_GET = 1,
    HTTP_HEAD = 2,
    HTTP_POST = 4,
    HTTP_PUT = 8,
    HTTP_PATCH = 16,
    HTTP_DELETE = 32,
    HTTP_OPTIONS = 64
};
enum http_listener { LISTEN_PUBLIC = 1, LISTEN_ADMIN = 2, LISTEN_BOTH = 3 };
/* Which generation of the API a route speaks: today's (paths under /admin) or v1.10's (unprefixed). */
enum api { API_CURRENT, API_V1 };

enum route_flag {
    ROUTE_WAITS = 1,        /* straight to a worker: its handler always waits */
    ROUTE_FORM = 2,         /* reads a form (urlencoded or multipart) into r->form */
    ROUTE_BODY = 4,         /* reads a body into r->body, whatever its type */
    ROUTE_NO_STORE = 8,     /* Cache-Control: no-store, Pragma: no-cache on every answer, errors too */
    ROUTE_CORS_CLIENT = 16, /* the calling client's own origins count too; preflight always passes */
    ROUTE_PROBE = 32,       /* health and metrics: quiet in the access log when so configured, open without an API key */
    ROUTE_BROWSER = 64      /* errors become a page for people instead of JSON */
};

struct http_req;
/* Writes the answer with the functions below and returns true, or returns false with `e` set: then the error is written in the
 * route's style. May run twice (see struct op). */
typedef bool (*http_handler)(struct http_req *r, struct err *e);

struct route {
    unsigned listeners; /* enum http_listener */
    unsigned methods;   /* enum http_method; GET serves HEAD too where api is API_CURRENT */
    const char *path;   /* "/admin/clients/{id}": a segment in braces matches one whole segment, decoded into r->param[] */
    enum api api;
    unsigned flags;
    http_handler handler;
    const char *operation; /* operationId, for logs and metrics */
};

enum { HTTP_PARAMS_MAX = 2 };

struct http_header {
    struct str name, value;
};

struct http_req {
    struct op op; /* r->op.arena lives as long as the request */
    const struct route *route;
    struct provider *provider; /* the snapshot this request runs under (config, keys, store) */
    enum http_listener listener;
    enum http_method method;
    struct str path;   /* as sent, undecoded, one trailing slash removed */
    struct str target; /* path and query as sent */
    struct str param[HTTP_PARAMS_MAX];
    struct params query;   /* decoded; first value wins */
    struct params form;    /* with ROUTE_FORM; at most 1000 pairs */
    bool form_empty;       /* no field at all could be read (also: a body of another type) */
    struct str body;       /* with ROUTE_BODY */
    struct str remote;     /* address of the peer */
    bool secure;           /* TLS here, or said so by a proxy (X-Forwarded-Proto) */
    struct str request_id; /* X-Request-ID of the caller when sane, else ours */

    /* the answer */
    int status;
    struct str content; /* in the arena or static */
    const char *content_type;
    struct http_header *headers; /* use http_header_add */
    size_t headers_n, headers_cap;
    void *conn; /* http/'s own */
};

/* First value of a request header, STR_NONE when absent. The name in lower case. */
struct str http_header(const struct http_req *r, const char *name);
/* First value of a cookie. */
struct str http_cookie(const struct http_req *r, struct str name);
/* How many request headers of that name there are (two Authorization headers are refused, for example). */
size_t http_header_count(const struct http_req *r, const char *name);

/* Adds an answer header. A CR, LF or NUL in the value ends the process in developer builds and drops the header in release
 * builds: callers encode what they echo. */
void http_header_add(struct http_req *r, const char *name, struct str value);
/* Replaces. */
void http_header_set(struct http_req *r, const char *name, struct str value);

struct cookie {
    struct str name, value, path, domain;
    usec_t max_age; /* 0: a session cookie; negative: delete */
    bool http_only, secure;
    const char *same_site; /* "Lax", "Strict", "None"; NULL: not said */
};
void http_cookie_set(struct http_req *r, const struct cookie *c);

bool http_reply(struct http_req *r, int status, const char *content_type, struct str content); /* returns true */
bool http_reply_empty(struct http_req *r, int status);
bool http_redirect(struct http_req *r, int status, struct str location);
/* JSON in the two spellings that clients see: OAuth endpoints "application/json;charset=UTF-8" without, everything else
 * "application/json; charset=utf-8" with a newline at the end. */
bool http_reply_oauth(struct http_req *r, int status, struct str json);
bool http_reply_json(struct http_req *r, int status, struct str json);
/* The error body {"error","error_description"}: description, hint, and debug when `expose`; '"' becomes '\''. */
struct str http_error_json(struct arena *a, const struct err *e, bool expose);
struct str http_error_description(struct arena *a, const struct err *e, bool expose);
/* For errors that a handler delivers itself: those that it returns are logged by http/. */
void http_error_log(const struct http_req *r, const struct err *e);

/* For the metrics and log: nothing to do in handlers. */

#endif
