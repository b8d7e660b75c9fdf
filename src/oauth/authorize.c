/* Checks of the authorization request, in the order in which they decide where an error goes. Knows nothing of logins. */
#include "oauth/authorize.h"

#include "oauth/audience.h"
#include "oauth/request_object.h"
#include "oauth/scope.h"

enum { STATE_LEAST = 8, NONCE_LEAST = 8, CHALLENGE_LENGTH = 43 };
enum { SHOWN = 64 }; /* characters of a wrong value that an error repeats */

struct word {
    const char *name;
    unsigned bit;
};

static const struct word modes[] = { { "query", MODE_QUERY }, { "fragment", MODE_FRAGMENT }, { "form_post", MODE_FORM_POST } };
static const struct word types[] = { { "code", RESPONSE_CODE }, { "token", RESPONSE_TOKEN }, { "id_token", RESPONSE_ID_TOKEN } };
static const struct word prompts[] = {
    { "none", PROMPT_NONE },
    { "login", PROMPT_LOGIN },
    { "consent", PROMPT_CONSENT },
    { "select_account", PROMPT_SELECT_ACCOUNT },
    { "registration", PROMPT_REGISTRATION },
};

/* As the discovery document lists them; any order of words is understood, and `code token`, too. */
static const char *const listed_types[] = {
    "code", "code id_token", "id_token", "token id_token", "token", "token id_token code"
};

void authorize_write_supported(struct jw *w)
{
    jw_array(w, "response_types_supported");
    for (size_t i = 0; i < ARRAY_LEN(listed_types); i++) jw_str(w, NULL, str_of(listed_types[i]));
    jw_end(w);
    jw_array(w, "response_modes_supported");
    for (size_t i = 0; i < ARRAY_LEN(modes); i++) jw_str(w, NULL, str_of(modes[i].name));
    jw_end(w);
    jw_array(w, "code_challenge_methods_supported");
    jw_str(w, NULL, STR("plain")); /* listed as it always was, and refused by read_pkce */
    jw_str(w, NULL, STR("S256"));
    jw_end(w);
}

static const struct word *find_word(const struct word *table, size_t n, struct str name)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(name, str_of(table[i].name))) return &table[i];
    return NULL;
}

/* False when a word is unknown. */
static bool word_bits(const struct word *table, size_t n, struct strs words, unsigned *ret)
{
    *ret = 0;
    for (size_t i = 0; i < words.n; i++) {
        const struct word *w = find_word(table, n, words.v[i]);
        if (w == NULL) return false;
        *ret |= w->bit;
    }
    return true;
}

/* ---- redirect_uri ---- */

/* RFC 8252 7.3: "MUST allow any port to be specified at the time of the request for loopback IP redirect URIs". */
static bool loopback_match(struct arena *a, struct str registered, const struct url *asked)
{
    struct url r;
    if (!url_parse(a, registered, &r) || !str_eq(r.scheme, STR("http")) || r.has_userinfo) return false;
    struct str registered_path, asked_path;
    if (!url_decode(a, r.path, false, &registered_path) || !url_decode(a, asked->path, false, &asked_path)) return false;
    return str_eq(r.host, asked->host) && str_eq(registered_path, asked_path) && str_eq(r.query, asked->query);
}

struct str redirect_uri_match(struct arena *a, struct strs registered, struct str uri)
{
    if (uri.n == 0) return registered.n == 1 ? registered.v[0] : STR_NONE;
    /* RFC 6749 3.1.2.3, RFC 9700 2.1: exact string comparison. */
    if (strs_has(registered, uri)) return uri;
    struct url asked;
    if (!url_parse(a, uri, &asked) || !str_eq(asked.scheme, STR("http")) || asked.has_userinfo) return STR_NONE;
    if (!url_host_is_loopback_ip(asked.host)) return STR_NONE;
    for (size_t i = 0; i < registered.n; i++)
        if (loopback_match(a, registered.v[i], &asked)) return uri;
    return STR_NONE;
}

bool redirect_uri_is_secure(struct arena *a, struct str uri)
{
    struct url u;
    return url_parse(a, uri, &u) && (!str_eq(u.scheme, STR("http")) || url_host_is_local(u.host));
}

bool redirect_uri_shows_client(struct arena *a, struct str uri)
{
    struct url u;
    return url_parse(a, uri, &u) && url_is_http(&u) && redirect_uri_is_secure(a, uri);
}

