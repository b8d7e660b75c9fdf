/* What the commands under `perform` share. */
#ifndef CLI_PERFORM_H
#define CLI_PERFORM_H

#include <pthread.h>

#include "base/clock.h"
#include "cli/remote.h"
#include "http/server.h"
#include "oauth/provider.h"

/* ---- the token endpoint (cmd_perform.c) ---- */

/* POST to the endpoint at `url` as the client, by HTTP Basic, or with the credentials in the form (to which they are added then)
 * where it does not take that. False when there was no answer at all; that was said. */
MUST_USE bool perform_ask_token(const struct remote *r, struct str url, const struct credentials *who, struct params *form,
                                struct fetched *ret);
/* Prints what the token endpoint answered; expiry counts from `asked`. Returns the exit code. */
int perform_print_token(struct cli *c, const json_t *answer, usec_t asked, bool with_expires_in);

/* ---- a web application on this machine, while the command runs (perform_local.c) ---- */

struct local {
    struct provider provider; /* first: what http/ hands to handlers. Only its config is there */
    struct cli *cli;
    struct remote remote;
    struct str home; /* its address, with a '/' at the end */
    struct http_app app;
    struct http_server *server;
    pthread_mutex_t lock; /* guards what handlers and the main thread share, and the use of cli->arena by handlers */
    pthread_cond_t wake;
};
#define LOCAL_INIT(c)                                                                   \
    {                                                                                   \
        .cli = (c), .lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER \
    }

/* Sets `home` from --port and --https. */
void local_name(struct local *l);
/* Listens there. Complains when it cannot. */
MUST_USE bool local_start(struct local *l, const struct route *routes, size_t n);
/* Where there is a desktop, and no --no-open. */
void local_open_browser(const struct local *l);
/* The browser gets a moment to read its last page. */
void local_stop(struct local *l);
/* What a flag says, or `path` below `base`. */
struct str local_url(struct cli *c, const char *flag, struct str base, struct str path);

/* All for handlers. */
struct local *local_of(struct http_req *r);
/* The server to talk to, with the request's own memory. */
struct remote local_remote(struct http_req *r, struct cli *own);
/* Both show a page and return true: an error; an answer that is a failure. */
bool local_error(struct http_req *r, int status, const char *error, struct str description);
bool local_refused(struct http_req *r, const struct fetched *answer);

/* ---- a client of the code flow (cmd_perform_code.c) ---- */

struct perform {
    struct local local; /* first */
    struct credentials who;
    struct str redirect, auth_url, token_url;
    struct params request; /* the authorization request but for state, nonce and code_challenge */
    bool keep, skip;       /* --no-shutdown, --skip */

    /* Guarded by the lock. */
    struct str state, nonce, verifier; /* of the flow under way */
    struct str answer;                 /* of the token endpoint, until the main thread has printed it */
    bool failed;                       /* there is none, and it was said why */
    usec_t asked;
};

/* ---- pages of apps over the admin API (perform_apps.c) ---- */

bool perform_login(struct http_req *r, struct err *e);   /* of a struct perform */
bool perform_consent(struct http_req *r, struct err *e); /* of a struct perform */
bool perform_device(struct http_req *r, struct err *e);
bool perform_device_done(struct http_req *r, struct err *e);

#endif
