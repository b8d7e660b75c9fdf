/* Compares scope names; knows nothing of requests and tokens. */
#include "oauth/scope.h"

enum { SCOPE_TEXT_MAX = 16384 };

bool scope_read(struct op *op, struct str text, struct strs *ret, struct err *e)
{
    ENSURE(text.n <= SCOPE_TEXT_MAX, e, INVALID_SCOPE, "The parameter 'scope' is longer than 16384 bytes.");
    *ret = strs_words(op->arena, str_trim(text));
    return true;
}

/* "docs.*" covers "docs.read" and "docs.read.all", but neither "docs" nor "docs.". */
static bool wildcard_covers(struct str pattern, struct str scope)
{
    while (pattern.p != NULL) {
        if (scope.p == NULL) return false; /* the pattern has more parts */
        const struct str want = str_cut(&pattern, '.'), have = str_cut(&scope, '.');
        const bool star = str_eq(want, STR("*"));
        if (star ? have.n == 0 : !str_eq(want, have)) return false;
        if (star && pattern.p == NULL) return true;
    }
    return scope.p == NULL;
}

bool scope_covers(const struct provider *p, struct strs allowed, struct str scope)
{
    if (p->config->strategies_scope == SCOPE_EXACT) return strs_has(allowed, scope);
    for (size_t i = 0; i < allowed.n; i++) {
        if (wildcard_covers(allowed.v[i], scope)) return true;
    }
    return false;
}

bool scopes_check(const struct provider *p, const struct client *c, struct strs scopes, struct err *e)
{
    for (size_t i = 0; i < scopes.n; i++) {
        ENSUREF(scope_covers(p, c->scopes, scopes.v[i]), e, INVALID_SCOPE,
                "The OAuth 2.0 Client is not allowed to request scope '%.*s'.", STR_FMT(scopes.v[i]));
    }
    return true;
}
