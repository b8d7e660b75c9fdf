/* Who is calling: reads the credentials, finds the client, applies the row of its method. No HTTP beyond the header's text. */
#include "oauth/client_auth.h"

#include "base/b64.h"
#include "oauth/client_assertion.h"

enum { AUTHORIZATION_MAX = 16384 };

/* ---- what the request says ---- */

static bool form_decode(struct arena *a, struct str coded, const char *what, struct str *ret, struct err *e)
{
    ENSUREF(url_decode(a, coded, true, ret), e, INVALID_REQUEST,
            "The client %s in the HTTP authorization header could not be decoded from 'application/x-www-form-urlencoded'.",
            what);
    return true;
}

bool client_basic_read(struct arena *a, struct str authorization, bool *ret_present, struct str *ret_id, struct str *ret_secret,
                       struct err *e)
{
    struct str pair, id, secret;
    *ret_present = false;
    /* RFC 7235 2.1: the scheme is a case-insensitive token. */
    if (!str_starts_nocase(authorization, STR("Basic ")) || authorization.n > AUTHORIZATION_MAX) return true;
    if (!b64_decode(a, str_from(authorization, 6), &pair) || !str_split_once(pair, ':', &id, &secret)) return true;
    /* RFC 6749 2.3.1: "encoded using the application/x-www-form-urlencoded encoding algorithm" */
    TRY(form_decode(a, id, "id", ret_id, e));
    TRY(form_decode(a, secret, "secret", ret_secret, e));
    *ret_present = true;
    return true;
}

/* RFC 6749 2.3.1 */
static bool read_secret(struct op *op, const struct client_credentials *in, struct client_claim *claim, struct err *e)
{
    const struct str body_id = params_get(in->form, STR("client_id")), body_secret = params_get(in->form, STR("client_secret"));
    TRY(client_basic_read(op->arena, in->authorization, &claim->basic, &claim->id, &claim->secret, e));
    claim->body_secret = body_secret.n > 0 && (body_id.n > 0 || claim->basic);
    if (!claim->basic) {
        claim->id = body_id;
        claim->secret = body_secret;
    }
    ENSURE(claim->basic || claim->id.n > 0, e, INVALID_REQUEST,
           "Client credentials missing or malformed in both HTTP Authorization header and HTTP POST body.");
    ENSURE(!claim->basic || body_id.n == 0 || str_eq(body_id, claim->id), e, INVALID_REQUEST,
           "The parameter 'client_id' names another client than the HTTP Authorization header.");
    return true;
}

/* RFC 7521 4.2. A secret that is sent along has never been looked at. */
static bool read_assertion(struct op *op, const struct client_credentials *in, struct client_claim *claim, struct err *e)
{
    struct assertion *t = ARENA_NEW(op->arena, struct assertion);
    const struct str text = params_get(in->form, STR("client_assertion")), id = params_get(in->form, STR("client_id"));
    TRY(client_assertion_read(op, text, id, t, &claim->id, e));
    claim->assertion = t;
    return true;
}

static bool read_claim(struct op *op, const struct client_credentials *in, struct client_claim *ret, struct err *e)
{
    const struct str type = params_get(in->form, STR("client_assertion_type"));
    struct client_claim claim = { .form = in->form };
    ENSUREF(type.n == 0 || str_eq(type, CLIENT_ASSERTION_TYPE), e, INVALID_REQUEST, "Unknown client_assertion_type '%.*s'.",
            STR_FMT(str_upto(type, 128)));
    if (type.n > 0)
        TRY(read_assertion(op, in, &claim, e));
    else
        TRY(read_secret(op, in, &claim, e));
    *ret = claim;
    return true;
}

/* ---- secrets ---- */

/* The secret is known for a moment: a hash of another kind or cost is made anew. A failure changes nothing for the caller. */
static void upgrade_hash(const struct provider *p, struct op *op, const struct client *c, struct str secret)
{
    struct err ignored = ERR_INIT(op->arena);
    const struct secret_cost cost = client_secret_cost(p);
    struct str hash;
    if (!secret_hash(op, &cost, secret, &hash, &ignored)) return;
    if (!store_client_rehash(p->store, op, c->id, c->version, hash, &ignored)) return;
}

/* The current hash, then those that were rotated out and still count. */
static bool match_secret(const struct provider *p, struct op *op, const struct client *c, struct str secret, bool *ret,
                         struct err *e)
{
    const struct secret_cost cost = client_secret_cost(p);
    enum secret_match match;
    TRY(secret_verify(op, &cost, c->secret_hash, secret, &match, e));
    if (match == SECRET_RIGHT_OUTDATED) upgrade_hash(p, op, c, secret);
    for (size_t i = 0; i < c->rotated.n && match == SECRET_WRONG; i++) {
        TRY(secret_verify(op, &cost, c->rotated.v[i], secret, &match, e));
    }
    *ret = match != SECRET_WRONG;
    return true;
}

