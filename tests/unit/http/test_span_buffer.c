/* Where spans wait: in order, and never more than the limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/arena.h"
#include "http/span_buffer.h"

static struct str text_of(const struct span_buffer *b) { return (struct str) { b->p, b->n }; }

static void joins_with_commas(void **state)
{
    (void)state;
    struct span_buffer b = { 0 };
    assert_true(span_buffer_add(&b, STR("{1}")));
    assert_true(str_eq(text_of(&b), STR("{1}")));
    assert_true(span_buffer_add(&b, STR("{2}")));
    assert_true(span_buffer_add(&b, STR("{3}")));
    assert_true(str_eq(text_of(&b), STR("{1},{2},{3}")));
    assert_int_equal(b.spans, 3);
    span_buffer_clear(&b);
    assert_int_equal(b.n + b.spans, 0);
    assert_true(span_buffer_add(&b, STR("{4}")));
    assert_true(str_eq(text_of(&b), STR("{4}")));
    span_buffer_done(&b);
    span_buffer_done(&b);
}

static void takes_so_many_spans(void **state)
{
    (void)state;
    struct span_buffer b = { 0 };
    for (int i = 0; i < SPAN_BUFFER_SPANS; i++) assert_true(span_buffer_add(&b, STR("{}")));
    assert_false(span_buffer_add(&b, STR("{}")));
    assert_int_equal(b.n, 3 * SPAN_BUFFER_SPANS - 1);
    span_buffer_clear(&b);
    assert_true(span_buffer_add(&b, STR("{}")));
    span_buffer_done(&b);
}

static void takes_so_many_bytes(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct span_buffer b = { 0 };
    size_t quarter = SPAN_BUFFER_BYTES / 4;
    char *text = arena_alloc(a, SPAN_BUFFER_BYTES);
    memset(text, 'x', SPAN_BUFFER_BYTES);
    assert_false(span_buffer_add(&b, (struct str) { text, SPAN_BUFFER_BYTES }));
    for (int i = 0; i < 3; i++) assert_true(span_buffer_add(&b, (struct str) { text, quarter }));
    assert_false(span_buffer_add(&b, (struct str) { text, quarter }));
    assert_true(span_buffer_add(&b, (struct str) { text, quarter - 10 }));
    assert_true(b.n <= SPAN_BUFFER_BYTES && b.cap <= SPAN_BUFFER_BYTES);
    assert_int_equal(b.spans, 4);
    span_buffer_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joins_with_commas),
        cmocka_unit_test(takes_so_many_spans),
        cmocka_unit_test(takes_so_many_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
