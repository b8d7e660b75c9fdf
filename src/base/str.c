/* Views of text and lists of them. Knows nothing of protocols. */
#include "str.h"

#include <openssl/crypto.h>
#include <string.h>

#include "arena.h"

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c; }

/* memcmp must not see NULL, even for no bytes. */
static bool same_bytes(const char *a, const char *b, size_t n) { return n == 0 || memcmp(a, b, n) == 0; }

static bool same_nocase(const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (lower(a[i]) != lower(b[i])) return false;
    return true;
}

struct str str_of(const char *z) { return z != NULL ? (struct str) { z, strlen(z) } : STR_NONE; }

bool str_eq(struct str a, struct str b) { return a.n == b.n && same_bytes(a.p, b.p, a.n); }

bool str_eq_nocase(struct str a, struct str b) { return a.n == b.n && same_nocase(a.p, b.p, a.n); }

bool str_eq_secret(struct str a, struct str b)
{
    if (a.n != b.n) return false;
    return a.n == 0 || CRYPTO_memcmp(a.p, b.p, a.n) == 0;
}

int str_cmp(struct str a, struct str b)
{
    size_t shared = a.n < b.n ? a.n : b.n;
    int order = shared > 0 ? memcmp(a.p, b.p, shared) : 0;
    if (order != 0) return order;
    return (a.n > b.n) - (a.n < b.n);
}

bool str_starts(struct str s, struct str prefix) { return s.n >= prefix.n && same_bytes(s.p, prefix.p, prefix.n); }

bool str_starts_nocase(struct str s, struct str prefix) { return s.n >= prefix.n && same_nocase(s.p, prefix.p, prefix.n); }

bool str_ends(struct str s, struct str suffix)
{
    return s.n >= suffix.n && (suffix.n == 0 || memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}

bool str_has(struct str s, char c) { return s.n > 0 && memchr(s.p, c, s.n) != NULL; }

static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

struct str str_trim(struct str s)
{
    while (s.n > 0 && is_space(s.p[0])) s = (struct str) { s.p + 1, s.n - 1 };
    while (s.n > 0 && is_space(s.p[s.n - 1])) s.n--;
    return s;
}

struct str str_from(struct str s, size_t start)
{
    if (s.p == NULL) return s;
    if (start > s.n) start = s.n;
    return (struct str) { s.p + start, s.n - start };
}

struct str str_upto(struct str s, size_t length) { return (struct str) { s.p, s.n < length ? s.n : length }; }

struct str str_cut(struct str *s, char sep)
{
    struct str all = *s;
    const char *at = all.n > 0 ? memchr(all.p, sep, all.n) : NULL;
    if (at == NULL) {
        *s = STR_NONE;
        return all;
    }
    size_t before = (size_t)(at - all.p);
    *s = (struct str) { at + 1, all.n - before - 1 };
    return (struct str) { all.p, before };
}

bool str_split_once(struct str s, char sep, struct str *ret_before, struct str *ret_after)
{
    struct str rest = s;
    struct str before = str_cut(&rest, sep);
    if (rest.p == NULL) return false;
    *ret_before = before;
    *ret_after = rest;
    return true;
}

bool str_to_int(struct str s, int64_t *ret)
{
    bool negative = s.n > 0 && s.p[0] == '-';
    struct str digits = str_from(s, negative ? 1 : 0);
    if (digits.n == 0) return false;

    int64_t value = 0; /* kept negative: the smallest number has no positive twin */
    for (size_t i = 0; i < digits.n; i++) {
        char c = digits.p[i];
        if (c < '0' || c > '9') return false;
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_sub_overflow(value, c - '0', &value)) return false;
    }
    if (!negative && value == INT64_MIN) return false;
    *ret = negative ? value : -value;
    return true;
}

