/* One state per place in the grammar of RFC 9112; runs of ordinary bytes are skipped in inner loops. Only Content-Length,
 * Transfer-Encoding and Host are looked at: they decide where a message ends and whom it is for. */
#include "framing.h"

#include <string.h>

enum state {
    BETWEEN,  /* before the first byte of a request line */
    BLANK_LF, /* one empty line before it is ignored (2.2) */
    METHOD,
    TARGET,
    VERSION,
    LINE_LF,
    FIELD_START,
    FIELD_NAME,
    FIELD_BLANKS, /* before the value */
    FIELD_VALUE,
    FIELD_LF,
    HEAD_LF,
    BODY,
    CHUNK_SIZE,
    CHUNK_EXTENSION,
    CHUNK_SIZE_LF,
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    REFUSED
};

enum { LONGEST_METHOD = 24, LONGEST_EXTENSION = 256 };

/* What a byte may be part of. */
enum { IN_TOKEN = 1, IN_TARGET = 2, IN_VALUE = 4, IN_HOST = 8 };

#define T IN_TOKEN | IN_TARGET | IN_VALUE
#define H IN_TOKEN | IN_TARGET | IN_VALUE | IN_HOST
#define U IN_TARGET | IN_VALUE
#define V IN_VALUE
#define A IN_TARGET | IN_VALUE | IN_HOST
/* clang-format off */
static const uint8_t classes[256] = {
    ['\t'] = V, [' '] = V,
    ['!'] = H, ['"'] = U, ['#'] = V, ['$'] = H, ['%'] = H, ['&'] = H, ['\''] = H, ['('] = A, [')'] = A, ['*'] = H, ['+'] = H,
    [','] = A, ['-'] = H, ['.'] = H, ['/'] = U, ['0' ... '9'] = H, [':'] = A, [';'] = A, ['<'] = U, ['='] = A, ['>'] = U,
    ['?'] = U, ['@'] = U, ['A' ... 'Z'] = H, ['['] = A, ['\\'] = U, [']'] = A, ['^'] = T, ['_'] = H, ['`'] = T, ['a' ... 'z'] = H,
    ['{'] = U, ['|'] = T, ['}'] = U, ['~'] = H, [0x80 ... 0xff] = U,
};
/* clang-format on */
#undef T
#undef H
#undef U
#undef V
#undef A

static bool is_a(char c, unsigned class) { return (classes[(unsigned char)c] & class) != 0; }

static bool refuse(struct framing *f, int status, const char *reason)
{
    f->state = REFUSED;
    f->status = status;
    f->reason = reason;
    return false;
}

static void start_request(struct framing *f)
{
    *f = (struct framing) { .state = METHOD, .line_break_before = f->line_break_before };
}

static bool name_is(const struct framing *f, const char *name)
{
    size_t n = strlen(name);
    return f->name_n == n && memcmp(f->name, name, n) == 0;
}

static size_t memory_used(const struct framing *f, const struct framing_limits *limits)
{
    return f->head + f->cookies + f->entries * limits->entry;
}

/* ---- the head, piece by piece: each takes the bytes from `p` on and returns where it stopped ---- */

static const char *skip(const char *p, const char *end, unsigned class)
{
    while (p < end && is_a(*p, class)) p++;
    return p;
}

/* Each `mark` on the way makes one more entry. */
static const char *skip_counting(struct framing *f, const char *p, const char *end, unsigned class, char mark)
{
    for (; p < end && is_a(*p, class); p++) f->entries += *p == mark;
    return p;
}

/* A TLS record of the type handshake (RFC 8446 5.1) is the usual reason for what is no method. */
static const char *no_method(char first)
{
    enum { HANDSHAKE = 0x16 };
    return first == HANDSHAKE ? "The client speaks TLS, but this listener does not."
                              : "The request does not start with a method.";
}

static const char *read_method(struct framing *f, const char *p, const char *end)
{
    const char *stop = skip(p, end, IN_TOKEN);
    f->name_n = (uint8_t)(f->name_n + (stop - p > LONGEST_METHOD ? LONGEST_METHOD + 1 : stop - p));
    if (f->name_n > LONGEST_METHOD) {
        refuse(f, 400, "The request method is too long.");
    } else if (stop < end) {
        if (*stop != ' ' || f->name_n == 0) refuse(f, 400, no_method(*stop));
        f->state = f->status != 0 ? REFUSED : TARGET;
        stop++;
    }
    return stop;
}

