/* Finds, verifies and merges a request object. What the parameters mean is the business of authorize.c. */
#include "oauth/request_object.h"

#include "oauth/assertion.h"
#include "oauth/client_keys.h"

/* As long as a JWT may be here (crypto/jws.h). */
enum { OBJECT_MAX = 64 * 1024 };
#define FETCH_TIME (5 * USEC_PER_SEC)

void request_object_write_supported(struct jw *w)
{
    jw_bool(w, "request_parameter_supported", true);
    jw_bool(w, "request_uri_parameter_supported", true);
    jw_bool(w, "require_request_uri_registration", true);
    /* Listed as it always was; the other RS, PS and ES algorithms are understood as well. */
    jw_strs(w, "request_object_signing_alg_values_supported",
            (struct strs) { (struct str[]) { STR("none"), STR("RS256"), STR("ES256") }, 3 });
}

/* ---- getting it ---- */

static bool has_keys(const struct client *c) { return c->jwks != NULL || c->jwks_uri.n > 0; }

static bool no_keys(struct err *e)
{
    FAIL(e, INVALID_REQUEST,
         "OpenID Connect 'request' or 'request_uri' context was given, but the OAuth 2.0 Client does not have any JSON Web Keys "
         "registered.");
}

/* OpenID Connect Core 6.2; Registration 2, request_uris: only what was registered, so that nobody sends us elsewhere. */
static bool fetch_object(const struct provider *p, struct op *op, const struct client *c, struct str uri, struct str *ret,
                         struct err *e)
{
    struct fetch_answer got;
    struct err why = ERR_INIT(op->arena);
    const struct fetch_request q = { .url = uri, .max_bytes = OBJECT_MAX, .timeout = FETCH_TIME, .attempts = 1 };
    if (!strs_has(c->request_uris, uri)) {
        if (!has_keys(c)) return no_keys(e);
        FAIL(e, INVALID_REQUEST_URI, "Request URI is not whitelisted by the OAuth 2.0 Client.");
    }
    OP_MUST_WAIT(op, e);
    if (!p->fetch(p, op, &q, &got, &why)) {
        if (err_is(&why, &err_BUSY)) FAIL(e, BUSY, why.hint);
        err_set(e, &err_INVALID_REQUEST_URI, "Unable to fetch the request object from the request_uri.", __FILE__, __LINE__);
        return err_debugf(e, "%s", why.hint != NULL ? why.hint : "");
    }
    ENSUREF(got.status == 200, e, INVALID_REQUEST_URI,
            "Unable to fetch the request object because status code '%d' was expected, but got '%d'.", 200, got.status);
    *ret = str_trim(got.body);
    return true;
}

/* ---- believing it ---- */

/* The registered algorithm, or any that needs a key of the client: never one whose key could be a public text. */
static bool expect_alg(const struct client *c, const struct assertion *t, const struct alg **ret, struct err *e)
{
    const struct str own = c->request_object_signing_alg;
    ENSUREF(
        own.n == 0 || str_eq(own, t->jws.alg), e, INVALID_REQUEST_OBJECT,
        "The request object uses signing algorithm '%.*s', but the requested OAuth 2.0 Client enforces signing algorithm '%.*s'.",
        STR_FMT(str_upto(t->jws.alg, 16)), STR_FMT(own));
    *ret = alg_by_name(t->jws.alg);
    const bool known = *ret != NULL && !alg_is_symmetric(*ret) && !str_eq(t->jws.alg, STR("EdDSA"));
    ENSUREF(known || str_eq(t->jws.alg, STR("none")), e, INVALID_REQUEST_OBJECT,
            "This request object uses unsupported signing algorithm '%.*s'.", STR_FMT(str_upto(t->jws.alg, 16)));
    return true;
}

/* An unsigned one says no more than plain parameters do (OpenID Connect Core 6.1), and so needs no keys. */
static bool check_unsigned(const struct assertion *t, struct err *e)
{
    ENSURE(t->jws.signature.n == 0, e, INVALID_REQUEST_OBJECT,
           "The request object has a signature, but its algorithm is 'none'.");
    return true;
}

static bool check_signature(const struct provider *p, struct op *op, const struct client *c, const struct assertion *t,
                            const struct alg *alg, struct err *e)
{
    enum client_signature signature;
    const char *why;
    if (alg == NULL) return check_unsigned(t, e);
    if (!has_keys(c)) return no_keys(e);
    TRY(client_keys_verify(p, op, c, &t->jws, alg, &signature, &why, e));
    ENSUREF(signature != SIGNATURE_NO_KEY, e, INVALID_REQUEST_OBJECT,
            "Unable to find a public key with use='sig' for kid '%.*s' in JSON Web Key Set.", STR_FMT(str_upto(t->jws.kid, 64)));
    if (signature == SIGNATURE_NO_KEYS) {
        err_set(e, &err_INVALID_REQUEST_OBJECT, "The JSON Web Key Set at the OAuth 2.0 Client's jwks_uri could not be fetched.",
                __FILE__, __LINE__);
        return err_debugf(e, "%s", why);
    }
    ENSURE(signature == SIGNATURE_RIGHT, e, INVALID_REQUEST_OBJECT, "Unable to verify the request object's signature.");
    return true;
}

/* The issuer (RFC 9101 4, OpenID Connect Core 6.1), or whatever else of ours a client may have called us by. */
static bool is_for_us(const struct provider *p, struct arena *a, const struct assertion *t)
{
    struct strs names = assertion_token_urls(p, a);
    const struct str issuer = str_ends(p->issuer, STR("/")) ? str_upto(p->issuer, p->issuer.n - 1) : p->issuer;
    strs_add(a, &names, issuer);
    strs_add(a, &names, ARENA_CAT(a, issuer, STR("/")));
    strs_add(a, &names, p->public_url);
    strs_add(a, &names, config_url_join(a, p->public_url, "oauth2/auth"));
    return assertion_is_for(t, names);
}

