/* The sampler, the buffer's two halves (one fills while the other is being sent) and the thread that sends them. */
#include "http/tracer.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/cond.h"
#include "base/log.h"
#include "base/rand.h"
#include "base/version.h"
#include "http/client.h"
#include "http/metrics.h"
#include "http/span_buffer.h"
#include "http/span_json.h"

enum { BATCH = 512 };
#define GATHER         USEC_PER_SEC
#define SEND_TIMEOUT   (4 * USEC_PER_SEC) /* short enough to end in time when the server stops meanwhile */
#define COMPLAIN_EVERY (60 * USEC_PER_SEC)

/* What tracing.* comes to. */
struct target {
    const char *key; /* the setting that names the collector */
    struct str url;
    struct str authorization; /* empty: none */
    double ratio;
    const struct span_format *format;
};

struct tracer {
    struct target target;
    struct span_resource resource;
    struct arena *arena; /* of the target */
    pthread_t thread;
    pthread_mutex_t lock; /* guards the rest but `sending` and `complained`, which are the thread's */
    pthread_cond_t wake;
    struct span_buffer filling, sending;
    usec_t give_up; /* 0: goes on; else everything has to be sent by then */
    bool ended;
    usec_t complained; /* 0: never */
};

/* ---- sending ---- */

/* Call with the lock held. Waits for the first span, then for others to go with it. */
static void gather(struct tracer *t)
{
    while (t->give_up == 0 && t->filling.spans == 0) pthread_cond_wait(&t->wake, &t->lock);
    const usec_t until = clock_monotonic() + GATHER;
    while (t->give_up == 0 && t->filling.spans < BATCH && cond_wait_until(&t->wake, &t->lock, until)) {}
}

/* How long sending may take; 0: there is no time left. */
static usec_t next_batch(struct tracer *t)
{
    pthread_mutex_lock(&t->lock);
    gather(t);
    struct span_buffer full = t->filling;
    t->filling = t->sending;
    t->sending = full;
    usec_t left = t->give_up == 0 ? SEND_TIMEOUT : t->give_up - clock_monotonic();
    pthread_mutex_unlock(&t->lock);
    return left < 0 ? 0 : left < SEND_TIMEOUT ? left : SEND_TIMEOUT;
}

static void complain(struct tracer *t, int status, const char *why)
{
    usec_t now = clock_monotonic();
    if (t->complained != 0 && now - t->complained < COMPLAIN_EVERY) return;
    t->complained = now;
    log_at(LOG_ERROR, "Spans could not be sent; they are lost. Further failures within a minute are not logged.",
           LF_Z("key", t->target.key), LF_Z("error", why), LF_INT("status", status), LF_INT("spans", (int64_t)t->sending.spans));
}

static bool send_batch(struct tracer *t, usec_t timeout)
{
    ARENA_AUTO a = arena_new();
    struct op op = { .arena = a, .now = clock_now(), .may_wait = true };
    struct err e = ERR_INIT(a);
    struct fetched answer = { 0 };
    const struct http_header authorization = { STR("Authorization"), t->target.authorization };
    const struct fetch f = { .url = t->target.url,
                             .body = t->target.format->body(a, &t->resource, (struct str) { t->sending.p, t->sending.n }),
                             .content_type = "application/json",
                             .headers = &authorization,
                             .headers_n = authorization.value.n > 0,
                             .timeout = timeout };
    bool answered = fetch(&op, &f, &answer, &e);
    if (answered && answer.status / 100 == 2) return true;
    complain(t, answer.status, answered ? "the collector refuses them" : e.debug != NULL ? e.debug : e.hint);
    return false;
}

static bool goes_on(struct tracer *t)
{
    pthread_mutex_lock(&t->lock);
    t->ended = t->give_up != 0 && t->filling.spans == 0;
    bool ended = t->ended;
    if (ended) pthread_cond_broadcast(&t->wake);
    pthread_mutex_unlock(&t->lock);
    return !ended;
}

static void *send_along(void *arg)
{
    struct tracer *t = arg;
    do {
        usec_t left = next_batch(t);
        if (t->sending.spans > 0 && (left < USEC_PER_MS || !send_batch(t, left))) metrics_spans_dropped(t->sending.spans);
        span_buffer_clear(&t->sending);
    } while (goes_on(t));
    return NULL;
}

/* ---- spans ---- */

/* The half of the id that is compared is the one that callers with short ids fill. */
bool trace_sampled(const char trace_id[TRACE_ID_LENGTH + 1], double ratio)
{
    if (ratio >= 1) return true;
    if (ratio <= 0) return false;
    return strtoull(trace_id + TRACE_ID_LENGTH / 2, NULL, 16) >> 1 < (uint64_t)(ratio * (double)(UINT64_C(1) << 63));
}

/* Trace Context 3.2.2.3, 3.2.2.4: zeros only are no identifier */
static void make_id(struct arena *a, char *out, size_t length)
{
    do memcpy(out, rand_hex(a, length / 2).p, length + 1);
    while (strspn(out, "0") == length);
}

