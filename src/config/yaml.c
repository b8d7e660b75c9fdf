/* YAML documents by libyaml's events. Scalars follow the core schema of YAML 1.2, as Hydra's reader does (`yes` is a text);
 * anchors, aliases and merge keys work; an alias shares its node, so that nothing grows. */
#include <yaml.h>

#include "config/config_int.h"

struct anchor {
    struct str name;
    struct node *node;
    struct anchor *older;
};
struct reader {
    yaml_parser_t parser;
    struct arena *a;
    struct anchor *anchors; /* newest first: a name may be given again */
    int aliases, depth;
    struct fault *f;
};

static int line_of(const yaml_event_t *event) { return (int)event->start_mark.line + 1; }

static bool next(struct reader *r, yaml_event_t *event)
{
    if (yaml_parser_parse(&r->parser, event)) return true;
    const yaml_parser_t *p = &r->parser;
    struct str text = arena_printf(r->a, "is not valid YAML: %s%s%s", p->problem != NULL ? p->problem : "unreadable",
                                   p->context != NULL ? " " : "", p->context != NULL ? p->context : "");
    return fault_set(r->f, (int)p->problem_mark.line + 1, text);
}

static void remember(struct reader *r, const yaml_char_t *name, struct node *node)
{
    if (name == NULL) return;
    struct anchor *n = ARENA_NEW(r->a, struct anchor);
    *n = (struct anchor) { arena_dup(r->a, str_of((const char *)name)), node, r->anchors };
    r->anchors = n;
}

static bool alias(struct reader *r, const yaml_event_t *event, struct node **ret)
{
    struct str name = str_of((const char *)event->data.alias.anchor);
    if (++r->aliases > NODE_ALIASES_MAX) return fault_set(r->f, line_of(event), STR("uses more than 256 aliases"));
    for (struct anchor *n = r->anchors; n != NULL; n = n->older) {
        if (!str_eq(n->name, name)) continue;
        *ret = n->node;
        return true;
    }
    return fault_set(r->f, line_of(event), arena_printf(r->a, "uses the alias *%.*s before it is defined", STR_FMT(name)));
}

static struct node *scalar(struct reader *r, const yaml_event_t *event)
{
    struct str text = arena_dup(r->a, (struct str) { (const char *)event->data.scalar.value, event->data.scalar.length });
    const char *tag = (const char *)event->data.scalar.tag;
    bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (tag != NULL) plain = !str_eq(str_of(tag), STR(YAML_STR_TAG));
    struct node *n = plain ? node_plain(r->a, text, line_of(event)) : NULL;
    return n != NULL ? n : node_text(r->a, text, line_of(event));
}

static bool value(struct reader *r, yaml_event_t *event, struct node **ret);

static bool list(struct reader *r, int line, struct node **ret)
{
    struct node *n = node_new(r->a, NODE_LIST, line);
    for (;;) {
        yaml_event_t event;
        struct node *item;
        TRY(next(r, &event));
        bool end = event.type == YAML_SEQUENCE_END_EVENT;
        bool ok = end || value(r, &event, &item);
        yaml_event_delete(&event);
        TRY(ok);
        if (end) break;
        if (!node_add(r->a, n, STR_NONE, item->line, item))
            return fault_set(r->f, line, STR("has a list of more than 4096 items"));
    }
    *ret = n;
    return true;
}

/* The merge key `<<`: members that the map itself does not have. Its value is a map or a list of maps. */
static bool merge(struct reader *r, struct node *map, const struct node *from, int lists)
{
    if (from->kind == NODE_LIST && lists > 0) {
        for (size_t i = 0; i < from->n; i++) TRY(merge(r, map, from->v[i].value, lists - 1));
        return true;
    }
    if (from->kind != NODE_MAP) return fault_set(r->f, from->line, STR("merges something that is not a map"));
    for (size_t i = 0; i < from->n; i++)
        if (node_get(map, from->v[i].name) == NULL) (void)node_add(r->a, map, from->v[i].name, from->v[i].line, from->v[i].value);
    return true;
}

