/* What --format jsonpath=EXPR and jsonpointer=PTR select. */
#include <fnmatch.h>
#include <string.h>

#include "cli/output_int.h"

static json_t *or_null(json_t *selected) { return selected != NULL ? selected : json_null(); }

static const json_t *child_of(struct arena *a, const json_t *v, struct str name)
{
    int64_t i;
    if (json_is_object(v)) return json_object_get(v, arena_dupz(a, name));
    return json_is_array(v) && str_to_int(name, &i) && i >= 0 ? json_array_get(v, (size_t)i) : NULL;
}

/* ---- GJSON ---- */

/* The part before the next `end` that is neither escaped nor inside brackets; as str_cut leaves the rest. */
static struct str cut_at(struct str *path, char end)
{
    int depth = 0;
    for (size_t i = 0; i < path->n; i++) {
        char c = path->p[i];
        if (c == '\\')
            i++;
        else if (strchr("([{", c) != NULL && c != '\0')
            depth++;
        else if (strchr(")]}", c) != NULL && c != '\0')
            depth--;
        else if (c == end && depth <= 0) {
            struct str part = str_upto(*path, i);
            *path = str_from(*path, i + 1);
            return part;
        }
    }
    struct str part = *path;
    *path = STR_NONE;
    return part;
}

static struct str unescape(struct arena *a, struct str s)
{
    struct buf b = BUF(a);
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\\' && i + 1 < s.n) i++;
        buf_addc(&b, s.p[i]);
    }
    return buf_str(&b);
}

static json_t *select_gjson(struct arena *a, const json_t *v, struct str path);

/* "#(name==value)": an array's members by a condition on what `name` selects in each; an empty name means the member itself. */
struct query {
    struct str name, value;
    bool equal, pattern, all;
};

static bool read_query(struct str part, struct query *ret)
{
    if (!str_starts(part, STR("#("))) return false;
    *ret = (struct query) { .all = str_ends(part, STR(")#")) };
    size_t end = part.n - (ret->all ? 2 : 1);
    if (end < 2 || part.p[end] != ')') return false;
    struct str inside = str_upto(str_from(part, 2), end - 2);
    for (size_t i = 0; i < inside.n; i++) {
        struct str rest = str_from(inside, i);
        ret->equal = str_starts(rest, STR("=="));
        ret->pattern = str_starts(rest, STR("%"));
        if (!ret->equal && !ret->pattern && !str_starts(rest, STR("!="))) continue;
        ret->name = str_trim(str_upto(inside, i));
        ret->value = str_trim(str_from(rest, ret->pattern ? 1 : 2));
        if (ret->value.n >= 2 && str_starts(ret->value, STR("\"")) && str_ends(ret->value, STR("\"")))
            ret->value = str_upto(str_from(ret->value, 1), ret->value.n - 2);
        return true;
    }
    return false;
}

static bool query_matches(struct arena *a, const struct query *q, const json_t *member)
{
    json_t *found = q->name.n > 0 ? select_gjson(a, member, q->name) : json_incref((json_t *)member);
    if (found == NULL) return false;
    struct str text = json_is_string(found) ? json_str(found) : json_text(a, found, true);
    bool matches =
        q->pattern ? fnmatch(arena_dupz(a, q->value), arena_dupz(a, text), 0) == 0 : str_eq(text, q->value) == q->equal;
    json_decref(found);
    return matches;
}

/* What `path` selects in each member of the array (that matches, if there is a query). */
static json_t *select_each(struct arena *a, const json_t *array, const struct query *q, struct str path)
{
    json_t *all = json_array();
    for (size_t i = 0; i < json_array_size(array); i++) {
        const json_t *member = json_array_get(array, i);
        if (q != NULL && !query_matches(a, q, member)) continue;
        json_t *one = select_gjson(a, member, path);
        if (one != NULL) json_array_append_new(all, one);
    }
    return all;
}

static const json_t *first_match(struct arena *a, const json_t *array, const struct query *q)
{
    for (size_t i = 0; i < json_array_size(array); i++)
        if (query_matches(a, q, json_array_get(array, i))) return json_array_get(array, i);
    return NULL;
}

static bool is_several(struct str part)
{
    return (str_starts(part, STR("[")) && str_ends(part, STR("]"))) || (str_starts(part, STR("{")) && str_ends(part, STR("}")));
}

/* What a path of several is called in the object: what stands before its colon, or its last part. */
static struct str cut_name(struct arena *a, struct str *path)
{
    struct str rest = *path, name = cut_at(&rest, ':');
    if (rest.p == NULL) {
        for (rest = *path; rest.p != NULL;) name = cut_at(&rest, '.');
        return unescape(a, name);
    }
    *path = rest;
    bool quoted = name.n >= 2 && str_starts(name, STR("\"")) && str_ends(name, STR("\""));
    return quoted ? str_upto(str_from(name, 1), name.n - 2) : name;
}

/* "[a,b]" and "{a,\"name\":b}": what several paths select, as an array or an object. What is not there is left out. */
static const json_t *select_several(struct arena *a, const json_t *v, struct str part)
{
    const bool object = str_starts(part, STR("{"));
    json_t *all = object ? json_object() : json_array();
    arena_defer(a, (void (*)(void *))json_decref, all);
    for (struct str rest = str_upto(str_from(part, 1), part.n - 2); rest.p != NULL;) {
        struct str path = cut_at(&rest, ','), name = object ? cut_name(a, &path) : STR_NONE;
        json_t *one = path.n > 0 ? select_gjson(a, v, path) : NULL;
        if (one == NULL) continue;
        if (object)
            json_object_set_new(all, arena_dupz(a, name), one);
        else
            json_array_append_new(all, one);
    }
    return all;
}

/* NULL when there is nothing. */
static json_t *select_gjson(struct arena *a, const json_t *v, struct str path)
{
    while (path.p != NULL && v != NULL) {
        struct str part = cut_at(&path, '.');
        struct query q;
        bool query = json_is_array(v) && read_query(part, &q);
        if (json_is_array(v) && str_eq(part, STR("#")))
            return path.p == NULL ? json_integer((json_int_t)json_array_size(v)) : select_each(a, v, NULL, path);
        if (query && q.all) return select_each(a, v, &q, path);
        v = query ? first_match(a, v, &q) : is_several(part) ? select_several(a, v, part) : child_of(a, v, unescape(a, part));
    }
    return json_incref((json_t *)v);
}

json_t *gjson_select(struct arena *a, const json_t *value, struct str path)
{
    return or_null(path.n == 0 || str_eq(path, STR("@this")) ? json_incref((json_t *)value) : select_gjson(a, value, path));
}

/* ---- RFC 6901 ---- */

/* RFC 6901 4: "~1" is "/", "~0" is "~". */
static struct str pointer_name(struct arena *a, struct str part)
{
    struct buf b = BUF(a);
    for (size_t i = 0; i < part.n; i++) {
        bool escaped = part.p[i] == '~' && i + 1 < part.n && (part.p[i + 1] == '0' || part.p[i + 1] == '1');
        if (escaped) i++;
        buf_addc(&b, !escaped ? part.p[i] : part.p[i] == '0' ? '~' : '/');
    }
    return buf_str(&b);
}

json_t *pointer_select(struct arena *a, const json_t *value, struct str pointer)
{
    const json_t *v = value;
    struct str rest = pointer.n > 0 ? str_from(pointer, 1) : STR_NONE;
    while (rest.p != NULL && v != NULL) v = child_of(a, v, pointer_name(a, str_cut(&rest, '/')));
    return or_null(json_incref((json_t *)v));
}
