/* URLs, percent-coding and form data. What is accepted follows Go's net/url: clients of both API generations register
 * redirect URIs that were accepted there, and compare what they get back with what they sent. */
#include "url.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

/* What a byte may be. RFC 3986 2.2, 2.3: MARK is "-._~", SUB the sub-delimiters. SEGMENT: besides letters, digits and marks
 * what stays bare in one segment of a path; HOST: what may stand in a host besides those and SUB. */
enum { LETTER = 1, DIGIT = 2, HEX = 4, MARK = 8, SUB = 16, SEGMENT = 32, HOST = 64 };

/* clang-format off */
static const uint8_t kinds[256] = {
    ['0' ... '9'] = DIGIT | HEX,
    ['a' ... 'f'] = LETTER | HEX, ['g' ... 'z'] = LETTER,
    ['A' ... 'F'] = LETTER | HEX, ['G' ... 'Z'] = LETTER,
    ['-'] = MARK, ['.'] = MARK, ['_'] = MARK, ['~'] = MARK,
    ['!'] = SUB, ['\''] = SUB, ['('] = SUB, [')'] = SUB, ['*'] = SUB, [','] = SUB, [';'] = SUB,
    ['$'] = SUB | SEGMENT, ['&'] = SUB | SEGMENT, ['+'] = SUB | SEGMENT, ['='] = SUB | SEGMENT,
    [':'] = SEGMENT, ['@'] = SEGMENT,
    ['<'] = HOST, ['>'] = HOST, ['"'] = HOST,
};
/* clang-format on */

static bool byte_is(char c, unsigned kind) { return (kinds[(unsigned char)c] & kind) != 0; }

static unsigned hex_value(char c)
{
    if (c >= '0' && c <= '9') return (unsigned)(c - '0');
    return (unsigned)((c | 0x20) - 'a' + 10);
}

static bool escape_at(struct str s, size_t i) { return s.n - i >= 3 && byte_is(s.p[i + 1], HEX) && byte_is(s.p[i + 2], HEX); }

static bool escapes_ok(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '%' && !escape_at(s, i)) return false;
    return true;
}

bool url_decode(struct arena *a, struct str s, bool plus, struct str *ret)
{
    char *text = arena_alloc(a, s.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '%') {
            if (!escape_at(s, i)) return false;
            c = (char)(hex_value(s.p[i + 1]) << 4 | hex_value(s.p[i + 2]));
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        text[n++] = c;
    }
    text[n] = '\0';
    *ret = (struct str) { text, n };
    return true;
}

static void add_escaped(struct buf *b, char c)
{
    static const char digit[] = "0123456789ABCDEF";
    unsigned char byte = (unsigned char)c;
    buf_add(b, (struct str) { (const char[]) { '%', digit[byte >> 4], digit[byte & 0x0F] }, 3 });
}

/* Bytes of the kinds `bare` stay as they are. */
static void encode(struct buf *b, struct str s, unsigned bare, bool plus)
{
    buf_reserve(b, s.n);
    for (size_t i = 0; i < s.n;) {
        const size_t start = i;
        while (i < s.n && byte_is(s.p[i], bare)) i++;
        buf_add(b, (struct str) { s.p + start, i - start });
        if (i == s.n) return;
        if (plus && s.p[i] == ' ')
            buf_addc(b, '+');
        else
            add_escaped(b, s.p[i]);
        i++;
    }
}

void url_encode_form(struct buf *b, struct str s) { encode(b, s, LETTER | DIGIT | MARK, true); }

void url_encode_path(struct buf *b, struct str s) { encode(b, s, LETTER | DIGIT | MARK | SEGMENT, false); }

static bool in_scheme(char c, bool first)
{
    return byte_is(c, LETTER) || (!first && (byte_is(c, DIGIT) || str_has(STR("+-."), c)));
}

