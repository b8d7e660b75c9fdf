#include "unit.h"

#include <stdio.h>
#include <time.h>

#include "base/clock.h"

static void runs(void **state)
{
    (void)state;
    usec_t now = clock_now();
    assert_true(now > INT64_C(1700000000) * USEC_PER_SEC);
    assert_true(clock_now() >= now);
    usec_t start = clock_monotonic();
    assert_true(clock_monotonic() >= start);

    clock_shift(3600 * USEC_PER_SEC);
    assert_true(clock_now() >= now + 3600 * USEC_PER_SEC);
    assert_true(clock_monotonic() < start + 60 * USEC_PER_SEC);
    clock_shift(0);
    assert_true(clock_now() < now + 60 * USEC_PER_SEC);
}

static void rounds_down_to_seconds(void **state)
{
    (void)state;
    assert_int_equal(usec_to_sec(1999999), 1);
    assert_int_equal(usec_to_sec(0), 0);
    assert_int_equal(usec_to_sec(-1), -1);
    assert_int_equal(usec_to_sec(-1000000), -1);
    assert_int_equal(usec_to_sec(-1000001), -2);
}

#define AT(sec, us) (INT64_C(sec) * USEC_PER_SEC + (us))

static void writes_rfc3339(void **state)
{
    (void)state;
    static const struct {
        usec_t t;
        int digits;
        const char *text;
    } cases[] = {
        { 0, 0, "1970-01-01T00:00:00Z" },
        { 0, 9, "1970-01-01T00:00:00Z" },
        { 1, 6, "1970-01-01T00:00:00.000001Z" },
        { -1, 6, "1969-12-31T23:59:59.999999Z" },
        { AT(951782400, 0), 0, "2000-02-29T00:00:00Z" },
        { AT(951868800, 0), 0, "2000-03-01T00:00:00Z" },
        { AT(1795304580, 120000), 9, "2026-11-21T23:43:00.12Z" },
        { AT(1795304580, 123456), 3, "2026-11-21T23:43:00.123Z" },
        { AT(1795304580, 456), 3, "2026-11-21T23:43:00Z" },
        { AT(1795304580, 999999), 0, "2026-11-21T23:43:00Z" },
        { AT(4107542400, 0), 0, "2100-03-01T00:00:00Z" },
        { AT(253402300799, 999999), 6, "9999-12-31T23:59:59.999999Z" },
        { AT(-62135596800, 0), 0, "0001-01-01T00:00:00Z" },
        { USEC_NEVER, 0, "9999-12-31T23:59:59Z" },
        { INT64_MIN, 6, "0000-01-01T00:00:00Z" },
    };
    ARENA_AUTO a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) assert_str(time_rfc3339(a, cases[i].t, cases[i].digits), cases[i].text);
}

static void reads_rfc3339(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        usec_t t;
    } cases[] = {
        { "1970-01-01T00:00:00Z", 0 },
        { "1969-12-31T23:59:59.999999Z", -1 },
        { "2026-11-21T23:43:00Z", AT(1795304580, 0) },
        { "2026-11-22t01:43:00+02:00", AT(1795304580, 0) },
        { "2026-11-21T12:13:00-11:30", AT(1795304580, 0) },
        { "2026-11-21T23:43:00.5z", AT(1795304580, 500000) },
        { "2026-11-21T23:43:00.123456789Z", AT(1795304580, 123456) },
        { "2024-02-29T00:00:00Z", AT(1709164800, 0) },
        { "2000-02-29T00:00:00Z", AT(951782400, 0) },
        { "0001-01-01T00:00:00Z", AT(-62135596800, 0) },
        { "9999-12-31T23:59:59Z", AT(253402300799, 0) },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        usec_t t = 77;
        if (!time_parse_rfc3339(str_of(cases[i].text), &t) || t != cases[i].t)
            fail_msg("%s gives %lld", cases[i].text, (long long)t);
    }
}

static void refuses_other_times(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "2026-11-21",
        "2026-11-21T23:43:00",
        "2026-11-21 23:43:00Z",
        "2026-11-21T23:43Z",
        "2026-11-21T23:43:00.Z",
        "2026-11-21T23:43:00,5Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2025-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T23:59:60Z",
        "2026-01-01T00:00:00+24:00",
        "2026-01-01T00:00:00+01:60",
        "2026-01-01T00:00:00+0100",
        "2026-01-01T00:00:00Zx",
        "26-01-01T00:00:00Z",
        "+2026-01-01T00:00:00Z",
        "2026-1-1T00:00:00Z",
        " 2026-01-01T00:00:00Z",
        "2026-01-01T00:00:00Z ",
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        usec_t t;
        if (time_parse_rfc3339(str_of(cases[i]), &t)) fail_msg("accepted: %s", cases[i]);
    }
}

