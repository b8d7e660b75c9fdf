/* What the commands under `perform` share, and the local web application of `perform authorization-code`. */
#ifndef CLI_PERFORM_H
#define CLI_PERFORM_H

#include <pthread.h>

#include "base/clock.h"
#include "cli/remote.h"
#include "oauth/provider.h"

/* ---- the token endpoint (cmd_perform.c) ---- */

/* POST to the endpoint at `url` as the client, by HTTP Basic, or with the credentials in the form (to which they are added then)
 * where it does not take that. False when there was no answer at all; that was said. */
MUST_USE bool perform_ask_token(const struct remote *r, struct str url, const struct credentials *who, struct params *form,
                                struct fetched *ret);
/* Prints what the token endpoint answered; expiry counts from `asked`. Returns the exit code. */
int perform_print_token(struct cli *c, const json_t *answer, usec_t asked, bool with_expires_in);

/* ---- the web application (cmd_perform_code.c) ---- */

struct perform {
    struct provider provider; /* first: what http/ hands to handlers. Only its config is there */
    struct cli *cli;
    struct remote remote;
    struct credentials who;
    struct str home, redirect, auth_url, token_url;
    struct params request; /* the authorization request but for state, nonce and code_challenge */
    bool keep, skip;       /* --no-shutdown, --skip */

    pthread_mutex_t lock; /* guards the rest, and the use of cli->arena by handlers */
    pthread_cond_t wake;
    struct str state, nonce, verifier; /* of the flow under way */
    struct str answer;                 /* of the token endpoint, until the main thread has printed it */
    usec_t asked;
};

/* Both for handlers. */
struct perform *perform_of(struct http_req *r);
/* The server to talk to, with the request's own memory. */
struct remote perform_remote(struct http_req *r, struct cli *own);
/* Shows an answer that is a failure. Returns true. */
bool perform_refused(struct http_req *r, const struct fetched *answer);

/* ---- its login and consent pages (perform_apps.c) ---- */

bool perform_login(struct http_req *r, struct err *e);
bool perform_consent(struct http_req *r, struct err *e);

#endif
