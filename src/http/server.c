/* Start and stop, and the callbacks through which the HTTP library reports connections and requests. A request's memory belongs
 * to its connection's thread; while a worker has it, the connection is suspended and nobody else touches it. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "http/cors.h"
#include "http/exchange.h"
#include "http/listen.h"
#include "http/metrics.h"
#include "http/tls.h"
#include "http/workers.h"

/* A head must fit into the library's memory for one connection, with what the library notes about it, and the answer's head
 * beside it. Larger memory makes every request dearer, as it is looked through after each; above 32 KiB it is mapped, so that a
 * closed connection gives it back to the system. */
enum { MEMORY_LEAST = 36 * 1024, ANSWER_HEAD = 4096, FIELDS_MAX = 100, FIELD_COST = 64 };
#define FAREWELL (300 * USEC_PER_MS)
enum { THREAD_STACK = 512 * 1024, WORKERS_PER_CORE = 4, CROWD = 500, BODY_FIRST = 4096, ARENAS_KEPT = 32 };

struct listener {
    struct http_server *server;
    enum http_listener which;
    struct config_listener settings;
    int fd;
    uint16_t port;
    struct router *router;
    struct tls *tls;
    struct MHD_Daemon *daemon;
};

struct http_server {
    const struct http_app *app;
    struct wire *wire;
    struct workers *workers;
    struct listener listeners[2];
    size_t listeners_n;
    atomic_size_t running; /* requests between their first byte's handling and their end */
    atomic_bool stopping;  /* answers close their connections */
    atomic_bool closed;    /* nothing goes to the workers any more */
};

const struct router *listener_router(const struct listener *l) { return l->router; }

/* ---- arenas: a short list per thread, so that a request costs no allocation ---- */

struct arenas {
    struct arena *v[ARENAS_KEPT];
    size_t n;
};
static pthread_key_t arenas_key;
static pthread_once_t arenas_once = PTHREAD_ONCE_INIT;

static void free_arenas(void *arg)
{
    struct arenas *list = arg;
    while (list->n > 0) arena_free(list->v[--list->n]);
    free(list);
}
static void make_arenas_key(void) { pthread_key_create(&arenas_key, free_arenas); }

static struct arena *take_arena(void)
{
    struct arenas *list = pthread_getspecific(arenas_key);
    return list != NULL && list->n > 0 ? list->v[--list->n] : arena_new();
}

static void give_arena(struct arena *a)
{
    struct arenas *list = pthread_getspecific(arenas_key);
    if (list == NULL) {
        list = calloc(1, sizeof(*list));
        if (list == NULL || pthread_setspecific(arenas_key, list) != 0) {
            free(list);
            arena_free(a);
            return;
        }
    }
    if (list->n == ARENAS_KEPT) {
        arena_free(a);
        return;
    }
    arena_reset(a);
    list->v[list->n++] = a;
}

/* ---- the library's callbacks ---- */

__attribute__((format(printf, 2, 0))) static void on_library_message(void *cls, const char *format, va_list args)
{
    (void)cls;
    char text[512];
    vsnprintf(text, sizeof(text), format, args);
    log_at(LOG_DEBUG, "HTTP library", LF_STR("text", str_trim(str_of(text))));
}

static size_t leave_escaped(void *cls, struct MHD_Connection *connection, char *text)
{
    (void)cls;
    (void)connection;
    return strlen(text);
}

static void on_connection(void *cls, struct MHD_Connection *mhd, void **socket_context, enum MHD_ConnectionNotificationCode code)
{
    struct listener *l = cls;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        wire_close(*socket_context);
        *socket_context = NULL;
        return;
    }
    const union MHD_ConnectionInfo *fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    const union MHD_ConnectionInfo *session =
        l->tls == NULL ? NULL : MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    void *tls = session == NULL ? NULL : session->tls_session;
    if (tls != NULL) gnutls_transport_set_pull_function(tls, tls_pull);
    *socket_context = wire_open(l->server->wire, fd->connect_fd, tls, l->which);
}

static struct conn *conn_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info == NULL ? NULL : info->socket_context;
}

/* The first that is heard of a request: its line is complete. */
static void *on_target(void *cls, const char *target, struct MHD_Connection *mhd)
{
    struct listener *l = cls;
    struct arena *a = take_arena();
    struct exchange *x = ARENA_NEW(a, struct exchange);
    x->r.op.arena = a;
    x->r.target = arena_dup(a, str_of(target));
    x->mhd = mhd;
    x->conn = conn_of(mhd);
    x->listener = l;
    x->app = l->server->app;
    return x;
}

