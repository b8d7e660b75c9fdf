/* The table from descriptors to connections, the reads, and the sweeper. Knows nothing of requests beyond their framing. */
#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#include "base/cond.h"
#include "base/log.h"
#include "http/metrics.h"

enum { SWEEP_MS = 250, LINGER_MS = 3000, LINGER_BYTES = 32 << 20, MOST_DESCRIPTORS = 1 << 20, MANY = 500 };

struct wire {
    struct wire_limits limits;
    pthread_mutex_t lock; /* guards the list, and with it each descriptor against being closed while the sweeper uses it */
    pthread_cond_t wake;
    struct conn *first;
    size_t count, most; /* now; at most, since memory was last given back */
    bool stop, crowd_left;
    pthread_t sweeper;
};

static struct {
    pthread_once_t once;
    size_t size;
    _Atomic(struct conn *) *of_fd;
} table = { .once = PTHREAD_ONCE_INIT };

/* Every descriptor below the limit has a slot; the limit is first raised as far as the system allows. */
static void make_table(void)
{
    struct rlimit files = { .rlim_cur = 1024, .rlim_max = 1024 };
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max < MOST_DESCRIPTORS ? files.rlim_max : MOST_DESCRIPTORS;
    setrlimit(RLIMIT_NOFILE, &files);
    getrlimit(RLIMIT_NOFILE, &files);
    table.size = files.rlim_cur < MOST_DESCRIPTORS ? (size_t)files.rlim_cur : MOST_DESCRIPTORS;
    table.of_fd = calloc(table.size, sizeof(table.of_fd[0]));
    if (table.of_fd == NULL) table.size = 0;
}

struct conn *wire_find(int fd)
{
    if (fd < 0 || (size_t)fd >= table.size) return NULL;
    return atomic_load_explicit(&table.of_fd[fd], memory_order_acquire);
}

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void conn_phase(struct conn *c, enum conn_phase phase)
{
    atomic_store_explicit(&c->phase, now_ms() << 3 | (uint64_t)phase, memory_order_relaxed);
}

static enum conn_phase phase_of(const struct conn *c)
{
    return (enum conn_phase)(atomic_load_explicit(&c->phase, memory_order_relaxed) & 7);
}

void conn_answered(struct conn *c)
{
    if (c->mode == CONN_OPEN) conn_phase(c, framing_place(&c->framing) == FRAMING_BETWEEN ? CONN_IDLE : CONN_READING);
}

/* ---- the sweeper ---- */

static uint64_t limit_ms(const struct wire *w, enum conn_phase phase)
{
    usec_t idle = w->count > w->limits.crowd && w->limits.idle > w->limits.crowd_idle ? w->limits.crowd_idle : w->limits.idle;
    switch (phase) {
    case CONN_READING: return (uint64_t)(w->limits.read / USEC_PER_MS);
    case CONN_IDLE: return (uint64_t)(idle / USEC_PER_MS);
    case CONN_WRITING: return (uint64_t)(w->limits.write / USEC_PER_MS);
    case CONN_LINGERING: return LINGER_MS;
    case CONN_WORKING: break;
    }
    return UINT64_MAX;
}

/* Shutting down wakes the listener's thread, which then closes. A connection whose request is at work is left alone. */
static void sweep(struct wire *w)
{
    uint64_t now = now_ms();
    for (struct conn *c = w->first; c != NULL; c = c->next) {
        uint64_t phase = atomic_load_explicit(&c->phase, memory_order_relaxed), since = phase >> 3;
        if (now > since && now - since >= limit_ms(w, (enum conn_phase)(phase & 7))) shutdown(c->fd, SHUT_RDWR);
    }
}

/* Each thread's part of the heap keeps what its connections have freed; the next crowd may divide itself otherwise among the
 * threads and take as much anew. So what a crowd leaves behind goes back to the system. */
static void note_departure(struct wire *w)
{
    if (w->count > w->most / 2 || w->most - w->count < MANY) return;
    w->most = w->count;
    w->crowd_left = true;
}

static void give_memory_back(struct wire *w)
{
    if (!w->crowd_left) return;
    w->crowd_left = false;
    pthread_mutex_unlock(&w->lock);
    malloc_trim(0);
    pthread_mutex_lock(&w->lock);
}

