/* A device polls (RFC 8628 3.4): told to wait until a person has decided, then its grant's row moves from consented to active, so
 * that one of many polls gets the tokens. */
#include "oauth/device.h"
#include "oauth/earlier.h"
#include "oauth/user_grant.h"

static const struct user_lifespans lives = { LIFESPAN_DEVICE_ACCESS, LIFESPAN_DEVICE_ID, LIFESPAN_DEVICE_REFRESH };

/* RFC 8628 3.5, slow_down: of two polls that come closer than the interval, the later one. A fifth is allowed for the network's
 * moods. */
static bool wait_on(const struct provider *p, struct op *op, const struct device *d, struct err *e)
{
    const usec_t latest = op->now - p->config->oauth2_device_authorization_token_polling_interval * 4 / 5;
    enum store_put put;
    ENSURE(d->polled_at <= latest, e, SLOW_DOWN, NULL);
    TRY(store_device_poll(p->store, op, d->id, latest, &put, e));
    ENSURE(put == STORE_DONE, e, SLOW_DOWN, NULL);
    FAIL(e, AUTHORIZATION_PENDING, NULL);
}

/* RFC 6749 5.2: errors of the token endpoint have status 400. */
static bool denied(struct err *e)
{
    err_set(e, &err_ACCESS_DENIED, NULL, __FILE__, __LINE__);
    e->status = 400;
    return false;
}

/* What the person has decided; true: granted, *ret is the row. */
static bool find_grant(const struct provider *p, struct op *op, const struct device *d, struct grant **ret, struct err *e)
{
    if (d->state == DEVICE_REFUSED) return denied(e);
    ENSURE(op->now < d->expires_at, e, EXPIRED_TOKEN, NULL);
    if (d->state == DEVICE_WAITING) return wait_on(p, op, d, e);
    TRY(store_grant_get(p->store, op, d->grant_id, ret, e));
    if (*ret != NULL && (*ret)->state == GRANT_CONSENT_ACCEPTED) return wait_on(p, op, d, e); /* the browser is about to end */
    ENSURE(*ret != NULL && (*ret)->state == GRANT_CONSENTED && (*ret)->client_version > 0, e, INVALID_GRANT, NULL);
    return true;
}

bool device_code_validate(const struct provider *p, struct op *op, struct grant_request *q, struct err *e)
{
    struct device_code code;
    struct device *d;
    struct grant *g;
    struct str text;
    TRY(grant_allowed(q, e));
    TRY(earlier_token(p, op, DEVICE_CODE_PREFIX, params_get(q->form, STR("device_code")), &text, e));
    ENSURE(device_code_open(p, op->arena, text, &code), e, INVALID_GRANT, NULL);
    OP_MUST_WAIT(op, e); /* every poll that does not come too soon writes */
    TRY(store_device_get(p->store, op, code.device_id, &d, e));
    ENSURE(d != NULL || op->now < code.expires_at, e, EXPIRED_TOKEN, NULL);
    /* RFC 8628 3.4: the code belongs to the client that asked for it. */
    ENSURE(d != NULL, e, INVALID_GRANT, NULL);
    ENSURE(str_eq(d->client_id, q->client->id), e, INVALID_GRANT,
           "The OAuth 2.0 Client ID from this request does not match the one from the device authorization request.");
    TRY(find_grant(p, op, d, &g, e));
    TRY(grant_session_read(p, op, g, &q->session, e));
    q->subject = g->subject;
    q->grant = g;
    return true;
}

bool device_code_redeem(const struct provider *p, struct op *op, const struct grant_request *q, struct grant_result *ret,
                        struct err *e)
{
    return user_grant_begin(p, op, q, &lives, STR(""), ret, e);
}
