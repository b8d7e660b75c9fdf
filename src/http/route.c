/* Paths without parameters are found by hash; the few that have some are compared segment by segment, in the table's order. */
#include "route.h"

#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 256, DEEPEST = 12 };

/* One path and the rows that serve it. */
struct place {
    struct place *next; /* in its bucket, or among those with parameters */
    struct str path;
    enum api api;
    unsigned allow;
    size_t segments;    /* counted for paths with parameters */
    uint16_t row_of[8]; /* per method bit; UINT16_MAX: none */
};

struct router {
    const struct route *rows;
    bool current_only, admin;
    struct arena *arena;
    struct place *buckets[BUCKETS];
    struct place *with_params, **with_params_end;
};

static unsigned hash(struct str s)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < s.n; i++) h = (h ^ (unsigned char)s.p[i]) * 16777619u;
    return (h ^ h >> 15) % BUCKETS;
}

static unsigned method_bit(enum http_method m) { return (unsigned)__builtin_ctz((unsigned)m); }

static size_t count_segments(struct str path)
{
    size_t n = 0;
    for (size_t i = 0; i < path.n; i++) n += path.p[i] == '/';
    return n;
}

static bool in_admin_area(struct str path) { return str_starts(path, STR("/admin/")); }

/* ---- preparing ---- */

static struct place *add_place(struct router *r, const struct route *row)
{
    struct str path = str_of(row->path);
    bool params = str_has(path, '{');
    struct place **list = params ? &r->with_params : &r->buckets[hash(path)];
    for (struct place *p = *list; p != NULL; p = p->next)
        if (p->api == row->api && str_eq(p->path, path)) return p;

    struct place *p = ARENA_NEW(r->arena, struct place);
    *p = (struct place) { .path = path, .api = row->api, .segments = count_segments(path) };
    memset(p->row_of, 0xff, sizeof(p->row_of));
    if (params) {
        *r->with_params_end = p;
        r->with_params_end = &p->next;
    } else {
        p->next = *list;
        *list = p;
    }
    return p;
}

static void add_row(struct router *r, size_t at)
{
    const struct route *row = &r->rows[at];
    struct place *p = add_place(r, row);
    unsigned methods = row->methods;
    /* The old generation answers HEAD with 405, so do its clients expect. */
    if (methods & HTTP_GET && row->api == API_CURRENT) methods |= HTTP_HEAD;
    for (unsigned bit = 0; bit < 8; bit++)
        if (methods >> bit & 1 && p->row_of[bit] == UINT16_MAX) p->row_of[bit] = (uint16_t)at;
    p->allow |= methods;
}

struct router *router_new(const struct route *rows, size_t n, enum http_listener listener, bool current_only)
{
    struct arena *a = arena_new();
    struct router *r = ARENA_NEW(a, struct router);
    *r = (struct router) { .rows = rows, .current_only = current_only, .admin = listener == LISTEN_ADMIN, .arena = a };
    r->with_params_end = &r->with_params;
    for (size_t i = 0; i < n && i < ROUTES_MAX; i++) {
        if (!(rows[i].listeners & listener)) continue;
        if (current_only && rows[i].api == API_V1) continue;
        add_row(r, i);
    }
    return r;
}

void router_free(struct router *r)
{
    if (r != NULL) arena_free(r->arena);
}

/* ---- finding ---- */

/* Compares a pattern with a path; the parameters stay undecoded in `ret`. */
static bool matches(struct str pattern, struct str path, struct str ret[HTTP_PARAMS_MAX])
{
    size_t params = 0;
    while (pattern.p != NULL && path.p != NULL) {
        struct str want = str_cut(&pattern, '/'), have = str_cut(&path, '/');
        bool param = want.n > 0 && want.p[0] == '{';
        if (!param && !str_eq(want, have)) return false;
        if (!param) continue;
        if (have.n == 0 || params == HTTP_PARAMS_MAX) return false;
        ret[params++] = have;
    }
    return pattern.p == NULL && path.p == NULL;
}

/* A NUL in an identifier cannot name anything. */
static bool decode_params(struct arena *a, struct str param[HTTP_PARAMS_MAX])
{
    for (size_t i = 0; i < HTTP_PARAMS_MAX; i++)
        if (param[i].p != NULL && (!url_decode(a, param[i], false, &param[i]) || str_has(param[i], '\0'))) return false;
    return true;
}

