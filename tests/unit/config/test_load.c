/* Sources, their precedence, and what each key refuses. Numbers refer to the checklist of statements about operations. */
#include "config_test.h"

#include <sys/stat.h>
#include <unistd.h>

/* ---- environment ---- */

static void environment_wins(void **state)
{
    (void)state;
    static const struct {
        struct given given;
        const char *path, *value; /* as config_show writes it */
    } cases[] = {
        { { .yaml = "serve: {public: {port: 7}}", .env = { "SERVE_PUBLIC_PORT=5001" } }, "serve.public.port", "5001" }, /* 9 */
        { { .env = { "log_level=debug" } }, "log.level", "\"debug\"" },
        { { .env = { "OAUTH2_SESSION_ENCRYPT_AT_REST=f" } }, "oauth2.session.encrypt_at_rest", "false" },
        { { .env = { "SERVE_PUBLIC_CORS_ENABLED=1" } }, "serve.public.cors.enabled", "true" },
        { { .env = { "LOG_REDACTION_TEXT= a b " } }, "log.redaction_text", "\" a b \"" },
        { { .env = { "TTL_ACCESS_TOKEN=90m" } }, "ttl.access_token", "\"1h30m\"" },
        { { .env = { "TTL_REFRESH_TOKEN=-1" } }, "ttl.refresh_token", "\"-1\"" },
        { { .env = { "TRACING_PROVIDERS_ZIPKIN_SAMPLING_SAMPLING_RATIO=0.25" } },
          "tracing.providers.zipkin.sampling.sampling_ratio",
          "0.25" },
        { { .env = { "SERVE_PUBLIC_CORS_ALLOWED_METHODS=POST,GET" } },
          "serve.public.cors.allowed_methods",
          "[\"POST\",\"GET\"]" },
        { { .env = { "SERVE_PUBLIC_CORS_ALLOWED_METHODS=[\"POST\",\"GET\"]" } },
          "serve.public.cors.allowed_methods",
          "[\"POST\",\"GET\"]" },
        { { .env = { "OAUTH2_ALLOWED_TOP_LEVEL_CLAIMS=a, b,\"c,d\",\"e\"\"f\"" } },
          "oauth2.allowed_top_level_claims",
          "[\"a\",\" b\",\"c,d\",\"e\\\"f\"]" }, /* 12 */
        { { .env = { "OAUTH2_ALLOWED_TOP_LEVEL_CLAIMS_0=a", "OAUTH2_ALLOWED_TOP_LEVEL_CLAIMS_1=b" } },
          "oauth2.allowed_top_level_claims",
          "[\"a\",\"b\"]" },
        { { .env = { "URLS_IDENTITY_PROVIDER_PUBLICURL=http://k/" } }, "urls.identity_provider.publicUrl", "\"http://k/\"" },
        { { .env = { "URLS_IDENTITY_PROVIDER_HEADERS={\"X-A\":\"b\"}" } }, "urls.identity_provider.headers", "{\"X-A\":\"b\"}" },
        /* 14: parents as JSON objects; a more exact name wins */
        { { .env = { "SERVE={\"public\":{\"port\":5001}}" } }, "serve.public.port", "5001" },
        { { .env = { "SERVE_PUBLIC_PORT=5002", "SERVE={\"public\":{\"port\":5001}}" } }, "serve.public.port", "5002" },
        { { .env = { "SERVE_PUBLIC= {\"port\":5003}" } }, "serve.public.port", "5003" },
        /* 13: hooks */
        { { .env = { "OAUTH2_TOKEN_HOOK_URL=http://h/" } }, "oauth2.token_hook.url", "\"http://h/\"" },
        { { .env = { "OAUTH2_TOKEN_HOOK={\"url\":\"http://h/\"}" } }, "oauth2.token_hook.url", "\"http://h/\"" },
        { { .env = { "OAUTH2_TOKEN_HOOK=http://h/" } }, "oauth2.token_hook.url", "\"http://h/\"" },
        { { .yaml = "oauth2: {token_hook: 'http://h/'}" }, "oauth2.token_hook.url", "\"http://h/\"" },
        /* Q3: somebody else's variables */
        { { .env = { "DB=postgres", "LOG=x", "SERVE=1", "SECRETS=", "OIDC=[1]" } }, "serve.public.port", "4444" },
        { { .env = { "VERSION=abc", "PATH=/bin", "=x", "NOEQUALS", "DSNX=1" } }, "serve.public.port", "4444" },
        { { .env = { "PROFILING=mutex" } }, "profiling", "\"mutex\"" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ARENA_AUTO a = arena_new();
        CONFIG_AUTO c = must_load(a, &cases[i].given);
        json_t *shown;
        struct err e = ERR_INIT(a);
        assert_true(json_read(a, config_show(a, c, CONFIG_JSON, false), &shown, NULL, &e));
        for (struct str rest = str_of(cases[i].path); rest.p != NULL;)
            shown = json_member(shown, arena_dupz(a, str_cut(&rest, '.')));
        if (shown == NULL) fail_msg("%s: not there", cases[i].path);
        assert_str(json_text(a, shown, false), cases[i].value);
    }
}

static void environment_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *variable, *key, *reason;
    } cases[] = {
        { "DSN=", "dsn", "dsn must be set" }, /* 4 */
        { "SERVE_PUBLIC_PORT=abc", "serve.public.port", "expected integer" },
        { "SERVE_PUBLIC_PORT=", "serve.public.port", "expected integer" },
        { "SERVE_PUBLIC_PORT= 1", "serve.public.port", "expected integer" },
        { "SERVE_PUBLIC_PORT=0", "serve.public.port", "between 1 and 65535" },
        { "OAUTH2_PKCE_ENFORCED=yes", "oauth2.pkce.enforced", "expected boolean" }, /* Q6 */
        { "OAUTH2_PKCE_ENFORCED=", "oauth2.pkce.enforced", "expected boolean" },
        { "SECRETS_COOKIE=", "secrets.cookie", "expected array" },
        { "SECRETS_COOKIE={\"a\":1}", "secrets.cookie", "expected array" },
        { "SECRETS_COOKIE=[1234567890123456]", "secrets.cookie.0", "expected string" },
        { "SECRETS_COOKIE=\"" A16, "secrets.cookie", "expected array" },
        { "SECRETS_COOKIE=short", "secrets.cookie.0", "at least 16 characters" },
        { "SECRETS_COOKIE_1=" A16, "secrets.cookie.0", "expected string, but got null" },
        { "STRATEGIES_SCOPE=hierarchic", "strategies.scope", "must be one of: wildcard, exact" },
        { "TTL_ID_TOKEN=3600", "ttl.id_token", "not a duration" },
        { "SERVE={\"public\":", "serve", "not a valid JSON object" },
        { "SERVE={\"publik\":{}}", "serve", "additionalProperties \"publik\" not allowed" },
        { "TRACING_PROVIDERS_OTLP_SAMPLING_SAMPLING_RATIO=x", "tracing.providers.otlp.sampling.sampling_ratio",
          "expected number" },
        { "TRACING_PROVIDERS_OTLP_SAMPLING_SAMPLING_RATIO=1.5", "tracing.providers.otlp.sampling.sampling_ratio",
          "between 0 and 1" },
        { "URLS_IDENTITY_PROVIDER_HEADERS=x", "urls.identity_provider.headers", "expected object" },
        { "OAUTH2_TOKEN_HOOK=ftp://h/", "oauth2.token_hook.url", "http or https" },
        { "LOG_REDACTION_TEXT=\xff", "log.redaction_text", "not UTF-8" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ARENA_AUTO a = arena_new();
        must_refuse(a, &(struct given) { .env = { cases[i].variable } }, cases[i].key, cases[i].reason);
    }
}

