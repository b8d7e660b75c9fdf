/* The web application that a command serves on this machine while it runs. Knows no flow: the commands bring their own routes. */
#include <spawn.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/pages/error_page.h"
#include "base/log.h"
#include "base/rand.h"
#include "cli/perform.h"

enum { LAST_ANSWER = 1 /* seconds that the browser has to get its page */ };

/* ---- start and stop ---- */

static struct provider *acquire(void *app) { return app; }
static const struct config *config_of(const struct provider *p) { return p->config; }

static const char *scheme(const struct cli *c) { return cli_bool(c, "https") ? "https" : "http"; }

void local_name(struct local *l)
{
    l->home = arena_printf(l->cli->arena, "%s://127.0.0.1:%lld/", scheme(l->cli), (long long)cli_int(l->cli, "port"));
}

/* The settings of the listener; nothing of the environment counts here. */
static bool make_config(struct cli *c, const struct config **ret)
{
    struct config_report report = { 0 };
    struct str text =
        arena_printf(c->arena,
                     "secrets: { system: [%.*s] }\n"
                     "serve: { public: { host: 127.0.0.1, port: %lld, tls: { enabled: %s } } }\n",
                     STR_FMT(rand_hex(c->arena, 32)), (long long)cli_int(c, "port"), cli_bool(c, "https") ? "true" : "false");
    const struct config_text texts[] = { { STR("perform.yml"), text } };
    if (config_load(c->arena, &(struct config_sources) { .texts = texts, .texts_n = 1, .dev = FLAG_ON }, ret, &report))
        return true;
    return cli_fail(c, "%.*s", STR_FMT(config_report_error(c->arena, &report))), false;
}

bool local_start(struct local *l, const struct route *routes, size_t n)
{
    struct err e = ERR_INIT(l->cli->arena);
    TRY(make_config(l->cli, &l->provider.config));
    log_setup(&(struct log_settings) { .level = LOG_ERROR });
    l->app = (struct http_app) { .routes = routes, .routes_n = n, .acquire = acquire, .config = config_of, .app = l };
    struct http_server_options o = { .config = l->provider.config, .listeners = LISTEN_PUBLIC, .app = &l->app };
    if (http_server_start(&o, &l->server, &e)) return true;
    config_unref(l->provider.config);
    return cli_fail_err(l->cli, &e), false;
}

void local_stop(struct local *l)
{
    sleep(LAST_ANSWER);
    if (http_server_stop(l->server, 0)) config_unref(l->provider.config);
}

/* That it cannot be started is no failure: the address was printed. */
void local_open_browser(const struct local *l)
{
    extern char **environ;
    char *argv[] = { (char[]) { "xdg-open" }, arena_dupz(l->cli->arena, l->home), NULL };
    pid_t pid;
    if (cli_bool(l->cli, "no-open") || (getenv("DISPLAY") == NULL && getenv("WAYLAND_DISPLAY") == NULL)) return;
    if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ) != 0) return;
}

struct str local_url(struct cli *c, const char *flag, struct str base, struct str path)
{
    return cli_given(c, flag) ? cli_str(c, flag) : ARENA_CAT(c->arena, base, path);
}

/* ---- for handlers ---- */

struct local *local_of(struct http_req *r) { return (struct local *)r->provider; }

struct remote local_remote(struct http_req *r, struct cli *own)
{
    struct remote remote = local_of(r)->remote;
    *own = *remote.cli;
    own->arena = r->op.arena;
    remote.cli = own;
    return remote;
}

bool local_error(struct http_req *r, int status, const char *error, struct str description)
{
    struct params said = { 0 };
    params_add(r->op.arena, &said, STR("error"), str_of(error));
    params_add(r->op.arena, &said, STR("error_description"), description);
    return error_page_reply(r, status, &said, false);
}

bool local_refused(struct http_req *r, const struct fetched *answer)
{
    struct arena *a = r->op.arena;
    struct err why = ERR_INIT(a);
    json_t *body;
    if (answer->status == 0)
        return local_error(r, 502, "server_error", STR("The server did not answer; the terminal has the details."));
    bool is_json = json_read(a, answer->body, &body, NULL, &why) && json_is_object(body);
    struct str error = is_json ? json_str(json_object_get(body, "error")) : STR_NONE;
    if (error.n == 0)
        return local_error(r, 502, "server_error", arena_printf(a, "The server answered with status %d.", answer->status));
    return local_error(r, 502, arena_dupz(a, error), json_str(json_object_get(body, "error_description")));
}
