/* What no single key can tell: settings that need each other or exclude each other, limits that lower a value, and the members
 * that are derived from others (URLs, cookies). */
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <string.h>
#include <sys/un.h>

#include "config/config_int.h"

#define HOURS(n) ((n)*3600 * USEC_PER_SEC)

static bool is_set(const struct load *l, enum config_key key) { return l->slots[key].node != NULL; }

/* ---- checks ---- */

static void check_dsn(struct load *l)
{
    if (l->c->dsn.n == 0)
        report_key(l, CONFIG_dsn, "dsn must be set", "Give the database's URL, or remove the empty setting to use a file.");
}

static void check_hsm(struct load *l)
{
    if (l->c->hsm_enabled)
        report_key(l, CONFIG_hsm_enabled, "hardware security modules are not supported by this program",
                   "Set it to false, or remove it; keys are then kept in the database, encrypted.");
}

/* The issuer of a server that others reach must be https: RFC 8414 2. */
static void check_issuer(struct load *l)
{
    struct url u;
    const struct config *c = l->c;
    if (c->urls_self_issuer.n == 0 || !url_parse(l->a, c->urls_self_issuer, &u)) return;
    if (!c->plain_http && !str_eq(u.scheme, STR("https")))
        report_key(l, CONFIG_urls_self_issuer, "urls.self.issuer must use https unless development mode (dev) is on",
                   "Give an https URL (a TLS terminator may stand in front), or start with --dev for development.");
    if (u.has_query || u.has_fragment) /* RFC 8414 2: "no query or fragment components" */
        report_key(l, CONFIG_urls_self_issuer, "must have neither query nor fragment", "Remove what begins with '?' or '#'.");
}

/* "localhost:3000/login" is a URL whose scheme is localhost: no browser goes there. */
static void check_pages(struct load *l)
{
    static const enum config_key pages[] = { CONFIG_urls_login,
                                             CONFIG_urls_consent,
                                             CONFIG_urls_registration,
                                             CONFIG_urls_logout,
                                             CONFIG_urls_error,
                                             CONFIG_urls_post_logout_redirect,
                                             CONFIG_urls_device_verification,
                                             CONFIG_urls_device_success };
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        struct url u;
        struct str page = *(const struct str *)key_member(l->c, pages[i]);
        if (page.n == 0 || !url_parse(l->a, page, &u) || u.scheme.n == 0 || u.has_authority) continue;
        struct str place = place_text(l->a, &l->slots[pages[i]].place);
        report_warn(l, "%s is %.*s (%.*s): a browser needs https:// or http:// before it.", config_keys[pages[i]].path,
                    STR_FMT(page), STR_FMT(place));
    }
}

static void check_secrets(struct load *l)
{
    struct config *c = l->c;
    if (c->secrets_system.n == 0 && c->dev && l->s->dev_secret.n > 0)
        strs_add(c->arena, &c->secrets_system, arena_dup(c->arena, l->s->dev_secret));
    c->secrets_missing = c->secrets_system.n == 0;
    const struct node *given = l->slots[CONFIG_secrets_system].node;
    if (c->secrets_missing && !c->dev && given == NULL)
        report_key(l, CONFIG_secrets_system, "the system secret is not configured",
                   "Set secrets.system in a file or SECRETS_SYSTEM in the environment to a random text of 32 characters or more; "
                   "keep it.");
    else if (c->secrets_missing && !c->dev && given->kind == NODE_LIST && given->n == 0)
        report_key(l, CONFIG_secrets_system, "must have at least one element",
                   "Give a random text of 32 characters or more; keep it.");
    if (c->secrets_cookie.n == 0 && !c->dev)
        report_warn(l, "secrets.cookie is not set; cookies are protected with secrets.system. Give them a secret of their own.");
}

