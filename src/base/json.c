/* JSON. Foreign text is looked over once before jansson parses it: what jansson refuses and clients send all the same (lone
 * surrogates, bytes that are no UTF-8, huge integers) is mended, and what would cost too much (depth) is refused. */
#include "json.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { DEEPEST = 64 };

struct mender {
    struct str in;
    size_t at;
    struct buf out; /* used from the first change on */
    size_t copied;  /* bytes of `in` that `out` covers */
};

static struct str part(const struct mender *m, size_t from, size_t to) { return (struct str) { m->in.p + from, to - from }; }

/* Puts `by` in the place of the next `length` bytes. */
static void replace(struct mender *m, size_t length, struct str by)
{
    buf_add(&m->out, part(m, m->copied, m->at));
    buf_add(&m->out, by);
    m->at += length;
    m->copied = m->at;
}

static struct str mended(struct mender *m)
{
    if (m->out.p == NULL) return m->in;
    buf_add(&m->out, part(m, m->copied, m->in.n));
    return buf_str(&m->out);
}

/* The code unit of a "\uXXXX" at `at`; -1 when there is none. */
static int unit_at(const struct mender *m, size_t at)
{
    if (m->in.n < at + 6 || m->in.p[at] != '\\' || m->in.p[at + 1] != 'u') return -1;
    int unit = 0;
    for (size_t i = at + 2; i < at + 6; i++) {
        char c = m->in.p[i];
        int digit = c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
        if (digit < 0) return -1;
        unit = unit * 16 + digit;
    }
    return unit;
}

/* RFC 8259 8.2: escapes may name half of a surrogate pair; readers differ. Here it becomes U+FFFD. */
static void mend_escape(struct mender *m)
{
    int unit = unit_at(m, m->at);
    bool high = unit >= 0xD800 && unit <= 0xDBFF, low = unit >= 0xDC00 && unit <= 0xDFFF;
    int next = high ? unit_at(m, m->at + 6) : -1;
    if (high && next >= 0xDC00 && next <= 0xDFFF)
        m->at += 12;
    else if (high || low)
        replace(m, 6, STR("\\uFFFD"));
    else
        m->at += 2;
}

/* m->at stands behind the opening quote. */
static void mend_string(struct mender *m)
{
    while (m->at < m->in.n) {
        char c = m->in.p[m->at];
        if (c == '"') {
            m->at++;
            return;
        }
        if (c == '\\') {
            mend_escape(m);
        } else if ((unsigned char)c < 0x80) {
            m->at++;
        } else {
            size_t length = str_utf8_length(m->in, m->at);
            if (length > 0)
                m->at += length;
            else
                replace(m, 1, STR("\xEF\xBF\xBD"));
        }
    }
    m->at = m->in.n; /* an escape at the very end steps past it */
}

/* An integer that does not fit 64 bits is read as a real. */
static void mend_number(struct mender *m)
{
    size_t start = m->at;
    bool integer = true;
    for (; m->at < m->in.n && str_has(STR("+-.0123456789eE"), m->in.p[m->at]); m->at++)
        if (str_has(STR(".eE"), m->in.p[m->at])) integer = false;

    int64_t ignored;
    if (integer && m->at - start > 18 && !str_to_int(part(m, start, m->at), &ignored)) replace(m, 0, STR("e0"));
}

/* False when nested too deeply. What follows the first value is left alone. */
static bool mend(struct mender *m)
{
    int depth = 0;
    while (m->at < m->in.n) {
        char c = m->in.p[m->at];
        if (c == '"') {
            m->at++;
            mend_string(m);
        } else if (c == '-' || (c >= '0' && c <= '9')) {
            mend_number(m);
        } else {
            if (c == '{' || c == '[') depth++;
            if (c == '}' || c == ']') depth--;
            if (depth > DEEPEST) return false;
            m->at++;
            if (depth <= 0 && (c == '}' || c == ']')) return true;
        }
    }
    return true;
}

static void release(void *value) { json_decref(value); }

