/* Back-channel logout (OpenID Connect Back-Channel Logout 1.0): what is queued for a client, and sending it. A delivery names
 * client and session; the logout token is made when it is sent, by the key of that moment. What is queued for the identity
 * provider (identity_provider.h) is sent by the same hands. */
#ifndef FLOW_BACKCHANNEL_H
#define FLOW_BACKCHANNEL_H

#include "oauth/client.h"

struct delivery backchannel_delivery(const struct op *op, const struct client *c, struct str session_id);

enum backchannel_outcome {
    BACKCHANNEL_IDLE, /* nothing was due */
    BACKCHANNEL_SENT,
    BACKCHANNEL_RETRY,  /* due again at `due_at` */
    BACKCHANNEL_DROPPED /* refused by the other side, or tried often enough */
};
struct backchannel_report {
    enum backchannel_outcome outcome;
    struct str client_id; /* empty: the identity provider */
    int status;           /* of the other side's answer; 0: none */
    int64_t attempts;
    usec_t due_at;
};
/* Sends one delivery that is due. Waits for the other side, at most BACKCHANNEL_TIMEOUT; any number of threads may do this. */
#define BACKCHANNEL_TIMEOUT (10 * USEC_PER_SEC)
MUST_USE bool backchannel_run(const struct provider *p, struct op *op, struct backchannel_report *ret, struct err *e);

#endif
