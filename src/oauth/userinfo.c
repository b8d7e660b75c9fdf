/* From an access token to the claims about its user. Knows nothing of how a request carries the token. */
#include "oauth/userinfo.h"

#include <string.h>

#include "base/json.h"
#include "base/rand.h"
#include "oauth/id_token.h"
#include "oauth/introspection.h"
#include "oauth/keysets.h"

#define CHECK_CREDENTIALS "Check that you provided valid credentials in the right format."

static bool check_life(const struct provider *p, struct op *op, struct str text, const struct err_kind *other_kind,
                       struct user_token *ret, struct err *e)
{
    const struct token_kind *kind;
    enum token_life life;
    TRY(token_open(p, op, text, &ret->token, &kind, e));
    ENSURE(kind != NULL, e, REQUEST_UNAUTHORIZED, CHECK_CREDENTIALS);
    if (strcmp(kind->use, "access_token") != 0) {
        err_set(e, other_kind, NULL, __FILE__, __LINE__);
        e->description = "Only access tokens are allowed in the authorization header.";
        return false;
    }
    TRY(kind->check(p, op, &ret->token, &life, &ret->grant, e));
    /* RFC 6750 3.1 */
    ENSURE(life != TOKEN_EXPIRED, e, INVALID_TOKEN, "The access token expired.");
    ENSURE(life == TOKEN_ALIVE, e, REQUEST_UNAUTHORIZED, CHECK_CREDENTIALS);
    return true;
}

bool user_token_check(const struct provider *p, struct op *op, struct str text, const struct err_kind *other_kind,
                      struct user_token *ret, struct err *e)
{
    TRY(check_life(p, op, text, other_kind, ret, e));
    ret->session = (struct grant_session) { .scopes = ret->token.scopes };
    if (ret->grant != NULL) TRY(grant_session_read(p, op, ret->grant, &ret->session, e));
    /* OpenID Connect Core 5.3.1: the token is one "obtained from an OpenID Connect Authentication Request". */
    ENSURE(strs_has(ret->session.scopes, STR("openid")), e, INSUFFICIENT_SCOPE, "The scope 'openid' was not granted.");
    return true;
}

/* The grant's row has told the client's version already. */
static bool client_of(const struct provider *p, struct op *op, const struct user_token *u, const struct client **ret,
                      struct err *e)
{
    if (u->grant == NULL) return client_get(p, op, u->token.client_id, ret, e);
    return client_get_version(p, op, u->token.client_id, u->grant->client_version, ret, e);
}

/* What the consent app says for userinfo alone goes before what it says everywhere. RFC 7519 4: "The Claim Names within a JWT
 * Claims Set MUST be unique". */
static bool join_claims(struct op *op, struct grant_session *s, struct err *e)
{
    json_t *all, *own;
    if (s->userinfo_claims.n == 0) return true;
    TRY(json_read(op->arena, s->id_claims.n > 0 ? s->id_claims : STR("{}"), &all, NULL, e));
    TRY(json_read(op->arena, s->userinfo_claims, &own, NULL, e));
    ENSURE(json_object_update(all, own) == 0, e, SERVER_ERROR, "The consent's claims could not be joined.");
    s->id_claims = json_text(op->arena, all, false);
    return true;
}

bool userinfo(const struct provider *p, struct op *op, struct str token, bool *ret_signed, struct str *ret, struct err *e)
{
    struct user_token u;
    const struct client *c;
    struct buf b = BUF(op->arena);
    struct jw w = JW(&b);
    TRY(user_token_check(p, op, token, &err_INVALID_TOKEN, &u, e));
    TRY(client_of(p, op, &u, &c, e));
    ENSURE(c != NULL, e, REQUEST_UNAUTHORIZED, CHECK_CREDENTIALS);

    const bool jwt = c->userinfo_signed_response_alg.n > 0 && !str_eq(c->userinfo_signed_response_alg, STR("none"));
    TRY(join_claims(op, &u.session, e));
    buf_reserve(&b, 256 + u.session.id_claims.n);
    jw_object(&w, NULL);
    jw_int(&w, "iat", usec_to_sec(jwt ? op->now : u.token.issued_at));
    if (jwt) jw_str(&w, "jti", rand_uuid(op->arena));
    TRY(id_claims_write(p, op, &w, c->id, u.grant, &u.session, e));
    jw_end(&w);
    *ret_signed = jwt;
    *ret = buf_str(&b);
    return !jwt || keyset_sign(p, op, STR(KEYSET_ID_TOKEN), STR("JWT"), *ret, ret, e);
}
