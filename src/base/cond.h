/* Condition variables that wait by the clock that nobody sets: with the other one, a clock that is put back keeps threads waiting
 * for as long. */
#ifndef BASE_COND_H
#define BASE_COND_H

#include <pthread.h>

#include "clock.h"

void cond_init(pthread_cond_t *cond);
/* With the lock, to be called in a loop: wakes may come for nothing. False: `until`, a moment of clock_monotonic(), is over. */
bool cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, usec_t until);

#endif