/* RFC 3986 3.1. Takes the scheme and its colon off *rest; a text without one is a relative reference. */
static bool take_scheme(struct arena *a, struct str *rest, struct str *ret)
{
    size_t n = 0;
    while (n < rest->n && in_scheme(rest->p[n], n == 0)) n++;
    if (n == rest->n || rest->p[n] != ':') return true;
    if (n == 0) return false;

    char *scheme = arena_dupz(a, str_upto(*rest, n));
    for (size_t i = 0; i < n; i++)
        if (scheme[i] >= 'A' && scheme[i] <= 'Z') scheme[i] = (char)(scheme[i] + ('a' - 'A'));
    *ret = (struct str) { scheme, n };
    *rest = str_from(*rest, n + 1);
    return true;
}

/* "" or ":" and digits. */
static bool read_port(struct str s, struct str *ret)
{
    if (s.n == 0) return true;
    if (s.p[0] != ':') return false;
    for (size_t i = 1; i < s.n; i++)
        if (!byte_is(s.p[i], DIGIT)) return false;
    *ret = str_from(s, 1);
    return true;
}

/* RFC 3986 3.2.2 and RFC 6874: an address of version 6, perhaps with a zone behind "%25". */
static bool read_bracketed(struct str s, struct url *u)
{
    const char *close = memrchr(s.p, ']', s.n);
    if (close == NULL) return false;
    size_t end = (size_t)(close - s.p);
    u->host = (struct str) { s.p + 1, end - 1 };

    struct str address = u->host, zone = STR_NONE;
    if (str_split_once(u->host, '%', &address, &zone) && (zone.n < 3 || !str_starts(zone, STR("25")))) return false;
    for (size_t i = 0; i < zone.n; i++)
        if (!byte_is(zone.p[i], LETTER | DIGIT | MARK) && zone.p[i] != '%') return false;

    char text[INET6_ADDRSTRLEN];
    struct in6_addr ignored;
    if (address.n >= sizeof(text)) return false;
    memcpy(text, address.p, address.n);
    text[address.n] = '\0';
    if (strlen(text) != address.n || inet_pton(AF_INET6, text, &ignored) != 1) return false;
    return read_port(str_from(s, end + 1), &u->port);
}

static bool read_host(struct str s, struct url *u)
{
    if (str_starts(s, STR("["))) return read_bracketed(s, u);

    const char *colon = s.n > 0 ? memrchr(s.p, ':', s.n) : NULL;
    u->host = colon != NULL ? (struct str) { s.p, (size_t)(colon - s.p) } : s;
    if (colon != NULL && !read_port(str_from(s, u->host.n), &u->port)) return false;

    for (size_t i = 0; i < u->host.n; i++) {
        char c = u->host.p[i];
        /* RFC 3986 3.2.2: only bytes of a non-ASCII name are escaped. */
        if (c == '%' && (!escape_at(u->host, i) || hex_value(u->host.p[i + 1]) < 8)) return false;
        if (c != '%' && (unsigned char)c < 0x80 && !byte_is(c, LETTER | DIGIT | MARK | SUB | HOST)) return false;
    }
    return true;
}

static bool read_authority(struct str s, struct url *u)
{
    u->has_authority = true;
    const char *at = s.n > 0 ? memrchr(s.p, '@', s.n) : NULL;
    if (at == NULL) return read_host(s, u);

    u->has_userinfo = true;
    u->userinfo = (struct str) { s.p, (size_t)(at - s.p) };
    for (size_t i = 0; i < u->userinfo.n; i++)
        if (!byte_is(u->userinfo.p[i], LETTER | DIGIT | MARK | SUB) && !str_has(STR(":%@"), u->userinfo.p[i])) return false;
    if (!escapes_ok(u->userinfo)) return false;
    return read_host(str_from(s, u->userinfo.n + 1), u);
}

