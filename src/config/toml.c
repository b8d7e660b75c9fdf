/* TOML 1.0 documents, strictly, without what no setting can use: dates, arrays of tables and texts over several lines are refused
 * by name. */
#include <ctype.h>
#include <string.h>

#include "config/config_int.h"

struct reader {
    struct arena *a;
    const char *p; /* ends with NUL */
    int line, depth;
    struct fault *f;
};

static bool refuse(struct reader *r, const char *why)
{
    return fault_set(r->f, r->line, arena_printf(r->a, "is not valid TOML: %s", why));
}

static void blanks(struct reader *r)
{
    while (*r->p == ' ' || *r->p == '\t') r->p++;
}

static void comment(struct reader *r)
{
    blanks(r);
    if (*r->p == '#') r->p += strcspn(r->p, "\n");
    if (r->p[0] == '\r' && r->p[1] == '\n') r->p++;
}

/* Blanks, comments and line ends. */
static void lines(struct reader *r)
{
    for (comment(r); *r->p == '\n'; comment(r)) {
        r->p++;
        r->line++;
    }
}

static bool line_end(struct reader *r)
{
    comment(r);
    return *r->p == '\n' || *r->p == '\0' || refuse(r, "more text follows on the line");
}

static void add_utf8(struct buf *b, unsigned long c)
{
    if (c >= 0x10000) buf_addc(b, (char)(0xF0 | c >> 18));
    if (c >= 0x10000)
        buf_addc(b, (char)(0x80 | (c >> 12 & 0x3F)));
    else if (c >= 0x800)
        buf_addc(b, (char)(0xE0 | c >> 12));
    if (c >= 0x800)
        buf_addc(b, (char)(0x80 | (c >> 6 & 0x3F)));
    else if (c >= 0x80)
        buf_addc(b, (char)(0xC0 | c >> 6));
    buf_addc(b, (char)(c >= 0x80 ? 0x80 | (c & 0x3F) : c));
}

