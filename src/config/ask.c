/* Questions about a loaded config, and its references. */
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <string.h>

#include "config/config_int.h"

const struct config *config_ref(const struct config *c)
{
    if (c != NULL) (void)__atomic_add_fetch(&((struct config *)c)->refs, 1, __ATOMIC_RELAXED);
    return c;
}

static void wipe(struct strs list)
{
    for (size_t i = 0; i < list.n; i++) OPENSSL_cleanse((char *)list.v[i].p, list.v[i].n);
}

void config_unref(const struct config *c)
{
    if (c == NULL || __atomic_sub_fetch(&((struct config *)c)->refs, 1, __ATOMIC_ACQ_REL) > 0) return;
    wipe(c->secrets_system);
    wipe(c->secrets_cookie);
    wipe(c->secrets_pagination);
    arena_free(c->arena);
}

bool config_is_set(const struct config *c, enum config_key key) { return c->places[key].origin != ORIGIN_DEFAULT; }

struct str config_where(struct arena *a, const struct config *c, enum config_key key) { return place_text(a, &c->places[key]); }

/* ---- one listener, one hook ---- */

#define LISTENER(c, which)                                                                                                       \
    (struct config_listener)                                                                                                     \
    {                                                                                                                            \
        .host = (c)->serve_##which##_host, .port = (c)->serve_##which##_port, .socket_owner = (c)->serve_##which##_socket_owner, \
        .socket_group = (c)->serve_##which##_socket_group, .socket_mode = (c)->serve_##which##_socket_mode,                      \
        .quiet_health = (c)->serve_##which##_request_log_disable_for_health, .tls = (c)->serve_##which##_tls_enabled,            \
        .cert_path = (c)->serve_##which##_tls_cert_path, .cert_base64 = (c)->serve_##which##_tls_cert_base64,                    \
        .key_path = (c)->serve_##which##_tls_key_path, .key_base64 = (c)->serve_##which##_tls_key_base64,                        \
        .cors = {                                                                                                                \
            .enabled = (c)->serve_##which##_cors_enabled,                                                                        \
            .allow_credentials = (c)->serve_##which##_cors_allow_credentials,                                                    \
            .options_passthrough = (c)->serve_##which##_cors_options_passthrough,                                                \
            .debug = (c)->serve_##which##_cors_debug,                                                                            \
            .allowed_origins = (c)->serve_##which##_cors_allowed_origins,                                                        \
            .allowed_methods = (c)->serve_##which##_cors_allowed_methods,                                                        \
            .allowed_headers = (c)->serve_##which##_cors_allowed_headers,                                                        \
            .exposed_headers = (c)->serve_##which##_cors_exposed_headers,                                                        \
            .max_age = (c)->serve_##which##_cors_max_age,                                                                        \
        },                                                                                                                       \
    }

struct str config_host(struct str host)
{
    bool brackets = str_starts(host, STR("[")) && str_ends(host, STR("]"));
    return brackets ? str_upto(str_from(host, 1), host.n - 2) : host;
}

void config_listener(const struct config *c, enum config_listener_name which, struct config_listener *ret)
{
    struct config_listener l = which == CONFIG_PUBLIC ? LISTENER(c, public) : LISTENER(c, admin);
    if (!config_is_set(c, which == CONFIG_PUBLIC ? CONFIG_serve_public_tls_enabled : CONFIG_serve_admin_tls_enabled))
        l.tls = c->serve_tls_enabled;
    if (l.cert_path.n == 0 && l.cert_base64.n == 0) {
        l.cert_path = c->serve_tls_cert_path;
        l.cert_base64 = c->serve_tls_cert_base64;
        l.key_path = c->serve_tls_key_path;
        l.key_base64 = c->serve_tls_key_base64;
    }
    l.host = config_host(l.host);
    if (str_starts(l.host, STR("unix:"))) {
        l.unix_path = str_from(l.host, 5);
        l.tls = false;
    }
    *ret = l;
}

void config_hook(const struct config *c, enum config_hook_name which, struct config_hook *ret)
{
    bool refresh = which == CONFIG_REFRESH_TOKEN_HOOK;
    *ret = (struct config_hook) {
        .url = refresh ? c->oauth2_refresh_token_hook_url : c->oauth2_token_hook_url,
        .has_key = (refresh ? c->oauth2_refresh_token_hook_auth_type : c->oauth2_token_hook_auth_type) >= 0,
        .in =
            (enum config_hook_place)(refresh ? c->oauth2_refresh_token_hook_auth_config_in : c->oauth2_token_hook_auth_config_in),
        .name = refresh ? c->oauth2_refresh_token_hook_auth_config_name : c->oauth2_token_hook_auth_config_name,
        .value = refresh ? c->oauth2_refresh_token_hook_auth_config_value : c->oauth2_token_hook_auth_config_value,
    };
}

static bool is_one_of(struct strs digests, struct str presented)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    char hex[7 + 2 * sizeof(digest) + 1] = "sha256:";
    bool ok = false;
    SHA256((const unsigned char *)(presented.p != NULL ? presented.p : ""), presented.n, digest);
    for (size_t i = 0; i < sizeof(digest); i++) {
        hex[7 + 2 * i] = "0123456789abcdef"[digest[i] >> 4];
        hex[8 + 2 * i] = "0123456789abcdef"[digest[i] & 15];
    }
    for (size_t i = 0; i < digests.n; i++) ok |= str_eq_secret(digests.v[i], (struct str) { hex, sizeof(hex) - 1 });
    return ok;
}

bool config_api_key_ok(const struct config *c, struct str presented) { return is_one_of(c->serve_admin_api_keys, presented); }

bool config_registration_token_ok(const struct config *c, struct str presented)
{
    return is_one_of(c->oidc_dynamic_client_registration_initial_access_tokens, presented);
}

struct str config_url_join(struct arena *a, struct str base, const char *path)
{
    base = str_cut(&base, '?');
    while (str_ends(base, STR("/"))) base.n--;
    return ARENA_CAT(a, base, STR("/"), str_of(path));
}

struct str config_dsn_shown(struct arena *a, struct str dsn)
{
    struct str before, after;
    if (!str_split_once(dsn, ':', &before, &after)) return str_eq(dsn, STR("memory")) ? dsn : STR("(hidden)");
    if (str_starts(before, STR("sqlite"))) return str_cut(&dsn, '?');
    return ARENA_CAT(a, before, STR("://(hidden)"));
}
