/* URLs as Go's net/url reads them where clients can tell (RFC 3986), percent-coding and form data
 * (application/x-www-form-urlencoded). */
#ifndef BASE_URL_H
#define BASE_URL_H

#include "buf.h"

struct url {
    struct str scheme;   /* lower-cased */
    struct str opaque;   /* "mailto:x" -> "x"; then no host and no path */
    struct str userinfo; /* undecoded */
    struct str host;     /* without port, without brackets, undecoded, case kept */
    struct str port;     /* digits; empty behind a bare ':', STR_NONE without one */
    struct str path;     /* undecoded */
    struct str query;    /* undecoded, without '?' */
    struct str fragment; /* undecoded, without '#' */
    bool has_authority, has_userinfo, has_query, has_fragment;
};

/* False when malformed: a control character or blank in the host, bad % escape, non-numeric port, unclosed bracket, a scheme
 * that starts with a digit, an empty text. Relative references parse (scheme is empty). */
MUST_USE bool url_parse(struct arena *a, struct str s, struct url *ret);
struct str url_format(struct arena *a, const struct url *u);
bool url_is_http(const struct url *u);         /* http or https */
bool url_host_is_loopback_ip(struct str host); /* 127.0.0.0/8, ::1 literals */
bool url_host_is_local(struct str host);       /* localhost, *.localhost, loopback IPs */
/* host[:port] as written. */
struct str url_hostport(struct arena *a, const struct url *u);

/* '%xx'; `plus` turns '+' into a blank (forms). False on a bad escape. */
MUST_USE bool url_decode(struct arena *a, struct str s, bool plus, struct str *ret);
void url_encode_form(struct buf *b, struct str s); /* as Go's QueryEscape: blank becomes '+' */
void url_encode_path(struct buf *b, struct str s); /* as Go's PathEscape: one segment */

struct param {
    struct str name, value;
};
/* Form data in order; repeated names stay. Zero-initialised is valid. */
struct params {
    struct param *v;
    size_t n, cap;
};
/* Pairs with bad escapes are skipped (as every Go server does). False only when there are more than `max` pairs. */
MUST_USE bool params_parse(struct arena *a, struct str text, size_t max, struct params *ret);
void params_add(struct arena *a, struct params *p, struct str name, struct str value);
void params_set(struct arena *a, struct params *p, struct str name, struct str value); /* replaces all of that name */
void params_remove(struct params *p, struct str name);
struct str params_get(const struct params *p, struct str name); /* first value, STR_NONE when absent */
bool params_has(const struct params *p, struct str name);
size_t params_count(const struct params *p, struct str name);
/* name=value&..., sorted by name when asked (stable), as Go's Values.Encode. */
struct str params_encode(struct arena *a, const struct params *p, bool sorted);
/* The URL with these parameters set into its query (replacing same-named), the whole query re-encoded sorted by name. */
struct str url_with_params(struct arena *a, struct str url, const struct params *p);

#endif