/* 10, 11, 12; Q2, Q4 */
static void secrets_overlay(void **state)
{
    (void)state;
    static const char both[] = "secrets: {system: [" A16 ", " B16 "]}";
    static const struct {
        struct given given;
        const char *joined;
    } cases[] = {
        { { .yaml = both, .bare = true }, A16 " " B16 },
        { { .yaml = both, .env = { "SECRETS_SYSTEM=" C16 }, .bare = true }, C16 " " B16 },
        { { .yaml = both, .env = { "SECRETS_SYSTEM=[\"" C16 "\"]" }, .bare = true }, C16 " " B16 },
        { { .yaml = both, .env = { "SECRETS_SYSTEM_0=" C16 }, .bare = true }, C16 " " B16 },
        { { .yaml = both, .env = { "SECRETS_SYSTEM_1=" C16 }, .bare = true }, A16 " " C16 },
        { { .yaml = both, .env = { "SECRETS_SYSTEM_2=" C16 }, .bare = true }, A16 " " B16 " " C16 },
        { { .yaml = both, .env = { "SECRETS_SYSTEM=" C16 "," A16 "," B16 }, .bare = true }, C16 " " A16 " " B16 },
        { { .env = { "SECRETS_SYSTEM=\"" C16 "\",\"" B16 "\"" }, .bare = true }, C16 " " B16 },
        { { .env = { "SECRETS_SYSTEM=" C16 "," B16 }, .bare = true }, C16 " " B16 },
        { { .env = { "SECRETS_SYSTEM=[\"" C16 "\",\"" B16 "\"]" }, .bare = true }, C16 " " B16 },
        { { .env = { "SECRETS_SYSTEM=\"comma,comma,comma\"" }, .bare = true }, "comma,comma,comma" },
        { { .env = { "SECRETS_SYSTEM=1234567890123456" }, .bare = true }, "1234567890123456" },
        { { .env = { "SECRETS_SYSTEM=[not-json-but-long" }, .bare = true }, "[not-json-but-long" },
        { { .yaml = both, .env = { "SECRETS={\"system\":[\"" C16 "\"]}" }, .bare = true }, C16 },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ARENA_AUTO a = arena_new();
        CONFIG_AUTO c = must_load(a, &cases[i].given);
        assert_str(strs_join(a, c->secrets_system, " "), cases[i].joined);
    }
}