/* What follows the scheme, without query and fragment. */
static bool read_hierarchy(struct str rest, struct url *u)
{
    if (!str_starts(rest, STR("/"))) {
        if (u->scheme.n > 0) {
            u->opaque = rest;
            return true;
        }
        /* RFC 3986 4.2: a colon in the first segment of a relative path would read as a scheme. */
        struct str path = rest;
        if (str_has(str_cut(&path, '/'), ':')) return false;
    }
    /* Without a scheme "///x" is a path. */
    if (str_starts(rest, STR("//")) && (u->scheme.n > 0 || !str_starts(rest, STR("///")))) {
        struct str authority = str_from(rest, 2);
        const char *slash = authority.n > 0 ? memchr(authority.p, '/', authority.n) : NULL;
        if (slash != NULL) authority.n = (size_t)(slash - authority.p);
        if (!read_authority(authority, u)) return false;
        rest = str_from(rest, 2 + authority.n);
    }
    u->path = rest;
    return escapes_ok(rest);
}

static bool has_control(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7F) return true;
    return false;
}

/* Cuts *s at the first `mark`; what follows goes to *ret. */
static bool cut_tail(struct str *s, char mark, struct str *ret) { return str_split_once(*s, mark, s, ret); }

bool url_parse(struct arena *a, struct str s, struct url *ret)
{
    if (s.n == 0 || has_control(s)) return false;

    struct url u = { 0 };
    u.has_fragment = cut_tail(&s, '#', &u.fragment);
    if (!escapes_ok(u.fragment)) return false;
    if (!take_scheme(a, &s, &u.scheme)) return false;
    u.has_query = cut_tail(&s, '?', &u.query);
    if (!read_hierarchy(s, &u)) return false;
    *ret = u;
    return true;
}

static void add_hostport(struct buf *b, const struct url *u)
{
    bool brackets = str_has(u->host, ':');
    if (brackets) buf_addc(b, '[');
    buf_add(b, u->host);
    if (brackets) buf_addc(b, ']');
    if (u->port.p != NULL) buf_addc(b, ':'); /* "h:" stays as it was written */
    buf_add(b, u->port);
}

struct str url_format(struct arena *a, const struct url *u)
{
    struct buf b = BUF(a);
    buf_add(&b, u->scheme);
    if (u->scheme.n > 0) buf_addc(&b, ':');
    buf_add(&b, u->opaque);
    if (u->has_authority) {
        buf_addz(&b, "//");
        buf_add(&b, u->userinfo);
        if (u->has_userinfo) buf_addc(&b, '@');
        add_hostport(&b, u);
    }
    buf_add(&b, u->path);
    if (u->has_query) buf_addc(&b, '?');
    buf_add(&b, u->query);
    if (u->has_fragment) buf_addc(&b, '#');
    buf_add(&b, u->fragment);
    return buf_str(&b);
}

struct str url_hostport(struct arena *a, const struct url *u)
{
    struct buf b = BUF(a);
    add_hostport(&b, u);
    return buf_str(&b);
}

bool url_is_http(const struct url *u) { return str_eq(u->scheme, STR("http")) || str_eq(u->scheme, STR("https")); }

bool url_host_is_loopback_ip(struct str host)
{
    char text[INET6_ADDRSTRLEN];
    if (host.n >= sizeof(text) || str_has(host, '\0')) return false;
    if (host.n > 0) memcpy(text, host.p, host.n);
    text[host.n] = '\0';

    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, text, &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, text, &v6) == 1 && memcmp(&v6, &in6addr_loopback, sizeof(v6)) == 0;
}

bool url_host_is_local(struct str host)
{
    static const struct str name = { "localhost", 9 };
    if (str_eq_nocase(host, name) || url_host_is_loopback_ip(host)) return true;
    /* RFC 6761 6.3: names that end in .localhost are local too. */
    return host.n > name.n + 1 && host.p[host.n - name.n - 1] == '.' && str_eq_nocase(str_from(host, host.n - name.n), name);
}

