/* Connections to a database server, shared by all threads. As many as `max` are open at once, `idle` of them stay open when
 * nobody has used them for a while. When the server cannot be reached, one thread tries again now and then, after pauses that
 * grow, while all others fail at once: an outage neither holds up threads nor ends in a rush. */
#ifndef STORE_POOL_H
#define STORE_POOL_H

#include "dsn.h"
#include "sql.h"

struct pool;

/* `first` is a connection that is open already; the pool owns it. */
struct pool *pool_new(const struct sql_driver *driver, struct sql_db *db, const struct pool_options *o, struct sql *first);
void pool_free(struct pool *pool); /* accepts NULL; all connections have been given back */

struct pooled;
struct sql *pooled_sql(const struct pooled *p);
/* One that nobody else uses; waits for a while when all are taken. Fails with STORAGE. */
MUST_USE bool pool_take(struct pool *pool, struct pooled **ret, struct err *e);
/* A broken one is closed, and so are all that are older: what broke it broke them, too. */
void pool_give(struct pool *pool, struct pooled *p);

/* For tests and metrics. */
struct pool_state {
    unsigned open, idle;
    bool down; /* the last attempt to connect failed */
};
struct pool_state pool_state(struct pool *pool);

#endif
