/* A table of places; a key that comes to a place where another is takes it. */
#include "oauth/opened_keys.h"

#include <pthread.h>
#include <stdlib.h>

struct entry {
    struct str set, sealed;
    struct jwk *key;
    struct arena *arena;
};

struct opened_keys {
    pthread_mutex_t lock;
    struct entry *places[OPENED_KEYS_MAX];
};

static void entry_free(struct entry *entry)
{
    if (entry == NULL) return;
    jwk_unref(entry->key);
    arena_free(entry->arena);
}

struct opened_keys *opened_keys_new(void)
{
    struct opened_keys *k = calloc(1, sizeof(*k));
    if (k == NULL) abort();
    pthread_mutex_init(&k->lock, NULL);
    return k;
}

void opened_keys_free(struct opened_keys *k)
{
    if (k == NULL) return;
    for (size_t i = 0; i < OPENED_KEYS_MAX; i++) entry_free(k->places[i]);
    pthread_mutex_destroy(&k->lock);
    free(k);
}

/* What is sealed looks random from its first character on. */
static struct entry **place_of(struct opened_keys *k, const struct key_row *row)
{
    unsigned number = 0;
    for (size_t i = 0; i < row->sealed.n && i < 8; i++) number = number * 31 + (unsigned char)row->sealed.p[i];
    return &k->places[number % OPENED_KEYS_MAX];
}

struct jwk *opened_keys_find(struct opened_keys *k, const struct key_row *row)
{
    struct jwk *found = NULL;
    pthread_mutex_lock(&k->lock);
    const struct entry *entry = *place_of(k, row);
    if (entry != NULL && str_eq(entry->sealed, row->sealed) && str_eq(entry->set, row->set)) found = jwk_ref(entry->key);
    pthread_mutex_unlock(&k->lock);
    return found;
}

void opened_keys_keep(struct opened_keys *k, const struct key_row *row, struct jwk *key)
{
    if (row->sealed.n > OPENED_KEY_LARGEST) return;
    struct arena *a = arena_new();
    struct entry *entry = ARENA_NEW(a, struct entry);
    *entry = (struct entry) { arena_dup(a, row->set), arena_dup(a, row->sealed), jwk_ref(key), a };
    pthread_mutex_lock(&k->lock);
    struct entry **place = place_of(k, row), *old = *place;
    *place = entry;
    pthread_mutex_unlock(&k->lock);
    entry_free(old);
}
