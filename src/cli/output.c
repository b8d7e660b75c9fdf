/* Results in the format that --format asks for: table, json, json-pretty, yaml, jsonpath=EXPR, jsonpointer=PTR; identifiers with
 * --quiet. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/output_int.h"

/* ---- tables: cells padded with tabs to a multiple of 8, the last one too (scripts cut by it) ---- */

/* Columns on a terminal: UTF-8 continuation bytes take none. */
static size_t cell_width(struct str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
    return n;
}

static void widen(size_t *width, struct str cell)
{
    size_t needs = (cell_width(cell) + 1 + 7) / 8 * 8;
    if (needs > *width) *width = needs;
}

/* A control character in a foreign text must not reach the terminal, nor a tab or line break the table. */
static void put_cell(FILE *out, struct str s, size_t width)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        fputc(c < ' ' || c == 0x7f ? ' ' : c, out);
    }
    for (size_t at = cell_width(s); at < width; at = (at / 8 + 1) * 8) fputc('\t', out);
}

static void table_object(FILE *out, const struct cli_kind *kind, const struct str *cells)
{
    size_t left = 0, right = 0;
    for (size_t i = 0; i < kind->n; i++) {
        widen(&left, str_of(kind->headers[i]));
        widen(&right, cells[i]);
    }
    for (size_t i = 0; i < kind->n; i++) {
        put_cell(out, str_of(kind->headers[i]), left);
        put_cell(out, cells[i], right);
        fputc('\n', out);
    }
}

/* Below the rows stand an empty cell and the tail, whose first column is as wide as that of the rows. */
static void table_tail(FILE *out, const struct cli_tail *tail, size_t n, size_t left)
{
    size_t right = 0;
    for (size_t i = 0; i < n; i++) widen(&right, tail[i].value);
    if (n > 0) {
        put_cell(out, STR(""), left);
        fputc('\n', out);
    }
    for (size_t i = 0; i < n; i++) {
        put_cell(out, str_of(tail[i].header), left);
        put_cell(out, tail[i].value, right);
        fputc('\n', out);
    }
}

struct table {
    const struct cli_kind *kind;
    const struct cli_row *rows;
    size_t n;
    const struct cli_tail *tail;
    size_t tail_n;
};

static void table_list(struct cli *c, const struct table *t)
{
    size_t *widths = ARENA_ARRAY(c->arena, size_t, t->kind->n);
    for (size_t i = 0; i < t->kind->n; i++) {
        widen(&widths[i], str_of(t->kind->headers[i]));
        for (size_t r = 0; r < t->n; r++) widen(&widths[i], t->rows[r].cells[i]);
    }
    for (size_t i = 0; i < t->tail_n; i++) widen(&widths[0], str_of(t->tail[i].header));

    for (size_t i = 0; i < t->kind->n; i++) put_cell(c->out, str_of(t->kind->headers[i]), widths[i]);
    fputc('\n', c->out);
    for (size_t r = 0; r < t->n; r++) {
        for (size_t i = 0; i < t->kind->n; i++) put_cell(c->out, t->rows[r].cells[i], widths[i]);
        fputc('\n', c->out);
    }
    table_tail(c->out, t->tail, t->tail_n, widths[0]);
}

/* ---- the formats ---- */

static void put_line(struct cli *c, struct str text)
{
    if (text.n > 0) fwrite(text.p, 1, text.n, c->out);
    fputc('\n', c->out);
}

static void print_json(struct cli *c, const json_t *v) { put_line(c, json_text(c->arena, v, true)); }

static void print_pretty(struct cli *c, const json_t *v)
{
    char *text = json_dumps(v, JSON_INDENT(2) | JSON_SORT_KEYS | JSON_ENCODE_ANY);
    if (text != NULL) put_line(c, str_of(text));
    free(text);
}

static void print_yaml(struct cli *c, const json_t *v)
{
    struct str text = yaml_text(c->arena, v);
    fwrite(text.p, 1, text.n, c->out);
}

static void print_selected(struct cli *c, json_t *selected)
{
    print_json(c, selected);
    json_decref(selected);
}

static void print_path(struct cli *c, const json_t *v)
{
    print_selected(c, gjson_select(c->arena, v, str_from(cli_str(c, "format"), 9)));
}