static void on_completed(void *cls, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode why)
{
    struct listener *l = cls;
    struct exchange *x = *context;
    (void)mhd;
    (void)why;
    *context = NULL;
    if (x == NULL) return;
    if (x->state != EX_FRESH) {
        exchange_end(x);
        atomic_fetch_sub(&l->server->running, 1);
    }
    if (x->conn != NULL) conn_answered(x->conn);
    give_arena(x->r.op.arena);
}

/* ---- one request ---- */

static enum MHD_Result send_answer(struct exchange *x)
{
    struct http_req *r = &x->r;
    /* The arena outlives the response: it goes when the library reports the request's end. */
    struct MHD_Response *response = MHD_create_response_from_buffer(r->content.n, (void *)r->content.p, MHD_RESPMEM_PERSISTENT);
    if (response == NULL) return MHD_NO;
    if (r->content_type != NULL) MHD_add_response_header(response, "Content-Type", r->content_type);
    for (size_t i = 0; i < r->headers_n; i++) MHD_add_response_header(response, r->headers[i].name.p, r->headers[i].value.p);
    if (atomic_load_explicit(&x->listener->server->stopping, memory_order_relaxed))
        MHD_add_response_header(response, "Connection", "close");
    conn_phase(x->conn, CONN_WRITING);
    enum MHD_Result result = MHD_queue_response(x->mhd, (unsigned)r->status, response);
    MHD_destroy_response(response);
    return result;
}

/* On a worker. */
static void work(struct exchange *x)
{
    x->r.op.may_wait = true;
    exchange_run(x);
    x->state = EX_DONE;
    MHD_resume_connection(x->mhd);
}

static enum MHD_Result hand_over(struct exchange *x)
{
    if (atomic_load(&x->listener->server->closed)) {
        exchange_busy(x);
        x->state = EX_DONE;
        return send_answer(x);
    }
    x->state = EX_WORKING;
    conn_phase(x->conn, CONN_WORKING);
    MHD_suspend_connection(x->mhd);
    if (workers_take(x->listener->server->workers, x)) return MHD_YES;
    exchange_busy(x);
    x->state = EX_DONE;
    MHD_resume_connection(x->mhd);
    return MHD_YES;
}

static enum MHD_Result on_complete_request(struct exchange *x)
{
    if (x->state == EX_WORKING) return MHD_YES;
    if (x->state == EX_READING && exchange_run(x) == EX_NEEDS_WORKER) return hand_over(x);
    x->state = EX_DONE;
    return send_answer(x);
}

static void take_body(struct exchange *x, const char *data, size_t n)
{
    if (x->too_large || n > x->body_limit - x->body_n) {
        x->too_large = true;
        return;
    }
    if (x->body_n + n > x->body_cap) {
        size_t cap = x->body_cap == 0 ? BODY_FIRST : x->body_cap * 2;
        while (cap < x->body_n + n) cap *= 2;
        char *more = arena_alloc(x->r.op.arena, cap);
        if (x->body_n > 0) memcpy(more, x->body, x->body_n);
        x->body = more;
        x->body_cap = cap;
    }
    memcpy(x->body + x->body_n, data, n);
    x->body_n += n;
}

/* A body somewhat over the limit is read to its end, since a peer that is still sending would not see the answer. */
static bool hopelessly_large(const struct exchange *x)
{
    struct str length = http_header(&x->r, "content-length");
    int64_t n;
    return length.n > 0 && str_to_int(length, &n) && (uint64_t)n > 2 * (uint64_t)x->body_limit + (32u << 20);
}

static enum MHD_Result begin(struct listener *l, struct exchange *x, const char *method)
{
    if (x->conn == NULL || !x->conn->read_through) {
        log_at(LOG_ERROR, "a request did not pass the framing check: this build is broken",
               LF_Z("remedy", "link libmicrohttpd statically"));
        return MHD_NO;
    }
    atomic_fetch_add(&l->server->running, 1);
    x->state = EX_READING;
    exchange_begin(x, method);
    if (hopelessly_large(x)) conn_refuse(x->conn, 413, "The request body is larger than this server accepts.");
    return MHD_YES;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *mhd, const char *url, const char *method, const char *version,
                                  const char *data, size_t *data_n, void **context)
{
    struct exchange *x = *context;
    (void)mhd;
    (void)url;
    (void)version;
    if (x == NULL) return MHD_NO;
    if (x->state == EX_FRESH) return begin(cls, x, method);
    if (*data_n == 0) return on_complete_request(x);
    take_body(x, data, *data_n);
    *data_n = 0;
    return MHD_YES;
}

/* ---- start ---- */

static unsigned cores(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > 64 ? 64 : (unsigned)n;
}

