/* Values: decoding texts from the environment, checking types, ranges and formats, storing into the config. */
#include <ctype.h>
#include <string.h>

#include "config/config_int.h"

/* ---- texts as values ---- */

/* Go's strconv.ParseBool. */
static bool decode_yesno(struct arena *a, struct str text, const struct node **ret)
{
    bool yes = text.n > 0 && key_word("1|t|T|true|TRUE|True", text) >= 0;
    bool no = text.n > 0 && key_word("0|f|F|false|FALSE|False", text) >= 0;
    *ret = node_bool(a, yes, text, 0);
    return yes || no;
}

/* One field: a quoted one ends at its quote, "" inside is a quote; blanks belong to the text. */
static bool csv_field(struct arena *a, struct str *rest, struct str *ret)
{
    if (!str_starts(*rest, STR("\""))) {
        *ret = str_cut(rest, ',');
        return true;
    }
    struct buf b = BUF(a);
    size_t i = 1;
    for (; i < rest->n; i++) {
        bool quote = rest->p[i] == '"', twice = quote && i + 1 < rest->n && rest->p[i + 1] == '"';
        if (quote && !twice) break;
        buf_addc(&b, rest->p[i]);
        i += twice;
    }
    struct str after = str_from(*rest, i + 1);
    if (i >= rest->n || (after.n > 0 && after.p[0] != ',')) return false;
    *ret = buf_str(&b);
    *rest = after.n == 0 ? STR_NONE : str_from(after, 1);
    return true;
}

static bool decode_list(struct arena *a, struct str text, const struct node **ret)
{
    struct node *json;
    struct fault fault;
    bool bracket = str_starts(str_trim(text), STR("[")) || str_starts(str_trim(text), STR("{"));
    if (bracket && json_value_read(a, text, &json, &fault)) {
        *ret = json;
        return json->kind == NODE_LIST;
    }
    struct node *list = node_new(a, NODE_LIST, 0);
    if (text.n == 0) return false;
    for (struct str rest = text; rest.p != NULL;) {
        struct str field;
        TRY(csv_field(a, &rest, &field));
        TRY(node_add(a, list, STR_NONE, 0, node_text(a, field, 0)));
    }
    *ret = list;
    return true;
}

static bool decode_map(struct arena *a, struct str text, const struct node **ret)
{
    struct node *json;
    struct fault fault;
    if (!json_value_read(a, text, &json, &fault) || json->kind != NODE_MAP) return false;
    *ret = json;
    return true;
}

static bool decode_number(struct arena *a, struct str text, const struct node **ret)
{
    *ret = node_plain(a, text, 0);
    return *ret != NULL && ((*ret)->kind == NODE_INT || (*ret)->kind == NODE_REAL);
}

static bool decode_count(struct arena *a, struct str text, const struct node **ret)
{
    int64_t i;
    TRY(str_to_int(text, &i));
    *ret = node_int(a, i, text, 0);
    return true;
}

bool value_decode(struct arena *a, enum config_key key, struct str text, const struct node **ret, const char **ret_why)
{
    static const struct {
        bool (*decode)(struct arena *a, struct str text, const struct node **ret);
        const char *why;
    } decoders[TYPE_MAX_] = {
        [TYPE_YESNO] = { decode_yesno, "expected boolean: true or false (also 1, 0, t, f)" },
        [TYPE_COUNT] = { decode_count, "expected integer: decimal digits" },
        [TYPE_RATIO] = { decode_number, "expected number" },
        [TYPE_LIST] = { decode_list,
                        "expected array: a JSON array of strings, or texts with commas between (double quotes protect commas)" },
        [TYPE_MAP] = { decode_map, "expected object: a JSON object" },
    };
    enum key_type type = config_keys[key].type;
    *ret_why = decoders[type].why;
    if (decoders[type].decode != NULL) return decoders[type].decode(a, text, ret);
    *ret = node_text(a, text, 0);
    return true;
}

/* ---- formats ---- */

static bool all(struct str s, bool (*is)(char c))
{
    for (size_t i = 0; i < s.n; i++)
        if (!is(s.p[i])) return false;
    return true;
}

