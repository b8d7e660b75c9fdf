/* The log. A record is formatted under one lock straight into the pending text; a thread started with the first gathered
 * record writes that text out soon after. Knows nothing of requests: what must not be logged is its callers' business. */
#include "log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "json.h"

enum { PENDING_MAX = 64 * 1024, GATHER_MS = 40, LONGEST_MESSAGE = 1024 };
/* Fields that the server adds to a record: three common ones, three of the heading in JSON, two naming the place, the trace. */
enum { ADDED_FIELDS = 9 };

static const struct {
    const char *name;
    int colour; /* of the terminal */
    int syslog; /* RFC 5424 6.2.1 */
} levels[LOG_LEVEL_MAX_] = {
    [LOG_PANIC] = { "panic", 31, 0 },  [LOG_FATAL] = { "fatal", 31, 2 }, [LOG_ERROR] = { "error", 31, 3 },
    [LOG_WARN] = { "warning", 33, 4 }, [LOG_INFO] = { "info", 36, 6 },   [LOG_DEBUG] = { "debug", 37, 7 },
    [LOG_TRACE] = { "trace", 37, 7 },
};

static const struct log_settings built_in = {
    .level = LOG_INFO,
    .format = LOG_FORMAT_TEXT,
    .service_name = { "Ory Hydra", 9 },
};
/* Readers take no lock. Settings of earlier calls stay, since a reader may still look at their texts. */
static _Atomic(const struct log_settings *) current = &built_in;

static struct {
    pthread_mutex_t lock;
    pthread_cond_t filled; /* pending text appeared */
    struct arena *memory;  /* of `pending` and, below, of the settings and of one record */
    struct arena *kept;
    struct arena *scratch;
    struct buf pending;
    bool terminal, gathering;
} out = { .lock = PTHREAD_MUTEX_INITIALIZER, .filled = PTHREAD_COND_INITIALIZER };

/* What the thread is at work on. */
static _Thread_local struct {
    const char *trace_id, *span_id;
} traced;

void log_trace(const char *trace_id, const char *span_id)
{
    traced.trace_id = trace_id;
    traced.span_id = span_id;
}

static const struct log_settings *settings(void) { return atomic_load_explicit(&current, memory_order_acquire); }

bool log_on(enum log_level level) { return level <= settings()->level; }

bool log_leaks(void) { return settings()->leak_sensitive_values; }

struct str log_redaction_text(void)
{
    struct str own = settings()->redaction_text;
    if (own.n > 0) return own;
    return STR(
        "Hidden because it may be sensitive. Set log.leak_sensitive_values (LOG_LEAK_SENSITIVE_VALUES) to true to see it.");
}

static void prepare(void)
{
    if (out.memory != NULL) return;
    out.memory = arena_new();
    out.kept = arena_new();
    out.scratch = arena_new();
    out.terminal = isatty(STDERR_FILENO) == 1;
    out.pending = BUF(out.memory);
    buf_reserve(&out.pending, PENDING_MAX);
}

void log_setup(const struct log_settings *wanted)
{
    pthread_mutex_lock(&out.lock);
    prepare();
    struct log_settings *copy = ARENA_NEW(out.kept, struct log_settings);
    *copy = *wanted;
    copy->redaction_text = arena_dup(out.kept, wanted->redaction_text);
    copy->service_name = arena_dup(out.kept, wanted->service_name);
    copy->service_version = arena_dup(out.kept, wanted->service_version);
    atomic_store_explicit(&current, copy, memory_order_release);
    pthread_mutex_unlock(&out.lock);
}

/* Standard error may be a pipe that is full or set to non-blocking by its owner; text for a closed one is lost. */
static void write_all(const char *p, size_t n)
{
    while (n > 0) {
        ssize_t written = write(STDERR_FILENO, p, n);
        if (written >= 0) {
            p += written;
            n -= (size_t)written;
        } else if (errno == EAGAIN) {
            poll(&(struct pollfd) { .fd = STDERR_FILENO, .events = POLLOUT }, 1, -1);
        } else if (errno != EINTR) {
            return;
        }
    }
}

