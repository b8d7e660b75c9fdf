/* What the DSNs of all database servers share: where the query string begins, and the parameters of the pool in it. */
#ifndef STORE_DSN_H
#define STORE_DSN_H

#include "base/clock.h"

/* scheme://user:password@address?query, cut but not decoded. Without a user part `user` is empty; an @ that is left in `address`
 * stands where no database client expects one. */
struct dsn {
    struct str scheme, user, address, query; /* query.p == NULL: none */
};
void dsn_cut(struct str text, struct dsn *ret);

struct pool_options {
    unsigned max, idle;         /* connections at most; that many are kept while nobody uses them */
    usec_t lifetime, idle_time; /* 0: unlimited */
};
/* Takes max_conns, max_idle_conns, max_conn_lifetime and max_conn_idle_time out of the DSN; the rest is the driver's. */
MUST_USE bool dsn_pool_options(struct arena *a, struct str text, struct pool_options *ret, struct str *ret_rest, struct err *e);

#endif
