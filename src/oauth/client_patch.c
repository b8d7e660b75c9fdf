/* JSON Patch (RFC 6902) on a client as it is shown, with two leniencies that deployed callers rely on: `replace` of a member that
 * is not there adds it, and `add` makes missing parents. Every limit is here so that a small patch cannot grow a large client. */
#include <string.h>

#include "client.h"

enum { MOST_OPERATIONS = 1000, DEEPEST = 64, MOST_COPIED = 1 << 20 };

struct pointer {
    struct str v[DEEPEST]; /* NUL-terminated */
    size_t n;
};

struct patch {
    struct arena *arena;
    json_t *root;
    size_t number; /* of the operation at work, from 0 */
    size_t copied; /* bytes that `copy` has added, roughly */
    struct err *e;
};

#define REFUSE(p, ...) return refuse((p), arena_printf((p)->arena, __VA_ARGS__).p)
static bool refuse(const struct patch *p, const char *why)
{
    FAILF(p->e, BAD_REQUEST, "Operation %zu of the JSON Patch: %s.", p->number, why);
}

/* ---- pointers (RFC 6901) ---- */

/* ~1 is a slash, ~0 a tilde. False on any other tilde. */
static bool unescape(struct arena *a, struct str text, struct str *ret)
{
    struct buf out = BUF(a);
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (c == '~') {
            if (++i == text.n || (text.p[i] != '0' && text.p[i] != '1')) return false;
            c = text.p[i] == '0' ? '~' : '/';
        }
        buf_addc(&out, c);
    }
    *ret = arena_dup(a, buf_str(&out));
    return true;
}

static bool forbidden(struct str member)
{
    return str_eq_nocase(member, STR("id")) || str_eq_nocase(member, STR("rotated_secrets")) ||
           str_eq_nocase(member, STR("rotatedsecrets"));
}

static bool read_pointer(struct patch *p, const json_t *operation, const char *name, struct pointer *ret)
{
    struct str text = json_str(json_member(operation, name));
    if (text.p == NULL) REFUSE(p, "'%s' is missing or no string", name);
    if (forbidden(text)) REFUSE(p, "'%s' names a member that cannot be changed", name);
    if (text.n == 0 || text.p[0] != '/') REFUSE(p, "'%s' must start with a slash and name a member", name);
    if (str_has(text, '\0')) REFUSE(p, "'%s' must not contain NUL characters", name);

    text = str_from(text, 1);
    if (text.n == 0) text = STR("");
    ret->n = 0;
    while (text.p != NULL) {
        if (ret->n == DEEPEST) REFUSE(p, "'%s' has more than %d parts", name, DEEPEST);
        if (!unescape(p->arena, str_cut(&text, '/'), &ret->v[ret->n++])) REFUSE(p, "'%s' has a bad escape", name);
    }
    if (forbidden(ret->v[0])) REFUSE(p, "'%s' names a member that cannot be changed", name);
    return true;
}

/* An index as RFC 6901 4 writes it: digits without leading zeros. */
static bool read_index(struct str text, size_t *ret)
{
    int64_t index;
    if (text.n == 0 || text.p[0] == '-' || (text.n > 1 && text.p[0] == '0') || !str_to_int(text, &index)) return false;
    *ret = (size_t)index;
    return true;
}

static json_t *child(const json_t *node, struct str part)
{
    size_t index;
    if (json_is_object(node)) return json_object_get(node, part.p);
    if (json_is_array(node) && read_index(part, &index)) return json_array_get(node, index);
    return NULL;
}

/* A list that is empty may not be shown, but what is added at its end, or as its first item, needs a list all the same. */
static json_t *made_for(const struct pointer *at, size_t number)
{
    const struct str next = at->v[number + 1];
    const bool item = number + 2 == at->n && (str_eq(next, STR("-")) || str_eq(next, STR("0")));
    return item ? json_array() : json_object();
}

/* What holds the last part; NULL when it is not there. `make`: what is missing, or null, on the way is made. */
static json_t *parent_of(const struct patch *p, const struct pointer *at, bool make)
{
    json_t *node = p->root;
    for (size_t i = 0; i + 1 < at->n && node != NULL; i++) {
        json_t *next = child(node, at->v[i]);
        if ((next == NULL || json_is_null(next)) && make && json_is_object(node)) {
            next = made_for(at, i);
            json_object_set_new(node, at->v[i].p, next);
        }
        node = next;
    }
    return node;
}

