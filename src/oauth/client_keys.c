/* A bounded table of parsed key sets. One lock guards the table; sets are immutable and counted, and fetching happens outside the
 * lock, by one thread for each address while others wait for it. */
#include "oauth/client_keys.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/cond.h"

enum { SLOTS = 256, KEYS_TOTAL = 4096, DOCUMENT_MAX = 256 * 1024 };
#define KEPT_FOR    (3600 * USEC_PER_SEC)
#define FETCH_PAUSE (10 * USEC_PER_SEC)
#define FETCH_TIME  (5 * USEC_PER_SEC)
#define PATIENCE    (2 * USEC_PER_SEC)

struct keys {
    int refs;
    struct arena *arena;
    struct jwks set;
};

struct slot {
    char *name; /* NULL: free. "uri <address>", or "client <version> <id>" */
    size_t name_n;
    uint32_t hash;
    struct keys *keys; /* NULL: the last fetch failed */
    char why[120];     /* then: how */
    usec_t fetched_at, next_fetch;
    usec_t began;     /* monotonic: the fetch under way */
    unsigned fetches; /* that ended, well or not */
    bool fetching;
    unsigned pins; /* threads that look at the slot outside the lock */
    uint64_t used;
};

struct client_keys {
    pthread_mutex_t lock;
    pthread_cond_t fetched;
    uint64_t tick;
    size_t total; /* keys in all slots */
    struct slot slots[SLOTS];
};

struct client_keys *client_keys_new(void)
{
    struct client_keys *k = calloc(1, sizeof(*k));
    if (k == NULL) abort();
    pthread_mutex_init(&k->lock, NULL);
    cond_init(&k->fetched);
    return k;
}

static void keys_unref(void *object)
{
    struct keys *keys = object;
    if (keys != NULL && __atomic_sub_fetch(&keys->refs, 1, __ATOMIC_ACQ_REL) == 0) arena_free(keys->arena);
}

static struct keys *keys_parse(struct str document, struct err *e)
{
    struct arena *a = arena_new();
    struct keys *keys = ARENA_NEW(a, struct keys);
    json_t *json;
    keys->refs = 1;
    keys->arena = a;
    if (json_read(a, document, &json, NULL, e) && jwks_parse(a, json, true, &keys->set, e)) return keys;
    arena_free(a);
    return NULL;
}

/* ---- the table, under its lock ---- */

static size_t keys_in(const struct slot *s) { return s->keys != NULL ? s->keys->set.n : 0; }

static void slot_set(struct client_keys *k, struct slot *s, struct keys *keys)
{
    k->total -= keys_in(s);
    keys_unref(s->keys);
    s->keys = keys;
    k->total += keys_in(s);
}

static void slot_clear(struct client_keys *k, struct slot *s)
{
    slot_set(k, s, NULL);
    free(s->name);
    *s = (struct slot) { 0 };
}

static bool slot_idle(const struct slot *s) { return s->name != NULL && !s->fetching && s->pins == 0; }

/* The one used longest ago; NULL when all are in use. */
static struct slot *oldest(struct client_keys *k)
{
    struct slot *best = NULL;
    for (size_t i = 0; i < SLOTS; i++) {
        struct slot *s = &k->slots[i];
        if (slot_idle(s) && (best == NULL || s->used < best->used)) best = s;
    }
    return best;
}

static uint32_t hash_of(struct str name)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < name.n; i++) hash = (hash ^ (unsigned char)name.p[i]) * 16777619u;
    return hash;
}

static struct slot *find(struct client_keys *k, struct str name)
{
    const uint32_t hash = hash_of(name);
    for (size_t i = 0; i < SLOTS; i++) {
        struct slot *s = &k->slots[i];
        if (s->name != NULL && s->hash == hash && str_eq((struct str) { s->name, s->name_n }, name)) return s;
    }
    return NULL;
}

static struct slot *take_free(struct client_keys *k)
{
    for (size_t i = 0; i < SLOTS; i++) {
        if (k->slots[i].name == NULL) return &k->slots[i];
    }
    struct slot *s = oldest(k);
    if (s != NULL) slot_clear(k, s);
    return s;
}

