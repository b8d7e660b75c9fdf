/* What client metadata may say: every rule is one function in the table at the end, in the order in which callers see failures.
 * Runs on the whole resulting client, whichever operation made it. */
#include <string.h>

#include "client.h"
#include "crypto/jwk.h"

struct check {
    const struct provider *p;
    struct op *op;
    struct client *c;
    const struct client *before;
    bool v1;
    struct err *e;
};

static bool text_is(struct str text, const char *word) { return str_eq(text, str_of(word)); }

static bool one_of(struct str text, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (text_is(text, words[i])) return true;
    return false;
}
#define ONE_OF(text, ...) \
    one_of((text), (const char *const[]) { __VA_ARGS__ }, sizeof((const char *const[]) { __VA_ARGS__ }) / sizeof(char *))

/* ---- client authentication and keys ---- */

static bool check_method(struct check *k)
{
    struct str *method = &k->c->token_endpoint_auth_method;
    if (method->n == 0) *method = STR("client_secret_basic");
    ENSUREF(ONE_OF(*method, "client_secret_basic", "client_secret_post", "private_key_jwt", "client_secret_jwt", "none"), k->e,
            INVALID_CLIENT_METADATA,
            "Field token_endpoint_auth_method is '%.*s' but must be one of client_secret_basic, client_secret_post, "
            "private_key_jwt, none.",
            STR_FMT(*method));
    return true;
}

static bool check_assertion(struct check *k)
{
    const struct client *c = k->c;
    struct str mac = c->token_endpoint_auth_signing_alg;
    ENSURE(!text_is(c->token_endpoint_auth_method, "client_secret_jwt") || mac.n == 0 || ONE_OF(mac, "HS256", "HS384", "HS512"),
           k->e, INVALID_CLIENT_METADATA, "Only HS256, HS384 and HS512 are supported as algorithms for client_secret_jwt.");
    if (!text_is(c->token_endpoint_auth_method, "private_key_jwt")) return true;
    ENSURE(c->jwks != NULL || c->jwks_uri.n > 0, k->e, INVALID_CLIENT_METADATA,
           "When token_endpoint_auth_method is 'private_key_jwt', either jwks or jwks_uri must be set.");
    struct str alg = c->token_endpoint_auth_signing_alg;
    ENSURE(alg.n == 0 || ONE_OF(alg, "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"), k->e,
           INVALID_CLIENT_METADATA,
           "Only RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 and ES512 are supported as algorithms for private key "
           "authentication.");
    return true;
}

static void unref_key(struct jwk **key) { jwk_unref(*key); }

/* A key in canonical form. Numbers of RSA keys are judged as metadata, everything else as a body that cannot be read: that is
 * how callers know the two cases. */
static bool canonical_key(struct check *k, const json_t *json, size_t number, json_t *list)
{
    __attribute__((cleanup(unref_key))) struct jwk *key = NULL;
    struct err why = ERR_INIT(k->op->arena);
    if (!jwk_parse(json, &key, &why)) {
        ENSURE(!str_eq(json_str(json_member(json, "kty")), STR("RSA")), k->e, INVALID_CLIENT_METADATA,
               "Invalid JSON web key in set.");
        FAILF(k->e, BAD_REQUEST, "Unable to decode the request body: jwks.keys[%zu]: %s", number,
              why.hint != NULL ? why.hint : "");
    }
    /* RFC 7591 2: "jwks ... Client's JSON Web Key Set document value, which contains the client's public keys." */
    ENSUREF(key->pkey == NULL || !key->is_private, k->e, INVALID_CLIENT_METADATA,
            "Field jwks must hold public keys only, but jwks.keys[%zu] has private members.", number);
    json_array_append(list, key->json);
    return true;
}

static void release(void *value) { json_decref(value); }

