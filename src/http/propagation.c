/* One reader per form. What is malformed counts for nothing: a trace must never stand in a request's way. */
#include "http/propagation.h"

#include <string.h>

#include "base/url.h"

enum { TRACEPARENT_LENGTH = 55, SHORT_TRACE_ID = 16, UBER_MAX = 256 };

/* ---- identifiers ---- */

static int hex_digit(char c, bool capitals)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return capitals && c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* `length` digits with zeros in front, in lower case, into `out`. False: something else than digits, too many, or only zeros. */
static bool read_id(struct str s, bool capitals, size_t length, char *out)
{
    bool zero = true;
    if (s.n == 0 || s.n > length) return false;
    memset(out, '0', length);
    out[length] = '\0';
    for (size_t i = 0; i < s.n; i++) {
        int digit = hex_digit(s.p[i], capitals);
        if (digit < 0) return false;
        zero = zero && digit == 0;
        out[length - s.n + i] = "0123456789abcdef"[digit];
    }
    return !zero;
}

static bool read_ids(struct str trace, struct str span, struct trace_context *ret)
{
    return read_id(trace, true, TRACE_ID_LENGTH, ret->trace_id) && read_id(span, true, SPAN_ID_LENGTH, ret->span_id);
}

/* ---- W3C Trace Context, Level 1 ---- */

static bool read_byte(struct str s, unsigned *ret)
{
    if (s.n != 2) return false;
    int high = hex_digit(s.p[0], false), low = hex_digit(s.p[1], false);
    if (high < 0 || low < 0) return false;
    *ret = (unsigned)(high << 4 | low);
    return true;
}

static bool has_dashes(struct str s) { return s.p[2] == '-' && s.p[35] == '-' && s.p[52] == '-'; }

/* Trace Context 3.2.4: a header of version 00 has nothing after the flags; one of a higher version may go on after a dash. */
static bool has_end(struct str s, unsigned version)
{
    return s.n == TRACEPARENT_LENGTH || (version > 0 && s.p[TRACEPARENT_LENGTH] == '-');
}

static bool read_traceparent(struct str s, struct trace_context *ret)
{
    unsigned version, flags;
    if (s.n < TRACEPARENT_LENGTH || !has_dashes(s) || !read_byte(str_upto(s, 2), &version)) return false;
    /* Trace Context 3.2.2.1: "Version ff is invalid" */
    if (version == 0xff || !has_end(s, version)) return false;
    /* Trace Context 3.2.2.3 and 3.2.2.4: what has other characters than small hex digits, or zeros only, MUST be ignored */
    if (!read_id(str_upto(str_from(s, 3), TRACE_ID_LENGTH), false, TRACE_ID_LENGTH, ret->trace_id)) return false;
    if (!read_id(str_upto(str_from(s, 36), SPAN_ID_LENGTH), false, SPAN_ID_LENGTH, ret->span_id)) return false;
    if (!read_byte(str_upto(str_from(s, 53), 2), &flags)) return false;
    ret->sampled = flags & 1; /* Trace Context 3.2.2.5.1: the other bits say nothing that is known here */
    return true;
}

/* Handed on without being understood, if it can stand in a header and is no longer than others have to take (Trace Context
 * 3.3.1.1: at most 32 members; 3.3.1.5: 512 characters). */
static struct str read_tracestate(struct arena *a, struct str s)
{
    size_t members = 1;
    s = str_trim(s);
    if (s.n == 0 || s.n > TRACESTATE_MAX) return STR_NONE;
    for (size_t i = 0; i < s.n; i++) {
        if ((s.p[i] < ' ' && s.p[i] != '\t') || s.p[i] > '~') return STR_NONE;
        members += s.p[i] == ',';
    }
    return members > TRACESTATE_MEMBERS_MAX ? STR_NONE : arena_dup(a, s);
}

static bool read_w3c(struct arena *a, const struct trace_headers *h, struct trace_context *ret)
{
    if (!read_traceparent(str_trim(h->traceparent), ret)) return false;
    /* Trace Context 3.3: tracestate counts only beside a traceparent that could be read, and never harms it */
    ret->state = read_tracestate(a, h->tracestate);
    return true;
}

/* ---- B3 (Zipkin) ---- */

/* Trace ids of 64 bits are an older form; nothing between the two is one. */
static bool read_b3_ids(struct str trace, struct str span, struct trace_context *ret)
{
    return (trace.n == SHORT_TRACE_ID || trace.n == TRACE_ID_LENGTH) && span.n == SPAN_ID_LENGTH && read_ids(trace, span, ret);
}

/* "d" asks for this trace above all others. Without a word the decision is left to us. */
static void read_b3_sampling(struct str s, struct trace_context *ret)
{
    ret->sampled = str_eq(s, STR("1")) || str_eq(s, STR("d")) || str_eq_nocase(s, STR("true"));
    ret->undecided = s.n == 0;
}

/* {trace}-{span}[-{sampling}[-{parent}]] */
static bool read_b3_single(struct arena *a, const struct trace_headers *h, struct trace_context *ret)
{
    struct str rest = str_trim(h->b3), trace = str_cut(&rest, '-'), span = str_cut(&rest, '-');
    (void)a;
    if (!read_b3_ids(trace, span, ret)) return false;
    read_b3_sampling(str_cut(&rest, '-'), ret);
    return true;
}

static bool read_b3_multi(struct arena *a, const struct trace_headers *h, struct trace_context *ret)
{
    (void)a;
    if (!read_b3_ids(str_trim(h->b3_trace), str_trim(h->b3_span), ret)) return false;
    const bool debug = str_eq(str_trim(h->b3_flags), STR("1"));
    read_b3_sampling(debug ? STR("d") : str_trim(h->b3_sampled), ret);
    return true;
}

/* ---- Jaeger ---- */

static bool read_uber_flags(struct str s, bool *ret_sampled)
{
    if (s.n == 0 || s.n > 2 || hex_digit(s.p[0], true) < 0 || hex_digit(s.p[s.n - 1], true) < 0) return false;
    *ret_sampled = hex_digit(s.p[s.n - 1], true) & 1;
    return true;
}

/* {trace}:{span}:{parent}:{flags}, perhaps with the colons percent-encoded; leading zeros may be missing. */
static bool read_uber(struct arena *a, const struct trace_headers *h, struct trace_context *ret)
{
    struct str rest = str_trim(h->uber);
    if (rest.n > UBER_MAX || !url_decode(a, rest, false, &rest)) return false;
    struct str trace = str_cut(&rest, ':'), span = str_cut(&rest, ':');
    str_cut(&rest, ':'); /* the caller's own parent */
    return read_ids(trace, span, ret) && read_uber_flags(rest, &ret->sampled);
}

/* ---- all of them ---- */

typedef bool (*reader)(struct arena *a, const struct trace_headers *h, struct trace_context *ret);

/* The first that can be read counts. */
static const reader readers[] = { read_w3c, read_b3_single, read_b3_multi, read_uber };

bool trace_context_read(struct arena *a, const struct trace_headers *h, struct trace_context *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(readers); i++) {
        struct trace_context c = { .sampled = false };
        if (!readers[i](a, h, &c)) continue;
        *ret = c;
        return true;
    }
    return false;
}

/* Trace Context 3.2.2.5.2: bits that are not known here "MUST" be zero */
struct str trace_context_write(struct arena *a, const struct trace_context *c)
{
    return arena_printf(a, "00-%s-%s-%s", c->trace_id, c->span_id, c->sampled ? "01" : "00");
}
