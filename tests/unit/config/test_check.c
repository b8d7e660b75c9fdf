/* Settings that concern each other, and what is derived from them. Numbers refer to the checklist of statements about operations.
 */
#include "config_test.h"

static void contradictions_are_refused(void **state)
{
    (void)state;
    static const struct {
        struct given given;
        const char *key, *reason;
    } cases[] = {
        { { .yaml = "hsm: {enabled: true, library: /x, pin: '1234', token_label: t}" }, "hsm.enabled", "not supported" }, /* 29 */
        { { .yaml = "urls: {self: {issuer: 'http://a/'}}" }, "urls.self.issuer", "must use https" },                      /* 5 */
        { { .yaml = "urls: {self: {issuer: 'https://a/?x=1'}}" }, "urls.self.issuer", "query" },
        { { .yaml = "urls: {self: {issuer: 'https://a/#x'}}" }, "urls.self.issuer", "fragment" },
        { { .yaml = "log: {level: info}", .bare = true }, "secrets.system", "is not configured" }, /* Q8 */
        { { .yaml = "secrets: {system: []}" }, "secrets.system", "at least one" },
        { { .yaml = "oidc: {subject_identifiers: {supported_types: [public, pairwise]}}" },
          "oidc.subject_identifiers.pairwise.salt",
          "is required" },
        { { .yaml = "oidc: {subject_identifiers: {supported_types: [pairwise], pairwise: {salt: short}}}" },
          "oidc.subject_identifiers.pairwise.salt",
          "at least 8" },
        { { .yaml = "oidc: {subject_identifiers: {supported_types: [secret]}}" },
          "oidc.subject_identifiers.supported_types.0",
          "must be one of: public, pairwise" },
        { { .yaml = "serve: {tls: {cert: {path: a.pem}}}" }, "serve.tls.key.path", "is missing" },
        { { .yaml = "serve: {public: {tls: {key: {base64: YQ==}}}}" }, "serve.public.tls.cert.path", "is missing" },
        { { .yaml = "serve: {admin: {tls: {cert: {base64: YQ==}}}}" }, "serve.admin.tls.key.path", "is missing" },
        { { .yaml = "serve: {public: {host: 'unix:'}}" }, "serve.public.host", "socket file" },
        { { .yaml = "serve: {admin: {host: 'unix:/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/"
                    "0123456789/0123456789/01234567'}}" },
          "serve.admin.host",
          "socket file" },
        { { .yaml = "oauth2: {device_authorization: {user_code: {length: 6}}}" },
          "oauth2.device_authorization.user_code.character_set",
          "must be set, too" },
        { { .yaml = "oauth2: {device_authorization: {user_code: {character_set: abcdefgh}}}" },
          "oauth2.device_authorization.user_code.length",
          "must be set, too" },
        { { .yaml = "oauth2: {device_authorization: {user_code: {length: 6, character_set: abcdefgg}}}" },
          "oauth2.device_authorization.user_code.character_set",
          "different" },
        { { .yaml = "oauth2: {device_authorization: {user_code: {length: 6, character_set: abcdefgh, entropy_preset: low}}}" },
          "oauth2.device_authorization.user_code.entropy_preset",
          "cannot be combined" },
        { { .yaml = "oauth2: {token_hook: {auth: {type: api_key, config: {in: header, name: a, value: b}}}}" },
          "oauth2.token_hook.url",
          "is missing" },
        { { .yaml = "oauth2: {token_hook: {url: 'http://a/', auth: {type: api_key, config: {value: b}}}}" },
          "oauth2.token_hook.auth.config.name",
          "is required" },
        { { .yaml = "oauth2: {refresh_token_hook: {url: 'http://a/', auth: {type: api_key, config: {in: header, name: a}}}}" },
          "oauth2.refresh_token_hook.auth.config.value",
          "is required" },
        { { .yaml = "oauth2: {token_hook: {url: 'http://a/', auth: {type: bearer, config: {in: header, name: a, value: b}}}}" },
          "oauth2.token_hook.auth.type",
          "must be one of: api_key" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ARENA_AUTO a = arena_new();
        must_refuse(a, &cases[i].given, cases[i].key, cases[i].reason);
    }
}

static bool warned(const struct config_report *r, const char *part)
{
    for (size_t i = 0; i < r->warnings.n; i++)
        if (has(r->warnings.v[i], part)) return true;
    return false;
}

static void doubtful_settings_warn(void **state)
{
    (void)state;
    static const struct {
        struct given given;
        const char *warning;
        bool warns;
    } cases[] = {
        { { 0 }, "secrets.cookie is not set", true },
        { { .yaml = "secrets: {cookie: [" B16 "]}" }, "secrets.cookie is not set", false },
        { { .dev = FLAG_ON }, "secrets.cookie is not set", false },
        { { .yaml = "serve: {admin: {host: 0.0.0.0}}" }, "without API keys", true },
        { { .yaml = "serve: {admin: {host: 0.0.0.0, api_keys: [" A16 "]}}" }, "without API keys", false },
        { { .yaml = "serve: {admin: {host: ''}}" }, "binds to every address without API keys", true },
        { { .yaml = "serve: {admin: {host: '::1'}}" }, "without API keys", false },
        { { .yaml = "serve: {admin: {host: '[::1]'}}" }, "without API keys", false },
        { { .yaml = "serve: {admin: {host: '[::]'}}" }, "binds to [::] without API keys", true },
        { { .yaml = "serve: {admin: {host: 'unix:/run/x'}}" }, "without API keys", false },
        { { .yaml = "urls: {login: 'localhost:3000/login'}" },
          "urls.login is localhost:3000/login (test.yml:1): a browser needs https:// or http:// before it.",
          true },
        { { .yaml = "urls: {login: /login, consent: 'https://a/', error: 'app://error', device: {success: 'http://a'}}" },
          "a browser needs",
          false },
        { { .yaml = "ttl: {authentication_session: 5000h}" }, "ttl.authentication_session is lowered to 4320h", true },
        { { .yaml = "oauth2: {grant: {refresh_token: {rotation_grace_period: 6m}}}" }, "lowered to 5m", true },
        { { .yaml = "oauth2: {grant: {refresh_token: {rotation_grace_period: 6m, rotation_grace_reuse_count: 1}}}" },
          "lowered",
          false },
        { { .yaml = "oauth2: {grant: {refresh_token: {rotation_grace_period: 5000h, rotation_grace_reuse_count: 1}}}" },
          "lowered to 4320h",
          true },
        { { .yaml = "oidc: {subject_identifiers: {supported_types: [pairwise], pairwise: {salt: '12345678'}}}\n"
                    "strategies: {access_token: jwt}" },
          "are switched off",
          true },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ARENA_AUTO a = arena_new();
        struct config_report r;
        CONFIG_AUTO c = load(a, &cases[i].given, &r);
        if (warned(&r, cases[i].warning) != (cases[i].warns && c != NULL)) fail_msg("case %zu: %s", i, cases[i].warning);
    }
}

static void limits_are_lowered(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    CONFIG_AUTO c =
        must_load(a, &(struct given) {
                         .yaml = "ttl: {authentication_session: 5000h}\n"
                                 "oauth2: {grant: {refresh_token: {rotation_grace_period: 6m}}}\n"
                                 "oidc: {subject_identifiers: {supported_types: [pairwise], pairwise: {salt: '12345678'}}}\n"
                                 "strategies: {access_token: jwt}" });
    assert_int_equal(c->ttl_authentication_session, 4320 * 3600 * USEC_PER_SEC);
    assert_int_equal(c->oauth2_grant_refresh_token_rotation_grace_period, 300 * USEC_PER_SEC);
    assert_str(strs_join(a, c->oidc_subject_identifiers_supported_types, " "), "public");
}

/* Development mode without a secret: the caller brings one. */
static void dev_secret(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    CONFIG_AUTO c = must_load(a, &(struct given) { .dev = FLAG_ON, .bare = true });
    assert_true(c->secrets_missing);
    assert_int_equal(c->secrets_system.n, 0);

    struct config_report r;
    CONFIG_AUTO with = NULL;
    struct config_sources s = { .dev = FLAG_ON, .dev_secret = STR(A16) };
    assert_true(config_load(a, &s, &with, &r));
    assert_false(with->secrets_missing);
    assert_str(strs_join(a, with->secrets_system, " "), A16);

    const struct config *none;
    s.dev = FLAG_UNSET;
    assert_false(config_load(a, &s, &none, &r));

    const char *const env[] = { "SECRETS_SYSTEM=" B16, NULL };
    CONFIG_AUTO own = NULL;
    s = (struct config_sources) { .dev = FLAG_ON, .dev_secret = STR(A16), .env = env };
    assert_true(config_load(a, &s, &own, &r));
    assert_str(strs_join(a, own->secrets_system, " "), B16);
}

/* ---- URLs ---- */

static void urls_have_defaults(void **state)
{
    (void)state;
    static const struct {
        struct given given;
        const char *issuer, *public, *admin, *login;
    } cases[] = {
        { { .dev = FLAG_ON, .bare = true },
          "http://0.0.0.0:4444/",
          "http://0.0.0.0:4444/",
          "http://127.0.0.1:4445/",
          "http://0.0.0.0:4444/oauth2/fallbacks/login" },
        { { .yaml = "serve: {public: {tls: {enabled: true}}}", .dev = FLAG_ON, .bare = true },
          "https://0.0.0.0:4444/",
          "https://0.0.0.0:4444/",
          "http://127.0.0.1:4445/",
          "https://0.0.0.0:4444/oauth2/fallbacks/login" },
        { { .yaml = "serve: {tls: {enabled: true}, public: {tls: {enabled: false}}}", .dev = FLAG_ON, .bare = true },
          "http://0.0.0.0:4444/",
          "http://0.0.0.0:4444/",
          "https://127.0.0.1:4445/",
          "http://0.0.0.0:4444/oauth2/fallbacks/login" },
        { { .yaml = "secrets: {system: [" A16 "]}\nserve: {public: {host: '::1', port: 1}}", .bare = true },
          "https://[::1]:1/",
          "https://[::1]:1/",
          "http://127.0.0.1:4445/",
          "https://[::1]:1/oauth2/fallbacks/login" },
        { { .yaml = "secrets: {system: [" A16 "]}\nserve: {public: {host: '[::1]', port: 1}, admin: {host: ''}}", .bare = true },
          "https://[::1]:1/",
          "https://[::1]:1/",
          "http://localhost:4445/",
          "https://[::1]:1/oauth2/fallbacks/login" },
        { { .yaml = "urls: {self: {issuer: 'https://a'}}" },
          "https://a",
          "https://a/",
          "http://127.0.0.1:4445/",
          "https://a/oauth2/fallbacks/login" },
        { { .yaml = "urls: {self: {issuer: 'https://a/x/', public: 'https://b', admin: 'http://c'}, login: 'http://l?x=1'}" },
          "https://a/x/",
          "https://b/",
          "http://c/",
          "http://l/?x=1" },
        { { .yaml = "urls: {self: {public: 'https://b/p/'}, login: ''}" },
          "https://auth.example/",
          "https://b/p/",
          "http://127.0.0.1:4445/",
          "https://b/p/oauth2/fallbacks/login" },
        { { .yaml = "serve: {admin: {host: 'unix:/run/a', tls: {enabled: true}}}" },
          "https://auth.example/",
          "https://auth.example/",
          "unix:/run/a",
          "https://auth.example/oauth2/fallbacks/login" },
        { { .yaml = "serve: {admin: {tls: {enabled: true}}}" },
          "https://auth.example/",
          "https://auth.example/",
          "https://127.0.0.1:4445/",
          "https://auth.example/oauth2/fallbacks/login" },
        { { .yaml = "urls: {login: /log/in}" },
          "https://auth.example/",
          "https://auth.example/",
          "http://127.0.0.1:4445/",
          "/log/in" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ARENA_AUTO a = arena_new();
        CONFIG_AUTO c = must_load(a, &cases[i].given);
        assert_str(c->url.issuer, cases[i].issuer);
        assert_str(c->url.public, cases[i].public);
        assert_str(c->url.admin, cases[i].admin);
        assert_str(c->url.login, cases[i].login);
    }
}

static void pages_have_defaults(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    CONFIG_AUTO c = must_load(a, &(struct given) { .yaml = "urls: {login: 'https://l/', error: 'https://e'}" });
    assert_str(c->url.registration, "https://l/");
    assert_str(c->url.error, "https://e/");
    assert_str(c->url.consent, "https://auth.example/oauth2/fallbacks/consent");
    assert_str(c->url.logout, "https://auth.example/oauth2/fallbacks/logout");
    assert_str(c->url.post_logout_redirect, "https://auth.example/oauth2/fallbacks/logout/callback");
    assert_str(c->url.device_verification, "https://auth.example/oauth2/fallbacks/device");
    assert_str(c->url.device_success, "https://auth.example/oauth2/fallbacks/device/done");
}

static void joins_urls(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    assert_str(config_url_join(a, STR("http://a"), "b/c"), "http://a/b/c");
    assert_str(config_url_join(a, STR("http://a/"), "b"), "http://a/b");
    assert_str(config_url_join(a, STR("http://a/p//"), "b"), "http://a/p/b");
    assert_str(config_url_join(a, STR("http://a/p?x=1"), "b"), "http://a/p/b");
}

/* ---- cookies: 25, 26 ---- */

static void cookies(void **state)
{
    (void)state;
    static const struct {
        struct given given;
        enum config_same_site same_site;
        bool secure, twin;
        const char *session, *login_csrf;
    } cases[] = {
        { { 0 }, SAME_SITE_NONE, true, false, "ory_hydra_session", "ory_hydra_login_csrf" },
        { { .dev = FLAG_ON }, SAME_SITE_NONE, false, false, "ory_hydra_session_dev", "ory_hydra_login_csrf_dev" },
        { { .dev = FLAG_ON, .yaml = "urls: {self: {issuer: 'http://a'}}" },
          SAME_SITE_LAX,
          false,
          false,
          "ory_hydra_session_dev",
          "ory_hydra_login_csrf_dev" },
        { { .dev = FLAG_ON,
            .yaml = "urls: {self: {issuer: 'http://a'}}\nserve: {cookies: {same_site_mode: Strict, secure: true}}" },
          SAME_SITE_STRICT,
          true,
          false,
          "ory_hydra_session_dev",
          "ory_hydra_login_csrf_dev" },
        { { .yaml = "serve: {cookies: {same_site_legacy_workaround: true, names: {session: s, login_csrf: l}}}" },
          SAME_SITE_NONE,
          true,
          true,
          "s",
          "l" },
        { { .yaml = "serve: {cookies: {same_site_legacy_workaround: true, same_site_mode: Lax}}" },
          SAME_SITE_LAX,
          true,
          false,
          "ory_hydra_session",
          "ory_hydra_login_csrf" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ARENA_AUTO a = arena_new();
        CONFIG_AUTO c = must_load(a, &cases[i].given);
        assert_int_equal(c->cookie.same_site, cases[i].same_site);
        assert_int_equal(c->cookie.secure, cases[i].secure);
        assert_int_equal(c->cookie.legacy_twin, cases[i].twin);
        assert_str(c->cookie.session, cases[i].session);
        assert_str(c->cookie.login_csrf, cases[i].login_csrf);
    }
}

/* ---- listeners ---- */

static void listeners_inherit_tls(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    CONFIG_AUTO c =
        must_load(a, &(struct given) { .yaml = "serve:\n"
                                               "  tls: {enabled: true, cert: {path: c.pem}, key: {path: k.pem}}\n"
                                               "  public: {tls: {cert: {base64: YQ==}, key: {base64: Yg==}}}\n"
                                               "  admin: {tls: {enabled: false}, cors: {enabled: true, max_age: 7}}\n" });
    struct config_listener l;
    config_listener(c, CONFIG_PUBLIC, &l);
    assert_true(l.tls);
    assert_str(l.cert_base64, "YQ==");
    assert_int_equal(l.cert_path.n, 0);
    assert_int_equal(l.key_path.n, 0);
    assert_false(l.cors.enabled);
    config_listener(c, CONFIG_ADMIN, &l);
    assert_false(l.tls);
    assert_str(l.cert_path, "c.pem");
    assert_str(l.key_path, "k.pem");
    assert_true(l.cors.enabled && l.cors.allow_credentials);
    assert_int_equal(l.cors.max_age, 7);
    assert_int_equal(l.port, 4445);
}

/* As in a URL or as it is. */
static void ipv6_hosts_may_have_brackets(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *host;
    } cases[] = {
        { "serve: {public: {host: '[::]'}}", "::" },
        { "serve: {public: {host: '[::1]'}}", "::1" },
        { "serve: {public: {host: '::1'}}", "::1" },
        { "serve: {public: {host: '['}}", "[" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ARENA_AUTO a = arena_new();
        CONFIG_AUTO c = must_load(a, &(struct given) { .yaml = cases[i].yaml });
        struct config_listener l;
        config_listener(c, CONFIG_PUBLIC, &l);
        assert_str(l.host, cases[i].host);
    }
}

/* ---- hooks ---- */

static void hook_keys_go_into_a_header_by_default(void **state)
{
    (void)state;
    static const struct {
        const char *yaml;
        enum config_hook_place in;
    } cases[] = {
        { "oauth2: {token_hook: {url: 'http://h/', auth: {type: api_key, config: {name: a, value: b}}}}", HOOK_IN_HEADER },
        { "oauth2: {token_hook: {url: 'http://h/', auth: {type: api_key, config: {in: cookie, name: a, value: b}}}}",
          HOOK_IN_COOKIE },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ARENA_AUTO a = arena_new();
        CONFIG_AUTO c = must_load(a, &(struct given) { .yaml = cases[i].yaml });
        struct config_hook hook;
        config_hook(c, CONFIG_TOKEN_HOOK, &hook);
        assert_true(hook.has_key);
        assert_int_equal(hook.in, cases[i].in);
        assert_str(hook.name, "a");
    }
}

static void no_kind_of_subject_means_public(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    CONFIG_AUTO c = must_load(a, &(struct given) { .yaml = "oidc: {subject_identifiers: {supported_types: []}}" });
    assert_str(strs_join(a, c->oidc_subject_identifiers_supported_types, " "), "public");
}

/* 18: plain text on a unix socket even with TLS on. */
static void unix_sockets_are_plain(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    CONFIG_AUTO c =
        must_load(a, &(struct given) {
                         .yaml = "serve: {tls: {enabled: true}, public: {host: 'unix:/run/x.sock', socket: {mode: 504}}}" });
    struct config_listener l;
    config_listener(c, CONFIG_PUBLIC, &l);
    assert_str(l.unix_path, "/run/x.sock");
    assert_int_equal(l.socket_mode, 0770);
    assert_false(l.tls);
    config_listener(c, CONFIG_ADMIN, &l);
    assert_int_equal(l.unix_path.n, 0);
    assert_true(l.tls);
}

static void admin_binds_to_loopback(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *host;
    } cases[] = {
        { "", "127.0.0.1" },
        { "serve: {admin: {host: 10.0.0.1}}", "10.0.0.1" },
        { "serve: {admin: {api_keys: [" A16 "]}}", "0.0.0.0" },
        { "serve: {admin: {host: 127.0.0.2, api_keys: [" A16 "]}}", "127.0.0.2" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ARENA_AUTO a = arena_new();
        CONFIG_AUTO c = must_load(a, &(struct given) { .yaml = cases[i].yaml });
        assert_str(c->serve_admin_host, cases[i].host);
        assert_str(c->serve_public_host, "0.0.0.0");
    }
}

static void api_keys(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    CONFIG_AUTO c =
        must_load(a,
                  &(struct given) { .yaml = "serve:\n  admin:\n    api_keys:\n    - " A16 "\n"
                                            "    - sha256:2e61afd25d3ca76a0ee265dbc22ba5e9d844dc93ac5f2e37199a34fcbdcb5a52\n" });
    for (size_t i = 0; i < c->serve_admin_api_keys.n; i++) assert_true(str_starts(c->serve_admin_api_keys.v[i], STR("sha256:")));
    assert_true(config_api_key_ok(c, STR(A16)));
    assert_true(config_api_key_ok(c, STR(B16))); /* given as its digest */
    assert_false(config_api_key_ok(c, STR(C16)));
    assert_false(config_api_key_ok(c, STR("aaaaaaaaaaaaaaa")));
    assert_false(config_api_key_ok(c, STR("")));
    assert_false(config_api_key_ok(c, STR_NONE));
    assert_false(config_api_key_ok(c, c->serve_admin_api_keys.v[0]));
    CONFIG_AUTO none = must_load(a, &(struct given) { 0 });
    assert_false(config_api_key_ok(none, STR("")));
}

static void dsns_are_shown_without_passwords(void **state)
{
    (void)state;
    static const struct {
        const char *dsn, *shown;
    } cases[] = {
        { "memory", "memory" },
        { "sqlite:///a/b?_auth_pass=secret", "sqlite:///a/b" },
        { "postgres://u:secret@h/db", "postgres://(hidden)" },
        { "mysql://u:secret@tcp(h:1)/db", "mysql://(hidden)" },
        { "secret", "(hidden)" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ARENA_AUTO a = arena_new();
        assert_str(config_dsn_shown(a, str_of(cases[i].dsn)), cases[i].shown);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contradictions_are_refused),
        cmocka_unit_test(doubtful_settings_warn),
        cmocka_unit_test(limits_are_lowered),
        cmocka_unit_test(dev_secret),
        cmocka_unit_test(urls_have_defaults),
        cmocka_unit_test(pages_have_defaults),
        cmocka_unit_test(joins_urls),
        cmocka_unit_test(cookies),
        cmocka_unit_test(listeners_inherit_tls),
        cmocka_unit_test(ipv6_hosts_may_have_brackets),
        cmocka_unit_test(hook_keys_go_into_a_header_by_default),
        cmocka_unit_test(no_kind_of_subject_means_public),
        cmocka_unit_test(unix_sockets_are_plain),
        cmocka_unit_test(admin_binds_to_loopback),
        cmocka_unit_test(api_keys),
        cmocka_unit_test(dsns_are_shown_without_passwords),
    };
    return RUN(tests);
}