static const char *read_target(struct framing *f, const struct framing_limits *limits, const char *p, const char *end)
{
    const char *stop = skip_counting(f, p, end, IN_TARGET, '&');
    f->target += (uint32_t)(stop - p);
    if (f->target > limits->target || memory_used(f, limits) > limits->memory) {
        refuse(f, 414, "The request target is too long.");
    } else if (stop < end) {
        if (*stop != ' ' || f->target == 0) refuse(f, 400, "The request target has a character that must be encoded.");
        f->state = f->status != 0 ? REFUSED : VERSION;
        f->value_n = 0;
        stop++;
    }
    return stop;
}

/* RFC 9112 2.3: "HTTP-version is case-sensitive". */
static bool read_version(struct framing *f, char c)
{
    static const char text[] = "HTTP/1.1";
    size_t at = f->value_n;
    if (at == sizeof(text) - 1) {
        if (c != '\r') return refuse(f, 400, "The request line does not end after the version.");
        f->state = LINE_LF;
        return true;
    }
    f->value_n++;
    if (at == sizeof(text) - 2 && c == '0') {
        f->http10 = true;
        return true;
    }
    if (c == text[at]) return true;
    if (at >= 5 && c >= '0' && c <= '9') return refuse(f, 505, "This server speaks HTTP/1.1 and HTTP/1.0.");
    return refuse(f, 400, "The request line does not name an HTTP version.");
}

static const char *read_name(struct framing *f, const char *p, const char *end)
{
    for (; p < end && is_a(*p, IN_TOKEN); p++) {
        if (f->name_n < sizeof(f->name)) f->name[f->name_n] = *p >= 'A' && *p <= 'Z' ? (char)(*p | 0x20) : *p;
        if (f->name_n <= sizeof(f->name)) f->name_n++;
    }
    if (p == end) return p;
    /* RFC 9112 5.1: "A server MUST reject ... any received request message that contains whitespace between a header field name
     * and colon" */
    if (*p != ':' || f->name_n == 0) {
        refuse(f, 400, "A header field is not a name, a colon and a value.");
        return p;
    }
    f->value_n = 0;
    f->state = FIELD_BLANKS;
    return p + 1;
}

/* RFC 9112 6.1, 6.3: more than one length, or a length beside a transfer coding, can be read in two ways. */
static bool start_length(struct framing *f)
{
    if (f->seen_length) return refuse(f, 400, "The request has more than one Content-Length.");
    if (f->seen_coding) return refuse(f, 400, "The request has both Content-Length and Transfer-Encoding.");
    f->seen_length = true;
    return true;
}

static bool start_coding(struct framing *f)
{
    if (f->seen_coding) return refuse(f, 400, "The request has more than one Transfer-Encoding.");
    if (f->seen_length) return refuse(f, 400, "The request has both Content-Length and Transfer-Encoding.");
    if (f->http10) return refuse(f, 400, "HTTP/1.0 has no Transfer-Encoding.");
    f->seen_coding = true;
    return true;
}

static bool start_host(struct framing *f)
{
    if (f->seen_host) return refuse(f, 400, "The request has more than one Host.");
    f->seen_host = true;
    return true;
}

static bool start_value(struct framing *f)
{
    f->state = FIELD_VALUE;
    if (name_is(f, "cookie")) return true;
    bool length = name_is(f, "content-length"), coding = name_is(f, "transfer-encoding"), host = name_is(f, "host");
    if (!length && !coding && !host) {
        f->name_n = 0; /* of no interest here */
        return true;
    }
    if (f->trailer) return refuse(f, 400, "A trailer field says how the message is framed.");
    return length ? start_length(f) : coding ? start_coding(f) : start_host(f);
}

static bool end_length(struct framing *f)
{
    uint64_t length = 0;
    if (f->value_n == 0 || f->value_n > 18) return refuse(f, 400, "Content-Length is not a usable number.");
    for (size_t i = 0; i < f->value_n; i++) {
        if (f->value[i] < '0' || f->value[i] > '9') return refuse(f, 400, "Content-Length is not a number.");
        length = length * 10 + (uint64_t)(f->value[i] - '0');
    }
    f->body = length;
    return true;
}

