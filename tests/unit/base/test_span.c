#include "unit.h"

#include "base/span.h"

static struct span span_of(struct arena *a, bool sampled)
{
    return (struct span) { .arena = a, .started = 1000, .began = clock_monotonic(), .context.sampled = sampled };
}

static void attributes_have_limits(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct span s = span_of(a, true);
    char *text = arena_alloc(a, 5000);
    memset(text, 'x', 5000);
    span_add(&s, "long", (struct str) { text, 5000 });
    assert_int_equal(s.attributes[0].s.n, SPAN_TEXT_MAX);
    span_add(&s, "empty", STR(""));
    span_add(&s, "none", STR_NONE);
    assert_int_equal(s.attributes_n, 1);
    for (int i = 0; i < 2 * SPAN_ATTRIBUTES_MAX; i++) span_add_number(&s, "n", i);
    assert_int_equal(s.attributes_n, SPAN_ATTRIBUTES_MAX);
    assert_int_equal(s.attributes[SPAN_ATTRIBUTES_MAX - 1].i, SPAN_ATTRIBUTES_MAX - 2);
}

static void events_have_limits(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct span s = span_of(a, true);
    struct op op = { .arena = a, .span = &s };
    char id[] = "a client";
    span_event(&op, &(struct span_event) { .name = EVENT_CLIENT_CREATED, .client_id = { id, 8 } });
    id[0] = 'X'; /* its owner is gone */
    assert_int_equal(s.events_n, 1);
    assert_str(s.events[0].client_id, "a client");
    assert_int_equal(s.events[0].subject.n, 0);
    assert_in_range(s.events[0].at, 1000, 1000 + 60 * USEC_PER_SEC);
    for (int i = 0; i < 2 * SPAN_EVENTS_MAX; i++) span_event(&op, &(struct span_event) { .name = EVENT_CLIENT_DELETED });
    assert_int_equal(s.events_n, SPAN_EVENTS_MAX);
}

static void only_what_is_recorded_has_events(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct op op = { .arena = a };
    span_event(&op, &(struct span_event) { .name = EVENT_CLIENT_CREATED });
    struct span s = span_of(a, false);
    op.span = &s;
    span_event(&op, &(struct span_event) { .name = EVENT_CLIENT_CREATED });
    assert_int_equal(s.events_n, 0);
}

static void every_event_has_its_own_name(void **state)
{
    (void)state;
    for (enum span_event_name i = 0; i < EVENT_MAX_; i++) {
        assert_non_null(span_event_text(i));
        for (enum span_event_name j = 0; j < i; j++) assert_string_not_equal(span_event_text(i), span_event_text(j));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attributes_have_limits),
        cmocka_unit_test(events_have_limits),
        cmocka_unit_test(only_what_is_recorded_has_events),
        cmocka_unit_test(every_event_has_its_own_name),
    };
    return RUN(tests);
}
