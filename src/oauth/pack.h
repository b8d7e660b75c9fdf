/* The compact binary form of what is sealed: numbers of seven bits per byte, texts after their length. */
#ifndef OAUTH_PACK_H
#define OAUTH_PACK_H

#include "base/buf.h"

void pack_int(struct buf *b, uint64_t n);
void pack_str(struct buf *b, struct str s);
void pack_strs(struct buf *b, struct strs list);

/* Reads in the same order. After anything malformed every further read gives zero or an empty text, and unpack_done() is false:
 * callers check once, at the end. Texts are views of what is read. */
struct unpack {
    struct str rest;
    bool bad;
};
#define UNPACK(text) ((struct unpack) { .rest = (text) })
uint64_t unpack_int(struct unpack *u);
struct str unpack_bytes(struct unpack *u, size_t n);
struct str unpack_str(struct unpack *u);
struct strs unpack_strs(struct unpack *u, struct arena *a);
/* Everything was well-formed and nothing is left. */
bool unpack_done(const struct unpack *u);

#endif
