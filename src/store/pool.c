/* See pool.h. Knows no statement. One lock guards the lists; connecting, closing and asking a connection whether it lives happen
 * outside of it. A keeper thread closes what is too old, keeps at least one connection warm and, in an outage, is mostly the one
 * that tries again. */
#include "pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/cond.h"
#include "base/log.h"
#include "base/rand.h"

#define WAIT_MAX     (5 * USEC_PER_SEC) /* for a connection that others use */
#define PAUSE_MIN    (100 * USEC_PER_MS)
#define PAUSE_MAX    (2 * USEC_PER_SEC)
#define KEEPER_EVERY (USEC_PER_SEC)
#define SURPLUS_FOR  (2 * USEC_PER_SEC) /* what is more than `idle` stays a while: the next rush may be near */

/* With so many attempts failed in a row nobody waits any more. Before, it may be a connection that had bad luck. */
enum { OUTAGE_FROM = 3 };

struct pooled {
    struct sql *c;
    struct pooled *next;
    unsigned generation; /* the pool's when it was opened */
    usec_t dies_at, idle_since;
};

struct pool {
    const struct sql_driver *driver;
    struct sql_db *db;
    struct pool_options o;
    pthread_mutex_t lock;
    pthread_cond_t wake;   /* for those who wait for a connection */
    struct pooled *idle;   /* the last one given back first */
    unsigned idle_n, open; /* `open` counts those being opened */
    unsigned generation;

    /* An outage. */
    unsigned failures; /* attempts in a row */
    bool trying;       /* a thread tries to connect; the others do not wait for it */
    usec_t retry_at;

    pthread_t keeper;
    pthread_cond_t keeper_wake;
    bool keeper_runs, stopping;
};

struct sql *pooled_sql(const struct pooled *p) { return p->c; }

/* ---- one connection ---- */

/* Up to a tenth sooner than asked, so that connections that were opened together are not replaced together. */
static usec_t death_of(const struct pool *pool)
{
    usec_t life = pool->o.lifetime;
    if (life == 0) return USEC_NEVER;
    return clock_monotonic() + life - (usec_t)rand_below((uint64_t)life / 10 + 1);
}

static struct pooled *pooled_new(const struct pool *pool, struct sql *c, unsigned generation)
{
    struct pooled *p = calloc(1, sizeof(*p));
    if (p == NULL) abort();
    *p = (struct pooled) { .c = c, .generation = generation, .dies_at = death_of(pool), .idle_since = clock_monotonic() };
    return p;
}

/* The whole list; outside the lock. */
static void close_all(const struct pool *pool, struct pooled *p)
{
    for (struct pooled *next; p != NULL; p = next) {
        next = p->next;
        pool->driver->disconnect(p->c);
        free(p);
    }
}

/* With the lock: whether the connection has no future, as far as the clock tells. */
static bool is_over(const struct pool *pool, const struct pooled *p, usec_t now)
{
    bool idle_too_long = pool->o.idle_time > 0 && now - p->idle_since > pool->o.idle_time;
    return p->generation != pool->generation || now > p->dies_at || idle_too_long;
}

/* ---- outages ---- */

/* With the lock. */
static void note_failure(struct pool *pool, const struct err *e)
{
    usec_t pause = PAUSE_MIN;
    for (unsigned i = 0; i < pool->failures && pause < PAUSE_MAX; i++) pause *= 2;
    if (pause > PAUSE_MAX) pause = PAUSE_MAX;
    pool->retry_at = clock_monotonic() + pause / 2 + (usec_t)rand_below((uint64_t)pause / 2);
    if (pool->failures++ == 0)
        log_at(LOG_ERROR, "The database cannot be reached; trying again until it can.", LF_Z("error", e->hint),
               LF_Z("debug", e->debug));
}

/* With the lock. */
static void note_success(struct pool *pool)
{
    if (pool->failures > 0) log_printf(LOG_INFO, "The database can be reached again, after %u attempts.", pool->failures + 1);
    pool->failures = 0;
}

/* With the lock. */
static bool is_pausing(const struct pool *pool)
{
    return pool->failures > 0 && (pool->trying || clock_monotonic() < pool->retry_at);
}

/* ---- taking ---- */

/* With the lock, which is given up while connecting. `open` counts the new one already. */
static bool open_one(struct pool *pool, struct pooled **ret, struct err *e)
{
    struct sql *c = NULL;
    unsigned generation = pool->generation;
    pool->trying = true;
    pthread_mutex_unlock(&pool->lock);
    bool ok = pool->driver->connect(pool->db, SQL_WRITES, &sql_store_table, &c, e);
    pthread_mutex_lock(&pool->lock);
    pool->trying = false;
    if (ok) {
        note_success(pool);
        *ret = pooled_new(pool, c, generation);
    } else {
        note_failure(pool, e);
        pool->open--;
        e->kind = &err_STORAGE; /* settings that worked at the start are an outage now */
    }
    pthread_cond_broadcast(&pool->wake);
    return ok;
}

/* With the lock, which is given up meanwhile. NULL: there is none that can be used. */
static struct pooled *take_idle(struct pool *pool)
{
    for (struct pooled *p; (p = pool->idle) != NULL;) {
        pool->idle = p->next;
        pool->idle_n--;
        p->next = NULL;
        bool over = is_over(pool, p, clock_monotonic());
        pthread_mutex_unlock(&pool->lock);
        if (!over && pool->driver->alive(p->c)) {
            pthread_mutex_lock(&pool->lock);
            return p;
        }
        close_all(pool, p);
        pthread_mutex_lock(&pool->lock);
        pool->open--;
    }
    return NULL;
}

