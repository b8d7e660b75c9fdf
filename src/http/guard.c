/* Ranges and globs as tables and loops: no names are resolved here. */
#include "guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/url.h"

/* IANA IPv4 Special-Purpose Address Registry, and multicast; network and prefix length. */
static const struct {
    uint32_t network;
    unsigned bits;
} special4[] = {
    { 0x00000000, 8 },  /* this network */
    { 0x0a000000, 8 },  /* private */
    { 0x64400000, 10 }, /* shared (carrier-grade NAT) */
    { 0x7f000000, 8 },  /* loopback */
    { 0xa9fe0000, 16 }, /* link-local */
    { 0xac100000, 12 }, /* private */
    { 0xc0000000, 24 }, /* protocol assignments */
    { 0xc0000200, 24 }, /* documentation */
    { 0xc0586300, 24 }, /* 6to4 relays, deprecated */
    { 0xc0a80000, 16 }, /* private */
    { 0xc6120000, 15 }, /* benchmarking */
    { 0xc6336400, 24 }, /* documentation */
    { 0xcb007100, 24 }, /* documentation */
    { 0xe0000000, 4 },  /* multicast */
    { 0xf0000000, 4 },  /* reserved, broadcast */
};

/* IANA IPv6 registry: special ranges inside global unicast (2000::/3). Everything outside of that is not global. */
static const struct {
    uint8_t network[4];
    unsigned bits;
} special6[] = {
    { { 0x20, 0x01, 0x00 }, 23 },       /* protocol assignments, Teredo, benchmarking, ORCHID */
    { { 0x20, 0x01, 0x0d, 0xb8 }, 32 }, /* documentation */
    { { 0x20, 0x02 }, 16 },             /* 6to4 */
    { { 0x3f, 0xff, 0x00 }, 20 },       /* documentation */
};

static bool public4(uint32_t address)
{
    for (size_t i = 0; i < sizeof(special4) / sizeof(special4[0]); i++)
        if ((address ^ special4[i].network) >> (32 - special4[i].bits) == 0) return false;
    return true;
}

static uint32_t word(const uint8_t *p) { return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]; }

static bool public6(const uint8_t a[16])
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff }; /* ::ffff:0:0/96, RFC 4291 2.5.5.2 */
    static const uint8_t nat64[12] = { 0x00, 0x64, 0xff, 0x9b };    /* 64:ff9b::/96, RFC 6052 2.1 */
    if (memcmp(a, mapped, sizeof(mapped)) == 0 || memcmp(a, nat64, sizeof(nat64)) == 0) return public4(word(a + 12));
    if (a[0] >> 5 != 1) return false;
    for (size_t i = 0; i < sizeof(special6) / sizeof(special6[0]); i++)
        if ((word(a) ^ word(special6[i].network)) >> (32 - special6[i].bits) == 0) return false;
    return true;
}

bool guard_address_is_public(const struct sockaddr *a)
{
    if (a->sa_family == AF_INET) return public4(ntohl(((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr));
    if (a->sa_family == AF_INET6) return public6(((const struct sockaddr_in6 *)(const void *)a)->sin6_addr.s6_addr);
    return false;
}

bool guard_host_is_public(struct str host)
{
    char text[INET6_ADDRSTRLEN + 1];
    struct sockaddr_in v4 = { .sin_family = AF_INET };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
    if (host.n > 0 && host.p[host.n - 1] == '.') host = str_upto(host, host.n - 1); /* the root of all names */
    if (url_host_is_local(host)) return false;
    if (host.n >= sizeof(text) || str_has(host, '\0')) return true;
    if (host.n > 0) memcpy(text, host.p, host.n);
    text[host.n] = '\0';
    /* inet_aton and not inet_pton: 127.1 and 0x7f000001 are addresses to resolvers. */
    if (inet_aton(text, &v4.sin_addr) != 0) return guard_address_is_public((const struct sockaddr *)&v4);
    if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1) return guard_address_is_public((const struct sockaddr *)&v6);
    return true;
}

static bool is_separator(char c) { return c == '.' || c == '/'; }

/* Remembers the last star and tries again from there, one character further: quadratic at worst, on short texts. */
bool guard_glob(struct str pattern, struct str text)
{
    size_t p = 0, t = 0, star = SIZE_MAX, from = 0, double_star = SIZE_MAX, double_from = 0;
    for (;;) {
        if (p + 1 < pattern.n && pattern.p[p] == '*' && pattern.p[p + 1] == '*') {
            p += 2;
            double_star = p;
            double_from = t;
            star = SIZE_MAX;
        } else if (p < pattern.n && pattern.p[p] == '*') {
            star = ++p;
            from = t;
        } else if (p < pattern.n && t < text.n &&
                   (pattern.p[p] == text.p[t] || (pattern.p[p] == '?' && !is_separator(text.p[t])))) {
            p++;
            t++;
        } else if (p == pattern.n && t == text.n) {
            return true;
        } else if (star != SIZE_MAX && from < text.n && !is_separator(text.p[from])) {
            t = ++from;
            p = star;
        } else if (double_star != SIZE_MAX && double_from < text.n) {
            t = ++double_from;
            p = double_star;
            star = SIZE_MAX;
        } else {
            return false;
        }
    }
}

bool guard_excepts(struct strs patterns, struct str url)
{
    for (size_t i = 0; i < patterns.n; i++)
        if (guard_glob(patterns.v[i], url)) return true;
    return false;
}