static json_t *value_at(const struct patch *p, const struct pointer *at)
{
    const json_t *parent = parent_of(p, at, false);
    return parent != NULL ? child(parent, at->v[at->n - 1]) : NULL;
}

/* ---- values ---- */

static size_t depth_of(const json_t *value)
{
    size_t deepest = 0, index;
    const char *name;
    json_t *item, *object = (json_t *)value; /* jansson's iterators are not const */
    if (!json_is_object(value) && !json_is_array(value)) return 0;
    json_object_foreach(object, name, item)
    {
        size_t depth = depth_of(item);
        if (depth > deepest) deepest = depth;
    }
    json_array_foreach(value, index, item)
    {
        size_t depth = depth_of(item);
        if (depth > deepest) deepest = depth;
    }
    return deepest + 1;
}

static bool add_to_array(struct patch *p, json_t *array, struct str part, json_t *value, bool over)
{
    size_t index;
    if (str_eq(part, STR("-")) && !over) {
        json_array_append(array, value);
        return true;
    }
    if (!read_index(part, &index)) REFUSE(p, "'%.*s' is no index of an array", STR_FMT(part));
    if (index > json_array_size(array) || (over && index == json_array_size(array)))
        REFUSE(p, "the array has no index %zu", index);
    if (over)
        json_array_set(array, index, value);
    else
        json_array_insert(array, index, value);
    return true;
}

/* Puts `value` where `at` points; `over`: in the place of what is there. */
static bool put(struct patch *p, const struct pointer *at, json_t *value, bool over)
{
    if (at->n + depth_of(value) > DEEPEST) REFUSE(p, "the result would nest more than %d levels deep", DEEPEST);
    json_t *parent = parent_of(p, at, true);
    struct str last = at->v[at->n - 1];
    if (json_is_array(parent)) return add_to_array(p, parent, last, value, over);
    if (!json_is_object(parent)) REFUSE(p, "'path' leads through a value that is no object and no array");
    json_object_set(parent, last.p, value);
    return true;
}

static void release(void *value) { json_decref(value); }

static json_t *copy_of(struct patch *p, const json_t *value)
{
    json_t *copy = json_deep_copy(value);
    arena_defer(p->arena, release, copy);
    return copy;
}

/* ---- operations ---- */

static bool op_value(struct patch *p, const json_t *operation, json_t **ret)
{
    *ret = json_member(operation, "value");
    if (*ret == NULL) REFUSE(p, "'value' is missing");
    return true;
}

static bool op_add(struct patch *p, const json_t *operation, const struct pointer *at)
{
    json_t *value;
    TRY(op_value(p, operation, &value));
    return put(p, at, copy_of(p, value), false);
}

static bool op_replace(struct patch *p, const json_t *operation, const struct pointer *at)
{
    json_t *value;
    TRY(op_value(p, operation, &value));
    return put(p, at, copy_of(p, value), true);
}

static bool op_remove(struct patch *p, const json_t *operation, const struct pointer *at)
{
    (void)operation;
    size_t index;
    if (value_at(p, at) == NULL) REFUSE(p, "there is nothing at 'path' to remove");
    json_t *parent = parent_of(p, at, false);
    struct str last = at->v[at->n - 1];
    if (json_is_object(parent))
        json_object_del(parent, last.p);
    else if (read_index(last, &index))
        json_array_remove(parent, index);
    return true;
}

static bool same(const json_t *a, const json_t *b);

static bool same_members(const json_t *a, const json_t *b)
{
    const char *name;
    json_t *item, *object = (json_t *)a; /* jansson's iterators are not const */
    if (json_object_size(a) != json_object_size(b)) return false;
    json_object_foreach(object, name, item) if (!same(item, json_object_get(b, name))) return false;
    return true;
}

static bool same_items(const json_t *a, const json_t *b)
{
    if (json_array_size(a) != json_array_size(b)) return false;
    for (size_t i = 0; i < json_array_size(a); i++)
        if (!same(json_array_get(a, i), json_array_get(b, i))) return false;
    return true;
}

