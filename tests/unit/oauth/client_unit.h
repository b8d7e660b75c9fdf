/* A provider for tests of clients: a store in memory, cheap hashes, and a fetch that answers from a variable. */
#ifndef TEST_CLIENT_UNIT_H
#define TEST_CLIENT_UNIT_H

#include "../base/unit.h"

#include "oauth/client.h"

struct world {
    struct op op;
    struct err e;
    struct config config;
    struct provider p;
    struct str supported[2];
    struct str scopes[3];
};

static struct fetch_answer fetched; /* what the stub answers; status 0: it fails */
static unsigned fetches;

static inline bool fetch_stub(const struct provider *p, struct op *op, const struct fetch_request *q, struct fetch_answer *ret,
                              struct err *e)
{
    (void)p, (void)op;
    assert_true(q->max_bytes > 0 && q->max_bytes <= 5 << 20);
    fetches++;
    ENSURE(fetched.status != 0, e, SERVER_ERROR, "The address did not answer.");
    *ret = fetched;
    return true;
}

static inline void world_start(struct world *w)
{
    *w = (struct world) { .op = { .arena = arena_new(), .now = clock_now(), .may_wait = true } };
    w->e = ERR_INIT(w->op.arena);
    w->supported[0] = STR("public");
    w->supported[1] = STR("pairwise");
    w->scopes[0] = STR("offline_access"), w->scopes[1] = STR("offline"), w->scopes[2] = STR("openid");
    w->config = (struct config) {
        .dev = true,
        .oidc_subject_identifiers_supported_types = { w->supported, 1 },
        .oidc_dynamic_client_registration_default_scope = { w->scopes, 3 },
        .strategies_access_token = TOKEN_OPAQUE,
        .oauth2_hashers_algorithm = HASHER_PBKDF2,
        .oauth2_hashers_pbkdf2_iterations = 1,
    };
    static struct str secret[] = { { "a system secret of the tests", 28 } };
    w->p = (struct provider) {
        .config = &w->config,
        .sealer = sealer_new(&(struct sealer_secrets) { .system = { secret, 1 } }),
        .hydra = hydra_new(&(struct sealer_secrets) { .system = { secret, 1 } }),
        .clients = client_cache_new(16),
        .fetch = fetch_stub,
        .issuer = STR("http://127.0.0.1:4444"),
        .public_url = STR("http://127.0.0.1:4444/"),
    };
    fetched = (struct fetch_answer) { 0 };
    fetches = 0;
}

static inline void world_store(struct world *w)
{
    struct store_options o = { .dsn = STR("memory"), .readers = 1 };
    if (!store_open(&o, &w->p.store, &w->e)) fail_msg("%s", w->e.hint);
    if (!store_migrate_up(w->p.store, &w->op, NULL, NULL, &w->e)) fail_msg("%s", w->e.hint);
}

/* What a request ends with: everything it held is given back. */
static inline void world_next(struct world *w)
{
    arena_reset(w->op.arena);
    w->e = ERR_INIT(w->op.arena);
}

static inline void world_end(struct world *w)
{
    arena_free(w->op.arena);
    client_cache_free(w->p.clients);
    store_close(w->p.store);
    sealer_free(w->p.sealer);
    hydra_free(w->p.hydra);
}

static inline json_t *json_of(struct arena *a, const char *text)
{
    struct err e = ERR_INIT(a);
    json_t *json;
    if (!json_read(a, str_of(text), &json, NULL, &e)) fail_msg("%s: %s", text, e.hint);
    return json;
}

static inline struct client *client_of(struct world *w, const char *text)
{
    struct client *c = client_new(w->op.arena);
    struct client_extras x = { 0 };
    if (!client_decode(c, &x, json_of(w->op.arena, text), &w->e)) fail_msg("%s: %s", text, w->e.hint);
    return c;
}

static inline json_t *shown(struct world *w, const struct client *c, enum client_view view, bool v1)
{
    struct buf out = BUF(w->op.arena);
    client_write(&JW(&out), NULL, c, view, v1, NULL);
    return json_of(w->op.arena, buf_str(&out).p);
}

/* The failure is of this kind and its hint holds this text. */
#define assert_failed(w, KIND, part) assert_failed_at((w), &err_##KIND, (part), __FILE__, __LINE__)
static inline void assert_failed_at(struct world *w, const struct err_kind *kind, const char *part, const char *file, int line)
{
    const char *hint = w->e.hint != NULL ? w->e.hint : "";
    if (w->e.kind == kind && strstr(hint, part) != NULL) return;
    print_error("got  %s \"%s\"\nwant %s \"%s\"\n", w->e.kind != NULL ? w->e.kind->id : "success", hint, kind->id, part);
    _fail(file, line);
}

#endif
