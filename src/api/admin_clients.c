/* The admin API of OAuth 2.0 clients, both generations: parse, call oauth/client.h, write. */
#include "api.h"
#include "oauth/client.h"
#include "oauth/page.h"

enum { MOST_ROTATED = 5 };

static const struct page_rules clients = { .list = { "clients", 7 }, .size = 250, .max = 1000 };

static bool is_v1(const struct http_req *r) { return r->route->api == API_V1; }

static const char *base_path(const struct http_req *r) { return is_v1(r) ? "/clients" : "/admin/clients"; }

static bool reply(struct http_req *r, int status, const struct client *c, enum client_view view, const struct client_extras *x)
{
    struct buf out = BUF(r->op.arena);
    client_write(&JW(&out), NULL, c, view, is_v1(r), x);
    return http_reply_json(r, status, buf_str(&out));
}

/* ---- reading ---- */

static bool write_rows(struct http_req *r, const struct client_row *rows, size_t n, struct str *ret, struct err *e)
{
    struct buf out = BUF(r->op.arena);
    struct jw w = JW(&out);
    jw_array(&w, NULL);
    for (size_t i = 0; i < n; i++) {
        struct client *c;
        TRY(client_from_row(r->op.arena, &rows[i], &c, e));
        client_write(&w, NULL, c, CLIENT_READ, is_v1(r), NULL);
    }
    jw_end(&w);
    *ret = buf_str(&out);
    return true;
}

bool admin_client_list(struct http_req *r, struct err *e)
{
    const struct provider *p = r->provider;
    struct arena *a = r->op.arena;
    struct page page;
    TRY(page_read(p->sealer, a, &clients, &r->query, is_v1(r), &page, e));

    struct str name = params_get(&r->query, STR("client_name")), owner = params_get(&r->query, STR("owner"));
    struct client_filter f = {
        .name = name.n > 0 ? name : STR_NONE,
        .owner = owner.n > 0 ? owner : STR_NONE,
        .after = page.after,
        .offset = page.offset,
        .limit = page.limit + 1, /* one more, to see whether there is a next page */
    };
    struct client_row *rows;
    size_t n;
    int64_t total = 0;
    struct str json, next = STR_NONE;
    TRY(store_client_list(p->store, &r->op, &f, &rows, &n, e));
    if (page_counts(&page)) TRY(store_client_count(p->store, &r->op, &f, &total, e));
    if (n > (size_t)page.limit) next = rows[--n - 1].id;
    TRY(write_rows(r, rows, n, &json, e));

    http_header_add(r, "Link", page_links(p->sealer, a, &clients, &page, str_of(base_path(r)), &r->query, next, total));
    if (page_counts(&page)) http_header_add(r, "X-Total-Count", arena_printf(a, "%lld", (long long)total));
    return http_reply_json(r, 200, json);
}

bool admin_client_get(struct http_req *r, struct err *e)
{
    const struct client *c;
    TRY(client_get(r->provider, &r->op, r->param[0], &c, e));
    /* v1 answered 401, and its published description says so. */
    ENSURE(c != NULL || !is_v1(r), e, UNAUTHORIZED,
           "The requested OAuth 2.0 client does not exist or you did not provide the necessary credentials");
    ENSURE(c != NULL, e, NO_ROW, "");
    return reply(r, 200, c, CLIENT_READ, NULL);
}

/* ---- creating and deleting ---- */

bool admin_client_create(struct http_req *r, struct err *e)
{
    json_t *body;
    struct client *c = client_new(r->op.arena);
    struct client_extras x = { 0 };
    TRY(api_body_json(r, &body, e));
    TRY(client_decode(c, &x, body, e));
    TRY(client_create(r->provider, &r->op, c, &x, is_v1(r), e));

    struct buf location = BUF(r->op.arena);
    buf_addf(&location, "%s/", base_path(r));
    url_encode_path(&location, c->id);
    http_header_add(r, "Location", buf_str(&location));
    return reply(r, 201, c, CLIENT_CREATED, &x);
}

bool admin_client_delete(struct http_req *r, struct err *e)
{
    bool found;
    TRY(client_delete(r->provider, &r->op, r->param[0], &found, e));
    ENSURE(found, e, NO_ROW, "");
    return http_reply_empty(r, 204);
}

