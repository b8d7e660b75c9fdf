/* A server that commands talk to, over its HTTP API. */
#ifndef CLI_REMOTE_H
#define CLI_REMOTE_H

#include "cli/cli.h"
#include "http/client.h"

struct remote {
    struct cli *cli;
    struct str base; /* without a '/' at its end */
    struct http_header *headers;
    size_t headers_n;
};
/* From --endpoint or ORY_SDK_URL, --http-header, --skip-tls-verify. Complains when something is missing. */
MUST_USE bool remote_open(struct cli *c, struct remote *ret);

struct call {
    const char *method;
    struct str path;           /* with its leading '/', encoded; see remote_path */
    const json_t *json;        /* a JSON body; NULL: none */
    struct str form;           /* a form body; p == NULL: none */
    struct str user, password; /* HTTP Basic; user with p == NULL: none */
};
/* "/admin/clients/" and the encoded id. */
struct str remote_path(const struct remote *r, const char *before, struct str id);

/* False when there was no answer at all; that was said. */
MUST_USE bool remote_fetch(const struct remote *r, const struct call *q, struct fetched *ret);
/* The same, and false unless the status is 2xx and the body JSON or empty; that was said, too. *ret may be NULL; it belongs to
 * the arena, and is null for an empty body. */
MUST_USE bool remote_call(const struct remote *r, const struct call *q, json_t **ret);
/* Prints an answer that is a failure; returns false. */
bool remote_refused(const struct remote *r, const struct fetched *answer);
/* A text that a server sent, for a terminal: what is not printable UTF-8 becomes '?'. */
void remote_put_text(FILE *out, struct str s);

/* --client-id and --client-secret, or the environment. Complains when there is no id. */
struct credentials {
    struct str id, secret;
};
MUST_USE bool remote_credentials(struct cli *c, struct credentials *ret);

#endif
