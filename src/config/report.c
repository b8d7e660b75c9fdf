/* Problems and warnings: gathering them, and putting them into words. No secret gets in here: see report_key. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/config_int.h"

struct str place_text(struct arena *a, const struct config_place *p)
{
    switch (p->origin) {
    case ORIGIN_DEFAULT: return STR("default");
    case ORIGIN_FLAG: return arena_printf(a, "flag %.*s", STR_FMT(p->name));
    case ORIGIN_ENV: return arena_printf(a, "environment variable %.*s", STR_FMT(p->name));
    case ORIGIN_ARGUMENT: return STR("argument of the command");
    case ORIGIN_FILE: break;
    }
    if (p->line == 0) return p->name;
    return arena_printf(a, "%.*s:%d", STR_FMT(p->name), p->line);
}

void report_add(struct load *l, struct config_problem p)
{
    struct config_report *r = l->report;
    bool about_dsn = str_eq(p.key, STR("dsn"));
    if (l->s->lenient && !about_dsn) {
        report_warn(l, "%.*s %.*s (%.*s); it is ignored.", STR_FMT(p.key), STR_FMT(p.reason), STR_FMT(p.place));
        return;
    }
    if (r->n == PROBLEMS_MAX) return;
    if (r->problems == NULL) r->problems = ARENA_ARRAY(l->a, struct config_problem, PROBLEMS_MAX);
    r->problems[r->n++] = p;
}

void report_key(struct load *l, enum config_key key, const char *reason, const char *remedy)
{
    const struct slot *slot = &l->slots[key];
    if (slot->node == NULL && l->incomplete) return;
    struct str shown = slot->node == NULL                ? STR("(not set)")
                       : config_keys[key].flags & SECRET ? STR("(hidden)")
                                                         : node_show(l->a, slot->node);
    report_add(l, (struct config_problem) { .key = str_of(config_keys[key].path),
                                            .place = slot->node == NULL ? STR("in no file and no environment variable")
                                                                        : place_text(l->a, &slot->place),
                                            .value = shown,
                                            .reason = str_of(reason),
                                            .remedy = str_of(remedy) });
}

__attribute__((format(printf, 3, 0))) static void say(struct load *l, struct strs *list, const char *fmt, va_list args)
{
    char *text;
    if (vasprintf(&text, fmt, args) < 0) return;
    if (list->n < PROBLEMS_MAX) strs_add(l->a, list, arena_dup(l->a, str_of(text)));
    free(text);
}

void report_warn(struct load *l, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    say(l, &l->report->warnings, fmt, args);
    va_end(args);
}

void report_note(struct load *l, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    say(l, &l->report->notes, fmt, args);
    va_end(args);
}

/* Hydra's form: `<path>: <value>`, then the reason behind an arrow; scripts look for both. */
struct str config_report_text(struct arena *a, const struct config_report *r)
{
    struct buf b = BUF(a);
    buf_addf(&b, "\nThe configuration has invalid values or keys (%zu problem%s):\n\n", r->n, r->n == 1 ? "" : "s");
    for (size_t i = 0; i < r->n; i++) {
        const struct config_problem *p = &r->problems[i];
        if (p->place.n == 0) {
            buf_addf(&b, "%.*s: %.*s\n", STR_FMT(p->key), STR_FMT(p->reason));
            continue;
        }
        buf_addf(&b, "%.*s: %.*s\n", STR_FMT(p->key), STR_FMT(p->value));
        buf_addf(&b, "    ^-- %.*s\n", STR_FMT(p->reason));
        buf_addf(&b, "        where: %.*s\n", STR_FMT(p->place));
        if (p->remedy.n > 0) buf_addf(&b, "        remedy: %.*s\n", STR_FMT(p->remedy));
    }
    return buf_str(&b);
}

struct str config_report_error(struct arena *a, const struct config_report *r)
{
    if (r->n == 0) return STR_NONE;
    const struct config_problem *p = &r->problems[0];
    if (p->place.n == 0) return ARENA_CAT(a, p->key, STR(": "), p->reason);
    struct buf pointer = BUF(a), schema = BUF(a);
    for (struct str rest = str_eq(p->key, STR("(root)")) ? STR_NONE : p->key; rest.p != NULL;) {
        struct str part = str_cut(&rest, '.');
        buf_addf(&pointer, "/%.*s", STR_FMT(part));
        bool index = part.n > 0 && part.p[0] >= '0' && part.p[0] <= '9';
        if (index)
            buf_addz(&schema, "/items");
        else
            buf_addf(&schema, "/properties/%.*s", STR_FMT(part));
    }
    return ARENA_CAT(a, STR("I[#"), buf_str(&pointer), STR("] S[#"), buf_str(&schema), STR("] "), p->reason);
}