/* NULL when there is no room. */
static struct slot *find_or_add(struct client_keys *k, struct str name)
{
    struct slot *s = find(k, name);
    if (s == NULL) {
        s = take_free(k);
        if (s == NULL) return NULL;
        s->name = malloc(name.n + 1);
        if (s->name == NULL) abort();
        memcpy(s->name, name.p, name.n);
        s->name_n = name.n;
        s->hash = hash_of(name);
    }
    s->used = ++k->tick;
    return s;
}

static struct keys *slot_share(struct client_keys *k, struct slot *s)
{
    if (s == NULL || s->keys == NULL) return NULL;
    __atomic_add_fetch(&s->keys->refs, 1, __ATOMIC_RELAXED);
    s->used = ++k->tick;
    return s->keys;
}

static void make_room(struct client_keys *k, const struct slot *keep)
{
    while (k->total > KEYS_TOTAL) {
        struct slot *s = oldest(k);
        if (s == NULL || s == keep) return;
        slot_clear(k, s);
    }
}

void client_keys_free(struct client_keys *k)
{
    if (k == NULL) return;
    for (size_t i = 0; i < SLOTS; i++) slot_clear(k, &k->slots[i]);
    pthread_mutex_destroy(&k->lock);
    pthread_cond_destroy(&k->fetched);
    free(k);
}

/* ---- remote sets ---- */

static struct keys *fetch_keys(const struct provider *p, struct op *op, struct str uri, struct err *e)
{
    struct fetch_answer got;
    const struct fetch_request q = { .url = uri, .max_bytes = DOCUMENT_MAX, .timeout = FETCH_TIME, .attempts = 1 };
    if (!p->fetch(p, op, &q, &got, e)) return NULL;
    if (got.status == 200) return keys_parse(got.body, e);
    err_setf(e, &err_SERVER_ERROR, __FILE__, __LINE__, "jwks_uri answered with status %d.", got.status);
    return NULL;
}

static bool is_fresh(const struct slot *s, usec_t now)
{
    return s->fetches > 0 && s->keys != NULL && now - s->fetched_at < KEPT_FOR;
}

/* With the lock. The first fetch does not count against the pause, so that a new key is found at once, too. A failure does not
 * take away keys that are fresh. */
static void settle(struct client_keys *k, struct slot *s, struct keys *keys, usec_t now, const char *why)
{
    if (s->fetches++ > 0) s->next_fetch = now + FETCH_PAUSE;
    snprintf(s->why, sizeof(s->why), "%s", keys != NULL || why == NULL ? "" : why);
    if (keys != NULL || !is_fresh(s, now)) {
        slot_set(k, s, keys);
        s->fetched_at = now;
    }
    make_room(k, s);
}

/* Called with the lock held, which is released meanwhile. False: this server had no room for the fetch, so nothing is known. */
static bool fetch_into(const struct provider *p, struct op *op, struct slot *s, struct str uri)
{
    struct client_keys *k = p->client_keys;
    struct err why = ERR_INIT(op->arena);
    s->fetching = true;
    s->began = clock_monotonic();
    pthread_mutex_unlock(&k->lock);
    struct keys *keys = fetch_keys(p, op, uri, &why);
    pthread_mutex_lock(&k->lock);
    const bool tried = keys != NULL || !err_is(&why, &err_BUSY);
    s->fetching = false;
    if (tried) settle(k, s, keys, op->now, why.hint);
    pthread_cond_broadcast(&k->fetched);
    return tried;
}

/* Threads that wait here serve nobody else, and a client's server may be as slow as it likes: a good one has answered by then. */
static void wait_for_fetch(struct client_keys *k, const struct slot *s)
{
    const usec_t until = s->began + PATIENCE;
    while (s->fetching && cond_wait_until(&k->fetched, &k->lock, until)) continue;
}

/* ---- what a client has ---- */

enum want { AT_HAND, CURRENT, NEWER };

struct looked {
    struct keys *keys; /* NULL: there are none, and `why` says why */
    const char *why;
    bool busy; /* there may be others by now: the fetch that would tell is not done */
};

/* With the lock. False when a fetch that is wanted was not done. */
static bool bring_up_to_date(const struct provider *p, struct op *op, struct slot *s, struct str uri, enum want want)
{
    const unsigned before = s->fetches;
    wait_for_fetch(p->client_keys, s);
    if (s->fetching) return false;
    const bool due = want == NEWER ? s->fetches == before : !is_fresh(s, op->now);
    return !due || op->now < s->next_fetch || fetch_into(p, op, s, uri);
}