static bool check_keys(struct check *k)
{
    enum { MOST_KEYS = 100 };
    struct client *c = k->c;
    if (c->jwks == NULL) return true;
    /* RFC 7591 2: "The jwks_uri and jwks parameters MUST NOT both be present in the same request or response." */
    ENSURE(c->jwks_uri.n == 0, k->e, INVALID_CLIENT_METADATA,
           "Fields jwks and jwks_uri can not both be set, you must choose one.");
    const json_t *keys = json_member(c->jwks, "keys");
    ENSUREF(json_array_size(keys) <= MOST_KEYS, k->e, INVALID_CLIENT_METADATA, "Field jwks must not have more than %d keys.",
            MOST_KEYS);

    json_t *set = json_object(), *list = json_array();
    json_object_set_new(set, "keys", list);
    arena_defer(c->arena, release, set);
    for (size_t i = 0; i < json_array_size(keys); i++) TRY(canonical_key(k, json_array_get(keys, i), i, list));
    c->jwks = set;
    return true;
}

static bool check_algorithms(struct check *k)
{
    struct str alg = k->c->request_object_signing_alg;
    ENSUREF(alg.n == 0 || text_is(alg, "none") || alg_by_name(alg) != NULL, k->e, INVALID_CLIENT_METADATA,
            "Field request_object_signing_alg is '%.*s', which is not a supported algorithm.", STR_FMT(alg));
    struct str *userinfo = &k->c->userinfo_signed_response_alg;
    if (userinfo->n == 0) *userinfo = STR("none");
    ENSURE(ONE_OF(*userinfo, "none", "RS256"), k->e, INVALID_CLIENT_METADATA,
           "Field userinfo_signed_response_alg can either be 'none' or 'RS256'.");
    return true;
}

/* ---- what the client may ask for ---- */

/* RFC 7591 2 names the grant types; RFC 6749 4.5 makes every other one an absolute URI. Without a check a misspelt grant type is
 * found only when the first token is refused. */
static bool check_grant_types(struct check *k)
{
    for (size_t i = 0; i < k->c->grant_types.n; i++) {
        struct str type = k->c->grant_types.v[i];
        struct url u;
        bool known = ONE_OF(type, "authorization_code", "implicit", "refresh_token", "client_credentials", "password");
        ENSUREF(known || (url_parse(k->op->arena, type, &u) && u.scheme.n > 0), k->e, INVALID_CLIENT_METADATA,
                "Field grant_types[%zu] is '%.*s' but must be one of authorization_code, implicit, refresh_token, "
                "client_credentials, or the absolute URI of another grant type.",
                i, STR_FMT(type));
    }
    return true;
}

static bool check_response_types(struct check *k)
{
    for (size_t i = 0; i < k->c->response_types.n; i++) {
        struct strs words = strs_words(k->op->arena, k->c->response_types.v[i]);
        bool known = words.n > 0;
        for (size_t w = 0; w < words.n; w++) known = known && ONE_OF(words.v[w], "code", "token", "id_token", "none");
        ENSUREF(known, k->e, INVALID_CLIENT_METADATA,
                "Field response_types[%zu] is '%.*s' but must be made of the words code, token, id_token.", i,
                STR_FMT(k->c->response_types.v[i]));
    }
    return true;
}

static bool check_scope(struct check *k)
{
    if (k->c->scope.n == 0)
        k->c->scope = strs_join(k->c->arena, k->p->config->oidc_dynamic_client_registration_default_scope, " ");
    k->c->scopes = strs_words(k->c->arena, k->c->scope);
    return true;
}

static bool check_strategy(struct check *k)
{
    struct str *strategy = &k->c->access_token_strategy;
    if (strategy->n == 0) return true;
    bool jwt = str_eq_nocase(*strategy, STR("jwt"));
    ENSUREF(jwt || str_eq_nocase(*strategy, STR("opaque")), k->e, INVALID_CLIENT_METADATA,
            "invalid access token strategy: expected one of [jwt, opaque] but got %.*s", STR_FMT(*strategy));
    *strategy = jwt ? STR("jwt") : STR("opaque");
    return true;
}

