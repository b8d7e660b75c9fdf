/* The server over real sockets, with routes of its own: routing manners of both generations, limits, bodies, workers, CORS, API
 * keys, unix sockets, TLS, stopping. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "http/gnutls_lib.h"
#include "http/server.h"

/* ---- an application ---- */

static const struct config *config;
static atomic_int held;

static struct provider *acquire(void *app)
{
    atomic_fetch_add(&held, 1);
    return app;
}
static void release(struct provider *p)
{
    (void)p;
    atomic_fetch_sub(&held, 1);
}
static const struct config *config_of(const struct provider *p)
{
    (void)p;
    return config;
}
static bool client_origin(struct http_req *r, struct str origin)
{
    assert_true(r->op.may_wait);
    return str_eq(origin, STR("https://client.example.com"));
}

/* Writes down everything that it was given. */
static bool echo(struct http_req *r, struct err *e)
{
    (void)e;
    struct buf b = BUF(r->op.arena);
    buf_addf(&b, "path=%.*s param=%.*s/%.*s body=%.*s waits=%d q=%.*s cookie=%.*s form=", STR_FMT(r->path), STR_FMT(r->param[0]),
             STR_FMT(r->param[1]), STR_FMT(r->body), r->op.may_wait, STR_FMT(params_get(&r->query, STR("q"))),
             STR_FMT(http_cookie(r, STR("c"))));
    buf_add(&b, params_encode(r->op.arena, &r->form, false));
    return http_reply(r, 200, "text/plain", buf_str(&b));
}
static bool wait_and_echo(struct http_req *r, struct err *e)
{
    http_header_add(r, "X-Tried", STR("yes"));
    OP_MUST_WAIT(&r->op, e);
    struct str ms = params_get(&r->query, STR("ms"));
    int64_t n;
    if (ms.p != NULL && str_to_int(ms, &n)) usleep((useconds_t)n * 1000);
    return echo(r, e);
}
static bool fail_with(struct http_req *r, struct err *e)
{
    (void)r;
    FAIL(e, INVALID_CLIENT, "Who is it?");
}
static bool say_nothing(struct http_req *r, struct err *e)
{
    (void)r;
    (void)e;
    return true;
}
static bool show_metrics(struct http_req *r, struct err *e)
{
    (void)e;
    return http_reply(r, 200, "text/plain; version=0.0.4; charset=utf-8", http_metrics_text(r->op.arena));
}

/* clang-format off */
static const struct route routes[] = {
    { LISTEN_PUBLIC, HTTP_POST,             "/oauth2/token",       API_CURRENT, ROUTE_FORM | ROUTE_NO_STORE | ROUTE_CORS_CLIENT, echo, "token" },
    { LISTEN_PUBLIC, HTTP_POST,             "/oauth2/fail",        API_CURRENT, ROUTE_FORM | ROUTE_NO_STORE, fail_with, "fail" },
    { LISTEN_PUBLIC, HTTP_GET,              "/nothing",            API_CURRENT, 0, say_nothing, "nothing" },
    { LISTEN_PUBLIC, HTTP_GET | HTTP_POST,  "/wait",               API_CURRENT, ROUTE_BODY, wait_and_echo, "wait" },
    { LISTEN_PUBLIC, HTTP_GET,              "/always",             API_CURRENT, ROUTE_WAITS, echo, "always" },
    { LISTEN_PUBLIC, HTTP_GET,              "/echo",               API_CURRENT, 0, echo, "echo" },
    { LISTEN_BOTH,   HTTP_GET,              "/health/alive",       API_CURRENT, ROUTE_PROBE, echo, "alive" },
    { LISTEN_ADMIN,  HTTP_GET,              "/metrics/prometheus", API_CURRENT, ROUTE_PROBE, show_metrics, "metrics" },
    { LISTEN_ADMIN,  HTTP_GET,              "/admin/clients",      API_CURRENT, 0, echo, "list" },
    { LISTEN_ADMIN,  HTTP_POST,             "/admin/clients",      API_CURRENT, ROUTE_BODY, echo, "create" },
    { LISTEN_ADMIN,  HTTP_GET,              "/admin/clients/{id}", API_CURRENT, 0, echo, "get" },
    { LISTEN_ADMIN,  HTTP_GET,              "/clients",            API_V1, 0, echo, "old_list" },
    { LISTEN_ADMIN,  HTTP_POST,             "/clients",            API_V1, ROUTE_BODY, echo, "old_create" },
};
/* clang-format on */

