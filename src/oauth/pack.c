/* LEB128 numbers and what is built on them. Never trusts a length beyond the bytes that are there. */
#include "oauth/pack.h"

void pack_int(struct buf *b, uint64_t n)
{
    for (; n >= 0x80; n >>= 7) buf_addc(b, (char)(unsigned char)(n | 0x80));
    buf_addc(b, (char)n);
}

void pack_str(struct buf *b, struct str s)
{
    pack_int(b, s.n);
    if (s.n > 0) buf_add(b, s);
}

void pack_strs(struct buf *b, struct strs list)
{
    pack_int(b, list.n);
    for (size_t i = 0; i < list.n; i++) pack_str(b, list.v[i]);
}

uint64_t unpack_int(struct unpack *u)
{
    uint64_t n = 0;
    for (unsigned shift = 0; shift < 64 && u->rest.n > 0 && !u->bad; shift += 7) {
        const unsigned char byte = (unsigned char)u->rest.p[0];
        u->rest = str_from(u->rest, 1);
        if (shift == 63 && byte > 1) break; /* more than 64 bits */
        n |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) return n;
    }
    u->bad = true;
    return 0;
}

struct str unpack_bytes(struct unpack *u, size_t n)
{
    if (u->bad || n > u->rest.n) {
        u->bad = true;
        return STR("");
    }
    const struct str bytes = str_upto(u->rest, n);
    u->rest = str_from(u->rest, n);
    return bytes;
}

struct str unpack_str(struct unpack *u) { return unpack_bytes(u, unpack_int(u)); }

struct strs unpack_strs(struct unpack *u, struct arena *a)
{
    struct strs list = { 0 };
    const uint64_t n = unpack_int(u);
    if (n > u->rest.n) u->bad = true; /* each takes a byte at least */
    for (uint64_t i = 0; i < n && !u->bad; i++) strs_add(a, &list, unpack_str(u));
    return list;
}

bool unpack_done(const struct unpack *u) { return !u->bad && u->rest.n == 0; }
