/* Growing text. One byte past the end is always kept free for the NUL of buf_str(). */
#include "buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { FIRST_ROOM = 128 };

static void grow(struct buf *b, size_t needed)
{
    size_t room = b->cap < FIRST_ROOM ? FIRST_ROOM : b->cap;
    while (room < needed) room = arena_array_size(room, 2);

    char *p = arena_alloc(b->arena, room);
    if (b->n > 0) memcpy(p, b->p, b->n);
    b->p = p;
    b->cap = room;
}

void buf_reserve(struct buf *b, size_t more)
{
    if (b->cap - b->n <= more) grow(b, b->n + more + 1);
}

void buf_add(struct buf *b, struct str s)
{
    if (s.n == 0) return;
    buf_reserve(b, s.n);
    memcpy(b->p + b->n, s.p, s.n);
    b->n += s.n;
}

void buf_addc(struct buf *b, char c)
{
    buf_reserve(b, 1);
    b->p[b->n++] = c;
}

void buf_addz(struct buf *b, const char *z) { buf_add(b, str_of(z)); }

void buf_addf(struct buf *b, const char *fmt, ...)
{
    buf_reserve(b, 64);
    va_list args;
    va_start(args, fmt);
    int length = vsnprintf(b->p + b->n, b->cap - b->n, fmt, args);
    va_end(args);
    if (length < 0) return;

    size_t n = (size_t)length;
    if (n >= b->cap - b->n) {
        buf_reserve(b, n);
        va_start(args, fmt);
        vsnprintf(b->p + b->n, b->cap - b->n, fmt, args);
        va_end(args);
    }
    b->n += n;
}

void buf_addi(struct buf *b, int64_t number)
{
    char digits[20];
    size_t at = sizeof(digits);
    uint64_t left = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    do {
        digits[--at] = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (number < 0) buf_addc(b, '-');
    buf_add(b, (struct str) { digits + at, sizeof(digits) - at });
}

struct str buf_str(struct buf *b)
{
    buf_reserve(b, 0);
    b->p[b->n] = '\0';
    return (struct str) { b->p, b->n };
}
