#include "unit.h"

#include "base/json.h"

static json_t *must_read(struct arena *a, struct str text)
{
    struct err e = ERR_INIT(a);
    json_t *value = NULL;
    if (!json_read(a, text, &value, NULL, &e)) fail_msg("%.*s: %s", STR_FMT(text), e.hint);
    return value;
}

static void reads_and_writes(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } cases[] = {
        { "{}", "{}" },
        { " [ ] ", "[]" },
        { "null", "null" },
        { "true", "true" },
        { "false", "false" },
        { "\"x\"", "\"x\"" },
        { "-12", "-12" },
        { "1.5", "1.5" },
        { "0.1", "0.1" },
        { "1.0", "1" },
        { "1e2", "100" },
        { "-2.50", "-2.5" },
        { "1e-9", "1e-09" },
        { "5e-324", "4.94065645841247e-324" },
        { "1e300", "1e+300" },
        { "9223372036854775807", "9223372036854775807" },
        { "-9223372036854775808", "-9223372036854775808" },
        { "9223372036854775808", "9.223372036854776e+18" },
        { "[18446744073709551616]", "[1.8446744073709552e+19]" },
        { "{\"b\":1,\"a\":[1,{\"y\":2,\"x\":3}]}", "{\"a\":[1,{\"x\":3,\"y\":2}],\"b\":1}" },
        { "{\"a\":1,\"a\":2}", "{\"a\":2}" },
        { "\"<a href='x'>&\"", "\"\\u003ca href='x'\\u003e\\u0026\"" },
        { "\"\\u0000\\u001f\\n\\t\\r\\\"\\\\\\/\"", "\"\\u0000\\u001f\\n\\t\\r\\\"\\\\/\"" },
        { "\"\\u2028\\u2029\\u00e4\\ud83d\\ude00\"", "\"\\u2028\\u2029\xC3\xA4\xF0\x9F\x98\x80\"" },
        { "{\"\\u003c\":1}", "{\"\\u003c\":1}" },
    };
    ARENA_AUTO a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) assert_str(json_text(a, must_read(a, str_of(cases[i].in)), true), cases[i].out);
    assert_str(json_text(a, must_read(a, STR("{\"b\":1,\"a\":2}")), false), "{\"b\":1,\"a\":2}");
}

#define REPLACED "\xEF\xBF\xBD"

static void mends_texts(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } cases[] = {
        { "\"\\ud800\"", REPLACED },
        { "\"\\uDFFFx\"", REPLACED "x" },
        { "\"\\ud800\\ud800\\udc00\"", REPLACED "\xF0\x90\x80\x80" },
        { "\"\\ud800\\n\"", REPLACED "\n" },
        { "\"\\ud800\\u0041\"", REPLACED "A" },
        { "\"\\\\ud800\"", "\\ud800" },
        { "\"a\xFF\xFE"
          "b\"",
          "a" REPLACED REPLACED "b" },
        { "\"\xE2\x82\"", REPLACED REPLACED },
        { "\"\xED\xA0\x80\"", REPLACED REPLACED REPLACED },
        { "\"\xC3\xA4\xC3\"", "\xC3\xA4" REPLACED },
    };
    ARENA_AUTO a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) assert_str(json_str(must_read(a, str_of(cases[i].in))), cases[i].out);
    assert_strn(json_str(must_read(a, STR("\"a\\u0000b\""))), STR("a\0b"));
}

