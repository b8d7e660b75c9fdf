/* Connections as sockets: every byte read passes through the framing check, and a sweeper closes those that take too long. */
#ifndef HTTP_WIRE_H
#define HTTP_WIRE_H

#include <stdatomic.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "http/framing.h"
#include "http/gnutls_lib.h"

struct wire;
struct wire_limits {
    struct framing_limits framing;
    usec_t read, write, idle;
    size_t crowd; /* with more open connections than this, idle ones get only `crowd_idle` */
    usec_t crowd_idle;
};

/* What a connection is waiting for; decides which limit the sweeper applies. */
enum conn_phase { CONN_READING, CONN_IDLE, CONN_WORKING, CONN_WRITING, CONN_LINGERING };
enum conn_mode { CONN_OPEN, CONN_REFUSE_NEXT, CONN_DRAIN };

struct conn {
    struct conn *next, *prev;
    struct wire *wire;
    int fd;
    void *tls;         /* gnutls session, or NULL */
    unsigned listener; /* enum http_listener */
    enum conn_mode mode;
    bool read_through; /* bytes came through the framing check */
    bool spoke;        /* TLS: the first bytes were there */
    size_t drained;
    struct framing framing;
    _Atomic uint64_t phase;      /* milliseconds << 3 | enum conn_phase */
    char remote[64];             /* address:port of the peer; empty for a unix socket */
    uint8_t remote_n, address_n; /* length of all, and of the address alone */
};

struct wire *wire_new(const struct wire_limits *limits); /* limits are copied; NULL when the system has no thread left */
void wire_free(struct wire *w);                          /* all connections must be closed */
size_t wire_count(struct wire *w);

/* Called when a connection begins and ends, on its listener's thread. */
struct conn *wire_open(struct wire *w, int fd, void *tls, unsigned listener);
void wire_close(struct conn *c);
struct conn *wire_find(int fd); /* NULL: not one of ours */

void conn_phase(struct conn *c, enum conn_phase phase);
/* After an answer: idle, or reading when part of the next request is there already. */
void conn_answered(struct conn *c);
/* Answers on the socket itself, reads and drops what still comes, and closes soon. For requests that never reach a handler. */
void conn_refuse(struct conn *c, int status, const char *reason);

/* ---- what the HTTP library calls in place of recv, gnutls_record_recv, memset and epoll_ctl (meson.build renames them in
 * it) ---- */

ssize_t wire_recv(int fd, void *into, size_t n, int flags);
ssize_t wire_gnutls_record_recv(gnutls_session_t session, void *into, size_t n);
void *wire_clear(void *into, int c, size_t n);
int wire_epoll_ctl(int set, int change, int fd, struct epoll_event *event);

#endif
