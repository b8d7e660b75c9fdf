/* `grantd serve`: wires configuration, store, keys, endpoints and listeners; then waits for signals. */
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "api/app.h"
#include "base/cond.h"
#include "cli/commands.h"
#include "cli/load.h"
#include "cli/own_certificate.h"
#include "flow/backchannel.h"
#include "http/server.h"
#include "http/tracer.h"
#include "oauth/client.h"
#include "oauth/client_keys.h"
#include "oauth/keysets.h"

enum { CLIENTS_CACHED = 4096, SECRETS_CACHED = 4096, EXPIRE_SLICE = 100, EXPIRE_REST = 4, DELIVERERS = 4 };
#define STOP_GRACE        (5 * USEC_PER_SEC)
#define EXPIRE_EVERY      (10 * USEC_PER_SEC)
#define DELIVER_EVERY     (15 * USEC_PER_SEC)
#define DATABASE_PATIENCE (5 * 60 * USEC_PER_SEC)

struct serve {
    struct cli *cli;
    sigset_t signals; /* those that only the main thread takes, with sigwait */
    struct config_sources sources;
    const struct config *config; /* of the moment */
    const struct config *first;  /* what the listeners were opened with; they may keep its texts */
    struct provider_parts parts;
    struct app app;
    struct tracer *tracer; /* NULL: tracing is off */
    struct http_server *http;
    struct config_watch *watch;
    pthread_t threads[1 + DELIVERERS]; /* background(), deliver() */
    size_t threads_n;
    pthread_mutex_t lock; /* guards the rest and serialises reloads */
    pthread_cond_t wake;
    size_t working; /* threads that have not ended */
    bool started, changed, stopping;
    unsigned queued; /* grows when deliveries were queued */
};

static struct op op_now(struct arena *a) { return (struct op) { .arena = a, .now = clock_now(), .may_wait = true }; }

static struct timespec timespec_of(usec_t length)
{
    return (struct timespec) { .tv_sec = (time_t)(length / USEC_PER_SEC), .tv_nsec = (long)(length % USEC_PER_SEC) * 1000 };
}

/* ---- database ---- */

/* A remote database may still be starting: ask again after 0.1 s, 0.2 s ... 5 s, for five minutes, or until a signal comes. */
static bool open_store(struct serve *s)
{
    usec_t give_up = clock_monotonic() + DATABASE_PATIENCE, pause = USEC_PER_SEC / 10;
    for (;;) {
        struct err e = ERR_INIT(s->cli->arena);
        if (cli_store_open(s->config, &s->parts.store, &e)) return true;
        if (!err_is(&e, &err_STORAGE) || clock_monotonic() > give_up) return cli_fail_err(s->cli, &e), false;
        struct str message = arena_printf(s->cli->arena, "The database does not answer. Retrying in %.1f seconds...",
                                          (double)pause / USEC_PER_SEC);
        log_at(LOG_WARN, message.p, LF_Z("error", e.hint));
        struct timespec length = timespec_of(pause);
        int got = sigtimedwait(&s->signals, NULL, &length);
        if (got == SIGTERM || got == SIGINT) return cli_fail(s->cli, "stopped while waiting for the database"), false;
        pause = pause * 2 > 5 * USEC_PER_SEC ? 5 * USEC_PER_SEC : pause * 2;
    }
}

/* An embedded database is migrated here; others by `grantd migrate sql up`, so that many nodes do not race. */
static bool prepare_store(struct serve *s)
{
    TRY(open_store(s));
    log_at(LOG_INFO, "Using the database.", LF_STR("dsn", config_dsn_shown(s->cli->arena, s->config->dsn)));
    if (cli_hydra_waits(s->config->dsn, s->parts.store)) log_at(LOG_WARN, CLI_HYDRA_WAITS);
    if (!store_is_embedded(s->parts.store)) return true;
    struct op op = op_now(s->cli->arena);
    struct err e = ERR_INIT(s->cli->arena);
    return store_migrate_up(s->parts.store, &op, NULL, NULL, &e) ? true : (cli_fail_err(s->cli, &e), false);
}

/* ---- background: keys, expiry ---- */

static void background_error(const char *what, const struct err *e)
{
    log_at(LOG_ERROR, what, LF_Z("error", e->kind->name), LF_Z("debug", e->debug));
}