/* The first place of `wanted`'s generation for this path. */
static const struct place *find_place(const struct router *r, struct str path, enum api wanted, struct str param[HTTP_PARAMS_MAX])
{
    for (const struct place *p = r->buckets[hash(path)]; p != NULL; p = p->next)
        if (p->api == wanted && str_eq(p->path, path)) return p;
    size_t segments = count_segments(path);
    if (segments > DEEPEST) return NULL;
    for (const struct place *p = r->with_params; p != NULL; p = p->next)
        if (p->api == wanted && p->segments == segments && matches(p->path, path, param)) return p;
    return NULL;
}

static bool take(const struct router *r, const struct place *p, enum http_method method, struct route_match *ret)
{
    if (p == NULL) return false;
    uint16_t row = method == 0 ? UINT16_MAX : p->row_of[method_bit(method)];
    ret->outcome = row == UINT16_MAX ? ROUTE_NO_METHOD : ROUTE_FOUND;
    ret->allow = p->allow;
    ret->api = p->api;
    ret->row = row == UINT16_MAX ? &r->rows[p->row_of[__builtin_ctz(p->allow)]] : &r->rows[row];
    return true;
}

static bool find_current(const struct router *r, struct arena *a, struct str path, enum http_method method,
                         struct route_match *ret)
{
    path = path_without_slash(path);
    struct str param[HTTP_PARAMS_MAX] = { STR_NONE, STR_NONE };
    const struct place *p = find_place(r, path, API_CURRENT, param);
    if (p == NULL && r->current_only && r->admin && !str_starts(path, STR("/admin")))
        p = find_place(r, ARENA_CAT(a, STR("/admin"), path), API_CURRENT, param);
    if (p == NULL) return false;
    memcpy(ret->param, param, sizeof(param));
    return decode_params(a, ret->param) && take(r, p, method, ret);
}

/* Doubled slashes and dot segments resolved (RFC 3986 5.2.4); a slash at the end stays. */
static struct str clean(struct arena *a, struct str path)
{
    struct strs kept = { 0 };
    struct str rest = path;
    while (rest.p != NULL) {
        const struct str segment = str_cut(&rest, '/');
        const bool up = str_eq(segment, STR("..")), named = segment.n > 0 && !str_eq(segment, STR("."));
        if (up && kept.n > 0) kept.n--;
        if (!up && named) strs_add(a, &kept, segment);
    }
    return ARENA_CAT(a, STR("/"), strs_join(a, kept, "/"), str_ends(path, STR("/")) && kept.n > 0 ? STR("/") : STR(""));
}

/* The old generation decodes the path before it is cut into segments: "/keys/a%2Fb" names key b of set a. */
static bool find_old(const struct router *r, struct arena *a, struct str path, enum http_method method, struct route_match *ret)
{
    const struct str sent = path;
    if (str_has(path, '%') && !url_decode(a, path, false, &path)) return false;
    if (str_has(path, '\0')) return false;
    struct str bare = path_without_slash(path);
    const struct place *p = find_place(r, bare, API_V1, ret->param);
    if (!take(r, p, method, ret)) return false;
    if (bare.n == path.n) return true;
    ret->outcome = ROUTE_MOVED;
    ret->moved = path_without_slash(sent);
    return true;
}

/* What comes from putting a base URL that ends in '/' before a path is sent to where it was meant for: never anywhere else, so
 * that no path can be made that browsers take for another host's. Today's admin API has always said 404 to such. */
static bool find_cleaned(const struct router *r, struct arena *a, struct str path, enum http_method method,
                         struct route_match *ret)
{
    const struct str bare = path_without_slash(path), cleaned = clean(a, bare);
    const bool old = r->admin && !r->current_only;
    if (str_eq(cleaned, bare) || (r->admin && (!old || in_admin_area(path) || in_admin_area(cleaned)))) return false;
    const bool found = find_current(r, a, cleaned, method, ret) || (old && find_old(r, a, cleaned, method, ret));
    if (!found || ret->outcome != ROUTE_FOUND) return false;
    *ret = (struct route_match) { .outcome = ROUTE_MOVED, .api = old ? API_V1 : API_CURRENT, .moved = cleaned };
    return true;
}

struct str path_without_slash(struct str path)
{
    return path.n > 1 && path.p[path.n - 1] == '/' ? str_upto(path, path.n - 1) : path;
}

void router_find(const struct router *r, struct arena *a, struct str path, enum http_method method, struct route_match *ret)
{
    bool old = r->admin && !r->current_only && !in_admin_area(path);
    *ret = (struct route_match) { .outcome = ROUTE_NO_PATH, .api = old ? API_V1 : API_CURRENT };
    if (find_current(r, a, path, method, ret)) return;
    if (old && find_old(r, a, path, method, ret)) return;
    if (find_cleaned(r, a, path, method, ret)) return;
    *ret = (struct route_match) { .outcome = ROUTE_NO_PATH, .api = old ? API_V1 : API_CURRENT };
}
