/* Tables as scripts cut them, YAML, and what paths select. */
#include "run.h"

#include "cli/output_int.h"

static const struct cli_kind kind = CLI_KIND("ID", "LONGER HEADER", "X");

static json_t *json_of(struct arena *a, const char *text)
{
    json_t *v;
    struct err e = ERR_INIT(a);
    assert_true(json_read(a, str_of(text), &v, NULL, &e));
    return v;
}

static void assert_printed(struct run *r, const char *text)
{
    fflush(r->cli.out);
    assert_string_equal(r->out, text);
    run_end(r);
}

/* ---- tables: every cell, the last one too, is followed by tabs up to its column's width ---- */

static const struct str cells_a[] = { { "a", 1 }, { "12345678", 8 }, { "", 0 } };
static const struct str cells_b[] = { { "\xC3\xA4\xC3\xB6", 4 }, { "tab\there", 8 }, { "1234567", 7 } };
static const struct cli_row rows[] = { { NULL, { "a", 1 }, cells_a }, { NULL, { "b", 1 }, cells_b } };

static void test_object(void **state)
{
    (void)state;
    struct run r;
    run_line(&r, "grantd get client x", NULL);
    cli_print_object(&r.cli, &kind, &rows[0]);
    assert_printed(&r, "ID\t\ta\t\t\nLONGER HEADER\t12345678\t\nX\t\t\t\t\n");
}

static void test_list(void **state)
{
    (void)state;
    struct run r;
    run_line(&r, "grantd get client x", NULL);
    cli_print_list(&r.cli, &kind, NULL, rows, 2);
    assert_printed(&r, "ID\tLONGER HEADER\tX\t\na\t12345678\t\t\n\xC3\xA4\xC3\xB6\ttab here\t1234567\t\n");
}

static void test_page(void **state)
{
    (void)state;
    static const struct cli_tail tail[] = { { "NEXT PAGE TOKEN", { "", 0 } }, { "IS LAST PAGE", { "true", 4 } } };
    struct run r;
    run_line(&r, "grantd list clients", NULL);
    cli_print_page(&r.cli, &kind, NULL, rows, 1, tail, 2);
    assert_printed(&r, "ID\t\tLONGER HEADER\tX\t\na\t\t12345678\t\t\n\t\t\nNEXT PAGE TOKEN\t\t\nIS LAST PAGE\ttrue\t\n");

    run_line(&r, "grantd list clients", NULL);
    cli_print_page(&r.cli, &kind, NULL, rows, 0, tail, 2);
    assert_printed(&r, "ID\t\tLONGER HEADER\tX\t\n\t\t\nNEXT PAGE TOKEN\t\t\nIS LAST PAGE\ttrue\t\n");
}

/* A control character of a foreign text never reaches the terminal. */
static void test_control_characters(void **state)
{
    (void)state;
    static const struct str cells[] = { { "\033[31mred", 8 }, { "\r\n", 2 }, { "\x7f", 1 } };
    struct run r;
    run_line(&r, "grantd get client x", NULL);
    cli_print_list(&r.cli, &kind, NULL, &(struct cli_row) { .cells = cells }, 1);
    assert_printed(&r, "ID\t\tLONGER HEADER\tX\t\n [31mred\t  \t\t \t\n");
}

static void test_quiet(void **state)
{
    (void)state;
    struct run r;
    run_line(&r, "grantd list clients -q --format json", NULL);
    cli_print_list(&r.cli, &kind, NULL, rows, 2);
    assert_printed(&r, "a\nb\n");
}

static void test_ids(void **state)
{
    (void)state;
    static const struct {
        const char *flags, *text;
        size_t n;
    } cases[] = {
        { "", "", 0 },
        { "", "ID\tone\t\n", 1 },
        { "", "ID\t\none\t\ntwo\t\n", 2 },
        { " --format json", "\"one\"\n", 1 },
        { " --format json", "[\"one\",\"two\"]\n", 2 },
        { " -q", "one\ntwo\n", 2 },
    };
    struct str ids[] = { STR("one"), STR("two") };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct run r;
        ARENA_AUTO a = arena_new();
        run_line(&r, ARENA_CAT(a, STR("grantd delete client x"), str_of(cases[i].flags)).p, NULL);
        cli_print_ids(&r.cli, (struct strs) { ids, cases[i].n });
        assert_printed(&r, cases[i].text);
    }
}

