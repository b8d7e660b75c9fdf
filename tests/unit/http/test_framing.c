/* The framing check: what two readers could cut differently is refused, however the bytes arrive. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "http/framing.h"

static const struct framing_limits limits = { .head = 2000, .target = 500, .fields = 20, .memory = 3000, .entry = 64 };

#define LINE "POST /oauth2/token HTTP/1.1\r\nHost: x\r\n"
#define TEXT(literal)                \
    {                                \
        literal, sizeof(literal) - 1 \
    }

struct framing_case {
    const char *what;
    struct str bytes;
    int status;
};

/* clang-format off */
static const struct framing_case good[] = {
    { "GET",                     TEXT("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), 0 },
    { "HTTP/1.0 without Host",   TEXT("GET / HTTP/1.0\r\n\r\n"), 0 },
    { "an empty line before",    TEXT("\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n"), 0 },
    { "absolute form",           TEXT("GET http://a.example/b HTTP/1.1\r\nHost: a.example\r\n\r\n"), 0 },
    { "Host with port",          TEXT("GET / HTTP/1.1\r\nHost: [::1]:4444\r\n\r\n"), 0 },
    { "empty Host",              TEXT("GET / HTTP/1.1\r\nHost:\r\n\r\n"), 0 },
    { "bytes above ASCII",       TEXT("GET /\xc3\xa9 HTTP/1.1\r\nHost: x\r\nX: \xff\r\n\r\n"), 0 },
    { "a body",                  TEXT(LINE "Content-Length: 3\r\n\r\na=b"), 0 },
    { "blanks around a length",  TEXT(LINE "Content-Length: \t3 \r\n\r\na=b"), 0 },
    { "length 0",                TEXT(LINE "Content-Length: 0\r\n\r\n"), 0 },
    { "chunked",                 TEXT(LINE "Transfer-Encoding: Chunked\r\n\r\n3\r\na=b\r\nA;x=\"y\"\r\n0123456789\r\n0\r\n\r\n"), 0 },
    { "a trailer",               TEXT(LINE "Transfer-Encoding: chunked\r\n\r\n0\r\nX-Sum: 1\r\n\r\n"), 0 },
    { "two requests",            TEXT(LINE "Content-Length: 3\r\n\r\na=bGET / HTTP/1.1\r\nHost: x\r\n\r\n"), 0 },
    { "body that looks like one", TEXT(LINE "Content-Length: 18\r\n\r\nGET / HTTP/1.1\n\n\n\n"), 0 },
};

static const struct framing_case bad[] = {
    { "length and coding",       TEXT(LINE "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"), 400 },
    { "coding and length",       TEXT(LINE "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n"), 400 },
    { "two lengths",             TEXT(LINE "Content-Length: 3\r\nContent-Length: 3\r\n\r\n"), 400 },
    { "a list of lengths",       TEXT(LINE "Content-Length: 3, 3\r\n\r\n"), 400 },
    { "signed length",           TEXT(LINE "Content-Length: +3\r\n\r\n"), 400 },
    { "negative length",         TEXT(LINE "Content-Length: -3\r\n\r\n"), 400 },
    { "hexadecimal length",      TEXT(LINE "Content-Length: 0x3\r\n\r\n"), 400 },
    { "length with a blank",     TEXT(LINE "Content-Length: 1 1\r\n\r\n"), 400 },
    { "no length",               TEXT(LINE "Content-Length:\r\n\r\n"), 400 },
    { "endless length",          TEXT(LINE "Content-Length: 9999999999999999999\r\n\r\n"), 400 },
    { "length longer than kept", TEXT(LINE "Content-Length: 000000000000000000000000000003\r\n\r\n"), 400 },
    { "two codings",             TEXT(LINE "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"), 400 },
    { "unknown coding",          TEXT(LINE "Transfer-Encoding: gzip\r\n\r\n"), 400 },
    { "a list of codings",       TEXT(LINE "Transfer-Encoding: gzip, chunked\r\n\r\n"), 400 },
    { "identity",                TEXT(LINE "Transfer-Encoding: identity\r\n\r\n"), 400 },
    { "nearly chunked",          TEXT(LINE "Transfer-Encoding: xchunked\r\n\r\n"), 400 },
    { "vertical tab in coding",  TEXT(LINE "Transfer-Encoding: \vchunked\r\n\r\n"), 400 },
    { "coding in HTTP/1.0",      TEXT("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400 },
    { "two Hosts",               TEXT("GET / HTTP/1.1\r\nHost: x\r\nhost: y\r\n\r\n"), 400 },
    { "no Host",                 TEXT("GET / HTTP/1.1\r\n\r\n"), 400 },
    { "Host with a path",        TEXT("GET / HTTP/1.1\r\nHost: x/y\r\n\r\n"), 400 },
    { "Host with userinfo",      TEXT("GET / HTTP/1.1\r\nHost: a@b\r\n\r\n"), 400 },
    { "folded field",            TEXT("GET / HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n"), 400 },
    { "first field folded",      TEXT("GET / HTTP/1.1\r\n Host: x\r\n\r\n"), 400 },
    { "bare LF everywhere",      TEXT("GET / HTTP/1.1\nHost: x\n\n"), 400 },
    { "bare LF after a field",   TEXT("GET / HTTP/1.1\r\nHost: x\r\nX: a\nY: b\r\n\r\n"), 400 },
    { "bare LF at the end",      TEXT("GET / HTTP/1.1\r\nHost: x\r\n\n"), 400 },
    { "CR in a value",           TEXT("GET / HTTP/1.1\r\nHost: x\r\nX: a\rb\r\n\r\n"), 400 },
    { "NUL in a value",          TEXT("GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n"), 400 },
    { "NUL in a name",           TEXT("GET / HTTP/1.1\r\nHost: x\r\nX\0: a\r\n\r\n"), 400 },
    { "NUL in the target",       TEXT("GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n"), 400 },
    { "blank before the colon",  TEXT("GET / HTTP/1.1\r\nHost : x\r\n\r\n"), 400 },
    { "no colon",                TEXT("GET / HTTP/1.1\r\nHost: x\r\nBad Header\r\n\r\n"), 400 },
    { "no name",                 TEXT("GET / HTTP/1.1\r\nHost: x\r\n: a\r\n\r\n"), 400 },
    { "garbage",                 TEXT("GARBAGE\r\n\r\n"), 400 },
    { "HTTP/0.9",                TEXT("GET /\r\n\r\n"), 400 },
    { "two blanks",              TEXT("GET  / HTTP/1.1\r\nHost: x\r\n\r\n"), 400 },
    { "lower-case version",      TEXT("GET / http/1.1\r\nHost: x\r\n\r\n"), 400 },
    { "more after the version",  TEXT("GET / HTTP/1.1 x\r\nHost: x\r\n\r\n"), 400 },
    { "HTTP/2",                  TEXT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505 },
    { "HTTP/1.2",                TEXT("GET / HTTP/1.2\r\nHost: x\r\n\r\n"), 505 },
    { "two empty lines before",  TEXT("\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n"), 400 },
    { "chunk size no number",    TEXT(LINE "Transfer-Encoding: chunked\r\n\r\nzz\r\n"), 400 },
    { "chunk size missing",      TEXT(LINE "Transfer-Encoding: chunked\r\n\r\n\r\n"), 400 },
    { "chunk size too large",    TEXT(LINE "Transfer-Encoding: chunked\r\n\r\n1000000000000000\r\n"), 400 },
    { "chunk size with blank",   TEXT(LINE "Transfer-Encoding: chunked\r\n\r\n3 \r\na=b\r\n0\r\n\r\n"), 400 },
    { "chunk size ends in LF",   TEXT(LINE "Transfer-Encoding: chunked\r\n\r\n3\na=b\r\n0\r\n\r\n"), 400 },
    { "chunk longer than said",  TEXT(LINE "Transfer-Encoding: chunked\r\n\r\n3\r\na=bc\r\n0\r\n\r\n"), 400 },
    { "LF in an extension",      TEXT(LINE "Transfer-Encoding: chunked\r\n\r\n3;a\nb\r\na=b\r\n0\r\n\r\n"), 400 },
    { "length in the trailer",   TEXT(LINE "Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 3\r\n\r\n"), 400 },
    { "bare LF in the trailer",  TEXT(LINE "Transfer-Encoding: chunked\r\n\r\n0\r\nX: a\n\r\n"), 400 },
};
/* clang-format on */

static int feed_in(struct framing *f, struct str bytes, size_t piece)
{
    *f = (struct framing) { 0 };
    for (size_t at = 0; at < bytes.n && f->status == 0; at += piece) {
        struct str part = { bytes.p + at, bytes.n - at < piece ? bytes.n - at : piece };
        size_t passed = framing_feed(f, &limits, part);
        if (f->status == 0) assert_int_equal(passed, part.n);
    }
    return f->status;
}

static void check(const struct framing_case *c, size_t n)
{
    struct framing f;
    for (size_t i = 0; i < n; i++) {
        for (size_t piece = 1; piece <= c[i].bytes.n; piece++) {
            if (feed_in(&f, c[i].bytes, piece) == c[i].status) continue;
            print_error("%s, in pieces of %zu: %d\n", c[i].what, piece, f.status);
            fail();
        }
        if (c[i].status == 0) assert_int_equal(framing_place(&f), FRAMING_BETWEEN);
    }
}

static void proper_requests_pass(void **state)
{
    (void)state;
    check(good, sizeof(good) / sizeof(good[0]));
}

static void ambiguous_requests_are_refused(void **state)
{
    (void)state;
    check(bad, sizeof(bad) / sizeof(bad[0]));
}

/* Whatever is wrong with the second request, the first still goes on whole and nothing of the second does. */
static void a_good_request_before_a_bad_one_passes(void **state)
{
    (void)state;
    static const struct str first = TEXT(LINE "Content-Length: 3\r\n\r\na=b");
    char both[2048];
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        /* An empty line before a request is no part of it. */
        if (str_starts(bad[i].bytes, STR("\r\n"))) continue;
        memcpy(both, first.p, first.n);
        memcpy(both + first.n, bad[i].bytes.p, bad[i].bytes.n);
        struct framing f = { 0 };
        assert_int_equal(framing_feed(&f, &limits, (struct str) { both, first.n + bad[i].bytes.n }), first.n);
        assert_int_equal(f.status, bad[i].status);
    }
}

static int status_of(const char *head, size_t head_n, char filler, size_t count)
{
    char text[8192];
    memcpy(text, head, head_n);
    memset(text + head_n, filler, count);
    struct framing f = { 0 };
    framing_feed(&f, &limits, (struct str) { text, head_n + count });
    return f.status;
}

static void limits_hold(void **state)
{
    (void)state;
    static const char target[] = "GET /", field[] = "GET / HTTP/1.1\r\nHost: x\r\nX: ", query[] = "GET /?a",
                      cookie[] = "GET / HTTP/1.1\r\nCookie: ";
    assert_int_equal(status_of(target, sizeof(target) - 1, 'a', 499), 0);
    assert_int_equal(status_of(target, sizeof(target) - 1, 'a', 500), 414);
    assert_int_equal(status_of(field, sizeof(field) - 1, 'a', 1900), 0);
    assert_int_equal(status_of(field, sizeof(field) - 1, 'a', 2100), 431);
    assert_int_equal(status_of(query, sizeof(query) - 1, '&', 40), 0);
    assert_int_equal(status_of(query, sizeof(query) - 1, '&', 50), 414);
    assert_int_equal(status_of(cookie, sizeof(cookie) - 1, 'a', 1300), 0);
    assert_int_equal(status_of(cookie, sizeof(cookie) - 1, 'a', 1600), 431);
    assert_int_equal(status_of(cookie, sizeof(cookie) - 1, ';', 60), 431);
    assert_int_equal(status_of("", 0, 'A', 25), 400);
}

static void too_many_fields_are_refused(void **state)
{
    (void)state;
    char text[1024] = "GET / HTTP/1.1\r\n";
    for (int i = 0; i < 21; i++) strcat(text, "X: a\r\n");
    struct framing f = { 0 };
    framing_feed(&f, &limits, str_of(text));
    assert_int_equal(f.status, 431);
}

static void tls_is_named(void **state)
{
    (void)state;
    static const struct str hello = TEXT("\x16\x03\x01\x02\x00\x01");
    struct framing f;
    assert_int_equal(feed_in(&f, hello, hello.n), 400);
    assert_string_equal(f.reason, "The client speaks TLS, but this listener does not.");
    assert_int_equal(feed_in(&f, STR("\x15\x03"), 2), 400);
    assert_string_equal(f.reason, "The request does not start with a method.");
}

static void place_tells_what_is_awaited(void **state)
{
    (void)state;
    struct framing f = { 0 };
    assert_int_equal(framing_place(&f), FRAMING_BETWEEN);
    framing_feed(&f, &limits, STR("\r\n"));
    assert_int_equal(framing_place(&f), FRAMING_IN_HEAD);
    framing_feed(&f, &limits, STR(LINE));
    assert_int_equal(framing_place(&f), FRAMING_IN_HEAD);
    framing_feed(&f, &limits, STR("Content-Length: 2\r\n\r\na"));
    assert_int_equal(framing_place(&f), FRAMING_IN_BODY);
    framing_feed(&f, &limits, STR("b"));
    assert_int_equal(framing_place(&f), FRAMING_BETWEEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(proper_requests_pass),
        cmocka_unit_test(ambiguous_requests_are_refused),
        cmocka_unit_test(a_good_request_before_a_bad_one_passes),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(too_many_fields_are_refused),
        cmocka_unit_test(tls_is_named),
        cmocka_unit_test(place_tells_what_is_awaited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
