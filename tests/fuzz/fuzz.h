/* What fuzz targets share: the entry, and a provider over an empty store in memory. */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stdlib.h>

#include "oauth/provider.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct str fuzz_secret[] = { { "a-secret-for-fuzzing", 20 } };

/* Opens the store and the seals; `p` has its configuration. */
static inline void fuzz_provider_open(struct provider *p)
{
    ARENA_AUTO a = arena_new();
    struct op op = { .arena = a, .now = clock_now(), .may_wait = true };
    struct err e = ERR_INIT(a);
    if (!store_open(&(struct store_options) { .dsn = STR("memory"), .readers = 1 }, &p->store, &e)) abort();
    if (!store_migrate_up(p->store, &op, NULL, NULL, &e)) abort();
    p->sealer = sealer_new(&(struct sealer_secrets) { .system = { fuzz_secret, 1 } });
    p->hydra = hydra_new(&(struct sealer_secrets) { .system = { fuzz_secret, 1 } });
}

#endif
