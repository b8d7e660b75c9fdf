/* Loading libpq. Knows no statement and no connection. */
#include "libpq.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

struct pq pq;
static bool ready;

static void load(void)
{
    void *library = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) return;
#define X(name_) { "PQ" #name_, &pq.name_ },
    const struct {
        const char *name;
        void *place;
    } wanted[] = { PQ_FUNCTIONS(X) };
#undef X
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        void *symbol = dlsym(library, wanted[i].name);
        if (symbol == NULL) return;
        memcpy(wanted[i].place, &symbol, sizeof(symbol));
    }
    ready = true;
}

bool pq_load(struct err *e)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    ENSURE(ready, e, MISCONFIGURATION,
           "dsn: PostgreSQL needs the library libpq.so.5, version 14 or newer (Debian: apt-get install libpq5).");
    return true;
}