/* ---- changing: each is an edit of the stored client ---- */

static bool change_client(struct http_req *r, struct client_change *change, enum client_view view, struct err *e)
{
    struct client *c;
    struct client_extras x;
    change->id = r->param[0];
    change->v1 = is_v1(r);
    TRY(client_update(r->provider, &r->op, change, &c, &x, e));
    return reply(r, 200, c, view, &x);
}

static bool update(struct http_req *r, bool (*edit)(struct client *, struct client_extras *, const void *, struct err *),
                   const void *arg, struct err *e)
{
    return change_client(r, &(struct client_change) { .edit = edit, .arg = arg }, CLIENT_READ, e);
}

/* Whoever sets a secret means that one and no earlier one. */
static void drop_rotated(struct client *c, const struct client_extras *x)
{
    if (x->client_secret.n > 0) c->rotated = (struct strs) { 0 };
}

struct replacement {
    const json_t *body;
    bool v1;
};

/* The path names the client; a client_id in the body counts for nothing. */
static bool replace(struct client *c, struct client_extras *x, const void *arg, struct err *e)
{
    const struct replacement *new = arg;
    struct str id = c->id;
    client_reset(c, new->v1);
    TRY(client_decode(c, x, new->body, e));
    c->id = id;
    drop_rotated(c, x);
    return true;
}

bool admin_client_replace(struct http_req *r, struct err *e)
{
    json_t *body;
    TRY(api_body_json(r, &body, e));
    const struct replacement new = { .body = body, .v1 = is_v1(r) };
    return change_client(r, &(struct client_change) { .edit = replace, .arg = &new, .whole = true }, CLIENT_CREATED, e);
}

static bool patch(struct client *c, struct client_extras *x, const void *arg, struct err *e)
{
    json_t *body;
    TRY(api_body_json(arg, &body, e));
    TRY(client_patch(c, x, body, e));
    drop_rotated(c, x);
    return true;
}

bool admin_client_patch(struct http_req *r, struct err *e) { return update(r, patch, r, e); }

/* The whole set of lifespans: those not named are unset. */
static bool lifespans(struct client *c, struct client_extras *x, const void *arg, struct err *e)
{
    (void)x;
    json_t *body;
    struct client *set = client_new(c->arena);
    TRY(api_body_json(arg, &body, e));
    TRY(client_decode_lifespans(set, body, e));
    for (size_t i = 0; i < LIFESPAN_MAX_; i++) c->lifespans[i] = set->lifespans[i];
    return true;
}

bool admin_client_lifespans(struct http_req *r, struct err *e) { return update(r, lifespans, r, e); }

static bool may_rotate(const struct client *c, struct err *e)
{
    struct str method = c->token_endpoint_auth_method;
    ENSUREF(str_eq(method, STR("client_secret_basic")) || str_eq(method, STR("client_secret_post")), e, BAD_REQUEST,
            "The client is configured to use the '%.*s' authentication method, which does not support client secret rotation.",
            STR_FMT(method));
    return true;
}

static bool rotate(struct client *c, struct client_extras *x, const void *arg, struct err *e)
{
    const struct str *secret = arg;
    TRY(may_rotate(c, e));
    struct strs rotated = { 0 };
    if (c->secret_hash.n > 0) strs_add(c->arena, &rotated, c->secret_hash);
    for (size_t i = 0; i < c->rotated.n && rotated.n < MOST_ROTATED; i++) strs_add(c->arena, &rotated, c->rotated.v[i]);
    c->rotated = rotated;
    x->client_secret = *secret;
    return true;
}

bool admin_client_rotate(struct http_req *r, struct err *e)
{
    struct str secret = client_secret_new(r->op.arena);
    return update(r, rotate, &secret, e);
}

static bool forget_rotated(struct client *c, struct client_extras *x, const void *arg, struct err *e)
{
    (void)x, (void)arg;
    TRY(may_rotate(c, e));
    c->rotated = (struct strs) { 0 };
    return true;
}

bool admin_client_forget_rotated(struct http_req *r, struct err *e) { return update(r, forget_rotated, NULL, e); }
