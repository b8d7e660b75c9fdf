/* Clocks, and times and durations as text. */
#include "clock.h"

#include <stdatomic.h>
#include <time.h>

#include "buf.h"

static _Atomic usec_t shift;

static usec_t read_clock(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (usec_t)now.tv_sec * USEC_PER_SEC + now.tv_nsec / 1000;
}

usec_t clock_now(void) { return read_clock(CLOCK_REALTIME) + atomic_load_explicit(&shift, memory_order_relaxed); }

usec_t clock_monotonic(void) { return read_clock(CLOCK_MONOTONIC); }

void clock_shift(usec_t by) { atomic_store_explicit(&shift, by, memory_order_relaxed); }

/* The Gregorian calendar, counted from 0000-03-01 so that the leap day ends its year; an era is 400 years. */
enum { DAYS_PER_ERA = 146097, DAYS_TO_1970 = 719468 };

struct date {
    int64_t year, days; /* days since 1970-01-01 */
    int month, day;     /* from 1 */
};

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

static struct date date_of(int64_t days)
{
    int64_t era = floor_div(days + DAYS_TO_1970, DAYS_PER_ERA);
    int64_t of_era = days + DAYS_TO_1970 - era * DAYS_PER_ERA;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153; /* 0 is March */
    return (struct date) {
        .year = era * 400 + year + (month >= 10),
        .days = days,
        .month = (int)(month < 10 ? month + 3 : month - 9),
        .day = (int)(of_year - (153 * month + 2) / 5 + 1),
    };
}

static int64_t days_of(int64_t year, int month, int day)
{
    if (month <= 2) year--;
    int64_t era = floor_div(year, 400), of_era = year - era * 400;
    int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * DAYS_PER_ERA + of_era * 365 + of_era / 4 - of_era / 100 + of_year - DAYS_TO_1970;
}

static void put_digits(char *out, int width, int64_t number)
{
    for (int i = width - 1; i >= 0; i--, number /= 10) out[i] = (char)('0' + number % 10);
}

struct split {
    struct date date;
    int hour, minute, second, micros;
};

static struct split split_time(usec_t t)
{
    int64_t day = floor_div(t, 86400 * USEC_PER_SEC);
    int64_t rest = t - day * 86400 * USEC_PER_SEC;
    int seconds = (int)(rest / USEC_PER_SEC);
    return (struct split) {
        .date = date_of(day),
        .hour = seconds / 3600,
        .minute = seconds / 60 % 60,
        .second = seconds % 60,
        .micros = (int)(rest % USEC_PER_SEC),
    };
}

static void put_clock(char *out, const struct split *s)
{
    put_digits(out, 2, s->hour);
    out[2] = ':';
    put_digits(out + 3, 2, s->minute);
    out[5] = ':';
    put_digits(out + 6, 2, s->second);
}

/* RFC 3339 has four digits of year; what lies outside shows as its nearest time. */
static usec_t clamp(usec_t t)
{
    const usec_t first = INT64_C(-62167219200) * USEC_PER_SEC, last = INT64_C(253402300800) * USEC_PER_SEC - 1;
    return t < first ? first : t > last ? last : t;
}

size_t time_write_rfc3339(usec_t t, int digits, char out[TIME_RFC3339_ROOM])
{
    struct split s = split_time(clamp(t));
    put_digits(out, 4, s.date.year);
    out[4] = '-';
    put_digits(out + 5, 2, s.date.month);
    out[7] = '-';
    put_digits(out + 8, 2, s.date.day);
    out[10] = 'T';
    put_clock(out + 11, &s);

    size_t n = 19;
    if (digits > 0) {
        out[n] = '.';
        put_digits(out + 20, 6, s.micros);
        n = 20 + (size_t)(digits < 6 ? digits : 6);
        while (out[n - 1] == '0') n--;
        if (out[n - 1] == '.') n--;
    }
    out[n++] = 'Z';
    return n;
}

struct str time_rfc3339(struct arena *a, usec_t t, int digits)
{
    char text[TIME_RFC3339_ROOM];
    return arena_dup(a, (struct str) { text, time_write_rfc3339(t, digits, text) });
}

/* Reads `width` digits off the front. */
static bool take_digits(struct str *s, size_t width, int *ret)
{
    if (s->n < width) return false;
    int number = 0;
    for (size_t i = 0; i < width; i++) {
        char c = s->p[i];
        if (c < '0' || c > '9') return false;
        number = number * 10 + (c - '0');
    }
    *s = str_from(*s, width);
    *ret = number;
    return true;
}