/* The count is told, never the values. */
static void overlay_is_told(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct config_report r;
    CONFIG_AUTO c =
        load(a, &(struct given) { .yaml = "secrets: {system: [" A16 ", " B16 "]}", .env = { "SECRETS_SYSTEM=" C16 } }, &r);
    assert_non_null(c);
    assert_int_equal(r.notes.n, 1);
    assert_str(r.notes.v[0], "secrets.system has 2 elements: 1 from SECRETS_SYSTEM, the others from test.yml:1.");
}

/* ---- development mode: 5, 6; Q1 ---- */

static void dev_mode(void **state)
{
    (void)state;
    static const char http[] = "urls: {self: {issuer: 'http://a/'}}", both[] = "dev: true\nurls: {self: {issuer: 'http://a/'}}";
    static const struct {
        struct given given;
        bool starts;
    } cases[] = {
        { { .yaml = http }, false },
        { { .yaml = http, .dev = FLAG_ON }, true },
        { { .yaml = both }, false },
        { { .yaml = both, .dev = FLAG_OFF }, false },
        { { .yaml = http, .env = { "DEV=true" } }, true },
        { { .yaml = http, .dev = FLAG_OFF, .env = { "DEV=1" } }, true },
        { { .yaml = http, .dev = FLAG_ON, .env = { "DEV=false" } }, false },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ARENA_AUTO a = arena_new();
        struct config_report r;
        CONFIG_AUTO c = load(a, &cases[i].given, &r);
        assert_int_equal(c != NULL, cases[i].starts);
        if (c == NULL) assert_true(has(r.problems[0].reason, "urls.self.issuer") && has(r.problems[0].reason, "dev"));
    }
}

static bool warned(const struct config_report *r, const char *part)
{
    for (size_t i = 0; i < r->warnings.n; i++)
        if (has(r->warnings.v[i], part)) return true;
    return false;
}

