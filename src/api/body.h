/* A request's JSON body read by a table: name, type, where it goes. Unknown members are ignored, null leaves a member alone. */
#ifndef API_BODY_H
#define API_BODY_H

#include "http/http.h"

enum body_type {
    BODY_TEXT,   /* struct str; without NUL characters */
    BODY_TEXTS,  /* struct strs: an array of texts, null in it is an empty one; v != NULL when there was one */
    BODY_BOOL,   /* bool */
    BODY_INT,    /* int64_t */
    BODY_TIME,   /* usec_t: a time as RFC 3339 writes it */
    BODY_ANY,    /* struct str: the text of any JSON */
    BODY_OBJECT, /* json_t *: an object; lives as long as the request */
    BODY_CLAIMS  /* struct str: an object's text; an empty one leaves it empty */
};
enum { BODY_LIST_MAX = 1000 };

struct body_member {
    const char *name;
    enum body_type type;
    size_t offset;
    size_t limit; /* of texts, in bytes; 0: only what the body may have */
};

/* Both fail with INVALID_REQUEST, naming the member. */
MUST_USE bool body_read(const struct http_req *r, const struct body_member *members, size_t n, void *into, struct err *e);
MUST_USE bool body_read_object(struct arena *a, const json_t *object, const struct body_member *members, size_t n, void *into,
                               struct err *e);

#endif