/* The last that a thread does. Returns NULL. */
static void *ended(struct serve *s)
{
    pthread_mutex_lock(&s->lock);
    s->working--;
    pthread_cond_broadcast(&s->wake);
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* Waits, or returns false at once when the server stops. */
static bool pause_for(struct serve *s, usec_t length)
{
    const usec_t until = clock_monotonic() + length;
    pthread_mutex_lock(&s->lock);
    while (!s->stopping && cond_wait_until(&s->wake, &s->lock, until)) {}
    bool stopping = s->stopping;
    pthread_mutex_unlock(&s->lock);
    return !stopping;
}

static bool expire_slice(struct serve *s, int64_t *ret_deleted)
{
    ARENA_AUTO a = arena_new();
    struct op op = op_now(a);
    struct err e = ERR_INIT(a);
    if (store_expire(s->parts.store, &op, EXPIRE_SLICE, ret_deleted, &e)) return true;
    background_error("Expired rows could not be deleted; they go with the next slice.", &e);
    return false;
}

/* Slice by slice, with pauses that leave the database to the requests most of the time, however slow it is. */
static void expire(struct serve *s)
{
    int64_t deleted = 0;
    usec_t took;
    do {
        const usec_t began = clock_monotonic();
        if (!expire_slice(s, &deleted)) return;
        took = clock_monotonic() - began;
    } while (deleted >= EXPIRE_SLICE && pause_for(s, EXPIRE_REST * took));
}

/* The first keys are made here, not while a client waits. */
static bool prepare_keys(struct serve *s)
{
    ARENA_AUTO a = arena_new();
    struct op op = op_now(a);
    struct err e = ERR_INIT(a);
    struct provider *p = app_acquire(&s->app);
    bool ok = keysets_prepare(p, &op, &e);
    if (!ok) background_error("The signing keys could not be made or read; trying again.", &e);
    provider_unref(p);
    return ok;
}

static void *background(void *arg)
{
    struct serve *s = arg;
    bool keys = prepare_keys(s);
    while (pause_for(s, EXPIRE_EVERY)) {
        if (!keys) keys = prepare_keys(s);
        expire(s);
    }
    return ended(s);
}

/* ---- deliveries: a few threads, so that a client that does not answer keeps nobody from being told ---- */

static void deliveries_queued(void *arg)
{
    struct serve *s = arg;
    pthread_mutex_lock(&s->lock);
    s->queued++;
    pthread_cond_broadcast(&s->wake);
    pthread_mutex_unlock(&s->lock);
}

/* False when the server stops; true after `length`, or when something was queued since *seen. */
static bool wait_for_delivery(struct serve *s, usec_t length, unsigned *seen)
{
    const usec_t until = clock_monotonic() + length;
    pthread_mutex_lock(&s->lock);
    while (!s->stopping && s->queued == *seen && cond_wait_until(&s->wake, &s->lock, until)) {}
    *seen = s->queued;
    bool stopping = s->stopping;
    pthread_mutex_unlock(&s->lock);
    return !stopping;
}

static void log_delivery(const struct backchannel_report *d)
{
    if (d->outcome != BACKCHANNEL_RETRY && d->outcome != BACKCHANNEL_DROPPED) return;
    static const char *const texts[2][2] = {
        { "The session at the identity provider could not be ended.",
          "The session at the identity provider could not be ended; trying again." },
        { "A client could not be told of a logout.", "A client could not be told of a logout; trying again." },
    };
    bool client = d->client_id.n > 0, again = d->outcome == BACKCHANNEL_RETRY;
    log_at(again ? LOG_INFO : LOG_WARN, texts[client][again], LF_STR("client_id", d->client_id), LF_INT("status", d->status),
           LF_INT("attempts", d->attempts));
}

/* The trace of a delivery begins here: the request that caused it has been answered long ago. */
static bool deliver_one(struct serve *s, struct provider *p, struct op *op, struct backchannel_report *ret, struct err *e)
{
    if (s->tracer != NULL) op->span = tracer_begin(s->tracer, op->arena, SPAN_INTERNAL, STR("deliver logout"), NULL);
    TRY(backchannel_run(p, op, ret, e));
    if (ret->outcome != BACKCHANNEL_IDLE) tracer_end(op->span);
    return true;
}

/* Sends what is due. *retry_at: the earliest moment at which something is due again, as far as this thread has seen. */
static void deliver_due(struct serve *s, usec_t *retry_at)
{
    struct backchannel_report done;
    do {
        ARENA_AUTO a = arena_new();
        struct op op = op_now(a);
        struct err e = ERR_INIT(a);
        struct provider *p = app_acquire(&s->app);
        bool ok = deliver_one(s, p, &op, &done, &e);
        if (!ok)
            background_error("A logout could not be delivered; trying again.", &e);
        else
            log_delivery(&done);
        provider_unref(p);
        if (!ok) return;
        if (done.outcome == BACKCHANNEL_RETRY && done.due_at < *retry_at) *retry_at = done.due_at;
    } while (done.outcome != BACKCHANNEL_IDLE && pause_for(s, 0));
}

static void *deliver(void *arg)
{
    struct serve *s = arg;
    unsigned seen = 0;
    usec_t length = 0, retry_at = USEC_NEVER;
    while (wait_for_delivery(s, length, &seen)) {
        if (retry_at <= clock_now()) retry_at = USEC_NEVER;
        deliver_due(s, &retry_at);
        usec_t left = retry_at - clock_now();
        length = left < 0 ? 0 : left < DELIVER_EVERY ? left : DELIVER_EVERY;
    }
    return ended(s);
}

/* ---- reload ---- */

static void reload_locked(struct serve *s)
{
    ARENA_AUTO a = arena_new();
    struct config_report report = { 0 };
    const struct config *next;
    if (!config_reload(a, s->config, &s->sources, &next, &report)) {
        log_at(LOG_ERROR, "The configuration change was refused; the settings before it stay in force.",
               LF_STR("error", config_report_error(a, &report)));
        return;
    }
    cli_log_setup(next);
    cli_log_report(&report);
    app_swap(&s->app, provider_new(next, &s->parts));
    config_unref(s->config);
    s->config = next;
    log_at(LOG_INFO, "Configuration change processed successfully.");
}

/* A change that comes before the server has started waits until then. */
static void reload(struct serve *s)
{
    pthread_mutex_lock(&s->lock);
    if (s->started)
        reload_locked(s);
    else
        s->changed = true;
    pthread_mutex_unlock(&s->lock);
}

static void file_changed(void *arg, struct str file)
{
    log_at(LOG_INFO, "A change to a configuration file was detected.", LF_STR("file", file));
    reload(arg);
}

/* ---- start and stop ---- */

/* A delivery that is being sent is waited for. False: a thread is still at work after `grace` (a delivery to a client that does
 * not answer is sent again later; a large key takes minutes). */
static bool stop_threads(struct serve *s, usec_t grace)
{
    const usec_t until = clock_monotonic() + grace;
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_broadcast(&s->wake);
    while (s->working > 0 && cond_wait_until(&s->wake, &s->lock, until)) {}
    const bool all_ended = s->working == 0;
    pthread_mutex_unlock(&s->lock);
    while (all_ended && s->threads_n > 0) pthread_join(s->threads[--s->threads_n], NULL);
    return all_ended;
}

static int start_thread(struct serve *s, pthread_t *ret, void *(*run)(void *))
{
    pthread_mutex_lock(&s->lock);
    int error = pthread_create(ret, NULL, run, s);
    if (error == 0) s->working++;
    pthread_mutex_unlock(&s->lock);
    return error;
}

static bool start_threads(struct serve *s)
{
    for (; s->threads_n < ARRAY_LEN(s->threads); s->threads_n++) {
        int error = start_thread(s, &s->threads[s->threads_n], s->threads_n == 0 ? background : deliver);
        if (error == 0) continue;
        if (!stop_threads(s, STOP_GRACE)) _exit(1);
        return cli_fail(s->cli, "cannot start a thread: %s", strerror(error)), false;
    }
    return true;
}

static void banner(struct serve *s, unsigned listeners)
{
    fprintf(s->cli->out, "grantd %s\n", GRANTD_VERSION);
    if (listeners & LISTEN_PUBLIC) fprintf(s->cli->out, "  public  %.*s\n", STR_FMT(s->config->url.public));
    if (listeners & LISTEN_ADMIN) fprintf(s->cli->out, "  admin   %.*s\n", STR_FMT(s->config->url.admin));
    struct str dsn = config_dsn_shown(s->cli->arena, s->config->dsn);
    fprintf(s->cli->out, "  data    %.*s\n", STR_FMT(dsn));
    fflush(s->cli->out);
}

/* A database that is not migrated yet keeps none; then each start makes its own. */
static void add_own_certificate(struct serve *s, struct http_server_options *o)
{
    struct own_certificate own = { 0 };
    struct op op = op_now(s->cli->arena);
    struct err e = ERR_INIT(s->cli->arena);
    struct provider *p = app_acquire(&s->app);
    if (own_certificate(p, &op, &own, &e))
        log_at(LOG_WARN, "HTTPS with a self-signed certificate: clients will not trust it", LF_Z("set", KEYSET_TLS),
               LF_Z("remedy", "set the listener's tls.cert and tls.key"));
    else
        background_error("The self-signed certificate could not be kept; it is for this run only.", &e);
    provider_unref(p);
    o->spare_cert = own.cert;
    o->spare_key = own.key;
}

static bool listen_and_serve(struct serve *s, unsigned listeners)
{
    struct err e = ERR_INIT(s->cli->arena);
    struct http_server_options o = { .config = s->first, .listeners = listeners, .app = &s->app.http };
    if (http_server_lacks_certificate(s->first, listeners)) add_own_certificate(s, &o);
    if (!http_server_start(&o, &s->http, &e)) return cli_fail_err(s->cli, &e), false;
    if (start_threads(s)) return true;
    if (!http_server_stop(s->http, STOP_GRACE)) _exit(1);
    return false;
}

static bool start(struct serve *s, unsigned listeners)
{
    s->first = config_ref(s->config);
    s->parts.keysets = keysets_new(s->parts.store);
    s->parts.clients = client_cache_new(CLIENTS_CACHED);
    s->parts.client_keys = client_keys_new();
    s->parts.secrets = secret_cache_new(SECRETS_CACHED);
    s->parts.fetch = app_fetch;
    s->parts.admits = app_admits;
    s->parts.deliver = deliveries_queued;
    s->parts.deliver_arg = s;
    app_init(&s->app, provider_new(s->config, &s->parts));
    s->tracer = tracer_start(s->first);
    s->app.http.tracer = s->tracer;
    if (!listen_and_serve(s, listeners)) {
        tracer_stop(s->tracer, STOP_GRACE);
        return app_done(&s->app), false;
    }
    banner(s, listeners);
    pthread_mutex_lock(&s->lock);
    s->started = true;
    if (s->changed) reload_locked(s);
    pthread_mutex_unlock(&s->lock);
    return true;
}

/* SIGTERM and SIGINT end the server, SIGHUP makes it read its settings again. */
static void wait_for_end(struct serve *s)
{
    int got;
    while (sigwait(&s->signals, &got) == 0 && got == SIGHUP) reload(s);
    log_at(LOG_INFO, "Stopping: running requests may finish.");
}

/* Something still works with what would be freed. Everything that was answered is on disk. */
__attribute__((noreturn)) static void end_unfinished(const char *message)
{
    log_at(LOG_WARN, message);
    log_flush();
    _exit(0);
}

static usec_t left_until(usec_t until)
{
    const usec_t now = clock_monotonic();
    return until > now ? until - now : 0;
}

static void stop(struct serve *s)
{
    const usec_t until = clock_monotonic() + STOP_GRACE;
    config_watch_stop(s->watch);
    s->watch = NULL;
    if (!http_server_stop(s->http, STOP_GRACE)) end_unfinished("Some requests did not finish in time; ending without them.");
    if (!stop_threads(s, left_until(until))) end_unfinished("Background work did not finish in time; ending without it.");
    if (!tracer_stop(s->tracer, left_until(until))) end_unfinished("The last spans were not taken in time; ending without them.");
    app_done(&s->app);
}

static void close_parts(struct serve *s)
{
    config_watch_stop(s->watch);
    if (s->parts.keysets != NULL) keysets_free(s->parts.keysets);
    if (s->parts.clients != NULL) client_cache_free(s->parts.clients);
    client_keys_free(s->parts.client_keys);
    if (s->parts.secrets != NULL) secret_cache_free(s->parts.secrets);
    if (s->parts.store != NULL) store_close(s->parts.store);
    config_unref(s->config);
    config_unref(s->first);
    log_flush();
}

static int serve(struct cli *c, unsigned listeners)
{
    struct serve s = { .cli = c, .lock = PTHREAD_MUTEX_INITIALIZER };
    cond_init(&s.wake);
    /* Blocked before any thread starts, so that only the main thread sees them. */
    sigemptyset(&s.signals);
    sigaddset(&s.signals, SIGTERM);
    sigaddset(&s.signals, SIGINT);
    sigaddset(&s.signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &s.signals, NULL);
    signal(SIGPIPE, SIG_IGN);

    s.sources = cli_config_sources(c, STR_NONE, false);
    if (s.sources.files.n > 0) s.watch = config_watch_start(s.sources.files, file_changed, &s);
    bool ok = cli_config_load(c, &s.sources, &s.config) && prepare_store(&s) && start(&s, listeners);
    if (ok) {
        wait_for_end(&s);
        stop(&s);
    }
    close_parts(&s);
    return ok ? 0 : 1;
}

int cli_serve_all(struct cli *c) { return serve(c, LISTEN_BOTH); }
int cli_serve_public(struct cli *c) { return serve(c, LISTEN_PUBLIC); }
int cli_serve_admin(struct cli *c) { return serve(c, LISTEN_ADMIN); }
