/* One delivery at a time: taken by lease, sent, then done or put off. */
#include "flow/backchannel.h"

#include "base/rand.h"
#include "flow/identity_provider.h"
#include "oauth/keysets.h"

enum { ANSWER_MAX = 64 * 1024 };
/* Longer than an attempt can take: who has not finished by then has died. */
#define LEASE        (6 * BACKCHANNEL_TIMEOUT)
#define WORTH_TRYING (24 * 3600 * USEC_PER_SEC)

static const usec_t pauses[] = { 1 * USEC_PER_SEC, 15 * USEC_PER_SEC }; /* after the first attempt, after the second */
enum { ATTEMPTS_MAX = ARRAY_LEN(pauses) + 1 };

struct delivery backchannel_delivery(const struct op *op, const struct client *c, struct str session_id)
{
    struct buf body = BUF(op->arena);
    struct jw w = JW(&body);
    jw_object(&w, NULL);
    jw_str(&w, "client", c->id);
    jw_str(&w, "sid", session_id);
    jw_end(&w);
    return (struct delivery) { .id = rand_uuid(op->arena),
                               .url = c->backchannel_logout_uri,
                               .body = buf_str(&body),
                               .due_at = op->now,
                               .expires_at = op->now + WORTH_TRYING };
}

/* Back-Channel Logout 1.0, 2.4. The jti is the delivery's id, so that a client which has seen an earlier attempt can tell. */
static bool make_token(const struct provider *p, struct op *op, const struct delivery *d, struct str client_id, struct str sid,
                       struct str *ret, struct err *e)
{
    struct buf claims = BUF(op->arena);
    struct jw w = JW(&claims);
    jw_object(&w, NULL);
    jw_str(&w, "iss", p->issuer);
    jw_strs(&w, "aud", (struct strs) { &client_id, 1 });
    jw_int(&w, "iat", usec_to_sec(op->now));
    jw_str(&w, "jti", d->id);
    jw_raw(&w, "events", STR("{\"http://schemas.openid.net/event/backchannel-logout\":{}}"));
    jw_str(&w, "sid", sid);
    jw_end(&w);
    return keyset_sign(p, op, STR(KEYSET_ID_TOKEN), STR("JWT"), buf_str(&claims), ret, e);
}

/* No answer at all is status 0. */
static bool post(const struct provider *p, struct op *op, struct str url, struct str token, int *ret_status, struct err *e)
{
    struct params form = { 0 };
    struct fetch_answer answer;
    struct err why = ERR_INIT(op->arena);
    params_add(op->arena, &form, STR("logout_token"), token);
    bool answered = p->fetch(p, op,
                             &(struct fetch_request) { .url = url,
                                                       .post = params_encode(op->arena, &form, false),
                                                       .content_type = "application/x-www-form-urlencoded",
                                                       .max_bytes = ANSWER_MAX,
                                                       .timeout = BACKCHANNEL_TIMEOUT,
                                                       .attempts = 1 },
                             &answer, &why);
    if (!answered && err_is(&why, &err_MUST_WAIT)) return *e = why, false;
    *ret_status = answered ? answer.status : 0;
    return true;
}

/* What the other side refuses is not repeated. */
static enum backchannel_outcome judge(bool done, int status, int64_t attempts)
{
    if (done) return BACKCHANNEL_SENT;
    bool passing = status == 0 || status == 429 || status >= 500;
    return passing && attempts < ATTEMPTS_MAX ? BACKCHANNEL_RETRY : BACKCHANNEL_DROPPED;
}

/* Back-Channel Logout 1.0, 2.8: 200 is success, 204 is tolerated. */
static bool tell_client(const struct provider *p, struct op *op, const struct delivery *d, const json_t *body,
                        struct backchannel_report *ret, struct err *e)
{
    struct str token;
    ret->client_id = json_str(json_object_get(body, "client"));
    TRY(make_token(p, op, d, ret->client_id, json_str(json_object_get(body, "sid")), &token, e));
    TRY(post(p, op, d->url, token, &ret->status, e));
    ret->outcome = judge(ret->status == 200 || ret->status == 204, ret->status, d->attempts);
    return true;
}

/* An operator who has taken the identity provider out of the configuration does not want it told any more. */
static bool tell_identity_provider(const struct provider *p, struct op *op, const struct delivery *d, struct str session,
                                   struct backchannel_report *ret, struct err *e)
{
    if (p->config->urls_identity_provider_url.n == 0) return true;
    TRY(identity_provider_end(p, op, session, BACKCHANNEL_TIMEOUT, &ret->status, e));
    ret->outcome = judge(identity_provider_ended(ret->status), ret->status, d->attempts);
    return true;
}

static bool send_delivery(const struct provider *p, struct op *op, const struct delivery *d, struct backchannel_report *ret,
                          struct err *e)
{
    json_t *body;
    TRY(json_read(op->arena, d->body, &body, NULL, e));
    struct str session = identity_provider_session(body);
    return session.n > 0 ? tell_identity_provider(p, op, d, session, ret, e) : tell_client(p, op, d, body, ret, e);
}

bool backchannel_run(const struct provider *p, struct op *op, struct backchannel_report *ret, struct err *e)
{
    struct delivery *d;
    size_t n;
    *ret = (struct backchannel_report) { .outcome = BACKCHANNEL_IDLE };
    TRY(store_delivery_take(p->store, op, 1, LEASE, &d, &n, e));
    if (n == 0) return true;
    ret->attempts = d->attempts;
    ret->outcome = BACKCHANNEL_DROPPED; /* those that died in the hands of nodes count as tried */
    if (d->attempts <= ATTEMPTS_MAX) TRY(send_delivery(p, op, d, ret, e));
    if (ret->outcome != BACKCHANNEL_RETRY) return store_delivery_done(p->store, op, d->id, e);
    op->now = clock_now();
    ret->due_at = op->now + pauses[d->attempts - 1];
    return store_delivery_retry(p->store, op, d->id, ret->due_at, e);
}