static void refuses(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        " ",
        "{",
        "[",
        "{\"a\"}",
        "{\"a\":}",
        "{a:1}",
        "{'a':1}",
        "[1,]",
        "{\"a\":1,}",
        "[1 2]",
        "nul",
        "NaN",
        "Infinity",
        "01",
        "+1",
        "1.",
        ".5",
        "1e",
        "-",
        "0x10",
        "\"",
        "\"\\",
        "\"\\u",
        "\"\\u12\"",
        "\"\\x\"",
        "\"a\nb\"",
        "\"\t\"",
        "[1]]",
        "{}{}",
        "1 2",
        "// c\n1",
        "1e400",
        "-1e400",
        "\xEF\xBB\xBF{}",
        "\xFF",
        "[\xC3\xA4]",
        "{\"a\\u0000b\":1}",
        "\"\\ud80\"",
        "99999999999999999999x",
    };
    ARENA_AUTO a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err e = ERR_INIT(a);
        json_t *value = NULL;
        if (json_read(a, str_of(cases[i]), &value, NULL, &e)) fail_msg("accepted: %s", cases[i]);
        assert_true(err_is(&e, &err_INVALID_REQUEST));
        assert_null(value);
    }
    struct err e = ERR_INIT(a);
    json_t *value;
    assert_false(json_read(a, STR_NONE, &value, NULL, &e));
    assert_false(json_read(a, STR("\0"), &value, NULL, &e));
    assert_false(json_read(a, STR("1\0"), &value, NULL, &e));
    assert_false(json_read(a, STR("{}\0"), &value, NULL, &e));
    assert_false(json_read(a, STR("{\0}"), &value, NULL, &e));
    assert_false(json_read(a, STR("\"\0\""), &value, NULL, &e));
}

static void names_the_place_but_not_the_text(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct err e = ERR_INIT(a);
    json_t *value;
    assert_false(json_read(a, STR("{\n  \"client_secret\": s3cr3t\n}"), &value, NULL, &e));
    assert_non_null(strstr(e.hint, "line 2, column "));
    assert_null(strstr(e.hint, "s3cr3t"));
    assert_false(json_read(a, STR("[\"s3cr3t"), &value, NULL, &e));
    assert_null(strstr(e.hint, "s3cr3t"));
}

static struct str nested(struct arena *a, int depth, char open, char close)
{
    struct buf b = BUF(a);
    for (int i = 0; i < depth; i++) buf_addz(&b, open == '{' ? "{\"a\":" : "[");
    buf_addc(&b, '1');
    for (int i = 0; i < depth; i++) buf_addc(&b, close);
    return buf_str(&b);
}

static void limits_depth(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct err e = ERR_INIT(a);
    json_t *value;
    assert_true(json_read(a, nested(a, 64, '[', ']'), &value, NULL, &e));
    assert_true(json_read(a, nested(a, 64, '{', '}'), &value, NULL, &e));
    assert_false(json_read(a, nested(a, 65, '[', ']'), &value, NULL, &e));
    assert_false(json_read(a, nested(a, 65, '{', '}'), &value, NULL, &e));
    assert_false(json_read(a, nested(a, 500000, '[', ']'), &value, NULL, &e));
    assert_non_null(strstr(e.hint, "nested"));
    /* Brackets inside strings do not count, nor do those that were closed. */
    assert_true(json_read(a, STR("\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[\""), &value,
                          NULL, &e));
    struct buf wide = BUF(a);
    buf_addc(&wide, '[');
    for (int i = 0; i < 100; i++) buf_addz(&wide, "[],");
    buf_addz(&wide, "0]");
    assert_true(json_read(a, buf_str(&wide), &value, NULL, &e));
}

static void leaves_the_rest(void **state)
{
    (void)state;
    static const struct {
        const char *in, *rest;
    } cases[] = {
        { "{} x", " x" }, { "[1][2]", "[2]" },  { "\"a\"b", "b" }, { "{\"a\":\"\\ud800\"}tail", "tail" },
        { "true", "" },   { "[]\xFF", "\xFF" },
    };
    ARENA_AUTO a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err e = ERR_INIT(a);
        struct str rest;
        json_t *value;
        assert_true(json_read(a, str_of(cases[i].in), &value, &rest, &e));
        assert_str(rest, cases[i].rest);
    }
    /* The rest may nest as it likes. */
    struct err e = ERR_INIT(a);
    struct str rest;
    json_t *value;
    assert_true(json_read(a, ARENA_CAT(a, STR("{}"), nested(a, 100, '[', ']')), &value, &rest, &e));
    assert_int_equal(rest.n, 201);
    assert_false(json_read(a, STR("{"), &value, &rest, &e));
}

