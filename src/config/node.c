/* Documents as trees of values, whatever format they were written in. Knows nothing of keys. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_int.h"

struct node *node_new(struct arena *a, enum node_kind kind, int line)
{
    struct node *n = ARENA_NEW(a, struct node);
    n->kind = kind;
    n->line = line;
    return n;
}

struct node *node_text(struct arena *a, struct str text, int line)
{
    struct node *n = node_new(a, NODE_TEXT, line);
    n->text = text;
    return n;
}

struct node *node_int(struct arena *a, int64_t i, struct str text, int line)
{
    struct node *n = node_new(a, NODE_INT, line);
    n->text = text;
    n->i = i;
    n->real = (double)i;
    return n;
}

struct node *node_real(struct arena *a, double d, struct str text, int line)
{
    struct node *n = node_new(a, NODE_REAL, line);
    n->text = text;
    n->real = d;
    return n;
}

struct node *node_bool(struct arena *a, bool yes, struct str text, int line)
{
    struct node *n = node_new(a, NODE_BOOL, line);
    n->text = text;
    n->yes = yes;
    return n;
}

struct node *node_get(const struct node *map, struct str name)
{
    for (size_t i = 0; i < map->n; i++)
        if (str_eq(map->v[i].name, name)) return map->v[i].value;
    return NULL;
}

bool node_add(struct arena *a, struct node *parent, struct str name, int line, struct node *value)
{
    if (parent->n == NODE_ITEMS_MAX) return false;
    if (parent->kind == NODE_MAP && node_get(parent, name) != NULL) return false;
    if (parent->n == parent->cap) {
        size_t cap = parent->cap == 0 ? 4 : parent->cap * 2;
        struct node_item *v = ARENA_ARRAY(a, struct node_item, cap);
        if (parent->n > 0) memcpy(v, parent->v, parent->n * sizeof(*v));
        parent->v = v;
        parent->cap = cap;
    }
    parent->v[parent->n++] = (struct node_item) { name, line, value };
    return true;
}

const char *node_kind_name(const struct node *n)
{
    static const char *const names[] = { "null", "a boolean", "a number", "a number", "a string", "a list", "an object" };
    return names[n->kind];
}

static bool is_one_of(struct str s, const char *words) { return s.n > 0 && key_word(words, s) >= 0; }

/* Digits of one base, an optional sign before the prefix. */
static bool read_int(struct str s, int64_t *ret)
{
    char digits[72];
    if (s.n == 0 || s.n >= sizeof(digits)) return false;
    struct str rest = str_from(s, s.p[0] == '-' || s.p[0] == '+');
    int base = 10;
    if (rest.n > 1 && rest.p[0] == '0') {
        static const char prefixes[] = "xob";
        static const int bases[] = { 16, 8, 2 };
        const char *prefix = strchr(prefixes, rest.p[1]);
        base = prefix != NULL ? bases[prefix - prefixes] : 8; /* YAML 1.1: 0755 */
        rest = str_from(rest, prefix != NULL ? 2 : 1);
    }
    for (size_t i = 0; i < rest.n; i++)
        if (!isxdigit((unsigned char)rest.p[i])) return false;
    if (rest.n == 0) return false;
    size_t sign = s.p[0] == '-';
    digits[0] = '-';
    memcpy(digits + sign, rest.p, rest.n);
    digits[sign + rest.n] = '\0';
    char *end;
    errno = 0;
    long long value = strtoll(digits, &end, base);
    if (errno != 0 || end != digits + sign + rest.n) return false;
    *ret = value;
    return true;
}

static bool read_real(struct str s, double *ret)
{
    char digits[72];
    if (s.n == 0 || s.n >= sizeof(digits)) return false;
    for (size_t i = 0; i < s.n; i++)
        if (strchr("0123456789+-.eE", s.p[i]) == NULL || s.p[i] == '\0') return false;
    memcpy(digits, s.p, s.n);
    digits[s.n] = '\0';
    char *end;
    double value = strtod(digits, &end);
    if (end != digits + s.n || value > 1e300 || value < -1e300) return false;
    *ret = value;
    return true;
}

/* YAML 1.2 10.3.2 */
struct node *node_plain(struct arena *a, struct str text, int line)
{
    int64_t i;
    double d;
    if (text.n == 0 || is_one_of(text, "~|null|Null|NULL")) return node_new(a, NODE_NULL, line);
    if (is_one_of(text, "true|True|TRUE")) return node_bool(a, true, text, line);
    if (is_one_of(text, "false|False|FALSE")) return node_bool(a, false, text, line);
    if (read_int(text, &i)) return node_int(a, i, text, line);
    if (read_real(text, &d)) return node_real(a, d, text, line);
    return NULL;
}

static void show(struct buf *b, const struct node *n)
{
    enum { ENOUGH = 200 };
    if (b->n > ENOUGH) return;
    switch (n->kind) {
    case NODE_NULL: buf_addz(b, "null"); return;
    case NODE_BOOL: buf_addz(b, n->yes ? "true" : "false"); return;
    case NODE_INT: buf_addi(b, n->i); return;
    case NODE_REAL: buf_add(b, n->text); return;
    case NODE_TEXT: json_write_string(b, str_upto(n->text, ENOUGH)); return;
    case NODE_LIST:
    case NODE_MAP: break;
    }
    buf_addc(b, n->kind == NODE_LIST ? '[' : '{');
    for (size_t i = 0; i < n->n && b->n <= ENOUGH; i++) {
        if (i > 0) buf_addc(b, ',');
        if (n->kind == NODE_MAP) {
            json_write_string(b, n->v[i].name);
            buf_addc(b, ':');
        }
        show(b, n->v[i].value);
    }
    buf_addz(b, b->n > ENOUGH ? "…" : n->kind == NODE_LIST ? "]" : "}");
}

struct str node_show(struct arena *a, const struct node *n)
{
    struct buf b = BUF(a);
    show(&b, n);
    return buf_str(&b);
}

bool document_read(struct arena *a, struct str name, struct str text, struct node **ret, struct fault *f)
{
    static const struct {
        const char *extension;
        bool (*read)(struct arena *a, struct str text, struct node **ret, struct fault *f);
    } formats[] = { { ".yml", yaml_read }, { ".yaml", yaml_read }, { ".json", jsondoc_read }, { ".toml", toml_read } };

    if (text.n > NODE_BYTES_MAX) return fault_set(f, 0, STR("is larger than 1 MiB"));
    if (!str_is_utf8(text)) return fault_set(f, 0, STR("is not UTF-8 text"));
    for (size_t i = 0; i < ARRAY_LEN(formats); i++)
        if (str_ends(name, str_of(formats[i].extension))) return formats[i].read(a, text, ret, f);

    struct str base = name;
    while (str_has(base, '/')) (void)str_cut(&base, '/');
    const char *dot = base.n > 0 ? memrchr(base.p, '.', base.n) : NULL;
    struct str extension = dot == NULL ? STR("") : str_from(base, (size_t)(dot - base.p));
    return fault_set(f, 0, arena_printf(a, "unknown config file extension: %.*s", STR_FMT(extension)));
}
