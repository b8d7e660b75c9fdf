/* What the files of this folder share. */
#ifndef FLOW_FLOW_INT_H
#define FLOW_FLOW_INT_H

#include "flow/flow.h"

enum { FLOW_ID_BYTES = 16 };

/* A flow that has no row yet, whole. */
struct str flow_seal(const struct provider *p, struct arena *a, enum seal_purpose purpose, const struct flow *f);
MUST_USE bool flow_unseal(const struct provider *p, struct arena *a, enum seal_purpose purpose, struct str text,
                          struct flow *ret);
/* The login challenge read back; false: not ours, nor one from before a take-over, or changed. */
MUST_USE bool flow_challenge_read(const struct provider *p, struct arena *a, struct str text, struct flow *ret);
/* One that was given out before a take-over. */
MUST_USE bool flow_earlier_read(const struct provider *p, struct arena *a, struct str challenge, struct flow *ret);
/* Verifiers, consent challenges: the sealed id. */
struct str flow_id_seal(const struct provider *p, struct arena *a, enum seal_purpose purpose, struct str id);
MUST_USE bool flow_id_open(const struct provider *p, struct arena *a, enum seal_purpose purpose, struct str text,
                           struct str *ret_id);

#endif
