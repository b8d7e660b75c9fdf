/* A flow as JSON, the way it stands in a grant's column `request`. Short names: rows are many. Absent members are empty. */
#include "flow/flow.h"

enum member_kind { M_STR, M_STRS, M_INT, M_BOOL, M_JSON, M_REJECTION };

struct member {
    const char *name;
    enum member_kind kind;
    size_t offset;
};

#define MEMBER(name, kind, member)                                                                                               \
    {                                                                                                                            \
        name, kind, offsetof(struct flow, member)                                                                                \
    }
/* clang-format off */
static const struct member members[] = {
    MEMBER("q",   M_STR,       request),
    MEMBER("d",   M_BOOL,      device),
    MEMBER("dg",  M_STR,       device_id),
    MEMBER("sk",  M_BOOL,      skip),
    MEMBER("au",  M_INT,       authenticated_at),
    MEMBER("lc",  M_STR,       login_csrf),
    MEMBER("rm",  M_BOOL,      remember),
    MEMBER("ex",  M_BOOL,      extend_session),
    MEMBER("rf",  M_INT,       remember_for),
    MEMBER("acr", M_STR,       acr),
    MEMBER("amr", M_STRS,      amr),
    MEMBER("ctx", M_JSON,      context),
    MEMBER("fs",  M_STR,       forced_subject),
    MEMBER("idp", M_STR,       idp_session_id),
    MEMBER("rej", M_REJECTION, rejection),
    MEMBER("cs",  M_BOOL,      consent_skip),
    MEMBER("cc",  M_STR,       consent_csrf),
    MEMBER("cf",  M_INT,       consent_remember_for),
    MEMBER("cx",  M_JSON,      consent_context),
    MEMBER("cr",  M_REJECTION, consent_rejection),
};
/* clang-format on */

static void write_rejection(struct jw *w, const char *name, const struct rejection *r)
{
    jw_object(w, name);
    jw_str(w, "error", r->error);
    jw_str(w, "description", r->description);
    jw_str(w, "hint", r->hint);
    jw_str(w, "debug", r->debug);
    jw_int(w, "status", r->status);
    jw_end(w);
}

static void write_member(struct jw *w, const struct member *m, const void *at)
{
    const struct str *s = at;
    const struct strs *list = at;
    const int64_t *number = at;
    switch (m->kind) {
    case M_STR:
        if (s->n > 0) jw_str(w, m->name, *s);
        break;
    case M_STRS:
        if (list->n > 0) jw_strs(w, m->name, *list);
        break;
    case M_INT:
        if (*number != 0) jw_int(w, m->name, *number);
        break;
    case M_BOOL:
        if (*(const bool *)at) jw_bool(w, m->name, true);
        break;
    case M_JSON:
        if (*(json_t *const *)at != NULL) jw_value(w, m->name, *(json_t *const *)at);
        break;
    case M_REJECTION:
        if (*(struct rejection *const *)at != NULL) write_rejection(w, m->name, *(struct rejection *const *)at);
        break;
    }
}

struct str flow_encode(struct arena *a, const struct flow *f)
{
    struct buf b = BUF(a);
    struct jw w = JW(&b);
    jw_object(&w, NULL);
    for (size_t i = 0; i < ARRAY_LEN(members); i++) write_member(&w, &members[i], (const char *)f + members[i].offset);
    jw_end(&w);
    return buf_str(&b);
}

static struct str text_of(struct arena *a, const json_t *v) { return arena_dup(a, json_str(v)); }

static struct strs list_of(struct arena *a, const json_t *v)
{
    struct strs list = { 0 };
    for (size_t i = 0; i < json_array_size(v); i++) strs_add(a, &list, text_of(a, json_array_get(v, i)));
    return list;
}

static struct rejection *rejection_of(struct arena *a, const json_t *v)
{
    struct rejection *r = ARENA_NEW(a, struct rejection);
    r->error = text_of(a, json_object_get(v, "error"));
    r->description = text_of(a, json_object_get(v, "description"));
    r->hint = text_of(a, json_object_get(v, "hint"));
    r->debug = text_of(a, json_object_get(v, "debug"));
    r->status = json_integer_value(json_object_get(v, "status"));
    return r;
}

static void read_member(struct arena *a, const struct member *m, json_t *v, void *at)
{
    switch (m->kind) {
    case M_STR:
        *(struct str *)at = text_of(a, v);
        break;
    case M_STRS:
        *(struct strs *)at = list_of(a, v);
        break;
    case M_INT:
        *(int64_t *)at = json_integer_value(v);
        break;
    case M_BOOL:
        *(bool *)at = json_is_true(v);
        break;
    case M_JSON:
        *(json_t **)at = v;
        break;
    case M_REJECTION:
        *(struct rejection **)at = rejection_of(a, v);
        break;
    }
}

bool flow_decode(struct arena *a, struct str json, struct flow *ret, struct err *e)
{
    json_t *doc;
    struct err why = ERR_INIT(a);
    if (!json_read(a, json, &doc, NULL, &why)) FAIL(e, SERVER_ERROR, "A stored authorization cannot be read.");
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        json_t *v = json_object_get(doc, members[i].name);
        if (v != NULL) read_member(a, &members[i], v, (char *)ret + members[i].offset);
    }
    return true;
}