void params_add(struct arena *a, struct params *p, struct str name, struct str value)
{
    if (p->n == p->cap) {
        size_t room = p->cap > 0 ? p->cap * 2 : 8;
        struct param *grown = ARENA_ARRAY(a, struct param, room);
        if (p->n > 0) memcpy(grown, p->v, p->n * sizeof(struct param));
        p->v = grown;
        p->cap = room;
    }
    p->v[p->n++] = (struct param) { name, value };
}

bool params_parse(struct arena *a, struct str text, size_t max, struct params *ret)
{
    struct params list = { 0 };
    for (size_t pairs = 0; text.p != NULL;) {
        struct str pair = str_cut(&text, '&'), name = pair, value = STR("");
        if (pair.n == 0) continue;
        if (++pairs > max) return false;
        /* A semicolon once separated pairs; readers that differ on that see different parameters, so nobody sees the pair. */
        if (str_has(pair, ';')) continue;
        str_split_once(pair, '=', &name, &value);
        if (url_decode(a, name, true, &name) && url_decode(a, value, true, &value)) params_add(a, &list, name, value);
    }
    *ret = list;
    return true;
}

void params_remove(struct params *p, struct str name)
{
    size_t kept = 0;
    for (size_t i = 0; i < p->n; i++)
        if (!str_eq(p->v[i].name, name)) p->v[kept++] = p->v[i];
    p->n = kept;
}

void params_set(struct arena *a, struct params *p, struct str name, struct str value)
{
    params_remove(p, name);
    params_add(a, p, name, value);
}

struct str params_get(const struct params *p, struct str name)
{
    for (size_t i = 0; i < p->n; i++)
        if (str_eq(p->v[i].name, name)) return p->v[i].value;
    return STR_NONE;
}

size_t params_count(const struct params *p, struct str name)
{
    size_t count = 0;
    for (size_t i = 0; i < p->n; i++) count += str_eq(p->v[i].name, name);
    return count;
}

bool params_has(const struct params *p, struct str name) { return params_count(p, name) > 0; }

struct placed {
    struct param param;
    size_t place;
};

/* By name; equal names by place, which makes the order stable. */
static int compare_placed(const void *a, const void *b)
{
    const struct placed *left = a, *right = b;
    int order = str_cmp(left->param.name, right->param.name);
    return order != 0 ? order : (left->place > right->place) - (left->place < right->place);
}

struct str params_encode(struct arena *a, const struct params *p, bool sorted)
{
    struct placed *v = ARENA_ARRAY(a, struct placed, p->n);
    for (size_t i = 0; i < p->n; i++) v[i] = (struct placed) { p->v[i], i };
    if (sorted && p->n > 1) qsort(v, p->n, sizeof(*v), compare_placed);

    struct buf b = BUF(a);
    for (size_t i = 0; i < p->n; i++) {
        if (i > 0) buf_addc(&b, '&');
        url_encode_form(&b, v[i].param.name);
        buf_addc(&b, '=');
        url_encode_form(&b, v[i].param.value);
    }
    return buf_str(&b);
}

struct str url_with_params(struct arena *a, struct str url, const struct params *p)
{
    struct str fragment = STR_NONE, query = STR_NONE;
    bool has_fragment = cut_tail(&url, '#', &fragment);
    cut_tail(&url, '?', &query);

    struct params all;
    if (!params_parse(a, query, SIZE_MAX, &all)) all = (struct params) { 0 };
    for (size_t i = 0; i < p->n; i++) params_remove(&all, p->v[i].name);
    for (size_t i = 0; i < p->n; i++) params_add(a, &all, p->v[i].name, p->v[i].value);

    struct buf b = BUF(a);
    buf_add(&b, url);
    if (all.n > 0) buf_addc(&b, '?');
    buf_add(&b, params_encode(a, &all, true));
    if (has_fragment) buf_addc(&b, '#');
    buf_add(&b, fragment);
    return buf_str(&b);
}