static bool is_printable(char c) { return c > ' ' && c != 0x7f; }
static bool is_ascii_visible(char c) { return is_printable(c) && (unsigned char)c < 0x80; }
static bool is_cookie_octet(char c) { return is_ascii_visible(c) && strchr("\",;\\", c) == NULL; }
static bool is_token(char c) { return is_ascii_visible(c) && strchr("()<>@,;:\\\"/[]?={}", c) == NULL; }
/* Bytes of UTF-8 are negative where char is signed. */
static bool is_url_byte(char c) { return (unsigned char)c > ' ' && c != 0x7f; }
static bool is_header_byte(char c) { return is_printable(c) || (unsigned char)c >= 0x80 || c == ' ' || c == '\t'; }
static bool is_harmless(char c) { return is_url_byte(c) || c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

static const char *check_url(struct arena *a, struct str s, enum key_format format)
{
    struct url u;
    if (s.n == 0) return NULL; /* as if unset */
    bool ok = all(s, is_url_byte) && url_parse(a, s, &u);
    if (format == FORMAT_URI_REF) return ok ? NULL : "must be a URL or a path";
    if (format == FORMAT_URL_OR_PATH)
        return ok && (u.scheme.n > 0 || str_starts(s, STR("/"))) ? NULL : "must be an absolute URL or start with '/'";
    return ok && url_is_http(&u) && u.host.n > 0 ? NULL : "must be an absolute URL with http or https";
}

static const char *check_origin(struct str s)
{
    size_t stars = 0;
    for (size_t i = 0; i < s.n; i++) stars += s.p[i] == '*';
    if (str_eq(s, STR("*"))) return NULL;
    bool url = memmem(s.p, s.n, "://", 3) != NULL && s.n > 3 && all(s, is_url_byte) && isalpha((unsigned char)s.p[0]);
    return url && stars <= 1 ? NULL : "must be '*', or a URL with at most one '*'";
}

static const char *check_version(struct str s)
{
    size_t i = str_starts(s, STR("v")) ? 1 : s.n, parts = 0;
    while (parts < 3) {
        size_t digits = 0;
        while (i + digits < s.n && isdigit((unsigned char)s.p[i + digits])) digits++;
        i += digits;
        parts++;
        if (digits == 0 || (parts < 3 && (i >= s.n || s.p[i++] != '.'))) return "must look like v1.2.3";
    }
    return NULL;
}

static const char *check_api_key(struct str s)
{
    static const struct str prefix = { "sha256:", 7 };
    if (!str_starts(s, prefix)) return all(s, is_cookie_octet) ? NULL : "must be of printable ASCII characters without blanks";
    struct str hex = str_from(s, prefix.n);
    for (size_t i = 0; i < hex.n; i++)
        if (!isxdigit((unsigned char)hex.p[i])) return "must have 64 hex digits after sha256:";
    return hex.n == 64 ? NULL : "must have 64 hex digits after sha256:";
}

static const char *check_format(struct arena *a, enum key_format format, struct str s)
{
    switch (format) {
    case FORMAT_HTTP_URL:
    case FORMAT_URI_REF:
    case FORMAT_URL_OR_PATH: return check_url(a, s, format);
    case FORMAT_ORIGIN: return check_origin(s);
    case FORMAT_TOKEN:
        return s.n > 0 && all(s, is_token) ? NULL : "must be a name: letters, digits and '-', '_', '.', without blanks";
    case FORMAT_VISIBLE:
        return all(s, is_ascii_visible) && !str_has(s, ';') ? NULL : "must be printable ASCII without blanks and ';'";
    case FORMAT_COOKIE_PATH:
        return str_starts(s, STR("/")) && all(s, is_ascii_visible) && !str_has(s, ';') ? NULL
                                                                                       : "must be a path that starts with '/'";
    case FORMAT_API_KEY: return check_api_key(s);
    case FORMAT_HEADER: return all(s, is_header_byte) ? NULL : "must be printable text on one line";
    case FORMAT_VERSION: return check_version(s);
    case FORMAT_ANY:
    case FORMAT_MAX_: break;
    }
    return NULL;
}

static size_t characters(struct str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) n += ((unsigned char)s.p[i] & 0xC0) != 0x80;
    return n;
}

