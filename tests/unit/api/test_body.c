/* Bodies by table: every type, every limit, what is ignored. */
#include "../base/unit.h"

#include "api/body.h"

struct sample {
    struct str text, claims, any;
    struct strs texts;
    bool yes;
    int64_t number;
    json_t *object;
};
#define MEMBER(type, member, limit)                                  \
    {                                                                \
#member, BODY_##type, offsetof(struct sample, member), limit \
    }
static const struct body_member members[] = {
    MEMBER(TEXT, text, 5), MEMBER(TEXTS, texts, 3),   MEMBER(BOOL, yes, 0),      MEMBER(INT, number, 0),
    MEMBER(ANY, any, 0),   MEMBER(OBJECT, object, 0), MEMBER(CLAIMS, claims, 0),
};

static bool read_body(struct arena *a, struct str body, struct sample *ret, struct err *e)
{
    struct http_req r = { .op = { .arena = a }, .body = body };
    *ret = (struct sample) { .number = 7 };
    *e = ERR_INIT(a);
    return body_read(&r, members, ARRAY_LEN(members), ret, e);
}

static void test_values(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct sample s;
    struct err e;
    assert_true(
        read_body(a,
                  STR("{\"text\":\"abcde\",\"texts\":[\"a\",\"\",null],\"yes\":true,\"number\":-5,\"any\":[1],\"object\":{},"
                      "\"claims\":{\"b\":1,\"a\":\"<\"},\"else\":[[[]]]}"),
                  &s, &e));
    assert_str(s.text, "abcde");
    assert_int_equal(s.texts.n, 3);
    assert_str(s.texts.v[2], "");
    assert_true(s.yes);
    assert_int_equal(s.number, -5);
    assert_str(s.any, "[1]");
    assert_true(json_is_object(s.object));
    assert_str(s.claims, "{\"b\":1,\"a\":\"\\u003c\"}");
}

static void test_nothing(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct sample s;
    struct err e;
    static const char *const bodies[] = {
        "{}", "null", " {\"x\":1} ", "{\"text\":null,\"texts\":null,\"yes\":null,\"number\":null,\"object\":null,\"claims\":null}"
    };
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        assert_true(read_body(a, str_of(bodies[i]), &s, &e));
        assert_int_equal(s.number, 7);
        assert_true(s.text.n == 0 && s.texts.n == 0 && !s.yes && s.object == NULL && s.claims.n == 0);
    }
    assert_true(read_body(a, STR("{\"TEXT\":\"a\",\"claims\":{}}"), &s, &e));
    assert_str(s.text, "a");
    assert_int_equal(s.claims.n, 0);
    assert_null(s.texts.v);
    assert_true(read_body(a, STR("{\"texts\":[]}"), &s, &e));
    assert_non_null(s.texts.v);
    assert_int_equal(s.texts.n, 0);
}

static void test_refused(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct sample s;
    struct err e;
    static const char *const bodies[] = {
        "",
        " ",
        "x",
        "[]",
        "\"a\"",
        "1",
        "{} {}",
        "{\"text\":",
        "{\"text\":1}",
        "{\"text\":\"abcdef\"}",
        "{\"text\":\"a\\u0000\"}",
        "{\"texts\":\"a\"}",
        "{\"texts\":[1]}",
        "{\"texts\":[\"abcd\"]}",
        "{\"yes\":1}",
        "{\"yes\":\"true\"}",
        "{\"number\":1.0}",
        "{\"number\":\"1\"}",
        "{\"number\":99999999999999999999}",
        "{\"object\":[]}",
        "{\"claims\":\"{}\"}",
    };
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        bool ok = read_body(a, str_of(bodies[i]), &s, &e);
        if (ok) print_error("%s\n", bodies[i]);
        assert_false(ok);
        assert_ptr_equal(e.kind, &err_INVALID_REQUEST);
        assert_non_null(strstr(e.hint, "Unable to decode body because: "));
    }
}

static void test_longest_list(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct sample s;
    struct err e;
    for (int n = BODY_LIST_MAX; n <= BODY_LIST_MAX + 1; n++) {
        struct buf b = BUF(a);
        buf_addz(&b, "{\"texts\":[\"\"");
        for (int i = 1; i < n; i++) buf_addz(&b, ",\"\"");
        buf_addz(&b, "]}");
        assert_int_equal(read_body(a, buf_str(&b), &s, &e), n == BODY_LIST_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_longest_list),
    };
    return RUN(tests);
}