/* With the lock. Until a connection was given back, or `moment`. */
static bool wait_until(struct pool *pool, usec_t moment) { return cond_wait_until(&pool->wake, &pool->lock, moment); }

/* With the lock: waiting is of use, for somebody will give one back, or it was no more than bad luck. */
static bool may_come_back(const struct pool *pool)
{
    unsigned used = pool->open - pool->idle_n - (pool->trying ? 1 : 0);
    return used > 0 || pool->failures < OUTAGE_FROM;
}

static bool take_locked(struct pool *pool, struct pooled **ret, struct err *e)
{
    usec_t until = clock_monotonic() + WAIT_MAX;
    for (;;) {
        if ((*ret = take_idle(pool)) != NULL) return true;
        bool pausing = is_pausing(pool);
        ENSURE(!pausing || may_come_back(pool), e, STORAGE, "The database cannot be reached.");
        if (!pausing && pool->open < pool->o.max) {
            pool->open++;
            return open_one(pool, ret, e);
        }
        bool retries = pausing && !pool->trying && pool->retry_at < until;
        ENSURE(wait_until(pool, retries ? pool->retry_at : until) || retries, e, STORAGE,
               "All connections to the database are in use; max_conns in the dsn allows more.");
    }
}

bool pool_take(struct pool *pool, struct pooled **ret, struct err *e)
{
    pthread_mutex_lock(&pool->lock);
    bool ok = take_locked(pool, ret, e);
    pthread_mutex_unlock(&pool->lock);
    return ok;
}

/* ---- giving back ---- */

/* With the lock: those that are over and those that are too many, unlinked. */
static struct pooled *unlink_over(struct pool *pool)
{
    struct pooled *over = NULL;
    usec_t now = clock_monotonic();
    unsigned kept = 0;
    for (struct pooled **at = &pool->idle, *p; (p = *at) != NULL;) {
        bool surplus = kept >= pool->o.idle && now - p->idle_since > SURPLUS_FOR;
        if (!surplus && !is_over(pool, p, now)) {
            kept++;
            at = &p->next;
            continue;
        }
        *at = p->next;
        pool->idle_n--;
        pool->open--;
        p->next = over;
        over = p;
    }
    return over;
}

void pool_give(struct pool *pool, struct pooled *p)
{
    struct pooled *over = NULL;
    pthread_mutex_lock(&pool->lock);
    p->idle_since = clock_monotonic();
    if (p->c->broken && p->generation == pool->generation) pool->generation++;
    if (p->c->broken || is_over(pool, p, p->idle_since)) {
        p->next = unlink_over(pool);
        over = p;
        pool->open--;
    } else {
        p->next = pool->idle;
        pool->idle = p;
        pool->idle_n++;
    }
    pthread_cond_signal(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    close_all(pool, over);
}

/* ---- the keeper ---- */

/* With the lock. */
static void keep(struct pool *pool)
{
    struct pooled *over = unlink_over(pool), *fresh = NULL;
    pthread_mutex_unlock(&pool->lock);
    close_all(pool, over);
    pthread_mutex_lock(&pool->lock);
    bool wanted = pool->open == 0 && pool->o.idle > 0 && pool->o.idle_time == 0;
    if ((!wanted && pool->failures == 0) || is_pausing(pool) || pool->open >= pool->o.max) return;

    ARENA_AUTO a = arena_new();
    struct err logged = ERR_INIT(a);
    pool->open++;
    if (!open_one(pool, &fresh, &logged)) return;
    pthread_mutex_unlock(&pool->lock);
    pool_give(pool, fresh);
    pthread_mutex_lock(&pool->lock);
}

static void *keeper(void *arg)
{
    struct pool *pool = arg;
    pthread_mutex_lock(&pool->lock);
    while (!pool->stopping) {
        cond_wait_until(&pool->keeper_wake, &pool->lock, clock_monotonic() + KEEPER_EVERY);
        if (!pool->stopping) keep(pool);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* ---- the pool ---- */

struct pool *pool_new(const struct sql_driver *driver, struct sql_db *db, const struct pool_options *o, struct sql *first)
{
    struct pool *pool = calloc(1, sizeof(*pool));
    if (pool == NULL) abort();
    *pool = (struct pool) { .driver = driver, .db = db, .o = *o, .open = 1, .idle_n = 1 };
    pthread_mutex_init(&pool->lock, NULL);
    cond_init(&pool->wake);
    cond_init(&pool->keeper_wake);
    pool->idle = pooled_new(pool, first, 0);
    pool->keeper_runs = pthread_create(&pool->keeper, NULL, keeper, pool) == 0;
    return pool;
}

void pool_free(struct pool *pool)
{
    if (pool == NULL) return;
    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    pthread_cond_signal(&pool->keeper_wake);
    pthread_mutex_unlock(&pool->lock);
    if (pool->keeper_runs) pthread_join(pool->keeper, NULL);
    close_all(pool, pool->idle);
    pthread_cond_destroy(&pool->wake);
    pthread_cond_destroy(&pool->keeper_wake);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

struct pool_state pool_state(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    struct pool_state state = { .open = pool->open, .idle = pool->idle_n, .down = pool->failures > 0 };
    pthread_mutex_unlock(&pool->lock);
    return state;
}