/* Public subjects stand in JWT access tokens as they are, so pairwise ones would be of no use to the client. */
static bool check_subject_type(struct check *k)
{
    struct strs supported = { 0 }, configured = k->p->config->oidc_subject_identifiers_supported_types;
    struct str strategy = k->c->access_token_strategy;
    bool jwt = strategy.n > 0 ? str_eq_nocase(strategy, STR("jwt")) : k->p->config->strategies_access_token == TOKEN_JWT;
    for (size_t i = 0; i < configured.n; i++)
        if (!jwt || !text_is(configured.v[i], "pairwise")) strs_add(k->op->arena, &supported, configured.v[i]);

    struct str *type = &k->c->subject_type;
    if (type->n == 0)
        *type = strs_has(supported, STR("public")) || supported.n == 0 ? STR("public") : arena_dup(k->c->arena, supported.v[0]);
    ENSUREF(supported.n == 0 || strs_has(supported, *type), k->e, INVALID_CLIENT_METADATA,
            "Subject type %.*s is not supported by server, only [%.*s] are allowed.", STR_FMT(*type),
            STR_FMT(strs_join(k->op->arena, supported, " ")));
    return true;
}

/* ---- addresses ---- */

struct named {
    const char *name;
    struct str value;
};

/* RFC 7591 5: a page shown to end-users must not be a script. */
static bool check_pages(struct check *k)
{
    if (k->v1) return true;
    const struct client *c = k->c;
    const struct named pages[] = {
        { "tos_uri", c->tos_uri },
        { "policy_uri", c->policy_uri },
        { "logo_uri", c->logo_uri },
        { "client_uri", c->client_uri },
    };
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        struct str value = pages[i].value;
        struct url u;
        if (value.n == 0) continue;
        bool parses = url_parse(k->op->arena, value, &u) && (u.scheme.n > 0 || value.p[0] == '/');
        ENSUREF(parses, k->e, INVALID_CLIENT_METADATA, "Field %s must be a valid URI.", pages[i].name);
        ENSUREF(url_is_http(&u), k->e, INVALID_CLIENT_METADATA, "%.*s must use https:// or http:// as HTTP scheme for field %s.",
                STR_FMT(value), pages[i].name);
    }
    return true;
}

/* An absolute https URL with a host; http too where `http` says so. */
static bool check_endpoint(struct check *k, const char *name, struct str value, bool http)
{
    struct url u;
    if (value.n == 0) return true;
    ENSUREF(url_parse(k->op->arena, value, &u) && u.host.n > 0, k->e, INVALID_CLIENT_METADATA,
            "Field %s must be an absolute URL.", name);
    ENSUREF(text_is(u.scheme, "https") || (http && text_is(u.scheme, "http")), k->e, INVALID_CLIENT_METADATA,
            "Field %s must use %s.", name, http ? "https:// or http://" : "https://");
    return true;
}

static bool check_endpoints(struct check *k)
{
    const struct client *c = k->c;
    bool dev = k->p->config->dev;
    /* OpenID Connect Back-Channel Logout 2.2, Front-Channel Logout 2: "it MAY use the http scheme, provided that the Client Type
     * is confidential". */
    bool plain = dev || !client_is_public(c);
    TRY(check_endpoint(k, "jwks_uri", c->jwks_uri, dev));
    TRY(check_endpoint(k, "frontchannel_logout_uri", c->frontchannel_logout_uri, plain));
    TRY(check_endpoint(k, "backchannel_logout_uri", c->backchannel_logout_uri, plain));
    /* OpenID Connect Registration 2: "initiate_login_uri ... URI using the https scheme" */
    TRY(check_endpoint(k, "initiate_login_uri", c->initiate_login_uri, false));
    for (size_t i = 0; i < c->request_uris.n; i++) {
        char name[40];
        snprintf(name, sizeof(name), "request_uris[%zu]", i);
        TRY(check_endpoint(k, name, c->request_uris.v[i], dev));
    }
    return true;
}

static bool check_address(struct check *k, const char *name, struct str value)
{
    struct url u;
    if (value.n == 0 || !url_parse(k->op->arena, value, &u)) return true; /* check_endpoints speaks of those */
    ENSUREF(k->p->admits(k->p, &u, value), k->e, INVALID_CLIENT_METADATA,
            "Client IP address is not allowed: the host of %s is this machine or in a network that is not public, and "
            "clients.http.disallow_private_ip_ranges is set.",
            name);
    return true;
}

/* So that whoever registers hears of it now, and not with the first request that needs the document. What a name stands for is
 * not asked: that may be another address tomorrow, and the connection itself is guarded. sector_identifier_uri is fetched at
 * once. */
