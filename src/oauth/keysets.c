/* Key sets over the store. The sets that the server uses itself are parsed once into a snapshot; one number of the store, looked
 * at once a second, says whether the snapshot still holds. Nothing here knows what is signed. */
#include "oauth/keysets.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/rand.h"
#include "oauth/opened_keys.h"

enum { KEYS_MAX = 100 };
#define LOOK_EVERY  USEC_PER_SEC
/* Nodes that share a database see a new key within LOOK_EVERY: it signs when all of them publish it. A node with a database of
 * its own publishes and signs from the same moment. */
#define SIGNS_AFTER (2 * LOOK_EVERY)

struct signer {
    struct jwk key; /* a shallow copy, with the published kid */
    usec_t from;
};

struct entry {
    struct keyset set;
    struct signer *signers; /* newest first */
    size_t signers_n;
};

/* Immutable but for the counters. */
struct snapshot {
    int refs;
    int64_t version;
    usec_t looked_at; /* monotonic; 0: look again */
    struct strs names;
    struct entry *entries; /* one per name */
    struct str published;
    struct arena *arena;
};

struct keysets {
    struct store *store;
    pthread_mutex_t lock;   /* `current` and its counters, `changes` */
    pthread_mutex_t making; /* one thread at a time makes keys */
    struct snapshot *current;
    unsigned changes; /* that this process has made */
};

struct keysets *keysets_new(struct store *store)
{
    struct keysets *k = calloc(1, sizeof(*k));
    if (k == NULL) abort();
    k->store = store;
    pthread_mutex_init(&k->lock, NULL);
    pthread_mutex_init(&k->making, NULL);
    return k;
}

static void snapshot_unref(void *object)
{
    struct snapshot *s = object;
    if (s != NULL && __atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL) == 0) arena_free(s->arena);
}

void keysets_free(struct keysets *k)
{
    if (k == NULL) return;
    snapshot_unref(k->current);
    pthread_mutex_destroy(&k->lock);
    pthread_mutex_destroy(&k->making);
    free(k);
}

/* ---- reading rows ---- */

static void unref_key(void *key) { jwk_unref(key); }

static bool open_key(const struct provider *p, struct arena *a, const struct key_row *row, struct jwk **ret, struct err *e)
{
    struct str text;
    json_t *json;
    if (!unseal_text(p->sealer, a, SEAL_STORED_KEY, row->set, row->sealed, &text)) {
        FAILF(e, MISCONFIGURATION,
              "A key of the set %.*s cannot be opened: secrets.system must still list the secret that it was "
              "sealed with.",
              STR_FMT(row->set));
    }
    if (!json_read(a, text, &json, NULL, e) || !jwk_parse(json, ret, e)) {
        FAILF(e, MISCONFIGURATION, "A stored key of the set %.*s is damaged; delete it.", STR_FMT(row->set));
    }
    arena_defer(a, unref_key, *ret);
    return true;
}

/* Everything of the set goes to `a`. */
static bool read_set(const struct provider *p, struct op *op, struct arena *a, struct str name, struct keyset *ret, struct err *e)
{
    struct key_row *rows;
    int64_t version;
    size_t n;
    TRY(store_keys_get(p->store, op, name, &rows, &n, &version, e));
    struct jwk **keys = ARENA_ARRAY(a, struct jwk *, n + 1);
    usec_t *signs_from = ARENA_ARRAY(a, usec_t, n + 1);
    for (size_t i = 0; i < n; i++) {
        TRY(open_key(p, a, &rows[i], &keys[i], e));
        signs_from[i] = rows[i].signs_from;
    }
    *ret = (struct keyset) { .name = arena_dup(a, name), .keys = { .v = keys, .n = n }, .signs_from = signs_from };
    return true;
}

/* ---- the snapshot ---- */

static bool can_sign(const struct jwk *k)
{
    return k->is_private && k->pkey != NULL && alg_of(k) != NULL && (k->use.n == 0 || str_eq(k->use, STR("sig")));
}

