/* Reads the registered claims of a JWT (RFC 7519 4.1) into typed members, and remembers which tokens were used. */
#include "oauth/assertion.h"

#include <openssl/evp.h>

#include "base/b64.h"
#include "crypto/hydra.h"

enum { AUDIENCE_MAX = 100 };
#define CLOCK_LEEWAY (10 * USEC_PER_SEC)
#define SECONDS_MAX  INT64_C(253402300799) /* the year 9999 */

static bool read_text(const json_t *claims, const char *name, struct str *ret, struct err *e)
{
    const json_t *claim = json_object_get(claims, name);
    ENSUREF(claim == NULL || json_is_string(claim), e, INVALID_TOKEN, "The claim '%s' is not a string.", name);
    *ret = json_str(claim);
    return true;
}

/* RFC 7519 2, NumericDate: seconds, "non-integer values can be represented". */
static bool read_moment(const json_t *claims, const char *name, usec_t *ret, struct err *e)
{
    const json_t *claim = json_object_get(claims, name);
    *ret = ASSERTION_UNSET;
    if (claim == NULL) return true;
    ENSUREF(json_is_number(claim), e, INVALID_TOKEN, "The claim '%s' is not a number.", name);
    const double seconds = json_number_value(claim);
    ENSUREF(seconds >= 0 && seconds <= (double)SECONDS_MAX, e, INVALID_TOKEN, "The claim '%s' is no moment of this era.", name);
    *ret = json_is_integer(claim) ? json_integer_value(claim) * USEC_PER_SEC : (usec_t)(seconds * (double)USEC_PER_SEC);
    return true;
}

/* RFC 7519 4.1.3: "an array of case-sensitive strings", or in the special case of one audience a single one. */
static bool read_audience(struct arena *a, const json_t *claims, struct strs *ret, struct err *e)
{
    const json_t *aud = json_object_get(claims, "aud");
    *ret = (struct strs) { 0 };
    if (json_is_string(aud)) strs_add(a, ret, json_str(aud));
    if (aud == NULL || json_is_string(aud)) return true;
    ENSUREF(json_is_array(aud) && json_array_size(aud) <= AUDIENCE_MAX, e, INVALID_TOKEN,
            "The claim 'aud' is neither a string nor a list of at most %d strings.", AUDIENCE_MAX);
    for (size_t i = 0; i < json_array_size(aud); i++) {
        const json_t *item = json_array_get(aud, i);
        ENSURE(json_is_string(item), e, INVALID_TOKEN, "The claim 'aud' has a member that is not a string.");
        strs_add(a, ret, json_str(item));
    }
    return true;
}

bool assertion_read(struct arena *a, struct str text, struct assertion *ret, struct err *e)
{
    struct assertion t = { 0 };
    struct err why = ERR_INIT(a);
    TRY(jws_parse(a, text, &t.jws, e));
    const bool read = str_is_utf8(t.jws.payload) && json_read(a, t.jws.payload, &t.claims, NULL, &why);
    ENSURE(read && json_is_object(t.claims), e, INVALID_TOKEN, "The token's payload is not a JSON object.");
    TRY(read_text(t.claims, "iss", &t.iss, e));
    TRY(read_text(t.claims, "sub", &t.sub, e));
    TRY(read_text(t.claims, "jti", &t.jti, e));
    TRY(read_audience(a, t.claims, &t.audience, e));
    TRY(read_moment(t.claims, "exp", &t.exp, e));
    TRY(read_moment(t.claims, "nbf", &t.nbf, e));
    TRY(read_moment(t.claims, "iat", &t.iat, e));
    *ret = t;
    return true;
}

const char *assertion_time_fault(const struct assertion *t, usec_t now)
{
    /* RFC 7519 4.1.4: "on or after which the JWT MUST NOT be accepted" */
    if (t->exp != ASSERTION_UNSET && now >= t->exp) return "Token is expired";
    if (t->nbf != ASSERTION_UNSET && now + CLOCK_LEEWAY < t->nbf) return "Token is not valid yet";
    if (t->iat != ASSERTION_UNSET && now + CLOCK_LEEWAY < t->iat) return "Token used before issued";
    return NULL;
}

bool assertion_has_type(const struct assertion *t, const char *type)
{
    /* RFC 7515 4.1.9: a media type, "application/" left out where no other '/' appears. */
    struct str typ = t->jws.typ;
    if (str_starts_nocase(typ, STR("application/"))) typ = str_from(typ, STR("application/").n);
    return typ.n == 0 || str_eq_nocase(typ, STR("JWT")) || str_eq_nocase(typ, STR("JOSE")) || str_eq_nocase(typ, str_of(type));
}

struct strs assertion_token_urls(const struct provider *p, struct arena *a)
{
    const struct str candidates[] = { p->config->webfinger_oidc_discovery_token_url,
                                      config_url_join(a, p->public_url, "oauth2/token"),
                                      config_url_join(a, p->issuer, "oauth2/token") };
    struct strs urls = { 0 };
    for (size_t i = 0; i < ARRAY_LEN(candidates); i++) {
        if (candidates[i].n > 0 && !strs_has(urls, candidates[i])) strs_add(a, &urls, candidates[i]);
    }
    return urls;
}

bool assertion_is_for(const struct assertion *t, struct strs urls)
{
    for (size_t i = 0; i < urls.n; i++) {
        if (strs_has(t->audience, urls.v[i])) return true;
    }
    return false;
}

/* A digest: jtis may be long, and the row's id must not say what they are. */
static struct str burn_id(struct arena *a, const char *kind, struct str maker, struct str jti)
{
    unsigned char digest[32];
    const struct str lengths = arena_printf(a, "%s:%zu:", kind, maker.n);
    const struct str all = ARENA_CAT(a, lengths, maker, jti);
    EVP_Digest(all.p, all.n, digest, NULL, EVP_sha256(), NULL);
    return b64url_encode(a, (struct str) { (char *)digest, sizeof(digest) });
}

bool assertion_burn(const struct provider *p, struct op *op, const char *kind, struct str maker, const struct assertion *t,
                    enum store_put *ret, struct err *e)
{
    const struct str id = burn_id(op->arena, kind, maker, t->jti);
    /* Nodes' clocks differ a little, too. */
    return store_mark_jti(p->store, op, id, hydra_jti_digest(op->arena, t->jti), t->exp + CLOCK_LEEWAY, ret, e);
}

bool assertion_used_earlier(const struct provider *p, struct op *op, const struct assertion *t, bool *ret, struct err *e)
{
    int64_t mark;
    TRY(store_mark_get(p->store, op, MARK_EARLIER_JTI, hydra_jti_digest(op->arena, t->jti), &mark, e));
    *ret = mark != 0;
    return true;
}
