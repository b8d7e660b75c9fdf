/* Clients in decoded form, kept while their rows' versions stand. A set-associative cache: an id belongs to one small set, which
 * has its own lock and forgets the entry not used for longest. A look-up is a hash, an uncontended lock and a few compares.
 *
 * Nothing here decides that an entry is current: callers bring the version that the store has now. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"

enum { WAYS = 8, LARGEST = 64 * 1024 /* bytes: a larger client is decoded each time */ };

struct set {
    _Alignas(64) pthread_mutex_t lock;
    uint32_t hashes[WAYS];
    uint32_t used[WAYS]; /* the set's tick when it was used last */
    uint32_t tick;
    struct client *clients[WAYS];
};

struct client_cache {
    size_t mask;
    struct set *sets;
};

static struct client *ref(struct client *c)
{
    __atomic_fetch_add(&c->refs, 1, __ATOMIC_RELAXED);
    return c;
}

static void unref(void *client)
{
    struct client *c = client;
    if (c != NULL && __atomic_sub_fetch(&c->refs, 1, __ATOMIC_ACQ_REL) == 0) arena_free(c->arena);
}

struct client_cache *client_cache_new(size_t capacity)
{
    size_t sets = 1;
    while (sets * WAYS < capacity) sets *= 2;
    struct client_cache *cache = calloc(1, sizeof(*cache));
    struct set *memory = aligned_alloc(_Alignof(struct set), sets * sizeof(struct set));
    if (cache == NULL || memory == NULL) abort();
    memset(memory, 0, sets * sizeof(struct set));
    for (size_t i = 0; i < sets; i++) pthread_mutex_init(&memory[i].lock, NULL);
    *cache = (struct client_cache) { .mask = sets - 1, .sets = memory };
    return cache;
}

void client_cache_free(struct client_cache *cache)
{
    if (cache == NULL) return;
    for (size_t i = 0; i <= cache->mask; i++) {
        for (size_t way = 0; way < WAYS; way++) unref(cache->sets[i].clients[way]);
        pthread_mutex_destroy(&cache->sets[i].lock);
    }
    free(cache->sets);
    free(cache);
}

/* FNV-1a. Not keyed: only ids of existing clients ever enter, and a crowded set costs a decode, nothing more. */
static uint32_t hash_of(struct str id)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < id.n; i++) hash = (hash ^ (unsigned char)id.p[i]) * 16777619u;
    return hash ^ hash >> 15;
}

/* The way that holds the id, or WAYS. */
static size_t way_of(const struct set *set, uint32_t hash, struct str id)
{
    for (size_t way = 0; way < WAYS; way++)
        if (set->clients[way] != NULL && set->hashes[way] == hash && str_eq(set->clients[way]->id, id)) return way;
    return WAYS;
}

static struct client *find(struct client_cache *cache, struct str id, int64_t version)
{
    uint32_t hash = hash_of(id);
    struct set *set = &cache->sets[hash & cache->mask];
    struct client *found = NULL;
    pthread_mutex_lock(&set->lock);
    size_t way = way_of(set, hash, id);
    if (way < WAYS && set->clients[way]->version == version) {
        found = ref(set->clients[way]);
        set->used[way] = ++set->tick;
    }
    pthread_mutex_unlock(&set->lock);
    return found;
}

/* A free way, else the one used longest ago. */
static size_t victim_of(const struct set *set)
{
    size_t oldest = 0;
    for (size_t way = 0; way < WAYS; way++) {
        if (set->clients[way] == NULL) return way;
        if (set->tick - set->used[way] > set->tick - set->used[oldest]) oldest = way;
    }
    return oldest;
}

static void keep(struct client_cache *cache, struct client *c)
{
    if (arena_size(c->arena) > LARGEST) return;
    uint32_t hash = hash_of(c->id);
    struct set *set = &cache->sets[hash & cache->mask];
    pthread_mutex_lock(&set->lock);
    size_t way = way_of(set, hash, c->id);
    if (way == WAYS) way = victim_of(set);
    struct client *old = set->clients[way];
    set->clients[way] = ref(c);
    set->hashes[way] = hash;
    set->used[way] = ++set->tick;
    pthread_mutex_unlock(&set->lock);
    unref(old);
}

static bool load(const struct provider *p, struct op *op, struct str id, const struct client **ret, struct err *e)
{
    struct client_row *row;
    TRY(store_client_get(p->store, op, id, &row, e));
    *ret = NULL;
    if (row == NULL) return true;

    struct arena *a = arena_new();
    struct client *c;
    if (!client_from_row(a, row, &c, e)) {
        arena_free(a);
        return false;
    }
    c->refs = 1;
    arena_defer(op->arena, unref, c);
    keep(p->clients, c);
    *ret = c;
    return true;
}

bool client_get_version(const struct provider *p, struct op *op, struct str id, int64_t version, const struct client **ret,
                        struct err *e)
{
    *ret = NULL;
    if (version == 0) return true;
    struct client *c = find(p->clients, id, version);
    if (c == NULL) return load(p, op, id, ret, e);
    arena_defer(op->arena, unref, c);
    *ret = c;
    return true;
}

bool client_get(const struct provider *p, struct op *op, struct str id, const struct client **ret, struct err *e)
{
    *ret = NULL;
    if (id.n == 0 || id.n > STORE_ID_MAX || str_has(id, '\0')) return true; /* no client has such an id */
    struct client_state state;
    TRY(store_client_state(p->store, op, id, STR_NONE, &state, e));
    return client_get_version(p, op, id, state.version, ret, e);
}
