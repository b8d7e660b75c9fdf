/* Device and user codes. Who types the code and what he allows is the business of flow/device.c. */
#include "oauth/device.h"

#include <ctype.h>
#include <string.h>

#include "base/b64.h"
#include "base/rand.h"
#include "oauth/audience.h"
#include "oauth/lifespan.h"
#include "oauth/pack.h"
#include "oauth/scope.h"

enum { ID_BYTES = 16, TRIES = 3 };

/* ---- user codes ---- */

struct shape {
    struct str alphabet;
    size_t length;
    bool folds; /* codes are the same in either case */
};

/* No letter occurs in both cases. */
static bool has_one_case(struct str alphabet)
{
    for (size_t i = 0; i < alphabet.n; i++)
        if (islower((unsigned char)alphabet.p[i]) && str_has(alphabet, (char)toupper((unsigned char)alphabet.p[i]))) return false;
    return true;
}

static struct shape shape_of(const struct config *c)
{
    const struct str own = c->oauth2_device_authorization_user_code_character_set;
    switch (c->oauth2_device_authorization_user_code_entropy_preset) {
    case USER_CODE_HIGH: return (struct shape) { STR("abcdefghijkmnpqrstuvwxyzACDEFGHJKLMNPQRTUVWXY34679"), 8, true };
    case USER_CODE_MEDIUM: return (struct shape) { STR("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), 8, true };
    case USER_CODE_LOW: return (struct shape) { STR("0123456789"), 9, true };
    default: return (struct shape) { own, (size_t)c->oauth2_device_authorization_user_code_length, has_one_case(own) };
    }
}

/* RFC 8628 6.1: "the server should ignore any characters like punctuation that are not in the user code character set", and case.
 */
static struct str bare_code(struct arena *a, struct str alphabet, struct str typed, bool fold)
{
    struct buf b = BUF(a);
    for (size_t i = 0; i < typed.n; i++) {
        const char c = typed.p[i];
        if ((c == '-' || c == ' ') && !str_has(alphabet, c)) continue;
        buf_addc(&b, fold ? (char)toupper((unsigned char)c) : c);
    }
    return buf_str(&b);
}

struct str user_code_digest(const struct provider *p, struct arena *a, struct str typed)
{
    const struct shape shape = shape_of(p->config);
    unsigned char digest[32];
    sealer_mac(p->sealer, "device user code", bare_code(a, shape.alphabet, typed, shape.folds), digest);
    return hex_encode(a, (struct str) { (const char *)digest, sizeof(digest) });
}

/* Case did count there. */
struct strs user_code_earlier_digests(const struct provider *p, struct arena *a, struct str typed)
{
    const struct shape shape = shape_of(p->config);
    const struct str as_typed = bare_code(a, shape.alphabet, typed, false), folded = bare_code(a, shape.alphabet, typed, true);
    struct strs digests = hydra_user_code_digests(p->hydra, a, as_typed);
    if (!shape.folds || str_eq(as_typed, folded)) return digests;
    const struct strs more = hydra_user_code_digests(p->hydra, a, folded);
    for (size_t i = 0; i < more.n; i++) strs_add(a, &digests, more.v[i]);
    return digests;
}

/* ---- device codes ---- */

struct str device_code_issue(const struct provider *p, struct arena *a, const struct device_code *c)
{
    struct buf b = BUF(a);
    struct str id;
    if (!hex_decode(a, c->device_id, &id)) id = STR(""); /* opens as malformed */
    buf_add(&b, id);
    pack_int(&b, (uint64_t)c->expires_at);
    return seal_token(p->sealer, a, SEAL_DEVICE_CODE, p->issuer, DEVICE_CODE_PREFIX, buf_str(&b));
}

bool device_code_open(const struct provider *p, struct arena *a, struct str text, struct device_code *ret)
{
    struct str plain;
    if (!unseal_token(p->sealer, a, SEAL_DEVICE_CODE, p->issuer, DEVICE_CODE_PREFIX, text, &plain)) return false;
    struct unpack u = UNPACK(plain);
    ret->device_id = hex_encode(a, unpack_bytes(&u, ID_BYTES));
    ret->expires_at = (usec_t)unpack_int(&u);
    return unpack_done(&u);
}

/* ---- the request ---- */

struct asked {
    const struct client *client;
    struct strs scopes, audience;
};

static bool read_request(const struct provider *p, struct op *op, const struct client_credentials *credentials, struct asked *ret,
                         struct err *e)
{
    const struct params *form = credentials->form;
    ENSURE(form->n > 0, e, INVALID_REQUEST, "The POST body can not be empty.");
    TRY(client_authenticate(p, op, credentials, &ret->client, e));
    ENSURE(str_eq(params_get(form, STR("client_id")), ret->client->id), e, INVALID_REQUEST,
           "The parameter 'client_id' is missing, or is not the client that authenticated.");
    ENSURE(client_may_grant(ret->client, STR(DEVICE_GRANT_TYPE)), e, INVALID_GRANT,
           "The requested OAuth 2.0 Client does not have the '" DEVICE_GRANT_TYPE "' grant.");
    TRY(scope_read(op, params_get(form, STR("scope")), &ret->scopes, e));
    TRY(scopes_check(p, ret->client, ret->scopes, e));
    TRY(audience_read(op, form, &ret->audience, e));
    return audience_check(op, ret->client, ret->audience, e);
}

static struct str request_text(struct arena *a, const struct asked *q)
{
    struct params kept = { 0 };
    params_add(a, &kept, STR("scope"), strs_join(a, q->scopes, " "));
    for (size_t i = 0; i < q->audience.n; i++) params_add(a, &kept, STR("audience"), q->audience.v[i]);
    return params_encode(a, &kept, false);
}

/* Until a code is found that nobody else has. */
static bool store_new(const struct provider *p, struct op *op, const struct asked *q, struct device *d, struct str *ret_user_code,
                      struct err *e)
{
    const struct shape shape = shape_of(p->config);
    *d = (struct device) { .id = rand_hex(op->arena, ID_BYTES),
                           .state = DEVICE_WAITING,
                           .client_id = q->client->id,
                           .request = request_text(op->arena, q),
                           .requested_at = op->now,
                           .expires_at = lifespan_end(op->now, p->config->ttl_device_user_code) };
    for (int i = 0; i < TRIES; i++) {
        enum store_put put;
        *ret_user_code = rand_text(op->arena, shape.length, shape.alphabet);
        d->user_code = user_code_digest(p, op->arena, *ret_user_code);
        TRY(store_device_put(p->store, op, d, &put, e));
        if (put == STORE_DONE) return true;
    }
    FAIL(e, SERVER_ERROR, "No free user code was found: codes have to be longer, or of more characters.");
}

/* RFC 8628 3.2. */
static struct str answer(const struct provider *p, struct op *op, const struct device *d, struct str user_code)
{
    struct arena *a = op->arena;
    const struct device_code code = { .device_id = d->id, .expires_at = d->expires_at };
    const struct str page = config_url_join(a, p->public_url, "oauth2/device/verify");
    struct params typed = { 0 };
    params_add(a, &typed, STR("user_code"), user_code);
    struct buf b = BUF(a);
    struct jw w = JW(&b);
    jw_object(&w, NULL);
    jw_str(&w, "device_code", device_code_issue(p, a, &code));
    jw_str(&w, "user_code", user_code);
    jw_str(&w, "verification_uri", page);
    jw_str(&w, "verification_uri_complete", url_with_params(a, page, &typed));
    jw_int(&w, "expires_in", usec_to_sec(d->expires_at) - usec_to_sec(op->now));
    jw_int(&w, "interval", usec_to_sec(p->config->oauth2_device_authorization_token_polling_interval));
    jw_end(&w);
    return buf_str(&b);
}

bool device_request(const struct provider *p, struct op *op, const struct client_credentials *credentials, struct str *ret_json,
                    struct err *e)
{
    struct asked q = { 0 };
    struct device d;
    struct str user_code;
    TRY(read_request(p, op, credentials, &q, e));
    TRY(store_new(p, op, &q, &d, &user_code, e));
    *ret_json = answer(p, op, &d, user_code);
    return true;
}