/* Against libc, over many days and both directions. */
static void agrees_with_libc(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    for (int64_t sec = -62135596800; sec < 253402300800; sec += 86400 * 397 + 12347) {
        struct tm tm;
        char want[80];
        time_t t = sec;
        gmtime_r(&t, &tm);
        snprintf(want, sizeof(want), "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                 tm.tm_min, tm.tm_sec);
        struct str text = time_rfc3339(a, sec * USEC_PER_SEC, 0);
        assert_str(text, want);
        usec_t back;
        assert_true(time_parse_rfc3339(text, &back));
        assert_true(back == sec * USEC_PER_SEC);

        strftime(want, sizeof(want), "%a, %d %b", &tm);
        assert_strn(str_upto(time_http(a, sec * USEC_PER_SEC), 11), str_of(want));
    }
    assert_str(time_http(a, AT(1795304580, 999999)), "Sat, 21 Nov 2026 23:43:00 GMT");
    assert_str(time_http(a, 0), "Thu, 01 Jan 1970 00:00:00 GMT");
}

static const int64_t S = 1000000000, M = INT64_C(60) * 1000000000, H = INT64_C(3600) * 1000000000;

static void reads_durations(void **state)
{
    (void)state;
    const struct {
        const char *text;
        int64_t ns;
        const char *canonical;
    } cases[] = {
        { "0", 0, "0s" },
        { "-0", 0, "0s" },
        { "0s", 0, "0s" },
        { "1h", H, "1h0m0s" },
        { "1h30m", H + 30 * M, "1h30m0s" },
        { ".5s", S / 2, "500ms" },
        { "5.s", 5 * S, "5s" },
        { "1.5h", H + 30 * M, "1h30m0s" },
        { "-1m", -M, "-1m0s" },
        { "+5s", 5 * S, "5s" },
        { "0.3s", S * 3 / 10, "300ms" },
        { "90s", 90 * S, "1m30s" },
        { "1h1s", H + S, "1h0m1s" },
        { "720h", 720 * H, "720h0m0s" },
        { "1ns", 1, "1ns" },
        { "1500ns", 1500, "1.5\xC2\xB5s" },
        { "1us", 1000, "1\xC2\xB5s" },
        { "1\xC2\xB5s", 1000, "1\xC2\xB5s" },
        { "1\xCE\xBCs", 1000, "1\xC2\xB5s" },
        { "1001us", 1001000, "1.001ms" },
        { "1s1ns", S + 1, "1.000000001s" },
        { "1m1m", 2 * M, "2m0s" },
        { "2562047h47m16.854775807s", INT64_MAX, "2562047h47m16.854775807s" },
        { "-2562047h47m16.854775808s", INT64_MIN, "-2562047h47m16.854775808s" },
        { "0.100000000000000000000h", 6 * M, "6m0s" },
        { "0.3333333333333333333h", 20 * M, "20m0s" },
    };
    ARENA_AUTO a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t ns = 77;
        if (!duration_parse(str_of(cases[i].text), &ns) || ns != cases[i].ns)
            fail_msg("%s gives %lld", cases[i].text, (long long)ns);
        assert_str(duration_format(a, ns), cases[i].canonical);
    }
}

static void refuses_other_durations(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "-",
        "+",
        "1",
        "-5",
        "1d",
        "5 m",
        " 5m",
        "5m ",
        ".",
        ".s",
        "1.2.3s",
        "s",
        "h1",
        "1h30",
        "--1s",
        "1S",
        "1e3s",
        "1,5s",
        "2562048h",
        "9223372036854775808ns",
        "3000000000h",
        "99999999999999999999s",
        "2562047h47m16.854775808s",
        "1h-1m",
        "00",
        "-2562047h47m16.854775809s",
        "18446744073709551615ns",
        "1\xC2\xB5",
        "1m\xC2s",
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t ns;
        if (duration_parse(str_of(cases[i]), &ns)) fail_msg("accepted: %s", cases[i]);
    }
    int64_t ns;
    assert_false(duration_parse(STR("1s\0"), &ns));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs),
        cmocka_unit_test(rounds_down_to_seconds),
        cmocka_unit_test(writes_rfc3339),
        cmocka_unit_test(reads_rfc3339),
        cmocka_unit_test(refuses_other_times),
        cmocka_unit_test(agrees_with_libc),
        cmocka_unit_test(reads_durations),
        cmocka_unit_test(refuses_other_durations),
    };
    return RUN(tests);
}
