/* OAuth 2.0 clients: their metadata (RFC 7591, OpenID Connect Registration, Hydra's own members), read and written by the table
 * client.def, validated, changed, cached. */
#ifndef OAUTH_CLIENT_H
#define OAUTH_CLIENT_H

#include "base/json.h"
#include "oauth/provider.h"

enum client_lifespan {
    LIFESPAN_AUTHORIZATION_CODE_ACCESS,
    LIFESPAN_AUTHORIZATION_CODE_ID,
    LIFESPAN_AUTHORIZATION_CODE_REFRESH,
    LIFESPAN_CLIENT_CREDENTIALS_ACCESS,
    LIFESPAN_IMPLICIT_ACCESS,
    LIFESPAN_IMPLICIT_ID,
    LIFESPAN_JWT_BEARER_ACCESS,
    LIFESPAN_REFRESH_ACCESS,
    LIFESPAN_REFRESH_ID,
    LIFESPAN_REFRESH_REFRESH,
    LIFESPAN_DEVICE_ACCESS,
    LIFESPAN_DEVICE_ID,
    LIFESPAN_DEVICE_REFRESH,
    LIFESPAN_MAX_
};
#define LIFESPAN_UNSET INT64_MIN /* nanoseconds otherwise */

enum tristate { TRI_NULL, TRI_FALSE, TRI_TRUE };

/* Immutable once built. Texts belong to its arena. */
struct client {
    struct str id, name, owner, scope;
    struct strs scopes; /* the words of `scope` */
    struct strs redirect_uris, grant_types, response_types, audience, allowed_cors_origins, contacts, request_uris;
    struct strs post_logout_redirect_uris;
    struct str policy_uri, tos_uri, client_uri, logo_uri, initiate_login_uri;
    struct str sector_identifier_uri, subject_type;
    struct str jwks_uri;
    json_t *jwks; /* object or NULL */
    struct str token_endpoint_auth_method, token_endpoint_auth_signing_alg;
    struct str sealed_secret; /* the secret itself, for client_secret_jwt, which cannot be checked with a hash */
    struct str request_object_signing_alg, userinfo_signed_response_alg;
    struct str frontchannel_logout_uri, backchannel_logout_uri;
    bool frontchannel_logout_session_required, backchannel_logout_session_required;
    json_t *metadata;                 /* any JSON; NULL stands for {} */
    struct str access_token_strategy; /* "", "opaque", "jwt" */
    bool skip_consent;
    enum tristate skip_logout_consent;
    int64_t lifespans[LIFESPAN_MAX_];

    /* from the row, not from the document */
    int64_t version;
    struct str secret_hash; /* empty: a public client that was never given a secret */
    struct strs rotated;
    int64_t registration;
    usec_t created_at, updated_at;

    struct arena *arena;
    int refs;
};

static inline bool client_hears_logouts(const struct client *c)
{
    return c->frontchannel_logout_uri.n > 0 || c->backchannel_logout_uri.n > 0;
}
static inline bool client_is_public(const struct client *c) { return str_eq(c->token_endpoint_auth_method, STR("none")); }
/* Run-time meaning of empty lists: grant_types ["authorization_code"], response_types ["code"]. */
bool client_may_grant(const struct client *c, struct str grant_type);
bool client_may_respond(const struct client *c, struct str response_type); /* order of words is free */

/* ---- looking up ---- */

/* The client as it is now, from the cache when its row's version is unchanged. *ret is NULL when there is none. The client is
 * held until op->arena goes. */
MUST_USE bool client_get(const struct provider *p, struct op *op, struct str id, const struct client **ret, struct err *e);
/* The same when the row's version is known already (store_client_state, a grant's client_version): no read on a cache hit. */
MUST_USE bool client_get_version(const struct provider *p, struct op *op, struct str id, int64_t version,
                                 const struct client **ret, struct err *e);
/* `capacity` is rounded up to a power of two. */
struct client_cache *client_cache_new(size_t capacity);
void client_cache_free(struct client_cache *c);

/* ---- the document ---- */

