/* Which traces are recorded, what spans inherit, and that a collector which is not there harms nobody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/rand.h"
#include "http/propagation.h"
#include "http/server.h"
#include "http/span_buffer.h"
#include "http/tracer.h"

static struct config settings(double ratio)
{
    return (struct config) { .tracing_provider = TRACING_OTEL,
                             .tracing_service_name = STR("test"),
                             .tracing_providers_otlp_server_url = STR("127.0.0.1:1"), /* nobody listens there */
                             .tracing_providers_otlp_insecure = true,
                             .tracing_providers_otlp_sampling_sampling_ratio = ratio };
}

static void the_ratio_decides_by_the_id(void **state)
{
    (void)state;
    assert_true(trace_sampled("00000000000000000000000000000001", 0.0001));
    assert_false(trace_sampled("0000000000000000ffffffffffffffff", 0.9999));
    assert_true(trace_sampled("0000000000000000ffffffffffffffff", 1));
    assert_false(trace_sampled("00000000000000000000000000000001", 0));
    /* The first half of the id plays no part. */
    assert_true(trace_sampled("ffffffffffffffff7fffffffffffffff", 0.5));
    assert_false(trace_sampled("00000000000000008000000000000000", 0.5));

    ARENA_AUTO a = arena_new();
    int kept = 0;
    for (int i = 0; i < 4000; i++) kept += trace_sampled(rand_hex(a, 16).p, 0.25);
    assert_in_range(kept, 800, 1200);
}

static void spans_inherit(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct config c = settings(0);
    struct tracer *t = tracer_start(&c);
    assert_non_null(t);

    struct span *first = tracer_begin(t, a, SPAN_SERVER, STR("first"), NULL);
    assert_int_equal(strlen(first->context.trace_id), TRACE_ID_LENGTH);
    assert_int_equal(strlen(first->context.span_id), SPAN_ID_LENGTH);
    assert_string_equal(first->parent, "");
    assert_false(first->context.sampled);

    /* Where the caller records, so do we, whatever the ratio. */
    struct trace_context caller = { "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", .sampled = true,
                                    .state = STR("a=b") };
    struct span *server = tracer_begin(t, a, SPAN_SERVER, STR("server"), &caller);
    struct span *client = tracer_begin_below(server, SPAN_CLIENT, STR("client"));
    assert_true(server->context.sampled && client->context.sampled);
    assert_string_equal(client->context.trace_id, caller.trace_id);
    assert_string_equal(server->parent, caller.span_id);
    assert_string_equal(client->parent, server->context.span_id);
    assert_string_not_equal(client->context.span_id, server->context.span_id);
    assert_true(str_eq(client->context.state, STR("a=b")));

    caller.sampled = false;
    caller.undecided = true;
    assert_false(tracer_begin(t, a, SPAN_SERVER, STR("undecided"), &caller)->context.sampled);
    tracer_end(first);
    tracer_end(NULL);
    assert_true(tracer_stop(t, 5 * USEC_PER_SEC));
}

static void what_is_left_to_us_follows_the_ratio(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct config c = settings(1);
    struct tracer *t = tracer_start(&c);
    struct trace_context caller = { "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", .undecided = true };
    struct span *s = tracer_begin(t, a, SPAN_SERVER, STR("undecided"), &caller);
    assert_true(s->context.sampled && !s->context.undecided);
    caller.undecided = false;
    assert_false(tracer_begin(t, a, SPAN_SERVER, STR("decided"), &caller)->context.sampled);
    assert_true(tracer_stop(t, 5 * USEC_PER_SEC));
}

static uint64_t dropped(void)
{
    ARENA_AUTO a = arena_new();
    struct str text = http_metrics_text(a);
    static const char name[] = "\ngrantd_spans_dropped_total ";
    const char *at = memmem(text.p, text.n, name, strlen(name));
    assert_non_null(at);
    return strtoull(at + strlen(name), NULL, 10);
}

static void *trace_a_lot(void *tracer)
{
    for (int i = 0; i < 2000; i++) {
        ARENA_AUTO a = arena_new();
        tracer_end(tracer_begin(tracer, a, SPAN_SERVER, STR("one of many"), NULL));
    }
    return NULL;
}

static void what_nobody_takes_is_dropped_and_counted(void **state)
{
    (void)state;
    struct config c = settings(1);
    struct tracer *t = tracer_start(&c);
    uint64_t before = dropped();
    pthread_t threads[4];
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) assert_int_equal(pthread_create(&threads[i], NULL, trace_a_lot, t), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) pthread_join(threads[i], NULL);
    assert_true(tracer_stop(t, 5 * USEC_PER_SEC));
    assert_int_equal(dropped() - before, 8000);
}

static uint16_t listen_somewhere(int *ret_fd)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof(at);
    *ret_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(*ret_fd, (struct sockaddr *)&at, size), 0);
    assert_int_equal(listen(*ret_fd, 16), 0);
    getsockname(*ret_fd, (struct sockaddr *)&at, &size);
    return ntohs(at.sin_port);
}

/* While a collector is silent about the first span, as many wait as the buffer takes, and not one more. */
static void a_silent_collector_keeps_a_buffer_at_most(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    int listener;
    struct config c = settings(1);
    c.tracing_providers_otlp_server_url = arena_printf(a, "127.0.0.1:%u", listen_somewhere(&listener));
    struct tracer *t = tracer_start(&c);
    uint64_t before = dropped();
    tracer_end(tracer_begin(t, a, SPAN_SERVER, STR("first"), NULL));
    int peer = accept(listener, NULL, NULL);
    assert_true(peer >= 0);
    trace_a_lot(t);
    trace_a_lot(t);
    assert_int_equal(dropped() - before, 4000 - SPAN_BUFFER_SPANS);
    close(peer);
    close(listener);
    assert_true(tracer_stop(t, 5 * USEC_PER_SEC));
    assert_int_equal(dropped() - before, 4001);
}

static void useless_settings_leave_tracing_off(void **state)
{
    (void)state;
    struct config c = { .tracing_provider = -1 };
    assert_null(tracer_start(&c));
    c.tracing_provider = TRACING_JAEGER;
    assert_null(tracer_start(&c));
    c.tracing_provider = TRACING_ZIPKIN;
    assert_null(tracer_start(&c));
    c.tracing_providers_zipkin_server_url = STR("http://user:password@127.0.0.1/");
    assert_null(tracer_start(&c));

    static const char *const places[] = { "",      "http://collector:4318", "collector:4318/v1/traces", "collector:port", "a b",
                                          ":4318", "user@collector:4318",   "collector:4318#x" };
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        c = settings(1);
        c.tracing_providers_otlp_server_url = str_of(places[i]);
        if (tracer_start(&c) != NULL) fail_msg("%s", places[i]);
    }
    assert_true(tracer_stop(NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ratio_decides_by_the_id),
        cmocka_unit_test(spans_inherit),
        cmocka_unit_test(what_is_left_to_us_follows_the_ratio),
        cmocka_unit_test(what_nobody_takes_is_dropped_and_counted),
        cmocka_unit_test(a_silent_collector_keeps_a_buffer_at_most),
        cmocka_unit_test(useless_settings_leave_tracing_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