static bool read_redirect_uri(struct op *op, struct authorize_request *q, struct err *e)
{
    struct str uri = params_get(q->params, STR("redirect_uri"));
    q->redirect_given = uri.n > 0;
    /* OpenID Connect Core 3.1.2.1: redirect_uri is required. */
    ENSURE(q->redirect_given || !strs_has(q->scopes, STR("openid")), e, INVALID_REQUEST,
           "The 'redirect_uri' parameter is required when using OpenID Connect 1.0.");
    struct str match = redirect_uri_match(op->arena, q->client->redirect_uris, uri);
    struct url u;
    ENSURE(match.p != NULL && url_parse(op->arena, match, &u), e, INVALID_REQUEST,
           "The 'redirect_uri' parameter does not match any of the OAuth 2.0 Client's pre-registered redirect urls.");
    /* RFC 6749 3.1.2: absolute, "MUST NOT include a fragment component". */
    ENSURE(u.scheme.n > 0 && !u.has_fragment, e, INVALID_REQUEST, "The redirect_uri must be absolute and have no fragment.");
    q->redirect_uri = match;
    return true;
}

/* ---- the parts ---- */

static bool read_client(const struct provider *p, struct op *op, struct authorize_request *q, struct err *e)
{
    TRY(client_get(p, op, params_get(q->params, STR("client_id")), &q->client, e));
    ENSURE(q->client != NULL, e, INVALID_CLIENT, "The requested OAuth 2.0 Client does not exist.");
    return true;
}

/* OpenID Connect Core 6: from here on the request is what the request object has made of it. */
static bool take_request_object(const struct provider *p, struct op *op, struct authorize_request *q, struct err *e)
{
    TRY(request_object_merge(p, op, q->client, q->params, &q->params, e));
    q->state = params_get(q->params, STR("state"));
    return scope_read(op, params_get(q->params, STR("scope")), &q->scopes, e);
}

static bool read_mode(struct authorize_request *q, struct err *e)
{
    struct str mode = params_get(q->params, STR("response_mode"));
    const struct word *w = find_word(modes, ARRAY_LEN(modes), mode);
    ENSUREF(w != NULL || mode.n == 0, e, UNSUPPORTED_RESPONSE_MODE, "Request with unsupported response_mode '%.*s'.",
            STR_FMT(str_upto(mode, SHOWN)));
    q->mode = w != NULL ? w->bit : MODE_QUERY;
    return true;
}

static bool read_response_type(struct op *op, struct authorize_request *q, struct err *e)
{
    struct str text = params_get(q->params, STR("response_type"));
    struct strs words = strs_words(op->arena, text);
    ENSURE(words.n > 0, e, UNSUPPORTED_RESPONSE_TYPE, "The response_type is missing; add it, for example response_type=code.");
    ENSUREF(word_bits(types, ARRAY_LEN(types), words, &q->response_type) && client_may_respond(q->client, text), e,
            UNSUPPORTED_RESPONSE_TYPE,
            "The response_type '%.*s' is not registered for this client; ask for another one, or add it to the client's "
            "response_types.",
            STR_FMT(str_upto(text, SHOWN)));
    /* OAuth 2.0 Multiple Response Types 5: fragment is the default of whatever puts tokens in the answer. It counts from here on:
     * errors found before were always put in the query. */
    bool asked = params_get(q->params, STR("response_mode")).n > 0;
    if (!asked && q->response_type != RESPONSE_CODE) q->mode = MODE_FRAGMENT;
    return true;
}

/* A client without the grant authorization_code gets its code all the same and learns at the token endpoint, where it can be told
 * why. */
static bool check_grants(const struct authorize_request *q, struct err *e)
{
    bool code = (q->response_type & RESPONSE_CODE) != 0, token = (q->response_type & RESPONSE_TOKEN) != 0;
    if (q->response_type == RESPONSE_CODE) return true;
    ENSURE(!code || client_may_grant(q->client, STR("authorization_code")), e, INVALID_GRANT,
           "The OAuth 2.0 Client is not allowed to use the authorization grant 'authorization_code'.");
    ENSURE((code && !token) || client_may_grant(q->client, STR("implicit")), e, INVALID_GRANT,
           "The OAuth 2.0 Client is not allowed to use the authorization grant 'implicit'.");
    return true;
}

