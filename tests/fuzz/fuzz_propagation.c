/* The headers that traces come in by, one a line: what is read from them can always be written, and reads the same again. */
#include <string.h>

#include "fuzz.h"
#include "http/propagation.h"

static void check_id(const char *id, size_t length)
{
    if (strlen(id) != length || strspn(id, "0123456789abcdef") != length || strspn(id, "0") == length) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ARENA_AUTO a = arena_new();
    struct str text = { (const char *)data, size };
    struct trace_headers h;
    struct str *const fields[] = { &h.traceparent, &h.tracestate, &h.b3,       &h.b3_trace,
                                   &h.b3_span,     &h.b3_sampled, &h.b3_flags, &h.uber };
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) *fields[i] = text.p == NULL ? STR_NONE : str_cut(&text, '\n');

    struct trace_context c, again;
    if (!trace_context_read(a, &h, &c)) return 0;
    check_id(c.trace_id, TRACE_ID_LENGTH);
    check_id(c.span_id, SPAN_ID_LENGTH);
    if (c.state.n > TRACESTATE_MAX) abort();
    struct trace_headers written = { .traceparent = trace_context_write(a, &c) };
    if (!trace_context_read(a, &written, &again) || strcmp(c.trace_id, again.trace_id) != 0 || c.sampled != again.sampled)
        abort();
    return 0;
}
