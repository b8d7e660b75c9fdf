/* Clients as JSON: decode, encode, document and reset, all from client.def. Knows types and shapes; what values mean is the
 * business of client_validate.c. */
#include <string.h>
#include <strings.h>

#include "client.h"

enum { LONGEST_LIST = 1000 };

enum type { TEXT, LIST, BOOL, TRI, KEYS, ANY, SPAN, TIME, ZERO, SECRET_OR_TOKEN };
enum flag { OMIT = 1, NULLS = 2, CURRENT = 4, COLUMN = 8, INPUT = 16, NOTES = 32, HIDDEN = 64 };

struct field {
    struct str name;
    enum type type;
    unsigned flags;
    size_t at; /* in struct client; of extras, in struct client_extras */
    size_t limit;
};

#define FIELD(name_, type_, member_, flags_, limit_) { STR(name_), type_, flags_, offsetof(struct client, member_), limit_ },
#define EXTRA(name_, member_, flags_)                { STR(name_), SECRET_OR_TOKEN, flags_, offsetof(struct client_extras, member_), 0 },
static const struct field fields[] = {
#include "client.def"
};
#undef FIELD
#undef EXTRA

/* Every row's member has the C type that its row type stands for. */
typedef struct str c_TEXT, c_ZERO;
typedef struct strs c_LIST;
typedef bool c_BOOL;
typedef enum tristate c_TRI;
typedef json_t *c_KEYS, *c_ANY;
typedef int64_t c_SPAN, c_TIME;
#define FIELD(name_, type_, member_, flags_, limit_) \
    _Static_assert(__builtin_types_compatible_p(__typeof__(((struct client *)0)->member_), c_##type_), name_);
#define EXTRA(name_, member_, flags_)
#include "client.def"
#undef FIELD
#undef EXTRA

/* ---- reading ---- */

static const char *kind_of(const json_t *value)
{
    static const char *const names[] = {
        [JSON_OBJECT] = "an object", [JSON_ARRAY] = "an array", [JSON_STRING] = "a string", [JSON_INTEGER] = "a number",
        [JSON_REAL] = "a number",    [JSON_TRUE] = "true",      [JSON_FALSE] = "false",     [JSON_NULL] = "null",
    };
    return names[json_typeof(value)];
}

static bool wrong_type(struct str name, const char *wanted, const json_t *value, struct err *e)
{
    FAILF(e, BAD_REQUEST, "Unable to decode the request body: %.*s must be %s, not %s.", STR_FMT(name), wanted, kind_of(value));
}

/* NUL has no place in a column of text, and C programs that read the value would see only a part of it. */
static bool read_string(struct arena *a, struct str name, size_t limit, const json_t *value, struct str *ret, struct err *e)
{
    if (!json_is_string(value)) return wrong_type(name, "a string", value, e);
    struct str text = json_str(value);
    ENSUREF(!str_has(text, '\0'), e, INVALID_CLIENT_METADATA, "Field %.*s must not contain NUL characters.", STR_FMT(name));
    ENSUREF(limit == 0 || text.n <= limit, e, INVALID_CLIENT_METADATA, "Field %.*s must not be longer than %zu bytes.",
            STR_FMT(name), limit);
    *ret = arena_dup(a, text);
    return true;
}

static bool read_text(const struct field *f, struct arena *a, void *slot, const json_t *value, struct err *e)
{
    if (json_is_null(value)) return true;
    return read_string(a, f->name, f->limit, value, slot, e);
}

static bool read_list(const struct field *f, struct arena *a, void *slot, const json_t *value, struct err *e)
{
    if (json_is_null(value)) return true;
    if (!json_is_array(value)) return wrong_type(f->name, "an array of strings", value, e);
    size_t n = json_array_size(value);
    ENSUREF(n <= LONGEST_LIST, e, INVALID_CLIENT_METADATA, "Field %.*s must not have more than %d entries.", STR_FMT(f->name),
            LONGEST_LIST);

    struct strs list = { ARENA_ARRAY(a, struct str, n + 1), n }; /* never NULL: the list was given */
    for (size_t i = 0; i < n; i++) {
        const json_t *item = json_array_get(value, i);
        if (json_is_null(item)) continue; /* reads as an empty text */
        char name[80];
        snprintf(name, sizeof(name), "%s[%zu]", f->name.p, i);
        TRY(read_string(a, str_of(name), f->limit, item, &list.v[i], e));
    }
    *(struct strs *)slot = list;
    return true;
}

static bool read_bool(const struct field *f, struct arena *a, void *slot, const json_t *value, struct err *e)
{
    (void)a;
    if (json_is_null(value)) return true;
    if (!json_is_boolean(value)) return wrong_type(f->name, "true or false", value, e);
    *(bool *)slot = json_is_true(value);
    return true;
}

static bool read_tri(const struct field *f, struct arena *a, void *slot, const json_t *value, struct err *e)
{
    (void)a;
    if (!json_is_boolean(value) && !json_is_null(value)) return wrong_type(f->name, "true, false or null", value, e);
    *(enum tristate *)slot = json_is_null(value) ? TRI_NULL : json_is_true(value) ? TRI_TRUE : TRI_FALSE;
    return true;
}

static void release(void *value) { json_decref(value); }

static json_t *keep(struct arena *a, const json_t *value)
{
    json_t *kept = json_incref((json_t *)value); /* counting is the only change */
    arena_defer(a, release, kept);
    return kept;
}

static bool read_any(const struct field *f, struct arena *a, void *slot, const json_t *value, struct err *e)
{
    (void)f, (void)e;
    *(json_t **)slot = keep(a, value);
    return true;
}

static bool read_keys(const struct field *f, struct arena *a, void *slot, const json_t *value, struct err *e)
{
    if (json_is_null(value)) return true;
    if (!json_is_object(value)) return wrong_type(f->name, "an object", value, e);
    const json_t *keys = json_member(value, "keys");
    if (keys != NULL && !json_is_null(keys) && !json_is_array(keys)) return wrong_type(STR("jwks.keys"), "an array", keys, e);
    *(json_t **)slot = json_object_size(value) > 0 ? keep(a, value) : NULL; /* {} is how an unset member is shown */
    return true;
}

static bool read_span(const struct field *f, struct arena *a, void *slot, const json_t *value, struct err *e)
{
    (void)a;
    int64_t ns = LIFESPAN_UNSET;
    if (!json_is_null(value)) {
        if (!json_is_string(value)) return wrong_type(f->name, "a string such as \"1h30m\"", value, e);
        ENSUREF(duration_parse(json_str(value), &ns), e, BAD_REQUEST,
                "Unable to decode the request body: %.*s must be a duration such as 1h30m (units ns, us, ms, s, m, h).",
                STR_FMT(f->name));
    }
    *(int64_t *)slot = ns;
    return true;
}

/* Times and the secret's expiry are the server's own; what a request says is not kept, but has to be of their type. */
static bool check_time(const struct field *f, struct arena *a, void *slot, const json_t *value, struct err *e)
{
    (void)a, (void)slot;
    usec_t ignored;
    if (json_is_null(value)) return true;
    if (!json_is_string(value)) return wrong_type(f->name, "a string such as \"2006-01-02T15:04:05Z\"", value, e);
    ENSUREF(time_parse_rfc3339(json_str(value), &ignored), e, BAD_REQUEST,
            "Unable to decode the request body: %.*s must be a time such as 2006-01-02T15:04:05Z.", STR_FMT(f->name));
    return true;
}

static bool check_integer(const struct field *f, struct arena *a, void *slot, const json_t *value, struct err *e)
{
    (void)a, (void)slot;
    return json_is_integer(value) || json_is_null(value) || wrong_type(f->name, "a whole number", value, e);
}

/* ---- writing ---- */

static bool text_empty(const void *slot) { return ((const struct str *)slot)->n == 0; }
static bool list_empty(const void *slot) { return ((const struct strs *)slot)->n == 0; }
static bool bool_empty(const void *slot) { return !*(const bool *)slot; }
static bool tri_empty(const void *slot) { return *(const enum tristate *)slot == TRI_NULL; }
static bool json_empty(const void *slot) { return *(json_t *const *)slot == NULL; }
static bool span_empty(const void *slot) { return *(const int64_t *)slot == LIFESPAN_UNSET; }

static void write_text(const struct field *f, struct jw *w, const void *slot) { jw_str(w, f->name.p, *(const struct str *)slot); }
static void write_list(const struct field *f, struct jw *w, const void *slot)
{
    jw_strs(w, f->name.p, *(const struct strs *)slot);
}

static void write_bool(const struct field *f, struct jw *w, const void *slot) { jw_bool(w, f->name.p, *(const bool *)slot); }

static void write_zero(const struct field *f, struct jw *w, const void *slot)
{
    (void)slot;
    jw_int(w, f->name.p, 0);
}

static void write_tri(const struct field *f, struct jw *w, const void *slot)
{
    if (tri_empty(slot))
        jw_null(w, f->name.p);
    else
        jw_bool(w, f->name.p, *(const enum tristate *)slot == TRI_TRUE);
}

static void write_json(const struct field *f, struct jw *w, const void *slot)
{
    if (json_empty(slot))
        jw_raw(w, f->name.p, STR("{}"));
    else
        jw_value(w, f->name.p, *(json_t *const *)slot);
}

static void write_span(const struct field *f, struct jw *w, const void *slot)
{
    if (span_empty(slot))
        jw_null(w, f->name.p);
    else
        jw_str(w, f->name.p, duration_format(w->out->arena, *(const int64_t *)slot));
}

static void write_time(const struct field *f, struct jw *w, const void *slot)
{
    jw_str(w, f->name.p, time_rfc3339(w->out->arena, *(const usec_t *)slot, (int)f->limit));
}

struct type_ops {
    bool (*read)(const struct field *f, struct arena *a, void *slot, const json_t *value, struct err *e);
    bool (*empty)(const void *slot);
    void (*write)(const struct field *f, struct jw *w, const void *slot);
    size_t size; /* 0: nothing is kept */
};
static const struct type_ops types[] = {
    [TEXT] = { read_text, text_empty, write_text, sizeof(struct str) },
    [LIST] = { read_list, list_empty, write_list, sizeof(struct strs) },
    [BOOL] = { read_bool, bool_empty, write_bool, sizeof(bool) },
    [TRI] = { read_tri, tri_empty, write_tri, sizeof(enum tristate) },
    [KEYS] = { read_keys, json_empty, write_json, sizeof(json_t *) },
    [ANY] = { read_any, json_empty, write_json, sizeof(json_t *) },
    [SPAN] = { read_span, span_empty, write_span, sizeof(int64_t) },
    [TIME] = { check_time, NULL, write_time, 0 },
    [ZERO] = { check_integer, NULL, write_zero, 0 },
    [SECRET_OR_TOKEN] = { read_text, text_empty, write_text, 0 },
};

/* ---- whole clients ---- */

static const struct field *find(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        if (str_eq_nocase(fields[i].name, name)) return &fields[i];
    return NULL;
}

static void clear(const struct field *f, struct client *c)
{
    void *slot = (char *)c + f->at;
    memset(slot, 0, types[f->type].size);
    if (f->type == SPAN) *(int64_t *)slot = LIFESPAN_UNSET;
}

struct client *client_new(struct arena *a)
{
    struct client *c = ARENA_NEW(a, struct client);
    c->arena = a;
    client_reset(c, false);
    return c;
}

void client_reset(struct client *c, bool v1)
{
    struct str id = c->id;
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        const struct field *f = &fields[i];
        if (f->type == SECRET_OR_TOKEN || (f->flags & HIDDEN) != 0 || (v1 && (f->flags & CURRENT) != 0)) continue;
        clear(f, c);
    }
    c->id = id;
}

static bool read_member(struct client *c, struct client_extras *x, const struct field *f, const json_t *value, struct err *e)
{
    struct str ignored;
    void *slot = (char *)c + f->at;
    if ((f->flags & HIDDEN) != 0 && x != NULL) return true;
    if (f->type == SECRET_OR_TOKEN) slot = (f->flags & INPUT) != 0 && x != NULL ? (void *)((char *)x + f->at) : &ignored;
    return types[f->type].read(f, c->arena, slot, value, e);
}

static bool decode(struct client *c, struct client_extras *x, const json_t *object, bool lifespans_only, struct err *e)
{
    if (json_is_null(object)) return true;
    if (!json_is_object(object)) return wrong_type(STR("the client"), "an object", object, e);

    json_t *all = (json_t *)object; /* jansson's iterators are not const */
    for (void *at = json_object_iter(all); at != NULL; at = json_object_iter_next(all, at)) {
        const struct field *f = find(str_of(json_object_iter_key(at)));
        if (f == NULL || (lifespans_only && f->type != SPAN)) continue;
        TRY(read_member(c, x, f, json_object_iter_value(at), e));
    }
    return true;
}

bool client_decode(struct client *c, struct client_extras *x, const json_t *object, struct err *e)
{
    return decode(c, x, object, false, e);
}

bool client_decode_lifespans(struct client *c, const json_t *object, struct err *e) { return decode(c, NULL, object, true, e); }

static void write_member(struct jw *w, const struct field *f, const void *slot, enum client_view view)
{
    const struct type_ops *t = &types[f->type];
    if ((f->flags & OMIT) != 0 && t->empty(slot)) return;
    if ((f->flags & NOTES) != 0 && view == CLIENT_SELF) return;
    if (view == CLIENT_CREATED && (f->flags & NULLS) != 0 && ((const struct strs *)slot)->v == NULL)
        jw_null(w, f->name.p);
    else
        t->write(f, w, slot);
}

void client_write(struct jw *w, const char *name, const struct client *c, enum client_view view, bool v1,
                  const struct client_extras *extras)
{
    static const struct client_extras none = { 0 };
    if (extras == NULL) extras = &none;

    jw_object(w, name);
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        const struct field *f = &fields[i];
        if ((f->flags & HIDDEN) != 0 || (v1 && (f->flags & CURRENT) != 0)) continue;
        if (f->type != SECRET_OR_TOKEN)
            write_member(w, f, (const char *)c + f->at, view);
        else if (!text_empty((const char *)extras + f->at))
            write_text(f, w, (const char *)extras + f->at);
    }
    jw_end(w);
}