static void dev_in_a_file_warns(void **state)
{
    (void)state;
    static const struct {
        struct given given;
        bool warns;
    } cases[] = {
        { { .yaml = "\ndev: true" }, true },
        { { .yaml = "dev: false" }, false },
        { { .yaml = "dev: true", .dev = FLAG_ON }, false },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ARENA_AUTO a = arena_new();
        struct config_report r;
        CONFIG_AUTO c = load(a, &cases[i].given, &r);
        assert_non_null(c);
        assert_int_equal(warned(&r, "`dev: true` in test.yml:2 has no effect"), cases[i].warns);
    }
}

/* ---- files ---- */

/* 1, 2, 3, 15 and what else a file may get wrong. */
static void files_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *key, *reason;
    } cases[] = {
        { "foo: 1", "(root)", "additionalProperties \"foo\" not allowed" },
        { "serve: {publik: {}}", "serve", "additionalProperties \"publik\" not allowed" },
        { "serve: {public: {cors: {foo: 1}}}", "serve.public.cors", "additionalProperties \"foo\" not allowed" },
        { "\"dsn\\0x\": 1", "(root)", "additionalProperties \"dsn" },
        { "\"log\\0x\": {level: info}", "(root)", "additionalProperties \"log" },
        { "'': 1", "(root)", "additionalProperties \"\" not allowed" },
        { "serve: 5", "serve", "expected object, but got a number" },
        { "secrets: [x]", "secrets", "expected object, but got a list" },
        { "serve: {public: {port: 99999}}", "serve.public.port", "must be between 1 and 65535" },
        { "serve: {public: {port: '4444'}}", "serve.public.port", "expected integer, but got a string" },
        { "serve: {public: {port: 1.5}}", "serve.public.port", "expected integer" },
        { "serve: {public: {port: }}", "serve.public.port", "expected integer, but got null" },
        { "serve: {public: {socket: {mode: 512}}}", "serve.public.socket.mode", "between 0 and 511" },
        { "serve: {public: {host: 127}}", "serve.public.host", "expected string, but got a number" },
        { "serve: {public: {cors: {enabled: 'true'}}}", "serve.public.cors.enabled", "expected boolean" },
        { "serve: {public: {cors: {allowed_origins: '*'}}}", "serve.public.cors.allowed_origins",
          "expected array, but got a string" },
        { "serve: {public: {cors: {allowed_origins: ['https://*.*.a']}}}", "serve.public.cors.allowed_origins.0",
          "at most one '*'" },
        { "serve: {public: {cors: {allowed_origins: [a.example]}}}", "serve.public.cors.allowed_origins.0", "a URL" },
        { "serve: {admin: {cors: {allowed_methods: [GET, FETCH]}}}", "serve.admin.cors.allowed_methods.1",
          "must be one of: POST" },
        { "serve: {cookies: {names: {session: 'a b'}}}", "serve.cookies.names.session", "must be a name" },
        { "serve: {cookies: {names: {session: ''}}}", "serve.cookies.names.session", "must be a name" },
        { "serve: {cookies: {paths: {session: x}}}", "serve.cookies.paths.session", "starts with '/'" },
        { "serve: {cookies: {domain: 'a;b'}}", "serve.cookies.domain", "printable" },
        { "serve: {admin: {api_keys: [short]}}", "serve.admin.api_keys.0", "at least 16" },
        { "serve: {admin: {api_keys: ['sha256:0123456789']}}", "serve.admin.api_keys.0", "64 hex digits" },
        { "serve: {admin: {api_keys: ['sixteen characters and blanks']}}", "serve.admin.api_keys.0", "without blanks" },
        { "ttl: {access_token: 1.5h}", "ttl.access_token", "not a duration" },
        { "ttl: {access_token: 3600}", "ttl.access_token", "expected a duration" },
        { "ttl: {access_token: -1h}", "ttl.access_token", "not a duration" },
        { "ttl: {access_token: 1d}", "ttl.access_token", "not a duration" },
        { "ttl: {access_token: ''}", "ttl.access_token", "not a duration" },
        { "ttl: {access_token: -1}", "ttl.access_token", "expected a duration" },
        { "ttl: {access_token: 99999999999999h}", "ttl.access_token", "not a duration" },
        { "ttl: {refresh_token: -2}", "ttl.refresh_token", "expected a duration" },
        { "secrets: {system: [short]}", "secrets.system.0", "at least 16 characters" },
        { "secrets: {system: [" A16 ", 1234567890123456]}", "secrets.system.1", "expected string, but got a number" },
        { "log: {level: warning}", "log.level", "must be one of: panic, fatal" },
        { "version: '2'", "version", "must look like v1.2.3" },
        { "urls: {self: {issuer: auth.example}}", "urls.self.issuer", "absolute URL" },
        { "urls: {self: {issuer: 'https:///x'}}", "urls.self.issuer", "absolute URL" },
        { "urls: {logout: logout}", "urls.logout", "absolute URL or start with '/'" },
        { "urls: {login: 'http://a b/'}", "urls.login", "a URL or a path" },
        { "urls: {identity_provider: {headers: {a: 1}}}", "urls.identity_provider.headers", "texts" },
        { "urls: {identity_provider: {headers: {a: \"b\\r\\nc: d\"}}}", "urls.identity_provider.headers", "on one line" },
        { "urls: {identity_provider: {headers: {a: \"b\\0\"}}}", "urls.identity_provider.headers", "control character" },
        { "urls: {identity_provider: {headers: {a b: c}}}", "urls.identity_provider.headers", "name of a header" },
        { "urls: {identity_provider: {headers: {'a:': c}}}", "urls.identity_provider.headers", "name of a header" },
        { "urls: {identity_provider: {headers: {'': c}}}", "urls.identity_provider.headers", "name of a header" },
        { "oauth2: {hashers: {bcrypt: {cost: 3}}}", "oauth2.hashers.bcrypt.cost", "between 4 and 31" },
        { "log: {redaction_text: \"a\\0b\"}", "log.redaction_text", "control character" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ARENA_AUTO a = arena_new();
        must_refuse(a, &(struct given) { .yaml = cases[i].yaml }, cases[i].key, cases[i].reason);
    }
}

