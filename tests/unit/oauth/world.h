/* A provider over a database in memory, for the tests of this folder that issue and check tokens. */
#ifndef TEST_WORLD_H
#define TEST_WORLD_H

#include "../base/unit.h"

#include "oauth/client.h"
#include "oauth/keysets.h"
#include "oauth/provider.h"

struct world {
    struct arena *arena;
    struct op op;
    struct err e;
    const struct config *config;
    struct provider_parts parts;
    struct provider *p;
};

/* ES256 keys, because they are made in no time; `more`: further settings as YAML. */
static const char world_base[] = "urls: { self: { issuer: 'https://op.example.test' } }\n"
                                 "secrets: { system: [a-secret-for-the-unit-tests] }\n"
                                 "keys: { algorithm: ES256 }\n";

static inline void world_fail(const struct world *w)
{
    print_error("%s: %s (%s:%d)\n", w->e.kind->id, w->e.hint != NULL ? w->e.hint : "", w->e.file, w->e.line);
    fail();
}
#define WORLD_TRY(w, call)          \
    do {                            \
        if (!(call)) world_fail(w); \
    } while (0)

static inline const struct config *world_config(struct arena *a, const char *more)
{
    const struct config_text texts[] = { { STR("base.yml"), str_of(world_base) }, { STR("more.yml"), str_of(more) } };
    struct config_report report = { 0 };
    const struct config *config;
    if (!config_load(a, &(struct config_sources) { .texts = texts, .texts_n = *more != '\0' ? 2 : 1 }, &config, &report)) {
        print_error("%.*s\n", STR_FMT(config_report_text(a, &report)));
        fail();
    }
    return config;
}

static inline void world_open(struct world *w, const char *more)
{
    struct arena *a = arena_new();
    *w = (struct world) { .arena = a, .op = { .arena = a, .now = clock_now(), .may_wait = true }, .e = ERR_INIT(a) };
    w->config = world_config(a, more);
    WORLD_TRY(w, store_open(&(struct store_options) { .dsn = STR("memory"), .readers = 2 }, &w->parts.store, &w->e));
    WORLD_TRY(w, store_migrate_up(w->parts.store, &w->op, NULL, NULL, &w->e));
    w->parts.keysets = keysets_new(w->parts.store);
    w->parts.clients = client_cache_new(16);
    w->parts.secrets = secret_cache_new(16);
    w->p = provider_new(w->config, &w->parts);
}

static inline void world_close(struct world *w)
{
    arena_free(w->arena); /* before what it holds references to */
    provider_unref(w->p);
    keysets_free(w->parts.keysets);
    client_cache_free(w->parts.clients);
    secret_cache_free(w->parts.secrets);
    store_close(w->parts.store);
    config_unref(w->config);
}

/* Another provider over the same store, as after a reload or on another node. */
static inline struct provider *world_provider(struct world *w, const char *more)
{
    const struct config *config = world_config(w->arena, more);
    struct provider *p = provider_new(config, &w->parts);
    config_unref(config);
    return p;
}

/* Makes a client from its metadata as JSON. */
static inline const struct client *world_client(struct world *w, const char *json)
{
    struct client *c = client_new(w->arena);
    struct client_extras x = { 0 };
    const struct client *made;
    json_t *body;
    WORLD_TRY(w, json_read(w->arena, str_of(json), &body, NULL, &w->e));
    WORLD_TRY(w, client_decode(c, &x, body, &w->e));
    WORLD_TRY(w, client_create(w->p, &w->op, c, &x, false, &w->e));
    WORLD_TRY(w, client_get(w->p, &w->op, c->id, &made, &w->e));
    assert_non_null(made);
    return made;
}

/* Time passes: the operation that follows is `by` later. */
static inline void world_later(struct world *w, usec_t by) { w->op.now += by; }

#endif
