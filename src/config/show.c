/* Printing: the settings in force and the schema. Both walk the table's rows as the tree that their paths make; the table's order
 * keeps groups together. */
#include <string.h>

#include "config/config_int.h"

/* ---- rows as a tree ---- */

enum { PARTS_MAX = 8 };
struct parts {
    struct str v[PARTS_MAX];
    size_t n;
};

static struct parts parts_of(const char *path)
{
    struct parts parts = { 0 };
    for (struct str rest = str_of(path); rest.p != NULL && parts.n < PARTS_MAX;) parts.v[parts.n++] = str_cut(&rest, '.');
    return parts;
}

struct printer {
    struct arena *a;
    const struct config *c;
    bool masked;
    struct buf out;
    struct jw json;
    bool (*wanted)(const struct printer *p, enum config_key key);
    void (*open)(struct printer *p, struct str group, const struct parts *path, size_t depth);
    void (*close)(struct printer *p);
    void (*leaf)(struct printer *p, enum config_key key, const struct parts *path);
};

static void open_groups(struct printer *p, const char *path, const struct parts *parts, size_t from)
{
    for (size_t depth = from; depth + 1 < parts->n; depth++) {
        struct str last = parts->v[depth];
        p->open(p, (struct str) { path, (size_t)(last.p + last.n - path) }, parts, depth);
    }
}

static void walk(struct printer *p)
{
    struct parts before = { .n = 1 };
    for (enum config_key k = 0; k < CONFIG_KEY_MAX_; k++) {
        if (p->wanted != NULL && !p->wanted(p, k)) continue;
        struct parts parts = parts_of(config_keys[k].path);
        size_t same = 0;
        while (same + 1 < parts.n && same + 1 < before.n && str_eq(parts.v[same], before.v[same])) same++;
        for (size_t depth = before.n - 1; depth > same; depth--) p->close(p);
        open_groups(p, config_keys[k].path, &parts, same);
        p->leaf(p, k, &parts);
        before = parts;
    }
    for (size_t depth = before.n - 1; depth > 0; depth--) p->close(p);
}

/* ---- values ---- */

static struct str word_of(enum config_key key, int index)
{
    struct str rest = str_of(config_keys[key].words), word = STR_NONE;
    for (int i = 0; i <= index && rest.p != NULL; i++) word = str_cut(&rest, '|');
    return word;
}

/* As files spell it: whole numbers only. */
static struct str span_text(struct arena *a, usec_t span)
{
    static const struct {
        const char *name;
        usec_t size;
    } units[] = {
        { "h", 3600 * USEC_PER_SEC }, { "m", 60 * USEC_PER_SEC }, { "s", USEC_PER_SEC }, { "ms", USEC_PER_MS }, { "us", 1 }
    };
    if (span == CONFIG_FOREVER) return STR("-1");
    if (span == 0) return STR("0s");
    struct buf b = BUF(a);
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (span >= units[i].size) buf_addf(&b, "%lld%s", (long long)(span / units[i].size), units[i].name);
        span %= units[i].size;
    }
    return buf_str(&b);
}

static void write_map(struct jw *w, const char *name, const struct params *map)
{
    jw_object(w, name);
    for (size_t i = 0; i < map->n; i++) jw_str(w, map->v[i].name.p, map->v[i].value);
    jw_end(w);
}

static void write_hidden(struct printer *p, struct jw *w, const char *name, enum config_key key)
{
    const void *m = key_member(p->c, key);
    if (key == CONFIG_dsn)
        jw_str(w, name, config_dsn_shown(p->a, p->c->dsn));
    else if (config_keys[key].type == TYPE_LIST)
        jw_str(w, name, arena_printf(p->a, "(%zu hidden)", ((const struct strs *)m)->n));
    else
        jw_str(w, name, STR("(hidden)"));
}

static void write_value(struct printer *p, struct jw *w, const char *name, enum config_key key)
{
    const void *m = key_member(p->c, key);
    if (p->masked && config_keys[key].flags & SECRET) {
        write_hidden(p, w, name, key);
        return;
    }
    switch (config_keys[key].type) {
    case TYPE_TEXT: jw_str(w, name, *(const struct str *)m); break;
    case TYPE_YESNO: jw_bool(w, name, *(const bool *)m); break;
    case TYPE_COUNT: jw_int(w, name, *(const int64_t *)m); break;
    case TYPE_RATIO: jw_raw(w, name, arena_printf(p->a, "%g", *(const double *)m)); break;
    case TYPE_SPAN: jw_str(w, name, span_text(p->a, *(const usec_t *)m)); break;
    case TYPE_CHOICE: jw_str(w, name, word_of(key, *(const int *)m)); break;
    case TYPE_LIST: jw_strs(w, name, *(const struct strs *)m); break;
    case TYPE_MAP: write_map(w, name, m); break;
    case TYPE_MAX_: break;
    }
}

/* ---- the settings in force ---- */

static bool has_value(const struct printer *p, enum config_key key)
{
    return config_keys[key].def != NULL || config_is_set(p->c, key);
}

static void json_open(struct printer *p, struct str group, const struct parts *path, size_t depth)
{
    (void)group;
    jw_object(&p->json, arena_dupz(p->a, path->v[depth]));
}

static void json_close(struct printer *p) { jw_end(&p->json); }

static void json_leaf(struct printer *p, enum config_key key, const struct parts *path)
{
    write_value(p, &p->json, path->v[path->n - 1].p, key);
}