static void files_are_accepted(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "version: v1.11.7\nserve:\nlog:\n",
        "serve: {public: {access_log: {disable_for_health: true}, foo: 1}}",
        "serve: {cookies: {names: {foo: x}}}\nfeature_flags: {bar: true}\nurls: {device: {x: y}}",
        "oauth2: {session: {x: 1}, grant: {refresh_token: {y: 2}}}",
        "serve: {tls: {allow_termination_from: [10.0.0.0/8, nonsense]}}", /* 22 */
        "serve: {public: {socket: {mode: 0755}}}",
        "ttl: {access_token: 1h30m, id_token: 5s, refresh_token: -1}",
        "ttl: {refresh_token: '-1', vc_nonce: 1h}\nlog: {format: gelf, additional_redacted_headers: [x-key]}", /* Q32 */
        "webfinger: {oidc_discovery: {verifiable_credentials_url: 'https://a/b'}}",
        "secrets: {system: ['16 bytes exactly']}",
        "secrets: {system: ['äöüäöüäöüäöüäöüä']}",
        "urls: {self: {public: ''}, login: '', logout: /bye, consent: consent.html}",
        "serve: {public: {cors: {allowed_origins: ['*', 'https://*.a.example', 'http://*', 'https://*.com']}}}",
        "cgroups: {v1: {auto_max_procs_enabled: true}}\nsqa: {opt_out: true}",
        "db: {ignore_unknown_table_columns: true}\nprofiling: cpu\n",
        "serve: {admin: {api_keys: ['sha256:0123456789012345678901234567890123456789012345678901234567890123']}}",
        "serve: {public: {port: 4444.0}}",
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ARENA_AUTO a = arena_new();
        CONFIG_AUTO c = must_load(a, &(struct given) { .yaml = cases[i] });
        assert_non_null(c);
    }
}

static void durations_and_endless(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    CONFIG_AUTO c =
        must_load(a, &(struct given) {
                         .yaml = "ttl: {access_token: 1h30m, id_token: 1500ms, auth_code: 3us2ns, refresh_token: -1}" });
    assert_int_equal(c->ttl_access_token, 5400 * USEC_PER_SEC);
    assert_int_equal(c->ttl_id_token, 1500 * USEC_PER_MS);
    assert_int_equal(c->ttl_auth_code, 3);
    assert_int_equal(c->ttl_refresh_token, CONFIG_FOREVER);
    assert_int_equal(c->ttl_vc_nonce, 3600 * USEC_PER_SEC);
}

