/* Reading the configuration and opening the database, for the commands that need them: serve, migrate, janitor, config. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/rand.h"
#include "cli/load.h"

extern char **environ;

enum { DEV_SECRET_LENGTH = 32, READERS_PER_CORE = 4 };
#define DEV_SECRET_FILE STATE_FOLDER "/dev-secret"

/* ---- the state folder ---- */

static bool make_state_folder(struct err *e)
{
    if (mkdir(STATE_FOLDER, 0700) == 0 || errno == EEXIST) return true;
    const char *why = strerror(errno);
    char folder[4096];
    FAILF(e, MISCONFIGURATION, "cannot create the state folder %s/%s: %s; set dsn (DSN) to keep the data elsewhere",
          getcwd(folder, sizeof(folder)) != NULL ? folder : ".", STATE_FOLDER, why);
}

static bool read_dev_secret(char text[DEV_SECRET_LENGTH])
{
    int fd = open(DEV_SECRET_FILE, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    ssize_t n = read(fd, text, DEV_SECRET_LENGTH);
    close(fd);
    return n == DEV_SECRET_LENGTH;
}

/* Development mode without secrets.system keeps a random secret beside the database, so that tokens and keys survive a restart.
 */
static bool dev_secret(struct cli *c, struct str *ret)
{
    char text[DEV_SECRET_LENGTH];
    struct err e = ERR_INIT(c->arena);
    if (!make_state_folder(&e)) return cli_fail_err(c, &e), false;
    if (read_dev_secret(text)) return *ret = arena_dup(c->arena, (struct str) { text, sizeof(text) }), true;

    *ret = rand_text(c->arena, DEV_SECRET_LENGTH, STR("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"));
    int fd = open(DEV_SECRET_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && write(fd, ret->p, ret->n) == (ssize_t)ret->n && fsync(fd) == 0;
    if (!ok) cli_fail(c, "cannot write %s: %s", DEV_SECRET_FILE, strerror(errno));
    if (fd >= 0) close(fd);
    return ok;
}

/* ---- the log ---- */

/* Before there is a configuration LOG_LEVEL and LOG_FORMAT are asked directly; what they say wrongly comes up with the rest. */
static void early_log(void)
{
    static const char *const levels[] = { "panic", "fatal", "error", "warn", "info", "debug", "trace" };
    static const char *const formats[] = { "text", "json", "json_pretty", "gelf" };
    _Static_assert(ARRAY_LEN(levels) == LOG_LEVEL_MAX_ && ARRAY_LEN(formats) == LOG_FORMAT_MAX_, "words of base/log.h");
    struct log_settings s = { .level = LOG_INFO, .service_name = STR("grantd"), .service_version = STR(GRANTD_VERSION) };
    struct str level = str_of(getenv("LOG_LEVEL")), format = str_of(getenv("LOG_FORMAT"));
    for (size_t i = 0; i < ARRAY_LEN(levels); i++)
        if (str_eq(level, str_of(levels[i]))) s.level = (enum log_level)i;
    for (size_t i = 0; i < ARRAY_LEN(formats); i++)
        if (str_eq(format, str_of(formats[i]))) s.format = (enum log_format)i;
    log_setup(&s);
}

void cli_log_setup(const struct config *cfg)
{
    log_setup(&(struct log_settings) { .level = (enum log_level)cfg->log_level,
                                       .format = (enum log_format)cfg->log_format,
                                       .leak_sensitive_values = cfg->log_leak_sensitive_values,
                                       .redaction_text = cfg->log_redaction_text,
                                       .service_name = STR("grantd"),
                                       .service_version = STR(GRANTD_VERSION) });
}

void cli_log_report(const struct config_report *r)
{
    for (size_t i = 0; i < r->warnings.n; i++) log_printf(LOG_WARN, "%.*s", STR_FMT(r->warnings.v[i]));
    for (size_t i = 0; i < r->notes.n; i++) log_printf(LOG_INFO, "%.*s", STR_FMT(r->notes.v[i]));
}

/* ---- configuration ---- */

static enum config_flag flag_of(const struct cli *c, const char *name)
{
    if (!cli_given(c, name)) return FLAG_UNSET;
    return cli_bool(c, name) ? FLAG_ON : FLAG_OFF;
}

struct config_sources cli_config_sources(struct cli *c, struct str dsn, bool lenient)
{
    return (struct config_sources) {
        .files = cli_list(c, "config"),
        .dev = flag_of(c, "dev"),
        .sqa_opt_out = flag_of(c, "sqa-opt-out"),
        .force_http = cli_bool(c, "dangerous-force-http"),
        .insecure_redirects = cli_list(c, "dangerous-allow-insecure-redirect-urls"),
        .env = (const char *const *)environ,
        .dsn = dsn,
        .lenient = lenient,
    };
}

/* Hydra's markers around the report: scripts look for them. */
static bool report_failure(struct cli *c, const struct config_report *report)
{
    struct str all = config_report_text(c->arena, report), first = config_report_error(c->arena, report);
    early_log();
    fprintf(c->err, "%.*s\n", STR_FMT(all));
    log_at(LOG_ERROR, "Unable to instantiate configuration.", LF_STR("error", first));
    log_flush();
    return cli_fail(c, "%.*s", STR_FMT(first)), false;
}

bool cli_config_load(struct cli *c, struct config_sources *sources, const struct config **ret)
{
    struct config_report report = { 0 };
    if (!config_load(c->arena, sources, ret, &report)) return report_failure(c, &report);
    if ((*ret)->secrets_missing && !sources->lenient) {
        config_unref(*ret);
        *ret = NULL;
        TRY(dev_secret(c, &sources->dev_secret));
        report = (struct config_report) { 0 };
        if (!config_load(c->arena, sources, ret, &report)) return report_failure(c, &report);
    }
    cli_log_setup(*ret);
    if (!sources->lenient) cli_log_report(&report); /* others do not work with what it is about */
    return true;
}

/* ---- database ---- */

bool cli_store_open(const struct config *cfg, struct store **ret, struct err *e)
{
    if (!config_is_set(cfg, CONFIG_dsn) && !make_state_folder(e)) return false;
    unsigned readers = (unsigned)sysconf(_SC_NPROCESSORS_ONLN) * READERS_PER_CORE;
    return store_open(&(struct store_options) { .dsn = cfg->dsn, .readers = readers }, ret, e);
}

bool cli_database_open(struct cli *c, bool dsn_wins, struct database *ret)
{
    *ret = (struct database) { 0 };
    struct str dsn = c->args.n > 0 ? c->args.v[0] : STR_NONE;
    if (dsn.p != NULL && (cli_bool(c, "read-from-env") || (!dsn_wins && cli_given(c, "config")))) {
        fputs("Warning: the DSN argument does not count because --read-from-env or --config is given.\n", c->err);
        dsn = STR_NONE;
    }
    struct config_sources sources = cli_config_sources(c, dsn, true);
    if (!cli_config_load(c, &sources, &ret->config)) return false;
    struct err e = ERR_INIT(c->arena);
    fprintf(c->err, "Database: %.*s\n", STR_FMT(config_dsn_shown(c->arena, ret->config->dsn)));
    return cli_store_open(ret->config, &ret->store, &e) ? true : (cli_fail_err(c, &e), false);
}

void cli_database_close(struct database *d)
{
    if (d->store != NULL) store_close(d->store);
    config_unref(d->config);
    log_flush();
}