/* ---- machine formats ---- */

static const struct {
    const char *format, *text;
} formats[] = {
    { "json", "{\"a\":[1,true],\"b\":\"\\u003cx\\u003e\"}\n" },
    { "json-pretty", "{\n  \"a\": [\n    1,\n    true\n  ],\n  \"b\": \"<x>\"\n}\n" },
    { "yaml", "a:\n- 1\n- true\nb: \"\\u003cx\\u003e\"\n" },
    { "jsonpath=a.0", "1\n" },
    { "jsonpointer=/b", "\"\\u003cx\\u003e\"\n" },
    { "jsonpath=c", "null\n" },
};

static void test_formats(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        struct run r;
        ARENA_AUTO a = arena_new();
        run_line(&r, ARENA_CAT(a, STR("grantd get client x --format "), str_of(formats[i].format)).p, NULL);
        struct cli_row row = { .json = json_of(a, "{\"b\":\"<x>\",\"a\":[1,true]}"), .cells = cells_a };
        cli_print_object(&r.cli, &kind, &row);
        assert_printed(&r, formats[i].text);
    }
}

/* ---- YAML ---- */

static const struct {
    const char *json, *yaml;
} yaml_cases[] = {
    { "1", "1\n" },
    { "\"x\"", "x\n" },
    { "{}", "{}\n" },
    { "[]", "[]\n" },
    { "{\"a\":{},\"b\":[],\"c\":null}", "a: {}\nb: []\nc: null\n" },
    { "{\"a\":{\"b\":{\"c\":1}}}", "a:\n  b:\n    c: 1\n" },
    { "[{\"b\":1,\"a\":[2,{\"c\":3,\"d\":4}]},5]", "- a:\n  - 2\n  - c: 3\n    d: 4\n  b: 1\n- 5\n" },
    { "[[1,[2]],[]]", "- - 1\n  - - 2\n- []\n" },
    { "{\"a\":\"true\",\"b\":\"No\",\"c\":\"1e3\",\"d\":\"\",\"e\":\"x: y\",\"f\":\"x:y\"}",
      "a: \"true\"\nb: \"No\"\nc: \"1e3\"\nd: \"\"\ne: \"x: y\"\nf: x:y\n" },
    { "{\"a\":\"- x\",\"b\":\"x #y\",\"c\":\"a\\nb\",\"d\":\" x\",\"e\":\"x \",\"f\":\"2026-11-22\",\"g\":\"\\u00e4\"}",
      "a: \"- x\"\nb: \"x #y\"\nc: \"a\\nb\"\nd: \" x\"\ne: \"x \"\nf: \"2026-11-22\"\ng: \"\xC3\xA4\"\n" },
    { "{\"1\":1,\"true\":2,\"a b\":3}", "\"1\": 1\na b: 3\n\"true\": 2\n" },
};

static void test_yaml(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(yaml_cases); i++) {
        ARENA_AUTO a = arena_new();
        assert_str(yaml_text(a, json_of(a, yaml_cases[i].json)), yaml_cases[i].yaml);
    }
}

/* ---- paths ---- */

#define DOCUMENT                                                                                                             \
    "{\"items\":[{\"id\":\"a\",\"n\":1,\"tags\":[\"x\",\"y\"]},{\"id\":\"b\",\"n\":2,\"tags\":[]},{\"id\":\"ab\",\"n\":2}]," \
    "\"o.p\":{\"q/r\":1,\"s~t\":2},\"\":3,\"list\":[\"p\",\"q\"]}"

