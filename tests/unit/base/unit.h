/* What every test of this folder needs: cmocka and a comparison of views that shows both texts. */
#ifndef TEST_UNIT_H
#define TEST_UNIT_H

/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <string.h>

#include "base/str.h"

static inline void assert_str_at(struct str got, struct str want, const char *file, int line)
{
    if (str_eq(got, want)) return;
    print_error("got  \"%.*s\" (%zu)\nwant \"%.*s\" (%zu)\n", STR_FMT(got), got.n, STR_FMT(want), want.n);
    _fail(file, line);
}
#define assert_str(got, z)     assert_str_at((got), str_of(z), __FILE__, __LINE__)
#define assert_strn(got, want) assert_str_at((got), (want), __FILE__, __LINE__)

#define RUN(tests) cmocka_run_group_tests(tests, NULL, NULL)

#endif
