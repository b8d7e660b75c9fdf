/* Documents by table: everything comes back, what is not as the writer writes is damage. */
#include "unit.h"

#include "base/doc.h"

struct inner {
    struct str text;
    int64_t number;
};

struct outer {
    struct str text;
    struct strs list;
    int64_t number;
    bool flag;
    struct str json;
    struct inner *part;
    int untouched;
};

/* clang-format off */
static const struct doc_member inner_members[] = {
    DOC_ROW("t", DOC_STR, struct inner, text),
    DOC_ROW("n", DOC_INT, struct inner, number),
};
static const struct doc inner_doc = DOC_OF(struct inner, inner_members);
static const struct doc_member outer_members[] = {
    DOC_ROW("t", DOC_STR,  struct outer, text),
    DOC_ROW("l", DOC_STRS, struct outer, list),
    DOC_ROW("n", DOC_INT,  struct outer, number),
    DOC_ROW("f", DOC_BOOL, struct outer, flag),
    DOC_ROW("j", DOC_JSON, struct outer, json),
    DOC_PART_ROW("p", struct outer, part, &inner_doc),
};
/* clang-format on */
static const struct doc outer_doc = DOC_OF(struct outer, outer_members);

static bool read(struct arena *a, const char *text, struct outer *ret)
{
    *ret = (struct outer) { .untouched = 7 };
    return doc_read(a, &outer_doc, str_of(text), ret) && ret->untouched == 7;
}

static void everything_comes_back(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct inner part = { STR("in"), INT64_MIN };
    struct outer all = { .text = STR("out"),
                         .list = strs_words(a, STR("a b")),
                         .number = INT64_MAX,
                         .flag = true,
                         .json = STR("{\"x\":[1,\"}\",null]}"),
                         .part = &part },
                 got;
    const struct str text = doc_write(a, &outer_doc, &all);
    assert_str(text, "{\"t\":\"out\",\"l\":[\"a\",\"b\"],\"n\":9223372036854775807,\"f\":true,\"j\":{\"x\":[1,\"}\",null]},"
                     "\"p\":{\"t\":\"in\",\"n\":-9223372036854775808}}");
    assert_true(read(a, text.p, &got));
    assert_str(got.text, "out");
    assert_str(strs_join(a, got.list, " "), "a b");
    assert_int_equal(got.number, INT64_MAX);
    assert_true(got.flag);
    assert_strn(got.json, all.json);
    assert_str(got.part->text, "in");
    assert_int_equal(got.part->number, INT64_MIN);
}

static void empty_members_are_left_out(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct inner part = { 0 };
    struct outer none = { 0 }, got;
    assert_str(doc_write(a, &outer_doc, &none), "{}");
    assert_true(read(a, "{}", &got));
    assert_null(got.part);
    none.part = &part;
    assert_str(doc_write(a, &outer_doc, &none), "{\"p\":{}}");
    assert_true(read(a, "{\"p\":{}}", &got));
    assert_non_null(got.part);
}

static void reads_what_is_allowed(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct outer got;
    assert_true(read(a, "{\"f\":false,\"l\":[],\"n\":-1,\"t\":\"any order\"}", &got));
    assert_str(got.text, "any order");
    assert_int_equal(got.number, -1);
    assert_false(got.flag);
    /* Of a newer version. */
    assert_true(read(a, "{\"new\":{\"a\":[1.5e-09,true,false,null,\"\\u0041\",{}]},\"t\":\"x\",\"other\":[]}", &got));
    assert_str(got.text, "x");
}

/* Every text comes back, whatever it holds: bytes that are no UTF-8 as U+FFFD. */
static void texts_come_back(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    for (int c = 0; c < 256; c++) {
        const char bytes[] = { 'a', (char)c, '"', 'z' };
        struct outer one = { .text = { bytes, sizeof(bytes) } }, got;
        assert_true(read(a, doc_write(a, &outer_doc, &one).p, &got));
        if (c < 0x80)
            assert_strn(got.text, one.text);
        else
            assert_str(got.text, "a\xEF\xBF\xBD\"z");
    }
    struct outer wide = { .text = STR("\xC3\xBC<&>\xE2\x80\xA8\xF0\x9F\x98\x80\\\b\f\n\r\t/") }, got;
    assert_true(read(a, doc_write(a, &outer_doc, &wide).p, &got));
    assert_strn(got.text, wide.text);
    assert_true(read(a, "{\"t\":\"\\u00fc\\u0000\\u20ac\\/\\b\\f\"}", &got));
    assert_strn(got.text, STR("\xC3\xBC\0\xE2\x82\xAC/\b\f"));
}