static void open_groups_warn(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct config_report r;
    CONFIG_AUTO c = load(a, &(struct given) { .yaml = "serve:\n  public:\n    access_log: {a: 1}\n    prot: 1\n" }, &r);
    assert_non_null(c);
    assert_true(warned(&r, "serve.public.access_log (test.yml:3) is not a known key; it is ignored."));
    assert_true(warned(&r, "serve.public.prot (test.yml:4) is not a known key; it is ignored. Did you mean serve.public.port?"));
}

/* What only v1.10 knew is no reason to refuse its file. */
static void keys_of_old_files_warn(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *says;
    } cases[] = {
        { "oauth2: {include_legacy_error_fields: true}", "oauth2.include_legacy_error_fields has no effect" },
        { "oauth2: {include_legacy_error_fields: false}", NULL },
        { "sqa: {opt_out: true, job_id: x}", "sqa.job_id (test.yml:1) is not a known key; it is ignored" },
        { "tracing: {providers: {jaeger: {propagation: jaeger, max_tag_value_length: 1024}}}",
          "tracing.providers.jaeger.propagation (test.yml:1) is not a known key; it is ignored" },
        { "tracing: {providers: {jaeger: {sampling: {type: const, value: 1, server_url: 'http://sampling'}}}}",
          "tracing.providers.jaeger.sampling.type (test.yml:1) is not a known key; it is ignored" },
        { "tracing: {provider: datadog}", "tracing.provider: datadog (test.yml:1) sends nothing" },
        { "tracing: {provider: elastic-apm}", "tracing.provider: elastic-apm (test.yml:1) sends nothing" },
        { "tracing: {provider: instana}", "tracing.provider: instana (test.yml:1) sends nothing" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ARENA_AUTO a = arena_new();
        struct config_report r;
        CONFIG_AUTO c = load(a, &(struct given) { .yaml = cases[i].yaml }, &r);
        if (c == NULL) fail_msg("refused: %s", cases[i].yaml);
        assert_int_equal(cases[i].says == NULL ? !warned(&r, "legacy") : warned(&r, cases[i].says), true);
    }
}

static void jaegers_agent_is_told_what_to_use_instead(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct config_report r;
    CONFIG_AUTO c = load(a, &(struct given) { .yaml = "tracing: {provider: jaeger}" }, &r);
    assert_non_null(c);
    assert_true(warned(&r, "tracing.provider: jaeger (test.yml:1) sends nothing"));
    assert_true(warned(&r, "set tracing.provider to otel"));

    CONFIG_AUTO other =
        load(a, &(struct given) { .yaml = "tracing: {provider: otel, providers: {otlp: {authorization_header: Bearer abc}}}" },
             &r);
    assert_non_null(other);
    assert_false(warned(&r, "tracing"));
    assert_true(str_eq(other->tracing_providers_otlp_authorization_header, STR("Bearer abc")));
}

static void all_problems_at_once(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct config_report r;
    static const struct given g = {
        .yaml = "foo: 1\nserve:\n  public: {port: 0}\nsecrets:\n  system:\n  - ok-ok-ok-ok-ok-ok\n  - tiny\n",
        .env = { "TTL_ID_TOKEN=x" }
    };
    assert_null(load(a, &g, &r));
    assert_int_equal(r.n, 4);
    struct str text = config_report_text(a, &r);
    static const char *const parts[] = {
        "\nThe configuration has invalid values or keys (4 problems):\n",
        "(root): {…}\n    ^-- additionalProperties \"foo\" not allowed\n        where: test.yml:1\n",
        "serve.public.port: 0\n    ^-- must be between 1 and 65535\n        where: test.yml:3\n",
        "secrets.system.1: (hidden)\n    ^-- must be at least 16 characters long\n        where: test.yml:7\n",
        "ttl.id_token: \"x\"\n    ^-- is not a duration\n        where: environment variable TTL_ID_TOKEN\n",
        "        remedy: Write whole numbers",
    };
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        if (!has(text, parts[i])) fail_msg("%s\nis not in\n%.*s", parts[i], STR_FMT(text));
    assert_str(config_report_error(a, &r), "I[#] S[#] additionalProperties \"foo\" not allowed");
    assert_false(has(text, "tiny"));
}

