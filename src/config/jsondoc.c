/* JSON documents: jansson judges the whole text and decodes its strings; the walk over the judged text here exists only to know
 * the line of every member, for messages. */
#include <string.h>

#include "config/config_int.h"

struct reader {
    struct arena *a;
    const char *p, *end;
    int line, depth;
    struct fault *f;
};

static void blanks(struct reader *r)
{
    for (; r->p < r->end && strchr(" \t\r\n", *r->p) != NULL && *r->p != '\0'; r->p++)
        if (*r->p == '\n') r->line++;
}

static bool text(struct reader *r, struct str *ret)
{
    const char *start = r->p++;
    while (r->p < r->end && *r->p != '"') r->p += *r->p == '\\' ? 2 : 1;
    struct err e = ERR_INIT(r->a);
    json_t *decoded;
    struct str quoted = { start, (size_t)(++r->p - start) };
    if (!json_read(r->a, quoted, &decoded, NULL, &e)) return fault_set(r->f, r->line, STR("has a text that cannot be decoded"));
    *ret = json_str(decoded);
    return true;
}

static bool value(struct reader *r, struct node **ret);

static bool members(struct reader *r, struct node *parent, char close)
{
    for (r->p++, blanks(r); *r->p != close; blanks(r)) {
        int line = r->line;
        struct str name = STR_NONE;
        if (parent->kind == NODE_MAP) {
            TRY(text(r, &name));
            blanks(r);
            r->p++; /* the colon */
        }
        struct node *item;
        TRY(value(r, &item));
        if (!node_add(r->a, parent, name, line, item))
            return fault_set(r->f, line, arena_printf(r->a, "has the member \"%.*s\" twice, or too many members", STR_FMT(name)));
        blanks(r);
        if (*r->p == ',') r->p++;
    }
    r->p++;
    return true;
}

static bool value(struct reader *r, struct node **ret)
{
    blanks(r);
    int line = r->line;
    if (*r->p == '"') {
        struct str decoded;
        TRY(text(r, &decoded));
        *ret = node_text(r->a, decoded, line);
        return true;
    }
    if (*r->p == '{' || *r->p == '[') {
        if (++r->depth > NODE_DEPTH_MAX) return fault_set(r->f, line, STR("is nested deeper than 32 levels"));
        *ret = node_new(r->a, *r->p == '{' ? NODE_MAP : NODE_LIST, line);
        TRY(members(r, *ret, *r->p == '{' ? '}' : ']'));
        r->depth--;
        return true;
    }
    const char *start = r->p;
    while (r->p < r->end && strchr(" \t\r\n,]}", *r->p) == NULL) r->p++;
    *ret = node_plain(r->a, arena_dup(r->a, (struct str) { start, (size_t)(r->p - start) }), line);
    return *ret != NULL || fault_set(r->f, line, STR("has a number that cannot be read"));
}

bool json_value_read(struct arena *a, struct str document, struct node **ret, struct fault *f)
{
    struct err e = ERR_INIT(a);
    json_t *judged;
    if (!json_read(a, document, &judged, NULL, &e)) return fault_set(f, 0, arena_printf(a, "is not valid JSON: %s", e.hint));
    struct str own = arena_dup(a, document); /* ends with NUL */
    struct reader r = { .a = a, .p = own.p, .end = own.p + own.n, .line = 1, .f = f };
    return value(&r, ret);
}

bool jsondoc_read(struct arena *a, struct str document, struct node **ret, struct fault *f)
{
    struct node *n = node_new(a, NODE_NULL, 1);
    if (str_trim(document).n > 0) TRY(json_value_read(a, document, &n, f));
    if (n->kind != NODE_NULL && n->kind != NODE_MAP) return fault_set(f, 1, STR("must hold an object"));
    *ret = n->kind == NODE_MAP ? n : node_new(a, NODE_MAP, 1);
    return true;
}
