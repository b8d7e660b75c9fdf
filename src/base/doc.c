/* The table's writer, and a reader that goes once over the text and puts each value where its row says. */
#include "doc.h"

/* ---- writing ---- */

static void write_doc(struct jw *w, const char *name, const struct doc *d, const char *from);

static void write_member(struct jw *w, const struct doc_member *m, const void *at)
{
    const struct str *text = at;
    const struct strs *list = at;
    const int64_t *number = at;
    const void *const *part = at;
    const char *name = m->name.p;
    switch (m->kind) {
    case DOC_STR:
        if (text->n > 0) jw_str(w, name, *text);
        break;
    case DOC_STRS:
        if (list->n > 0) jw_strs(w, name, *list);
        break;
    case DOC_INT:
        if (*number != 0) jw_int(w, name, *number);
        break;
    case DOC_BOOL:
        if (*(const bool *)at) jw_bool(w, name, true);
        break;
    case DOC_JSON:
        if (text->n > 0) jw_raw(w, name, *text);
        break;
    case DOC_PART:
        if (*part != NULL) write_doc(w, name, m->part, *part);
        break;
    }
}

static void write_doc(struct jw *w, const char *name, const struct doc *d, const char *from)
{
    jw_object(w, name);
    for (size_t i = 0; i < d->n; i++) write_member(w, &d->members[i], from + d->members[i].offset);
    jw_end(w);
}

struct str doc_write(struct arena *a, const struct doc *d, const void *from)
{
    struct buf b = BUF(a);
    struct jw w = JW(&b);
    buf_reserve(&b, 512);
    write_doc(&w, NULL, d, from);
    return buf_str(&b);
}

/* ---- scanning ---- */

struct scan {
    struct arena *arena;
    const char *at, *end;
};

static bool take(struct scan *s, char c)
{
    if (s->at == s->end || *s->at != c) return false;
    s->at++;
    return true;
}

static bool take_word(struct scan *s, struct str word)
{
    if (!str_starts((struct str) { s->at, (size_t)(s->end - s->at) }, word)) return false;
    s->at += word.n;
    return true;
}

static struct str since(const struct scan *s, const char *from) { return (struct str) { from, (size_t)(s->at - from) }; }

/* Bytes that stand for themselves inside a string. */
/* clang-format off */
static const bool plain[256] = { [0x20 ... 0x21] = true, [0x23 ... 0x5B] = true, [0x5D ... 0xFF] = true };
/* clang-format on */

