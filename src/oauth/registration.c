/* What those may do who are no operators: register a client, and with its registration access token read, replace and delete it.
 * Knows no HTTP. */
#include "oauth/registration.h"

#include "oauth/earlier.h"

bool registration_enabled(const struct provider *p, struct err *e)
{
    ENSURE(p->config->oidc_dynamic_client_registration_enabled, e, NO_RESOURCE, "Dynamic registration is not enabled.");
    return true;
}

/* ---- what a document may not say ---- */

static bool refuse(struct err *e, const char *description)
{
    err_set(e, &err_INVALID_REQUEST, NULL, __FILE__, __LINE__);
    e->description = description;
    return false;
}

/* These make a client more trusted than others, or are the operator's own notes. */
static bool check_reserved(const struct client *c, const struct client *before, struct err *e)
{
    const struct str strategy = c->access_token_strategy;
    ENSURE(c->metadata == NULL || json_is_null(c->metadata) ||
               (json_is_object(c->metadata) && json_object_size(c->metadata) == 0),
           e, INVALID_CLIENT_METADATA, "'metadata' cannot be set for dynamic client registration");
    ENSURE(strategy.n == 0 || str_eq_nocase(strategy, before->access_token_strategy), e, BAD_REQUEST,
           "It is not allowed to choose your own access token strategy.");
    if (c->skip_consent && !before->skip_consent)
        return refuse(e, "'skip_consent' cannot be set for dynamic client registration");
    if (c->skip_logout_consent == TRI_TRUE && before->skip_logout_consent != TRI_TRUE)
        return refuse(e, "'skip_logout_consent' cannot be set for dynamic client registration");
    ENSURE(c->owner.n == 0 || str_eq(c->owner, before->owner), e, INVALID_CLIENT_METADATA,
           "'owner' cannot be set for dynamic client registration");
    for (size_t i = 0; i < LIFESPAN_MAX_; i++) {
        ENSURE(c->lifespans[i] == LIFESPAN_UNSET || c->lifespans[i] == before->lifespans[i], e, INVALID_CLIENT_METADATA,
               "Token lifespans cannot be set for dynamic client registration");
    }
    return true;
}

static bool check_listed(const char *member, struct strs asked, struct strs allowed, struct strs granted, struct err *e)
{
    for (size_t i = 0; i < asked.n; i++) {
        ENSUREF(strs_has(allowed, asked.v[i]) || strs_has(granted, asked.v[i]), e, INVALID_CLIENT_METADATA,
                "This server does not register clients with %s '%.*s'.", member, STR_FMT(str_upto(asked.v[i], 64)));
    }
    return true;
}

static bool check_limits(const struct provider *p, const struct client *c, const struct client *before, struct err *e)
{
    const struct config *cfg = p->config;
    const struct strs scopes = cfg->oidc_dynamic_client_registration_allowed_scope;
    const struct strs audience = cfg->oidc_dynamic_client_registration_allowed_audience;
    const struct strs grant_types = cfg->oidc_dynamic_client_registration_allowed_grant_types;
    TRY(check_listed("grant type", c->grant_types, grant_types, before->grant_types, e));
    if (scopes.n > 0) TRY(check_listed("scope", strs_words(c->arena, c->scope), scopes, before->scopes, e));
    return audience.n == 0 || check_listed("audience", c->audience, audience, before->audience, e);
}

/* What the client has already may be sent back, whoever gave it: RFC 7592 2.2: "This request MUST include all client metadata
 * fields as returned to the client from a previous registration, read, or update response". Notes are never returned. */
static bool check_document(const struct provider *p, const struct client *c, const struct client *before, struct err *e)
{
    TRY(check_reserved(c, before, e));
    return check_limits(p, c, before, e);
}

/* ---- registering ---- */

/* RFC 7591 3: "an initial access token [...] to limit registration to only those" who have one. */
bool registration_admits(const struct provider *p, struct str token, struct err *e)
{
    if (p->config->oidc_dynamic_client_registration_initial_access_tokens.n == 0) return true;
    ENSURE(token.n > 0 && config_registration_token_ok(p->config, token), e, INVALID_TOKEN,
           "Registering a client needs an initial access token.");
    return true;
}

bool registration_create(const struct provider *p, struct op *op, const json_t *document, struct client **ret,
                         struct client_extras *ret_x, struct err *e)
{
    struct client *c = client_new(op->arena);
    *ret_x = (struct client_extras) { 0 };
    TRY(client_decode(c, ret_x, document, e));
    ENSURE(ret_x->client_secret.n == 0, e, BAD_REQUEST, "It is not allowed to choose your own OAuth2 Client secret.");
    c->id = STR("");
    TRY(check_document(p, c, client_new(op->arena), e));
    TRY(client_create(p, op, c, ret_x, false, e));
    *ret = c;
    return true;
}

/* ---- managing ---- */

/* RFC 7592 2.1: "If the client does not exist on this server, the server MUST respond with HTTP 401 Unauthorized". */
static bool unauthorized(struct err *e)
{
    FAIL(e, UNAUTHORIZED, "The requested OAuth 2.0 client does not exist or you provided incorrect credentials.");
}

bool registration_find(const struct provider *p, struct op *op, struct str id, struct str token, const struct client **ret,
                       struct err *e)
{
    *ret = NULL;
    TRY(earlier_token(p, op, REGISTRATION_PREFIX, token, &token, e));
    if (id.n > 0 && id.n <= STORE_ID_MAX && !str_has(id, '\0')) TRY(client_get(p, op, id, ret, e));
    if (*ret == NULL || !client_registration_check(p, op->arena, *ret, token)) return unauthorized(e);
    return true;
}

struct replacement {
    const struct provider *provider;
    const struct registration_change *change;
};

/* Looks at the token again: of two that replace with the same one, only the first may. */
static bool replace(struct client *c, struct client_extras *x, const void *arg, struct err *e)
{
    const struct replacement *r = arg;
    const struct client before = *c;
    if (!client_registration_check(r->provider, c->arena, c, r->change->token)) return unauthorized(e);
    client_reset(c, false);
    TRY(client_decode(c, x, r->change->document, e));
    ENSURE(x->client_secret.n == 0, e, FORBIDDEN, "It is not allowed to choose your own OAuth2 Client secret.");
    c->id = before.id;
    c->registration++;
    return check_document(r->provider, c, &before, e);
}

bool registration_replace(const struct provider *p, struct op *op, const struct registration_change *change, struct client **ret,
                          struct client_extras *ret_x, struct err *e)
{
    const struct client *ignored;
    struct registration_change own = *change;
    const struct replacement r = { p, &own };
    TRY(earlier_token(p, op, REGISTRATION_PREFIX, change->token, &own.token, e));
    TRY(registration_find(p, op, own.id, own.token, &ignored, e));
    TRY(client_update(p, op, &(struct client_change) { .id = change->id, .edit = replace, .arg = &r }, ret, ret_x, e));
    ret_x->registration_access_token = client_registration_token(p, op->arena, *ret);
    ret_x->registration_client_uri = client_registration_uri(p, op->arena, *ret);
    return true;
}

bool registration_delete(const struct provider *p, struct op *op, struct str id, struct str token, struct err *e)
{
    const struct client *ignored;
    bool found; /* another request with the same token may have been faster */
    TRY(registration_find(p, op, id, token, &ignored, e));
    return client_delete(p, op, id, &found, e);
}
