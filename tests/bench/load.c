/* A load on loopback: CONNECTIONS kept open, each asking again as soon as it is answered, until COUNT requests are answered.
 * FILE holds the requests, each after a line with its length in bytes; they are sent in turn, over and over. Every answer must
 * have STATUS. Prints "seconds used median p99": how long it took, and in microseconds the processor time that process PID used
 * meanwhile, and how long the answer to one request took, half of them and 99 of 100 at most.
 * With BODIES, the bodies of the answers go there, one a line; with "whole" as well, whole answers, each after a line with the
 * number of its request and its own length in bytes.
 * Usage: load PORT CONNECTIONS COUNT STATUS FILE PID [BODIES [whole]] */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 1024, EVENTS = 64, ANSWER_MAX = 1 << 18 };

struct text {
    const char *p;
    size_t n;
};

struct connection {
    int fd;
    size_t number; /* of the request under way */
    double asked_at;
    size_t have;
    char answer[ANSWER_MAX];
};

static struct text *requests;
static size_t requests_n, next_request;
static long to_send, to_read;
static int status_wanted;
static FILE *bodies;
static bool whole;
static double *waits; /* seconds, one for each answer */
static long waits_n;

static _Noreturn void die(const char *what, const char *about)
{
    fprintf(stderr, "load: %s: %s\n", what, about);
    exit(1);
}

static double now(clockid_t clock)
{
    struct timespec t;
    if (clock_gettime(clock, &t) != 0) die("no such process", strerror(errno));
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct text map_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat s;
    if (fd < 0 || fstat(fd, &s) != 0) die(path, strerror(errno));
    const char *p = mmap(NULL, (size_t)s.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED) die(path, strerror(errno));
    close(fd);
    return (struct text) { p, (size_t)s.st_size };
}

static void read_requests(const char *path)
{
    struct text file = map_file(path);
    const char *p = file.p, *end = file.p + file.n;
    size_t room = 0;
    while (p < end) {
        char *line_end;
        size_t n = strtoul(p, &line_end, 10);
        if (*line_end != '\n' || n == 0 || n > (size_t)(end - line_end - 1)) die(path, "a length is wrong");
        if (requests_n == room) {
            room = room == 0 ? 64 : 2 * room;
            requests = realloc(requests, room * sizeof(*requests));
            if (requests == NULL) die(path, "too many requests");
        }
        requests[requests_n++] = (struct text) { line_end + 1, n };
        p = line_end + 1 + n;
    }
    if (requests_n == 0) die(path, "no request");
}

/* Requests are small: a socket that cannot take one at once means that something is wrong. */
static void ask(struct connection *c)
{
    if (to_send == 0) return;
    to_send--;
    c->number = next_request++;
    c->asked_at = now(CLOCK_MONOTONIC);
    struct text r = requests[c->number % requests_n];
    c->have = 0;
    if (send(c->fd, r.p, r.n, MSG_NOSIGNAL) != (ssize_t)r.n) die("send", strerror(errno));
}

static struct connection *connect_to(int port)
{
    struct connection *c = malloc(sizeof(*c));
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = { htonl(INADDR_LOOPBACK) } };
    int on = 1;
    if (c == NULL) die("connect", "no memory");
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof(to)) != 0) die("connect", strerror(errno));
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return c;
}

/* The whole length of the answer, 0 as long as its head is not there. */
static size_t answer_length(const struct connection *c, size_t *head)
{
    const char *end = memmem(c->answer, c->have, "\r\n\r\n", 4);
    if (end == NULL) return 0;
    *head = (size_t)(end - c->answer) + 4;
    const char *length = strcasestr(c->answer, "\r\ncontent-length:");
    return *head + (length == NULL || length > end ? 0 : strtoul(length + 17, NULL, 10));
}

/* Whether the answer is complete. */
static bool take(struct connection *c)
{
    ssize_t n = recv(c->fd, c->answer + c->have, ANSWER_MAX - c->have - 1, 0);
    if (n <= 0) die("the connection ended", n < 0 ? strerror(errno) : "closed by the server, or an answer too large");
    c->have += (size_t)n;
    c->answer[c->have] = '\0';
    size_t head, length = answer_length(c, &head);
    if (length == 0 || c->have < length) return false;
    if (strtol(c->answer + 9, NULL, 10) != status_wanted) die("unexpected answer", c->answer);
    if (bodies != NULL && whole)
        fprintf(bodies, "%zu %zu\n%.*s", c->number, length, (int)length, c->answer);
    else if (bodies != NULL)
        fprintf(bodies, "%.*s%s", (int)(length - head), c->answer + head, c->answer[length - 1] == '\n' ? "" : "\n");
    return true;
}

static void run(int port, long connections)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    for (long i = 0; i < connections; i++) {
        struct connection *c = connect_to(port);
        struct epoll_event e = { .events = EPOLLIN, .data.ptr = c };
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &e) != 0) die("epoll", strerror(errno));
        ask(c);
    }
    while (to_read > 0) {
        struct epoll_event events[EVENTS];
        int n = epoll_wait(epoll, events, EVENTS, 30000);
        if (n <= 0) die("no answer", n < 0 ? strerror(errno) : "for 30 seconds");
        for (int i = 0; i < n; i++) {
            struct connection *c = events[i].data.ptr;
            if (!take(c)) continue;
            to_read--;
            waits[waits_n++] = now(CLOCK_MONOTONIC) - c->asked_at;
            ask(c);
        }
    }
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double wait_of(double share) { return waits[(long)((double)(waits_n - 1) * share)] * 1e6; }

int main(int argc, char **argv)
{
    if (argc < 7) die("usage", "load PORT CONNECTIONS COUNT STATUS FILE PID [BODIES [whole]]");
    long connections = strtol(argv[2], NULL, 10);
    to_send = to_read = strtol(argv[3], NULL, 10);
    status_wanted = (int)strtol(argv[4], NULL, 10);
    waits = calloc((size_t)to_read + 1, sizeof(*waits));
    if (waits == NULL || to_read < 1) die("COUNT", "at least 1, and not that many");
    if (connections < 1 || connections > CONNECTIONS_MAX) die("CONNECTIONS", "1 to 1024");
    read_requests(argv[5]);
    if (argc > 7 && (bodies = fopen(argv[7], "we")) == NULL) die(argv[7], strerror(errno));
    whole = argc > 8;

    clockid_t used;
    if (clock_getcpuclockid((pid_t)strtol(argv[6], NULL, 10), &used) != 0) die(argv[6], "no such process");
    double began = now(CLOCK_MONOTONIC), used_before = now(used);
    run((int)strtol(argv[1], NULL, 10), connections);
    double seconds = now(CLOCK_MONOTONIC) - began, cpu = now(used) - used_before;
    qsort(waits, (size_t)waits_n, sizeof(*waits), by_size);
    printf("%.6f %.0f %.0f %.0f\n", seconds, cpu * 1e6, wait_of(0.5), wait_of(0.99));
    if (bodies != NULL && fclose(bodies) != 0) die(argv[7], strerror(errno));
    return 0;
}
