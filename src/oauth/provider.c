/* The snapshot that requests run under. */
#include "oauth/provider.h"

#include "oauth/discovery.h"
#include "oauth/opened_keys.h"

struct provider *provider_new(const struct config *config, const struct provider_parts *parts)
{
    struct arena *arena = arena_new();
    struct provider *p = ARENA_NEW(arena, struct provider);
    const struct sealer_secrets secrets = { .system = config->secrets_system,
                                            .cookie = config->secrets_cookie,
                                            .pagination = config->secrets_pagination };
    *p = (struct provider) {
        .config = config_ref(config),
        .sealer = sealer_new(&secrets),
        .opened_keys = opened_keys_new(),
        .hydra = hydra_new(&secrets),
        .store = parts->store,
        .keysets = parts->keysets,
        .clients = parts->clients,
        .client_keys = parts->client_keys,
        .secrets = parts->secrets,
        .fetch = parts->fetch,
        .admits = parts->admits,
        .deliver = parts->deliver,
        .deliver_arg = parts->deliver_arg,
        .issuer = config->url.issuer,
        .public_url = config->url.public,
        .refs = 1,
        .arena = arena,
    };
    p->discovery = discovery_prepare(p);
    return p;
}

struct provider *provider_ref(struct provider *p)
{
    __atomic_add_fetch(&p->refs, 1, __ATOMIC_RELAXED);
    return p;
}

void provider_unref(struct provider *p)
{
    if (p == NULL || __atomic_sub_fetch(&p->refs, 1, __ATOMIC_ACQ_REL) > 0) return;
    sealer_free(p->sealer);
    opened_keys_free(p->opened_keys);
    hydra_free(p->hydra);
    config_unref(p->config);
    arena_free(p->arena);
}
