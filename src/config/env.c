/* Settings from environment variables, as Hydra maps them: the lower-cased name with '.' for '_' is compared with every path in
 * which '_' is '.', too. Objects first, then keys, then single elements of lists, so that the more exact name wins. */
#include <ctype.h>
#include <string.h>

#include "config/config_int.h"

enum { INDEX_DIGITS_MAX = 3 };

static int folded(char c) { return c == '_' ? '.' : tolower((unsigned char)c); }

/* What stands in `path` behind the part that the variable names: '\0' when it names the key, '.' when it names a group that the
 * key is in. Anything else: it names neither. */
static char behind(struct str variable, const char *path)
{
    for (size_t i = 0; i < variable.n; i++)
        if (path[i] == '\0' || folded(variable.p[i]) != folded(path[i])) return '?';
    return path[variable.n];
}

static struct config_place place_of(struct str variable)
{
    return (struct config_place) { .origin = ORIGIN_ENV, .name = variable };
}

static void bad_value(struct load *l, enum config_key key, struct str variable, struct str value, const char *reason)
{
    bool secret = config_keys[key].flags & SECRET;
    struct config_place place = place_of(variable);
    report_add(l, (struct config_problem) { .key = str_of(config_keys[key].path),
                                            .place = place_text(l->a, &place),
                                            .value = secret ? STR("(hidden)") : node_show(l->a, node_text(l->a, value, 0)),
                                            .reason = str_of(reason),
                                            .remedy = STR("Change the variable's value or unset it.") });
}

/* A variable named like a group: taken for the whole object when it is a JSON object, for the group's bare key when it has one,
 * else it is somebody else's (DB=postgres). */
static void take_group(struct load *l, struct str group, struct str variable, struct str text)
{
    struct place_in in = { l, place_of(variable) };
    enum config_key bare;
    if (!str_starts(str_trim(text), STR("{"))) {
        if (key_bare(group, &bare)) load_bare(l, group, bare, node_text(l->a, text, 0), in.place);
        return;
    }
    struct node *map;
    struct fault fault;
    if (json_value_read(l->a, text, &map, &fault)) {
        load_map(&in, group, map);
        return;
    }
    report_add(l, (struct config_problem) { .key = group,
                                            .place = place_text(l->a, &in.place),
                                            .value = STR("{…}"),
                                            .reason = STR("is not a valid JSON object"),
                                            .remedy = STR("Write the whole object as JSON, or unset the variable.") });
}

static void take_groups(struct load *l, struct str variable, struct str text)
{
    for (enum config_key k = 0; k < CONFIG_KEY_MAX_; k++) {
        if (behind(variable, config_keys[k].path) != '.') continue;
        struct str group = { config_keys[k].path, variable.n };
        if (k == 0 || !key_in_group(k - 1, group)) take_group(l, group, variable, text);
    }
}

/* Lists from the environment lie over lists from files element by element: what is longer in the file stays. */
static const struct node *overlay(struct load *l, enum config_key key, const struct node *list, struct str variable)
{
    const struct slot *below = &l->slots[key];
    if (list->kind != NODE_LIST || below->place.origin != ORIGIN_FILE || below->node->kind != NODE_LIST) return list;
    if (below->node->n <= list->n) return list;
    struct node *both = node_new(l->a, NODE_LIST, 0);
    for (size_t i = 0; i < below->node->n; i++)
        (void)node_add(l->a, both, STR_NONE, 0, i < list->n ? list->v[i].value : below->node->v[i].value);
    struct str file = place_text(l->a, &below->place);
    report_note(l, "%s has %zu elements: %zu from %.*s, the others from %.*s.", config_keys[key].path, both->n, list->n,
                STR_FMT(variable), STR_FMT(file));
    return both;
}

static void take_key(struct load *l, enum config_key key, struct str variable, struct str text)
{
    const struct node *node;
    const char *why;
    if (!value_decode(l->a, key, text, &node, &why)) {
        bad_value(l, key, variable, text, why);
        return;
    }
    if (config_keys[key].type == TYPE_LIST) node = overlay(l, key, node, variable);
    load_set(l, key, node, place_of(variable));
}

static void take_keys(struct load *l, struct str variable, struct str text)
{
    for (enum config_key k = 0; k < CONFIG_KEY_MAX_; k++)
        if (behind(variable, config_keys[k].path) == '\0' && !(config_keys[k].flags & NO_ENV)) take_key(l, k, variable, text);
}

/* One element. Places that nobody fills stay null and are refused later. */
static void take_element(struct load *l, enum config_key key, size_t index, struct str variable, struct str text)
{
    const struct slot *below = &l->slots[key];
    size_t there = below->node != NULL && below->node->kind == NODE_LIST ? below->node->n : 0;
    struct node *list = node_new(l->a, NODE_LIST, 0);
    for (size_t i = 0; i < there || i <= index; i++) {
        struct node *item = i < there ? below->node->v[i].value : node_new(l->a, NODE_NULL, 0);
        (void)node_add(l->a, list, STR_NONE, 0, i == index ? node_text(l->a, text, 0) : item);
    }
    struct str file = place_text(l->a, &below->place);
    if (below->place.origin == ORIGIN_FILE)
        report_note(l, "%s has %zu elements: element %zu from %.*s, the others from %.*s.", config_keys[key].path, list->n, index,
                    STR_FMT(variable), STR_FMT(file));
    load_set(l, key, list, place_of(variable));
}

static void take_elements(struct load *l, struct str variable, struct str text)
{
    size_t digits = 0;
    while (digits < variable.n && isdigit((unsigned char)variable.p[variable.n - 1 - digits])) digits++;
    if (digits == 0 || digits > INDEX_DIGITS_MAX || variable.n < digits + 2) return;
    struct str name = str_upto(variable, variable.n - digits - 1);
    if (variable.p[name.n] != '_') return;

    int64_t index;
    if (!str_to_int(str_from(variable, name.n + 1), &index)) return;
    for (enum config_key k = 0; k < CONFIG_KEY_MAX_; k++)
        if (config_keys[k].type == TYPE_LIST && behind(name, config_keys[k].path) == '\0')
            take_element(l, k, (size_t)index, variable, text);
}

void load_env(struct load *l)
{
    static void (*const passes[])(struct load *, struct str, struct str) = { take_groups, take_keys, take_elements };
    if (l->s->env == NULL) return;
    for (size_t pass = 0; pass < ARRAY_LEN(passes); pass++)
        for (size_t i = 0; l->s->env[i] != NULL; i++) {
            struct str name, text;
            if (str_split_once(str_of(l->s->env[i]), '=', &name, &text)) passes[pass](l, name, text);
        }
}
