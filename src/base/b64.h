/* Base64 (RFC 4648). `url`: sections 5, without padding; `std`: section 4, with padding. */
#ifndef BASE_B64_H
#define BASE_B64_H

#include "arena.h"

size_t b64url_length(size_t bytes);                       /* characters that `bytes` take */
size_t b64url_write(const void *in, size_t n, char *out); /* writes b64url_length(n) characters, no NUL; returns that */
struct str b64url_encode(struct arena *a, struct str bytes);
/* Strict: the alphabet only, no padding unless allowed, unused bits zero. `out` has room for n * 3 / 4 bytes. */
MUST_USE bool b64url_read(struct str text, void *out, size_t *ret_n);
MUST_USE bool b64url_decode(struct arena *a, struct str text, struct str *ret); /* padding tolerated at the end */
struct str b64_encode(struct arena *a, struct str bytes);                       /* padded */
MUST_USE bool b64_decode(struct arena *a, struct str text, struct str *ret);    /* with or without padding; std alphabet */
struct str hex_encode(struct arena *a, struct str bytes);                       /* lower case */
MUST_USE bool hex_decode(struct arena *a, struct str text, struct str *ret);

#endif