static const char *const damaged[] = {
    "",
    "{",
    "}",
    "[]",
    "nothing",
    "null",
    "{}x",
    "{} ",
    " {}",
    "{\"t\"}",
    "{\"t\":}",
    "{\"t\":\"x\"",
    "{\"t\":\"x\",}",
    "{,}",
    "{\"t\":\"x\" }",
    "{\"t\" :\"x\"}",
    "{\"t\":\"x\"\"l\":[]}",
    "{t:1}",
    /* strings */
    "{\"t\":\"x}",
    "{\"t\":\"x\\\"}",
    "{\"t\":\"\\",
    "{\"t\":\"\\x\"}",
    "{\"t\":\"\\u\"}",
    "{\"t\":\"\\u12\"}",
    "{\"t\":\"\\u00G0\"}",
    "{\"t\":\"\\uD800\"}",
    "{\"t\":\"\\ud83d\\ude00\"}",
    "{\"t\":\"\\udc00\"}",
    "{\"t\":\"a\nb\"}",
    "{\"t\":\"\\u123",
    /* kinds */
    "{\"t\":7}",
    "{\"t\":null}",
    "{\"l\":\"x\"}",
    "{\"l\":[7]}",
    "{\"l\":[\"x\",]}",
    "{\"l\":[\"x\"}",
    "{\"n\":\"7\"}",
    "{\"n\":1.5}",
    "{\"n\":}",
    "{\"n\":-}",
    "{\"n\":9223372036854775808}",
    "{\"n\":true}",
    "{\"f\":\"yes\"}",
    "{\"f\":1}",
    "{\"f\":truely}",
    "{\"p\":[]}",
    "{\"p\":{\"t\":7}}",
    "{\"p\":{\"t\":\"x\"}",
    /* any value, and unknown names */
    "{\"j\":}",
    "{\"j\":{]}",
    "{\"j\":[1,]}",
    "{\"j\":[1 2]}",
    "{\"j\":{\"a\":1,}}",
    "{\"j\":{\"a\"}}",
    "{\"j\":{1:2}}",
    "{\"j\":tru}",
    "{\"j\":1.}",
    "{\"j\":01}",
    "{\"j\":-00}",
    "{\"j\":.5}",
    "{\"j\":1e}",
    "{\"j\":1e+}",
    "{\"j\":+1}",
    "{\"j\":-}",
    "{\"j\":\"}",
    "{\"j\":\"\\q\"}",
    "{\"z\":undefined}",
    "{\"z\":[}",
    "{\"z\":1,\"t\":}",
};

static void damage_is_told(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct outer got;
    for (size_t i = 0; i < ARRAY_LEN(damaged); i++)
        if (read(a, damaged[i], &got)) fail_msg("accepted: %s", damaged[i]);
    assert_false(doc_read(a, &outer_doc, STR_NONE, &got));
    assert_false(doc_read(a, &outer_doc, STR("{\"t\":\"a\0b\"}"), &got));
}

/* Cut anywhere, a document is damaged. */
static void no_part_counts_as_the_whole(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    const struct str whole =
        STR("{\"t\":\"o\\u00fct\",\"l\":[\"a\"],\"n\":-12,\"f\":true,\"j\":{\"x\":[1.5e+3,null]},\"p\":{\"n\":4},\"z\":{}}");
    struct outer got = { 0 };
    assert_true(doc_read(a, &outer_doc, whole, &got));
    for (size_t n = 0; n < whole.n; n++) assert_false(doc_read(a, &outer_doc, str_upto(whole, n), &got));
}

static struct str nested(struct arena *a, const char *name, int depth)
{
    struct buf b = BUF(a);
    buf_addf(&b, "{\"%s\":", name);
    for (int i = 0; i < depth; i++) buf_addz(&b, i % 2 == 0 ? "[" : "{\"a\":");
    buf_addc(&b, '1');
    for (int i = depth; i-- > 0;) buf_addc(&b, i % 2 == 0 ? ']' : '}');
    buf_addc(&b, '}');
    return buf_str(&b);
}

static void depth_is_bounded(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct outer got = { 0 };
    static const char *const names[] = { "j", "unknown" };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        assert_true(doc_read(a, &outer_doc, nested(a, names[i], DOC_DEEPEST), &got));
        assert_false(doc_read(a, &outer_doc, nested(a, names[i], DOC_DEEPEST + 1), &got));
        assert_false(doc_read(a, &outer_doc, nested(a, names[i], 100000), &got));
    }
}

static bool is_sub(struct str name) { return str_eq(name, STR("sub")); }

static bool copy(struct arena *a, const char *object, struct str *ret)
{
    struct buf b = BUF(a);
    struct jw w = JW(&b);
    jw_object(&w, NULL);
    bool ok = doc_copy_members(a, &w, str_of(object), is_sub);
    jw_end(&w);
    *ret = buf_str(&b);
    return ok;
}

static void members_are_copied_as_they_stand(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "{}", "{}" },
        { "{\"sub\":\"x\"}", "{}" },
        { "{\"a\":1.50,\"sub\":{\"a\":[]},\"b\":\"\\u003c\"}", "{\"a\":1.50,\"b\":\"\\u003c\"}" },
        { "{\"a\":{\"sub\":1}}", "{\"a\":{\"sub\":1}}" },
        { "{\"Sub\":1,\"sub \":2,\"su\":3}", "{\"Sub\":1,\"sub \":2,\"su\":3}" },
        { "{\"\\u0073ub\":1,\"s\\u0075b\":2}", "{}" }, /* the same name, spelled otherwise */
    };
    ARENA_AUTO a = arena_new();
    struct str got;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_true(copy(a, cases[i][0], &got));
        assert_str(got, cases[i][1]);
    }
    static const char *const bad[] = { "",           "[]",      "{",        "{\"a\":1", "{\"a\":1}x",
                                       "{\"a\":1,}", "{\"a\"}", "{\"a\":}", "{}x",      "{\"a\":1 }" };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) assert_false(copy(a, bad[i], &got));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_comes_back), cmocka_unit_test(empty_members_are_left_out),
        cmocka_unit_test(reads_what_is_allowed), cmocka_unit_test(texts_come_back),
        cmocka_unit_test(damage_is_told),        cmocka_unit_test(no_part_counts_as_the_whole),
        cmocka_unit_test(depth_is_bounded),      cmocka_unit_test(members_are_copied_as_they_stand),
    };
    return RUN(tests);
}