static const struct http_app app = {
    .routes = routes,
    .routes_n = sizeof(routes) / sizeof(routes[0]),
    .acquire = acquire,
    .release = release,
    .config = config_of,
    .client_origin = client_origin,
    .app = &held,
};

/* ---- starting it ---- */

static const char usual[] = "log: {level: fatal}\nurls: {self: {issuer: 'http://127.0.0.1:4444'}}\n"
                            "secrets: {system: [a-secret-for-this-test-only]}\n";

/* Free ports, as the settings know no 0. */
static unsigned free_port(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_return_code(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    getsockname(fd, (struct sockaddr *)&at, &size);
    close(fd);
    return ntohs(at.sin_port);
}

static const char *read_timeout = "20s";

struct world {
    struct arena *arena;
    struct http_server *server;
    unsigned port[3]; /* by listener */
};

static bool load_settings(struct world *w, const char *public, const char *admin, const char *more)
{
    w->arena = arena_new();
    w->port[LISTEN_PUBLIC] = free_port();
    w->port[LISTEN_ADMIN] = free_port();
    struct config_text text = {
        STR("test.yml"), arena_printf(w->arena,
                                      "%s%sserve:\n  public: {host: 127.0.0.1, port: %u%s}\n  admin: {port: %u%s}\n  "
                                      "limits: {read_timeout: %s, queue: 4, workers: 2}\n",
                                      usual, more, w->port[LISTEN_PUBLIC], public, w->port[LISTEN_ADMIN], admin, read_timeout)
    };
    struct config_report report = { 0 };
    bool ok = config_load(w->arena, &(struct config_sources) { .texts = &text, .texts_n = 1, .dev = FLAG_ON }, &config, &report);
    if (!ok) print_error("%s\n", config_report_text(w->arena, &report).p);
    return ok;
}

static void start(struct world *w, const char *public, const char *admin, const char *more)
{
    assert_true(load_settings(w, public, admin, more));
    struct err e = ERR_INIT(w->arena);
    struct http_server_options o = { .config = config, .listeners = LISTEN_BOTH, .app = &app };
    if (!http_server_start(&o, &w->server, &e)) fail_msg("%s", e.hint != NULL ? e.hint : "");
}

static void stop(struct world *w)
{
    assert_true(http_server_stop(w->server, 5 * USEC_PER_SEC));
    assert_int_equal(held, 0);
    config_unref(config);
    arena_free(w->arena);
}

/* ---- talking to it ---- */

static int connect_to(const struct world *w, enum http_listener l)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)w->port[l]),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_return_code(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    struct timeval limit = { .tv_sec = 10 };
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    return fd;
}

static void say(int fd, struct str text)
{
    for (size_t at = 0; at < text.n;) {
        ssize_t n = send(fd, text.p + at, text.n - at, MSG_NOSIGNAL);
        if (n <= 0) return;
        at += (size_t)n;
    }
}

/* Everything until the peer closes. */
static const char *hear(struct arena *a, int fd)
{
    struct buf b = BUF(a);
    char text[4096];
    for (ssize_t n; (n = recv(fd, text, sizeof(text), 0)) > 0;) buf_add(&b, (struct str) { text, (size_t)n });
    close(fd);
    return b.n == 0 ? "" : buf_str(&b).p;
}

/* A whole request whose connection the server closes after the answer. */
static const char *ask_raw(struct world *w, enum http_listener l, struct str request)
{
    int fd = connect_to(w, l);
    say(fd, request);
    return hear(w->arena, fd);
}

static const char *ask(struct world *w, enum http_listener l, const char *line, const char *headers, const char *body)
{
    return ask_raw(w, l,
                   arena_printf(w->arena, "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %zu\r\n%s\r\n%s", line,
                                strlen(body), headers, body));
}

static void has(const char *answer, const char *part)
{
    if (part == NULL) return;
    assert_non_null(answer);
    if (strstr(answer, part) == NULL) fail_msg("no '%s' in: %s", part, answer);
}
static void has_not(const char *answer, const char *part)
{
    if (part == NULL) return;
    assert_non_null(answer);
    if (strstr(answer, part) != NULL) fail_msg("'%s' in: %s", part, answer);
}

