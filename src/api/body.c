/* Reading JSON bodies by table. Knows types and limits; what values mean is the business of whoever has the table. */
#include "api/body.h"

#define REFUSE(e, ...) FAILF(e, INVALID_REQUEST, "Unable to decode body because: " __VA_ARGS__)

static bool read_text(struct arena *a, const struct body_member *m, const json_t *v, struct str *ret, struct err *e)
{
    if (!json_is_string(v)) REFUSE(e, "'%s' must be a string.", m->name);
    struct str text = json_str(v);
    if (str_has(text, '\0')) REFUSE(e, "'%s' must not contain NUL characters.", m->name);
    if (m->limit > 0 && text.n > m->limit) REFUSE(e, "'%s' must not be longer than %zu bytes.", m->name, m->limit);
    *ret = arena_dup(a, text);
    return true;
}

static bool read_texts(struct arena *a, const struct body_member *m, const json_t *v, struct strs *ret, struct err *e)
{
    if (!json_is_array(v)) REFUSE(e, "'%s' must be an array of strings.", m->name);
    size_t n = json_array_size(v);
    if (n > BODY_LIST_MAX) REFUSE(e, "'%s' must not have more than %d entries.", m->name, BODY_LIST_MAX);
    struct strs list = { ARENA_ARRAY(a, struct str, n + 1), n };
    for (size_t i = 0; i < n; i++) {
        const json_t *item = json_array_get(v, i);
        list.v[i] = STR("");
        if (json_is_null(item)) continue;
        if (!json_is_string(item)) REFUSE(e, "'%s' must be an array of strings.", m->name);
        TRY(read_text(a, m, item, &list.v[i], e));
    }
    *ret = list;
    return true;
}

static bool read_member(struct arena *a, const struct body_member *m, json_t *v, void *at, struct err *e)
{
    switch (m->type) {
    case BODY_TEXT: return read_text(a, m, v, at, e);
    case BODY_TEXTS: return read_texts(a, m, v, at, e);
    case BODY_BOOL:
        if (!json_is_boolean(v)) REFUSE(e, "'%s' must be true or false.", m->name);
        *(bool *)at = json_is_true(v);
        return true;
    case BODY_INT:
        if (!json_is_integer(v)) REFUSE(e, "'%s' must be a whole number.", m->name);
        *(int64_t *)at = json_integer_value(v);
        return true;
    case BODY_TIME:
        if (!time_parse_rfc3339(json_str(v), at)) REFUSE(e, "'%s' must be a time such as 2006-01-02T15:04:05Z.", m->name);
        return true;
    case BODY_ANY: *(struct str *)at = json_text(a, v, false); return true;
    case BODY_OBJECT:
    case BODY_CLAIMS: break;
    }
    if (!json_is_object(v)) REFUSE(e, "'%s' must be an object.", m->name);
    if (m->type == BODY_OBJECT)
        *(json_t **)at = v;
    else if (json_object_size(v) > 0)
        *(struct str *)at = json_text(a, v, false);
    return true;
}

bool body_read_object(struct arena *a, const json_t *object, const struct body_member *members, size_t n, void *into,
                      struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        json_t *v = json_member(object, members[i].name);
        if (v == NULL || json_is_null(v)) continue;
        TRY(read_member(a, &members[i], v, (char *)into + members[i].offset, e));
    }
    return true;
}

bool body_read(const struct http_req *r, const struct body_member *members, size_t n, void *into, struct err *e)
{
    json_t *body;
    struct err why = ERR_INIT(r->op.arena);
    if (!json_read(r->op.arena, r->body, &body, NULL, &why)) REFUSE(e, "%s", why.hint != NULL ? why.hint : "it is no JSON.");
    if (json_is_null(body)) return true;
    if (!json_is_object(body)) REFUSE(e, "it must be a JSON object.");
    return body_read_object(r->op.arena, body, members, n, into, e);
}