/* OpenID Connect Core 3.1.2.1: without openid in the scope it is no OpenID request, and nothing is left to answer with. */
static bool check_openid(const struct authorize_request *q, struct err *e)
{
    bool only_id_token = (q->response_type & RESPONSE_ID_TOKEN) != 0 && (q->response_type & RESPONSE_CODE) == 0;
    ENSURE(!only_id_token || strs_has(q->scopes, STR("openid")), e, UNSUPPORTED_RESPONSE_TYPE, NULL);
    return true;
}

/* RFC 9700 4.3.2: tokens do not belong into a query, which histories and logs keep. */
static bool check_query(const struct authorize_request *q, struct err *e)
{
    ENSURE(q->response_type == RESPONSE_CODE || q->mode != MODE_QUERY, e, UNSUPPORTED_RESPONSE_MODE,
           "Tokens are not put into the query; use fragment or form_post.");
    return true;
}

static bool is_hybrid(const struct authorize_request *q)
{
    return (q->response_type & RESPONSE_CODE) != 0 && q->response_type != RESPONSE_CODE;
}

static bool read_nonce(struct authorize_request *q, struct err *e)
{
    q->nonce = params_get(q->params, STR("nonce"));
    const bool code = (q->response_type & RESPONSE_CODE) != 0, id_token = (q->response_type & RESPONSE_ID_TOKEN) != 0;
    /* OpenID Connect Core 3.2.2.1 and 3.3.2.11: required when the ID token comes from the authorization endpoint. */
    ENSURE(q->nonce.n > 0 || !id_token || code, e, INVALID_REQUEST,
           "Parameter 'nonce' must be set when using the OpenID Connect Implicit Flow.");
    ENSURE(q->nonce.n > 0 || !id_token, e, INVALID_REQUEST,
           "Parameter 'nonce' must be set when requesting an ID Token using the OpenID Connect Hybrid Flow.");
    /* With a code alone a short one was always let through. */
    ENSUREF(q->nonce.n == 0 || q->nonce.n >= NONCE_LEAST || !(id_token || is_hybrid(q)), e, INSUFFICIENT_ENTROPY,
            "The nonce must have at least %d characters.", NONCE_LEAST);
    return true;
}

/* Of a request that lacks several things clients have always heard of the same one: of the nonce first where there is a code. */
static bool check_response_type(struct authorize_request *q, struct err *e)
{
    TRY(check_openid(q, e));
    if (q->response_type & RESPONSE_CODE) TRY(read_nonce(q, e));
    /* OpenID Connect Core 3.3.2.1; with openid in the scope it was looked for already. */
    ENSURE(q->redirect_given || !is_hybrid(q), e, INVALID_REQUEST,
           "The 'redirect_uri' parameter is required with a hybrid response type.");
    TRY(check_grants(q, e));
    return read_nonce(q, e);
}

/* RFC 7636 4.2, 4.4.1. Only S256: plain protects against nothing that it should. */
static bool read_pkce(const struct provider *p, struct authorize_request *q, struct err *e)
{
    if ((q->response_type & RESPONSE_CODE) == 0) return true;
    const struct config *cfg = p->config;
    q->code_challenge = params_get(q->params, STR("code_challenge"));
    ENSURE(q->code_challenge.n > 0 || !cfg->oauth2_pkce_enforced, e, INVALID_REQUEST,
           "Clients must include a code_challenge when performing the authorize code flow, but it is missing.");
    ENSURE(q->code_challenge.n > 0 || !cfg->oauth2_pkce_enforced_for_public_clients || !client_is_public(q->client), e,
           INVALID_REQUEST,
           "This client must include a code_challenge when performing the authorize code flow, but it is missing.");
    if (q->code_challenge.n == 0) return true;
    struct str method = params_get(q->params, STR("code_challenge_method"));
    ENSURE(str_eq(method, STR("S256")), e, INVALID_REQUEST, "Clients must use code_challenge_method=S256, plain is not allowed.");
    ENSURE(q->code_challenge.n == CHALLENGE_LENGTH, e, INVALID_REQUEST,
           "The code_challenge is not the base64url text of a SHA-256 digest (43 characters).");
    return true;
}

