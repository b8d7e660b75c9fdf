/* Form bodies of both kinds. Each result is written as "name=value;" for comparison; NULL means refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "http/form.h"

#define URLENCODED        "application/x-www-form-urlencoded"
#define MULTIPART         "multipart/form-data; boundary=XX"
#define PART(name, value) "--XX\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"

/* clang-format off */
static const struct {
    const char *type, *body, *expected;
} cases[] = {
    { URLENCODED,                         "a=b&c=d%20e+f",                      "a=b;c=d e f;" },
    { URLENCODED "; charset=utf-8",       "a=b",                                "a=b;" },
    { "Application/X-WWW-Form-URLencoded", "a=b",                               "a=b;" },
    { URLENCODED,                         "",                                   "" },
    { URLENCODED,                         "a=%zz&b=c",                          "b=c;" },
    { URLENCODED,                         "a=1&a=2",                            "a=1;a=2;" },
    { "application/json",                 "{\"a\":1}",                          "" },
    { "",                                 "a=b",                                "" },
    { MULTIPART,                          PART("a", "b") "--XX--\r\n",          "a=b;" },
    { MULTIPART,                          PART("a", "b") PART("c", "d e") "--XX--", "a=b;c=d e;" },
    { "multipart/form-data; charset=x; boundary=\"XX\"", PART("a", "b") "--XX--", "a=b;" },
    { MULTIPART,                          "preamble\r\n" PART("a", "b") "--XX--epilogue", "a=b;" },
    { MULTIPART,                          PART("a", "") "--XX--",               "a=;" },
    { MULTIPART,                          PART("a", "x\r\n--X\r\ny") "--XX--",  "a=x\r\n--X\r\ny;" },
    { MULTIPART,                          "--XX\r\ncontent-disposition: FORM-DATA; name=a\r\nX: y\r\n\r\nb\r\n--XX--", "a=b;" },
    { MULTIPART,                          "--XX\r\nContent-Disposition: form-data; name=\"a\\\"b\"\r\n\r\nc\r\n--XX--", "a\"b=c;" },
    { MULTIPART,                          "--XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n\r\nb\r\n--XX--", "" },
    { MULTIPART,                          "--XX\r\nContent-Type: text/plain\r\n\r\nb\r\n--XX--", "" },
    { MULTIPART,                          "--XX--",                             "" },
    { "multipart/form-data",              PART("a", "b") "--XX--",              NULL },
    { "multipart/form-data; boundary=",   PART("a", "b") "--XX--",              NULL },
    { MULTIPART,                          "",                                   NULL },
    { MULTIPART,                          "no boundary here",                   NULL },
    { MULTIPART,                          PART("a", "b"),                       NULL },
    { MULTIPART,                          "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb", NULL },
    { MULTIPART,                          "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n", NULL },
    { MULTIPART,                          "--XXyz\r\n\r\n",                     NULL },
};
/* clang-format on */

static void forms_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ARENA_AUTO a = arena_new();
        struct err e = ERR_INIT(a);
        struct params p;
        bool ok = form_read(a, str_of(cases[i].type), arena_dup(a, str_of(cases[i].body)), &p, &e);
        if (ok != (cases[i].expected != NULL)) print_error("case %zu: %s\n", i, cases[i].body);
        assert_int_equal(ok, cases[i].expected != NULL);
        if (!ok) {
            assert_ptr_equal(e.kind, &err_INVALID_REQUEST);
            continue;
        }
        struct buf b = BUF(a);
        for (size_t j = 0; j < p.n; j++) buf_addf(&b, "%.*s=%.*s;", STR_FMT(p.v[j].name), STR_FMT(p.v[j].value));
        assert_string_equal(b.n == 0 ? "" : buf_str(&b).p, cases[i].expected);
    }
}

static void too_many_fields_are_refused(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct err e = ERR_INIT(a);
    struct params p;
    struct buf url = BUF(a), parts = BUF(a);
    for (int i = 0; i <= FORM_PAIRS_MAX; i++) {
        buf_addz(&url, "a=b&");
        buf_addz(&parts, PART("a", "b"));
    }
    buf_addz(&parts, "--XX--");
    assert_false(form_read(a, STR(URLENCODED), buf_str(&url), &p, &e));
    assert_false(form_read(a, STR(MULTIPART), buf_str(&parts), &p, &e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms_are_read),
        cmocka_unit_test(too_many_fields_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