static void check_pairwise(struct load *l)
{
    struct config *c = l->c;
    if (c->oidc_subject_identifiers_supported_types.n == 0)
        strs_add(c->arena, &c->oidc_subject_identifiers_supported_types, STR("public"));
    if (!strs_has(c->oidc_subject_identifiers_supported_types, STR("pairwise"))) return;
    if (!is_set(l, CONFIG_oidc_subject_identifiers_pairwise_salt))
        report_key(l, CONFIG_oidc_subject_identifiers_pairwise_salt,
                   "is required when pairwise subject identifiers are supported",
                   "Give a random text of 8 characters or more; keep it.");
    if (c->strategies_access_token != TOKEN_JWT) return;
    report_warn(l, "Pairwise subject identifiers are switched off because strategies.access_token is jwt.");
    c->oidc_subject_identifiers_supported_types = (struct strs) { 0 };
    strs_add(c->arena, &c->oidc_subject_identifiers_supported_types, STR("public"));
}

static void cap(struct load *l, enum config_key key, usec_t most, const char *why)
{
    usec_t *span = key_member(l->c, key);
    if (*span <= most) return;
    struct str shown = duration_format(l->a, most * 1000);
    report_warn(l, "%s is lowered to %.*s%s.", config_keys[key].path, STR_FMT(shown), why);
    *span = most;
}

static void check_caps(struct load *l)
{
    bool counted = l->c->oauth2_grant_refresh_token_rotation_grace_reuse_count > 0;
    cap(l, CONFIG_ttl_authentication_session, HOURS(4320), "");
    cap(l, CONFIG_oauth2_grant_refresh_token_rotation_grace_period, counted ? HOURS(4320) : 300 * USEC_PER_SEC,
        counted ? "" : "; a longer one needs a rotation_grace_reuse_count");
}

/* The four keys of a certificate stand together in the table: cert.path, cert.base64, key.path, key.base64. */
static void check_tls(struct load *l, enum config_key first)
{
    bool cert = ((struct str *)key_member(l->c, first))->n > 0 || ((struct str *)key_member(l->c, first + 1))->n > 0;
    bool key = ((struct str *)key_member(l->c, first + 2))->n > 0 || ((struct str *)key_member(l->c, first + 3))->n > 0;
    if (cert && !key)
        report_key(l, first + 2, "is missing beside the certificate",
                   "Give the private key of the certificate (path or base64).");
    if (key && !cert)
        report_key(l, first, "is missing beside the private key", "Give the certificate of the key (path or base64).");
}