static void pointers(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct config_report r;
    assert_null(load(a, &(struct given) { .yaml = "secrets: {system: [short]}" }, &r));
    assert_str(config_report_error(a, &r),
               "I[#/secrets/system/0] S[#/properties/secrets/properties/system/items] must be at least 16 characters long");
}

static void problems_are_bounded(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct buf b = BUF(a);
    for (int i = 0; i < 500; i++) buf_addf(&b, "k%d: 1\n", i);
    struct config_report r;
    assert_null(load(a, &(struct given) { .yaml = buf_str(&b).p }, &r));
    assert_int_equal(r.n, PROBLEMS_MAX);
}

/* 52: migrate and janitor take any file. */
static void lenient_loads_anything_but_the_dsn(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct config_report r;
    CONFIG_AUTO c =
        load(a,
             &(struct given) { .yaml =
                                   "foo: 1\nserve: {public: {port: 0}}\nurls: {self: {issuer: 'http://a'}}\nhsm: {enabled: true}",
                               .bare = true,
                               .lenient = true },
             &r);
    assert_non_null(c);
    assert_true(warned(&r, "additionalProperties \"foo\" not allowed"));
    assert_int_equal(c->serve_public_port, 4444);
    must_refuse(a, &(struct given) { .yaml = "dsn: ''", .lenient = true }, "dsn", "dsn must be set");
}

/* ---- files on disk ---- */

static void put(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static char folder[] = "/tmp/grantd-test-XXXXXX";
static int setup(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL || chdir(folder) != 0) return -1;
    put("a.yml",
        "serve: {public: {port: 1, host: a}}\nsecrets: {system: [" A16 ", " B16 "]}\nurls: {self: {issuer: 'https://a'}}\n");
    put("b.json", "{\"serve\": {\"public\": {\"port\": 2}}, \"secrets\": {\"system\": [\"" C16 "\"]}}");
    put("c.toml", "[serve.public]\nport = 3\n");
    put("d.conf", "");
    put("empty.yml", "");
    put("bad.yml", "a: 1\nb: [\n");
    return 0;
}
static int teardown(void **state)
{
    (void)state;
    static const char *const names[] = { "a.yml", "b.json", "c.toml", "d.conf", "empty.yml", "bad.yml" };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) (void)unlink(names[i]);
    return chdir("/") != 0 || rmdir(folder) != 0;
}

static bool load_names(struct arena *a, const char *names, const struct config **ret, struct config_report *r)
{
    const struct config_sources s = { .files = strs_split(a, str_of(names), ' ') };
    return config_load(a, &s, ret, r);
}

/* 7, 8 */
static void files_merge_in_order(void **state)
{
    (void)state;
    static const struct {
        const char *names, *host, *secrets;
        int port;
    } cases[] = {
        { "a.yml", "a", A16 " " B16, 1 },       { "a.yml,b.json", "a", C16, 2 },
        { "a.yml b.json", "a", C16, 2 },        { "b.json,a.yml", "a", A16 " " B16, 1 },
        { "a.yml b.json,c.toml", "a", C16, 3 }, { "a.yml,empty.yml", "a", A16 " " B16, 1 },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ARENA_AUTO a = arena_new();
        struct config_report r;
        CONFIG_AUTO c = NULL;
        assert_true(load_names(a, cases[i].names, &c, &r));
        assert_int_equal(c->serve_public_port, cases[i].port);
        assert_str(c->serve_public_host, cases[i].host);
        assert_str(strs_join(a, c->secrets_system, " "), cases[i].secrets);
    }
}

