/* Which device a person lets in. The codes that are typed are short, so tries are counted (RFC 8628 5.1): in one browser's flow,
 * and wrong ones of all browsers together. */
#include "flow/device.h"

#include "base/rand.h"
#include "base/span.h"
#include "flow/flow_int.h"
#include "oauth/device.h"

enum { TRIES_OF_FLOW = 20, TRIES_OF_ALL = 600, ROUNDS = 10 };
#define ALL_PERIOD (60 * USEC_PER_SEC)

/* What the verification page's URL may say about the login to come; what is asked for is the device's own. */
static struct params about_login(struct arena *a, const struct params *sent)
{
    static const char *const kept[] = { "acr_values", "display", "id_token_hint", "login_hint",
                                        "max_age",    "prompt",  "ui_locales",    "identity_schema" };
    struct params own = { 0 };
    for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
        struct str value = params_get(sent, str_of(kept[i]));
        if (value.n > 0) params_add(a, &own, str_of(kept[i]), value);
    }
    return own;
}

bool device_flow_begin(const struct provider *p, struct op *op, const struct params *params, struct flow *ret, struct err *e)
{
    (void)p;
    struct params own = about_login(op->arena, params);
    struct str request = params_encode(op->arena, &own, true);
    ENSUREF(request.n <= FLOW_REQUEST_MAX, e, INVALID_REQUEST, "The request is longer than %d bytes.", FLOW_REQUEST_MAX);
    *ret = (struct flow) { .id = rand_hex(op->arena, FLOW_ID_BYTES),
                           .request = request,
                           .requested_at = op->now,
                           .login_csrf = rand_hex(op->arena, FLOW_ID_BYTES) };
    return true;
}

struct str device_flow_challenge(const struct provider *p, struct arena *a, const struct flow *f)
{
    return flow_seal(p, a, SEAL_DEVICE_CHALLENGE, f);
}

static enum flow_found open_kind(const struct provider *p, struct op *op, enum seal_purpose purpose, struct str text,
                                 struct flow *ret)
{
    if (!flow_unseal(p, op->arena, purpose, text, ret)) return FLOW_UNKNOWN;
    return op->now - ret->requested_at > p->config->ttl_login_consent_request ? FLOW_EXPIRED : FLOW_OPEN;
}

enum flow_found device_flow_open(const struct provider *p, struct op *op, struct str challenge, struct flow *ret)
{
    return open_kind(p, op, SEAL_DEVICE_CHALLENGE, challenge, ret);
}

/* ---- a code is typed ---- */

/* Counts one more try of `whose`, unless there were `most`. */
static bool count_try(const struct provider *p, struct op *op, struct str whose, int64_t most, usec_t until, struct err *e)
{
    int64_t tries = 0;
    enum store_put put;
    for (int i = 0; i < ROUNDS; i++) {
        TRY(store_mark_put(p->store, op, MARK_DEVICE_TRIES, whose, 1, until, &put, &tries, e));
        if (put == STORE_DONE) return true;
        ENSURE(tries < most, e, TOO_MANY_TRIES, "Too many codes were tried; start again later.");
        TRY(store_mark_move(p->store, op, MARK_DEVICE_TRIES, whose, tries, tries + 1, &put, e));
        if (put == STORE_DONE) return true;
    }
    FAIL(e, TOO_MANY_TRIES, "Too many codes are being tried at once; try again.");
}

static struct str everybody(struct op *op) { return arena_printf(op->arena, "all %lld", (long long)(op->now / ALL_PERIOD)); }

static bool check_all(const struct provider *p, struct op *op, struct err *e)
{
    int64_t wrong;
    TRY(store_mark_get(p->store, op, MARK_DEVICE_TRIES, everybody(op), &wrong, e));
    ENSURE(wrong < TRIES_OF_ALL, e, TOO_MANY_TRIES, "Too many wrong codes were typed in the last minute; try again later.");
    return true;
}

static bool find_earlier(const struct provider *p, struct op *op, struct str user_code, struct device **ret, struct err *e)
{
    const struct strs digests = user_code_earlier_digests(p, op->arena, user_code);
    for (size_t i = 0; i < digests.n && *ret == NULL; i++) TRY(store_device_by_code(p->store, op, digests.v[i], ret, e));
    return true;
}

