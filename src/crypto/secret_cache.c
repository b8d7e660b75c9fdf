/* Remembered secrets: a hash table with least-recently-used order, in shards with a lock each. An entry is nothing but a MAC over
 * client id, version and secret, so a changed client misses by itself and no entry tells anything without the process's key. */
#include <nettle/cmac.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include "base/rand.h"
#include "crypto/scratch.h"
#include "crypto/secret.h"

enum { TAG = CMAC128_DIGEST_SIZE, SHARDS = 16, SHARDED_FROM = 1024 };

/* Places are numbered from 1; 0 is none. */
struct entry {
    unsigned char tag[TAG];
    uint32_t next;         /* in its bucket */
    uint32_t newer, older; /* in order of use */
};

struct shard {
    pthread_mutex_t mutex;
    uint32_t *buckets;
    struct entry *entries; /* [0] is the ring's head: its `older` is the newest entry, its `newer` the oldest */
    uint32_t mask, used, capacity;
};

struct secret_cache {
    size_t mapped, shards;
    struct shard shard[];
};

/* ---- the MAC ---- */

static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static struct cmac_aes256_ctx *process_key;

static void make_key(void)
{
    unsigned char *key = OPENSSL_secure_malloc(AES256_KEY_SIZE);
    process_key = OPENSSL_secure_malloc(sizeof(*process_key));
    if (key == NULL || process_key == NULL) crypto_broken("no memory for a key");
    rand_bytes(key, AES256_KEY_SIZE);
    cmac_aes256_set_key(process_key, key);
    OPENSSL_secure_clear_free(key, AES256_KEY_SIZE);
}

static void tag_of(struct str client_id, int64_t version, struct str secret, unsigned char tag[TAG])
{
    struct {
        uint64_t id_length; /* so that the end of the id cannot be taken for the secret's start */
        int64_t version;
    } head = { client_id.n, version };
    pthread_once(&key_once, make_key);
    struct cmac_aes256_ctx mac = *process_key;
    cmac_aes256_update(&mac, sizeof(head), (const uint8_t *)&head);
    cmac_aes256_update(&mac, client_id.n, (const uint8_t *)client_id.p);
    cmac_aes256_update(&mac, secret.n, (const uint8_t *)secret.p);
    cmac_aes256_digest(&mac, TAG, tag);
    OPENSSL_cleanse(&mac, sizeof(mac));
}

/* ---- one shard, with its mutex held ---- */

static uint32_t *bucket_of(const struct shard *s, const unsigned char *tag)
{
    uint32_t number;
    memcpy(&number, tag + 4, sizeof(number)); /* the first byte has chosen the shard */
    return &s->buckets[number & s->mask];
}

static uint32_t find(const struct shard *s, const unsigned char *tag)
{
    uint32_t at = *bucket_of(s, tag);
    while (at != 0 && CRYPTO_memcmp(s->entries[at].tag, tag, TAG) != 0) at = s->entries[at].next;
    return at;
}

static void leave_order(struct shard *s, uint32_t at)
{
    struct entry *e = &s->entries[at];
    s->entries[e->newer].older = e->older;
    s->entries[e->older].newer = e->newer;
}

static void become_newest(struct shard *s, uint32_t at)
{
    struct entry *head = &s->entries[0], *e = &s->entries[at];
    e->newer = 0;
    e->older = head->older;
    s->entries[head->older].newer = at;
    head->older = at;
}

static void leave_bucket(struct shard *s, uint32_t at)
{
    uint32_t *link = bucket_of(s, s->entries[at].tag);
    while (*link != at) link = &s->entries[*link].next;
    *link = s->entries[at].next;
}

/* A place that is in no bucket and not in the order. */
static uint32_t free_place(struct shard *s)
{
    if (s->used < s->capacity) return ++s->used;
    uint32_t oldest = s->entries[0].newer;
    leave_order(s, oldest);
    leave_bucket(s, oldest);
    return oldest;
}

static bool touch(struct shard *s, const unsigned char *tag)
{
    uint32_t at = find(s, tag);
    if (at == 0) return false;
    leave_order(s, at);
    become_newest(s, at);
    return true;
}

static void insert(struct shard *s, const unsigned char *tag)
{
    uint32_t at = free_place(s), *bucket = bucket_of(s, tag);
    memcpy(s->entries[at].tag, tag, TAG);
    s->entries[at].next = *bucket;
    *bucket = at;
    become_newest(s, at);
}

/* ---- interface ---- */

struct secret_cache *secret_cache_new(size_t capacity)
{
    if (capacity > UINT32_MAX / 4) crypto_broken("capacity of the secret cache");
    size_t shards = capacity < SHARDED_FROM ? 1 : SHARDS, each = (capacity + shards - 1) / shards, buckets = 1;
    while (buckets < each) buckets *= 2;
    size_t entries_size = (each + 1) * sizeof(struct entry), shard_size = entries_size + buckets * sizeof(uint32_t);
    size_t head_size = sizeof(struct secret_cache) + shards * sizeof(struct shard), mapped = head_size + shards * shard_size;

    struct secret_cache *c = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (c == MAP_FAILED) crypto_broken("no memory for the secret cache");
    /* Where the limit for locked memory is too low it still works, only swappable. Pages cost memory when they are first used. */
    (void)mlock2(c, mapped, MLOCK_ONFAULT);
    (void)madvise(c, mapped, MADV_DONTDUMP);

    c->mapped = mapped;
    c->shards = shards;
    char *at = (char *)c + head_size;
    for (size_t i = 0; i < shards; i++, at += shard_size) {
        struct shard *s = &c->shard[i];
        pthread_mutex_init(&s->mutex, NULL);
        s->entries = (struct entry *)(void *)at;
        s->buckets = (uint32_t *)(void *)(at + entries_size);
        s->mask = (uint32_t)buckets - 1;
        s->capacity = (uint32_t)each;
    }
    return c;
}

void secret_cache_free(struct secret_cache *c)
{
    if (c == NULL) return;
    for (size_t i = 0; i < c->shards; i++) pthread_mutex_destroy(&c->shard[i].mutex);
    size_t mapped = c->mapped;
    OPENSSL_cleanse(c, mapped);
    munmap(c, mapped);
}

bool secret_cache_knows(struct secret_cache *c, struct str client_id, int64_t version, struct str secret)
{
    unsigned char tag[TAG];
    tag_of(client_id, version, secret, tag);
    struct shard *s = &c->shard[tag[0] % c->shards];
    pthread_mutex_lock(&s->mutex);
    bool known = touch(s, tag);
    pthread_mutex_unlock(&s->mutex);
    return known;
}

void secret_cache_add(struct secret_cache *c, struct str client_id, int64_t version, struct str secret)
{
    unsigned char tag[TAG];
    tag_of(client_id, version, secret, tag);
    struct shard *s = &c->shard[tag[0] % c->shards];
    pthread_mutex_lock(&s->mutex);
    if (s->capacity > 0 && !touch(s, tag)) insert(s, tag);
    pthread_mutex_unlock(&s->mutex);
}
