/* The forms in which a trace comes in, well-formed and not, and the one in which it goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "http/propagation.h"

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN  "00f067aa0ba902b7"

static bool read(struct arena *a, struct trace_headers h, struct trace_context *ret) { return trace_context_read(a, &h, ret); }

static bool read_parent(const char *text, struct trace_context *ret)
{
    ARENA_AUTO a = arena_new();
    return read(a, (struct trace_headers) { .traceparent = str_of(text) }, ret);
}

static void traceparent_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool sampled;
    } cases[] = {
        { "00-" TRACE "-" SPAN "-01", true },
        { "00-" TRACE "-" SPAN "-00", false },
        { " 00-" TRACE "-" SPAN "-01 ", true },
        { "00-" TRACE "-" SPAN "-09", true }, /* Trace Context 3.2.2.5: a bit field, of which one bit counts */
        { "00-" TRACE "-" SPAN "-fe", false },
        { "01-" TRACE "-" SPAN "-01", true }, /* Trace Context 3.2.4: higher versions */
        { "cc-" TRACE "-" SPAN "-01-what-comes-later", true },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct trace_context c;
        if (!read_parent(cases[i].text, &c)) fail_msg("%s", cases[i].text);
        assert_string_equal(c.trace_id, TRACE);
        assert_string_equal(c.span_id, SPAN);
        assert_int_equal(c.sampled, cases[i].sampled);
        assert_false(c.undecided);
    }
}

static void malformed_traceparents_count_for_nothing(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "00",
        "00-" TRACE "-" SPAN,
        "00-" TRACE "-" SPAN "-",
        "00-" TRACE "-" SPAN "-0",
        "00-" TRACE "-" SPAN "-0g",
        "00-" TRACE "-" SPAN "-01-", /* Trace Context 3.2.4: version 00 ends there */
        "00-" TRACE "-" SPAN "-01-00",
        "cc-" TRACE "-" SPAN "-01.later",
        "ff-" TRACE "-" SPAN "-01", /* Trace Context 3.2.2.1 */
        "0g-" TRACE "-" SPAN "-01",
        "0-" TRACE "-" SPAN "-011",
        "00_" TRACE "_" SPAN "_01",
        "00-00000000000000000000000000000000-" SPAN "-01", /* Trace Context 3.2.2.3 */
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-" SPAN "-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473.-" SPAN "-01",
        "00-" TRACE "-0000000000000000-01", /* Trace Context 3.2.2.4 */
        "00-" TRACE "-00F067AA0BA902B7-01",
        "00-" TRACE "-00f067aa0ba902b--01",
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct trace_context c;
        if (read_parent(cases[i], &c)) fail_msg("%s", cases[i]);
    }
}

static struct str state_after(struct arena *a, const char *parent, struct str tracestate)
{
    struct trace_context c;
    assert_true(
        read(a, (struct trace_headers) { .traceparent = str_of(parent), .tracestate = tracestate, .b3 = STR(TRACE "-" SPAN) },
             &c));
    return c.state;
}

static void tracestate_is_handed_on(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    static const char parent[] = "00-" TRACE "-" SPAN "-01";
    assert_true(str_eq(state_after(a, parent, STR("rojo=00f067aa0ba902b7,\tcongo=t61rcWkgMzE ")),
                       STR("rojo=00f067aa0ba902b7,\tcongo=t61rcWkgMzE")));
    /* Trace Context 3.3: "If the vendor failed to parse traceparent, it MUST NOT attempt to parse tracestate" */
    assert_int_equal(state_after(a, "nonsense", STR("rojo=1")).n, 0);
    /* 3.3: "failure to parse tracestate MUST NOT affect the parsing of traceparent" */
    assert_int_equal(state_after(a, parent, STR("rojo=\r\nX: y")).n, 0);
    assert_int_equal(state_after(a, parent, STR("rojo=\xc3\xa4")).n, 0);
    /* 3.3.1.1: 32 members; 3.3.1.5: 512 characters */
    char text[TRACESTATE_MAX + 2];
    memset(text, 'x', sizeof(text));
    assert_int_equal(state_after(a, parent, (struct str) { text, TRACESTATE_MAX }).n, TRACESTATE_MAX);
    assert_int_equal(state_after(a, parent, (struct str) { text, TRACESTATE_MAX + 1 }).n, 0);
    for (int i = 0; i < 31; i++) text[2 * i + 1] = ',';
    assert_int_equal(state_after(a, parent, (struct str) { text, 63 }).n, 63);
    text[63] = ',';
    assert_int_equal(state_after(a, parent, (struct str) { text, 65 }).n, 0);
}

#define B3(...) ((struct trace_headers) { __VA_ARGS__ })
#define IDS     .b3_trace = STR(TRACE), .b3_span = STR(SPAN)