/* Call with the lock held. */
static void write_pending(void)
{
    if (out.pending.n > 0) write_all(out.pending.p, out.pending.n);
    out.pending.n = 0;
    if (out.pending.cap <= 2 * PENDING_MAX) return;
    /* One enormous record made it grow. */
    arena_reset(out.memory);
    out.pending = BUF(out.memory);
    buf_reserve(&out.pending, PENDING_MAX);
}

void log_flush(void)
{
    pthread_mutex_lock(&out.lock);
    write_pending();
    pthread_mutex_unlock(&out.lock);
}

static void *flush_regularly(void *unused)
{
    for (;;) {
        pthread_mutex_lock(&out.lock);
        while (out.pending.n == 0) pthread_cond_wait(&out.filled, &out.lock);
        pthread_mutex_unlock(&out.lock);
        nanosleep(&(struct timespec) { .tv_nsec = GATHER_MS * 1000000L }, NULL);
        log_flush();
    }
    return unused;
}

/* Call with the lock held. The thread takes no signals: they belong to the threads that expect them. */
static bool start_gathering(void)
{
    if (out.gathering) return true;

    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t thread;
    out.gathering = pthread_create(&thread, NULL, flush_regularly, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!out.gathering) return false;

    pthread_detach(thread);
    atexit(log_flush);
    return true;
}

/* One record: everything it says as fields, the common ones included. */
struct record {
    const struct log_settings *settings;
    enum log_level level;
    struct str message, time;
    usec_t when;
    const struct log_field **fields; /* sorted by name */
    size_t n;
};

static const struct log_field **sorted(const struct log_field *fields, size_t n, size_t room)
{
    const struct log_field **list = (const struct log_field **)ARENA_ARRAY(out.scratch, struct log_field *, room);
    for (size_t i = 0; i < n; i++) {
        size_t at = i;
        for (; at > 0 && strcmp(list[at - 1]->name, fields[i].name) > 0; at--) list[at] = list[at - 1];
        list[at] = &fields[i];
    }
    return list;
}

/* Text format: time=… level=… msg=… and the rest by name; values unquoted, objects as map[a:1 b:2]. */

/* Values come from outside and are not quoted: no control character may start a line of its own. */
static void text_value(struct buf *b, struct str s)
{
    static const char digit[] = "0123456789abcdef";
    for (size_t i = 0; i < s.n;) {
        size_t run = i;
        while (run < s.n && (unsigned char)s.p[run] >= ' ' && s.p[run] != 0x7F) run++;
        buf_add(b, (struct str) { s.p + i, run - i });
        if (run == s.n) return;
        unsigned char c = (unsigned char)s.p[run];
        if (c == '\n')
            buf_addz(b, "\\n");
        else
            buf_add(b, (struct str) { (const char[]) { '\\', 'x', digit[c >> 4], digit[c & 0x0F] }, 4 });
        i = run + 1;
    }
}

static void text_field(struct buf *b, const struct log_field *f)
{
    switch (f->kind) {
    case LOG_INT: buf_addi(b, f->i); break;
    case LOG_BOOL: buf_addz(b, f->i != 0 ? "true" : "false"); break;
    case LOG_STR:
        if (f->s.p == NULL)
            buf_addz(b, "<nil>");
        else
            text_value(b, f->s);
        break;
    case LOG_OBJECT: {
        const struct log_field **members = sorted(f->members, f->n, f->n);
        buf_addz(b, "map[");
        for (size_t i = 0; i < f->n; i++) {
            if (i > 0) buf_addc(b, ' ');
            text_value(b, str_of(members[i]->name));
            buf_addc(b, ':');
            text_field(b, members[i]);
        }
        buf_addc(b, ']');
        break;
    }
    }
}

