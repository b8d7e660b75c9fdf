/* One struct scratch per thread, made on first use, freed by a destructor of thread-specific data. */
#include "crypto/scratch.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t at_exit;
static __thread struct scratch *mine; /* quicker to reach than the key's value */

void crypto_broken(const char *what)
{
    fprintf(stderr, "OpenSSL fails: %s.\n", what);
    abort();
}

static void drop(void *object)
{
    struct scratch *s = object;
    mine = NULL;
    EVP_CIPHER_CTX_free(s->cipher);
    EVP_MD_CTX_free(s->digest);
    free(s);
}

static void set_up(void)
{
    if (pthread_key_create(&at_exit, drop) != 0) crypto_broken("no thread-specific data");
}

struct scratch *scratch_get(void)
{
    if (mine != NULL) return mine;

    pthread_once(&once, set_up);
    struct scratch *s = calloc(1, sizeof(*s));
    if (s == NULL) crypto_broken("no memory");
    s->cipher = EVP_CIPHER_CTX_new();
    s->digest = EVP_MD_CTX_new();
    if (s->cipher == NULL || s->digest == NULL || pthread_setspecific(at_exit, s) != 0) crypto_broken("no context");
    mine = s;
    return s;
}