/* One member; *ret_end at the end of the map. Merged maps wait until all own members are known. */
static bool member(struct reader *r, struct node *map, struct node *merges, bool *ret_end)
{
    yaml_event_t key, event;
    TRY(next(r, &key));
    *ret_end = key.type == YAML_MAPPING_END_EVENT;
    bool is_name = key.type == YAML_SCALAR_EVENT;
    struct str name =
        !is_name ? STR_NONE : arena_dup(r->a, (struct str) { (const char *)key.data.scalar.value, key.data.scalar.length });
    int line = line_of(&key);
    yaml_event_delete(&key);
    if (*ret_end) return true;
    if (!is_name) return fault_set(r->f, line, STR("has a member whose name is not a plain text"));

    struct node *n;
    TRY(next(r, &event));
    bool ok = value(r, &event, &n);
    yaml_event_delete(&event);
    TRY(ok);
    if (str_eq(name, STR("<<")))
        return node_add(r->a, merges, STR_NONE, line, n) || fault_set(r->f, line, STR("merges too much"));
    if (node_add(r->a, map, name, line, n)) return true;
    return fault_set(r->f, line, arena_printf(r->a, "has the member \"%.*s\" twice, or too many members", STR_FMT(name)));
}

static bool map(struct reader *r, int line, struct node **ret)
{
    struct node *n = node_new(r->a, NODE_MAP, line), *merges = node_new(r->a, NODE_LIST, line);
    for (bool end = false; !end;) TRY(member(r, n, merges, &end));
    TRY(merge(r, n, merges, 2)); /* the list of all merge keys' values, and theirs */
    *ret = n;
    return true;
}

/* A value that begins with `event`. An anchor is known only when its value is complete, so no value contains itself. */
static bool value(struct reader *r, yaml_event_t *event, struct node **ret)
{
    int line = line_of(event);
    if (r->depth >= NODE_DEPTH_MAX) return fault_set(r->f, line, STR("is nested deeper than 32 levels"));
    switch (event->type) {
    case YAML_ALIAS_EVENT: return alias(r, event, ret);
    case YAML_SCALAR_EVENT:
        *ret = scalar(r, event);
        remember(r, event->data.scalar.anchor, *ret);
        return true;
    case YAML_SEQUENCE_START_EVENT:
        r->depth++;
        TRY(list(r, line, ret));
        r->depth--;
        remember(r, event->data.sequence_start.anchor, *ret);
        return true;
    case YAML_MAPPING_START_EVENT:
        r->depth++;
        TRY(map(r, line, ret));
        r->depth--;
        remember(r, event->data.mapping_start.anchor, *ret);
        return true;
    default: return fault_set(r->f, line, STR("ends in the middle of a value"));
    }
}

/* Takes one event and says its type; for those that carry nothing. */
static bool skip(struct reader *r, yaml_event_type_t *ret, int *ret_line)
{
    yaml_event_t event;
    TRY(next(r, &event));
    *ret = event.type;
    *ret_line = line_of(&event);
    yaml_event_delete(&event);
    return true;
}

static bool document(struct reader *r, struct node **ret)
{
    yaml_event_type_t type;
    int line;
    TRY(skip(r, &type, &line)); /* start of the stream */
    TRY(skip(r, &type, &line));
    *ret = node_new(r->a, NODE_MAP, 1);
    if (type == YAML_STREAM_END_EVENT) return true;

    yaml_event_t event;
    struct node *n;
    TRY(next(r, &event));
    bool ok = value(r, &event, &n);
    yaml_event_delete(&event);
    TRY(ok);
    if (n->kind != NODE_MAP && n->kind != NODE_NULL) return fault_set(r->f, n->line, STR("must hold an object"));
    if (n->kind == NODE_MAP) *ret = n;
    TRY(skip(r, &type, &line)); /* end of the document */
    TRY(skip(r, &type, &line));
    if (type != YAML_STREAM_END_EVENT) return fault_set(r->f, line, STR("holds more than one document"));
    return true;
}

bool yaml_read(struct arena *a, struct str text, struct node **ret, struct fault *f)
{
    struct reader r = { .a = a, .f = f };
    if (!yaml_parser_initialize(&r.parser)) return fault_set(f, 0, STR("cannot be read: out of memory"));
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text.p, text.n);
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    bool ok = document(&r, ret);
    yaml_parser_delete(&r.parser);
    return ok;
}