static bool find(const struct provider *p, struct op *op, struct str user_code, struct device **ret, struct err *e)
{
    TRY(store_device_by_code(p->store, op, user_code_digest(p, op->arena, user_code), ret, e));
    if (*ret == NULL) TRY(find_earlier(p, op, user_code, ret, e));
    if (*ret != NULL && (*ret)->state == DEVICE_WAITING && op->now < (*ret)->expires_at) return true;
    TRY(count_try(p, op, everybody(op), INT64_MAX, op->now + 2 * ALL_PERIOD, e));
    FAIL(e, INVALID_REQUEST, "The 'user_code' session could not be found or has expired or is otherwise malformed.");
}

bool device_flow_accept(const struct provider *p, struct op *op, const struct flow *f, struct str user_code, struct str *ret_url,
                        struct err *e)
{
    struct arena *a = op->arena;
    struct device *d;
    struct flow typed = *f;
    struct params add = { 0 };
    OP_MUST_WAIT(op, e);
    TRY(check_all(p, op, e));
    TRY(count_try(p, op, f->id, TRIES_OF_FLOW, f->requested_at + p->config->ttl_login_consent_request, e));
    TRY(find(p, op, user_code, &d, e));
    typed.device = true;
    typed.device_id = d->id;
    params_add(a, &add, STR("client_id"), d->client_id);
    params_add(a, &add, STR("device_verifier"), flow_seal(p, a, SEAL_DEVICE_VERIFIER, &typed));
    *ret_url = url_with_params(a, flow_request_url(p, a, &typed), &add);
    span_event(op, &(struct span_event) { .name = EVENT_DEVICE_USER_CODE_ACCEPTED, .client_id = d->client_id });
    return true;
}

/* ---- the browser comes back ---- */

bool device_flow_verify(const struct provider *p, struct op *op, struct str verifier, struct flow *ret_begun, struct err *e)
{
    enum flow_found found = open_kind(p, op, SEAL_DEVICE_VERIFIER, verifier, ret_begun);
    ENSURE(found != FLOW_UNKNOWN, e, ACCESS_DENIED,
           "The device verifier has already been used, has not been granted, or is invalid.");
    ENSURE(found != FLOW_EXPIRED, e, REQUEST_UNAUTHORIZED, "The device request has expired, please try again.");
    return true;
}

static bool find_waiting(const struct provider *p, struct op *op, struct str id, struct device **ret, struct err *e)
{
    TRY(store_device_get(p->store, op, id, ret, e));
    ENSURE(*ret != NULL && op->now < (*ret)->expires_at, e, ACCESS_DENIED,
           "The device's code has expired; start again on the device.");
    return true;
}

bool device_flow_request(const struct provider *p, struct op *op, const struct flow *begun, const struct params *sent,
                         struct params *ret, struct err *e)
{
    struct device *d;
    struct params asked;
    TRY(find_waiting(p, op, begun->device_id, &d, e));
    ENSURE(d->state == DEVICE_WAITING, e, ACCESS_DENIED, "The device's code was already used.");
    ENSURE(str_eq(params_get(sent, STR("client_id")), d->client_id), e, INVALID_CLIENT,
           "The verifier was made for another client.");
    ENSURE(params_parse(op->arena, d->request, SIZE_MAX, &asked), e, SERVER_ERROR, "A device's request cannot be read.");
    *ret = about_login(op->arena, sent);
    params_add(op->arena, ret, STR("client_id"), d->client_id);
    for (size_t i = 0; i < asked.n; i++) params_add(op->arena, ret, asked.v[i].name, asked.v[i].value);
    return true;
}

/* The device first: should the second step not come, the browser may come again, and the device still waits. */
bool device_flow_finish(const struct provider *p, struct op *op, const struct authorize_request *q, struct grant *g,
                        const struct flow *f, struct err *e)
{
    struct grant_session granted;
    struct device *d;
    enum store_put put;
    OP_MUST_WAIT(op, e);
    TRY(visit_granted(p, op, q, g, f, &granted, e));
    TRY(find_waiting(p, op, f->device_id, &d, e));
    TRY(store_device_decide(p->store, op, d->id, DEVICE_GRANTED, g->id, &put, e));
    ENSURE(put == STORE_DONE, e, ACCESS_DENIED, "The device's code was already used.");
    return flow_finish(p, op, g, GRANT_CONSENTED, &granted, d->expires_at + USEC_PER_SEC, e);
}

bool device_flow_refuse(const struct provider *p, struct op *op, const struct flow *f, struct err *e)
{
    enum store_put ignored;
    return store_device_decide(p->store, op, f->device_id, DEVICE_REFUSED, STR(""), &ignored, e);
}