static size_t connection_memory(const struct config *c)
{
    size_t wanted = 2 * (size_t)c->serve_limits_header_bytes + ANSWER_HEAD;
    return wanted > MEMORY_LEAST ? wanted : MEMORY_LEAST;
}

static bool start_daemon(struct listener *l, const struct config *c, struct err *e)
{
    struct MHD_OptionItem options[] = {
        { MHD_OPTION_LISTEN_SOCKET, l->fd, NULL },
        { MHD_OPTION_CONNECTION_MEMORY_LIMIT, (intptr_t)connection_memory(c), NULL },
        { MHD_OPTION_CONNECTION_LIMIT, (intptr_t)c->serve_limits_connections, NULL },
        { MHD_OPTION_CONNECTION_TIMEOUT, 0, NULL }, /* the sweeper's business */
        { MHD_OPTION_THREAD_STACK_SIZE, THREAD_STACK, NULL },
        { MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)on_completed, l },
        { MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, l },
        { MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)on_target, l },
        { MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)leave_escaped, NULL },
        { cores() > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, (intptr_t)cores(), NULL },
        { MHD_OPTION_END, 0, NULL },
    };
    struct MHD_OptionItem tls[] = {
        { MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)tls_retrieve },
        { MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)TLS_PRIORITIES },
        { MHD_OPTION_END, 0, NULL },
    };
    unsigned flags =
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG | (l->tls != NULL ? MHD_USE_TLS : 0);
    l->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, l, MHD_OPTION_EXTERNAL_LOGGER, on_library_message, NULL,
                                 MHD_OPTION_ARRAY, options, MHD_OPTION_ARRAY, l->tls != NULL ? tls : &tls[2], MHD_OPTION_END);
    ENSUREF(l->daemon != NULL, e, MISCONFIGURATION,
            "The %s listener could not be started: the system has no threads or descriptors left.",
            l->which == LISTEN_PUBLIC ? "public" : "admin");
    return true;
}

/* The admin API has no users: without keys it stays on this machine unless the operator says where it should listen. */
static void choose_admin_host(struct listener *l, const struct config *c)
{
    if (l->which != LISTEN_ADMIN || config_is_set(c, CONFIG_serve_admin_host)) return;
    l->settings.host = c->serve_admin_api_keys.n > 0 ? STR("") : STR("127.0.0.1");
}

static bool lacks_certificate(const struct config_listener *l) { return l->tls && l->cert_path.n == 0 && l->cert_base64.n == 0; }

bool http_server_lacks_certificate(const struct config *c, unsigned listeners)
{
    struct config_listener public, admin;
    config_listener(c, CONFIG_PUBLIC, &public);
    config_listener(c, CONFIG_ADMIN, &admin);
    return (listeners & LISTEN_PUBLIC && lacks_certificate(&public)) || (listeners & LISTEN_ADMIN && lacks_certificate(&admin));
}

static void warn_of_origins(const struct listener *l, const struct config *c)
{
    const struct cors cors = { .settings = &l->settings.cors, .unbounded = c->feature_flags_legacy_allow_insecure_origins };
    if (!cors.settings->enabled) return;
    cors_warn(&cors, l->which == LISTEN_PUBLIC ? "serve.public.cors.allowed_origins" : "serve.admin.cors.allowed_origins");
}

static bool open_listener(struct http_server *s, enum http_listener which, const struct http_server_options *o, struct err *e)
{
    struct listener *l = &s->listeners[s->listeners_n++];
    const struct config *c = o->config;
    bool public = which == LISTEN_PUBLIC;
    *l = (struct listener) { .server = s, .which = which, .fd = -1 };
    config_listener(c, public ? CONFIG_PUBLIC : CONFIG_ADMIN, &l->settings);
    choose_admin_host(l, c);
    if (lacks_certificate(&l->settings)) l->settings.cert_base64 = o->spare_cert, l->settings.key_base64 = o->spare_key;
    warn_of_origins(l, c);
    TRY(listen_open(&l->settings, public ? "serve.public" : "serve.admin", &l->fd, &l->port, e));
    if (l->settings.tls) TRY(tls_new(&l->settings, which, public ? "serve.public.tls" : "serve.admin.tls", &l->tls, e));
    l->router = router_new(s->app->routes, s->app->routes_n, which, c->serve_admin_unprefixed == UNPREFIXED_CURRENT);
    return true;
}

size_t http_server_workers(const struct config *c)
{
    return c->serve_limits_workers > 0 ? (size_t)c->serve_limits_workers : (size_t)WORKERS_PER_CORE * cores();
}