/* v1.10 kept both halves as keys of their own, `private:x` and `public:x`, and published and named only the second. */
static struct str published_kid(struct arena *a, const struct jwks *keys, const struct jwk *k)
{
    if (!str_starts(k->kid, STR("private:"))) return k->kid;
    const struct str twin = ARENA_CAT(a, STR("public:"), str_from(k->kid, strlen("private:")));
    for (size_t i = 0; i < keys->n; i++) {
        if (str_eq(keys->v[i]->kid, twin)) return twin;
    }
    return k->kid;
}

static void find_signers(struct arena *a, struct entry *entry)
{
    const struct jwks *keys = &entry->set.keys;
    entry->signers = ARENA_ARRAY(a, struct signer, keys->n + 1);
    for (size_t i = 0; i < keys->n; i++) {
        if (!can_sign(keys->v[i])) continue;
        struct signer *s = &entry->signers[entry->signers_n++];
        *s = (struct signer) { .key = *keys->v[i], .from = entry->set.signs_from[i] };
        s->key.kid = published_kid(a, keys, keys->v[i]);
    }
}

static void publish_set(struct arena *a, struct jw *w, const struct jwks *keys)
{
    for (size_t i = 0; i < keys->n; i++) {
        const struct jwk *k = keys->v[i];
        if (!str_eq(published_kid(a, keys, k), k->kid)) continue;
        json_t *public = jwk_public_json(k);
        if (public != NULL) jw_value(w, NULL, public);
        json_decref(public);
    }
}

static struct str publish(struct arena *a, const struct snapshot *s)
{
    struct buf out = BUF(a);
    struct jw w = JW(&out);
    jw_object(&w, NULL);
    jw_array(&w, "keys");
    for (size_t i = 0; i < s->names.n; i++) publish_set(a, &w, &s->entries[i].set.keys);
    jw_end(&w);
    jw_end(&w);
    return buf_str(&out);
}

/* The sets that the server signs with. */
static const struct str own[] = { { KEYSET_ACCESS_TOKEN, sizeof(KEYSET_ACCESS_TOKEN) - 1 },
                                  { KEYSET_ID_TOKEN, sizeof(KEYSET_ID_TOKEN) - 1 } };

static bool is_own(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(own); i++) {
        if (str_eq(own[i], name)) return true;
    }
    return false;
}