static void names_places(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct config_report r;
    const char *const env[] = { "LOG_LEVEL=warn", NULL };
    const struct config_sources s = {
        .files = strs_split(a, STR("a.yml b.json c.toml"), ' '), .env = env, .dev = FLAG_ON, .dsn = STR("memory")
    };
    CONFIG_AUTO c = NULL;
    assert_true(config_load(a, &s, &c, &r));
    static const struct {
        enum config_key key;
        const char *where;
    } cases[] = {
        { CONFIG_serve_public_port, "c.toml:2" },
        { CONFIG_serve_public_host, "a.yml:1" },
        { CONFIG_secrets_system, "b.json:1" },
        { CONFIG_log_level, "environment variable LOG_LEVEL" },
        { CONFIG_dev, "flag --dev" },
        { CONFIG_dsn, "argument of the command" },
        { CONFIG_ttl_id_token, "default" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) assert_str(config_where(a, c, cases[i].key), cases[i].where);
    assert_false(config_is_set(c, CONFIG_ttl_id_token));
    assert_true(config_is_set(c, CONFIG_dsn));
    assert_str(c->dsn, "memory");
}

static void files_that_cannot_be_read(void **state)
{
    (void)state;
    static const struct {
        const char *name, *error;
    } cases[] = {
        { "d.conf", "d.conf: unknown config file extension: .conf" },
        { "nowhere.yml", "nowhere.yml: open nowhere.yml: no such file or directory" },
        { "bad.yml", "bad.yml:3: is not valid YAML" },
        { "/", "/: open /: is a directory" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ARENA_AUTO a = arena_new();
        struct config_report r;
        const struct config *c;
        assert_false(load_names(a, cases[i].name, &c, &r));
        struct str first = config_report_error(a, &r);
        if (!str_starts(first, str_of(cases[i].error))) fail_msg("%.*s", STR_FMT(first));
        assert_int_equal(r.n, 1); /* not that the secret is missing, too: it may stand there */
    }
}

/* A lower file's hook with its key is replaced as a whole by a later file's plain URL. */
static void bare_hook_replaces_the_object(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    static const char object[] =
        "secrets: {system: [" A16 "]}\n"
        "oauth2: {token_hook: {url: 'http://a/', auth: {type: api_key, config: {in: cookie, name: k, value: v}}}}";
    const struct config_text texts[] = { { STR("a.yml"), STR(object) },
                                         { STR("b.yml"), STR("oauth2: {token_hook: 'http://b/'}") } };
    for (size_t n = 1; n <= 2; n++) {
        CONFIG_AUTO c = NULL;
        struct config_report r;
        assert_true(config_load(a, &(struct config_sources) { .texts = texts, .texts_n = n }, &c, &r));
        struct config_hook hook;
        config_hook(c, CONFIG_TOKEN_HOOK, &hook);
        assert_str(hook.url, n == 1 ? "http://a/" : "http://b/");
        assert_int_equal(hook.has_key, n == 1);
        if (n == 1) assert_int_equal(hook.in, HOOK_IN_COOKIE);
        if (n == 1) assert_str(hook.value, "v");
        config_hook(c, CONFIG_REFRESH_TOKEN_HOOK, &hook);
        assert_int_equal(hook.url.n, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(environment_wins),
        cmocka_unit_test(environment_is_refused),
        cmocka_unit_test(secrets_overlay),
        cmocka_unit_test(overlay_is_told),
        cmocka_unit_test(dev_mode),
        cmocka_unit_test(dev_in_a_file_warns),
        cmocka_unit_test(files_are_refused),
        cmocka_unit_test(files_are_accepted),
        cmocka_unit_test(durations_and_endless),
        cmocka_unit_test(open_groups_warn),
        cmocka_unit_test(keys_of_old_files_warn),
        cmocka_unit_test(jaegers_agent_is_told_what_to_use_instead),
        cmocka_unit_test(all_problems_at_once),
        cmocka_unit_test(pointers),
        cmocka_unit_test(problems_are_bounded),
        cmocka_unit_test(lenient_loads_anything_but_the_dsn),
        cmocka_unit_test(files_merge_in_order),
        cmocka_unit_test(names_places),
        cmocka_unit_test(files_that_cannot_be_read),
        cmocka_unit_test(bare_hook_replaces_the_object),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
