/* Growing text in an arena. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "arena.h"

struct buf {
    struct arena *arena;
    char *p;
    size_t n, cap;
};

#define BUF(arena_) ((struct buf) { .arena = (arena_) })

void buf_reserve(struct buf *b, size_t more);
void buf_add(struct buf *b, struct str s);
void buf_addc(struct buf *b, char c);
void buf_addz(struct buf *b, const char *z);
void buf_addf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_addi(struct buf *b, int64_t number);
/* What was written so far; valid until the next write. NUL-terminated past its end. */
struct str buf_str(struct buf *b);

#endif
