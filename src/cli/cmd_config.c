/* config check, show, reference, schema: the configuration explained, nothing opened. */
#include "cli/commands.h"
#include "cli/load.h"

static void put(struct cli *c, struct str text)
{
    if (text.n > 0) fwrite(text.p, 1, text.n, c->out);
    if (!str_ends(text, STR("\n"))) fputc('\n', c->out);
}

/* As `serve` does, but writes nothing to disk: a missing secret of development mode is not made. */
static bool read_config(struct cli *c, const struct config **ret)
{
    struct config_sources sources = cli_config_sources(c, STR_NONE, false);
    struct config_report report = { 0 };
    if (!config_load(c->arena, &sources, ret, &report)) {
        struct str all = config_report_text(c->arena, &report);
        fprintf(c->err, "%.*s\n", STR_FMT(all));
        return cli_fail(c, "the configuration cannot be used"), false;
    }
    for (size_t i = 0; i < report.warnings.n; i++) fprintf(c->err, "Warning: %.*s\n", STR_FMT(report.warnings.v[i]));
    return true;
}

int cli_config_check(struct cli *c)
{
    CONFIG_AUTO cfg = NULL;
    struct err e = ERR_INIT(c->arena);
    if (!read_config(c, &cfg)) return 1;
    if (!store_dsn_known(cfg->dsn, &e)) return cli_fail_err(c, &e);
    fputs("The configuration is valid.\n", c->out);
    return 0;
}

int cli_config_show(struct cli *c)
{
    CONFIG_AUTO cfg = NULL;
    struct str format = cli_str(c, "format");
    bool json = str_eq(format, STR("json"));
    if (!json && !str_eq(format, STR("yaml")))
        return cli_fail_usage(c, "--format is yaml or json, got \"%.*s\"", STR_FMT(format));
    if (!read_config(c, &cfg)) return 1;
    put(c, config_show(c->arena, cfg, json ? CONFIG_JSON : CONFIG_YAML, true));
    return 0;
}

int cli_config_reference(struct cli *c) { return put(c, config_reference(c->arena)), 0; }
int cli_config_schema(struct cli *c) { return put(c, config_schema(c->arena)), 0; }
