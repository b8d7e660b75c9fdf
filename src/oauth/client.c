/* What a client may do, as far as its metadata say. */
#include "client.h"

/* OpenID Connect Registration 2: "If omitted, the default is that the Client will use only the authorization_code Grant Type." */
bool client_may_grant(const struct client *c, struct str grant_type)
{
    if (c->grant_types.n == 0) return str_eq(grant_type, STR("authorization_code"));
    return strs_has(c->grant_types, grant_type);
}

static bool same_words(struct strs a, struct strs b)
{
    bool same = a.n == b.n;
    for (size_t i = 0; same && i < a.n; i++) same = strs_has(b, a.v[i]);
    return same;
}

/* OAuth 2.0 Multiple Response Type Encoding Practices 2: "The order of the values does not matter." */
bool client_may_respond(const struct client *c, struct str response_type)
{
    if (c->response_types.n == 0) return str_eq(response_type, STR("code"));
    if (strs_has(c->response_types, response_type)) return true;

    ARENA_AUTO scratch = arena_new();
    struct strs wanted = strs_words(scratch, response_type);
    for (size_t i = 0; i < c->response_types.n; i++)
        if (same_words(strs_words(scratch, c->response_types.v[i]), wanted)) return true;
    return false;
}
