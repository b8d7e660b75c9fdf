/* Loading a config from texts, as the tests of this folder do it. */
#ifndef TEST_CONFIG_TEST_H
#define TEST_CONFIG_TEST_H

#include "../base/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "config/config_int.h"

#define A16 "aaaaaaaaaaaaaaaa"
#define B16 "bbbbbbbbbbbbbbbb"
#define C16 "cccccccccccccccc"

enum { ENV_MAX = 5 };
/* What a test gives: a YAML text and environment variables. Without `bare` a system secret and an issuer are there already. */
struct given {
    const char *yaml;
    const char *env[ENV_MAX];
    enum config_flag dev;
    bool bare, lenient;
};

static inline const struct config *load(struct arena *a, const struct given *g, struct config_report *report)
{
    static const char basics[] = "secrets: {system: [" A16 "]}\nurls: {self: {issuer: 'https://auth.example/'}}\n";
    const struct config_text texts[] = { { STR("basics.yml"), STR(basics) }, { STR("test.yml"), str_of(g->yaml) } };
    const struct config_sources s = { .texts = g->bare ? texts + 1 : texts,
                                      .texts_n = (g->bare ? 0 : 1) + (g->yaml != NULL ? 1 : 0),
                                      .dev = g->dev,
                                      .env = g->env,
                                      .lenient = g->lenient };
    const struct config *c = NULL;
    return config_load(a, &s, &c, report) ? c : NULL;
}

/* Loads what must be right. */
static inline const struct config *must_load(struct arena *a, const struct given *g)
{
    struct config_report report;
    const struct config *c = load(a, g, &report);
    if (c == NULL) fail_msg("refused:%.*s", STR_FMT(config_report_text(a, &report)));
    return c;
}

static inline bool has(struct str text, const char *part) { return memmem(text.p, text.n, part, strlen(part)) != NULL; }

/* Fails unless there is exactly one problem, with this key and this in its reason. */
static inline void must_refuse(struct arena *a, const struct given *g, const char *key, const char *reason)
{
    struct config_report r;
    const struct config *c = load(a, g, &r);
    struct str text = config_report_text(a, &r);
    config_unref(c);
    if (c != NULL) fail_msg("accepted: %s (wanted: %s %s)", g->yaml != NULL ? g->yaml : g->env[0], key, reason);
    if (r.n != 1 || !str_eq(r.problems[0].key, str_of(key)) || !has(r.problems[0].reason, reason))
        fail_msg("wanted %s: %s; got %.*s", key, reason, STR_FMT(text));
}

#endif
