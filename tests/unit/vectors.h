/* Reads a file of tests/vectors: published or independently computed values that the code must reproduce. */
#ifndef UNIT_VECTORS_H
#define UNIT_VECTORS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"

static inline void drop_file(void *file) { json_decref(file); }

/* The member `rows` of the file. */
static inline json_t *vector_rows(struct arena *a, const char *name)
{
    struct str path = arena_printf(a, "%s/%s", TEST_VECTORS, name);
    json_t *file = json_load_file(path.p, 0, NULL);
    assert_non_null(file);
    arena_defer(a, drop_file, file);
    json_t *rows = json_object_get(file, "rows");
    assert_true(json_array_size(rows) > 0);
    return rows;
}

static inline struct str vector_str(const json_t *row, const char *member) { return json_str(json_object_get(row, member)); }

static inline void assert_str(struct str is, struct str should_be)
{
    if (!str_eq(is, should_be)) fail_msg("is \"%.*s\", should be \"%.*s\"", STR_FMT(is), STR_FMT(should_be));
}

#endif