/* How a client is shown. */
enum client_view {
    CLIENT_READ,    /* GET, list, PATCH, inside login requests: unset lists are [] */
    CLIENT_CREATED, /* answers of POST and PUT: some unset lists are null, as in the request */
    CLIENT_SELF     /* read by the client itself: without the operator's notes */
};
struct client_extras { /* members that only some answers have; empty: left out */
    struct str client_secret, registration_access_token, registration_client_uri;
};
void client_write(struct jw *w, const char *name, const struct client *c, enum client_view view, bool v1,
                  const struct client_extras *extras);

/* A client with nothing set, in `a`. */
struct client *client_new(struct arena *a);
/* Reads a request's members over what *c has. Unknown members are ignored, null leaves a member alone except where null is a
 * value. Fails with BAD_REQUEST (wrong type) or INVALID_CLIENT_METADATA (too long), naming the member. */
MUST_USE bool client_decode(struct client *c, struct client_extras *x, const json_t *object, struct err *e);
/* Only the lifespans; every other member counts as unknown. */
MUST_USE bool client_decode_lifespans(struct client *c, const json_t *object, struct err *e);
/* Sets back what a request could set, but for the id. `v1`: only what that generation of the API knows. */
void client_reset(struct client *c, bool v1);
/* Applies a JSON Patch (RFC 6902, with Hydra's leniencies) to the client as it is shown. Fails with BAD_REQUEST, or with CONFLICT
 * when a `test` does not hold. */
MUST_USE bool client_patch(struct client *c, struct client_extras *x, const json_t *patch, struct err *e);

struct str client_doc(struct arena *a, const struct client *c);
/* Everything but not_before. */
void client_to_row(struct arena *a, const struct client *c, struct client_row *row);
MUST_USE bool client_from_row(struct arena *a, const struct client_row *row, struct client **ret, struct err *e);

/* ---- changing; all wait ---- */

/* Settles defaults and checks every rule. `before` is what is stored now, NULL for a new client. `v1`: leaves out the checks that
 * the v1 generation did not have. Fails with INVALID_CLIENT_METADATA, INVALID_REDIRECT_URI or BAD_REQUEST. */
MUST_USE bool client_validate(const struct provider *p, struct op *op, struct client *c, const struct client *before, bool v1,
                              struct err *e);

/* Validates and stores a new client. Makes the id when it is empty, and a secret unless x has one; afterwards *x is what the
 * answer shows beside the client. Fails with DUPLICATE when the id is taken. */
MUST_USE bool client_create(const struct provider *p, struct op *op, struct client *c, struct client_extras *x, bool v1,
                            struct err *e);

/* What to do with a stored client: `edit` changes *c (rotated hashes and `registration` included) and sets x->client_secret when
 * there is a new secret. It may run again on a newer state of the client. */
struct client_change {
    struct str id;
    bool (*edit)(struct client *c, struct client_extras *x, const void *arg, struct err *e);
    const void *arg;
    bool v1;
    bool whole; /* only id and secret stay of what is stored; what is wrong with the request is told first */
};
/* Reads, edits, validates, and writes if nobody changed the client meanwhile, else starts again. Fails with NO_ROW. */
MUST_USE bool client_update(const struct provider *p, struct op *op, const struct client_change *change, struct client **ret,
                            struct client_extras *ret_x, struct err *e);
MUST_USE bool client_delete(const struct provider *p, struct op *op, struct str id, bool *ret_found, struct err *e);
/* A new random secret. */
struct str client_secret_new(struct arena *a);
/* The secret of a client that is registered for client_secret_jwt, if it was given one since. */
MUST_USE bool client_secret_open(const struct provider *p, struct arena *a, const struct client *c, struct str *ret);
/* How secrets are hashed according to the configuration. */
struct secret_cost client_secret_cost(const struct provider *p);

/* The registration access token (RFC 7592) of the client's current registration generation, and its management URL. */
#define REGISTRATION_PREFIX STR("ory_at_")
struct str client_registration_token(const struct provider *p, struct arena *a, const struct client *c);
struct str client_registration_uri(const struct provider *p, struct arena *a, const struct client *c);
/* Is `token` the current one of this client? */
MUST_USE bool client_registration_check(const struct provider *p, struct arena *a, const struct client *c, struct str token);

#endif
