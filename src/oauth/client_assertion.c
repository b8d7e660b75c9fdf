/* The checks of a client assertion, in the order in which callers are told about them. The token is used up last, so that one
 * that is refused stays good for nothing else but costs its owner nothing. */
#include "oauth/client_assertion.h"

#include <openssl/crypto.h>

#include "oauth/client_keys.h"

#define USED_BEFORE "Claim 'jti' from 'client_assertion' MUST only be used once."

/* A token counts once, so a long life has no use; but its jti must be remembered that long. */
#define LIFE_MAX (30 * 24 * 3600 * USEC_PER_SEC)

bool client_assertion_read(struct op *op, struct str text, struct str body_id, struct assertion *ret, struct str *ret_id,
                           struct err *e)
{
    struct err why = ERR_INIT(op->arena);
    ENSUREF(text.n > 0, e, INVALID_REQUEST,
            "The client_assertion request parameter must be set when using client_assertion_type of '%s'.",
            CLIENT_ASSERTION_TYPE.p);
    if (!assertion_read(op->arena, text, ret, &why)) {
        err_set(e, &err_INVALID_CLIENT, "Unable to verify the integrity of the 'client_assertion' value.", __FILE__, __LINE__);
        return err_debugf(e, "%s", why.hint != NULL ? why.hint : "");
    }
    *ret_id = body_id.n > 0 ? body_id : ret->sub;
    ENSURE(ret_id->n > 0, e, INVALID_CLIENT, "The claim 'sub' from the client_assertion JSON Web Token is undefined.");
    return true;
}

/* RFC 8725 3.1: the algorithm is the one that the client is registered for, whatever the token's header says. */
static bool expect_alg(const struct client *c, const char *otherwise, const struct assertion *t, const struct alg **ret,
                       struct err *e)
{
    const struct str name = c->token_endpoint_auth_signing_alg.n > 0 ? c->token_endpoint_auth_signing_alg : str_of(otherwise);
    ENSUREF(str_eq(t->jws.alg, name), e, INVALID_CLIENT,
            "The 'client_assertion' uses signing algorithm '%.*s' but the requested OAuth 2.0 Client enforces signing algorithm "
            "'%.*s'.",
            STR_FMT(str_upto(t->jws.alg, 16)), STR_FMT(name));
    *ret = alg_by_name(name);
    ENSURE(*ret != NULL, e, INVALID_CLIENT,
           "The OAuth 2.0 Client is registered for a signing algorithm that does not exist here.");
    return true;
}

static struct str accepted_urls(struct arena *a, const struct strs *urls) { return strs_join(a, *urls, "' or '"); }

/* RFC 7523 3, item 3: "The value of the audience ... identifies the authorization server as an intended audience. The token
 * endpoint URL ... MAY be used". The issuer identifies it as well, where it is one: RFC 8414 2, "a URL that uses the "https"
 * scheme". */
static bool check_audience(const struct provider *p, struct op *op, const struct assertion *t, struct err *e)
{
    const struct strs urls = assertion_token_urls(p, op->arena);
    if (assertion_is_for(t, urls)) return true;
    if (str_starts(p->issuer, STR("https://")) && strs_has(t->audience, p->issuer)) return true;
    FAILF(e, INVALID_CLIENT,
          "Claim 'audience' from 'client_assertion' must match the authorization server's token endpoint '%.*s'.",
          STR_FMT(accepted_urls(op->arena, &urls)));
}

/* There was no such limit before a take-over: one that was used then is told so. */
static bool check_life(const struct provider *p, struct op *op, const struct assertion *t, struct err *e)
{
    bool used;
    if (t->exp - op->now <= LIFE_MAX) return true;
    TRY(assertion_used_earlier(p, op, t, &used, e));
    ENSURE(!used, e, JTI_KNOWN, USED_BEFORE);
    FAIL(e, INVALID_CLIENT, "Claim 'exp' from 'client_assertion' is more than 30 days away.");
}

