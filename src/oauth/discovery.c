/* Lists what the tables of this folder offer; a row added there shows here. */
#include "oauth/discovery.h"

#include <stddef.h>

#include "base/json.h"
#include "oauth/authorize.h"
#include "oauth/client_auth.h"
#include "oauth/credential.h"
#include "oauth/grants.h"
#include "oauth/keysets.h"
#include "oauth/request_object.h"

enum base { AT_ISSUER, AT_PUBLIC };

struct endpoint {
    const char *member;
    enum base base;
    const char *path;
    size_t override; /* offset in struct config of the URL that replaces it; 0: none (the first member is no URL) */
    size_t when;     /* offset in struct config of the bool that switches it on; 0: always there */
};
#define REPLACED_BY(name) offsetof(struct config, webfinger_oidc_discovery_##name)

static const struct endpoint endpoints[] = {
    { "authorization_endpoint", AT_PUBLIC, "oauth2/auth", REPLACED_BY(auth_url), 0 },
    { "device_authorization_endpoint", AT_PUBLIC, "oauth2/device/auth", REPLACED_BY(device_authorization_url), 0 },
    { "token_endpoint", AT_PUBLIC, "oauth2/token", REPLACED_BY(token_url), 0 },
    { "userinfo_endpoint", AT_PUBLIC, "userinfo", REPLACED_BY(userinfo_url), 0 },
    { "credentials_endpoint_draft_00", AT_PUBLIC, "credentials", REPLACED_BY(verifiable_credentials_url), 0 },
    { "jwks_uri", AT_ISSUER, ".well-known/jwks.json", REPLACED_BY(jwks_url), 0 },
    { "revocation_endpoint", AT_ISSUER, "oauth2/revoke", 0, 0 },
    { "end_session_endpoint", AT_ISSUER, "oauth2/sessions/logout", 0, 0 },
    { "registration_endpoint", AT_PUBLIC, "oauth2/register", REPLACED_BY(client_registration_url),
      offsetof(struct config, oidc_dynamic_client_registration_enabled) },
};

struct feature {
    const char *member;
    bool offered;
};
static const struct feature features[] = {
    { "frontchannel_logout_supported", true },
    { "frontchannel_logout_session_supported", true },
    { "backchannel_logout_supported", true },
    { "backchannel_logout_session_supported", true },
    /* The login app decides which claims there are; the parameter is checked and handed to it. */
    { "claims_parameter_supported", false },
};

/* STR_NONE: it is not offered. */
static struct str endpoint_url(const struct provider *p, const struct endpoint *row)
{
    const char *config = (const char *)p->config;
    if (row->override != 0) {
        const struct str *configured = (const struct str *)(const void *)(config + row->override);
        if (configured->n > 0) return *configured;
    }
    if (row->when != 0 && !*(const bool *)(config + row->when)) return STR_NONE;
    return config_url_join(p->arena, row->base == AT_ISSUER ? p->issuer : p->public_url, row->path);
}

static void write_endpoint(const struct provider *p, struct jw *w, const struct endpoint *row)
{
    struct str url = endpoint_url(p, row);
    if (url.p != NULL) jw_str(w, row->member, url);
}

static void write_grant_types(struct jw *w)
{
    jw_array(w, "grant_types_supported");
    for (size_t i = 0; i < grants_n; i++) {
        if (!grants[i].unlisted) jw_str(w, NULL, grants[i].name);
        /* Answered by the authorization endpoint, so no row of that table. */
        if (str_eq(grants[i].name, STR("authorization_code"))) jw_str(w, NULL, STR("implicit"));
    }
    jw_end(w);
}

static void write_auth_methods(struct jw *w, const char *member)
{
    jw_array(w, member);
    for (size_t i = 0; i < client_auth_methods_n; i++) {
        if (!client_auth_methods[i].unlisted) jw_str(w, NULL, client_auth_methods[i].name);
    }
    jw_end(w);
}

/* `first` and what is configured, each once. */
static void write_union(struct jw *w, const char *member, struct arena *a, struct strs first, struct strs configured)
{
    struct strs all = strs_dup(a, first);
    for (size_t i = 0; i < configured.n; i++) {
        if (!strs_has(all, configured.v[i])) strs_add(a, &all, configured.v[i]);
    }
    jw_strs(w, member, all);
}

/* Pairwise identifiers are for clients whose access tokens do not name the subject. */
static void write_subject_types(struct jw *w, const struct config *c)
{
    const struct strs types = c->oidc_subject_identifiers_supported_types;
    jw_array(w, "subject_types_supported");
    if (strs_has(types, STR("public"))) jw_str(w, NULL, STR("public"));
    if (strs_has(types, STR("pairwise")) && c->strategies_access_token != TOKEN_JWT) jw_str(w, NULL, STR("pairwise"));
    jw_end(w);
}

struct str discovery_prepare(const struct provider *p)
{
    const struct config *c = p->config;
    struct buf b = BUF(p->arena);
    struct jw w = JW(&b);
    jw_object(&w, NULL);
    jw_str(&w, "issuer", p->issuer);
    for (size_t i = 0; i < ARRAY_LEN(endpoints); i++) write_endpoint(p, &w, &endpoints[i]);
    write_grant_types(&w);
    authorize_write_supported(&w);
    request_object_write_supported(&w);
    write_auth_methods(&w, "token_endpoint_auth_methods_supported");
    write_subject_types(&w, c);
    for (size_t i = 0; i < ARRAY_LEN(features); i++) jw_bool(&w, features[i].member, features[i].offered);
    credential_write_supported(&w);
    write_union(&w, "claims_supported", p->arena, strs_words(p->arena, STR("sub")), c->webfinger_oidc_discovery_supported_claims);
    write_union(&w, "scopes_supported", p->arena, strs_words(p->arena, STR("offline_access offline openid")),
                c->webfinger_oidc_discovery_supported_scope);
    return buf_str(&b); /* left open: discovery_document ends it */
}

bool discovery_document(const struct provider *p, struct op *op, struct str *ret_json, struct err *e)
{
    static const char *const with_alg[] = { "id_token_signing_alg_values_supported", "id_token_signed_response_alg",
                                            "userinfo_signed_response_alg" };
    const struct jwk *key;
    struct buf b = BUF(op->arena);
    TRY(keyset_signer(p, op, STR(KEYSET_ID_TOKEN), &key, e));
    const char *alg = alg_name(alg_of(key));
    buf_reserve(&b, p->discovery.n + 512);
    buf_add(&b, p->discovery);
    for (size_t i = 0; i < ARRAY_LEN(with_alg); i++) buf_addf(&b, ",\"%s\":[\"%s\"]", with_alg[i], alg);
    buf_addf(&b, ",\"userinfo_signing_alg_values_supported\":[\"none\",\"%s\"]}", alg);
    *ret_json = buf_str(&b);
    return true;
}