static bool end_coding(struct framing *f)
{
    static const char chunked[] = "chunked";
    for (size_t i = 0; i < sizeof(chunked) - 1; i++)
        if (f->value_n != sizeof(chunked) - 1 || (f->value[i] | 0x20) != chunked[i])
            return refuse(f, 400, "The only transfer coding known here is chunked.");
    return true;
}

/* At the CR after a value. */
static bool end_value(struct framing *f)
{
    while (f->value_n > 0 && f->value_n <= sizeof(f->value) &&
           (f->value[f->value_n - 1] == ' ' || f->value[f->value_n - 1] == '\t'))
        f->value_n--;
    f->state = FIELD_LF;
    if (name_is(f, "content-length")) return end_length(f);
    if (name_is(f, "transfer-encoding")) return end_coding(f);
    return true;
}

/* The bytes of a value that matters are kept; a longer one than fits cannot be right. */
static const char *read_kept_value(struct framing *f, const char *p, const char *end)
{
    bool host = name_is(f, "host");
    for (; p < end && is_a(*p, IN_VALUE); p++) {
        if (host && !is_a(*p, IN_HOST) && *p != ' ' && *p != '\t') refuse(f, 400, "Host is not the name of a host.");
        if (f->value_n < sizeof(f->value)) f->value[f->value_n] = *p;
        if (f->value_n <= sizeof(f->value)) f->value_n++;
    }
    return p;
}

static const char *read_cookies(struct framing *f, const char *p, const char *end)
{
    const char *stop = skip_counting(f, p, end, IN_VALUE, ';');
    f->cookies += (uint32_t)(stop - p);
    return stop;
}

static const char *read_value(struct framing *f, const char *p, const char *end)
{
    if (f->name_n == 0)
        p = skip(p, end, IN_VALUE);
    else
        p = name_is(f, "cookie") ? read_cookies(f, p, end) : read_kept_value(f, p, end);
    if (f->status != 0 || p == end) return p;
    /* RFC 9110 5.5: CR, LF and NUL within a value "are invalid and dangerous"; a bare LF as line end is read in two ways too. */
    if (*p != '\r') {
        refuse(f, 400, "A header field has a control character, or its line does not end with CR LF.");
        return p;
    }
    end_value(f);
    return p + 1;
}

static bool start_field(struct framing *f, const struct framing_limits *limits, char c)
{
    if (c == '\r') {
        f->state = HEAD_LF;
        return true;
    }
    /* RFC 9112 5.2: "A server that receives an obs-fold in a request message ... MUST either reject the message" */
    if (c == ' ' || c == '\t') return refuse(f, 400, "A header field is folded over two lines.");
    if (++f->fields > limits->fields) return refuse(f, 431, "The request has too many header fields.");
    f->name_n = 0;
    f->entries++;
    f->state = FIELD_NAME;
    return true;
}

static bool end_head(struct framing *f)
{
    if (f->trailer) {
        f->state = BETWEEN;
        return true;
    }
    /* RFC 9112 3.2: "A server MUST respond with a 400 ... to any HTTP/1.1 request message that lacks a Host header field" */
    if (!f->seen_host && !f->http10) return refuse(f, 400, "The request has no Host.");
    if (f->seen_coding) {
        f->body = 0;
        f->value_n = 0;
        f->state = CHUNK_SIZE;
    } else {
        f->state = f->body > 0 ? BODY : BETWEEN;
    }
    return true;
}

/* ---- the body ---- */

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static bool read_chunk_size(struct framing *f, char c)
{
    int digit = hex_value(c);
    if (digit >= 0) {
        if (++f->value_n > 15) return refuse(f, 400, "A chunk's size is too large.");
        f->body = f->body << 4 | (uint64_t)digit;
        return true;
    }
    if (f->value_n == 0 || (c != '\r' && c != ';')) return refuse(f, 400, "A chunk's size is not a number.");
    f->value_n = 0;
    f->state = c == '\r' ? CHUNK_SIZE_LF : CHUNK_EXTENSION;
    return true;
}

static bool read_chunk_extension(struct framing *f, char c)
{
    if (c == '\r') {
        f->state = CHUNK_SIZE_LF;
        return true;
    }
    if (!is_a(c, IN_VALUE) || ++f->value_n == UINT8_MAX) return refuse(f, 400, "A chunk's extension is malformed.");
    return true;
}