static struct str take_plain(struct scan *s)
{
    const char *from = s->at;
    while (s->at < s->end && plain[(unsigned char)*s->at]) s->at++;
    return since(s, from);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four digits. The writer never names halves of surrogate pairs: what is above U+FFFF it leaves as it is. */
static bool take_unit(struct scan *s, struct buf *out)
{
    if (s->end - s->at < 4) return false;
    int unit = 0;
    for (int i = 0; i < 4; i++) {
        const int digit = hex_digit(*s->at++);
        if (digit < 0) return false;
        unit = unit << 4 | digit;
    }
    if (unit >= 0xD800 && unit <= 0xDFFF) return false;
    if (unit < 0x80) return buf_addc(out, (char)unit), true;
    if (unit < 0x800) {
        buf_addc(out, (char)(0xC0 | unit >> 6));
    } else {
        buf_addc(out, (char)(0xE0 | unit >> 12));
        buf_addc(out, (char)(0x80 | (unit >> 6 & 0x3F)));
    }
    buf_addc(out, (char)(0x80 | (unit & 0x3F)));
    return true;
}

static bool take_escape(struct scan *s, struct buf *out)
{
    static const char names[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
    if (!take(s, '\\') || s->at == s->end) return false;
    if (take(s, 'u')) return take_unit(s, out);
    for (size_t i = 0; names[i] != '\0'; i++)
        if (take(s, names[i])) return buf_addc(out, bytes[i]), true;
    return false;
}

static bool take_string(struct scan *s, struct str *ret)
{
    if (!take(s, '"')) return false;
    *ret = take_plain(s);
    if (take(s, '"')) return true;

    struct buf b = BUF(s->arena);
    buf_reserve(&b, ret->n + 64);
    for (buf_add(&b, *ret); !take(s, '"'); buf_add(&b, take_plain(s))) TRY(take_escape(s, &b));
    *ret = buf_str(&b);
    return true;
}

static bool take_digits(struct scan *s)
{
    const char *from = s->at;
    while (s->at < s->end && *s->at >= '0' && *s->at <= '9') s->at++;
    return s->at > from;
}

/* RFC 8259 6: no leading zeros. */
static bool take_number(struct scan *s)
{
    (void)take(s, '-');
    if (!take(s, '0')) TRY(take_digits(s));
    if (take(s, '.')) TRY(take_digits(s));
    if (!take(s, 'e')) return true;
    if (!take(s, '+')) (void)take(s, '-');
    return take_digits(s);
}

static bool take_value(struct scan *s, int depth);

static bool take_name(struct scan *s, struct str *ret) { return take_string(s, ret) && take(s, ':'); }

static bool take_object(struct scan *s, int depth)
{
    struct str name;
    if (take(s, '}')) return true;
    do {
        TRY(take_name(s, &name) && take_value(s, depth));
    } while (take(s, ','));
    return take(s, '}');
}

static bool take_array(struct scan *s, int depth)
{
    if (take(s, ']')) return true;
    do {
        TRY(take_value(s, depth));
    } while (take(s, ','));
    return take(s, ']');
}

/* Any value, `depth` more levels deep at most. */
static bool take_value(struct scan *s, int depth)
{
    struct str text;
    if (s->at == s->end) return false;
    if (*s->at == '"') return take_string(s, &text);
    if (take(s, '{')) return depth > 0 && take_object(s, depth - 1);
    if (take(s, '[')) return depth > 0 && take_array(s, depth - 1);
    return take_word(s, STR("true")) || take_word(s, STR("false")) || take_word(s, STR("null")) || take_number(s);
}

/* ---- reading ---- */

static bool read_doc(struct scan *s, const struct doc *d, char *into);

static bool read_list(struct scan *s, struct strs *ret)
{
    *ret = (struct strs) { 0 };
    TRY(take(s, '['));
    if (take(s, ']')) return true;
    do {
        struct str text;
        TRY(take_string(s, &text));
        strs_add(s->arena, ret, text);
    } while (take(s, ','));
    return take(s, ']');
}

static bool read_int(struct scan *s, int64_t *ret)
{
    const char *from = s->at;
    (void)take(s, '-');
    return take_digits(s) && str_to_int(since(s, from), ret);
}

static bool read_bool(struct scan *s, bool *ret)
{
    *ret = take_word(s, STR("true"));
    return *ret || take_word(s, STR("false"));
}

static bool read_text(struct scan *s, struct str *ret)
{
    const char *from = s->at;
    TRY(take_value(s, DOC_DEEPEST));
    *ret = since(s, from);
    return true;
}

static bool read_part(struct scan *s, const struct doc *d, void **ret)
{
    *ret = arena_zalloc(s->arena, d->size);
    return read_doc(s, d, *ret);
}

static bool read_member(struct scan *s, const struct doc_member *m, void *at)
{
    switch (m->kind) {
    case DOC_STR: return take_string(s, at);
    case DOC_STRS: return read_list(s, at);
    case DOC_INT: return read_int(s, at);
    case DOC_BOOL: return read_bool(s, at);
    case DOC_JSON: return read_text(s, at);
    case DOC_PART: return read_part(s, m->part, at);
    }
    return false;
}

/* Members mostly come in the table's order: the search begins behind the one before. */
static const struct doc_member *member_of(const struct doc *d, struct str name, size_t *next)
{
    for (size_t i = 0; i < d->n; i++) {
        const size_t at = (*next + i) % d->n;
        if (!str_eq(d->members[at].name, name)) continue;
        *next = at + 1;
        return &d->members[at];
    }
    return NULL;
}

static bool read_doc(struct scan *s, const struct doc *d, char *into)
{
    struct str name;
    size_t next = 0;
    TRY(take(s, '{'));
    if (take(s, '}')) return true;
    do {
        TRY(take_name(s, &name));
        const struct doc_member *m = member_of(d, name, &next);
        TRY(m != NULL ? read_member(s, m, into + m->offset) : take_value(s, DOC_DEEPEST));
    } while (take(s, ','));
    return take(s, '}');
}

bool doc_read(struct arena *a, const struct doc *d, struct str text, void *into)
{
    if (text.n == 0) return false;
    struct scan s = { a, text.p, text.p + text.n };
    return read_doc(&s, d, into) && s.at == s.end;
}

bool doc_copy_members(struct arena *a, struct jw *w, struct str object, bool (*leave_out)(struct str name))
{
    struct str name;
    if (object.n == 0) return false;
    struct scan s = { a, object.p, object.p + object.n };
    TRY(take(&s, '{'));
    if (take(&s, '}')) return s.at == s.end;
    do {
        const char *from = s.at;
        TRY(take_name(&s, &name) && take_value(&s, DOC_DEEPEST));
        if (!leave_out(name)) jw_raw(w, NULL, since(&s, from));
    } while (take(&s, ','));
    return take(&s, '}') && s.at == s.end;
}