static void print_pointer(struct cli *c, const json_t *v)
{
    print_selected(c, pointer_select(c->arena, v, str_from(cli_str(c, "format"), 12)));
}

/* One that takes an expression ends with '='. */
static const struct format {
    const char *name;
    void (*print)(struct cli *c, const json_t *v);
} formats[] = {
    { "table", NULL },      { "json", print_json },      { "json-pretty", print_pretty },
    { "yaml", print_yaml }, { "jsonpath=", print_path }, { "jsonpointer=", print_pointer },
};

static bool format_is(const struct format *f, struct str asked)
{
    struct str name = str_of(f->name);
    return str_ends(name, STR("=")) ? str_starts(asked, name) : str_eq(asked, name);
}

static const struct format *format_of(struct cli *c)
{
    struct str asked = cli_str(c, "format");
    for (size_t i = 0; i < ARRAY_LEN(formats); i++)
        if (format_is(&formats[i], asked)) return &formats[i];
    return &formats[0];
}

bool cli_format_ok(struct cli *c)
{
    if (!cli_takes(c, "quiet")) return true; /* what it prints is no table */
    struct str asked = cli_str(c, "format");
    if (str_eq(asked, STR("jsonpath")) || str_eq(asked, STR("jsonpointer")))
        return cli_fail_usage(c, "--format %.*s needs an expression: --format %.*s=%s", STR_FMT(asked), STR_FMT(asked),
                              str_eq(asked, STR("jsonpath")) ? "items.0.client_id" : "/items/0/client_id"),
               false;
    if (asked.n > 0 && format_of(c) == &formats[0] && !format_is(&formats[0], asked))
        fprintf(c->err,
                "Warning: unknown format \"%.*s\", printing a table; known are table, json, json-pretty, yaml, jsonpath=EXPR, "
                "jsonpointer=PTR.\n",
                STR_FMT(asked));
    return true;
}

/* True when a machine format was asked for and printed. */
static bool print_machine(struct cli *c, const json_t *json)
{
    const struct format *f = format_of(c);
    if (f->print != NULL) f->print(c, json);
    return f->print != NULL;
}

void cli_print_object(struct cli *c, const struct cli_kind *kind, const struct cli_row *row)
{
    if (cli_bool(c, "quiet"))
        put_line(c, row->id);
    else if (!print_machine(c, row->json))
        table_object(c->out, kind, row->cells);
}

void cli_print_page(struct cli *c, const struct cli_kind *kind, json_t *json, const struct cli_row *rows, size_t n,
                    const struct cli_tail *tail, size_t tail_n)
{
    if (cli_bool(c, "quiet")) {
        for (size_t i = 0; i < n; i++) put_line(c, rows[i].id);
        return;
    }
    if (!print_machine(c, json)) table_list(c, &(struct table) { kind, rows, n, tail, tail_n });
}

void cli_print_list(struct cli *c, const struct cli_kind *kind, json_t *json, const struct cli_row *rows, size_t n)
{
    cli_print_page(c, kind, json, rows, n, NULL, 0);
}

static const struct cli_kind id_kind = CLI_KIND("ID");

/* A single identifier is a JSON string, several are an array. */
void cli_print_ids(struct cli *c, struct strs ids)
{
    if (ids.n == 0) return;
    struct cli_row *rows = ARENA_ARRAY(c->arena, struct cli_row, ids.n);
    for (size_t i = 0; i < ids.n; i++) rows[i] = (struct cli_row) { .id = ids.v[i], .cells = &ids.v[i] };
    json_t *json = ids.n == 1 ? json_of_str(ids.v[0]) : json_of_strs(ids);
    rows[0].json = json;
    if (ids.n == 1)
        cli_print_object(c, &id_kind, &rows[0]);
    else
        cli_print_list(c, &id_kind, json, rows, ids.n);
    json_decref(json);
}

struct str cli_time(struct arena *a, int64_t seconds)
{
    char text[TIME_RFC3339_ROOM];
    size_t n = time_write_rfc3339(seconds * USEC_PER_SEC, 0, text);
    struct str date, time;
    if (!str_split_once((struct str) { text, n }, 'T', &date, &time)) return STR_NONE;
    return arena_printf(a, "%.*s %.*s +0000 UTC", STR_FMT(date), STR_FMT(str_upto(time, time.n - 1)));
}
