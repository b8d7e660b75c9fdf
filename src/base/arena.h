/* Memory that goes all at once: one arena per request, one per long-lived snapshot. Allocation never fails (the process
 * ends with a message when the system has no memory left), so no caller checks for NULL. Not thread-safe. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "str.h"

struct arena;

struct arena *arena_new(void);
/* Runs what was deferred, newest first, then frees everything. Accepts NULL. */
void arena_free(struct arena *a);
static inline void arena_freep(struct arena **a) { arena_free(*a); }
#define ARENA_AUTO __attribute__((cleanup(arena_freep))) struct arena *

/* As arena_free, but keeps the first block for the next use. */
void arena_reset(struct arena *a);

void *arena_alloc(struct arena *a, size_t size) __attribute__((malloc, returns_nonnull));  /* aligned for any type, not cleared */
void *arena_zalloc(struct arena *a, size_t size) __attribute__((malloc, returns_nonnull)); /* cleared */
#define ARENA_NEW(a, type)          ((type *)arena_zalloc((a), sizeof(type)))
#define ARENA_ARRAY(a, type, count) ((type *)arena_zalloc((a), arena_array_size(sizeof(type), (count))))
size_t arena_array_size(size_t item, size_t count); /* ends the process on overflow */

/* Copies; each result is NUL-terminated past its length. */
struct str arena_dup(struct arena *a, struct str s);
char *arena_dupz(struct arena *a, struct str s);
struct str arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Joins texts up to a final STR_NONE argument is error-prone; use ARENA_CAT(a, s1, s2, ...). */
struct str arena_cat(struct arena *a, const struct str *parts, size_t n);
#define ARENA_CAT(a, ...) \
    arena_cat((a), (const struct str[]) { __VA_ARGS__ }, sizeof((const struct str[]) { __VA_ARGS__ }) / sizeof(struct str))

/* Calls `fn(object)` when the arena is freed or reset: how foreign handles join an arena. */
void arena_defer(struct arena *a, void (*fn)(void *object), void *object);

/* Bytes held, for tests and limits. */
size_t arena_size(const struct arena *a);

#endif