struct str client_doc(struct arena *a, const struct client *c)
{
    struct buf out = BUF(a);
    struct jw w = JW(&out);
    jw_object(&w, NULL);
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        const struct field *f = &fields[i];
        const void *slot = (const char *)c + f->at;
        if (types[f->type].size == 0 || (f->flags & COLUMN) != 0) continue;
        if (!types[f->type].empty(slot)) types[f->type].write(f, &w, slot);
    }
    jw_end(&w);
    return buf_str(&out);
}

bool client_from_row(struct arena *a, const struct client_row *row, struct client **ret, struct err *e)
{
    ARENA_AUTO scratch = arena_new();
    struct client *c = client_new(a);
    json_t *doc;
    if (!json_read(scratch, row->doc, &doc, NULL, e) || !client_decode(c, NULL, doc, e)) {
        FAILF(e, SERVER_ERROR, "The stored metadata of client %.*s cannot be read.", STR_FMT(row->id));
    }
    c->id = arena_dup(a, row->id);
    c->name = arena_dup(a, row->name);
    c->owner = arena_dup(a, row->owner);
    c->scopes = strs_words(a, c->scope);
    c->version = row->version;
    c->secret_hash = arena_dup(a, row->secret_hash);
    c->rotated = strs_dup(a, row->rotated);
    c->registration = row->registration;
    c->created_at = row->created_at;
    c->updated_at = row->updated_at;
    *ret = c;
    return true;
}
