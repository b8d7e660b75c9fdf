/* Text as a view: a pointer and a length, not owned, not NUL-terminated unless a function says so. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUST_USE               __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define ARRAY_LEN(a)           (sizeof(a) / sizeof((a)[0]))

struct arena;

struct str {
    const char *p;
    size_t n;
};

/* A list of texts; `v` and the texts usually live in an arena. */
struct strs {
    struct str *v;
    size_t n;
};

#define STR(literal) ((struct str) { (literal), sizeof(literal) - 1 })
#define STR_NONE     ((struct str) { NULL, 0 })
/* For "%.*s". */
#define STR_FMT(s)   (int)(s).n, (s).p != NULL ? (s).p : ""

/* View of a NUL-terminated text; NULL gives STR_NONE. */
struct str str_of(const char *z);

bool str_eq(struct str a, struct str b);
bool str_eq_nocase(struct str a, struct str b); /* ASCII */
bool str_eq_secret(struct str a, struct str b); /* time depends on the lengths only */
int str_cmp(struct str a, struct str b);        /* by bytes, shorter first */
bool str_starts(struct str s, struct str prefix);
bool str_starts_nocase(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
bool str_has(struct str s, char c);
size_t str_distance(struct str a, struct str b);  /* Levenshtein's, for finding what was meant; 80 when one is longer */
struct str str_trim(struct str s);                /* blanks, tabs, CR, LF at both ends */
struct str str_from(struct str s, size_t start);  /* the rest from `start`; empty when past the end */
struct str str_upto(struct str s, size_t length); /* at most the first `length` bytes */

/* Cuts at the first `sep`: returns what stands before it and leaves the rest in *s. Without `sep` returns all of *s and
 * leaves STR_NONE (p == NULL), so that `while (s.p != NULL)` visits every part, empty ones included. */
struct str str_cut(struct str *s, char sep);
/* True and both halves when `sep` occurs; halves are unchanged otherwise. */
bool str_split_once(struct str s, char sep, struct str *ret_before, struct str *ret_after);

/* Decimal, an optional leading '-', nothing else; false when malformed or out of range. */
MUST_USE bool str_to_int(struct str s, int64_t *ret);

bool str_is_utf8(struct str s);
/* Bytes of the well-formed UTF-8 character that starts at `at` (< s.n); 0 when there is none. */
size_t str_utf8_length(struct str s, size_t at);

/* Space-separated words (RFC 6749 3.3 scopes): repeated blanks make no empty word; order is kept; duplicates are dropped. */
struct strs strs_words(struct arena *a, struct str s);
struct strs strs_split(struct arena *a, struct str s, char sep);
struct str strs_join(struct arena *a, struct strs list, const char *sep);
/* A copy with ASCII letters in lower case. */
struct str str_lower(struct arena *a, struct str s);
bool strs_has(struct strs list, struct str s);
bool strs_has_nocase(struct strs list, struct str s);
/* Appends; the array grows in the arena by doubling. Zero-initialised lists and those made by the
 * functions here are valid; one over an array of the caller's is not. */
void strs_add(struct arena *a, struct strs *list, struct str s);
/* A deep copy, every text NUL-terminated. */
struct strs strs_dup(struct arena *a, struct strs list);

#endif