/* RFC 7523 3, items 1, 2, 4 to 7. */
static bool check_claims(const struct provider *p, struct op *op, const struct client *c, const struct assertion *t,
                         struct err *e)
{
    const char *fault = assertion_time_fault(t, op->now);
    ENSUREF(fault == NULL, e, INVALID_CLIENT, "Unable to verify the integrity of the 'client_assertion' value: %s.", fault);
    ENSURE(assertion_has_type(t, "client-authentication+jwt"), e, INVALID_CLIENT,
           "The 'typ' of 'client_assertion' says that it is something else.");
    ENSURE(str_eq(t->iss, c->id), e, INVALID_CLIENT,
           "Claim 'iss' from 'client_assertion' must match the 'client_id' of the OAuth 2.0 Client.");
    ENSURE(str_eq(t->sub, c->id), e, INVALID_CLIENT,
           "Claim 'sub' from 'client_assertion' must match the 'client_id' of the OAuth 2.0 Client.");
    ENSURE(t->jti.n > 0, e, INVALID_CLIENT, "Claim 'jti' from 'client_assertion' must be set but is not.");
    /* The words are those that callers have always been given. */
    ENSURE(t->exp != ASSERTION_UNSET, e, INVALID_CLIENT,
           "Unable to type assert the expiry time from claims. This should not happen as we validate the expiry time already "
           "earlier "
           "with token.Claims.Valid()");
    TRY(check_life(p, op, t, e));
    return check_audience(p, op, t, e);
}

static bool use_up(const struct provider *p, struct op *op, const struct client *c, const struct assertion *t, struct err *e)
{
    enum store_put put;
    TRY(assertion_burn(p, op, "client", c->id, t, &put, e));
    ENSURE(put == STORE_DONE, e, JTI_KNOWN, USED_BEFORE);
    return true;
}

static bool no_key(const struct assertion *t, struct err *e)
{
    const char *kind = t->jws.alg.p[0] == 'E' ? "ECDSA" : "RSA";
    FAILF(e, INVALID_REQUEST, "Unable to find %s public key with use='sig' for kid '%.*s' in JSON Web Key Set.", kind,
          STR_FMT(str_upto(t->jws.kid, 64)));
}

static bool check_key(const struct provider *p, struct op *op, const struct client *c, const struct assertion *t,
                      const struct alg *alg, struct err *e)
{
    enum client_signature signature;
    const char *why;
    TRY(client_keys_verify(p, op, c, &t->jws, alg, &signature, &why, e));
    switch (signature) {
    case SIGNATURE_RIGHT: return true;
    case SIGNATURE_NO_KEY: return no_key(t, e);
    case SIGNATURE_NO_KEYS:
        err_set(e, &err_INVALID_CLIENT, "The JSON Web Key Set at the OAuth 2.0 Client's jwks_uri could not be fetched.", __FILE__,
                __LINE__);
        return err_debugf(e, "%s", why);
    default: FAIL(e, INVALID_CLIENT, "Unable to verify the integrity of the 'client_assertion' value.");
    }
}

bool client_assertion_by_key(const struct provider *p, struct op *op, const struct client *c, const struct assertion *t,
                             struct err *e)
{
    const struct alg *alg;
    OP_MUST_WAIT(op, e); /* using it up waits in any case */
    TRY(expect_alg(c, "RS256", t, &alg, e));
    ENSURE(!alg_is_symmetric(alg), e, INVALID_CLIENT, "private_key_jwt needs an asymmetric signing algorithm.");
    TRY(check_key(p, op, c, t, alg, e));
    TRY(check_claims(p, op, c, t, e));
    return use_up(p, op, c, t, e);
}

bool client_assertion_by_secret(const struct provider *p, struct op *op, const struct client *c, const struct assertion *t,
                                struct err *e)
{
    const struct alg *alg;
    struct str secret;
    OP_MUST_WAIT(op, e);
    TRY(expect_alg(c, "HS256", t, &alg, e));
    ENSURE(alg_is_symmetric(alg), e, INVALID_CLIENT, "client_secret_jwt needs a symmetric signing algorithm.");
    ENSURE(client_secret_open(p, op->arena, c, &secret), e, INVALID_CLIENT,
           "The OAuth 2.0 Client has had no new secret since it was registered for client_secret_jwt.");
    const struct jwk key = { .kty = STR("oct"), .secret = secret };
    const bool right = jws_verify(&t->jws, &key, alg);
    OPENSSL_cleanse((void *)secret.p, secret.n);
    ENSURE(right, e, INVALID_CLIENT, "Unable to verify the integrity of the 'client_assertion' value.");
    TRY(check_claims(p, op, c, t, e));
    return use_up(p, op, c, t, e);
}