/* A text or an element of a list. NULL when it is right. */
static const char *check_text(struct arena *a, const struct key_row *row, struct str s)
{
    if (!str_is_utf8(s)) return "is not UTF-8 text";
    if (!all(s, is_harmless)) return "contains a control character";
    if (characters(s) < (size_t)row->low) return arena_printf(a, "must be at least %d characters long", (int)row->low).p;
    return check_format(a, row->format, s);
}

/* ---- storing ---- */

struct subject {
    struct load *l;
    enum config_key key;
    const struct key_row *row;
    struct arena *own; /* the config's */
    void *member;
};

static const char *expected(struct arena *a, const char *what, const struct node *n)
{
    return arena_printf(a, "expected %s, but got %s", what, node_kind_name(n)).p;
}

static const char *quotes_remedy(const struct node *n)
{
    return n->kind == NODE_NULL ? "Give a value, or remove the key." : "Put the value in quotes.";
}

static const char *words_of(struct arena *a, const char *words)
{
    return ARENA_CAT(a, STR("must be one of: "), strs_join(a, strs_split(a, str_of(words), '|'), ", ")).p;
}

static void store_text(const struct subject *s, const struct node *n)
{
    const char *wrong = n->kind != NODE_TEXT ? expected(s->l->a, "string", n) : check_text(s->l->a, s->row, n->text);
    if (wrong != NULL)
        report_key(s->l, s->key, wrong, n->kind != NODE_TEXT ? quotes_remedy(n) : "");
    else
        *(struct str *)s->member = arena_dup(s->own, n->text);
}

static void store_yesno(const struct subject *s, const struct node *n)
{
    if (n->kind == NODE_BOOL)
        *(bool *)s->member = n->yes;
    else
        report_key(s->l, s->key, expected(s->l->a, "boolean", n), "Write true or false, without quotes.");
}

static void store_count(const struct subject *s, const struct node *n)
{
    const struct key_row *row = s->row;
    bool whole =
        n->kind == NODE_INT || (n->kind == NODE_REAL && n->real > -1e15 && n->real < 1e15 && n->real == (double)(int64_t)n->real);
    if (!whole) {
        report_key(s->l, s->key, expected(s->l->a, "integer", n), "Write a whole number, without quotes.");
        return;
    }
    int64_t i = n->kind == NODE_INT ? n->i : (int64_t)n->real;
    if (i >= row->low && i <= row->high)
        *(int64_t *)s->member = i;
    else
        report_key(s->l, s->key,
                   arena_printf(s->l->a, "must be between %lld and %lld", (long long)row->low, (long long)row->high).p, "");
}

static void store_ratio(const struct subject *s, const struct node *n)
{
    if (n->kind != NODE_INT && n->kind != NODE_REAL)
        report_key(s->l, s->key, expected(s->l->a, "number", n), "");
    else if (n->real < (double)s->row->low || n->real > (double)s->row->high)
        report_key(s->l, s->key, "must be between 0 and 1", "");
    else
        *(double *)s->member = n->real;
}

/* ^(\d+(ns|us|ms|s|m|h))+$ */
static bool span_text(struct str s, usec_t *ret)
{
    int64_t ns;
    for (size_t i = 0; i < s.n; i++)
        if (!isdigit((unsigned char)s.p[i]) && strchr("numsh", s.p[i]) == NULL) return false;
    TRY(s.n > 1 && duration_parse(s, &ns));
    *ret = ns / 1000;
    return true;
}

static void store_span(const struct subject *s, const struct node *n)
{
    usec_t span;
    bool endless =
        s->row->flags & FOREVER && ((n->kind == NODE_INT && n->i == -1) || (n->kind == NODE_TEXT && str_eq(n->text, STR("-1"))));
    if (endless)
        *(usec_t *)s->member = CONFIG_FOREVER;
    else if (n->kind == NODE_TEXT && span_text(n->text, &span))
        *(usec_t *)s->member = span;
    else
        report_key(s->l, s->key, n->kind == NODE_TEXT ? "is not a duration" : expected(s->l->a, "a duration as string", n),
                   "Write whole numbers with the units h, m, s, ms, us, ns, such as 1h30m.");
}

static void store_choice(const struct subject *s, const struct node *n)
{
    int word = n->kind == NODE_TEXT ? key_word(s->row->words, n->text) : -1;
    if (word >= 0)
        *(int *)s->member = word;
    else
        report_key(s->l, s->key, words_of(s->l->a, s->row->words), "");
}