static const struct {
    const char *path, *json;
} gjson_cases[] = {
    { "items.0.id", "\"a\"" },
    { "items.#", "3" },
    { "items.#.id", "[\"a\",\"b\",\"ab\"]" },
    { "items.#.tags.#", "[2,0]" },
    { "items.#.tags.0", "[\"x\"]" },
    { "items.1", "{\"id\":\"b\",\"n\":2,\"tags\":[]}" },
    { "items.#(id==b).n", "2" },
    { "items.#(id==\"b\").n", "2" },
    { "items.#(n==2).id", "\"b\"" },
    { "items.#(n==2)#.id", "[\"b\",\"ab\"]" },
    { "items.#(n!=2)#.id", "[\"a\"]" },
    { "items.#(id%a*)#.id", "[\"a\",\"ab\"]" },
    { "items.#(n==9)#.id", "[]" },
    { "items.#(n==9).id", "null" },
    { "items.#(tags.0==x).id", "\"a\"" },
    { "list.#(==q)", "\"q\"" },
    { "o\\.p.s~t", "2" },
    { "items.3", "null" },
    { "items.-1", "null" },
    { "items.x", "null" },
    { "items.0.id.x", "null" },
    { "items.#(", "null" },
    { "items.#()", "null" },
    { "nothing.at.all", "null" },
    { "@this.list", "null" },
    { "[list.0,items.0.id]", "[\"p\",\"a\"]" },
    { "{list,items.1.id}", "{\"id\":\"b\",\"list\":[\"p\",\"q\"]}" },
    { "{\"first one\":items.0.id,n:items.#,nothing}", "{\"first one\":\"a\",\"n\":3}" },
    { "items.#.{id,n}", "[{\"id\":\"a\",\"n\":1},{\"id\":\"b\",\"n\":2},{\"id\":\"ab\",\"n\":2}]" },
    { "items.#.[id,tags.#]", "[[\"a\",2],[\"b\",0],[\"ab\"]]" },
    { "{items.#(n==2)#.[id,n]}", "{\"[id,n]\":[[\"b\",2],[\"ab\",2]]}" },
    { "[list,items.0].0.1", "\"q\"" },
    { "[]", "[]" },
    { "{}", "{}" },
    { "[", "null" },
    { "[list", "null" },
};
static const struct {
    const char *path, *json;
} pointer_cases[] = {
    { "/items/0/id", "\"a\"" }, { "/o.p/q~1r", "1" },     { "/o.p/s~0t", "2" }, { "/", "3" },
    { "/items/9", "null" },     { "/nothing/x", "null" },
};

static void test_paths(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    json_t *document = json_of(a, DOCUMENT);
    for (size_t i = 0; i < ARRAY_LEN(gjson_cases); i++) {
        json_t *found = gjson_select(a, document, str_of(gjson_cases[i].path));
        if (!str_eq(json_text(a, found, true), str_of(gjson_cases[i].json)))
            fail_msg("%s: %s", gjson_cases[i].path, json_text(a, found, true).p);
        json_decref(found);
    }
    for (size_t i = 0; i < ARRAY_LEN(pointer_cases); i++) {
        json_t *found = pointer_select(a, document, str_of(pointer_cases[i].path));
        assert_str(json_text(a, found, true), pointer_cases[i].json);
        json_decref(found);
    }
    json_t *whole = pointer_select(a, document, STR(""));
    assert_ptr_equal(whole, document);
    json_decref(whole);
}

static void test_time(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    assert_str(cli_time(a, 0), "1970-01-01 00:00:00 +0000 UTC");
    assert_str(cli_time(a, 1795300654), "2026-11-21 22:37:34 +0000 UTC");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_object),  cmocka_unit_test(test_list),
        cmocka_unit_test(test_page),    cmocka_unit_test(test_control_characters),
        cmocka_unit_test(test_quiet),   cmocka_unit_test(test_ids),
        cmocka_unit_test(test_formats), cmocka_unit_test(test_yaml),
        cmocka_unit_test(test_paths),   cmocka_unit_test(test_time),
    };
    return RUN(tests);
}
