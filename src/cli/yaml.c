/* JSON values as YAML, block style: for --format yaml. */
#include <stdlib.h>
#include <string.h>

#include "cli/output_int.h"

/* May the text stand without quotes? Only what no YAML reader takes for a number, a boolean, a date or syntax. */
static bool is_plain(struct str s)
{
    static const char *const words[] = { "true", "false", "null", "yes", "no", "on", "off", "y", "n" };
    if (s.n == 0 || s.p[s.n - 1] == ' ' || strchr("-? .0123456789+=<~", s.p[0]) != NULL) return false;
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_eq_nocase(s, str_of(words[i]))) return false;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bool ends_key = c == ':' && (i + 1 == s.n || s.p[i + 1] == ' ');
        if (c < ' ' || c > '~' || ends_key || strchr("#{}[],&*!|>'\"%@`", c) != NULL) return false;
    }
    return true;
}

/* JSON's scalars and empty containers are YAML as they stand. */
static void add_scalar(struct buf *b, const json_t *v)
{
    buf_add(b, json_is_string(v) && is_plain(json_str(v)) ? json_str(v) : json_text(b->arena, v, true));
    buf_addc(b, '\n');
}

static bool is_block(const json_t *v)
{
    return (json_is_object(v) && json_object_size(v) > 0) || (json_is_array(v) && json_array_size(v) > 0);
}

static void indent(struct buf *b, unsigned depth)
{
    for (unsigned i = 0; i < depth; i++) buf_addz(b, "  ");
}

static int by_name(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static const char **sorted_names(struct arena *a, const json_t *object, size_t *ret_n)
{
    const char **names = ARENA_ARRAY(a, const char *, json_object_size(object) + 1);
    *ret_n = 0;
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value) names[(*ret_n)++] = name;
    qsort(names, *ret_n, sizeof(*names), by_name);
    return names;
}

static void add_block(struct buf *b, const json_t *v, unsigned depth, bool after_dash);

/* The first member of an object in a list stands on the dash's line. */
static void add_object(struct buf *b, const json_t *v, unsigned depth, bool after_dash)
{
    size_t n;
    const char **names = sorted_names(b->arena, v, &n);
    for (size_t i = 0; i < n; i++) {
        const json_t *member = json_object_get(v, names[i]);
        if (i > 0 || !after_dash) indent(b, depth);
        if (is_plain(str_of(names[i])))
            buf_addz(b, names[i]);
        else
            json_write_string(b, str_of(names[i]));
        buf_addc(b, ':');
        buf_addc(b, is_block(member) ? '\n' : ' ');
        if (is_block(member))
            add_block(b, member, json_is_object(member) ? depth + 1 : depth, false);
        else
            add_scalar(b, member);
    }
}

static void add_block(struct buf *b, const json_t *v, unsigned depth, bool after_dash)
{
    if (json_is_object(v)) {
        add_object(b, v, depth, after_dash);
        return;
    }
    for (size_t i = 0; i < json_array_size(v); i++) {
        const json_t *item = json_array_get(v, i);
        if (i > 0 || !after_dash) indent(b, depth);
        buf_addz(b, "- ");
        if (is_block(item))
            add_block(b, item, depth + 1, true);
        else
            add_scalar(b, item);
    }
}

struct str yaml_text(struct arena *a, const json_t *value)
{
    struct buf b = BUF(a);
    if (is_block(value))
        add_block(&b, value, 0, false);
    else
        add_scalar(&b, value);
    return buf_str(&b);
}