static bool escape(struct reader *r, struct buf *b)
{
    static const char letters[] = "btnfr\"\\", means[] = "\b\t\n\f\r\"\\";
    char c = *r->p;
    const char *letter = c != '\0' ? strchr(letters, c) : NULL;
    if (letter != NULL) {
        buf_addc(b, means[letter - letters]);
        r->p++;
        return true;
    }
    int digits = c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (digits == 0) return refuse(r, "unknown escape");
    unsigned long value = 0;
    for (r->p++; digits > 0; digits--, r->p++) {
        if (!isxdigit((unsigned char)*r->p)) return refuse(r, "incomplete escape");
        int low = *r->p | 0x20;
        value = value << 4 | (unsigned long)(isdigit((unsigned char)*r->p) ? *r->p - '0' : low - 'a' + 10);
    }
    if (value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return refuse(r, "escape of no character");
    add_utf8(b, value);
    return true;
}

/* "basic" or 'literal'. */
static bool quoted(struct reader *r, struct str *ret)
{
    char quote = *r->p;
    if (r->p[1] == quote && r->p[2] == quote) return refuse(r, "texts over several lines are not supported");
    struct buf b = BUF(r->a);
    for (r->p++; *r->p != quote;) {
        if ((unsigned char)*r->p < 0x20 && *r->p != '\t') return refuse(r, "a text is not closed");
        bool escaped = *r->p == '\\' && quote == '"';
        if (!escaped) buf_addc(&b, *r->p);
        r->p++;
        if (escaped) TRY(escape(r, &b));
    }
    r->p++;
    *ret = arena_dup(r->a, buf_str(&b));
    return true;
}

static bool name(struct reader *r, struct str *ret)
{
    blanks(r);
    if (*r->p == '"' || *r->p == '\'') {
        TRY(quoted(r, ret));
    } else {
        const char *start = r->p;
        while (isalnum((unsigned char)*r->p) || *r->p == '_' || *r->p == '-') r->p++;
        if (r->p == start) return refuse(r, "a name is missing");
        *ret = (struct str) { start, (size_t)(r->p - start) };
    }
    blanks(r);
    return true;
}

/* The table of that name, made when there is none. `yes` marks tables that may not grow any more: inline ones. */
static bool descend(struct reader *r, struct node **table, struct str part)
{
    struct node *next = node_get(*table, part);
    if (next == NULL) {
        next = node_new(r->a, NODE_MAP, r->line);
        if (!node_add(r->a, *table, part, r->line, next)) return refuse(r, "too many members");
    }
    if (next->kind != NODE_MAP || next->yes) return refuse(r, "a name is given twice");
    *table = next;
    return true;
}

static bool value(struct reader *r, struct node **ret);

static bool member(struct reader *r, struct node *table)
{
    struct str part;
    TRY(name(r, &part));
    for (int depth = 0; *r->p == '.'; depth++) {
        if (depth == NODE_DEPTH_MAX) return refuse(r, "nested deeper than 32 levels");
        TRY(descend(r, &table, part));
        r->p++;
        TRY(name(r, &part));
    }
    if (*r->p++ != '=') return r->p--, refuse(r, "'=' is missing");
    int line = r->line;
    struct node *n;
    TRY(value(r, &n));
    return node_add(r->a, table, part, line, n) || refuse(r, "a name is given twice, or too many members");
}

static bool list(struct reader *r, struct node *n)
{
    for (r->p++, lines(r); *r->p != ']'; lines(r)) {
        struct node *item;
        TRY(value(r, &item));
        if (!node_add(r->a, n, STR_NONE, item->line, item)) return refuse(r, "too many items");
        lines(r);
        if (*r->p == ',')
            r->p++;
        else if (*r->p != ']')
            return refuse(r, "a list is not closed");
    }
    r->p++;
    return true;
}

static bool inline_table(struct reader *r, struct node *n)
{
    r->p++;
    blanks(r);
    while (*r->p != '}') {
        TRY(member(r, n));
        blanks(r);
        if (*r->p == '}') break;
        if (*r->p++ != ',') return r->p--, refuse(r, "an inline table is not closed");
    }
    r->p++;
    n->yes = true;
    return true;
}

static bool plain(struct reader *r, struct node **ret)
{
    size_t length = strcspn(r->p, " \t\r\n,]}#");
    if (length == 0) return refuse(r, "a value is missing");
    struct buf b = BUF(r->a);
    buf_reserve(&b, length);
    for (size_t i = 0; i < length; i++)
        if (r->p[i] != '_') buf_addc(&b, r->p[i]);
    struct str text = buf_str(&b), digits = str_from(text, text.n > 0 && (text.p[0] == '-' || text.p[0] == '+'));
    bool zeros = digits.n > 1 && digits.p[0] == '0' && isdigit((unsigned char)digits.p[1]);
    bool letters = isupper((unsigned char)text.p[0]) || text.p[0] == '~' || text.p[0] == '.' || text.p[0] == 'n';
    struct node *n = zeros || letters ? NULL : node_plain(r->a, arena_dup(r->a, text), r->line);
    if (n == NULL)
        return refuse(r, "a value is none of text in quotes, number, true, false, list, table (dates are not supported)");
    r->p += length;
    *ret = n;
    return true;
}

static bool value(struct reader *r, struct node **ret)
{
    blanks(r);
    if (*r->p == '"' || *r->p == '\'') {
        struct str text;
        int line = r->line;
        TRY(quoted(r, &text));
        *ret = node_text(r->a, text, line);
        return true;
    }
    bool is_list = *r->p == '[';
    if (!is_list && *r->p != '{') return plain(r, ret);
    if (++r->depth > NODE_DEPTH_MAX) return refuse(r, "nested deeper than 32 levels");
    struct node *n = node_new(r->a, is_list ? NODE_LIST : NODE_MAP, r->line);
    TRY(is_list ? list(r, n) : inline_table(r, n));
    r->depth--;
    *ret = n;
    return true;
}

/* [a.b]; `defined` holds the tables that had their header. */
static bool header(struct reader *r, struct node *root, struct node *defined, struct node **ret)
{
    if (*++r->p == '[') return refuse(r, "arrays of tables are not supported");
    struct node *table = root;
    for (int depth = 0;; depth++) {
        struct str part;
        TRY(name(r, &part));
        if (depth == NODE_DEPTH_MAX) return refuse(r, "nested deeper than 32 levels");
        TRY(descend(r, &table, part));
        if (*r->p != '.') break;
        r->p++;
    }
    if (*r->p++ != ']') return r->p--, refuse(r, "']' is missing");
    for (size_t i = 0; i < defined->n; i++)
        if (defined->v[i].value == table) return refuse(r, "a table is defined twice");
    if (!node_add(r->a, defined, STR_NONE, r->line, table)) return refuse(r, "too many tables");
    *ret = table;
    return true;
}

bool toml_read(struct arena *a, struct str text, struct node **ret, struct fault *f)
{
    struct str own = arena_dup(a, text);
    struct reader r = { .a = a, .p = own.p, .line = 1, .f = f };
    if (strlen(own.p) != own.n) return refuse(&r, "it contains NUL");
    struct node *root = node_new(a, NODE_MAP, 1), *defined = node_new(a, NODE_LIST, 1), *table = root;
    for (lines(&r); *r.p != '\0'; lines(&r)) {
        if (*r.p == '[')
            TRY(header(&r, root, defined, &table));
        else
            TRY(member(&r, table));
        TRY(line_end(&r));
    }
    *ret = root;
    return true;
}
