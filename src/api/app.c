/* The application as http/ sees it. */
#include "api/app.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "api/api.h"
#include "api/browser.h"
#include "base/b64.h"
#include "http/client.h"
#include "http/guard.h"
#include "http/server.h"
#include "oauth/client.h"
#include "oauth/token.h"

struct provider *app_acquire(struct app *app)
{
    pthread_mutex_lock(app->lock);
    struct provider *p = provider_ref(app->current);
    pthread_mutex_unlock(app->lock);
    return p;
}

void app_swap(struct app *app, struct provider *next)
{
    pthread_mutex_lock(app->lock);
    struct provider *old = app->current;
    app->current = next;
    pthread_mutex_unlock(app->lock);
    provider_unref(old);
}

static struct provider *acquire(void *app) { return app_acquire(app); }
static const struct config *config_of(const struct provider *p) { return p->config; }

/* ---- cross-origin requests: which client is calling? ---- */

static struct str basic_user(struct http_req *r)
{
    struct str header = http_header(r, "authorization"), decoded, user, password;
    if (!str_starts_nocase(header, STR("basic "))) return STR_NONE;
    if (!b64_decode(r->op.arena, str_trim(str_from(header, 6)), &decoded)) return STR_NONE;
    return str_split_once(decoded, ':', &user, &password) ? user : STR_NONE;
}

static struct str bearer_client(struct http_req *r)
{
    struct str header = http_header(r, "authorization");
    if (!str_starts_nocase(header, STR("bearer "))) return STR_NONE;
    struct access_token token;
    bool ours = false;
    struct err e = ERR_INIT(r->op.arena);
    if (!access_token_open(r->provider, &r->op, str_trim(str_from(header, 7)), &token, &ours, &e)) return STR_NONE;
    return ours ? token.client_id : STR_NONE;
}

/* A whole origin; "*" or "https://" and "*" for any host; or a glob whose stars stand for one label of the host name. */
static bool origin_matches(struct str pattern, struct str origin)
{
    if (str_eq(pattern, STR("*")) || str_eq_nocase(pattern, origin)) return true;
    if (str_ends(pattern, STR("://*"))) return str_starts_nocase(origin, str_upto(pattern, pattern.n - 1));
    return guard_glob(pattern, origin);
}

static bool origin_of_client(const struct client *c, struct str origin)
{
    for (size_t i = 0; i < c->allowed_cors_origins.n; i++)
        if (origin_matches(c->allowed_cors_origins.v[i], origin)) return true;
    return false;
}

/* A preflight request does not say which client it is for: any client's origin will do. What follows it is checked again. */
static bool origin_of_any(struct http_req *r, struct str origin)
{
    bool known = false;
    struct strs wild;
    struct err e = ERR_INIT(r->op.arena);
    struct str lower = str_lower(r->op.arena, origin);
    if (!store_origin_known(r->provider->store, &r->op, lower, &known, &wild, &e)) return false;
    for (size_t i = 0; i < wild.n && !known; i++) known = origin_matches(wild.v[i], lower);
    return known;
}

static bool client_origin(struct http_req *r, struct str origin)
{
    if (r->method == HTTP_OPTIONS) return origin_of_any(r, origin);
    struct str id = params_get(&r->form, STR("client_id"));
    if (id.n == 0) id = basic_user(r);
    if (id.n == 0) id = bearer_client(r);
    if (id.n == 0) return false;
    const struct client *c = NULL;
    struct err e = ERR_INIT(r->op.arena);
    return client_get(r->provider, &r->op, id, &c, &e) && c != NULL && origin_of_client(c, origin);
}

/* ---- life ---- */

void app_init(struct app *app, struct provider *first)
{
    pthread_mutex_t *lock = malloc(sizeof(*lock));
    if (lock == NULL || pthread_mutex_init(lock, NULL) != 0) abort();
    *app = (struct app) {
        .http = { .routes = api_routes,
                  .routes_n = api_routes_n,
                  .acquire = acquire,
                  .release = provider_unref,
                  .config = config_of,
                  .client_origin = client_origin,
                  .browser_error = browser_error,
                  .app = app },
        .current = first,
        .lock = lock,
    };
}

void app_done(struct app *app)
{
    provider_unref(app->current);
    pthread_mutex_destroy(app->lock);
    free(app->lock);
}

/* ---- outgoing ---- */

/* How many workers wait for documents of strangers: key sets, request objects, sector identifiers. */
static atomic_size_t abroad;

static bool call_out(const struct provider *p, struct op *op, const struct fetch_request *q, struct fetch_answer *ret,
                     struct err *e)
{
    struct http_header *headers = ARENA_ARRAY(op->arena, struct http_header, q->headers.n + 1);
    for (size_t i = 0; i < q->headers.n; i++) headers[i] = (struct http_header) { q->headers.v[i].name, q->headers.v[i].value };
    struct fetched got;
    TRY(fetch(op,
              &(struct fetch) { .method = q->method,
                                .url = q->url,
                                .body = q->post,
                                .content_type = q->content_type,
                                .headers = headers,
                                .headers_n = q->headers.n,
                                .max_bytes = q->max_bytes,
                                .timeout = q->timeout,
                                .attempts = q->attempts,
                                .guard = p->config->clients_http_disallow_private_ip_ranges,
                                .exceptions = p->config->clients_http_private_ip_exception_urls,
                                .max_redirects = q->method != NULL || q->post.p != NULL ? 0 : 3 },
              &got, e));
    *ret = (struct fetch_answer) { .status = got.status, .content_type = got.content_type, .body = got.body };
    return true;
}

bool app_admits(const struct provider *p, const struct url *u, struct str url)
{
    const struct config *c = p->config;
    if (!c->clients_http_disallow_private_ip_ranges) return true;
    return guard_host_is_public(u->host) || guard_excepts(c->clients_http_private_ip_exception_urls, url);
}

/* A stranger's server takes as long as it likes. Never more than half of the workers wait for such, so that everybody else is
 * served meanwhile; who comes when they do is told to come again. */
bool app_fetch(const struct provider *p, struct op *op, const struct fetch_request *q, struct fetch_answer *ret, struct err *e)
{
    const size_t workers = http_server_workers(p->config);
    if (q->method != NULL || q->post.p != NULL) return call_out(p, op, q, ret, e);
    OP_MUST_WAIT(op, e);
    bool ok = false;
    if (atomic_fetch_add(&abroad, 1) < (workers + 1) / 2)
        ok = call_out(p, op, q, ret, e);
    else
        err_set(e, &err_BUSY, "Too many documents are being fetched at once.", __FILE__, __LINE__);
    atomic_fetch_sub(&abroad, 1);
    return ok;
}