static bool check_claims(const struct provider *p, struct op *op, const struct client *c, const struct assertion *t,
                         struct err *e)
{
    const char *fault = assertion_time_fault(t, op->now);
    ENSUREF(fault == NULL, e, INVALID_REQUEST_OBJECT, "%s.", fault);
    ENSURE(assertion_has_type(t, "oauth-authz-req+jwt"), e, INVALID_REQUEST_OBJECT,
           "The JWT's 'typ' says that it is something else.");
    const json_t *id = json_object_get(t->claims, "client_id");
    ENSURE(id == NULL || str_eq(json_str(id), c->id), e, INVALID_REQUEST_OBJECT, "The claim 'client_id' names another client.");
    ENSURE(json_object_get(t->claims, "iss") == NULL || str_eq(t->iss, c->id), e, INVALID_REQUEST_OBJECT,
           "The claim 'iss' must be the client's id.");
    ENSURE(json_object_get(t->claims, "aud") == NULL || is_for_us(p, op->arena, t), e, INVALID_REQUEST_OBJECT,
           "The claim 'aud' does not have this server's issuer.");
    /* OpenID Connect Core 6.1: "request and request_uri parameters MUST NOT be included in Request Objects." */
    const bool nested = json_object_get(t->claims, "request") != NULL || json_object_get(t->claims, "request_uri") != NULL;
    ENSURE(!nested, e, INVALID_REQUEST_OBJECT, "A request object must not contain another one.");
    return true;
}

static bool read_object(const struct provider *p, struct op *op, const struct client *c, struct str text, struct assertion *t,
                        struct err *e)
{
    const struct alg *alg = NULL;
    struct err why = ERR_INIT(op->arena);
    if (!assertion_read(op->arena, text, t, &why)) {
        if (!has_keys(c)) return no_keys(e);
        err_set(e, &err_INVALID_REQUEST_OBJECT, "Unable to verify the integrity of the 'request' value.", __FILE__, __LINE__);
        return err_debugf(e, "%s", why.hint != NULL ? why.hint : "");
    }
    TRY(expect_alg(c, t, &alg, e));
    TRY(check_signature(p, op, c, t, alg, e));
    return check_claims(p, op, c, t, e);
}

/* ---- merging it ---- */

/* Claims that are about the JWT, and parameters that only we add. */
static bool is_parameter(struct str name)
{
    static const char *const others[] = { "iss", "sub", "aud", "exp", "nbf", "iat", "jti", "login_verifier", "consent_verifier" };
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        if (str_eq(name, str_of(others[i]))) return false;
    }
    return true;
}

static struct str text_of(struct arena *a, const json_t *v) { return json_is_string(v) ? json_str(v) : json_text(a, v, false); }

/* Several audiences are several parameters; every other value is one text: numbers in decimal, objects as JSON. */
static void merge_claim(struct arena *a, struct params *all, struct str name, const json_t *v)
{
    if (json_is_null(v)) return;
    params_remove(all, name);
    if (!json_is_array(v) || !str_eq(name, STR("audience"))) {
        params_add(a, all, name, text_of(a, v));
        return;
    }
    for (size_t i = 0; i < json_array_size(v); i++) params_add(a, all, name, text_of(a, json_array_get(v, i)));
}

/* OpenID Connect Core 6.1: the object's values supersede. Scopes add up, because openid has to stand outside, too. */
static struct params *merge(struct arena *a, const struct params *sent, json_t *claims)
{
    struct params *all = ARENA_NEW(a, struct params);
    const struct strs outer = strs_words(a, params_get(sent, STR("scope")));
    for (size_t i = 0; i < sent->n; i++) params_add(a, all, sent->v[i].name, sent->v[i].value);
    params_remove(all, STR("request"));
    params_remove(all, STR("request_uri"));
    for (void *at = json_object_iter(claims); at != NULL; at = json_object_iter_next(claims, at)) {
        const struct str name = str_of(json_object_iter_key(at));
        if (is_parameter(name)) merge_claim(a, all, arena_dup(a, name), json_object_iter_value(at));
    }
    struct strs scopes = strs_words(a, params_get(all, STR("scope")));
    for (size_t i = 0; i < outer.n; i++) {
        if (!strs_has(scopes, outer.v[i])) strs_add(a, &scopes, outer.v[i]);
    }
    params_set(a, all, STR("scope"), strs_join(a, scopes, " "));
    return all;
}

bool request_object_merge(const struct provider *p, struct op *op, const struct client *c, const struct params *sent,
                          const struct params **ret, struct err *e)
{
    struct str value = params_get(sent, STR("request"));
    const struct str uri = params_get(sent, STR("request_uri"));
    const bool openid = strs_has(strs_words(op->arena, params_get(sent, STR("scope"))), STR("openid"));
    struct assertion t;
    *ret = sent;
    if (!openid || (value.n == 0 && uri.n == 0)) return true;
    ENSURE(value.n == 0 || uri.n == 0, e, INVALID_REQUEST,
           "OpenID Connect parameters 'request' and 'request_uri' were both given, but you can use at most one.");
    if (uri.n > 0) TRY(fetch_object(p, op, c, uri, &value, e));
    TRY(read_object(p, op, c, value, &t, e));
    *ret = merge(op->arena, sent, t.claims);
    return true;
}
