/* Spans in the two forms that collectors read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/version.h"
#include "http/span_json.h"

static const struct span_resource resource = { STR("shop \"a\""), STR("v1"), STR("staging") };

static struct span server_span(void)
{
    struct span s = { .context = { "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", .sampled = true, .state = STR("a=b") },
                      .parent = "1111111111111111",
                      .kind = SPAN_SERVER,
                      .name = STR("/oauth2/token"),
                      .started = 1700000000123456,
                      .took = 2500,
                      .failed = true };
    span_add(&s, "url.path", STR("/oauth2/token"));
    span_add_number(&s, "http.response.status_code", 500);
    s.events[s.events_n++] =
        (struct span_event) { .name = EVENT_TOKEN_EXCHANGE_ERROR, .client_id = STR("c<1>"), .at = 1700000000123500 };
    s.events[s.events_n++] = (struct span_event) { .name = EVENT_CLIENT_DELETED, .at = 1700000000123501 };
    return s;
}

static struct str text_of(struct arena *a, const struct span_format *f, const struct span *s)
{
    struct buf b = BUF(a);
    struct jw w = JW(&b);
    f->write(&w, &resource, s);
    return f->body(a, &resource, buf_str(&b));
}

static void assert_text(struct str got, const char *want)
{
    if (!str_eq(got, str_of(want))) fail_msg("got  %.*s\nwant %s", STR_FMT(got), want);
}

static void otlp(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    const struct span s = server_span();
    assert_text(text_of(a, &span_format_otlp, &s),
                "{\"resourceSpans\":[{\"resource\":{\"attributes\":["
                "{\"key\":\"service.name\",\"value\":{\"stringValue\":\"shop \\\"a\\\"\"}},"
                "{\"key\":\"service.version\",\"value\":{\"stringValue\":\"v1\"}},"
                "{\"key\":\"deployment.environment\",\"value\":{\"stringValue\":\"staging\"}}]},"
                "\"scopeSpans\":[{\"scope\":{\"name\":\"grantd\",\"version\":\"" GRANTD_VERSION "\"},\"spans\":["
                "{\"traceId\":\"4bf92f3577b34da6a3ce929d0e0e4736\",\"spanId\":\"00f067aa0ba902b7\",\"traceState\":\"a=b\","
                "\"parentSpanId\":\"1111111111111111\",\"name\":\"/oauth2/token\",\"kind\":2,"
                "\"startTimeUnixNano\":\"1700000000123456000\",\"endTimeUnixNano\":\"1700000000125956000\",\"attributes\":["
                "{\"key\":\"url.path\",\"value\":{\"stringValue\":\"/oauth2/token\"}},"
                "{\"key\":\"http.response.status_code\",\"value\":{\"intValue\":\"500\"}}],\"events\":["
                "{\"timeUnixNano\":\"1700000000123500000\",\"name\":\"OAuth2TokenExchangeError\",\"attributes\":["
                "{\"key\":\"OAuth2ClientID\",\"value\":{\"stringValue\":\"c\\u003c1\\u003e\"}}]},"
                "{\"timeUnixNano\":\"1700000000123501000\",\"name\":\"OAuth2ClientDeleted\",\"attributes\":[]}],"
                "\"status\":{\"code\":2}}]}]}]}");
}

static void zipkin(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    const struct span s = server_span();
    assert_text(text_of(a, &span_format_zipkin, &s),
                "[{\"traceId\":\"4bf92f3577b34da6a3ce929d0e0e4736\",\"id\":\"00f067aa0ba902b7\","
                "\"parentId\":\"1111111111111111\",\"name\":\"/oauth2/token\",\"kind\":\"SERVER\","
                "\"timestamp\":1700000000123456,\"duration\":2500,\"localEndpoint\":{\"serviceName\":\"shop \\\"a\\\"\"},"
                "\"annotations\":[{\"timestamp\":1700000000123500,"
                "\"value\":\"\\\"OAuth2TokenExchangeError\\\": {\\\"OAuth2ClientID\\\":\\\"c\\\\u003c1\\\\u003e\\\"}\"},"
                "{\"timestamp\":1700000000123501,\"value\":\"OAuth2ClientDeleted\"}],"
                "\"tags\":{\"url.path\":\"/oauth2/token\",\"http.response.status_code\":\"500\",\"error\":\"true\","
                "\"service.version\":\"v1\",\"deployment.environment\":\"staging\"}}]");
}

/* What is not known is left out. */
static void bare_spans(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    const struct span s = { .context = { "2", "1" }, .name = STR("deliver"), .started = 5 };
    struct str text = text_of(a, &span_format_zipkin, &s);
    assert_null(memmem(text.p, text.n, "kind", 4));
    assert_null(memmem(text.p, text.n, "parentId", 8));
    assert_null(memmem(text.p, text.n, "error", 5));
    assert_non_null(memmem(text.p, text.n, "\"duration\":1,", 13));
    text = text_of(a, &span_format_otlp, &s);
    assert_non_null(memmem(text.p, text.n, "\"kind\":1,", 9));
    assert_non_null(memmem(text.p, text.n, "\"status\":{}", 11));
    assert_null(memmem(text.p, text.n, "parentSpanId", 12));
    assert_null(memmem(text.p, text.n, "traceState", 10));
}

/* Whatever a client sends as its name stays inside one JSON string. */
static void foreign_bytes_are_escaped(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct span s = { .context = { "2", "1" }, .name = STR("x") };
    span_add(&s, "user_agent.original", STR("\"},{\\\x01\xff\n"));
    const struct span_format *const formats[] = { &span_format_otlp, &span_format_zipkin };
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        struct err e = ERR_INIT(a);
        json_t *read;
        struct str text = text_of(a, formats[i], &s);
        assert_true(json_read(a, text, &read, NULL, &e));
        assert_non_null(memmem(text.p, text.n, "\"\\\"},{\\\\\\u0001\\ufffd\\n\"", 20));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(otlp),
        cmocka_unit_test(zipkin),
        cmocka_unit_test(bare_spans),
        cmocka_unit_test(foreign_bytes_are_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
