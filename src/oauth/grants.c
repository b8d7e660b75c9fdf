/* The steps that all grant types share, and the answer. What a grant type demands is in its own file. */
#include "oauth/grants.h"

#include "base/json.h"
#include "base/span.h"
#include "oauth/audience.h"
#include "oauth/credential.h"
#include "oauth/device.h"
#include "oauth/hooks.h"
#include "oauth/lifespan.h"
#include "oauth/scope.h"

#define NAME(literal)                \
    {                                \
        literal, sizeof(literal) - 1 \
    }

const struct grant_type grants[] = {
    { NAME("authorization_code"), false, authorization_code_validate, authorization_code_issue },
    { NAME("client_credentials"), false, client_credentials_validate, client_credentials_issue },
    { NAME("refresh_token"), false, refresh_token_validate, refresh_token_redeem },
    { NAME(DEVICE_GRANT_TYPE), false, device_code_validate, device_code_redeem },
    { NAME("urn:ietf:params:oauth:grant-type:jwt-bearer"), true, jwt_bearer_validate, jwt_bearer_issue },
};
const size_t grants_n = ARRAY_LEN(grants);

static const struct grant_type *find_type(struct str name)
{
    for (size_t i = 0; i < grants_n; i++) {
        if (str_eq(grants[i].name, name)) return &grants[i];
    }
    return NULL;
}

bool grant_allowed(const struct grant_request *q, struct err *e)
{
    ENSUREF(client_may_grant(q->client, q->type->name), e, UNAUTHORIZED_CLIENT,
            "The OAuth 2.0 Client is not allowed to use authorization grant '%.*s'.", STR_FMT(q->type->name));
    return true;
}

bool grant_issue_access(const struct provider *p, struct op *op, const struct grant_request *q, enum client_lifespan lifespan,
                        struct grant_result *ret, struct err *e)
{
    struct access_token t = {
        .grant_id = q->grant != NULL ? q->grant->id : STR(""),
        .generation = q->grant != NULL ? q->grant->generation : 0,
        .client_id = q->client->id,
        .subject = q->subject,
        .scopes = q->session.scopes,
        .audience = q->session.audience,
        .ext = q->session.access_claims,
        .expires_at = lifespan_end(op->now, lifespan_of(p, q->client, lifespan)),
    };
    TRY(access_token_issue(p, op, q->client, &t, &ret->access_token, e));
    ret->token_id = t.id;
    ret->issued_at = t.issued_at;
    ret->expires_at = t.expires_at;
    ret->scopes = q->session.scopes;
    return true;
}

/* RFC 6749 5.1. `scope` is always there, so that a client sees what it got. */
static struct str answer(const struct provider *p, struct op *op, const struct grant_result *r)
{
    struct buf b = BUF(op->arena);
    struct jw w = JW(&b);
    buf_reserve(&b, 256 + r->access_token.n + r->refresh_token.n + r->id_token.n);
    jw_object(&w, NULL);
    jw_str(&w, "access_token", r->access_token);
    if (credential_scopes(r->scopes)) {
        jw_str(&w, "c_nonce_draft_00", credential_nonce(p, op, r->token_id));
        jw_int(&w, "c_nonce_expires_in_draft_00", usec_to_sec(p->config->ttl_vc_nonce));
    }
    jw_int(&w, "expires_in", usec_to_sec(r->expires_at) - usec_to_sec(r->issued_at));
    if (r->id_token.n > 0) jw_str(&w, "id_token", r->id_token);
    if (r->refresh_token.n > 0) jw_str(&w, "refresh_token", r->refresh_token);
    jw_str(&w, "scope", strs_join(op->arena, r->scopes, " "));
    jw_str(&w, "token_type", STR("bearer"));
    jw_end(&w);
    return buf_str(&b);
}

static bool serve(const struct provider *p, struct op *op, const struct client_credentials *credentials, struct grant_request *q,
                  struct grant_result *ret, struct err *e)
{
    const struct str name = str_trim(params_get(q->form, STR("grant_type"))); /* scripts leave a line's end there */
    ENSURE(q->form->n > 0, e, INVALID_REQUEST, "The POST body can not be empty.");
    ENSURE(name.n > 0, e, INVALID_REQUEST, "Request parameter 'grant_type' is missing");
    q->type = find_type(name);
    ENSURE(q->type != NULL, e, INVALID_REQUEST, HINT_CHECK_PARAMETERS);

    TRY(client_authenticate(p, op, credentials, &q->client, e));
    TRY(scope_read(op, params_get(q->form, STR("scope")), &q->scopes, e));
    TRY(audience_read(op, q->form, &q->audience, e));
    TRY(q->type->validate(p, op, q, e));
    TRY(hooks_call(p, op, q, e));
    return q->type->issue(p, op, q, ret, e);
}

static void tell(const struct op *op, const struct grant_request *q, enum span_event_name name)
{
    span_event(op, &(struct span_event) { .name = name,
                                          .client_id = q->client != NULL ? q->client->id : STR_NONE,
                                          .subject = q->subject,
                                          .grant_type = q->type != NULL ? q->type->name : STR_NONE });
}

bool token_request(const struct provider *p, struct op *op, const struct client_credentials *credentials, struct str *ret_json,
                   struct err *e)
{
    struct grant_request q = { .form = credentials->form };
    struct grant_result result = { 0 };
    if (!serve(p, op, credentials, &q, &result, e)) {
        tell(op, &q, EVENT_TOKEN_EXCHANGE_ERROR);
        return false;
    }
    tell(op, &q, EVENT_ACCESS_TOKEN_ISSUED);
    if (result.refresh_token.n > 0) tell(op, &q, EVENT_REFRESH_TOKEN_ISSUED);
    if (result.id_token.n > 0) tell(op, &q, EVENT_IDENTITY_TOKEN_ISSUED);
    *ret_json = answer(p, op, &result);
    return true;
}
