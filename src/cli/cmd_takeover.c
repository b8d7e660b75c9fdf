/* migrate hydra: wires configuration, our database and takeover/; then shows what was done. */
#include <stdlib.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/load.h"
#include "oauth/keysets.h"
#include "takeover/takeover.h"

struct job {
    struct cli *cli;
    const struct config *config;
    struct provider_parts parts; /* the store; nothing in a dry run */
    struct provider *provider;
    struct takeover_options options;
    struct takeover_report report;
};

/* ---- what is asked for ---- */

static struct str given_or_env(struct cli *c, const char *flag, const char *variable)
{
    struct str given = cli_str(c, flag);
    return given.n > 0 ? given : str_of(getenv(variable));
}

static struct strs secrets_of(struct job *j)
{
    struct strs given = cli_list(j->cli, "secrets");
    struct str env = str_of(getenv("HYDRA_SECRETS_SYSTEM"));
    if (given.n == 0 && env.n > 0) given = strs_split(j->cli->arena, env, ',');
    return given.n > 0 ? given : j->config->secrets_system;
}

static bool read_flags(struct job *j)
{
    struct cli *c = j->cli;
    bool dry = cli_bool(c, "dry-run"), verify = cli_bool(c, "verify");
    TRY(cli_format_ok(c));
    if (dry && verify) return cli_fail_usage(c, "--dry-run and --verify cannot be combined"), false;
    j->options.mode = dry ? TAKEOVER_DRY : verify ? TAKEOVER_VERIFY : TAKEOVER_RUN;
    j->options.from = given_or_env(c, "from", "HYDRA_DSN");
    if (j->options.from.n == 0) return cli_fail_usage(c, "--from is missing: the DSN of Hydra's database"), false;
    return true;
}

/* The tokens are checked with them as long as they live. */
static void warn_of_secrets(struct job *j)
{
    for (size_t i = 0; i < j->options.secrets.n; i++) {
        if (strs_has(j->config->secrets_system, j->options.secrets.v[i])) continue;
        fputs(
            "Warning: secrets.system of this configuration lacks one of Hydra's secrets. Append it before you serve: tokens and "
            "cookies that Hydra made with it are refused otherwise.\n",
            j->cli->err);
        return;
    }
}

static struct str without_slash(struct str url) { return str_upto(url, url.n - (str_ends(url, STR("/")) ? 1 : 0)); }

/* Clients know us by it. v1 wrote a final slash whatever the configuration said. */
static void warn_of_issuer(struct job *j)
{
    struct str there = j->report.issuer, here = j->provider->issuer;
    if (there.n == 0 || str_eq(without_slash(there), without_slash(here))) return;
    fprintf(j->cli->err,
            "Warning: Hydra's issuer was %.*s, urls.self.issuer of this configuration is %.*s: clients may refuse ID tokens.\n",
            STR_FMT(there), STR_FMT(here));
}

/* ---- progress: over itself on a terminal, else a line per kind ---- */

static void progress(void *arg, const struct takeover_tally *k, bool done)
{
    struct job *j = arg;
    if (!isatty(fileno(j->cli->err))) {
        if (done) fprintf(j->cli->err, "%s: %lld\n", k->name, (long long)k->found);
    } else if (done || k->found < k->total) { /* the last page is shown when the kind is done */
        cli_progress(j->cli, k->name, k->found, done ? k->found : k->total);
    }
}

/* ---- databases ---- */

static void tell_migration(const struct migration_status *m, void *arg)
{
    struct cli *c = arg;
    fprintf(c->err, "Applying %lld %.*s\n", (long long)m->version, STR_FMT(m->name));
}

static bool open_target(struct job *j, struct err *e)
{
    struct cli *c = j->cli;
    struct op op = { .arena = c->arena, .now = clock_now(), .may_wait = true };
    if (j->options.mode == TAKEOVER_DRY) return true;
    fprintf(c->err, "Into: %.*s\n", STR_FMT(config_dsn_shown(c->arena, j->config->dsn)));
    TRY(cli_store_open(j->config, &j->parts.store, e));
    if (j->options.mode == TAKEOVER_RUN) TRY(store_migrate_up(j->parts.store, &op, tell_migration, c, e));
    j->parts.keysets = keysets_new(j->parts.store);
    return true;
}

static bool run(struct job *j, struct err *e)
{
    struct cli *c = j->cli;
    fprintf(c->err, "From: %.*s\n", STR_FMT(config_dsn_shown(c->arena, j->options.from)));
    TRY(takeover_check(c->arena, &j->options, e)); /* before our own database is made */
    TRY(open_target(j, e));
    j->provider = provider_new(j->config, &j->parts);
    return takeover(j->provider, c->arena, &j->options, &j->report, e);
}

static void close_job(struct job *j)
{
    provider_unref(j->provider);
    keysets_free(j->parts.keysets);
    store_close(j->parts.store);
    config_unref(j->config);
    log_flush();
}

/* ---- the report ---- */

static const struct cli_kind done_kind = CLI_KIND("KIND", "FOUND", "BROUGHT", "AGAIN", "KNOWN", "LEFT OUT");
static const struct cli_kind dry_kind = CLI_KIND("KIND", "FOUND", "WOULD BRING", "LEFT OUT");
static const struct cli_kind verify_kind = CLI_KIND("KIND", "FOUND", "SAME", "CHANGED HERE", "MISSING", "LEFT OUT");

static int64_t left_of(const struct takeover_tally *k)
{
    int64_t sum = 0;
    for (int i = 0; i < LEFT_MAX_; i++) sum += k->left[i];
    return sum;
}