/* RFC 3629 section 4: no overlong form, no surrogate, nothing above U+10FFFF. */
size_t str_utf8_length(struct str s, size_t at)
{
    const unsigned char *p = (const unsigned char *)s.p + at;
    size_t left = s.n - at;
    if (p[0] < 0x80) return 1;
    if (p[0] < 0xC2 || p[0] > 0xF4) return 0;

    size_t length = p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    if (left < length) return 0;
    for (size_t i = 1; i < length; i++)
        if ((p[i] & 0xC0) != 0x80) return 0;
    if (p[0] == 0xE0 && p[1] < 0xA0) return 0;
    if (p[0] == 0xED && p[1] > 0x9F) return 0;
    if (p[0] == 0xF0 && p[1] < 0x90) return 0;
    if (p[0] == 0xF4 && p[1] > 0x8F) return 0;
    return length;
}

bool str_is_utf8(struct str s)
{
    for (size_t i = 0, length; i < s.n; i += length) {
        length = str_utf8_length(s, i);
        if (length == 0) return false;
    }
    return true;
}

/* A list has no room counter: room is the smallest power of two from LIST_ROOM on that holds it. Whatever makes a list here
 * keeps to that. */
enum { LIST_ROOM = 4 };

static size_t list_room(size_t n)
{
    size_t room = LIST_ROOM;
    while (room < n) room *= 2;
    return room;
}

void strs_add(struct arena *a, struct strs *list, struct str s)
{
    if (list->n == 0 || list->n == list_room(list->n)) {
        struct str *grown = ARENA_ARRAY(a, struct str, list_room(list->n + 1));
        if (list->n > 0) memcpy(grown, list->v, list->n * sizeof(struct str));
        list->v = grown;
    }
    list->v[list->n++] = s;
}

struct strs strs_words(struct arena *a, struct str s)
{
    struct strs list = { 0 };
    while (s.p != NULL) {
        struct str word = str_cut(&s, ' ');
        if (word.n > 0 && !strs_has(list, word)) strs_add(a, &list, word);
    }
    return list;
}

struct strs strs_split(struct arena *a, struct str s, char sep)
{
    struct strs list = { 0 };
    while (s.p != NULL) strs_add(a, &list, str_cut(&s, sep));
    return list;
}

struct str strs_join(struct arena *a, struct strs list, const char *sep)
{
    struct str between = str_of(sep);
    size_t total = list.n > 1 ? between.n * (list.n - 1) : 0;
    for (size_t i = 0; i < list.n; i++) total += list.v[i].n;

    char *text = arena_alloc(a, total + 1), *end = text;
    for (size_t i = 0; i < list.n; i++) {
        if (i > 0 && between.n > 0) end = mempcpy(end, between.p, between.n);
        if (list.v[i].n > 0) end = mempcpy(end, list.v[i].p, list.v[i].n);
    }
    *end = '\0';
    return (struct str) { text, total };
}

struct str str_lower(struct arena *a, struct str s)
{
    struct str copy = arena_dup(a, s);
    for (char *p = (char *)copy.p, *end = p + copy.n; p < end; p++)
        if (*p >= 'A' && *p <= 'Z') *p = (char)(*p - 'A' + 'a');
    return copy;
}

bool strs_has(struct strs list, struct str s)
{
    for (size_t i = 0; i < list.n; i++)
        if (str_eq(list.v[i], s)) return true;
    return false;
}

bool strs_has_nocase(struct strs list, struct str s)
{
    for (size_t i = 0; i < list.n; i++)
        if (str_eq_nocase(list.v[i], s)) return true;
    return false;
}

struct strs strs_dup(struct arena *a, struct strs list)
{
    if (list.n == 0) return (struct strs) { 0 };
    struct strs copy = { ARENA_ARRAY(a, struct str, list_room(list.n)), list.n };
    for (size_t i = 0; i < list.n; i++) copy.v[i] = arena_dup(a, list.v[i]);
    return copy;
}

size_t str_distance(struct str a, struct str b)
{
    enum { LONGEST = 80 };
    if (a.n > LONGEST || b.n > LONGEST) return LONGEST;
    size_t row[LONGEST + 1];
    for (size_t j = 0; j <= b.n; j++) row[j] = j;
    for (size_t i = 1; i <= a.n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            size_t changed = diagonal + (a.p[i - 1] != b.p[j - 1]);
            diagonal = row[j];
            size_t shorter = row[j - 1] < row[j] ? row[j - 1] : row[j];
            row[j] = changed < shorter + 1 ? changed : shorter + 1;
        }
    }
    return row[b.n];
}