static void text_name(struct buf *b, const struct record *r, const char *name)
{
    if (out.terminal)
        buf_addf(b, "\x1b[%dm%s\x1b[0m", levels[r->level].colour, name);
    else
        buf_addz(b, name);
    buf_addc(b, '=');
}

static void write_text(struct buf *b, const struct record *r)
{
    text_name(b, r, "time");
    buf_add(b, r->time);
    buf_addc(b, ' ');
    text_name(b, r, "level");
    buf_addz(b, levels[r->level].name);
    buf_addc(b, ' ');
    text_name(b, r, "msg");
    text_value(b, r->message);
    for (size_t i = 0; i < r->n; i++) {
        buf_addc(b, ' ');
        text_name(b, r, r->fields[i]->name);
        text_field(b, r->fields[i]);
    }
}

/* JSON formats. `indent` is the depth of pretty printing; PLAIN on one line. */

enum { PLAIN = -1 };

static void json_break(struct buf *b, int indent)
{
    if (indent == PLAIN) return;
    buf_addc(b, '\n');
    for (int i = 0; i < indent; i++) buf_addz(b, "  ");
}

static void json_fields(struct buf *b, const struct log_field *const *fields, size_t n, int indent);

static void json_field(struct buf *b, const struct log_field *f, int indent)
{
    switch (f->kind) {
    case LOG_INT: buf_addi(b, f->i); break;
    case LOG_BOOL: buf_addz(b, f->i != 0 ? "true" : "false"); break;
    case LOG_STR:
        if (f->s.p == NULL)
            buf_addz(b, "null");
        else
            json_write_string(b, f->s);
        break;
    case LOG_OBJECT: json_fields(b, sorted(f->members, f->n, f->n), f->n, indent); break;
    }
}

static void json_fields(struct buf *b, const struct log_field *const *fields, size_t n, int indent)
{
    int inner = indent == PLAIN ? PLAIN : indent + 1;
    buf_addc(b, '{');
    for (size_t i = 0; i < n; i++) {
        if (i > 0) buf_addc(b, ',');
        json_break(b, inner);
        json_write_string(b, str_of(fields[i]->name));
        buf_addz(b, indent == PLAIN ? ":" : ": ");
        json_field(b, fields[i], inner);
    }
    if (n > 0) json_break(b, indent);
    buf_addc(b, '}');
}

/* `f` moved to its place among the sorted fields, which have room for it. */
static void insert(struct record *r, const struct log_field *f)
{
    size_t at = r->n++;
    for (; at > 0 && strcmp(r->fields[at - 1]->name, f->name) > 0; at--) r->fields[at] = r->fields[at - 1];
    r->fields[at] = f;
}

static void write_json(struct buf *b, struct record *r)
{
    const struct log_field heading[] = {
        LF_Z("level", levels[r->level].name),
        LF_STR("msg", r->message),
        LF_STR("time", r->time),
    };
    for (size_t i = 0; i < ARRAY_LEN(heading); i++) insert(r, &heading[i]);
    json_fields(b, r->fields, r->n, r->settings->format == LOG_FORMAT_JSON_PRETTY ? 0 : PLAIN);
}

/* GELF 1.1: names of own fields start with '_', values are texts and numbers, so objects are flattened. */

static void gelf_field(struct buf *b, struct str name, const struct log_field *f)
{
    if (f->kind == LOG_OBJECT) {
        const struct log_field **members = sorted(f->members, f->n, f->n);
        for (size_t i = 0; i < f->n; i++)
            gelf_field(b, ARENA_CAT(out.scratch, name, STR("_"), str_of(members[i]->name)), members[i]);
        return;
    }
    if (f->kind == LOG_STR && f->s.p == NULL) return;
    buf_addc(b, ',');
    json_write_string(b, name);
    buf_addc(b, ':');
    if (f->kind == LOG_BOOL)
        json_write_string(b, f->i != 0 ? STR("true") : STR("false"));
    else
        json_field(b, f, PLAIN);
}

