/* YAML, JSON and TOML become the same trees. */
#include "config_test.h"

struct document {
    const char *text, *tree; /* as JSON; NULL: refused */
    int line;                /* of the fault */
    const char *fault;
};

static void check(const char *name, const struct document *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ARENA_AUTO a = arena_new();
        struct node *tree;
        struct fault f = { 0 };
        bool ok = document_read(a, str_of(name), str_of(cases[i].text), &tree, &f);
        if (ok != (cases[i].tree != NULL)) fail_msg("%s: %s", cases[i].text, ok ? "accepted" : f.text.p);
        if (ok) assert_str(node_show(a, tree), cases[i].tree);
        if (ok) continue;
        if (f.line != cases[i].line || !has(f.text, cases[i].fault))
            fail_msg("%s: %d %.*s", cases[i].text, f.line, STR_FMT(f.text));
    }
}

static void reads_yaml(void **state)
{
    (void)state;
    static const struct document cases[] = {
        { "", "{}" },
        { "# nothing\n", "{}" },
        { "---\n", "{}" },
        { "a: 1\nb: text\nc: [x, 'y', \"z\\n\"]\n", "{\"a\":1,\"b\":\"text\",\"c\":[\"x\",\"y\",\"z\\n\"]}" },
        { "a: {b: {c: true}}", "{\"a\":{\"b\":{\"c\":true}}}" },
        { "a:\n- 0x1F\n- 0o17\n- 0755\n- 0b11\n- -5\n- +5\n", "{\"a\":[31,15,493,3,-5,5]}" },
        { "a: [yes, no, on, True, FALSE]", "{\"a\":[\"yes\",\"no\",\"on\",true,false]}" },
        { "a: [~, null, '', 1.5, 1e3, '1', !!str 2]", "{\"a\":[null,null,\"\",1.5,1e3,\"1\",\"2\"]}" },
        { "a: 2001-01-01\nb: 1h30m\nc: 0x\nd: 0x0x5\ne: '-'\n",
          "{\"a\":\"2001-01-01\",\"b\":\"1h30m\",\"c\":\"0x\",\"d\":\"0x0x5\",\"e\":\"-\"}" },
        { "a:\n", "{\"a\":null}" },
        { "base: &b {x: 1, y: 2}\nuse:\n  <<: *b\n  y: 3\n", "{\"base\":{\"x\":1,\"y\":2},\"use\":{\"y\":3,\"x\":1}}" },
        { "p: &p {x: 1}\nq: &q {x: 2, z: 3}\nu: {<<: [*p, *q]}\n",
          "{\"p\":{\"x\":1},\"q\":{\"x\":2,\"z\":3},\"u\":{\"x\":1,\"z\":3}}" },
        { "a: |\n  one\n  two\n", "{\"a\":\"one\\ntwo\\n\"}" },
        { "just a text", NULL, 1, "must hold an object" },
        { "- a\n", NULL, 1, "must hold an object" },
        { "a: 1\nb: [\n", NULL, 3, "not valid YAML" },
        { "a: 1\n\tb: 2\n", NULL, 2, "not valid YAML" },
        { "a: 1\nb: 2\na: 3\n", NULL, 3, "twice" },
        { "a: *nobody", NULL, 1, "before it is defined" },
        { "a: &a [*a]", NULL, 1, "before it is defined" },
        { "a: 1\n---\nb: 2\n", NULL, 2, "more than one document" },
        { "[a, b]: 1", NULL, 1, "not a plain text" },
        { "a: {<<: 5}", NULL, 1, "merges" },
        { "a: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", NULL, 1, "32 levels" },
    };
    check("x.yml", cases, ARRAY_LEN(cases));
    check("x.yaml", cases, 3);
}

static void reads_json(void **state)
{
    (void)state;
    static const struct document cases[] = {
        { "", "{}" },
        { " null ", "{}" },
        { "{\"a\": [1, -2.5, true, null, \"x\\u00e4\\ud83d\\ude00\"], \"b\": {}}",
          "{\"a\":[1,-2.5,true,null,\"xä😀\"],\"b\":{}}" },
        { "{\"a\\\"b\": \"\\\\\"}", "{\"a\\\"b\":\"\\\\\"}" },
        { "[1]", NULL, 1, "must hold an object" },
        { "{\"a\": 1,}", NULL, 0, "not valid JSON" },
        { "{\"a\": 1\n", NULL, 0, "not valid JSON" },
        { "{} x", NULL, 0, "not valid JSON" },
        { "{\"a\": 1,\n\"a\": 2}", NULL, 2, "twice" },
        { "{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}", NULL, 1, "32 levels" },
    };
    check("x.json", cases, ARRAY_LEN(cases));
}

