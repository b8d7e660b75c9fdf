/* From sources to a checked snapshot: every source puts values into one slot per key, later ones over earlier ones; then the
 * slots' values are checked and stored, then what they mean together is. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "config/config_int.h"

void load_set(struct load *l, enum config_key key, const struct node *node, struct config_place place)
{
    l->slots[key] = (struct slot) { node, place };
}

/* A plain text replaces the whole object: what an earlier source said about its other members goes. */
void load_bare(struct load *l, struct str group, enum config_key key, const struct node *node, struct config_place place)
{
    for (enum config_key k = 0; k < CONFIG_KEY_MAX_; k++)
        if (key_in_group(k, group)) l->slots[k] = (struct slot) { 0 };
    load_set(l, key, node, place);
}

static struct config_place at_line(const struct place_in *in, int line)
{
    struct config_place place = in->place;
    if (place.origin == ORIGIN_FILE) place.line = line;
    return place;
}

static void unknown_member(const struct place_in *in, struct str group, struct str path, const struct node_item *item)
{
    struct load *l = in->l;
    struct config_place place = at_line(in, item->line);
    struct str where = place_text(l->a, &place);
    struct str near = key_nearest(path);
    if (key_group_is_open(group)) {
        struct str guess = near.n == 0 ? STR("") : arena_printf(l->a, " Did you mean %.*s?", STR_FMT(near));
        report_warn(l, "%.*s (%.*s) is not a known key; it is ignored.%.*s", STR_FMT(path), STR_FMT(where), STR_FMT(guess));
        return;
    }
    struct str remedy = near.n == 0 ? STR("Remove it, or look for its right name with `grantd config reference`.")
                                    : arena_printf(l->a, "Did you mean %.*s?", STR_FMT(near));
    report_add(l, (struct config_problem) {
                      .key = group.n > 0 ? group : STR("(root)"),
                      .place = where,
                      .value = STR("{…}"),
                      .reason = arena_printf(l->a, "additionalProperties \"%.*s\" not allowed", STR_FMT(item->name)),
                      .remedy = remedy });
}

/* A group whose members may be missing, but which is no object. */
static void not_a_map(const struct place_in *in, struct str group, const struct node_item *item)
{
    struct load *l = in->l;
    struct config_place place = at_line(in, item->line);
    enum config_key bare;
    if (item->value->kind == NODE_NULL) return;
    if (item->value->kind == NODE_TEXT && key_bare(group, &bare)) {
        load_bare(l, group, bare, item->value, place);
        return;
    }
    bool secret = key_group_has_secrets(group);
    report_add(l,
               (struct config_problem) { .key = group,
                                         .place = place_text(l->a, &place),
                                         .value = secret ? STR("(hidden)") : node_show(l->a, item->value),
                                         .reason = arena_printf(l->a, "expected object, but got %s", node_kind_name(item->value)),
                                         .remedy = STR("Write its members on lines of their own, indented.") });
}

void load_map(const struct place_in *in, struct str group, const struct node *map)
{
    for (size_t i = 0; i < map->n; i++) {
        const struct node_item *item = &map->v[i];
        struct str path = group.n == 0 ? item->name : ARENA_CAT(in->l->a, group, STR("."), item->name);
        enum config_key key;
        if (config_key_by_path(path, &key))
            load_set(in->l, key, item->value, at_line(in, item->line));
        else if (item->name.n == 0 || !key_is_group(path))
            unknown_member(in, group, path, item);
        else if (item->value->kind == NODE_MAP)
            load_map(in, path, item->value);
        else
            not_a_map(in, path, item);
    }
}

/* ---- files ---- */

/* About a file as a whole; such a problem has no place. */
static void bad_file(struct load *l, struct str name, int line, struct str reason)
{
    struct config_report *r = l->report;
    l->incomplete = true;
    if (r->n == PROBLEMS_MAX) return;
    if (r->problems == NULL) r->problems = ARENA_ARRAY(l->a, struct config_problem, PROBLEMS_MAX);
    struct str key = line > 0 ? arena_printf(l->a, "%.*s:%d", STR_FMT(name), line) : name;
    r->problems[r->n++] = (struct config_problem) { .key = key, .reason = reason };
}

