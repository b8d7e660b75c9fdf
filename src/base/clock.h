/* Time: microseconds since 1970-01-01 UTC, as in the store. Lengths of time are microseconds too. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "err.h"

typedef int64_t usec_t;

#define USEC_PER_MS  INT64_C(1000)
#define USEC_PER_SEC INT64_C(1000000)
#define USEC_NEVER   INT64_MAX

usec_t clock_now(void);       /* wall clock */
usec_t clock_monotonic(void); /* for intervals */
/* Tests move the wall clock with it: added to every clock_now(). */
void clock_shift(usec_t by);

static inline int64_t usec_to_sec(usec_t t) { return t >= 0 ? t / USEC_PER_SEC : -((-t + USEC_PER_SEC - 1) / USEC_PER_SEC); }

/* RFC 3339, UTC, `Z`. `digits` of fraction 0..9; trailing zeros of the fraction are dropped when digits > 0, as Go does. */
struct str time_rfc3339(struct arena *a, usec_t t, int digits);
/* The same into the caller's memory, without NUL; returns the length. */
#define TIME_RFC3339_ROOM 28
size_t time_write_rfc3339(usec_t t, int digits, char out[TIME_RFC3339_ROOM]);
/* RFC 3339 with any offset and fraction. False when malformed. */
MUST_USE bool time_parse_rfc3339(struct str s, usec_t *ret);
/* "Sat, 21 Nov 2026 23:43:00 GMT" for cookies. */
struct str time_http(struct arena *a, usec_t t);

/* Go's durations in nanoseconds: optional sign, then <decimal><unit>..., unit ns us µs ms s m h; "0" alone. */
MUST_USE bool duration_parse(struct str s, int64_t *ret_ns);
/* Go's spelling: 1h0m0s, 500ms, 0s. */
struct str duration_format(struct arena *a, int64_t ns);

#endif