bool json_read(struct arena *a, struct str text, json_t **ret, struct str *ret_rest, struct err *e)
{
    /* jansson passes over a bare NUL in places. */
    ENSURE(!str_has(text, '\0'), e, INVALID_REQUEST, "The JSON text contains a NUL byte.");
    struct mender m = { .in = text, .out = BUF(a) };
    ENSUREF(mend(&m), e, INVALID_REQUEST, "The JSON text is nested more than %d levels deep.", DEEPEST);
    struct str clean = mended(&m);

    json_error_t why;
    size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL | (ret_rest != NULL ? JSON_DISABLE_EOF_CHECK : 0);
    json_t *value = json_loadb(clean.p != NULL ? clean.p : "", clean.n, flags, &why);
    if (value == NULL) {
        /* The parser goes on to quote the text, which may hold a secret. */
        char *quote = strstr(why.text, " near ");
        if (quote != NULL) *quote = '\0';
        FAILF(e, INVALID_REQUEST, "The JSON text is malformed at line %d, column %d: %s.", why.line, why.column, why.text);
    }
    arena_defer(a, release, value);
    if (ret_rest != NULL) *ret_rest = str_from(clean, (size_t)why.position);
    *ret = value;
    return true;
}

json_t *json_member(const json_t *object, const char *name)
{
    json_t *exact = json_object_get(object, name);
    if (exact != NULL || !json_is_object(object)) return exact;

    json_t *all = (json_t *)object; /* jansson's iterators are not const */
    for (void *at = json_object_iter(all); at != NULL; at = json_object_iter_next(all, at))
        if (strcasecmp(json_object_iter_key(at), name) == 0) return json_object_iter_value(at);
    return NULL;
}

struct str json_str(const json_t *string)
{
    if (!json_is_string(string)) return STR_NONE;
    return (struct str) { json_string_value(string), json_string_length(string) };
}

json_t *json_of_str(struct str s)
{
    if (str_is_utf8(s)) return json_stringn_nocheck(s.n > 0 ? s.p : "", s.n);

    ARENA_AUTO scratch = arena_new();
    struct buf b = BUF(scratch);
    for (size_t i = 0; i < s.n;) {
        size_t length = str_utf8_length(s, i);
        buf_add(&b, length > 0 ? (struct str) { s.p + i, length } : STR("\xEF\xBF\xBD"));
        i += length > 0 ? length : 1;
    }
    return json_stringn_nocheck(b.p, b.n);
}

json_t *json_of_strs(struct strs list)
{
    json_t *array = json_array();
    for (size_t i = 0; i < list.n; i++) json_array_append_new(array, json_of_str(list.v[i]));
    return array;
}

/* Writing. */

/* Bytes that stand for themselves inside a string. */
/* clang-format off */
static const bool plain[256] = {
    [' '] = true, ['!'] = true, ['#' ... '%'] = true, ['\'' ... ';'] = true, ['='] = true, ['?' ... '['] = true,
    [']' ... 0x7F] = true,
};
/* clang-format on */

static void add_ascii_escape(struct buf *out, unsigned char c)
{
    static const char digit[] = "0123456789abcdef";
    const char *shorthand = c == '"'    ? "\\\""
                            : c == '\\' ? "\\\\"
                            : c == '\n' ? "\\n"
                            : c == '\r' ? "\\r"
                            : c == '\t' ? "\\t"
                                        : NULL;
    if (shorthand != NULL)
        buf_addz(out, shorthand);
    else
        buf_add(out, (struct str) { (const char[]) { '\\', 'u', '0', '0', digit[c >> 4], digit[c & 0x0F] }, 6 });
}

/* Writes the character at `at` and returns its length. */
static size_t add_special(struct buf *out, struct str s, size_t at)
{
    unsigned char c = (unsigned char)s.p[at];
    if (c < 0x80) {
        add_ascii_escape(out, c);
        return 1;
    }
    size_t length = str_utf8_length(s, at);
    if (length == 0) {
        buf_add(out, STR("\\ufffd"));
        return 1;
    }
    /* U+2028 and U+2029 end a line in JavaScript. */
    struct str rune = { s.p + at, length };
    if (str_eq(rune, STR("\xE2\x80\xA8")))
        buf_add(out, STR("\\u2028"));
    else if (str_eq(rune, STR("\xE2\x80\xA9")))
        buf_add(out, STR("\\u2029"));
    else
        buf_add(out, rune);
    return length;
}

void json_write_string(struct buf *out, struct str s)
{
    buf_reserve(out, s.n + 2);
    buf_addc(out, '"');
    for (size_t i = 0; i < s.n;) {
        size_t run = i;
        while (run < s.n && plain[(unsigned char)s.p[run]]) run++;
        buf_add(out, (struct str) { s.p + i, run - i });
        i = run < s.n ? run + add_special(out, s, run) : run;
    }
    buf_addc(out, '"');
}

