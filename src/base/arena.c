/* Arena: a chain of blocks; the first one also holds the arena itself, so that a small request costs one malloc. */
#include "arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BLOCK = 8192, SMALLEST_BLOCK = 8192, LARGEST_BLOCK = 65536 };

struct block {
    _Alignas(max_align_t) struct block *older;
};

struct deferred {
    struct deferred *older;
    void (*fn)(void *object);
    void *object;
};

struct arena {
    _Alignas(max_align_t) char *at; /* free space of the current block */
    char *end;
    struct block *blocks; /* newest first, without the first one */
    struct deferred *deferred;
    size_t next; /* size of the next block */
    size_t held;
};

__attribute__((noreturn)) static void die(const char *message)
{
    fprintf(stderr, "%s\n", message);
    abort();
}

static void *must_malloc(size_t size)
{
    void *p = malloc(size);
    if (p == NULL) die("Out of memory.");
    return p;
}

static void start(struct arena *a)
{
    *a = (struct arena) { .at = (char *)(a + 1), .end = (char *)a + FIRST_BLOCK, .next = SMALLEST_BLOCK, .held = FIRST_BLOCK };
}

struct arena *arena_new(void)
{
    struct arena *a = must_malloc(FIRST_BLOCK);
    start(a);
    return a;
}

/* Something deferred may still use the arena, and even defer again. */
static void run_deferred(struct arena *a)
{
    while (a->deferred != NULL) {
        struct deferred *d = a->deferred;
        a->deferred = d->older;
        d->fn(d->object);
    }
}

void arena_reset(struct arena *a)
{
    run_deferred(a);
    for (struct block *b = a->blocks, *older; b != NULL; b = older) {
        older = b->older;
        free(b);
    }
    start(a);
}

void arena_free(struct arena *a)
{
    if (a == NULL) return;
    arena_reset(a);
    free(a);
}

static char *new_block(struct arena *a, size_t room)
{
    size_t size;
    if (__builtin_add_overflow(room, sizeof(struct block), &size)) die("Allocation too large.");
    struct block *b = must_malloc(size);
    b->older = a->blocks;
    a->blocks = b;
    a->held += size;
    return (char *)(b + 1);
}

static void *take_slowly(struct arena *a, size_t size)
{
    /* What would fill most of a block gets its own; the current block goes on being filled. */
    if (size > a->next / 4) return new_block(a, size);

    char *room = new_block(a, a->next);
    a->at = room + size;
    a->end = room + a->next;
    if (a->next < LARGEST_BLOCK) a->next *= 2;
    return room;
}

static inline void *take(struct arena *a, size_t size, size_t align)
{
    size_t pad = (align - (uintptr_t)a->at % align) % align;
    size_t left = (size_t)(a->end - a->at);
    if (left < pad || left - pad < size) return take_slowly(a, size);
    char *p = a->at + pad;
    a->at = p + size;
    return p;
}

void *arena_alloc(struct arena *a, size_t size) { return take(a, size, _Alignof(max_align_t)); }

void *arena_zalloc(struct arena *a, size_t size) { return memset(arena_alloc(a, size), 0, size); }

size_t arena_array_size(size_t item, size_t count)
{
    size_t size;
    if (__builtin_mul_overflow(item, count, &size)) die("Allocation too large.");
    return size;
}

char *arena_dupz(struct arena *a, struct str s)
{
    char *copy = take(a, s.n + 1, 1);
    if (s.n > 0) memcpy(copy, s.p, s.n);
    copy[s.n] = '\0';
    return copy;
}

struct str arena_dup(struct arena *a, struct str s) { return (struct str) { arena_dupz(a, s), s.n }; }

struct str arena_printf(struct arena *a, const char *fmt, ...)
{
    char small[256];
    va_list args;
    va_start(args, fmt);
    int length = vsnprintf(small, sizeof(small), fmt, args);
    va_end(args);
    if (length < 0) die("Cannot format a text.");

    size_t n = (size_t)length;
    if (n < sizeof(small)) return arena_dup(a, (struct str) { small, n });

    char *text = take(a, n + 1, 1);
    va_start(args, fmt);
    vsnprintf(text, n + 1, fmt, args);
    va_end(args);
    return (struct str) { text, n };
}

struct str arena_cat(struct arena *a, const struct str *parts, size_t n)
{
    size_t total = 0;
    for (size_t i = 0; i < n; i++) total += parts[i].n;

    char *text = take(a, total + 1, 1), *end = text;
    for (size_t i = 0; i < n; i++)
        if (parts[i].n > 0) end = mempcpy(end, parts[i].p, parts[i].n);
    *end = '\0';
    return (struct str) { text, total };
}

void arena_defer(struct arena *a, void (*fn)(void *object), void *object)
{
    struct deferred *d = arena_alloc(a, sizeof(*d));
    *d = (struct deferred) { .older = a->deferred, .fn = fn, .object = object };
    a->deferred = d;
}

size_t arena_size(const struct arena *a) { return a->held; }
