/* The outgoing client against a tiny server on loopback: guard, limits, redirects, retries. */
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
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/client.h"

static struct {
    int fd;
    unsigned port;
    pthread_t thread;
    atomic_int served;
    char last[4096]; /* the last request; read after its answer */
} peer;

static void say(int fd, const char *text, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, text, n, MSG_NOSIGNAL);
        if (sent <= 0) return;
        text += sent;
        n -= (size_t)sent;
    }
}

static void say_z(int fd, const char *text) { say(fd, text, strlen(text)); }

static void answer(int fd, const char *path)
{
    char text[512];
    if (strcmp(path, "/ok") == 0) {
        say_z(fd, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Some: Thing\r\nContent-Length: 5\r\n\r\nhello");
    } else if (strcmp(path, "/large") == 0) {
        say_z(fd, "HTTP/1.1 200 OK\r\n\r\n");
        memset(text, 'x', sizeof(text));
        for (int i = 0; i < 100; i++) say(fd, text, sizeof(text));
    } else if (strcmp(path, "/headers") == 0) {
        say_z(fd, "HTTP/1.1 200 OK\r\n");
        for (int i = 0; i < 4000; i++) say_z(fd, "X-Header: 0123456789012345678901234567890123456789\r\n");
        say_z(fd, "Content-Length: 0\r\n\r\n");
    } else if (strcmp(path, "/redirect") == 0) {
        snprintf(text, sizeof(text), "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%u/ok\r\nContent-Length: 0\r\n\r\n",
                 peer.port);
        say_z(fd, text);
    } else if (strcmp(path, "/file") == 0) {
        say_z(fd, "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n");
    } else if (strcmp(path, "/loop") == 0) {
        say_z(fd, "HTTP/1.1 302 Found\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n");
    } else if (strcmp(path, "/busy-once") == 0) {
        say_z(fd, atomic_load(&peer.served) == 1 ? "HTTP/1.1 503 Busy\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n"
                                                 : "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    } else if (strcmp(path, "/slow") == 0) {
        say_z(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
        for (int i = 0; i < 20; i++) {
            say_z(fd, "x");
            usleep(50000);
        }
    } else {
        say_z(fd, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    }
}

static void *serve(void *unused)
{
    for (int fd; (fd = accept(peer.fd, NULL, NULL)) >= 0; close(fd)) {
        ssize_t n = recv(fd, peer.last, sizeof(peer.last) - 1, 0);
        if (n <= 0) continue;
        peer.last[n] = '\0';
        char path[64] = "";
        sscanf(peer.last, "%*s %63s", path);
        atomic_fetch_add(&peer.served, 1);
        answer(fd, path);
    }
    return unused;
}

static int start_peer(void **state)
{
    (void)state;
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof(at);
    peer.fd = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(peer.fd, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(peer.fd, 16) != 0) return -1;
    getsockname(peer.fd, (struct sockaddr *)&at, &size);
    peer.port = ntohs(at.sin_port);
    return pthread_create(&peer.thread, NULL, serve, NULL);
}

static int stop_peer(void **state)
{
    (void)state;
    shutdown(peer.fd, SHUT_RDWR);
    pthread_join(peer.thread, NULL);
    close(peer.fd);
    return 0;
}

struct world {
    struct arena *arena;
    struct op op;
    struct err e;
    struct fetched answer;
};

static bool get(struct world *w, const char *url, struct fetch f)
{
    *w = (struct world) { .arena = arena_new() };
    w->op = (struct op) { .arena = w->arena, .now = clock_now(), .may_wait = true };
    w->e = ERR_INIT(w->arena);
    f.url = url[0] == '/' ? arena_printf(w->arena, "http://127.0.0.1:%u%s", peer.port, url) : str_of(url);
    f.timeout = f.timeout > 0 ? f.timeout : 5 * USEC_PER_SEC;
    atomic_store(&peer.served, 0);
    return fetch(&w->op, &f, &w->answer, &w->e);
}

static void answers_arrive_whole(void **state)
{
    (void)state;
    struct world w;
    assert_true(get(&w, "/ok", (struct fetch) { 0 }));
    assert_int_equal(w.answer.status, 200);
    assert_true(str_eq(w.answer.body, STR("hello")));
    assert_true(str_eq(w.answer.content_type, STR("text/plain")));
    assert_true(str_eq(params_get(&w.answer.headers, STR("x-some")), STR("Thing")));
    arena_free(w.arena);

    struct http_header key = { STR("X-Key"), STR("secret") };
    assert_true(
        get(&w, "/ok",
            (struct fetch) { .body = STR("{\"a\":1}"), .content_type = "application/json", .headers = &key, .headers_n = 1 }));
    assert_non_null(strstr(peer.last, "POST /ok HTTP/1.1"));
    assert_non_null(strstr(peer.last, "X-Key: secret\r\n"));
    assert_non_null(strstr(peer.last, "\r\n\r\n{\"a\":1}"));
    arena_free(w.arena);

    assert_true(get(&w, "/nothing", (struct fetch) { .method = "DELETE" }));
    assert_int_equal(w.answer.status, 404);
    arena_free(w.arena);
}

static void private_addresses_are_refused(void **state)
{
    (void)state;
    struct world w;
    char text[64];
    const char *const urls[] = { "http://127.0.0.1:%u/ok",  "http://localhost:%u/ok", "http://[::ffff:127.0.0.1]:%u/ok",
                                 "http://2130706433:%u/ok", "http://0x7f.1:%u/ok",    "http://0.0.0.0:%u/ok",
                                 "http://[::1]:%u/ok" };
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(text, sizeof(text), urls[i], peer.port);
#pragma GCC diagnostic pop
        assert_false(get(&w, text, (struct fetch) { .guard = true, .attempts = 3 }));
        assert_int_equal(peer.served, 0);
        assert_ptr_equal(w.e.kind, &err_SERVER_ERROR);
        assert_null(strstr(w.e.hint, "127"));
        arena_free(w.arena);
    }
    struct str list[] = { STR("http://127.0.0.1:*/ok") };
    assert_true(get(&w, "/ok", (struct fetch) { .guard = true, .exceptions = { list, 1 } }));
    arena_free(w.arena);
    /* The exception is for its URL only, not for where that leads. */
    list[0] = STR("http://127.0.0.1:*/redirect");
    assert_false(get(&w, "/redirect", (struct fetch) { .guard = true, .exceptions = { list, 1 }, .max_redirects = 3 }));
    assert_int_equal(peer.served, 1);
    arena_free(w.arena);
}

static void other_schemes_and_malformed_urls_are_refused(void **state)
{
    (void)state;
    struct world w;
    const char *const urls[] = { "file:///etc/passwd", "gopher://127.0.0.1/", "ftp://127.0.0.1/",     "http://",
                                 "nonsense",           "http://a b/",         "http://u:p@127.0.0.1/" };
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        assert_false(get(&w, urls[i], (struct fetch) { 0 }));
        arena_free(w.arena);
    }
    assert_false(get(&w, "/file", (struct fetch) { .max_redirects = 2 }));
    arena_free(w.arena);
}

static void sizes_and_times_are_limited(void **state)
{
    (void)state;
    struct world w;
    assert_false(get(&w, "/large", (struct fetch) { .max_bytes = 10000 }));
    arena_free(w.arena);
    assert_true(get(&w, "/large", (struct fetch) { .max_bytes = 51200 }));
    assert_int_equal(w.answer.body.n, 51200);
    arena_free(w.arena);
    assert_false(get(&w, "/headers", (struct fetch) { 0 }));
    arena_free(w.arena);

    usec_t before = clock_monotonic();
    assert_false(get(&w, "/slow", (struct fetch) { .timeout = 300 * USEC_PER_MS }));
    assert_true(clock_monotonic() - before < USEC_PER_SEC);
    arena_free(w.arena);
}

static void redirects_are_followed_when_asked(void **state)
{
    (void)state;
    struct world w;
    assert_true(get(&w, "/redirect", (struct fetch) { 0 }));
    assert_int_equal(w.answer.status, 302);
    arena_free(w.arena);

    struct http_header key = { STR("Authorization"), STR("secret") };
    assert_true(get(&w, "/redirect", (struct fetch) { .max_redirects = 1, .headers = &key, .headers_n = 1 }));
    assert_int_equal(w.answer.status, 200);
    assert_null(strstr(peer.last, "secret"));
    arena_free(w.arena);

    assert_true(get(&w, "/loop", (struct fetch) { .max_redirects = 5 }));
    assert_int_equal(peer.served, 6);
    arena_free(w.arena);
}

static void methods_are_what_was_asked(void **state)
{
    (void)state;
    struct world w;
    struct http_header key = { STR("X-Key"), STR("secret") };
    assert_true(get(&w, "/ok", (struct fetch) { .method = "DELETE", .headers = &key, .headers_n = 1 }));
    assert_int_equal(w.answer.status, 200);
    assert_non_null(strstr(peer.last, "DELETE /ok HTTP/1.1\r\n"));
    assert_non_null(strstr(peer.last, "X-Key: secret\r\n"));
    assert_null(strstr(peer.last, "Content-Type"));
    assert_string_equal(peer.last + strlen(peer.last) - 4, "\r\n\r\n");
    arena_free(w.arena);
    assert_true(get(&w, "/redirect", (struct fetch) { .method = "DELETE" }));
    assert_int_equal(w.answer.status, 302);
    arena_free(w.arena);
}

static void failures_are_repeated_when_asked(void **state)
{
    (void)state;
    struct world w;
    assert_true(get(&w, "/busy-once", (struct fetch) { .attempts = 2 }));
    assert_int_equal(w.answer.status, 200);
    assert_int_equal(peer.served, 2);
    arena_free(w.arena);
    assert_true(get(&w, "/busy-once", (struct fetch) { .attempts = 1 }));
    assert_int_equal(w.answer.status, 503);
    arena_free(w.arena);
}

static void a_listener_thread_must_not_wait(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct op op = { .arena = a };
    struct err e = ERR_INIT(a);
    struct fetched answer;
    assert_false(fetch(&op, &(struct fetch) { .url = STR("http://127.0.0.1/") }, &answer, &e));
    assert_ptr_equal(e.kind, &err_MUST_WAIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_arrive_whole),
        cmocka_unit_test(private_addresses_are_refused),
        cmocka_unit_test(other_schemes_and_malformed_urls_are_refused),
        cmocka_unit_test(sizes_and_times_are_limited),
        cmocka_unit_test(redirects_are_followed_when_asked),
        cmocka_unit_test(methods_are_what_was_asked),
        cmocka_unit_test(failures_are_repeated_when_asked),
        cmocka_unit_test(a_listener_thread_must_not_wait),
    };
    return cmocka_run_group_tests(tests, start_peer, stop_peer);
}