static bool end_chunk_size(struct framing *f)
{
    f->state = CHUNK_DATA;
    if (f->body > 0) return true;
    f->trailer = true;
    f->state = FIELD_START;
    return true;
}

static const char *skip_body(struct framing *f, const char *p, const char *end, enum state after)
{
    uint64_t here = (uint64_t)(end - p) < f->body ? (uint64_t)(end - p) : f->body;
    f->body -= here;
    if (f->body == 0) f->state = (uint8_t)after;
    return p + here;
}

/* ---- one step ---- */

static bool start_line(struct framing *f, char c)
{
    if (c != '\r') {
        start_request(f);
        f->line_break_before = false;
        return true;
    }
    if (f->line_break_before) return refuse(f, 400, "There is more than one empty line before the request.");
    start_request(f);
    f->line_break_before = true;
    f->state = BLANK_LF;
    return true;
}

static bool expect(struct framing *f, char c, char wanted, enum state then)
{
    if (c != wanted) return refuse(f, 400, "A line does not end with CR LF.");
    f->state = (uint8_t)then;
    return true;
}

/* States that look at one byte. Returns how many were used. */
static size_t step_byte(struct framing *f, const struct framing_limits *limits, char c)
{
    switch ((enum state)f->state) {
    case BETWEEN: start_line(f, c); return f->state == METHOD ? 0 : 1;
    case BLANK_LF: expect(f, c, '\n', BETWEEN); return 1;
    case VERSION: read_version(f, c); return 1;
    case LINE_LF: expect(f, c, '\n', FIELD_START); return 1;
    case FIELD_START: start_field(f, limits, c); return f->state == FIELD_NAME ? 0 : 1;
    case FIELD_BLANKS:
        if (c == ' ' || c == '\t') return 1;
        start_value(f);
        return 0;
    case FIELD_LF: expect(f, c, '\n', FIELD_START); return 1;
    case HEAD_LF:
        if (expect(f, c, '\n', BETWEEN)) end_head(f);
        return 1;
    case CHUNK_SIZE: read_chunk_size(f, c); return 1;
    case CHUNK_EXTENSION: read_chunk_extension(f, c); return 1;
    case CHUNK_SIZE_LF:
        if (expect(f, c, '\n', CHUNK_DATA)) end_chunk_size(f);
        return 1;
    case CHUNK_DATA_CR: expect(f, c, '\r', CHUNK_DATA_LF); return 1;
    case CHUNK_DATA_LF: expect(f, c, '\n', CHUNK_SIZE); return 1;
    default: return 1;
    }
}

static const char *step(struct framing *f, const struct framing_limits *limits, const char *p, const char *end)
{
    switch ((enum state)f->state) {
    case METHOD: return read_method(f, p, end);
    case TARGET: return read_target(f, limits, p, end);
    case FIELD_NAME: return read_name(f, p, end);
    case FIELD_VALUE: return read_value(f, p, end);
    case BODY: return skip_body(f, p, end, BETWEEN);
    case CHUNK_DATA: return skip_body(f, p, end, CHUNK_DATA_CR);
    default: return p + step_byte(f, limits, *p);
    }
}

enum framing_place framing_place(const struct framing *f)
{
    if (f->state == BETWEEN && !f->line_break_before) return FRAMING_BETWEEN;
    return f->state >= BODY || f->trailer ? FRAMING_IN_BODY : FRAMING_IN_HEAD;
}

size_t framing_feed(struct framing *f, const struct framing_limits *limits, struct str bytes)
{
    if (bytes.n == 0) return 0;
    const char *p = bytes.p, *end = bytes.p + bytes.n, *request = bytes.p;
    while (p < end && f->state != REFUSED) {
        if (f->state == BETWEEN) request = p;
        bool counted = framing_place(f) != FRAMING_IN_BODY || f->trailer;
        const char *before = p;
        p = step(f, limits, p, end);
        if (!counted) continue;
        f->head += (uint32_t)(p - before);
        bool large = f->head > limits->head || memory_used(f, limits) > limits->memory;
        if (f->status == 0 && large) refuse(f, 431, "The request's header fields are too large.");
    }
    return f->state == REFUSED ? (size_t)(request - bytes.p) : bytes.n;
}
