/* One queue, one lock, threads that take from it. What a job does is its own business. */
#include "workers.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

enum { STACK = 512 * 1024 };

struct workers {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct exchange *first, **end;
    size_t queued, queue_max, idle, started, threads_max;
    bool waking; /* a thread was woken and has not come yet */
    bool stop;
    void (*work)(struct exchange *x);
    pthread_t *threads;
};

struct workers *workers_new(size_t threads, size_t queue, void (*work)(struct exchange *x))
{
    struct workers *w = calloc(1, sizeof(*w));
    if (w == NULL) return NULL;
    *w = (struct workers) { .queue_max = queue, .threads_max = threads, .work = work };
    w->end = &w->first;
    w->threads = calloc(threads, sizeof(*w->threads));
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->filled, NULL);
    if (w->threads != NULL) return w;
    free(w);
    return NULL;
}

/* Call with the lock held. One thread at a time is woken, and wakes the next when it finds more than it takes: jobs that are
 * quickly done then share a thread, and switching threads costs more than they do. */
static void wake_one(struct workers *w)
{
    if (w->waking || w->idle == 0 || w->first == NULL) return;
    w->waking = true;
    pthread_cond_signal(&w->filled);
}

/* Call with the lock held; waits. NULL: the pool ends. */
static struct exchange *next_job(struct workers *w)
{
    w->idle++;
    while (w->first == NULL && !w->stop) {
        pthread_cond_wait(&w->filled, &w->lock);
        w->waking = false;
    }
    w->idle--;
    struct exchange *x = w->first;
    if (x == NULL) return NULL;
    w->first = x->next;
    if (w->first == NULL) w->end = &w->first;
    w->queued--;
    wake_one(w);
    return x;
}

static void *work_along(void *arg)
{
    struct workers *w = arg;
    pthread_mutex_lock(&w->lock);
    for (struct exchange *x; (x = next_job(w)) != NULL;) {
        pthread_mutex_unlock(&w->lock);
        w->work(x);
        pthread_mutex_lock(&w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* Call with the lock held. Signals belong to the threads that expect them. */
static void start_thread(struct workers *w)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&w->threads[w->started], &attributes, work_along, w) == 0) w->started++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
}

bool workers_take(struct workers *w, struct exchange *x)
{
    pthread_mutex_lock(&w->lock);
    if (w->queued >= w->idle && w->started < w->threads_max) start_thread(w);
    bool room = w->queued < w->queue_max && w->started > 0;
    if (room) {
        x->next = NULL;
        *w->end = x;
        w->end = &x->next;
        w->queued++;
        wake_one(w);
    }
    pthread_mutex_unlock(&w->lock);
    return room;
}

bool workers_busy(struct workers *w)
{
    pthread_mutex_lock(&w->lock);
    bool busy = w->queued > 0 || w->idle < w->started;
    pthread_mutex_unlock(&w->lock);
    return busy;
}

void workers_free(struct workers *w)
{
    if (w == NULL) return;
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_broadcast(&w->filled);
    pthread_mutex_unlock(&w->lock);
    for (size_t i = 0; i < w->started; i++) pthread_join(w->threads[i], NULL);
    pthread_cond_destroy(&w->filled);
    pthread_mutex_destroy(&w->lock);
    free(w->threads);
    free(w);
}