static const char *check_item(const struct subject *s, const struct node *n)
{
    if (n->kind != NODE_TEXT) return expected(s->l->a, "string", n);
    if (s->row->words != NULL && key_word(s->row->words, n->text) < 0) return words_of(s->l->a, s->row->words);
    return check_text(s->l->a, s->row, n->text);
}

static void report_item(const struct subject *s, size_t index, const struct node *n, const char *reason)
{
    struct load *l = s->l;
    const char *remedy = n->kind == NODE_TEXT ? "" : quotes_remedy(n);
    struct config_place place = l->slots[s->key].place;
    if (place.origin == ORIGIN_FILE && n->line > 0) place.line = n->line;
    report_add(l, (struct config_problem) { .key = arena_printf(l->a, "%s.%zu", s->row->path, index),
                                            .place = place_text(l->a, &place),
                                            .value = s->row->flags & SECRET ? STR("(hidden)") : node_show(l->a, n),
                                            .reason = str_of(reason),
                                            .remedy = str_of(remedy) });
}

static void store_list(const struct subject *s, const struct node *n)
{
    struct strs list = { 0 };
    if (n->kind != NODE_LIST) {
        report_key(s->l, s->key, expected(s->l->a, "array", n), "Write a list of strings.");
        return;
    }
    for (size_t i = 0; i < n->n; i++) {
        const char *wrong = check_item(s, n->v[i].value);
        if (wrong != NULL)
            report_item(s, i, n->v[i].value, wrong);
        else
            strs_add(s->own, &list, arena_dup(s->own, n->v[i].value->text));
    }
    *(struct strs *)s->member = list;
}

static void store_map(const struct subject *s, const struct node *n)
{
    struct params map = { 0 };
    if (n->kind != NODE_MAP) {
        report_key(s->l, s->key, expected(s->l->a, "object", n), "");
        return;
    }
    for (size_t i = 0; i < n->n; i++) {
        struct str name = n->v[i].name;
        const struct node *value = n->v[i].value;
        const char *wrong = value->kind == NODE_TEXT ? check_text(s->l->a, s->row, value->text) : NULL;
        if (value->kind != NODE_TEXT)
            report_key(s->l, s->key, "must have texts as members", "Put the members' values in quotes.");
        else if (wrong != NULL)
            report_key(s->l, s->key, arena_printf(s->l->a, "has a member whose value %s", wrong).p, "");
        else if (s->row->format == FORMAT_HEADER && check_format(s->l->a, FORMAT_TOKEN, name) != NULL)
            report_key(s->l, s->key, "has a member whose name is not the name of a header", "");
        else
            params_add(s->own, &map, arena_dup(s->own, name), arena_dup(s->own, value->text));
    }
    *(struct params *)s->member = map;
}

static void store_default(const struct subject *s, void (*store)(const struct subject *s, const struct node *n))
{
    const struct node *node;
    const char *why;
    if (s->row->type == TYPE_CHOICE) *(int *)s->member = -1;
    if (s->row->def == NULL) return;
    if (value_decode(s->l->a, s->key, str_of(s->row->def), &node, &why)) store(s, node);
}

void values_store(struct load *l)
{
    static void (*const stores[TYPE_MAX_])(const struct subject *s, const struct node *n) = {
        [TYPE_TEXT] = store_text, [TYPE_YESNO] = store_yesno,   [TYPE_COUNT] = store_count, [TYPE_RATIO] = store_ratio,
        [TYPE_SPAN] = store_span, [TYPE_CHOICE] = store_choice, [TYPE_LIST] = store_list,   [TYPE_MAP] = store_map,
    };
    for (enum config_key k = 0; k < CONFIG_KEY_MAX_; k++) {
        struct subject s = { l, k, &config_keys[k], l->c->arena, key_member(l->c, k) };
        store_default(&s, stores[s.row->type]);
        if (l->slots[k].node != NULL) stores[s.row->type](&s, l->slots[k].node);
        l->c->places[k] = (struct config_place) { l->slots[k].place.origin, l->slots[k].place.line,
                                                  arena_dup(l->c->arena, l->slots[k].place.name) };
    }
}