/* OpenID Connect Core 3.1.2.1. That `none` stands alone is checked where the session is known (flow/visit.c). */
static bool read_prompt(const struct provider *p, struct op *op, struct authorize_request *q, struct err *e)
{
    struct str text = params_get(q->params, STR("prompt"));
    struct strs words = strs_words(op->arena, text);
    ENSUREF(word_bits(prompts, ARRAY_LEN(prompts), words, &q->prompt), e, INVALID_REQUEST,
            "Used unknown value '[%.*s]' for prompt parameter", STR_FMT(str_upto(text, SHOWN)));
    /* A public client that gets its answer over plain http cannot be told from an impostor: the user has to be asked. */
    bool none = (q->prompt & PROMPT_NONE) != 0;
    ENSURE(!none || !client_is_public(q->client) || p->config->dev || redirect_uri_is_secure(op->arena, q->redirect_uri), e,
           CONSENT_REQUIRED, "prompt=none needs an https redirect_uri when the client is public.");
    return true;
}

static bool read_max_age(struct authorize_request *q, struct err *e)
{
    struct str text = params_get(q->params, STR("max_age"));
    q->max_age = -1;
    if (text.n == 0) return true;
    ENSURE(str_to_int(text, &q->max_age), e, INVALID_REQUEST, "The max_age must be a whole number of seconds.");
    if (q->max_age < 0) q->max_age = -1;
    return true;
}

static void read_hints(struct op *op, struct authorize_request *q)
{
    q->id_token_hint = params_get(q->params, STR("id_token_hint"));
    q->display = params_get(q->params, STR("display"));
    q->login_hint = params_get(q->params, STR("login_hint"));
    q->acr_values = strs_words(op->arena, params_get(q->params, STR("acr_values")));
    q->ui_locales = strs_words(op->arena, params_get(q->params, STR("ui_locales")));
}

static bool check_redirect_security(const struct provider *p, struct op *op, const struct authorize_request *q, struct err *e)
{
    const struct config *c = p->config;
    ENSURE(
        c->dev || redirect_uri_is_secure(op->arena, q->redirect_uri) || strs_has(c->insecure_redirects, q->redirect_uri), e,
        INVALID_REQUEST,
        "The redirect_uri uses plain http; outside development mode that is only allowed for localhost and loopback addresses.");
    return true;
}

/* What must hold before an error may be sent to the client. */
static bool read_destination(const struct provider *p, struct op *op, struct authorize_request *q, struct err *e)
{
    TRY(read_client(p, op, q, e));
    TRY(take_request_object(p, op, q, e));
    TRY(read_mode(q, e));
    TRY(read_redirect_uri(op, q, e));
    q->redirectable = true;
    return true;
}

bool authorize_read(const struct provider *p, struct op *op, const struct params *params, struct authorize_request *ret,
                    struct err *e)
{
    struct authorize_request *q = ret;
    *q = (struct authorize_request) { .params = params, .state = params_get(params, STR("state")), .max_age = -1 };
    TRY(read_destination(p, op, q, e));
    TRY(scopes_check(p, q->client, q->scopes, e));
    TRY(audience_read(op, q->params, &q->audience, e));
    TRY(audience_check(op, q->client, q->audience, e));
    ENSURE(params_get(q->params, STR("registration")).n == 0, e, REGISTRATION_NOT_SUPPORTED, NULL);
    TRY(read_response_type(op, q, e));
    /* RFC 6749 10.12: the state binds the answer to the browser; a short one can be guessed. */
    ENSUREF(q->state.n >= STATE_LEAST, e, INVALID_STATE,
            "Request parameter 'state' must be at least be %d characters long to ensure sufficient entropy.", STATE_LEAST);
    TRY(check_redirect_security(p, op, q, e));
    TRY(check_response_type(q, e));
    TRY(read_pkce(p, q, e));
    TRY(check_query(q, e));
    TRY(read_prompt(p, op, q, e));
    TRY(read_max_age(q, e));
    TRY(claims_request_read(op, params_get(q->params, STR("claims")), &q->claims, e));
    read_hints(op, q);
    return true;
}

bool authorize_read_device(const struct provider *p, struct op *op, const struct params *params, struct authorize_request *ret,
                           struct err *e)
{
    struct authorize_request *q = ret;
    *q = (struct authorize_request) { .params = params, .device = true, .max_age = -1 };
    TRY(read_client(p, op, q, e));
    TRY(scope_read(op, params_get(params, STR("scope")), &q->scopes, e));
    TRY(scopes_check(p, q->client, q->scopes, e));
    TRY(audience_read(op, params, &q->audience, e));
    TRY(audience_check(op, q->client, q->audience, e));
    TRY(read_prompt(p, op, q, e));
    TRY(read_max_age(q, e));
    read_hints(op, q);
    return true;
}