static struct str number(struct arena *a, int64_t n) { return arena_printf(a, "%lld", (long long)n); }

static struct str *cells_of(struct arena *a, enum takeover_mode mode, const struct takeover_tally *k)
{
    struct str *cells = ARENA_ARRAY(a, struct str, done_kind.n);
    size_t n = 0;
    cells[n++] = str_of(k->name);
    cells[n++] = number(a, k->found);
    cells[n++] = number(a, k->added);
    if (mode == TAKEOVER_RUN) cells[n++] = number(a, k->again);
    if (mode != TAKEOVER_DRY) cells[n++] = number(a, k->known);
    if (mode == TAKEOVER_VERIFY) cells[n++] = number(a, k->missing);
    cells[n++] = number(a, left_of(k));
    return cells;
}

static json_t *tally_json(enum takeover_mode mode, const struct takeover_tally *k)
{
    json_t *left = json_object(), *v = json_pack("{s:s, s:I}", "kind", k->name, "found", (json_int_t)k->found);
    static const char *const added[] = { [TAKEOVER_RUN] = "brought", [TAKEOVER_DRY] = "would_bring", [TAKEOVER_VERIFY] = "same" };
    static const char *const whys[] = {
        [LEFT_EXPIRED] = "expired", [LEFT_NO_OWNER] = "no_owner", [LEFT_SEALED] = "sealed", [LEFT_UNUSABLE] = "unusable"
    };
    for (int i = 0; i < LEFT_MAX_; i++) json_object_set_new(left, whys[i], json_integer(k->left[i]));
    json_object_set_new(v, added[mode], json_integer(k->added));
    if (mode == TAKEOVER_RUN) json_object_set_new(v, "again", json_integer(k->again));
    if (mode == TAKEOVER_RUN) json_object_set_new(v, "known", json_integer(k->known));
    if (mode == TAKEOVER_VERIFY) json_object_set_new(v, "changed_here", json_integer(k->known));
    if (mode == TAKEOVER_VERIFY) json_object_set_new(v, "missing", json_integer(k->missing));
    json_object_set_new(v, "left_out", left);
    return v;
}

static json_t *report_json(struct job *j)
{
    const struct takeover_report *r = &j->report;
    json_t *kinds = json_array();
    for (size_t i = 0; i < r->kinds_n; i++) json_array_append_new(kinds, tally_json(j->options.mode, &r->kinds[i]));
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "hydra", json_of_str(r->release), "schema", json_of_str(r->version), "network",
                     json_of_str(r->network), "kinds", kinds, "notes", json_of_strs(r->notes));
}

/* Reasons and single rows go beside the table, so that machine formats stay alone on standard output. */
static void print_reasons(struct job *j)
{
    const struct takeover_report *r = &j->report;
    FILE *err = j->cli->err;
    for (size_t i = 0; i < r->kinds_n; i++)
        for (int why = 0; why < LEFT_MAX_; why++)
            if (r->kinds[i].left[why] > 0)
                fprintf(err, "Left out: %lld %s: %s.\n", (long long)r->kinds[i].left[why], r->kinds[i].name,
                        takeover_left_text(why));
    for (size_t i = 0; i < r->notes.n; i++) fprintf(err, "  %.*s\n", STR_FMT(r->notes.v[i]));
}

static void print_report(struct job *j)
{
    static const struct cli_kind *const shapes[] = {
        [TAKEOVER_RUN] = &done_kind, [TAKEOVER_DRY] = &dry_kind, [TAKEOVER_VERIFY] = &verify_kind
    };
    const struct takeover_report *r = &j->report;
    struct arena *a = j->cli->arena;
    struct cli_row *rows = ARENA_ARRAY(a, struct cli_row, r->kinds_n);
    json_t *json = report_json(j);
    for (size_t i = 0; i < r->kinds_n; i++)
        rows[i] = (struct cli_row) { .id = str_of(r->kinds[i].name), .cells = cells_of(a, j->options.mode, &r->kinds[i]) };
    cli_print_list(j->cli, shapes[j->options.mode], json, rows, r->kinds_n);
    json_decref(json);
    print_reasons(j);
}

static int finish(struct job *j)
{
    fflush(j->cli->err);
    print_report(j);
    warn_of_secrets(j);
    warn_of_issuer(j);
    if (j->report.missing > 0) return cli_fail(j->cli, "%lld rows are not there as they should be", (long long)j->report.missing);
    return 0;
}

int cli_migrate_hydra(struct cli *c)
{
    struct job j = { .cli = c, .options = { .progress = progress } };
    struct err e = ERR_INIT(c->arena);
    if (!read_flags(&j)) return 1;
    struct config_sources sources = cli_config_sources(c, STR_NONE, false);
    if (!cli_config_load(c, &sources, &j.config)) return 1;
    j.options.arg = &j;
    j.options.secrets = secrets_of(&j);
    int code = run(&j, &e) ? finish(&j) : cli_fail_err(c, &e);
    close_job(&j);
    return code;
}

/* ---- for those who find such a database ---- */

bool cli_hydra_waits(struct str dsn, struct store *store)
{
    ARENA_AUTO a = arena_new();
    struct op op = { .arena = a, .now = clock_now(), .may_wait = true };
    struct err e = ERR_INIT(a);
    bool hydra, brought;
    if (!takeover_is_hydra(a, dsn, &hydra, &e) || !hydra) return false;
    return !store_import_any(store, &op, &brought, &e) || !brought; /* our tables may not be there yet */
}