/* Keys of this moment for the arena's life. AT_HAND: only what needs no waiting; CURRENT: fetched within the hour; NEWER: fetched
 * again if that is allowed by now. */
static struct looked remote_keys(const struct provider *p, struct op *op, struct str uri, enum want want)
{
    struct client_keys *k = p->client_keys;
    const struct str name = ARENA_CAT(op->arena, STR("uri "), uri);
    struct looked found = { .why = "" };
    pthread_mutex_lock(&k->lock);
    struct slot *s = want == AT_HAND ? find(k, name) : find_or_add(k, name);
    if (want != AT_HAND && s == NULL) found.busy = true;
    if (want != AT_HAND && s != NULL) {
        s->pins++;
        found.busy = !bring_up_to_date(p, op, s, uri, want);
        s->pins--;
    }
    if (s != NULL) found.why = arena_dupz(op->arena, str_of(s->why));
    if (s != NULL && is_fresh(s, op->now)) found.keys = slot_share(k, s);
    pthread_mutex_unlock(&k->lock);
    if (found.keys != NULL) arena_defer(op->arena, keys_unref, found.keys);
    return found;
}

/* The client's own document, which was checked when it was stored. */
static struct keys *own_keys(const struct provider *p, struct op *op, const struct client *c)
{
    struct client_keys *k = p->client_keys;
    const struct str name = ARENA_CAT(op->arena, arena_printf(op->arena, "client %lld ", (long long)c->version), c->id);
    struct err ignored = ERR_INIT(op->arena);
    pthread_mutex_lock(&k->lock);
    struct keys *keys = slot_share(k, find(k, name));
    pthread_mutex_unlock(&k->lock);
    if (keys == NULL) {
        keys = keys_parse(json_text(op->arena, c->jwks, false), &ignored);
        pthread_mutex_lock(&k->lock);
        struct slot *s = keys != NULL ? find_or_add(k, name) : NULL;
        if (s != NULL && s->keys == NULL) {
            slot_set(k, s, keys);
            slot_share(k, s);
            make_room(k, s);
        }
        pthread_mutex_unlock(&k->lock);
    }
    if (keys != NULL) arena_defer(op->arena, keys_unref, keys);
    return keys;
}

/* ---- verifying ---- */

/* Is there a key that the token could be verified with? */
static bool has_key(const struct jwks *set, const struct jws *jws, const struct alg *alg)
{
    for (size_t i = 0; i < set->n; i++) {
        const struct jwk *key = set->v[i];
        const bool named = jws->kid.n == 0 || str_eq(jws->kid, key->kid);
        const bool signs = key->use.n == 0 || str_eq(key->use, STR("sig"));
        if (named && signs && key->pkey != NULL && alg_fits(alg, key)) return true;
    }
    return false;
}

static enum client_signature verify(const struct keys *keys, const struct jws *jws, const struct alg *alg)
{
    const struct jwk *key;
    if (keys == NULL) return SIGNATURE_NO_KEYS;
    if (!has_key(&keys->set, jws, alg)) return SIGNATURE_NO_KEY;
    return jws_verify_set(jws, &keys->set, alg, &key) ? SIGNATURE_RIGHT : SIGNATURE_WRONG;
}

static bool had_key(enum client_signature s) { return s == SIGNATURE_RIGHT || s == SIGNATURE_WRONG; }

bool client_keys_verify(const struct provider *p, struct op *op, const struct client *c, const struct jws *jws,
                        const struct alg *alg, enum client_signature *ret, const char **ret_why, struct err *e)
{
    *ret_why = "";
    if (c->jwks_uri.n == 0) {
        const struct keys *own = c->jwks != NULL ? own_keys(p, op, c) : NULL;
        *ret = own != NULL ? verify(own, jws, alg) : SIGNATURE_NO_KEY;
        return true;
    }
    *ret = verify(remote_keys(p, op, c->jwks_uri, AT_HAND).keys, jws, alg);
    if (had_key(*ret)) return true;
    OP_MUST_WAIT(op, e);
    const struct looked found = remote_keys(p, op, c->jwks_uri, *ret == SIGNATURE_NO_KEY ? NEWER : CURRENT);
    *ret = verify(found.keys, jws, alg);
    *ret_why = found.why;
    ENSURE(!found.busy || had_key(*ret), e, BUSY,
           "The JSON Web Key Set at the OAuth 2.0 Client's jwks_uri is still being fetched.");
    return true;
}
