/* Columns of a damaged or foreign database, read by the tables of base/doc.h: never a crash, never a half-read text. What is
 * accepted is written and read again as the same text, and its JSON values can stand inside an answer. */
#include "base/doc.h"
#include "fuzz.h"

struct thing {
    struct str text, json;
    struct strs list;
    int64_t number;
    bool flag;
    struct thing *part;
};

/* clang-format off */
static const struct doc_member members[] = {
    DOC_ROW("t", DOC_STR,  struct thing, text),
    DOC_ROW("j", DOC_JSON, struct thing, json),
    DOC_ROW("l", DOC_STRS, struct thing, list),
    DOC_ROW("n", DOC_INT,  struct thing, number),
    DOC_ROW("f", DOC_BOOL, struct thing, flag),
};
/* clang-format on */
static const struct doc thing_doc = DOC_OF(struct thing, members);
static const struct doc_member outer_members[] = { DOC_PART_ROW("p", struct thing, part, &thing_doc),
                                                   DOC_ROW("t", DOC_STR, struct thing, text) };
static const struct doc outer_doc = DOC_OF(struct thing, outer_members);

static bool has_sub(struct str name) { return str_eq(name, STR("sub")); }

/* The same by way of a tree. jansson refuses NULs in names and numbers beyond its types: those are no concern of a copy. */
static void check_json(struct arena *a, struct str text)
{
    struct buf b = BUF(a);
    struct jw w = JW(&b);
    json_t *tree;
    struct err e = ERR_INIT(a);
    jw_object(&w, NULL);
    const bool object = doc_copy_members(a, &w, text, has_sub);
    jw_end(&w);
    if (!object || !json_read(a, text, &tree, NULL, &e)) return;
    if (!json_is_object(tree) || !json_read(a, buf_str(&b), &tree, NULL, &e)) abort();
    if (json_object_get(tree, "sub") != NULL) abort();
}

static void check(struct arena *a, const struct doc *d, struct str text)
{
    struct thing first = { 0 }, second = { 0 }, third = { 0 };
    check_json(a, text);
    if (!doc_read(a, d, text, &first)) return;
    check_json(a, first.json);
    /* The first writing mends bytes that are no UTF-8. */
    if (!doc_read(a, d, doc_write(a, d, &first), &second)) abort();
    const struct str written = doc_write(a, d, &second);
    if (!doc_read(a, d, written, &third) || !str_eq(doc_write(a, d, &third), written)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ARENA_AUTO a = arena_new();
    const struct str text = { (const char *)data, size };
    check(a, &thing_doc, text);
    check(a, &outer_doc, text);
    return 0;
}
