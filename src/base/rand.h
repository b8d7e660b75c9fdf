/* Randomness from OpenSSL; ends the process when the generator fails. */
#ifndef BASE_RAND_H
#define BASE_RAND_H

#include "arena.h"

void rand_bytes(void *out, size_t n);
uint64_t rand_below(uint64_t limit);   /* uniform in [0, limit) */
struct str rand_uuid(struct arena *a); /* version 4, lower case, dashes */
struct str rand_hex(struct arena *a, size_t bytes);
struct str rand_text(struct arena *a, size_t length, struct str alphabet);
bool uuid_is(struct str s); /* 8-4-4-4-12 hex digits, any case */

#endif