static bool verify_secret(const struct provider *p, struct op *op, const struct client *c, const struct client_claim *claim,
                          struct err *e)
{
    bool right = false;
    ENSURE(claim->secret.n > 0, e, INVALID_CLIENT, NULL);
    if (secret_cache_knows(p->secrets, c->id, c->version, claim->secret)) return true;
    OP_MUST_WAIT(op, e);
    TRY(match_secret(p, op, c, claim->secret, &right, e));
    ENSURE(right, e, INVALID_CLIENT, NULL);
    secret_cache_add(p->secrets, c->id, c->version, claim->secret);
    return true;
}

static bool waste_secret(const struct provider *p, struct op *op, const struct client_claim *claim, struct err *e)
{
    const struct secret_cost cost = client_secret_cost(p);
    if (claim->secret.n == 0) return true;
    OP_MUST_WAIT(op, e);
    return secret_waste(op, &cost, claim->secret, e);
}

/* ---- the methods ---- */

static bool match_basic(const struct client_claim *claim) { return claim->basic && claim->secret.n > 0; }

static bool match_post(const struct client_claim *claim) { return claim->body_secret; }

static bool match_assertion(const struct client_claim *claim) { return claim->assertion != NULL; }

static bool match_none(const struct client_claim *claim)
{
    return claim->secret.n == 0 && !claim->body_secret && claim->assertion == NULL;
}

static bool verify_none(const struct provider *p, struct op *op, const struct client *c, const struct client_claim *claim,
                        struct err *e)
{
    (void)p, (void)op, (void)c, (void)claim, (void)e;
    return true;
}

static bool verify_key_jwt(const struct provider *p, struct op *op, const struct client *c, const struct client_claim *claim,
                           struct err *e)
{
    return client_assertion_by_key(p, op, c, claim->assertion, e);
}

static bool verify_secret_jwt(const struct provider *p, struct op *op, const struct client *c, const struct client_claim *claim,
                              struct err *e)
{
    return client_assertion_by_secret(p, op, c, claim->assertion, e);
}

const struct client_auth_method client_auth_methods[] = {
    { { "client_secret_post", 18 }, false, match_post, verify_secret },
    { { "client_secret_basic", 19 }, false, match_basic, verify_secret },
    { { "private_key_jwt", 15 }, false, match_assertion, verify_key_jwt },
    { { "client_secret_jwt", 17 }, true, match_assertion, verify_secret_jwt },
    { { "none", 4 }, false, match_none, verify_none },
};
const size_t client_auth_methods_n = ARRAY_LEN(client_auth_methods);

static struct str registered_method(const struct client *c)
{
    return c->token_endpoint_auth_method.n > 0 ? c->token_endpoint_auth_method : STR("client_secret_basic");
}

/* How a client that sends an assertion is told that it should have done something else. */
static bool refuse_assertion(const struct client *c, struct err *e)
{
    ENSURE(
        !client_is_public(c), e, INVALID_CLIENT,
        "This requested OAuth 2.0 client does not support client authentication, however 'client_assertion' was provided in the "
        "request.");
    FAILF(e, INVALID_CLIENT,
          "This requested OAuth 2.0 client only supports client authentication method '%.*s', however 'client_assertion' was "
          "provided "
          "in the request.",
          STR_FMT(registered_method(c)));
}

/* RFC 6749 2.3: "The client MUST NOT use more than one authentication method in each request": a request that matches two rows
 * fails at one of them. */
static bool apply_methods(const struct provider *p, struct op *op, const struct client *c, const struct client_claim *claim,
                          struct err *e)
{
    const struct client_auth_method *own = NULL;
    const struct str registered = registered_method(c);
    for (size_t i = 0; i < client_auth_methods_n; i++) {
        const struct client_auth_method *m = &client_auth_methods[i];
        if (!m->match(claim)) continue;
        if (str_eq(m->name, registered)) {
            own = m;
            continue;
        }
        /* A name alone proves nothing; which method it should have used is not its business. */
        ENSURE(m->match != match_none, e, INVALID_CLIENT, NULL);
        if (m->match == match_assertion) continue;
        FAILF(e, INVALID_CLIENT,
              "The OAuth 2.0 Client supports client authentication method '%.*s', but method '%s' was requested. You must "
              "configure the OAuth 2.0 client's 'token_endpoint_auth_method' value to accept '%s'.",
              STR_FMT(registered), m->name.p, m->name.p);
    }
    if (own == NULL && claim->assertion != NULL) return refuse_assertion(c, e);
    ENSURE(own != NULL, e, INVALID_CLIENT, NULL);
    return own->verify(p, op, c, claim, e);
}

bool client_authenticate(const struct provider *p, struct op *op, const struct client_credentials *in, const struct client **ret,
                         struct err *e)
{
    struct client_claim claim;
    const struct client *c;
    TRY(read_claim(op, in, &claim, e));
    ENSURE(claim.id.n <= STORE_ID_MAX, e, INVALID_CLIENT, NULL);
    TRY(client_get(p, op, claim.id, &c, e));
    if (c == NULL) {
        TRY(waste_secret(p, op, &claim, e));
        FAIL(e, INVALID_CLIENT, NULL);
    }
    TRY(apply_methods(p, op, c, &claim, e));
    *ret = c;
    return true;
}