static void *sweep_regularly(void *arg)
{
    struct wire *w = arg;
    pthread_mutex_lock(&w->lock);
    while (!w->stop) {
        if (w->first == NULL && !w->crowd_left)
            pthread_cond_wait(&w->wake, &w->lock);
        else
            cond_wait_until(&w->wake, &w->lock, clock_monotonic() + SWEEP_MS * USEC_PER_MS);
        sweep(w);
        give_memory_back(w);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

static bool start_sweeper(struct wire *w)
{
    cond_init(&w->wake);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool ok = pthread_create(&w->sweeper, NULL, sweep_regularly, w) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return ok;
}

struct wire *wire_new(const struct wire_limits *limits)
{
    pthread_once(&table.once, make_table);
    struct wire *w = calloc(1, sizeof(*w));
    if (w == NULL) return NULL;
    w->limits = *limits;
    pthread_mutex_init(&w->lock, NULL);
    if (start_sweeper(w)) return w;
    free(w);
    return NULL;
}

void wire_free(struct wire *w)
{
    if (w == NULL) return;
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->sweeper, NULL);
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

size_t wire_count(struct wire *w)
{
    pthread_mutex_lock(&w->lock);
    size_t count = w->count;
    pthread_mutex_unlock(&w->lock);
    return count;
}

/* ---- connections ---- */

static void name_remote(struct conn *c)
{
    struct sockaddr_storage peer = { .ss_family = AF_UNSPEC };
    socklen_t size = sizeof(peer);
    if (getpeername(c->fd, (struct sockaddr *)&peer, &size) != 0) return;

    char address[INET6_ADDRSTRLEN] = "";
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&peer;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&peer;
    int n = 0;
    if (peer.ss_family == AF_INET && inet_ntop(AF_INET, &v4->sin_addr, address, sizeof(address)) != NULL)
        n = snprintf(c->remote, sizeof(c->remote), "%s:%u", address, ntohs(v4->sin_port));
    else if (peer.ss_family == AF_INET6 && inet_ntop(AF_INET6, &v6->sin6_addr, address, sizeof(address)) != NULL)
        n = snprintf(c->remote, sizeof(c->remote), "[%s]:%u", address, ntohs(v6->sin6_port));
    c->remote_n = (uint8_t)n;
    c->address_n = (uint8_t)(n == 0 ? 0 : strlen(address));
}

struct conn *wire_open(struct wire *w, int fd, void *tls, unsigned listener)
{
    if (fd < 0 || (size_t)fd >= table.size) return NULL;
    struct conn *c = calloc(1, sizeof(*c));
    if (c == NULL) return NULL;
    c->wire = w;
    c->fd = fd;
    c->tls = tls;
    c->listener = listener;
    name_remote(c);
    conn_phase(c, CONN_READING);
    atomic_store_explicit(&table.of_fd[fd], c, memory_order_release);

    pthread_mutex_lock(&w->lock);
    c->next = w->first;
    if (c->next != NULL) c->next->prev = c;
    if (w->first == NULL) pthread_cond_signal(&w->wake);
    w->first = c;
    w->count++;
    if (w->count > w->most) w->most = w->count;
    pthread_mutex_unlock(&w->lock);
    return c;
}

void wire_close(struct conn *c)
{
    if (c == NULL) return;
    struct conn *expected = c;
    atomic_compare_exchange_strong(&table.of_fd[c->fd], &expected, NULL);

    struct wire *w = c->wire;
    pthread_mutex_lock(&w->lock);
    if (c->next != NULL) c->next->prev = c->prev;
    if (c->prev != NULL) c->prev->next = c->next;
    if (w->first == c) w->first = c->next;
    w->count--;
    note_departure(w);
    pthread_mutex_unlock(&w->lock);
    free(c);
}

/* ---- refusing ---- */

static const char *reason_phrase(int status)
{
    switch (status) {
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 431: return "Request Header Fields Too Large";
    case 505: return "HTTP Version Not Supported";
    default: return "Bad Request";
    }
}

static void send_plainly(struct conn *c, const char *text, size_t n)
{
    /* A peer that does not read gets nothing more: it is being turned away. */
    if (c->tls != NULL) {
        ssize_t sent = gnutls_record_send(c->tls, text, n);
        (void)sent;
        return;
    }
    ssize_t sent = send(c->fd, text, n, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)sent;
    shutdown(c->fd, SHUT_WR);
}

void conn_refuse(struct conn *c, int status, const char *reason)
{
    char body[256], text[512];
    int n = snprintf(body, sizeof(body), "{\"error\":\"invalid_request\",\"error_description\":\"%s\"}\n", reason);
    n = snprintf(text, sizeof(text),
                 "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", status,
                 reason_phrase(status), n, body);
    send_plainly(c, text, (size_t)n);
    c->mode = CONN_DRAIN;
    conn_phase(c, CONN_LINGERING);
    metrics_refused(status);
    log_at(LOG_INFO, "refused a malformed request", LF_INT("status", status), LF_Z("reason", reason),
           LF_STR("remote", ((struct str) { c->remote, c->remote_n })));
}

/* ---- reading ---- */

typedef ssize_t (*reader)(struct conn *c, void *into, size_t n);

static ssize_t read_plain(struct conn *c, void *into, size_t n) { return recv(c->fd, into, n, 0); }
static ssize_t read_tls(struct conn *c, void *into, size_t n) { return gnutls_record_recv(c->tls, into, n); }

/* What "nothing yet" is to the caller. */
static ssize_t nothing_yet(const struct conn *c)
{
    if (c->tls != NULL) return GNUTLS_E_AGAIN;
    errno = EAGAIN;
    return -1;
}

/* Closing with unread bytes would reset the connection and take the answer from the peer's hands: they are read and dropped. */
static ssize_t drain(struct conn *c, reader read, void *into, size_t n)
{
    for (;;) {
        ssize_t got = read(c, into, n);
        if (got == 0 || c->drained > LINGER_BYTES) return 0;
        if (got < 0) return got;
        c->drained += (size_t)got;
    }
}

static ssize_t read_checked(struct conn *c, reader read, void *into, size_t n)
{
    if (c->mode == CONN_DRAIN) return drain(c, read, into, n);
    if (c->mode == CONN_REFUSE_NEXT) {
        conn_refuse(c, c->framing.status, c->framing.reason);
        return 0;
    }
    ssize_t got = read(c, into, n);
    if (got <= 0) return got;

    c->read_through = true;
    size_t good = framing_feed(&c->framing, &c->wire->limits.framing, (struct str) { into, (size_t)got });
    if (c->framing.status == 0) {
        if (phase_of(c) == CONN_IDLE) conn_phase(c, CONN_READING);
        return got;
    }
    /* Requests before the bad one are answered first; being shut down for reading makes the listener come back for more. */
    if (good > 0) {
        c->mode = CONN_REFUSE_NEXT;
        shutdown(c->fd, SHUT_RD);
        return (ssize_t)good;
    }
    conn_refuse(c, c->framing.status, c->framing.reason);
    ssize_t rest = drain(c, read, into, n);
    return rest == 0 ? 0 : nothing_yet(c);
}

ssize_t wire_recv(int fd, void *into, size_t n, int flags)
{
    struct conn *c = wire_find(fd);
    if (c == NULL || c->tls != NULL || flags != 0) return recv(fd, into, n, flags);
    return read_checked(c, read_plain, into, n);
}

ssize_t wire_gnutls_record_recv(gnutls_session_t session, void *into, size_t n)
{
    struct conn *c = wire_find(gnutls_transport_get_int(session));
    if (c == NULL) return gnutls_record_recv(session, into, n);
    return read_checked(c, read_tls, into, n);
}

/* ---- memory ---- */

enum { CLEARED_LARGE = 16 * 1024, PAGE = 4096 };

static bool is_zero(const char *p, size_t n) { return p[0] == 0 && memcmp(p, p + 1, n - 1) == 0; }

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

/* The library clears a connection's memory after each request. Pages that no request has touched are zero already; writing to
 * them would make them resident, and a connection that waits for its next request would cost nine pages instead of two. A
 * request takes its memory from both ends, so behind the first clean page lie no others, from either. (But for a body with a
 * page of zeros in it, whose rest then stays until the connection goes.) */
void *wire_clear(void *into, int c, size_t n)
{
    if (n < CLEARED_LARGE || c != 0) return memset(into, c, n);
    char *p = into, *end = p + n;
    for (size_t part; p < end; p += part) {
        part = least(PAGE - ((uintptr_t)p & (PAGE - 1)), (size_t)(end - p));
        if (is_zero(p, part)) break;
        memset(p, 0, part);
    }
    for (size_t part; p < end; end -= part) {
        part = least(((uintptr_t)end - 1) % PAGE + 1, (size_t)(end - p));
        if (is_zero(end - part, part)) break;
        memset(end - part, 0, part);
    }
    return into;
}

/* ---- epoll sets ---- */

/* When listeners stop accepting, the thread that stops them and their own one may both take the listening socket out of the set;
 * the library ends the process when the second finds nothing there. */
int wire_epoll_ctl(int set, int change, int fd, struct epoll_event *event)
{
    int done = epoll_ctl(set, change, fd, event);
    return done != 0 && change == EPOLL_CTL_DEL && errno == ENOENT ? 0 : done;
}
