/* What http/ needs to know of the application: the route table, the snapshot of the moment, whose origins are whose. */
#ifndef API_APP_H
#define API_APP_H

#include "http/server.h"
#include "oauth/provider.h"

/* The provider of the moment; a reload swaps it while requests keep theirs. */
struct app {
    struct http_app http; /* give this to http_server_start */
    struct provider *current;
    void *lock;
};
void app_init(struct app *app, struct provider *first /* the reference moves here */);
struct provider *app_acquire(struct app *app);
void app_swap(struct app *app, struct provider *next /* the reference moves here */);
void app_done(struct app *app);

/* The provider's outgoing requests over http/client.h, guarded as clients.http.* says. */
bool app_fetch(const struct provider *p, struct op *op, const struct fetch_request *q, struct fetch_answer *ret, struct err *e);
bool app_admits(const struct provider *p, const struct url *u, struct str url);

#endif