static bool start_parts(struct http_server *s, const struct http_server_options *o, struct err *e)
{
    const struct config *c = o->config;
    size_t head = (size_t)c->serve_limits_header_bytes;
    struct wire_limits limits = {
        .framing = { .head = head,
                     .target = head - head / 4,
                     .fields = FIELDS_MAX,
                     .memory = connection_memory(c) - ANSWER_HEAD,
                     .entry = FIELD_COST },
        .read = c->serve_limits_read_timeout,
        .write = 2 * c->serve_limits_read_timeout,
        .idle = c->serve_limits_idle_timeout,
        .crowd = CROWD,
        .crowd_idle = 5 * USEC_PER_SEC,
    };
    s->wire = wire_new(&limits);
    s->workers = workers_new(http_server_workers(c), (size_t)c->serve_limits_queue, work);
    ENSURE(s->wire != NULL && s->workers != NULL, e, MISCONFIGURATION, "The system has no memory or threads left.");
    if (o->listeners & LISTEN_PUBLIC) TRY(open_listener(s, LISTEN_PUBLIC, o, e));
    if (o->listeners & LISTEN_ADMIN) TRY(open_listener(s, LISTEN_ADMIN, o, e));
    /* Nothing is served before everything is bound. */
    for (size_t i = 0; i < s->listeners_n; i++) TRY(start_daemon(&s->listeners[i], c, e));
    return true;
}

bool http_server_start(const struct http_server_options *o, struct http_server **ret, struct err *e)
{
    pthread_once(&arenas_once, make_arenas_key);
    signal(SIGPIPE, SIG_IGN); /* a peer that goes away is no reason to end */
    struct http_server *s = calloc(1, sizeof(*s));
    ENSURE(s != NULL, e, MISCONFIGURATION, "Out of memory.");
    s->app = o->app;
    metrics_setup(o->app->routes, o->app->routes_n);
    if (!start_parts(s, o, e)) {
        http_server_stop(s, 0);
        return false;
    }
    *ret = s;
    return true;
}

/* ---- stop ---- */

static void close_listener(struct listener *l)
{
    if (l->daemon != NULL) MHD_stop_daemon(l->daemon);
    l->daemon = NULL;
    listen_close(&l->settings, l->fd);
    l->fd = -1;
}

static void wait_a_little(void) { nanosleep(&(struct timespec) { .tv_nsec = 5000000 }, NULL); }

/* From now on the system refuses connections, instead of keeping them for nobody. */
static void refuse_connections(struct listener *l)
{
    if (l->daemon == NULL) return;
    MHD_quiesce_daemon(l->daemon);
    shutdown(l->fd, SHUT_RDWR);
}

static unsigned connections_open(const struct http_server *s)
{
    unsigned n = 0;
    for (size_t i = 0; i < s->listeners_n; i++) {
        struct MHD_Daemon *daemon = s->listeners[i].daemon;
        if (daemon != NULL) n += MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)->num_connections;
    }
    return n;
}

/* On a kept connection the next request is answered with "Connection: close" (RFC 9112 9.6). Who uses
 * it without pause, as a proxy does, is told that way, and loses no request to a connection that closes under it. */
static void say_goodbye(struct http_server *s, usec_t grace)
{
    usec_t until = clock_monotonic() + (grace < FAREWELL ? grace : FAREWELL);
    while (connections_open(s) > 0 && clock_monotonic() < until) wait_a_little();
}

/* A handler that is at work on a worker cannot be interrupted, and its connection must not be closed under it: the library would
 * end the process. What was on its way to the workers when they were closed has arrived after a little while. */
static bool settle(struct http_server *s, usec_t grace)
{
    usec_t until = clock_monotonic() + grace;
    while (atomic_load(&s->running) > 0 && clock_monotonic() < until) wait_a_little();
    atomic_store(&s->closed, true);
    do wait_a_little();
    while (workers_busy(s->workers) && clock_monotonic() < until);
    return !workers_busy(s->workers);
}

bool http_server_stop(struct http_server *s, usec_t grace)
{
    if (s == NULL) return true;
    atomic_store(&s->stopping, true);
    for (size_t i = 0; i < s->listeners_n; i++) refuse_connections(&s->listeners[i]);
    say_goodbye(s, grace);
    if (s->workers != NULL && !settle(s, grace)) return false;

    for (size_t i = 0; i < s->listeners_n; i++) close_listener(&s->listeners[i]);
    workers_free(s->workers);
    for (size_t i = 0; i < s->listeners_n; i++) {
        router_free(s->listeners[i].router);
        tls_free(s->listeners[i].tls);
    }
    wire_free(s->wire);
    free(s);
    return true;
}

uint16_t http_server_port(const struct http_server *s, enum http_listener which)
{
    for (size_t i = 0; i < s->listeners_n; i++)
        if (s->listeners[i].which == which) return s->listeners[i].port;
    return 0;
}