#define FORM "Content-Type: application/x-www-form-urlencoded\r\n"

/* ---- tests ---- */

struct exchange_case {
    enum http_listener on;
    const char *line, *headers, *body;
    const char *wanted[3];
    const char *unwanted;
};

/* clang-format off */
static const struct exchange_case exchanges[] = {
    { LISTEN_PUBLIC, "POST /oauth2/token", FORM, "a=b&c=d+e", { "HTTP/1.1 200", "form=a=b&c=d+e", "Cache-Control: no-store\r\nPragma: no-cache\r\n" }, NULL },
    { LISTEN_PUBLIC, "POST /oauth2/token/?q=1", FORM, "a=b",  { "200 OK", "path=/oauth2/token param", "q=1" }, NULL },
    { LISTEN_PUBLIC, "POST /oauth2/token", "Content-Type: application/json\r\n", "{}", { "200 OK", "form=" }, NULL },
    { LISTEN_PUBLIC, "POST /oauth2/fail", FORM, "",           { "401 Unauthorized", "Content-Type: application/json;charset=UTF-8", "\"error\":\"invalid_client\"" }, "WWW-Authenticate" },
    { LISTEN_PUBLIC, "POST /oauth2/fail", FORM "Authorization: Basic YTpi\r\n", "", { "401 Unauthorized", "WWW-Authenticate: Basic realm=" }, NULL },
    { LISTEN_PUBLIC, "GET /nothing", "", "",                  { "500 Internal", "server_error" }, NULL },
    { LISTEN_PUBLIC, "GET /wait?q=x", "", "",                 { "200 OK", "waits=1 q=x", "X-Tried: yes" }, NULL },
    { LISTEN_PUBLIC, "GET /always", "", "",                   { "200 OK", "waits=1" }, NULL },
    { LISTEN_PUBLIC, "GET /echo", "Cookie: a=1; c=\"2\"; c=3\r\n", "", { "200 OK", "waits=0", "cookie=2 " }, NULL },
    { LISTEN_PUBLIC, "GET /echo", "", "",                     { "Cache-Control: private, no-cache, no-store, must-revalidate" }, "Pragma" },
    { LISTEN_PUBLIC, "HEAD /echo", "", "",                    { "200 OK", "Content-Length: " }, "waits=" },
    { LISTEN_PUBLIC, "GET /echo", "X-Request-ID: abc-1\r\n", "", { "X-Request-ID: abc-1\r\n" }, NULL },
    { LISTEN_PUBLIC, "GET /echo", "X-Request-ID: a b\r\n", "", { "X-Request-ID: " }, "a b" },
    { LISTEN_PUBLIC, "GET http://x/echo?q=y", "", "",         { "200 OK", "q=y" }, NULL },
    { LISTEN_PUBLIC, "PUT /echo", "Accept: application/json\r\n", "", { "404 Not Found", "{\"error\":{\"code\":404,\"message\":\"Not Found\",\"reason\":\"The requested route" }, "Allow" },
    { LISTEN_PUBLIC, "GET /none", "Accept: text/plain\r\n", "", { "404 Not Found", "text/plain" }, NULL },
    { LISTEN_PUBLIC, "GET /none", "Accept: */*\r\n", "",      { "404 Not Found", "text/html" }, NULL },
    { LISTEN_PUBLIC, "GET /", "", "",                         { "404 Not Found" }, NULL },
    { LISTEN_PUBLIC, "BREW /echo", "", "",                    { "404 Not Found" }, NULL },
    { LISTEN_PUBLIC, "GET /admin/clients", "", "",            { "404 Not Found" }, NULL },
    { LISTEN_PUBLIC, "OPTIONS /oauth2/token", "", "",         { "200 OK" }, "Access-Control" },
    { LISTEN_PUBLIC, "OPTIONS /echo", "", "",                 { "404 Not Found" }, NULL },
    { LISTEN_ADMIN,  "GET /admin/clients/a%2Fb", "", "",      { "200 OK", "param=a/b/" }, NULL },
    { LISTEN_ADMIN,  "POST /admin/clients", "Content-Type: text/plain\r\n", "{\"a\":1}", { "200 OK", "body={\"a\":1}" }, "Cache-Control" },
    { LISTEN_ADMIN,  "DELETE /admin/clients", "", "",         { "404 Not Found" }, "Allow" },
    { LISTEN_ADMIN,  "DELETE /clients", "", "",               { "405 Method", "Allow: GET, OPTIONS, POST\r\n", "Method Not Allowed\n" }, NULL },
    { LISTEN_ADMIN,  "HEAD /clients", "", "",                 { "405 Method" }, NULL },
    { LISTEN_ADMIN,  "OPTIONS /clients", "", "",              { "200 OK", "Allow: GET, OPTIONS, POST\r\n" }, NULL },
    { LISTEN_ADMIN,  "GET /clients", "", "",                  { "200 OK" }, "Cache-Control" },
    { LISTEN_ADMIN,  "GET /clients/?limit=1", "", "",         { "301 Moved", "Location: /clients?limit=1\r\n" }, NULL },
    { LISTEN_ADMIN,  "POST /clients/", "", "{}",              { "307 Temporary", "Location: /clients\r\n" }, NULL },
    { LISTEN_ADMIN,  "GET /none", "Accept: application/json\r\n", "", { "404 Not Found", "text/plain", "{\"error\": \"Error 404 - " }, NULL },
    { LISTEN_ADMIN,  "GET /health/alive", "", "",             { "200 OK" }, NULL },
};
/* clang-format on */