static void finds_members(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    json_t *o = must_read(a, STR("{\"Scope\":\"upper\",\"scope\":\"lower\",\"Client_ID\":\"c\",\"n\":5}"));
    assert_str(json_str(json_member(o, "scope")), "lower");
    assert_str(json_str(json_member(o, "SCOPE")), "upper");
    assert_str(json_str(json_member(o, "client_id")), "c");
    assert_null(json_member(o, "client"));
    assert_null(json_member(must_read(a, STR("[1]")), "x"));
    assert_null(json_member(NULL, "x"));
    assert_null(json_str(json_member(o, "n")).p);
    assert_null(json_str(NULL).p);
}

static void makes_values(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    json_t *s = json_of_str(STR("a\xFF\0b"));
    assert_strn(json_str(s), STR("a" REPLACED "\0b"));
    json_decref(s);
    s = json_of_str(STR_NONE);
    assert_str(json_str(s), "");
    assert_non_null(json_str(s).p);
    json_decref(s);
    json_t *list = json_of_strs(strs_split(a, STR("x,y"), ','));
    assert_str(json_text(a, list, false), "[\"x\",\"y\"]");
    json_decref(list);
    assert_str(json_text(a, NULL, false), "null");
}

static void writes_answers(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct buf b = BUF(a);
    struct jw w = JW(&b);
    jw_object(&w, NULL);
    jw_str(&w, "s", STR("a\"b\xFF"));
    jw_int(&w, "i", -5);
    jw_bool(&w, "t", true);
    jw_bool(&w, "f", false);
    jw_null(&w, "n");
    jw_array(&w, "a");
    jw_int(&w, NULL, 1);
    jw_object(&w, NULL);
    jw_end(&w);
    jw_array(&w, NULL);
    jw_end(&w);
    jw_end(&w);
    jw_strs(&w, "l", strs_split(a, STR("x,y"), ','));
    jw_strs(&w, "e", (struct strs) { 0 });
    jw_raw(&w, "r", STR("{\"raw\":1}"));
    jw_value(&w, "v", must_read(a, STR("[1,\"<\",{\"b\":0,\"a\":0}]")));
    jw_value(&w, "z", NULL);
    jw_object(&w, "o");
    jw_int(&w, "x", 1);
    jw_end(&w);
    jw_end(&w);
    assert_str(buf_str(&b),
               "{\"s\":\"a\\\"b\\ufffd\",\"i\":-5,\"t\":true,\"f\":false,\"n\":null,\"a\":[1,{},[]],\"l\":[\"x\",\"y\"],\"e\":[],"
               "\"r\":{\"raw\":1},\"v\":[1,\"\\u003c\",{\"b\":0,\"a\":0}],\"z\":null,\"o\":{\"x\":1}}");
    assert_int_equal(w.depth, 0);
}

static void writes_deeply(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct buf b = BUF(a);
    struct jw w = JW(&b);
    for (int i = 0; i < 63; i++) i % 2 == 0 ? jw_array(&w, i > 0 ? "k" : NULL) : jw_object(&w, NULL);
    for (int i = 0; i < 63; i++) jw_end(&w);
    assert_non_null(must_read(a, buf_str(&b)));
}

/* Whatever the bytes, what is written reads back, and nothing in it can end a script element. */
static void escapes_every_byte(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    for (int c = 0; c < 256; c++) {
        char text[] = { 'x', (char)c, 'y' };
        struct buf b = BUF(a);
        json_write_string(&b, (struct str) { text, 3 });
        json_t *back = must_read(a, buf_str(&b));
        if (c < 0x80)
            assert_strn(json_str(back), ((struct str) { text, 3 }));
        else
            assert_str(json_str(back), "x" REPLACED "y");
        assert_false(str_has(buf_str(&b), '<') || str_has(buf_str(&b), '>') || str_has(buf_str(&b), '&'));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_writes),
        cmocka_unit_test(mends_texts),
        cmocka_unit_test(refuses),
        cmocka_unit_test(names_the_place_but_not_the_text),
        cmocka_unit_test(limits_depth),
        cmocka_unit_test(leaves_the_rest),
        cmocka_unit_test(finds_members),
        cmocka_unit_test(makes_values),
        cmocka_unit_test(writes_answers),
        cmocka_unit_test(writes_deeply),
        cmocka_unit_test(escapes_every_byte),
    };
    return RUN(tests);
}
