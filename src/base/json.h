/* JSON: jansson for reading, a small writer for answers. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <jansson.h>

#include "buf.h"
#include "err.h"

/* Reads one value. The value belongs to the arena (json_decref when it goes). Depth at most 64. Lone surrogates and bytes that
 * are no UTF-8 become U+FFFD. \u0000 is allowed inside strings. Member names that occur twice: the last one counts.
 * `ret_rest` may be NULL: then anything but white space after the value is an error, else the rest goes there.
 * On error: INVALID_REQUEST with line and column. */
MUST_USE bool json_read(struct arena *a, struct str text, json_t **ret, struct str *ret_rest, struct err *e);

/* Member whose name equals `name`, else one that equals it without regard to ASCII case; NULL when absent. */
json_t *json_member(const json_t *object, const char *name);
struct str json_str(const json_t *string); /* STR_NONE unless a string */
/* Compact text. `sorted`: members by name. '<', '>', '&' as \u003c, \u003e, \u0026. */
struct str json_text(struct arena *a, const json_t *value, bool sorted);
json_t *json_of_str(struct str s);      /* new reference; replaces bytes that are no UTF-8 */
json_t *json_of_strs(struct strs list); /* new reference */

/* Writer: jw_object(&w); jw_str(&w, "name", value); ... jw_end(&w). A NULL name inside arrays. Commas are its business.
 * Strings are escaped as Go does ('<', '>', '&', U+2028, U+2029 too); bytes that are no UTF-8 become U+FFFD. */
struct jw {
    struct buf *out;
    uint64_t first; /* bit per depth: nothing written yet */
    uint64_t array; /* bit per depth: closes with ']' */
    unsigned depth; /* at most 63 */
};
#define JW(buf_) ((struct jw) { .out = (buf_) })
void jw_object(struct jw *w, const char *name);
void jw_array(struct jw *w, const char *name);
void jw_end(struct jw *w);
void jw_str(struct jw *w, const char *name, struct str s);
void jw_int(struct jw *w, const char *name, int64_t n);
void jw_bool(struct jw *w, const char *name, bool b);
void jw_null(struct jw *w, const char *name);
void jw_strs(struct jw *w, const char *name, struct strs list);     /* [] when empty */
void jw_raw(struct jw *w, const char *name, struct str json);       /* JSON text as it stands */
void jw_value(struct jw *w, const char *name, const json_t *value); /* NULL writes null */
void json_write_string(struct buf *out, struct str s);              /* quoted and escaped */

#endif
