/* What Hydra keeps of a session beside each token: the column session_data, in all spellings that its versions used. */
#ifndef TAKEOVER_SESSION_DATA_H
#define TAKEOVER_SESSION_DATA_H

#include "base/clock.h"
#include "base/json.h"
#include "crypto/hydra.h"

struct session_data {
    struct str issuer;
    struct str subject; /* whom the token is for; empty: not said */
    struct str sub;     /* the name in ID tokens */
    struct str sid;
    struct str nonce, acr;
    struct strs amr;
    usec_t auth_time;
    struct str id_claims;     /* of ID tokens beyond those above: a JSON object's text; empty: none */
    struct str access_claims; /* of access tokens, likewise */
    /* When each ends, exact to the second; 0: not said. */
    usec_t access_until, refresh_until, code_until, device_until;
};

/* False: it does not open with these secrets, or is damaged. */
MUST_USE bool session_data_read(const struct hydra *keys, struct arena *a, struct str stored, struct session_data *ret);

/* ---- lists in columns: a JSON array, or joined with '|' as older versions did ---- */
struct strs hydra_list(struct arena *a, struct str column);

#endif
