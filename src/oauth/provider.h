/* What every protocol function works with: one immutable snapshot of configuration, keys and connections. A reload makes a new
 * one; requests that run keep theirs. */
#ifndef OAUTH_PROVIDER_H
#define OAUTH_PROVIDER_H

#include "config/config.h"
#include "crypto/hydra.h"
#include "crypto/seal.h"
#include "crypto/secret.h"
#include "store/store.h"

struct keysets;      /* oauth/keysets.h */
struct client_cache; /* oauth/client.h */
struct client_keys;  /* oauth/client_keys.h */
struct opened_keys;  /* oauth/opened_keys.h */

/* Outgoing requests; http/client.c in the server. Waits. */
struct fetch_request {
    const char *method; /* NULL: GET, with a body POST */
    struct str url;
    struct str post; /* the body; p == NULL: none */
    const char *content_type;
    struct params headers; /* more of them */
    size_t max_bytes;
    usec_t timeout; /* of one attempt; 0: 30 s */
    int attempts;
};
struct fetch_answer {
    int status;
    struct str content_type, body;
};
struct provider;
typedef bool (*provider_fetch)(const struct provider *p, struct op *op, const struct fetch_request *q, struct fetch_answer *ret,
                               struct err *e);
/* Whether `fetch` might go to this URL, as far as the URL itself tells. Never waits. */
typedef bool (*provider_admits)(const struct provider *p, const struct url *u, struct str url);

struct provider {
    const struct config *config;
    struct sealer *sealer;
    struct opened_keys *opened_keys; /* what `sealer` has opened */
    struct hydra *hydra;             /* the same secrets, for what was given out before a take-over */
    struct store *store;
    struct keysets *keysets;
    struct client_cache *clients;
    struct client_keys *client_keys;
    struct secret_cache *secrets;
    provider_fetch fetch;
    provider_admits admits;     /* may be NULL: every URL */
    void (*deliver)(void *arg); /* called when deliveries were queued, so that they go out at once; may be NULL */
    void *deliver_arg;
    struct str issuer;     /* urls.self.issuer, as in `iss` */
    struct str public_url; /* urls.self.public, base of our own URLs */
    struct str discovery;  /* the discovery document but for its end (oauth/discovery.h) */
    int refs;
    struct arena *arena;
};

/* What a snapshot shares with those before and after it; all of it outlives them. */
struct provider_parts {
    struct store *store;
    struct keysets *keysets;
    struct client_cache *clients;
    struct client_keys *client_keys;
    struct secret_cache *secrets;
    provider_fetch fetch;
    provider_admits admits;
    void (*deliver)(void *arg);
    void *deliver_arg;
};
/* Holds a reference to `config` and starts with one reference of its own. Thread-safe. */
struct provider *provider_new(const struct config *config, const struct provider_parts *parts);
struct provider *provider_ref(struct provider *p);
void provider_unref(struct provider *p); /* accepts NULL */

#endif