/* RFC 6902 4.6: "numbers: are considered equal if their values are numerically equal", however they are written. */
static bool same(const json_t *a, const json_t *b)
{
    if (json_is_object(a) && json_is_object(b)) return same_members(a, b);
    if (json_is_array(a) && json_is_array(b)) return same_items(a, b);
    if (json_is_real(a) || json_is_real(b))
        return json_is_number(a) && json_is_number(b) && json_number_value(a) == json_number_value(b);
    return json_equal(a, b);
}

static bool op_test(struct patch *p, const json_t *operation, const struct pointer *at)
{
    json_t *value, *found = value_at(p, at);
    TRY(op_value(p, operation, &value));
    /* RFC 5789 2.2: a patch that does not suit the resource's state is a conflict, not a malformed request. */
    ENSUREF(found != NULL && same(found, value), p->e, CONFLICT, "Operation %zu of the JSON Patch: the test failed.", p->number);
    return true;
}

static bool op_copy(struct patch *p, const json_t *operation, const struct pointer *at)
{
    struct pointer from;
    TRY(read_pointer(p, operation, "from", &from));
    const json_t *value = value_at(p, &from);
    if (value == NULL) REFUSE(p, "there is nothing at 'from'");
    ARENA_AUTO scratch = arena_new();
    p->copied += json_text(scratch, value, false).n;
    if (p->copied > MOST_COPIED) REFUSE(p, "more than %d bytes are copied", MOST_COPIED);
    return put(p, at, copy_of(p, value), false);
}

static bool op_move(struct patch *p, const json_t *operation, const struct pointer *at)
{
    struct pointer from;
    TRY(read_pointer(p, operation, "from", &from));
    json_t *value = value_at(p, &from);
    if (value == NULL) REFUSE(p, "there is nothing at 'from'");
    /* RFC 6902 4.4: "The 'from' location MUST NOT be a proper prefix of the 'path' location" */
    bool inside = from.n < at->n;
    for (size_t i = 0; inside && i < from.n; i++) inside = str_eq(from.v[i], at->v[i]);
    if (inside) REFUSE(p, "a value cannot be moved into itself");

    arena_defer(p->arena, release, json_incref(value));
    TRY(op_remove(p, operation, &from));
    return put(p, at, value, false);
}

static const struct {
    const char *name;
    bool (*apply)(struct patch *p, const json_t *operation, const struct pointer *at);
} operations[] = {
    { "add", op_add },   { "remove", op_remove }, { "replace", op_replace },
    { "move", op_move }, { "copy", op_copy },     { "test", op_test },
};

static bool apply(struct patch *p, const json_t *operation)
{
    struct str name = json_str(json_member(operation, "op"));
    struct pointer at;
    for (size_t i = 0; i < ARRAY_LEN(operations); i++) {
        if (!str_eq(name, str_of(operations[i].name))) continue;
        TRY(read_pointer(p, operation, "path", &at));
        return operations[i].apply(p, operation, &at);
    }
    REFUSE(p, "'op' must be one of add, remove, replace, move, copy, test");
}

bool client_patch(struct client *c, struct client_extras *x, const json_t *patch, struct err *e)
{
    if (json_is_null(patch)) return true;
    ENSURE(json_is_array(patch), e, BAD_REQUEST, "Unable to decode the request body: a JSON Patch must be an array.");
    ENSUREF(json_array_size(patch) <= MOST_OPERATIONS, e, BAD_REQUEST, "A JSON Patch must not have more than %d operations.",
            MOST_OPERATIONS);

    ARENA_AUTO scratch = arena_new();
    struct buf text = BUF(scratch);
    client_write(&JW(&text), NULL, c, CLIENT_READ, false, NULL);
    struct patch p = { .arena = scratch, .e = e };
    TRY(json_read(scratch, buf_str(&text), &p.root, NULL, e));
    for (; p.number < json_array_size(patch); p.number++) TRY(apply(&p, json_array_get(patch, p.number)));

    client_reset(c, false);
    return client_decode(c, x, p.root, e);
}
