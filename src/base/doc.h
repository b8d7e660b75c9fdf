/* Structs as JSON documents of our own, by table: the long columns of rows. Empty members are left out, names are short. What
 * comes back is text that this server wrote, so reading is one pass without a tree: compact, names in any order, unknown names
 * passed over (a newer version's). Everything else counts as damage. Knows nothing of what the structs mean. */
#ifndef BASE_DOC_H
#define BASE_DOC_H

#include "json.h"

struct doc;

enum doc_kind {
    DOC_STR,  /* struct str */
    DOC_STRS, /* struct strs */
    DOC_INT,  /* int64_t */
    DOC_BOOL, /* bool */
    DOC_JSON, /* struct str: any value's JSON text as json_text and jw_* write it, at most DOC_DEEPEST deep */
    DOC_PART  /* pointer to the struct that `part` describes; NULL: none */
};
enum { DOC_DEEPEST = 64 };

struct doc_member {
    struct str name; /* ASCII that needs no escape */
    enum doc_kind kind;
    size_t offset;
    const struct doc *part;
};
struct doc {
    size_t size; /* of the struct */
    const struct doc_member *members;
    size_t n;
};
/* clang-format off */
#define DOC_ROW(name_, kind_, type, member)       { { name_, sizeof(name_) - 1 }, kind_, offsetof(type, member), NULL }
#define DOC_PART_ROW(name_, type, member, part_)  { { name_, sizeof(name_) - 1 }, DOC_PART, offsetof(type, member), part_ }
#define DOC_OF(type, rows)                        { sizeof(type), rows, ARRAY_LEN(rows) }
/* clang-format on */

struct str doc_write(struct arena *a, const struct doc *d, const void *from);
/* Over what *into holds. False when the text is damaged; then nothing of *into counts. Texts without escapes are views into
 * `text`. */
MUST_USE bool doc_read(struct arena *a, const struct doc *d, struct str text, void *into);

/* Writes the members of `object`, the text of one, as they stand, but for those whose name `leave_out` refuses. False when the
 * text is damaged; then nothing that was written counts. */
MUST_USE bool doc_copy_members(struct arena *a, struct jw *w, struct str object, bool (*leave_out)(struct str name));

#endif
