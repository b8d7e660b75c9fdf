/* A semaphore with a bounded queue. Hashing is work for a core: more hashes at once than cores would only delay each other, and
 * an unbounded queue would let wrong secrets delay everybody. */
#include "crypto/lane.h"

#include <pthread.h>
#include <unistd.h>

#include "crypto/secret.h"

enum { QUEUE_DEFAULT = 64 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t freed = PTHREAD_COND_INITIALIZER;
static unsigned lanes, queue; /* no lanes: not set yet */
static unsigned running, waiting;

static void set(unsigned new_lanes, unsigned new_queue)
{
    lanes = new_lanes > 0 ? new_lanes : 1;
    queue = new_queue;
    pthread_cond_broadcast(&freed);
}

static void set_default(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    set(cores > 0 ? (unsigned)cores : 1, QUEUE_DEFAULT);
}

void secret_lanes(unsigned new_lanes, unsigned new_queue)
{
    pthread_mutex_lock(&mutex);
    set(new_lanes, new_queue);
    pthread_mutex_unlock(&mutex);
}

/* With the mutex held. */
static bool take(void)
{
    if (lanes == 0) set_default();
    if (running >= lanes) {
        if (waiting >= queue) return false;
        waiting++;
        while (running >= lanes) pthread_cond_wait(&freed, &mutex);
        waiting--;
    }
    running++;
    return true;
}

bool lane_enter(struct err *e)
{
    pthread_mutex_lock(&mutex);
    bool taken = take();
    pthread_mutex_unlock(&mutex);
    ENSURE(taken, e, BUSY, "Too many secrets are being checked at once.");
    return true;
}

void lane_leave(void)
{
    pthread_mutex_lock(&mutex);
    running--;
    pthread_cond_signal(&freed);
    pthread_mutex_unlock(&mutex);
}