static void b3_and_uber_trace_id_are_read(void **state)
{
    (void)state;
    static const char shorter[] = "0000000000000000a3ce929d0e0e4736";
    const struct {
        struct trace_headers h;
        const char *trace;
        bool sampled, undecided;
    } cases[] = {
        { B3(.b3 = STR(TRACE "-" SPAN "-1")), TRACE, true, false },
        { B3(.b3 = STR(TRACE "-" SPAN "-0-05e3ac9a4f6e3b90")), TRACE, false, false },
        { B3(.b3 = STR(TRACE "-" SPAN "-d")), TRACE, true, false },
        { B3(.b3 = STR(TRACE "-" SPAN)), TRACE, false, true },
        { B3(.b3 = STR("a3ce929d0e0e4736-" SPAN "-1")), shorter, true, false },
        { B3(IDS, .b3_sampled = STR("1")), TRACE, true, false },
        { B3(IDS, .b3_sampled = STR("true")), TRACE, true, false },
        { B3(IDS, .b3_sampled = STR("0")), TRACE, false, false },
        { B3(IDS), TRACE, false, true },
        { B3(IDS, .b3_sampled = STR("0"), .b3_flags = STR("1")), TRACE, true, false },
        { B3(.b3_trace = STR("A3CE929D0E0E4736"), .b3_span = STR(SPAN)), shorter, false, true },
        { B3(.uber = STR(TRACE ":" SPAN ":0:1")), TRACE, true, false },
        { B3(.uber = STR("a3ce929d0e0e4736:f067aa0ba902b7:1:0")), shorter, false, false },
        { B3(.uber = STR(TRACE "%3A" SPAN "%3A0%3A03")), TRACE, true, false },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ARENA_AUTO a = arena_new();
        struct trace_context c;
        if (!read(a, cases[i].h, &c)) fail_msg("case %zu", i);
        assert_string_equal(c.trace_id, cases[i].trace);
        assert_string_equal(c.span_id, SPAN);
        if (c.sampled != cases[i].sampled || c.undecided != cases[i].undecided) fail_msg("case %zu", i);
    }
}

static void malformed_others_count_for_nothing(void **state)
{
    (void)state;
    const struct trace_headers cases[] = {
        { .b3 = STR("0") },
        { .b3 = STR("-") },
        { .b3 = STR(TRACE) },
        { .b3 = STR(TRACE "-" SPAN "0-1") },
        { .b3 = STR("f3577b34da6a3ce929d0e0e4736-" SPAN "-1") },
        { .b3 = STR("00000000000000000000000000000000-" SPAN "-1") },
        { .b3_trace = STR(TRACE) },
        { .b3_span = STR(SPAN) },
        { .b3_trace = STR("x" TRACE), .b3_span = STR(SPAN) },
        { .uber = STR(TRACE ":" SPAN ":0") },
        { .uber = STR(TRACE ":" SPAN ":0:") },
        { .uber = STR(TRACE ":" SPAN ":0:zz") },
        { .uber = STR(TRACE ":" SPAN ":0:100") },
        { .uber = STR(TRACE "0:" SPAN ":0:1") },
        { .uber = STR("0:0:0:1") },
        { .uber = STR("%zz") },
        { .uber = STR_NONE },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ARENA_AUTO a = arena_new();
        struct trace_context c;
        if (read(a, cases[i], &c)) fail_msg("case %zu", i);
    }
}

static void the_first_that_can_be_read_counts(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct trace_context c;
    struct trace_headers h = { .traceparent = STR("00-" TRACE "-" SPAN "-00"),
                               .b3 = STR("11111111111111111111111111111111-1111111111111111-1"),
                               .uber = STR("2:2:0:1") };
    assert_true(read(a, h, &c));
    assert_string_equal(c.trace_id, TRACE);
    h.traceparent = STR("nonsense");
    assert_true(read(a, h, &c));
    assert_string_equal(c.span_id, "1111111111111111");
    h.b3 = STR("nonsense");
    assert_true(read(a, h, &c));
    assert_string_equal(c.span_id, "0000000000000002");
}

static void it_goes_on_as_traceparent(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct trace_context c;
    assert_true(read_parent("cc-" TRACE "-" SPAN "-ff-more", &c));
    /* Trace Context 3.2.4: in the form of the version that is known here; 3.2.2.5.2: no other flag */
    assert_true(str_eq(trace_context_write(a, &c), STR("00-" TRACE "-" SPAN "-01")));
    c.sampled = false;
    assert_true(str_eq(trace_context_write(a, &c), STR("00-" TRACE "-" SPAN "-00")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(traceparent_is_read),
        cmocka_unit_test(malformed_traceparents_count_for_nothing),
        cmocka_unit_test(tracestate_is_handed_on),
        cmocka_unit_test(b3_and_uber_trace_id_are_read),
        cmocka_unit_test(malformed_others_count_for_nothing),
        cmocka_unit_test(the_first_that_can_be_read_counts),
        cmocka_unit_test(it_goes_on_as_traceparent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