static bool check_addresses(struct check *k)
{
    const struct client *c = k->c;
    if (k->v1 || k->p->admits == NULL) return true;
    TRY(check_address(k, "jwks_uri", c->jwks_uri));
    TRY(check_address(k, "backchannel_logout_uri", c->backchannel_logout_uri));
    for (size_t i = 0; i < c->request_uris.n; i++) {
        char name[40];
        snprintf(name, sizeof(name), "request_uris[%zu]", i);
        TRY(check_address(k, name, c->request_uris.v[i]));
    }
    return true;
}

static bool check_origin(struct check *k, struct str *origin)
{
    struct url u;
    struct str v = *origin;
    ENSUREF(url_parse(k->op->arena, v, &u), k->e, INVALID_CLIENT_METADATA,
            "Origin URL %.*s from allowed_cors_origins could not be parsed.", STR_FMT(v));
    ENSUREF(url_is_http(&u), k->e, INVALID_CLIENT_METADATA, "Origin URL %.*s must use https:// or http:// as HTTP scheme.",
            STR_FMT(v));
    ENSUREF(!u.has_userinfo, k->e, INVALID_CLIENT_METADATA,
            "Origin URL %.*s has HTTP user and/or password set which is not allowed.", STR_FMT(v));
    ENSUREF((u.path.n == 0 || text_is(u.path, "/")) && u.opaque.n == 0 && !u.has_query && !u.has_fragment, k->e,
            INVALID_CLIENT_METADATA,
            "Origin URL %.*s must have an empty path, query, and fragment but one of the parts is not empty.", STR_FMT(v));
    if (u.path.n > 0) *origin = str_upto(v, v.n - 1); /* browsers send origins without the slash */
    return true;
}

static bool check_origins(struct check *k)
{
    struct strs origins = k->c->allowed_cors_origins;
    for (size_t i = 0; i < origins.n; i++) TRY(check_origin(k, &origins.v[i]));
    return true;
}

static bool check_redirect(struct check *k, struct str uri)
{
    struct url u;
    /* RFC 6749 3.1.2: "The endpoint URI MUST NOT include a fragment component." */
    ENSURE(!str_has(uri, '#'), k->e, INVALID_REDIRECT_URI, "Redirect URIs must not contain fragments (#).");
    /* RFC 6749 3.1.2: "The redirection endpoint URI MUST be an absolute URI" */
    ENSUREF(url_parse(k->op->arena, uri, &u) && u.scheme.n > 0, k->e, INVALID_REDIRECT_URI, "Unable to parse redirect URL: %.*s",
            STR_FMT(uri));
    ENSUREF(!ONE_OF(u.scheme, "javascript", "data", "vbscript"), k->e, INVALID_REDIRECT_URI,
            "Redirect URL %.*s has a scheme that browsers run as a script.", STR_FMT(uri));
    if (!url_is_http(&u)) return true;
    ENSUREF(!u.has_userinfo, k->e, INVALID_REDIRECT_URI, "Redirect URL %.*s must not contain a user name or password.",
            STR_FMT(uri));
    ENSUREF(u.host.n > 0, k->e, INVALID_REDIRECT_URI, "Redirect URL %.*s must name a host.", STR_FMT(uri));
    return true;
}

static bool check_redirects(struct check *k)
{
    for (size_t i = 0; i < k->c->redirect_uris.n; i++) TRY(check_redirect(k, k->c->redirect_uris.v[i]));
    return true;
}

static bool same_site(struct check *k, const struct url *u, struct str redirect)
{
    struct url r;
    return url_parse(k->op->arena, redirect, &r) && str_eq(u->scheme, r.scheme) && str_eq_nocase(u->host, r.host) &&
           str_eq(u->port, r.port);
}

static bool check_post_logout(struct check *k)
{
    const struct strs *uris = &k->c->post_logout_redirect_uris, *redirects = &k->c->redirect_uris;
    for (size_t i = 0; i < uris->n; i++) {
        struct url u;
        struct str v = uris->v[i];
        ENSUREF(v.n > 0 && url_parse(k->op->arena, v, &u) && (u.scheme.n > 0 || v.p[0] == '/'), k->e, INVALID_CLIENT_METADATA,
                "Unable to parse post_logout_redirect_uri: %.*s", STR_FMT(v));
        bool found = false;
        for (size_t r = 0; r < redirects->n && !found; r++) found = same_site(k, &u, redirects->v[r]);
        ENSUREF(found, k->e, INVALID_CLIENT_METADATA,
                "post_logout_redirect_uri '%.*s' must match the domain, port, scheme of at least one of the registered redirect "
                "URIs but did not",
                STR_FMT(v));
    }
    return true;
}