static void check_unix(struct load *l, enum config_key host)
{
    const struct str *h = key_member(l->c, host);
    if (!str_starts(*h, STR("unix:"))) return;
    if (h->n == 5 || h->n - 5 >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
        report_key(l, host, "must name a socket file of at most 107 characters after unix:", "Use a shorter path.");
}

/* Either a preset or both others; the preset stays unset (-1) when the others are given. */
static void check_user_code(struct load *l)
{
    const struct str *set = &l->c->oauth2_device_authorization_user_code_character_set;
    int *preset = &l->c->oauth2_device_authorization_user_code_entropy_preset;
    bool length = is_set(l, CONFIG_oauth2_device_authorization_user_code_length);
    bool characters = is_set(l, CONFIG_oauth2_device_authorization_user_code_character_set);
    if (length != characters)
        report_key(l,
                   length ? CONFIG_oauth2_device_authorization_user_code_character_set
                          : CONFIG_oauth2_device_authorization_user_code_length,
                   "must be set, too: length and character_set belong together", "Set both, or use entropy_preset.");
    if ((length || characters) && is_set(l, CONFIG_oauth2_device_authorization_user_code_entropy_preset))
        report_key(l, CONFIG_oauth2_device_authorization_user_code_entropy_preset,
                   "cannot be combined with length and character_set", "Remove one of the two.");
    if (!length && !characters && *preset < 0) *preset = USER_CODE_HIGH;
    for (size_t i = 0; i < set->n; i++) {
        bool twice = memchr(set->p + i + 1, set->p[i], set->n - i - 1) != NULL;
        if (!twice && set->p[i] > ' ' && set->p[i] < 0x7f) continue;
        report_key(l, CONFIG_oauth2_device_authorization_user_code_character_set,
                   "must have different printable ASCII characters", "");
        return;
    }
}

/* The keys of a hook stand together in the table: url, auth.type, auth.config.in, .name, .value. A key that is not said where to
 * go goes into a header. */
static void check_hook(struct load *l, enum config_key url)
{
    const enum config_key in = url + 2;
    bool any = false;
    for (enum config_key k = url + 1; k <= url + 4; k++) any |= is_set(l, k);
    if (!any) return;
    if (!is_set(l, url)) report_key(l, url, "is missing", "Give the hook's URL, or remove its auth.");
    if (!is_set(l, in)) *(int *)key_member(l->c, in) = HOOK_IN_HEADER;
    for (enum config_key k = url + 1; k <= url + 4; k++)
        if (!is_set(l, k) && k != in)
            report_key(l, k, "is required for a hook with auth", "Give auth.type and auth.config.name and .value, or none.");
}

static bool host_is_local(struct str host) { return str_starts(host, STR("unix:")) || url_host_is_local(config_host(host)); }

static void check_admin(struct load *l)
{
    struct config *c = l->c;
    if (c->serve_admin_api_keys.n > 0 && !is_set(l, CONFIG_serve_admin_host)) c->serve_admin_host = STR("0.0.0.0");
    if (c->serve_admin_api_keys.n == 0 && !host_is_local(c->serve_admin_host))
        report_warn(l,
                    "The admin listener binds to %.*s without API keys: whoever reaches it can do everything. Set "
                    "serve.admin.api_keys, or "
                    "serve.admin.host to 127.0.0.1.",
                    STR_FMT(c->serve_admin_host.n > 0 ? c->serve_admin_host : STR("every address")));
}

/* Jaeger has retired its agent, and the others' own protocols have gone, too. */
static void check_tracing(struct load *l)
{
    const int provider = l->c->tracing_provider;
    if (provider < 0 || provider == TRACING_OTEL || provider == TRACING_ZIPKIN) return;
    const struct slot *slot = &l->slots[CONFIG_tracing_provider];
    struct str place = place_text(l->a, &slot->place);
    report_warn(
        l,
        "tracing.provider: %.*s (%.*s) sends nothing. It takes OpenTelemetry's spans by now: set tracing.provider to otel "
        "and tracing.providers.otlp.server_url to its port 4318.",
        STR_FMT(slot->node->text), STR_FMT(place));
}

static void check_legacy_errors(struct load *l)
{
    if (l->c->oauth2_include_legacy_error_fields)
        report_warn(l, "oauth2.include_legacy_error_fields has no effect: hints stand in error_description, and with "
                       "oauth2.expose_internal_errors details do, too.");
}

/* API keys are kept as digests only. */
static void digest_keys(struct config *c, struct strs *keys)
{
    for (size_t i = 0; i < keys->n; i++) {
        if (str_starts(keys->v[i], STR("sha256:"))) continue;
        unsigned char digest[SHA256_DIGEST_LENGTH];
        SHA256((const unsigned char *)keys->v[i].p, keys->v[i].n, digest);
        char *text = arena_alloc(c->arena, 7 + 2 * sizeof(digest) + 1);
        memcpy(text, "sha256:", 7);
        for (size_t j = 0; j < sizeof(digest); j++) {
            text[7 + 2 * j] = "0123456789abcdef"[digest[j] >> 4];
            text[8 + 2 * j] = "0123456789abcdef"[digest[j] & 15];
        }
        text[7 + 2 * sizeof(digest)] = '\0';
        OPENSSL_cleanse((char *)keys->v[i].p, keys->v[i].n);
        keys->v[i] = (struct str) { text, 7 + 2 * sizeof(digest) };
    }
}

/* ---- derived members ---- */

/* Scheme, host and port of a listener, with '/'. */
static struct str listener_url(const struct config *c, enum config_listener_name which, bool tls_in_front)
{
    struct config_listener l;
    config_listener(c, which, &l);
    const char *scheme = l.tls || tls_in_front ? "https" : "http";
    struct str host = l.unix_path.n > 0 || l.host.n == 0 ? STR("localhost") : l.host;
    bool v6 = str_has(host, ':');
    return arena_printf(c->arena, "%s://%s%.*s%s:%lld/", scheme, v6 ? "[" : "", STR_FMT(host), v6 ? "]" : "", (long long)l.port);
}

/* "https://host" becomes "https://host/". */
static struct str with_path(struct arena *a, struct str text)
{
    struct url u;
    if (!url_parse(a, text, &u) || u.host.n == 0 || u.path.n > 0) return text;
    u.path = STR("/");
    return url_format(a, &u);
}

static struct str page(const struct config *c, struct str configured, const char *fallback)
{
    return configured.n > 0 ? with_path(c->arena, configured) : config_url_join(c->arena, c->url.public, fallback);
}

/* Where it can be reached from here; unlike the issuer it is no promise about what stands in front. */
static struct str admin_url(const struct config *c)
{
    if (c->urls_self_admin.n > 0) return with_path(c->arena, c->urls_self_admin);
    return str_starts(c->serve_admin_host, STR("unix:")) ? c->serve_admin_host : listener_url(c, CONFIG_ADMIN, false);
}

static void derive_urls(struct config *c)
{
    struct config_urls *u = &c->url;
    u->issuer = c->urls_self_issuer.n > 0 ? c->urls_self_issuer : listener_url(c, CONFIG_PUBLIC, !c->plain_http);
    u->public = with_path(c->arena, c->urls_self_public.n > 0 ? c->urls_self_public : u->issuer);
    u->admin = admin_url(c);
    u->login = page(c, c->urls_login, "oauth2/fallbacks/login");
    u->registration = c->urls_registration.n > 0 ? with_path(c->arena, c->urls_registration) : u->login;
    u->consent = page(c, c->urls_consent, "oauth2/fallbacks/consent");
    u->logout = page(c, c->urls_logout, "oauth2/fallbacks/logout");
    u->error = page(c, c->urls_error, "oauth2/fallbacks/error");
    u->post_logout_redirect = page(c, c->urls_post_logout_redirect, "oauth2/fallbacks/logout/callback");
    u->device_verification = page(c, c->urls_device_verification, "oauth2/fallbacks/device");
    u->device_success = page(c, c->urls_device_success, "oauth2/fallbacks/device/done");
}

static struct str cookie_name(const struct config *c, struct str name)
{
    return c->dev ? ARENA_CAT(c->arena, name, STR("_dev")) : name;
}

static void derive_cookies(struct config *c)
{
    bool https = str_starts_nocase(c->url.issuer, STR("https://"));
    enum config_same_site asked = (enum config_same_site)c->serve_cookies_same_site_mode;
    c->cookie = (struct config_cookies) {
        .session = cookie_name(c, c->serve_cookies_names_session),
        .login_csrf = cookie_name(c, c->serve_cookies_names_login_csrf),
        .consent_csrf = cookie_name(c, c->serve_cookies_names_consent_csrf),
        .device_csrf = cookie_name(c, c->serve_cookies_names_device_csrf),
        .same_site = asked == SAME_SITE_NONE && !https ? SAME_SITE_LAX : asked,
        .secure = !c->plain_http || c->serve_cookies_secure,
    };
    c->cookie.legacy_twin = c->cookie.same_site == SAME_SITE_NONE && c->serve_cookies_same_site_legacy_workaround;
}

void check_all(struct load *l)
{
    check_dsn(l);
    check_hsm(l);
    check_issuer(l);
    check_pages(l);
    check_secrets(l);
    check_pairwise(l);
    check_caps(l);
    check_tls(l, CONFIG_serve_public_tls_cert_path);
    check_tls(l, CONFIG_serve_admin_tls_cert_path);
    check_tls(l, CONFIG_serve_tls_cert_path);
    check_unix(l, CONFIG_serve_public_host);
    check_unix(l, CONFIG_serve_admin_host);
    check_user_code(l);
    check_hook(l, CONFIG_oauth2_token_hook_url);
    check_hook(l, CONFIG_oauth2_refresh_token_hook_url);
    check_admin(l);
    check_tracing(l);
    check_legacy_errors(l);
    digest_keys(l->c, &l->c->serve_admin_api_keys);
    digest_keys(l->c, &l->c->oidc_dynamic_client_registration_initial_access_tokens);
    derive_urls(l->c);
    derive_cookies(l->c);
}