static void yaml_name(struct printer *p, const struct parts *path, size_t depth)
{
    buf_addf(&p->out, "%*s%.*s:", (int)depth * 2, "", STR_FMT(path->v[depth]));
}

static void yaml_open(struct printer *p, struct str group, const struct parts *path, size_t depth)
{
    (void)group;
    yaml_name(p, path, depth);
    buf_addc(&p->out, '\n');
}

static void yaml_close(struct printer *p) { (void)p; }

/* JSON's scalars and lists are YAML, too. Behind the value stands where it comes from. */
static void yaml_leaf(struct printer *p, enum config_key key, const struct parts *path)
{
    struct buf b = BUF(p->a);
    struct jw value = JW(&b);
    jw_array(&value, NULL);
    write_value(p, &value, NULL, key);
    jw_end(&value);
    struct str text = buf_str(&b);
    yaml_name(p, path, path->n - 1);
    buf_addf(&p->out, " %.*s", (int)text.n - 2, text.p + 1);
    struct str where = config_where(p->a, p->c, key);
    if (config_is_set(p->c, key)) buf_addf(&p->out, "  # %.*s", STR_FMT(where));
    buf_addc(&p->out, '\n');
}

struct str config_show(struct arena *a, const struct config *c, enum config_form form, bool masked)
{
    bool json = form == CONFIG_JSON;
    struct printer p = { .a = a,
                         .c = c,
                         .masked = masked,
                         .out = BUF(a),
                         .wanted = has_value,
                         .open = json ? json_open : yaml_open,
                         .close = json ? json_close : yaml_close,
                         .leaf = json ? json_leaf : yaml_leaf };
    p.json = JW(&p.out);
    if (json) jw_object(&p.json, NULL);
    walk(&p);
    if (json) jw_end(&p.json);
    if (json) buf_addc(&p.out, '\n');
    return buf_str(&p.out);
}

/* ---- the schema ---- */

static void schema_group(struct printer *p, struct str group)
{
    enum config_key bare;
    jw_array(&p->json, "type");
    jw_str(&p->json, NULL, STR("object"));
    jw_str(&p->json, NULL, STR("null"));
    if (key_bare(group, &bare)) jw_str(&p->json, NULL, STR("string"));
    jw_end(&p->json);
    jw_bool(&p->json, "additionalProperties", key_group_is_open(group));
    jw_object(&p->json, "properties");
}

static void schema_open(struct printer *p, struct str group, const struct parts *path, size_t depth)
{
    jw_object(&p->json, arena_dupz(p->a, path->v[depth]));
    schema_group(p, group);
}

static void schema_close(struct printer *p)
{
    jw_end(&p->json);
    jw_end(&p->json);
}

static void schema_words(struct printer *p, const char *words)
{
    if (words != NULL) jw_strs(&p->json, "enum", strs_split(p->a, str_of(words), '|'));
}

static void schema_items(struct printer *p, const struct key_row *row)
{
    jw_object(&p->json, "items");
    jw_str(&p->json, "type", STR("string"));
    if (row->low > 0) jw_int(&p->json, "minLength", row->low);
    schema_words(p, row->words);
    jw_end(&p->json);
}

static void schema_span(struct printer *p, const struct key_row *row)
{
    if (!(row->flags & FOREVER)) {
        jw_str(&p->json, "type", STR("string"));
        jw_str(&p->json, "pattern", STR("^([0-9]+(ns|us|ms|s|m|h))+$"));
        return;
    }
    jw_raw(&p->json, "oneOf", STR("[{\"type\":\"string\",\"pattern\":\"^([0-9]+(ns|us|ms|s|m|h))+$\"},{\"enum\":[\"-1\",-1]}]"));
}

static void schema_leaf(struct printer *p, enum config_key key, const struct parts *path)
{
    const struct key_row *row = &config_keys[key];
    static const char *const types[TYPE_MAX_] = { "string", "boolean", "integer", "number", NULL, "string", "array", "object" };
    jw_object(&p->json, path->v[path->n - 1].p);
    jw_str(&p->json, "description", str_of(row->help));
    if (types[row->type] != NULL) jw_str(&p->json, "type", str_of(types[row->type]));
    if (row->type == TYPE_TEXT && row->low > 0) jw_int(&p->json, "minLength", row->low);
    if (row->type == TYPE_COUNT || row->type == TYPE_RATIO) jw_int(&p->json, "minimum", row->low);
    if (row->type == TYPE_COUNT || row->type == TYPE_RATIO) jw_int(&p->json, "maximum", row->high);
    if (row->type == TYPE_CHOICE) schema_words(p, row->words);
    if (row->type == TYPE_LIST) schema_items(p, row);
    if (row->type == TYPE_SPAN) schema_span(p, row);
    jw_end(&p->json);
}

struct str config_schema(struct arena *a)
{
    struct printer p = { .a = a, .out = BUF(a), .open = schema_open, .close = schema_close, .leaf = schema_leaf };
    p.json = JW(&p.out);
    jw_object(&p.json, NULL);
    jw_str(&p.json, "$schema", STR("http://json-schema.org/draft-07/schema#"));
    jw_str(&p.json, "title", STR("grantd configuration"));
    schema_group(&p, STR_NONE);
    walk(&p);
    schema_close(&p);
    buf_addc(&p.out, '\n');
    return buf_str(&p.out);
}
