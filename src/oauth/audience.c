/* Compares audiences; knows nothing of requests and tokens. */
#include "oauth/audience.h"

enum { AUDIENCE_MAX = 100, AUDIENCE_TEXT_MAX = 16384 };

bool audience_read(struct op *op, const struct params *form, struct strs *ret, struct err *e)
{
    const bool words = params_count(form, STR("audience")) == 1;
    struct strs list = { 0 };
    for (size_t i = 0; i < form->n; i++) {
        const struct str value = str_trim(form->v[i].value);
        if (!str_eq(form->v[i].name, STR("audience")) || value.n == 0) continue;
        ENSURE(value.n <= AUDIENCE_TEXT_MAX && list.n < AUDIENCE_MAX, e, INVALID_REQUEST,
               "The parameter 'audience' names more than 100 values or is longer than 16384 bytes.");
        if (words)
            list = strs_words(op->arena, value);
        else if (!strs_has(list, value))
            strs_add(op->arena, &list, value);
    }
    ENSURE(list.n <= AUDIENCE_MAX, e, INVALID_REQUEST, "The parameter 'audience' names more than 100 values.");
    *ret = list;
    return true;
}

static struct str without_slash(struct str path) { return str_ends(path, STR("/")) ? str_upto(path, path.n - 1) : path; }

/* RFC 3986 6.2.2: "/v1/../v2" is another spelling of "/v2", and so is "/v1/%2e%2e/v2". */
static bool has_dot_segment(struct arena *a, struct str path)
{
    while (path.n > 0) {
        struct str segment = str_cut(&path, '/');
        if (!url_decode(a, segment, false, &segment) || str_eq(segment, STR(".")) || str_eq(segment, STR(".."))) return true;
    }
    return false;
}

static bool path_covers(struct arena *a, struct str registered, struct str requested)
{
    const struct str base = without_slash(registered);
    if (str_eq(base, without_slash(requested))) return true;
    return str_starts(requested, base) && requested.n > base.n && requested.p[base.n] == '/' && !has_dot_segment(a, requested);
}

bool audience_covers(struct arena *a, struct str registered, struct str requested)
{
    struct url r, q;
    if (str_eq(registered, requested)) return true;
    if (!url_parse(a, registered, &r) || !url_parse(a, requested, &q)) return false;
    if (r.host.n == 0 || q.host.n == 0) return false;
    return str_eq(r.scheme, q.scheme) && str_eq_nocase(r.host, q.host) && str_eq(r.port, q.port) &&
           path_covers(a, r.path, q.path);
}

bool audience_check(struct op *op, const struct client *c, struct strs audience, struct err *e)
{
    for (size_t i = 0; i < audience.n; i++) {
        bool covered = false;
        for (size_t k = 0; k < c->audience.n && !covered; k++) {
            covered = audience_covers(op->arena, c->audience.v[k], audience.v[i]);
        }
        ENSUREF(covered, e, INVALID_REQUEST, "Requested audience '%.*s' has not been whitelisted by the OAuth 2.0 Client.",
                STR_FMT(audience.v[i]));
    }
    return true;
}
