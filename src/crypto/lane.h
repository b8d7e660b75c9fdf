/* Bounds how many slow hashes run and wait at once (secret.h: secret_lanes). Only for files of this folder and its tests. */
#ifndef CRYPTO_LANE_H
#define CRYPTO_LANE_H

#include "base/err.h"

/* Waits for a free lane; fails with BUSY when too many wait already. */
MUST_USE bool lane_enter(struct err *e);
void lane_leave(void);

#endif