static bool take_one_of(struct str *s, const char *set, char *ret)
{
    if (s->n == 0 || !str_has(str_of(set), s->p[0])) return false;
    if (ret != NULL) *ret = s->p[0];
    *s = str_from(*s, 1);
    return true;
}

static bool is_leap(int year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

static bool take_date(struct str *s, int64_t *ret_days)
{
    static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    int year, month, day;
    TRY(take_digits(s, 4, &year));
    TRY(take_one_of(s, "-", NULL));
    TRY(take_digits(s, 2, &month));
    TRY(take_one_of(s, "-", NULL));
    TRY(take_digits(s, 2, &day));
    if (month < 1 || month > 12 || day < 1) return false;
    if (day > lengths[month - 1] + (month == 2 && is_leap(year))) return false;
    *ret_days = days_of(year, month, day);
    return true;
}

/* Microseconds of the day. Digits of the fraction past the sixth are read and dropped. */
static bool take_clock(struct str *s, usec_t *ret)
{
    int hour, minute, second, digit;
    TRY(take_digits(s, 2, &hour));
    TRY(take_one_of(s, ":", NULL));
    TRY(take_digits(s, 2, &minute));
    TRY(take_one_of(s, ":", NULL));
    TRY(take_digits(s, 2, &second));
    if (hour > 23 || minute > 59 || second > 59) return false;

    usec_t t = (hour * 3600 + minute * 60 + second) * USEC_PER_SEC;
    if (take_one_of(s, ".", NULL)) {
        TRY(take_digits(s, 1, &digit));
        usec_t unit = USEC_PER_SEC / 10;
        do {
            t += digit * unit;
            unit /= 10;
        } while (take_digits(s, 1, &digit));
    }
    *ret = t;
    return true;
}

static bool take_offset(struct str *s, usec_t *ret)
{
    char sign;
    int hours, minutes;
    if (take_one_of(s, "Zz", NULL)) {
        *ret = 0;
        return true;
    }
    TRY(take_one_of(s, "+-", &sign));
    TRY(take_digits(s, 2, &hours));
    TRY(take_one_of(s, ":", NULL));
    TRY(take_digits(s, 2, &minutes));
    if (hours > 23 || minutes > 59) return false;
    *ret = (hours * 60 + minutes) * 60 * USEC_PER_SEC * (sign == '-' ? -1 : 1);
    return true;
}

bool time_parse_rfc3339(struct str s, usec_t *ret)
{
    int64_t days;
    usec_t of_day, offset;
    TRY(take_date(&s, &days));
    TRY(take_one_of(&s, "Tt", NULL));
    TRY(take_clock(&s, &of_day));
    TRY(take_offset(&s, &offset));
    if (s.n > 0) return false;
    *ret = days * 86400 * USEC_PER_SEC + of_day - offset;
    return true;
}

/* RFC 9110 5.6.7, IMF-fixdate. */
struct str time_http(struct arena *a, usec_t t)
{
    static const char weekdays[] = "ThuFriSatSunMonTueWed"; /* 1970-01-01 was a Thursday */
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct split s = split_time(clamp(t));
    int64_t weekday = s.date.days - floor_div(s.date.days, 7) * 7;
    char clock[8];
    put_clock(clock, &s);
    return arena_printf(a, "%.3s, %02d %.3s %04d %.8s GMT", weekdays + 3 * weekday, s.date.day, months + 3 * (s.date.month - 1),
                        (int)s.date.year, clock);
}

/* Go's durations. Sums are kept in an unsigned number that may reach 2^63, the size of the most negative one. */

enum { NS_UNITS = 8 };
static const struct {
    struct str name;
    uint64_t ns;
} units[NS_UNITS] = {
    /* clang-format off */
    { { "ns", 2 },         1 },
    { { "us", 2 },         1000 },
    { { "\xC2\xB5s", 3 },  1000 },             /* U+00B5, micro sign */
    { { "\xCE\xBCs", 3 },  1000 },             /* U+03BC, Greek letter mu */
    { { "ms", 2 },         1000000 },
    { { "s", 1 },          1000000000 },
    { { "m", 1 },          60 * UINT64_C(1000000000) },
    { { "h", 1 },          3600 * UINT64_C(1000000000) },
    /* clang-format on */
};

static const uint64_t duration_limit = UINT64_C(1) << 63;

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* Digits before the point; none is zero. False beyond 2^63. */
static bool take_whole(struct str *s, uint64_t *ret)
{
    uint64_t number = 0;
    for (; s->n > 0 && is_digit(s->p[0]); *s = str_from(*s, 1)) {
        if (number > duration_limit / 10) return false;
        number = number * 10 + (uint64_t)(s->p[0] - '0');
        if (number > duration_limit) return false;
    }
    *ret = number;
    return true;
}

/* Digits behind the point: the fraction is *ret / *ret_scale. Those too small to count are read and dropped. */
static void take_fraction(struct str *s, double *ret, double *ret_scale)
{
    uint64_t number = 0;
    double scale = 1;
    for (; s->n > 0 && is_digit(s->p[0]); *s = str_from(*s, 1)) {
        if (number > duration_limit / 10 - 10) continue;
        number = number * 10 + (uint64_t)(s->p[0] - '0');
        scale *= 10;
    }
    *ret = (double)number;
    *ret_scale = scale;
}

static bool take_unit(struct str *s, uint64_t *ret_ns)
{
    size_t n = 0;
    while (n < s->n && s->p[n] != '.' && !is_digit(s->p[n])) n++;
    for (size_t i = 0; i < NS_UNITS; i++) {
        if (!str_eq(units[i].name, str_upto(*s, n))) continue;
        *ret_ns = units[i].ns;
        *s = str_from(*s, n);
        return true;
    }
    return false;
}

/* One <decimal><unit>. */
static bool take_part(struct str *s, uint64_t *ret_ns)
{
    uint64_t whole, unit;
    double fraction = 0, scale = 1;
    size_t before = s->n;
    TRY(take_whole(s, &whole));
    size_t digits = before - s->n;
    if (s->n > 0 && s->p[0] == '.') {
        *s = str_from(*s, 1);
        before = s->n;
        take_fraction(s, &fraction, &scale);
        digits += before - s->n;
    }
    if (digits == 0) return false;
    TRY(take_unit(s, &unit));

    uint64_t ns;
    if (__builtin_mul_overflow(whole, unit, &ns) || ns > duration_limit) return false;
    ns += (uint64_t)(fraction * ((double)unit / scale));
    if (ns > duration_limit) return false;
    *ret_ns = ns;
    return true;
}

bool duration_parse(struct str s, int64_t *ret_ns)
{
    bool negative = s.n > 0 && s.p[0] == '-';
    if (negative || (s.n > 0 && s.p[0] == '+')) s = str_from(s, 1);
    if (s.n == 0) return false;
    if (str_eq(s, STR("0"))) {
        *ret_ns = 0;
        return true;
    }

    uint64_t total = 0, part;
    while (s.n > 0) {
        TRY(take_part(&s, &part));
        total += part;
        if (total > duration_limit) return false;
    }
    if (!negative && total == duration_limit) return false;
    *ret_ns = (int64_t)(negative ? 0 - total : total);
    return true;
}

/* `ns` as a number of `unit`, with as much fraction as it has. */
static void add_decimal(struct buf *b, uint64_t ns, uint64_t unit)
{
    buf_addi(b, (int64_t)(ns / unit));
    uint64_t rest = ns % unit;
    if (rest == 0) return;
    buf_addc(b, '.');
    for (unit /= 10; rest > 0; unit /= 10) {
        buf_addc(b, (char)('0' + rest / unit));
        rest %= unit;
    }
}

struct str duration_format(struct arena *a, int64_t ns)
{
    const uint64_t second = 1000000000, minute = 60 * second, hour = 60 * minute;
    uint64_t size = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
    if (size == 0) return STR("0s");

    struct buf b = BUF(a);
    if (ns < 0) buf_addc(&b, '-');
    if (size < second) {
        uint64_t unit = size < 1000 ? 1 : size < 1000000 ? 1000 : 1000000;
        add_decimal(&b, size, unit);
        buf_addz(&b, unit == 1 ? "ns" : unit == 1000 ? "\xC2\xB5s" : "ms");
        return buf_str(&b);
    }
    if (size >= hour) buf_addf(&b, "%dh", (int)(size / hour));
    if (size >= minute) buf_addf(&b, "%dm", (int)(size % hour / minute));
    add_decimal(&b, size % minute, second);
    buf_addc(&b, 's');
    return buf_str(&b);
}