static void every_route_answers_in_its_manner(void **state)
{
    (void)state;
    struct world w;
    start(&w, "", "", "");
    for (size_t i = 0; i < sizeof(exchanges) / sizeof(exchanges[0]); i++) {
        const struct exchange_case *c = &exchanges[i];
        const char *answer = ask(&w, c->on, c->line, c->headers, c->body);
        for (size_t j = 0; j < 3; j++) has(answer, c->wanted[j]);
        has_not(answer, c->unwanted);
    }
    stop(&w);
}

static size_t count(const char *text, const char *part)
{
    size_t n = 0;
    for (const char *p = text; (p = strstr(p, part)) != NULL; p += strlen(part)) n++;
    return n;
}

#define ALIVE "GET /health/alive HTTP/1.1\r\nHost: x\r\n\r\n"

/* The framing check is reached by first, later and pipelined requests; its own cases are in test_framing.c. */
static void ambiguous_requests_never_reach_a_route(void **state)
{
    (void)state;
    struct world w;
    start(&w, "", "", "");
    static const struct {
        struct str text;
        const char *status;
    } cases[] = {
        { STR("POST /oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
          "HTTP/1.1 400" },
        { STR("POST /oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\na=b"), "HTTP/1.1 400" },
        { STR("POST /oauth2/token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n"), "HTTP/1.1 400" },
        { STR("POST /oauth2/token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), "HTTP/1.1 400" },
        { STR("GET /echo HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"), "HTTP/1.1 400" },
        { STR("GET /echo HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n"), "HTTP/1.1 400" },
        { STR("GET /echo HTTP/1.1\nHost: x\n\n"), "HTTP/1.1 400" },
        { STR("GET /echo HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n"), "HTTP/1.1 400" },
        { STR("GET /echo HTTP/1.1\r\nHost: x\r\nX: a\rb\r\n\r\n"), "HTTP/1.1 400" },
        { STR("GARBAGE\r\n\r\n"), "HTTP/1.1 400" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        has(ask_raw(&w, LISTEN_PUBLIC, cases[i].text), cases[i].status);

        int fd = connect_to(&w, LISTEN_PUBLIC);
        say(fd, STR(ALIVE));
        usleep(20000);
        say(fd, cases[i].text);
        const char *answer = hear(w.arena, fd);
        assert_int_equal(count(answer, "HTTP/1.1 200"), 1);
        assert_int_equal(count(answer, cases[i].status), 1);

        answer = ask_raw(&w, LISTEN_PUBLIC, ARENA_CAT(w.arena, STR(ALIVE ALIVE), cases[i].text, STR(ALIVE)));
        assert_int_equal(count(answer, "HTTP/1.1 200"), 2);
        assert_int_equal(count(answer, cases[i].status), 1);
    }
    stop(&w);
}

static struct str filled(struct arena *a, const char *head, size_t n, const char *tail)
{
    struct buf b = BUF(a);
    buf_addz(&b, head);
    buf_reserve(&b, n);
    for (size_t i = 0; i < n; i++) buf_addc(&b, 'x');
    buf_addz(&b, tail);
    return buf_str(&b);
}

static void limits_have_their_answers(void **state)
{
    (void)state;
    struct world w;
    start(&w, "", "", "");
    struct arena *a = w.arena;
    has(ask_raw(&w, LISTEN_PUBLIC, filled(a, "GET /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: ", 8000, "\r\n\r\n")),
        "HTTP/1.1 200");
    has(ask_raw(&w, LISTEN_PUBLIC, filled(a, "GET /echo HTTP/1.1\r\nHost: x\r\nX: ", 2000000, "\r\n\r\n")), "HTTP/1.1 431");
    has(ask_raw(&w, LISTEN_PUBLIC, filled(a, "GET /", 20000, " HTTP/1.1\r\nHost: x\r\n\r\n")), "HTTP/1.1 414");
    has(ask_raw(&w, LISTEN_PUBLIC,
                filled(a,
                       "POST /oauth2/token HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" FORM "Content-Length: 12000000\r\n\r\n",
                       12000000, "")),
        "HTTP/1.1 400");
    has(ask_raw(&w, LISTEN_ADMIN,
                filled(a, "POST /admin/clients HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 20000000\r\n\r\n",
                       20000000, "")),
        "HTTP/1.1 413");
    has(ask_raw(&w, LISTEN_ADMIN, STR("POST /admin/clients HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000000\r\n\r\n")),
        "HTTP/1.1 413");
    has(ask(&w, LISTEN_PUBLIC, "POST /oauth2/token", "Expect: 100-continue\r\n" FORM, "a=b"), "form=a=b");
    has(ask_raw(&w, LISTEN_PUBLIC,
                STR("POST /oauth2/token HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" FORM
                    "Transfer-Encoding: chunked\r\n\r\n2\r\na=\r\n3\r\nb&c\r\n0\r\n\r\n")),
        "form=a=b&c=");
    stop(&w);
}

static void slow_connections_are_closed(void **state)
{
    (void)state;
    struct world w;
    read_timeout = "1s";
    start(&w, "", "", "");
    read_timeout = "20s";
    const char *const starts[] = { "", "\r\n", "GET /echo HTTP/1.1\r\nHost: x\r\nX: ",
                                   "POST /oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n" };
    int fds[4];
    usec_t before = clock_monotonic();
    for (size_t i = 0; i < 4; i++) {
        fds[i] = connect_to(&w, LISTEN_PUBLIC);
        say(fds[i], str_of(starts[i]));
    }
    /* A byte now and then does not help. */
    for (int i = 0; i < 3; i++) {
        usleep(250000);
        say(fds[2], STR("a"));
        say(fds[3], STR("a"));
    }
    for (size_t i = 0; i < 4; i++) assert_string_equal(hear(w.arena, fds[i]), "");
    assert_in_range(clock_monotonic() - before, 900 * USEC_PER_MS, 5 * USEC_PER_SEC);
    /* But a handler may take its time. */
    has(ask(&w, LISTEN_PUBLIC, "GET /wait?ms=1600", "", ""), "200 OK");
    stop(&w);
}

static void *ask_slowly(void *arg)
{
    struct world *w = arg;
    usec_t before = clock_monotonic();
    const char *answer = ask(w, LISTEN_PUBLIC, "GET /wait?ms=1000", "", "");
    static char served[] = "served", busy[] = "busy", lost[] = "lost";
    if (strstr(answer, "200 OK") != NULL) return served;
    bool said = strstr(answer, "503 Service") != NULL && strstr(answer, "Retry-After: 1\r\n") != NULL;
    return said && clock_monotonic() - before < 900 * USEC_PER_MS ? busy : lost;
}

/* Two workers and room for four more: others hear at once that they should come back. */
static void a_full_queue_says_so_at_once(void **state)
{
    (void)state;
    struct world w, each[12];
    start(&w, "", "", "");
    pthread_t threads[12];
    for (size_t i = 0; i < 12; i++) {
        each[i] = w;
        each[i].arena = arena_new();
        pthread_create(&threads[i], NULL, ask_slowly, &each[i]);
    }
    usleep(200000);
    has(ask(&w, LISTEN_PUBLIC, "GET /echo", "", ""), "200 OK");
    size_t served = 0, busy = 0;
    for (size_t i = 0; i < 12; i++) {
        void *result;
        pthread_join(threads[i], &result);
        served += strcmp(result, "served") == 0;
        busy += strcmp(result, "busy") == 0;
        arena_free(each[i].arena);
    }
    /* Fewer than six when the queue was full before the workers took their first. */
    assert_in_range(served, 4, 6);
    assert_int_equal(busy, 12 - served);
    stop(&w);
}

#define CORS                                                                                                                \
    ", cors: {enabled: true, allowed_origins: ['https://app.example.com', 'https://*.wild.example.com', 'https://*.com'], " \
    "allowed_methods: [GET, POST], max_age: 120}"

/* clang-format off */
static const struct exchange_case cross_origin[] = {
    { LISTEN_PUBLIC, "OPTIONS /oauth2/token", "Origin: https://app.example.com\r\nAccess-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: authorization\r\n", "",
      { "204 No Content", "Access-Control-Allow-Origin: https://app.example.com\r\nAccess-Control-Allow-Credentials: true\r\nAccess-Control-Allow-Methods: POST\r\nAccess-Control-Allow-Headers: authorization\r\nAccess-Control-Max-Age: 120\r\n" }, "Expose" },
    { LISTEN_PUBLIC, "OPTIONS /any/path", "Origin: https://a.wild.example.com\r\nAccess-Control-Request-Method: GET\r\n", "", { "204 No Content", "Allow-Origin: https://a.wild" }, NULL },
    { LISTEN_PUBLIC, "OPTIONS /oauth2/token", "Origin: https://evil.com\r\nAccess-Control-Request-Method: POST\r\n", "", { "204 No Content", "Vary: Origin" }, "Access-Control-Allow" },
    { LISTEN_PUBLIC, "OPTIONS /oauth2/token", "Origin: https://app.example.com\r\nAccess-Control-Request-Method: DELETE\r\n", "", { "204 No Content" }, "Access-Control-Allow" },
    { LISTEN_PUBLIC, "OPTIONS /oauth2/token", "Origin: https://app.example.com\r\nAccess-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: x-unknown\r\n", "", { "204 No Content" }, "Access-Control-Allow" },
    { LISTEN_PUBLIC, "OPTIONS /oauth2/token", "Origin: https://client.example.com\r\nAccess-Control-Request-Method: POST\r\n", "", { "204 No Content", "Allow-Origin: https://client.example.com" }, NULL },
    { LISTEN_PUBLIC, "OPTIONS /echo", "Origin: https://client.example.com\r\nAccess-Control-Request-Method: GET\r\n", "", { "204 No Content" }, "Access-Control-Allow" },
    { LISTEN_PUBLIC, "POST /oauth2/token", "Origin: https://client.example.com\r\n", "", { "200 OK", "Allow-Origin: https://client.example.com", "waits=1" }, NULL },
    { LISTEN_PUBLIC, "POST /oauth2/token", "Origin: https://app.example.com\r\n", "", { "200 OK", "Allow-Origin: https://app.example.com", "waits=0" }, NULL },
    { LISTEN_PUBLIC, "POST /oauth2/token", "Origin: https://evil.com\r\n", "", { "200 OK", "Vary: Origin" }, "Access-Control-Allow" },
    { LISTEN_PUBLIC, "GET /echo", "Origin: https://client.example.com\r\n", "", { "200 OK" }, "Access-Control-Allow" },
    { LISTEN_PUBLIC, "GET /none", "Origin: https://app.example.com\r\n", "", { "404 Not Found", "Allow-Origin: https://app.example.com" }, NULL },
    { LISTEN_PUBLIC, "GET /echo", "", "", { "200 OK", "Vary: Origin" }, "Access-Control-Allow" },
    { LISTEN_ADMIN,  "GET /admin/clients", "Origin: https://app.example.com\r\n", "", { "200 OK", "Expose-Headers: Cache-Control, ", ", Link, X-Total-Count, Location\r\n" }, NULL },
};
/* clang-format on */

static void cross_origin_requests_follow_the_settings(void **state)
{
    (void)state;
    struct world w;
    start(&w, CORS, CORS, "");
    for (size_t i = 0; i < sizeof(cross_origin) / sizeof(cross_origin[0]); i++) {
        const struct exchange_case *c = &cross_origin[i];
        const char *answer = ask(&w, c->on, c->line, c->headers, c->body);
        for (size_t j = 0; j < 3; j++) has(answer, c->wanted[j]);
        has_not(answer, c->unwanted);
    }
    stop(&w);
}

static void api_keys_guard_the_admin_listener(void **state)
{
    (void)state;
    struct world w;
    start(&w, "", ", api_keys: [this-is-the-first-key, this-is-the-second-key]", "");
    has(ask(&w, LISTEN_ADMIN, "GET /admin/clients", "Authorization: Bearer this-is-the-second-key\r\n", ""), "200 OK");
    const char *const wrong[] = {
        "", "Authorization: Bearer this-is-the-third-key\r\n", "Authorization: Basic dGhpczppcw==\r\n",
        "Authorization: Bearer \r\n",
        "Authorization: Bearer this-is-the-first-key\r\nAuthorization: Bearer this-is-the-first-key\r\n"
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        const char *answer = ask(&w, LISTEN_ADMIN, "GET /admin/clients", wrong[i], "");
        has(answer, "401 Unauthorized");
        has(answer, "WWW-Authenticate: Bearer");
    }
    has(ask(&w, LISTEN_ADMIN, "GET /none", "", ""), "401 Unauthorized");
    has(ask(&w, LISTEN_ADMIN, "GET /health/alive", "", ""), "200 OK");
    has(ask(&w, LISTEN_PUBLIC, "GET /echo", "", ""), "200 OK");
    stop(&w);
}

static void requests_are_counted(void **state)
{
    (void)state;
    struct world w;
    start(&w, "", "", "");
    for (int i = 0; i < 3; i++) ask(&w, LISTEN_ADMIN, "GET /admin/clients/a", "", "");
    ask(&w, LISTEN_PUBLIC, "GET /none", "", "");
    const char *text = ask(&w, LISTEN_ADMIN, "GET /metrics/prometheus", "", "");
    has(text, "http_requests_total{code=\"200\",method=\"get\",endpoint=\"/admin/clients/{param}\",app=\"hydra\",version=\"v");
    assert_null(strstr(text, "hash=\"unknown\""));
    has(text, "http_requests_total{code=\"404\",method=\"get\",endpoint=\"/\",app=\"hydra\"");
    has(text, "# TYPE http_requests_duration_seconds histogram");
    has(text, "http_response_time_seconds_bucket{endpoint=\"/admin/clients/{param}\",app=\"hydra\"");
    has(text, "http_requests_statuses_total{method=\"GET\",status_bucket=\"2xx\"");
    has(text, "# TYPE http_requests_size_bytes histogram");
    has(text, "# TYPE http_response_size_bytes histogram");
    has(text, "hydra_response_time_seconds_count{endpoint=\"{unmatched}\",version=");
    has(text, "process_resident_memory_bytes ");
    stop(&w);
}

static void a_unix_socket_serves_plain_http(void **state)
{
    (void)state;
    struct world w;
    char path[] = "/tmp/http-test-XXXXXX";
    int placeholder = mkstemp(path);
    close(placeholder);
    unlink(path);
    w.arena = arena_new();
    struct config_text text = {
        STR("test.yml"),
        arena_printf(w.arena, "%sserve:\n  public: {host: 'unix:%s', socket: {mode: 432}, tls: {enabled: true}}\n", usual, path)
    };
    struct config_report report = { 0 };
    assert_true(
        config_load(w.arena, &(struct config_sources) { .texts = &text, .texts_n = 1, .dev = FLAG_ON }, &config, &report));
    struct err e = ERR_INIT(w.arena);
    struct http_server_options o = { .config = config, .listeners = LISTEN_PUBLIC, .app = &app };
    if (!http_server_start(&o, &w.server, &e)) fail_msg("%s", e.hint != NULL ? e.hint : "");

    struct stat s;
    assert_return_code(stat(path, &s), 0);
    assert_int_equal(s.st_mode & 0777, 0660);
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    strcpy(at.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_return_code(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    say(fd, STR("GET /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
    has(hear(w.arena, fd), "200 OK");
    stop(&w);
    assert_int_not_equal(stat(path, &s), 0);
}

static void tls_speaks_tls_and_turns_plain_http_away(void **state)
{
    (void)state;
    struct world w;
    start(&w, ", tls: {enabled: true}", "", "");
    has(ask_raw(&w, LISTEN_PUBLIC, STR("GET /echo HTTP/1.1\r\nHost: x\r\n\r\n")), "HTTP/1.1 400");

    gnutls_certificate_credentials_t trust;
    gnutls_session_t session;
    gnutls_certificate_allocate_credentials(&trust);
    gnutls_init(&session, GNUTLS_CLIENT);
    gnutls_set_default_priority(session);
    gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, trust);
    int fd = connect_to(&w, LISTEN_PUBLIC), done;
    gnutls_transport_set_int(session, fd);
    while ((done = gnutls_handshake(session)) < 0 && !gnutls_error_is_fatal(done)) {}
    assert_int_equal(done, 0);
    static const char requests[] = "GET /always HTTP/1.1\r\nHost: x\r\n\r\nGET /echo HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n";
    gnutls_record_send(session, requests, sizeof(requests) - 1);
    char text[8192];
    size_t n = 0;
    for (ssize_t got; (got = gnutls_record_recv(session, text + n, sizeof(text) - 1 - n)) > 0;) n += (size_t)got;
    text[n] = '\0';
    has(text, "HTTP/1.1 200 OK");
    has(text, "HTTP/1.1 400 Bad Request");
    gnutls_deinit(session);
    gnutls_certificate_free_credentials(trust);
    close(fd);
    stop(&w);
}

static void a_taken_port_is_named(void **state)
{
    (void)state;
    struct world w;
    start(&w, "", "", "");
    struct http_server *second = NULL;
    struct err e = ERR_INIT(w.arena);
    struct http_server_options o = { .config = config, .listeners = LISTEN_BOTH, .app = &app };
    assert_false(http_server_start(&o, &second, &e));
    assert_ptr_equal(e.kind, &err_MISCONFIGURATION);
    has(e.hint, "serve.public.port");
    has(e.hint, "Address already in use");
    stop(&w);
}

/* A request that is at work when the stop comes is answered; new connections are not. */
static void stopping_waits_for_what_runs(void **state)
{
    (void)state;
    struct world w, other;
    start(&w, "", "", "");
    other = w;
    other.arena = arena_new();
    pthread_t thread;
    pthread_create(&thread, NULL, ask_slowly, &other);
    usleep(300000);
    int idle = connect_to(&w, LISTEN_PUBLIC);
    stop(&w);
    void *result;
    pthread_join(thread, &result);
    assert_string_equal(result, "served");
    assert_string_equal(hear(other.arena, idle), "");
    arena_free(other.arena);
}

/* Comes and goes until the listener has gone. */
static void *knock(void *arg)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    const struct world *w = arg;
    at.sin_port = htons((uint16_t)w->port[LISTEN_PUBLIC]);
    for (bool there = true; there;) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        there = connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0;
        close(fd);
    }
    return NULL;
}

static void stopping_among_those_who_come(void **state)
{
    (void)state;
    for (int i = 0; i < 60; i++) {
        struct world w;
        pthread_t threads[2];
        start(&w, "", "", "");
        const struct world seen = w;
        for (size_t t = 0; t < 2; t++) pthread_create(&threads[t], NULL, knock, (void *)&seen);
        usleep(2000);
        stop(&w);
        for (size_t t = 0; t < 2; t++) pthread_join(threads[t], NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_route_answers_in_its_manner),
        cmocka_unit_test(ambiguous_requests_never_reach_a_route),
        cmocka_unit_test(limits_have_their_answers),
        cmocka_unit_test(slow_connections_are_closed),
        cmocka_unit_test(a_full_queue_says_so_at_once),
        cmocka_unit_test(cross_origin_requests_follow_the_settings),
        cmocka_unit_test(api_keys_guard_the_admin_listener),
        cmocka_unit_test(requests_are_counted),
        cmocka_unit_test(a_unix_socket_serves_plain_http),
        cmocka_unit_test(tls_speaks_tls_and_turns_plain_http_away),
        cmocka_unit_test(a_taken_port_is_named),
        cmocka_unit_test(stopping_waits_for_what_runs),
        cmocka_unit_test(stopping_among_those_who_come),
    };
    log_setup(&(struct log_settings) { .level = LOG_FATAL });
    return cmocka_run_group_tests(tests, NULL, NULL);
}
