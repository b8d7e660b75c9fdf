/* A configuration from a stranger: the first byte says where it stands (YAML, JSON, TOML, environment). Settings that are
 * accepted are shown in a form that is accepted again. */
#include <string.h>

#include "config/config.h"
#include "fuzz.h"

enum { VARIABLES_MAX = 16 };

static bool load(struct arena *a, const struct config_text *text, const char *const *env, const struct config **ret)
{
    struct config_report report;
    struct config_sources s = { .texts = text, .texts_n = text->name.n > 0, .env = env, .dev = FLAG_ON };
    if (config_load(a, &s, ret, &report)) return true;
    struct str shown = config_report_text(a, &report), line = config_report_error(a, &report);
    if (report.n == 0 || shown.n == 0 || line.n == 0) abort();
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = { "x.yml", "x.json", "x.toml" };
    if (size == 0) return 0;
    ARENA_AUTO a = arena_new();
    const char *env[VARIABLES_MAX + 1] = { 0 };
    struct str input = { (const char *)data + 1, size - 1 };
    struct config_text text = { .name = str_of(names[data[0] % 3]), .text = input };
    if (data[0] % 4 == 3) {
        text.name = STR_NONE;
        for (size_t i = 0; i < VARIABLES_MAX && input.p != NULL; i++) env[i] = arena_dupz(a, str_cut(&input, '\n'));
    }

    CONFIG_AUTO c = NULL;
    if (!load(a, &text, env, &c)) return 0;
    CONFIG_AUTO again = NULL;
    struct config_text shown = { STR("x.json"), config_show(a, c, CONFIG_JSON, false) };
    if (!load(a, &shown, NULL, &again)) abort();
    return 0;
}