static void write_gelf(struct buf *b, const struct record *r)
{
    char host[256] = "";
    if (gethostname(host, sizeof(host) - 1) != 0 || host[0] == '\0') memcpy(host, "localhost", sizeof("localhost"));
    buf_addz(b, "{\"version\":\"1.1\",\"host\":");
    json_write_string(b, str_of(host));
    buf_addz(b, ",\"short_message\":");
    json_write_string(b, r->message);
    buf_addf(b, ",\"timestamp\":%lld.%03d,\"level\":%d", (long long)(r->when / USEC_PER_SEC),
             (int)(r->when % USEC_PER_SEC / 1000), levels[r->level].syslog);
    for (size_t i = 0; i < r->n; i++) gelf_field(b, ARENA_CAT(out.scratch, STR("_"), str_of(r->fields[i]->name)), r->fields[i]);
    buf_addc(b, '}');
}

static bool has_field(const struct log_field *fields, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(fields[i].name, name) == 0) return true;
    return false;
}

struct str log_place_text(struct arena *a, const char *file, int line)
{
    struct str name = str_of(file);
    while (str_starts(name, STR("../"))) name = str_from(name, 3);
    return arena_printf(a, "%.*s:%d", STR_FMT(name), line);
}

/* Adds to the pending text. Call with the lock held. */
static void add_record(struct record *r, const struct log_place *place, const struct log_field *fields, size_t n)
{
    const struct log_field common[] = {
        LF_Z("audience", "application"),
        LF_STR("service_name", r->settings->service_name),
        LF_STR("service_version", r->settings->service_version),
    };
    struct log_field from[] = { { .name = "file" }, LF_Z("func", place->function) };
    const struct log_field ids[] = { LF_Z("trace_id", traced.trace_id), LF_Z("span_id", traced.span_id) };
    const struct log_field trace = LF_OBJ("otel", ids, ARRAY_LEN(ids));

    r->fields = sorted(fields, n, n + ADDED_FIELDS);
    r->n = n;
    insert(r, &common[0]);
    insert(r, &common[1]);
    if (!has_field(fields, n, "http_request")) insert(r, &common[2]);
    if (traced.trace_id != NULL) insert(r, &trace);
    if (r->settings->level == LOG_TRACE) {
        from[0].s = log_place_text(out.scratch, place->file, place->line);
        if (!has_field(fields, n, "file")) insert(r, &from[0]); /* a record about a file, such as a changed one */
        insert(r, &from[1]);
    }

    switch (r->settings->format) {
    case LOG_FORMAT_JSON:
    case LOG_FORMAT_JSON_PRETTY: write_json(&out.pending, r); break;
    case LOG_FORMAT_GELF: write_gelf(&out.pending, r); break;
    case LOG_FORMAT_TEXT:
    case LOG_FORMAT_MAX_: write_text(&out.pending, r); break;
    }
    buf_addc(&out.pending, '\n');
    arena_reset(out.scratch);
}

void log_write_from(const struct log_place *place, enum log_level level, const char *message, const struct log_field *fields,
                    size_t n)
{
    if (!log_on(level)) return;

    pthread_mutex_lock(&out.lock);
    prepare();
    char time[TIME_RFC3339_ROOM];
    struct record r = { .settings = settings(), .level = level, .message = str_of(message), .when = clock_now() };
    r.time = (struct str) { time, time_write_rfc3339(r.when, 9, time) };
    bool empty = out.pending.n == 0;
    add_record(&r, place, fields, n);

    if (level <= LOG_WARN || out.pending.n >= PENDING_MAX || !start_gathering())
        write_pending();
    else if (empty)
        pthread_cond_signal(&out.filled);
    pthread_mutex_unlock(&out.lock);
}

void log_printf_from(const struct log_place *place, enum log_level level, const char *fmt, ...)
{
    if (!log_on(level)) return;

    char message[LONGEST_MESSAGE];
    va_list args;
    va_start(args, fmt);
    vsnprintf(message, sizeof(message), fmt, args);
    va_end(args);
    log_write_from(place, level, message, NULL, 0);
}