static void load_text(struct load *l, struct str name, struct str text)
{
    struct node *map;
    struct fault fault = { 0 };
    struct place_in in = { l, { .origin = ORIGIN_FILE, .name = name } };
    if (document_read(l->a, name, text, &map, &fault))
        load_map(&in, STR_NONE, map);
    else
        bad_file(l, name, fault.line, fault.text);
}

/* At most one byte more than a document may have. False with errno. */
static bool read_all(struct arena *a, const char *name, struct str *ret)
{
    int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return false;
    struct buf b = BUF(a);
    ssize_t n;
    do {
        buf_reserve(&b, 16384);
        n = read(fd, b.p + b.n, 16384);
        if (n > 0) b.n += (size_t)n;
    } while (n > 0 && b.n <= NODE_BYTES_MAX);
    int why = errno;
    close(fd);
    errno = why;
    *ret = buf_str(&b);
    return n >= 0;
}

static void load_file(struct load *l, struct str name)
{
    struct str text;
    char *path = arena_dupz(l->a, name);
    if (read_all(l->a, path, &text)) {
        load_text(l, name, text);
        return;
    }
    char *why = arena_dupz(l->a, str_of(strerror(errno)));
    why[0] = (char)tolower((unsigned char)why[0]);
    bad_file(l, name, 0, arena_printf(l->a, "open %s: %s", path, why));
}

static void load_files(struct load *l)
{
    for (size_t i = 0; i < l->s->files.n; i++)
        for (struct str rest = l->s->files.v[i]; rest.p != NULL;) {
            struct str name = str_cut(&rest, ',');
            if (name.n > 0) load_file(l, name);
        }
    for (size_t i = 0; i < l->s->texts_n; i++) load_text(l, l->s->texts[i].name, l->s->texts[i].text);
}

/* ---- flags ---- */

static void load_flag(struct load *l, enum config_key key, enum config_flag flag, const char *name)
{
    if (flag == FLAG_UNSET) return;
    struct config_place place = { .origin = ORIGIN_FLAG, .name = str_of(name) };
    load_set(l, key, node_bool(l->a, flag == FLAG_ON, str_of(flag == FLAG_ON ? "true" : "false"), 0), place);
}

/* A file that carries `dev: true` by accident must not turn off the checks: what files say about it is dropped. */
static struct slot drop_dev(struct load *l)
{
    struct slot said = l->slots[CONFIG_dev];
    l->slots[CONFIG_dev] = (struct slot) { 0 };
    return said;
}

static void warn_dev(struct load *l, const struct slot *said)
{
    if (said->node == NULL || said->node->kind != NODE_BOOL || !said->node->yes || l->c->dev) return;
    struct str file = place_text(l->a, &said->place);
    report_warn(
        l, "`dev: true` in %.*s has no effect: only the flag --dev or DEV=true in the environment switch development mode on.",
        STR_FMT(file));
}

/* `old` is NULL when nothing is in force yet. */
static bool load_all(struct arena *a, const struct config *old, const struct config_sources *s, const struct config **ret,
                     struct config_report *report)
{
    *report = (struct config_report) { 0 };
    struct arena *own = arena_new();
    struct config *c = ARENA_NEW(own, struct config);
    c->arena = own;
    c->refs = 1;
    struct load *l = ARENA_NEW(a, struct load);
    *l = (struct load) { .a = a, .s = s, .c = c, .report = report };

    load_files(l);
    struct slot dev_in_file = drop_dev(l);
    load_flag(l, CONFIG_dev, s->dev, "--dev");
    load_flag(l, CONFIG_sqa_opt_out, s->sqa_opt_out, "--sqa-opt-out");
    load_env(l);
    if (s->dsn.n > 0) load_set(l, CONFIG_dsn, node_text(a, s->dsn, 0), (struct config_place) { .origin = ORIGIN_ARGUMENT });
    values_store(l);
    if (old != NULL) reload_keep(l, old);
    c->plain_http = c->dev || s->force_http;
    c->insecure_redirects = strs_dup(own, s->insecure_redirects);
    warn_dev(l, &dev_in_file);
    check_all(l);

    if (report->n > 0) {
        config_unref(c);
        return false;
    }
    *ret = c;
    return true;
}

bool config_load(struct arena *a, const struct config_sources *s, const struct config **ret, struct config_report *report)
{
    return load_all(a, NULL, s, ret, report);
}

bool config_reload(struct arena *a, const struct config *old, const struct config_sources *s, const struct config **ret,
                   struct config_report *report)
{
    return load_all(a, old, s, ret, report);
}