/* The sets that the server publishes, in the order of the document. */
static struct strs wanted_names(const struct provider *p, struct arena *a)
{
    const struct strs broadcast = p->config->webfinger_jwks_broadcast_keys;
    struct strs names = { 0 };
    for (size_t i = 0; i < broadcast.n; i++) {
        if (!strs_has(names, broadcast.v[i])) strs_add(a, &names, broadcast.v[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(own); i++) {
        if (!strs_has(names, own[i])) strs_add(a, &names, own[i]);
    }
    return names;
}

static bool covers(const struct snapshot *s, struct strs names)
{
    if (s == NULL || s->names.n != names.n) return false;
    for (size_t i = 0; i < names.n; i++) {
        if (!str_eq(s->names.v[i], names.v[i])) return false;
    }
    return true;
}

static bool snapshot_build(const struct provider *p, struct op *op, struct strs names, int64_t version, struct snapshot **ret,
                           struct err *e)
{
    struct arena *a = arena_new();
    struct snapshot *s = ARENA_NEW(a, struct snapshot);
    *s = (struct snapshot) { .refs = 1, .version = version, .looked_at = clock_monotonic(), .arena = a };
    s->names = strs_dup(a, names);
    s->entries = ARENA_ARRAY(a, struct entry, names.n);
    for (size_t i = 0; i < names.n; i++) {
        if (!read_set(p, op, a, names.v[i], &s->entries[i].set, e)) {
            arena_free(a);
            return false;
        }
        find_signers(a, &s->entries[i]);
    }
    s->published = publish(a, s);
    *ret = s;
    return true;
}

static struct snapshot *current(struct keysets *k, usec_t *ret_looked_at)
{
    pthread_mutex_lock(&k->lock);
    struct snapshot *s = k->current;
    if (s != NULL) {
        __atomic_add_fetch(&s->refs, 1, __ATOMIC_RELAXED);
        *ret_looked_at = s->looked_at;
    }
    pthread_mutex_unlock(&k->lock);
    return s;
}

static unsigned changes_until_now(struct keysets *k)
{
    pthread_mutex_lock(&k->lock);
    const unsigned changes = k->changes;
    pthread_mutex_unlock(&k->lock);
    return changes;
}

/* Who began to read before a change may have read what was before it: then the next one looks again. */
static void replace_current(struct keysets *k, struct snapshot *s, unsigned changes)
{
    __atomic_add_fetch(&s->refs, 1, __ATOMIC_RELAXED);
    pthread_mutex_lock(&k->lock);
    struct snapshot *old = k->current;
    if (k->changes != changes) s->looked_at = 0;
    k->current = s;
    pthread_mutex_unlock(&k->lock);
    snapshot_unref(old);
}

static void note_look(struct keysets *k, unsigned changes)
{
    pthread_mutex_lock(&k->lock);
    if (k->current != NULL && k->changes == changes) k->current->looked_at = clock_monotonic();
    pthread_mutex_unlock(&k->lock);
}

/* What was read before does not count any more. */
static void note_change(struct keysets *k)
{
    pthread_mutex_lock(&k->lock);
    k->changes++;
    if (k->current != NULL) k->current->looked_at = 0;
    pthread_mutex_unlock(&k->lock);
}

/* Looks whether the store has moved on. A store that is down does not take away the keys that are known. */
static bool look(const struct provider *p, struct op *op, struct strs names, struct snapshot **s, struct err *e)
{
    struct err down = ERR_INIT(op->arena);
    const unsigned changes = changes_until_now(p->keysets);
    int64_t version;
    const bool usable = covers(*s, names);
    if (!store_keys_version(p->store, op, &version, usable ? &down : e)) {
        if (!usable) return false;
        if (err_is(&down, &err_MUST_WAIT)) FAIL(e, MUST_WAIT, "");
        note_look(p->keysets, changes);
        return true;
    }
    if (usable && (*s)->version == version) {
        note_look(p->keysets, changes);
        return true;
    }
    struct snapshot *fresh;
    TRY(snapshot_build(p, op, names, version, &fresh, e));
    replace_current(p->keysets, fresh, changes);
    arena_defer(op->arena, snapshot_unref, fresh);
    *s = fresh;
    return true;
}

/* The snapshot that holds now, until op->arena goes. */
static bool acquire(const struct provider *p, struct op *op, const struct snapshot **ret, struct err *e)
{
    usec_t looked_at = 0;
    struct snapshot *s = current(p->keysets, &looked_at);
    const struct strs names = wanted_names(p, op->arena);
    if (s != NULL) arena_defer(op->arena, snapshot_unref, s);
    const bool fresh = looked_at != 0 && clock_monotonic() - looked_at < LOOK_EVERY;
    if (!fresh || !covers(s, names)) TRY(look(p, op, names, &s, e));
    *ret = s;
    return true;
}

static const struct entry *find_entry(const struct snapshot *s, struct str name)
{
    for (size_t i = 0; i < s->names.n; i++) {
        if (str_eq(s->names.v[i], name)) return &s->entries[i];
    }
    return NULL;
}

/* ---- keys made here ---- */

static struct str default_algorithm(const struct provider *p)
{
    switch (p->config->keys_algorithm) {
    case KEYS_ES256: return STR("ES256");
    case KEYS_EDDSA: return STR("EdDSA");
    default: return STR("RS256");
    }
}

static struct key_row make_row(const struct provider *p, struct op *op, struct str name, const struct jwk *key, bool first)
{
    /* Making a key may have taken longer than SIGNS_AFTER: it counts from now. */
    const bool delayed = !first && !store_is_embedded(p->store);
    return (struct key_row) {
        .set = name,
        .kid = key->kid,
        .sealed = seal_text(p->sealer, op->arena, SEAL_STORED_KEY, name, json_text(op->arena, key->json, false)),
        .created_at = op->now,
        .signs_from = delayed ? clock_now() + SIGNS_AFTER : op->now,
    };
}

struct key_row keyset_row(const struct provider *p, struct op *op, struct str name, const struct jwk *key)
{
    return make_row(p, op, name, key, true);
}

bool keyset_row_open(const struct provider *p, struct op *op, const struct key_row *row, struct jwk **ret, struct err *e)
{
    struct jwk *known = opened_keys_find(p->opened_keys, row);
    if (known != NULL) {
        arena_defer(op->arena, unref_key, known);
        *ret = known;
        return true;
    }
    TRY(open_key(p, op->arena, row, ret, e));
    opened_keys_keep(p->opened_keys, row, *ret);
    return true;
}

static bool make_key(const struct provider *p, struct op *op, const struct keyset *set, struct err *e)
{
    struct jwk *key;
    enum store_put put;
    const unsigned bits = (unsigned)p->config->keys_rsa_bits;
    TRY(jwk_generate(default_algorithm(p), rand_uuid(op->arena), STR("sig"), bits, &key, e));
    arena_defer(op->arena, unref_key, key);
    const struct key_row row = make_row(p, op, set->name, key, true);
    /* EXISTS: another node was first; its key is as good. */
    return store_keys_add(p->store, op, &row, 1, (int64_t)set->keys.n, &put, e);
}

/* A set to sign with needs a key that can, whatever else is in it, which may be there to verify what was signed before; one that
 * is published for others to sign with only needs to be there. */
static bool lacks_key(const struct snapshot *s, struct str name)
{
    const struct entry *entry = find_entry(s, name);
    return is_own(name) ? entry->signers_n == 0 : entry->set.keys.n == 0 && name.n <= STORE_ID_MAX;
}

/* Makes a key for each of `names` that lacks one, and gives the snapshot that has them all. */
static bool ensure(const struct provider *p, struct op *op, struct strs names, const struct snapshot **ret, struct err *e)
{
    bool ok = true, made = false;
    TRY(acquire(p, op, ret, e));
    for (size_t i = 0; i < names.n; i++) made |= lacks_key(*ret, names.v[i]);
    if (!made) return true;

    OP_MUST_WAIT(op, e);
    pthread_mutex_lock(&p->keysets->making);
    note_change(p->keysets);
    ok = acquire(p, op, ret, e);
    for (size_t i = 0; i < names.n && ok; i++) {
        if (lacks_key(*ret, names.v[i])) ok = make_key(p, op, &find_entry(*ret, names.v[i])->set, e);
    }
    note_change(p->keysets);
    pthread_mutex_unlock(&p->keysets->making);
    return ok && acquire(p, op, ret, e);
}

/* ---- use ---- */

bool keyset_get(const struct provider *p, struct op *op, struct str name, const struct keyset **ret, struct err *e)
{
    const struct snapshot *s;
    TRY(acquire(p, op, &s, e));
    const struct entry *entry = find_entry(s, name);
    if (entry == NULL) return keyset_load(p, op, name, ret, e);
    *ret = &entry->set;
    return true;
}

bool keyset_signer(const struct provider *p, struct op *op, struct str name, const struct jwk **ret, struct err *e)
{
    const struct snapshot *s;
    TRY(ensure(p, op, (struct strs) { &name, 1 }, &s, e));
    const struct entry *entry = find_entry(s, name);
    const struct signer *best = NULL;
    for (size_t i = 0; i < entry->signers_n; i++) {
        const struct signer *candidate = &entry->signers[i];
        if (candidate->from <= op->now) {
            best = candidate;
            break;
        }
        if (best == NULL || candidate->from < best->from) best = candidate; /* none is ripe: the one that will be first */
    }
    ENSUREF(best != NULL, e, MISCONFIGURATION, "The key set %.*s has no private key that can sign.", STR_FMT(name));
    *ret = &best->key;
    return true;
}

bool keyset_sign(const struct provider *p, struct op *op, struct str name, struct str typ, struct str payload, struct str *ret,
                 struct err *e)
{
    const struct jwk *key;
    TRY(keyset_signer(p, op, name, &key, e));
    return jws_sign(op->arena, key, typ, payload, ret, e);
}

bool keyset_verify(const struct provider *p, struct op *op, struct str name, const struct jws *jws, bool *ret_ok, struct err *e)
{
    const struct keyset *set;
    const struct jwk *key;
    const struct alg *alg = alg_by_name(jws->alg);
    *ret_ok = false;
    if (alg == NULL || alg_is_symmetric(alg)) return true;
    TRY(keyset_get(p, op, name, &set, e));
    *ret_ok = jws_verify_set(jws, &set->keys, alg, &key);
    return true;
}

bool keysets_published(const struct provider *p, struct op *op, struct str *ret_json, struct err *e)
{
    const struct snapshot *s;
    TRY(ensure(p, op, wanted_names(p, op->arena), &s, e));
    *ret_json = s->published;
    return true;
}

bool keysets_prepare(const struct provider *p, struct op *op, struct err *e)
{
    const struct snapshot *s;
    return ensure(p, op, wanted_names(p, op->arena), &s, e);
}

/* ---- changing ---- */

bool keyset_load(const struct provider *p, struct op *op, struct str name, const struct keyset **ret, struct err *e)
{
    struct keyset *set = ARENA_NEW(op->arena, struct keyset);
    TRY(read_set(p, op, op->arena, name, set, e));
    *ret = set;
    return true;
}

/* Is there room for `more` keys? */
static bool check_room(const struct keyset *set, size_t more, struct err *e)
{
    ENSUREF(set->keys.n + more <= KEYS_MAX, e, BAD_REQUEST, "A key set holds at most %d keys; delete old ones first.", KEYS_MAX);
    return true;
}

static bool has_kid(const struct keyset *set, struct str kid)
{
    for (size_t i = 0; i < set->keys.n; i++) {
        if (str_eq(set->keys.v[i]->kid, kid)) return true;
    }
    return false;
}

static struct key_row *make_rows(const struct provider *p, struct op *op, struct str name, struct jwk *const *keys, size_t n,
                                 bool first)
{
    struct key_row *rows = ARENA_ARRAY(op->arena, struct key_row, n + 1);
    for (size_t i = 0; i < n; i++) rows[i] = make_row(p, op, name, keys[i], first);
    return rows;
}

bool keyset_add(const struct provider *p, struct op *op, struct str name, struct jwk *const *keys, size_t n, enum store_put *ret,
                struct err *e)
{
    const struct keyset *set;
    TRY(keyset_load(p, op, name, &set, e));
    TRY(check_room(set, n, e));
    const struct key_row *rows = make_rows(p, op, name, keys, n, set->keys.n == 0);
    TRY(store_keys_add(p->store, op, rows, n, STORE_KEYS_ANY, ret, e));
    note_change(p->keysets);
    return true;
}

bool keyset_replace(const struct provider *p, struct op *op, struct str name, struct jwk *const *keys, size_t n,
                    enum store_put *ret, struct err *e)
{
    const struct key_row *rows = make_rows(p, op, name, keys, n, true);
    TRY(store_keys_replace(p->store, op, name, rows, n, ret, e));
    note_change(p->keysets);
    return true;
}

bool keyset_put(const struct provider *p, struct op *op, struct str name, struct jwk *key, struct err *e)
{
    const struct keyset *set;
    TRY(keyset_load(p, op, name, &set, e));
    if (!has_kid(set, key->kid)) TRY(check_room(set, 1, e));
    const struct key_row row = make_row(p, op, name, key, set->keys.n == 0);
    TRY(store_key_upsert(p->store, op, &row, e));
    note_change(p->keysets);
    return true;
}

bool keyset_delete(const struct provider *p, struct op *op, struct str name, struct str kid, struct err *e)
{
    enum store_put ignored;
    TRY(store_key_delete(p->store, op, name, kid, &ignored, e));
    note_change(p->keysets);
    return true;
}