static void reads_toml(void **state)
{
    (void)state;
    static const struct document cases[] = {
        { "", "{}" },
        { "# nothing\n", "{}" },
        { "a = 1\nb = \"t\\u00e4\\n\"  # why\nc = 'raw\\n'\n", "{\"a\":1,\"b\":\"tä\\n\",\"c\":\"raw\\\\n\"}" },
        { "[serve.public]\nport = 4_444\n[serve.admin]\r\nport = 0x10\r\n",
          "{\"serve\":{\"public\":{\"port\":4444},\"admin\":{\"port\":16}}}" },
        { "a.b.c = true\na.\"d.e\" = false\n", "{\"a\":{\"b\":{\"c\":true},\"d.e\":false}}" },
        { "a = [\n 1, # one\n 2,\n]\nb = []\n", "{\"a\":[1,2],\"b\":[]}" },
        { "a = {x = 1, y.z = \"2\"}\nb = {}\n", "{\"a\":{\"x\":1,\"y\":{\"z\":\"2\"}},\"b\":{}}" },
        { "a = -1.5e3\nb = +7", "{\"a\":-1.5e3,\"b\":7}" },
        { "[a.b]\nx = 1\n[a]\ny = 2\n", "{\"a\":{\"b\":{\"x\":1},\"y\":2}}" },
        { "a = 1\na = 2\n", NULL, 2, "twice" },
        { "[a]\n[a]\n", NULL, 2, "defined twice" },
        { "a = {x = 1}\na.y = 2\n", NULL, 2, "twice" },
        { "a = 1\n[a]\n", NULL, 2, "twice" },
        { "a = 1 b = 2\n", NULL, 1, "more text" },
        { "a\n", NULL, 1, "'=' is missing" },
        { "= 1\n", NULL, 1, "a name is missing" },
        { "a = \n", NULL, 1, "value is missing" },
        { "a = yes\n", NULL, 1, "a value is none" },
        { "a = 0755\n", NULL, 1, "a value is none" },
        { "a = null\n", NULL, 1, "a value is none" },
        { "a = 1979-05-27\n", NULL, 1, "dates are not supported" },
        { "a = \"\"\"x\"\"\"\n", NULL, 1, "several lines" },
        { "[[a]]\n", NULL, 1, "arrays of tables" },
        { "[a\n", NULL, 1, "']' is missing" },
        { "a = [1 2]\n", NULL, 1, "not closed" },
        { "a = [1,\n", NULL, 2, "value is missing" },
        { "a = {x = 1\n}", NULL, 1, "not closed" },
        { "a = \"x\n", NULL, 1, "not closed" },
        { "a = \"\\x\"\n", NULL, 1, "escape" },
        { "a = \"\\ud800\"\n", NULL, 1, "no character" },
        { "a = [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", NULL, 1, "32 levels" },
    };
    check("x.toml", cases, ARRAY_LEN(cases));
}

static void knows_lines(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
    } cases[] = { { "x.yml", "# c\na:\n  b: 1\n" }, { "x.json", "{\n\"a\": {\n\"b\":\n1}}" }, { "x.toml", "\n\na.b = 1\n" } };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ARENA_AUTO a = arena_new();
        struct node *tree;
        struct fault f;
        assert_true(document_read(a, str_of(cases[i].name), str_of(cases[i].text), &tree, &f));
        assert_int_equal(tree->v[0].value->v[0].line, 3);
    }
}

static void refuses_what_is_too_much(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct node *tree;
    struct fault f;
    struct buf b = BUF(a);
    for (int i = 0; i < 5000; i++) buf_addf(&b, "k%d: 1\n", i);
    assert_false(document_read(a, STR("x.yml"), buf_str(&b), &tree, &f));
    assert_true(has(f.text, "too many members"));

    b = BUF(a);
    buf_addz(&b, "a: &a 1\nb: [");
    for (int i = 0; i < 300; i++) buf_addz(&b, "*a,");
    buf_addz(&b, "]");
    assert_false(document_read(a, STR("x.yml"), buf_str(&b), &tree, &f));
    assert_true(has(f.text, "256 aliases"));

    char *big = arena_zalloc(a, NODE_BYTES_MAX + 1);
    memset(big, ' ', NODE_BYTES_MAX + 1);
    assert_false(document_read(a, STR("x.json"), (struct str) { big, NODE_BYTES_MAX + 1 }, &tree, &f));
    assert_true(has(f.text, "1 MiB"));

    assert_false(document_read(a, STR("x.toml"), STR("a = \"\xff\""), &tree, &f));
    assert_true(has(f.text, "UTF-8"));
}

static void knows_extensions(void **state)
{
    (void)state;
    static const char *const names[] = { "x.conf", "dir.yml/x", "x", "x.YML" };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        ARENA_AUTO a = arena_new();
        struct node *tree;
        struct fault f;
        assert_false(document_read(a, str_of(names[i]), STR(""), &tree, &f));
        assert_true(has(f.text, "unknown config file extension:"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_yaml),
        cmocka_unit_test(reads_json),
        cmocka_unit_test(reads_toml),
        cmocka_unit_test(knows_lines),
        cmocka_unit_test(refuses_what_is_too_much),
        cmocka_unit_test(knows_extensions),
    };
    return RUN(tests);
}
