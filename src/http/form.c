/* Cuts bodies apart; every text points into the body or into the arena. Knows no requests. */
#include "form.h"

#include <string.h>

enum { LONGEST_BOUNDARY = 70, LONGEST_PART_HEAD = 4096 }; /* RFC 2046 5.1.1: "no more than 70 characters" */

/* The next `; name=value` of a header value; quotes and what they escape are resolved. False when there is none left. */
static bool next_attribute(struct arena *a, struct str *rest, struct str *ret_name, struct str *ret_value)
{
    *rest = str_trim(*rest);
    if (rest->n == 0 || rest->p[0] != ';') return false;
    struct str s = str_trim(str_from(*rest, 1));
    size_t at = 0;
    while (at < s.n && s.p[at] != '=' && s.p[at] != ';') at++;
    *ret_name = str_trim(str_upto(s, at));
    *ret_value = STR("");
    if (at < s.n && s.p[at] == '=') {
        s = str_trim(str_from(s, at + 1));
        bool quoted = s.n > 0 && s.p[0] == '"';
        char *text = arena_alloc(a, s.n + 1);
        size_t n = 0;
        for (at = quoted ? 1 : 0; at < s.n && s.p[at] != (quoted ? '"' : ';'); at++) {
            if (quoted && s.p[at] == '\\' && at + 1 < s.n) at++;
            text[n++] = s.p[at];
        }
        at += quoted && at < s.n;
        *ret_value = quoted ? (struct str) { text, n } : str_trim((struct str) { text, n });
    }
    *rest = str_from(s, at);
    return true;
}

/* Cuts "type/subtype; name=value" in two. */
static struct str media_type(struct str value, struct str *ret_attributes)
{
    size_t at = 0;
    while (at < value.n && value.p[at] != ';') at++;
    *ret_attributes = str_from(value, at);
    return str_trim(str_upto(value, at));
}

static bool find_attribute(struct arena *a, struct str attributes, struct str name, struct str *ret)
{
    struct str at;
    while (next_attribute(a, &attributes, &at, ret))
        if (str_eq_nocase(at, name)) return true;
    return false;
}

/* What stands before `mark`; `rest` goes on after it. False when it does not occur. */
static bool cut_at(struct str *rest, struct str mark, struct str *ret)
{
    const char *at = rest->n == 0 ? NULL : memmem(rest->p, rest->n, mark.p, mark.n);
    if (at == NULL) return false;
    *ret = str_upto(*rest, (size_t)(at - rest->p));
    *rest = str_from(*rest, ret->n + mark.n);
    return true;
}

static bool is_delimiter_end(struct str rest, bool *ret_last)
{
    *ret_last = str_starts(rest, STR("--"));
    return *ret_last || str_starts(rest, STR("\r\n"));
}

/* The head of a part: is it a field, and what is its name? */
static bool part_name(struct arena *a, struct str head, struct str *ret)
{
    while (head.p != NULL) {
        struct str line = str_cut(&head, '\n'), name, value, attributes, unused;
        if (!str_split_once(line, ':', &name, &value) || !str_eq_nocase(str_trim(name), STR("content-disposition"))) continue;
        if (!str_eq_nocase(media_type(value, &attributes), STR("form-data"))) return false;
        return find_attribute(a, attributes, STR("name"), ret) && !find_attribute(a, attributes, STR("filename"), &unused);
    }
    return false;
}

static bool read_parts(struct arena *a, struct str delimiter, struct str body, struct params *ret, struct err *e)
{
    struct str head, content, name;
    bool last;
    /* The first delimiter may stand at the very start, without the line break that otherwise belongs to it. */
    struct str opening = str_from(delimiter, 2);
    if (str_starts(body, opening))
        body = str_from(body, opening.n);
    else
        ENSURE(cut_at(&body, delimiter, &content), e, INVALID_REQUEST, "The multipart body does not contain its boundary.");

    for (size_t parts = 0;; parts++) {
        ENSURE(is_delimiter_end(body, &last), e, INVALID_REQUEST, "The multipart body has a malformed boundary.");
        if (last) return true;
        ENSURE(parts < FORM_PAIRS_MAX, e, INVALID_REQUEST, "The form has too many fields.");
        ENSURE(cut_at(&body, STR("\r\n\r\n"), &head) && head.n <= LONGEST_PART_HEAD, e, INVALID_REQUEST,
               "A part of the multipart body has no head or one that is too long.");
        /* The blank line's own line break may be the one of the delimiter: an empty part. */
        body = (struct str) { body.p - 2, body.n + 2 };
        ENSURE(cut_at(&body, delimiter, &content), e, INVALID_REQUEST, "The multipart body ends within a part.");
        if (part_name(a, head, &name)) params_add(a, ret, name, str_from(content, 2));
    }
}

static bool read_multipart(struct arena *a, struct str attributes, struct str body, struct params *ret, struct err *e)
{
    struct str boundary;
    ENSURE(find_attribute(a, attributes, STR("boundary"), &boundary) && boundary.n > 0 && boundary.n <= LONGEST_BOUNDARY, e,
           INVALID_REQUEST, "The multipart body's Content-Type names no usable boundary.");
    return read_parts(a, ARENA_CAT(a, STR("\r\n--"), boundary), body, ret, e);
}

bool form_read(struct arena *a, struct str content_type, struct str body, struct params *ret, struct err *e)
{
    struct str attributes, type = media_type(content_type, &attributes);
    *ret = (struct params) { 0 };
    if (str_eq_nocase(type, STR("application/x-www-form-urlencoded"))) {
        ENSURE(params_parse(a, body, FORM_PAIRS_MAX, ret), e, INVALID_REQUEST, "The form has too many fields.");
        return true;
    }
    if (str_eq_nocase(type, STR("multipart/form-data"))) return read_multipart(a, attributes, body, ret, e);
    return true;
}