/* The shortest text that reads back as the same number; whole numbers without exponent or point, as Go writes them. */
static void write_real(struct buf *out, double number)
{
    char text[32];
    if (fabs(number) < 1e15 && number == trunc(number)) {
        buf_addi(out, (int64_t)number);
        return;
    }
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(text, sizeof(text), "%.*g", precision, number);
        if (strtod(text, NULL) == number) break;
    }
    buf_addz(out, text);
}

static void write_value(struct buf *out, const json_t *value, bool sorted);

static int compare_names(const void *a, const void *b)
{
    return strcmp(json_object_iter_key(*(void *const *)a), json_object_iter_key(*(void *const *)b));
}

static void write_object(struct buf *out, const json_t *value, bool sorted)
{
    json_t *object = (json_t *)value; /* jansson's iterators are not const */
    size_t n = json_object_size(object), i = 0;
    void **members = ARENA_ARRAY(out->arena, void *, n);
    for (void *at = json_object_iter(object); at != NULL; at = json_object_iter_next(object, at)) members[i++] = at;
    if (sorted && n > 1) qsort(members, n, sizeof(*members), compare_names);

    buf_addc(out, '{');
    for (i = 0; i < n; i++) {
        if (i > 0) buf_addc(out, ',');
        json_write_string(out, str_of(json_object_iter_key(members[i])));
        buf_addc(out, ':');
        write_value(out, json_object_iter_value(members[i]), sorted);
    }
    buf_addc(out, '}');
}

static void write_array(struct buf *out, const json_t *array, bool sorted)
{
    buf_addc(out, '[');
    for (size_t i = 0; i < json_array_size(array); i++) {
        if (i > 0) buf_addc(out, ',');
        write_value(out, json_array_get(array, i), sorted);
    }
    buf_addc(out, ']');
}

static void write_value(struct buf *out, const json_t *value, bool sorted)
{
    if (value == NULL) {
        buf_addz(out, "null");
        return;
    }
    switch (json_typeof(value)) {
    case JSON_OBJECT: write_object(out, value, sorted); break;
    case JSON_ARRAY: write_array(out, value, sorted); break;
    case JSON_STRING: json_write_string(out, json_str(value)); break;
    case JSON_INTEGER: buf_addi(out, json_integer_value(value)); break;
    case JSON_REAL: write_real(out, json_real_value(value)); break;
    case JSON_TRUE: buf_addz(out, "true"); break;
    case JSON_FALSE: buf_addz(out, "false"); break;
    case JSON_NULL: buf_addz(out, "null"); break;
    }
}

struct str json_text(struct arena *a, const json_t *value, bool sorted)
{
    struct buf b = BUF(a);
    write_value(&b, value, sorted);
    return buf_str(&b);
}

static void begin(struct jw *w, const char *name)
{
    uint64_t here = UINT64_C(1) << w->depth;
    if (w->depth > 0 && (w->first & here) == 0) buf_addc(w->out, ',');
    w->first &= ~here;
    if (name == NULL) return;
    json_write_string(w->out, str_of(name));
    buf_addc(w->out, ':');
}

static void open_level(struct jw *w, const char *name, bool array)
{
    assert(w->depth < 63);
    begin(w, name);
    buf_addc(w->out, array ? '[' : '{');
    w->depth++;
    uint64_t here = UINT64_C(1) << w->depth;
    w->first |= here;
    w->array = array ? w->array | here : w->array & ~here;
}

void jw_object(struct jw *w, const char *name) { open_level(w, name, false); }

void jw_array(struct jw *w, const char *name) { open_level(w, name, true); }

void jw_end(struct jw *w)
{
    assert(w->depth > 0);
    buf_addc(w->out, (w->array >> w->depth & 1) != 0 ? ']' : '}');
    w->depth--;
}

void jw_str(struct jw *w, const char *name, struct str s)
{
    begin(w, name);
    json_write_string(w->out, s);
}

void jw_int(struct jw *w, const char *name, int64_t n)
{
    begin(w, name);
    buf_addi(w->out, n);
}

void jw_bool(struct jw *w, const char *name, bool b) { jw_raw(w, name, b ? STR("true") : STR("false")); }

void jw_null(struct jw *w, const char *name) { jw_raw(w, name, STR("null")); }

void jw_strs(struct jw *w, const char *name, struct strs list)
{
    jw_array(w, name);
    for (size_t i = 0; i < list.n; i++) jw_str(w, NULL, list.v[i]);
    jw_end(w);
}

void jw_raw(struct jw *w, const char *name, struct str json)
{
    begin(w, name);
    buf_add(w->out, json);
}

void jw_value(struct jw *w, const char *name, const json_t *value)
{
    begin(w, name);
    write_value(w->out, value, false);
}