/* ---- the sector identifier, fetched ---- */

#define FETCH_TIME (5 * USEC_PER_SEC)

static bool same_lists(struct strs a, struct strs b)
{
    bool same = a.n == b.n;
    for (size_t i = 0; same && i < a.n; i++) same = str_eq(a.v[i], b.v[i]);
    return same;
}

static bool fetch_sector(struct check *k, json_t **ret)
{
    enum { MOST_BYTES = 1 << 20 };
    const struct fetch_request q = {
        .url = k->c->sector_identifier_uri, .max_bytes = MOST_BYTES, .timeout = FETCH_TIME, .attempts = 1
    };
    struct fetch_answer answer;
    struct err why = ERR_INIT(k->op->arena);
    OP_MUST_WAIT(k->op, k->e);
    if (!k->p->fetch(k->p, k->op, &q, &answer, &why)) {
        if (err_is(&why, &err_BUSY)) FAIL(k->e, BUSY, why.hint);
        err_set(k->e, &err_INVALID_CLIENT_METADATA, "The sector_identifier_uri could not be fetched.", __FILE__, __LINE__);
        return err_debugf(k->e, "%s", why.debug != NULL ? why.debug : why.hint != NULL ? why.hint : "");
    }
    ENSUREF(answer.status == 200, k->e, INVALID_CLIENT_METADATA, "The sector_identifier_uri answered with status %d, not 200.",
            answer.status);
    ENSURE(json_read(k->op->arena, answer.body, ret, NULL, &why) && json_is_array(*ret), k->e, INVALID_CLIENT_METADATA,
           "The document at sector_identifier_uri is not a JSON array of redirect URIs.");
    return true;
}

static bool holds(const json_t *list, struct str text)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (json_is_string(json_array_get(list, i)) && str_eq(json_str(json_array_get(list, i)), text)) return true;
    return false;
}

/* OpenID Connect Registration 5: "The values of the registered redirect_uris MUST be included in the elements of the array, or
 * registration MUST fail." Fetched only when one of the two has changed, so that a document that is away for a moment blocks no
 * other change of the client. */
static bool check_sector(struct check *k)
{
    const struct client *c = k->c, *before = k->before;
    if (c->sector_identifier_uri.n == 0) return true;
    TRY(check_endpoint(k, "sector_identifier_uri", c->sector_identifier_uri, false));
    if (before != NULL && str_eq(before->sector_identifier_uri, c->sector_identifier_uri) &&
        same_lists(before->redirect_uris, c->redirect_uris))
        return true;

    json_t *list;
    TRY(fetch_sector(k, &list));
    ENSURE(json_array_size(list) > 0, k->e, INVALID_CLIENT_METADATA,
           "The document at sector_identifier_uri lists no redirect URIs.");
    for (size_t i = 0; i < c->redirect_uris.n; i++)
        ENSUREF(holds(list, c->redirect_uris.v[i]), k->e, INVALID_CLIENT_METADATA,
                "The document at sector_identifier_uri does not list the redirect URI %.*s.", STR_FMT(c->redirect_uris.v[i]));
    return true;
}

static bool (*const checks[])(struct check *k) = {
    check_method,       check_assertion, check_keys,        check_addresses, check_grant_types, check_response_types,
    check_pages,        check_endpoints, check_scope,       check_origins,   check_algorithms,  check_redirects,
    check_subject_type, check_strategy,  check_post_logout, check_sector,
};

bool client_validate(const struct provider *p, struct op *op, struct client *c, const struct client *before, bool v1,
                     struct err *e)
{
    struct check k = { .p = p, .op = op, .c = c, .before = before, .v1 = v1, .e = e };
    for (size_t i = 0; i < ARRAY_LEN(checks); i++) TRY(checks[i](&k));
    return true;
}