struct span *tracer_begin(struct tracer *t, struct arena *a, enum span_kind kind, struct str name,
                          const struct trace_context *parent)
{
    struct span *s = ARENA_NEW(a, struct span);
    s->tracer = t;
    s->arena = a;
    s->kind = kind;
    s->name = name;
    s->started = clock_now();
    s->began = clock_monotonic();
    if (parent != NULL) {
        s->context = *parent;
        memcpy(s->parent, parent->span_id, sizeof(s->parent));
    } else {
        make_id(a, s->context.trace_id, TRACE_ID_LENGTH);
    }
    make_id(a, s->context.span_id, SPAN_ID_LENGTH);
    if (parent == NULL || parent->undecided) s->context.sampled = trace_sampled(s->context.trace_id, t->target.ratio);
    s->context.undecided = false;
    return s;
}

struct span *tracer_begin_below(const struct span *parent, enum span_kind kind, struct str name)
{
    return tracer_begin(parent->tracer, parent->arena, kind, name, &parent->context);
}

static bool put(struct tracer *t, struct str json)
{
    pthread_mutex_lock(&t->lock);
    bool taken = span_buffer_add(&t->filling, json);
    if (taken && (t->filling.spans == 1 || t->filling.spans == BATCH)) pthread_cond_broadcast(&t->wake);
    pthread_mutex_unlock(&t->lock);
    return taken;
}

void tracer_end(struct span *s)
{
    if (s == NULL) return;
    s->took = clock_monotonic() - s->began;
    if (!s->context.sampled) return;
    struct buf json = BUF(s->arena);
    struct jw w = JW(&json);
    buf_reserve(&json, 2 * SPAN_TEXT_MAX);
    s->tracer->target.format->write(&w, &s->tracer->resource, s);
    if (!put(s->tracer, buf_str(&json))) metrics_spans_dropped(1);
}

/* ---- start and stop ---- */

static struct target otlp_target(struct arena *a, const struct config *c)
{
    struct str scheme = c->tracing_providers_otlp_insecure ? STR("http://") : STR("https://");
    struct str at = c->tracing_providers_otlp_server_url;
    return (struct target) { .key = "tracing.providers.otlp.server_url",
                             .url = str_has(at, '/') ? STR_NONE : ARENA_CAT(a, scheme, at, STR("/v1/traces")),
                             .authorization = c->tracing_providers_otlp_authorization_header,
                             .ratio = c->tracing_providers_otlp_sampling_sampling_ratio,
                             .format = &span_format_otlp };
}

static struct target zipkin_target(const struct config *c)
{
    return (struct target) { .key = "tracing.providers.zipkin.server_url",
                             .url = c->tracing_providers_zipkin_server_url,
                             .ratio = c->tracing_providers_zipkin_sampling_sampling_ratio,
                             .format = &span_format_zipkin };
}

static bool is_target(struct arena *a, const struct target *t)
{
    struct url u;
    bool ok = url_parse(a, t->url, &u) && url_is_http(&u) && u.host.n > 0 && !u.has_userinfo && !u.has_fragment;
    if (!ok)
        log_at(LOG_ERROR, "Tracing stays off: the setting that says where spans are sent is missing or malformed.",
               LF_Z("key", t->key),
               LF_Z("remedy", t->format == &span_format_otlp ? "set it to host:port of the collector, without a scheme"
                                                             : "set it to the collector's URL, without a password in it"));
    return ok;
}

static bool start_thread(struct tracer *t)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(&t->thread, NULL, send_along, t) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!started) log_at(LOG_ERROR, "Tracing stays off: the system has no threads left.", LF_Z("key", t->target.key));
    return started;
}

static void tracer_free(struct tracer *t)
{
    pthread_cond_destroy(&t->wake);
    pthread_mutex_destroy(&t->lock);
    span_buffer_done(&t->filling);
    span_buffer_done(&t->sending);
    arena_free(t->arena);
}

struct tracer *tracer_start(const struct config *c)
{
    if (c->tracing_provider != TRACING_OTEL && c->tracing_provider != TRACING_ZIPKIN) {
        log_at(LOG_INFO, "Tracing is off.", LF_Z("key", "tracing.provider"));
        return NULL;
    }
    struct arena *a = arena_new();
    struct tracer *t = ARENA_NEW(a, struct tracer);
    t->arena = a;
    t->target = c->tracing_provider == TRACING_OTEL ? otlp_target(a, c) : zipkin_target(c);
    t->resource = (struct span_resource) { .service_name = c->tracing_service_name,
                                           .service_version = STR(GRANTD_VERSION),
                                           .environment = c->tracing_deployment_environment };
    cond_init(&t->wake);
    pthread_mutex_init(&t->lock, NULL);
    if (is_target(a, &t->target) && start_thread(t)) return t;
    tracer_free(t);
    return NULL;
}

bool tracer_stop(struct tracer *t, usec_t grace)
{
    if (t == NULL) return true;
    const usec_t until = clock_monotonic() + grace;
    pthread_mutex_lock(&t->lock);
    t->give_up = clock_monotonic() + grace * 9 / 10; /* the answer to the last request may take until then, but no longer */
    pthread_cond_broadcast(&t->wake);
    while (!t->ended && cond_wait_until(&t->wake, &t->lock, until)) {}
    const bool ended = t->ended;
    pthread_mutex_unlock(&t->lock);
    if (!ended) return false;
    pthread_join(t->thread, NULL);
    tracer_free(t);
    return true;
}
