/* One operation being served: its memory, its moment, and whether its thread may wait. */
#ifndef BASE_OP_H
#define BASE_OP_H

#include "clock.h"

struct span;

struct op {
    struct arena *arena;
    usec_t now; /* read once, so that all checks of one request agree */
    /* False on a listener's thread: a step that would wait (a write, a remote database, a slow hash, an outgoing call) fails
     * with err_MUST_WAIT before it has any effect, and http/ runs the handler again on a worker, where this is true. */
    bool may_wait;
    struct span *span; /* what its trace learns of it (base/span.h); NULL: it is not traced */
};

#define OP_MUST_WAIT(op, e)                          \
    do {                                             \
        if (!(op)->may_wait) FAIL(e, MUST_WAIT, ""); \
    } while (0)

#endif
