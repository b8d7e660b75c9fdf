/* The token endpoint's protocol (RFC 6749 3.2): authenticate the client, find the row of its grant type, validate, issue. Each
 * grant type is a row of grants[] with a file of its own (grant_*.c). */
#ifndef OAUTH_GRANTS_H
#define OAUTH_GRANTS_H

#include "oauth/client_auth.h"
#include "oauth/grant_session.h"
#include "oauth/token.h"

struct grant_type;

/* One token request. Parsed once; rows look at `form` only for parameters that are theirs alone. */
struct grant_request {
    const struct grant_type *type;
    const struct client *client; /* authenticated */
    const struct params *form;
    struct strs scopes;   /* parameter `scope` */
    struct strs audience; /* parameter `audience` */

    /* Filled by the row's validate: what the tokens will say. */
    struct str subject;
    struct grant_session session; /* granted scopes and audience, claims */
    bool claims_changed;          /* a hook changed the session's claims: what is stored has to follow */
    const struct grant *grant;    /* the row behind it; NULL: a grant type that has none */
    void *own;                    /* the row's notes from validate for issue, in the arena */
};

/* What the client gets. Empty texts: none. */
struct grant_result {
    struct str access_token;
    struct str token_id; /* of the access token */
    usec_t issued_at, expires_at;
    struct strs scopes;
    struct str refresh_token, id_token;
};

struct grant_type {
    struct str name;
    bool unlisted; /* works, but the discovery document does not name it */
    /* Checks and fills the request. Changes nothing, but for ending a grant whose code or refresh token has leaked. */
    bool (*validate)(const struct provider *p, struct op *op, struct grant_request *q, struct err *e);
    /* Makes the tokens; whatever it stores comes first, so that a failure leaves no token behind. */
    bool (*issue)(const struct provider *p, struct op *op, const struct grant_request *q, struct grant_result *ret,
                  struct err *e);
};
extern const struct grant_type grants[];
extern const size_t grants_n;

/* The hint of requests that fit no rule. */
#define HINT_CHECK_PARAMETERS                                                                                                   \
    "Make sure that the various parameters are correct, be aware of case sensitivity and trim your parameters. Make sure that " \
    "the client you are using has exactly whitelisted the redirect_uri you specified."

/* Answers POST /oauth2/token: *ret_json is the body of the 200. */
MUST_USE bool token_request(const struct provider *p, struct op *op, const struct client_credentials *credentials,
                            struct str *ret_json, struct err *e);

/* ---- for the rows ---- */

/* Fails with UNAUTHORIZED_CLIENT. */
MUST_USE bool grant_allowed(const struct grant_request *q, struct err *e);
/* The access token that `q` describes, with the client's life for it, into *ret. */
MUST_USE bool grant_issue_access(const struct provider *p, struct op *op, const struct grant_request *q,
                                 enum client_lifespan lifespan, struct grant_result *ret, struct err *e);

/* The rows' functions, one pair per file. */
bool authorization_code_validate(const struct provider *p, struct op *op, struct grant_request *q, struct err *e);
bool authorization_code_issue(const struct provider *p, struct op *op, const struct grant_request *q, struct grant_result *ret,
                              struct err *e);
bool refresh_token_validate(const struct provider *p, struct op *op, struct grant_request *q, struct err *e);
bool refresh_token_redeem(const struct provider *p, struct op *op, const struct grant_request *q, struct grant_result *ret,
                          struct err *e);
bool client_credentials_validate(const struct provider *p, struct op *op, struct grant_request *q, struct err *e);
bool device_code_validate(const struct provider *p, struct op *op, struct grant_request *q, struct err *e);
bool device_code_redeem(const struct provider *p, struct op *op, const struct grant_request *q, struct grant_result *ret,
                        struct err *e);
bool client_credentials_issue(const struct provider *p, struct op *op, const struct grant_request *q, struct grant_result *ret,
                              struct err *e);
bool jwt_bearer_validate(const struct provider *p, struct op *op, struct grant_request *q, struct err *e);
bool jwt_bearer_issue(const struct provider *p, struct op *op, const struct grant_request *q, struct grant_result *ret,
                      struct err *e);

#endif
