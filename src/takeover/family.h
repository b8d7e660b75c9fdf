/* A consent and everything that was issued on it, as Hydra keeps it in half a dozen tables, and the one grant that it becomes. */
#ifndef TAKEOVER_FAMILY_H
#define TAKEOVER_FAMILY_H

#include "oauth/grant_session.h"
#include "takeover/takeover_int.h"

struct hydra_token {
    struct hydra_token *next;
    struct str signature;
    usec_t requested_at, until;
    bool used; /* a refresh token in its grace period */
    struct session_data data;
};

struct family {
    struct str id;                        /* as Hydra writes it */
    const struct sql_cell *consent;       /* a row of CONSENTS */
    struct hydra_token *access, *refresh; /* those that live */
    struct hydra_token *code;             /* the authorization code; NULL: there was none */
    bool code_used;
    struct str code_form; /* what was asked for with it, form-encoded */
    struct str pkce_form;
    struct hydra_token *device; /* an approved device that has not asked for its tokens yet */
    const struct grant *grant;  /* what it became; NULL: nothing that tokens could hang on */
};

enum consent_column {
    CONSENT_ID,
    CONSENT_CLIENT,
    CONSENT_SUBJECT,
    CONSENT_URL,
    CONSENT_REQUESTED_SCOPE,
    CONSENT_SCOPE,
    CONSENT_AUDIENCE,
    CONSENT_SESSION,
    CONSENT_ACR,
    CONSENT_AMR,
    CONSENT_CONTEXT,
    CONSENT_ID_CLAIMS,
    CONSENT_ACCESS_CLAIMS,
    CONSENT_FORCED_SUBJECT,
    CONSENT_SKIP,
    CONSENT_REMEMBER,
    CONSENT_REMEMBER_FOR,
    CONSENT_REQUESTED,
    CONSENT_HANDLED,
    CONSENT_AUTHENTICATED,
    CONSENT_DEVICE
};

/* False: it is of no more use, or no grant can have its id; *ret_why says which. */
MUST_USE bool family_grant(struct takeover *t, struct op *op, const struct family *f, struct grant *ret,
                           enum takeover_left *ret_why);
/* Appends the rows that its living tokens and its code are found by, for the grant that it became; there is room for
 * family_size(). */
MUST_USE bool family_tokens(struct takeover *t, struct op *op, const struct family *f, const struct grant *g,
                            struct earlier_token *rows, size_t *n, struct err *e);
size_t family_size(const struct family *f);
/* The row of a refresh token that was used before: it ends the grant. */
struct earlier_token family_used_refresh(struct takeover *t, struct arena *a, struct str signature, usec_t requested_at,
                                         const struct grant *g);

#endif
