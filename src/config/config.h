/* The settings: read once from files, environment and flags, checked as a whole, then never changed. Every setting is a row of
 * config.def and a member of struct config, named after its path: serve.public.port is cfg->serve_public_port. */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "base/clock.h"
#include "base/url.h"

/* What a member of each type is. Unset texts are STR_NONE, unset choices -1, other unset values 0. */
#define CONFIG_TEXT_T   struct str
#define CONFIG_YESNO_T  bool
#define CONFIG_COUNT_T  int64_t
#define CONFIG_RATIO_T  double
#define CONFIG_SPAN_T   usec_t /* CONFIG_FOREVER where "-1" is allowed */
#define CONFIG_CHOICE_T int    /* index of the word: the enums below; log.level and log.format: enums of base/log.h */
#define CONFIG_LIST_T   struct strs
#define CONFIG_MAP_T    struct params

#define CONFIG_FOREVER INT64_C(-1)

enum config_key {
#define KEY(type, path, member, ...) CONFIG_##member,
#include "config/config.def"
    CONFIG_KEY_MAX_
};

enum config_unprefixed { UNPREFIXED_LEGACY, UNPREFIXED_CURRENT };
enum config_same_site { SAME_SITE_STRICT, SAME_SITE_LAX, SAME_SITE_NONE };
enum config_scope_strategy { SCOPE_WILDCARD, SCOPE_EXACT };
enum config_token_strategy { TOKEN_OPAQUE, TOKEN_JWT };
enum config_jwt_profile { JWT_PROFILE_PLAIN, JWT_PROFILE_RFC9068 };
enum config_scope_claim { SCOPE_CLAIM_LIST, SCOPE_CLAIM_STRING, SCOPE_CLAIM_BOTH };
enum config_hasher { HASHER_PBKDF2, HASHER_BCRYPT };
enum config_key_algorithm { KEYS_RS256, KEYS_ES256, KEYS_EDDSA };
enum config_user_code { USER_CODE_HIGH, USER_CODE_MEDIUM, USER_CODE_LOW };
enum config_tracing { TRACING_JAEGER, TRACING_OTEL, TRACING_ZIPKIN }; /* the words behind them send nothing, as jaeger */
enum config_hook_place { HOOK_IN_HEADER, HOOK_IN_COOKIE };

enum config_origin { ORIGIN_DEFAULT, ORIGIN_FILE, ORIGIN_ENV, ORIGIN_FLAG, ORIGIN_ARGUMENT };
struct config_place {
    enum config_origin origin;
    int line;        /* of a file; 0: not known */
    struct str name; /* file, environment variable, or flag */
};

/* Where the browser is sent and what our own links start with: the settings under urls.*, defaults filled in. An empty path has
 * become "/", except in the issuer, which stays as it was written. */
struct config_urls {
    struct str issuer, public, admin;
    struct str login, registration, consent, logout, error, post_logout_redirect, device_verification, device_success;
};
/* Cookies as they are to be sent. */
struct config_cookies {
    struct str session, login_csrf, consent_csrf, device_csrf; /* names, with "_dev" in development mode */
    enum config_same_site same_site;                           /* lowered to Lax where None would not be secure */
    bool secure;
    bool legacy_twin; /* send CSRF cookies a second time without SameSite */
};

struct config {
#define KEY(type, path, member, ...) CONFIG_##type##_T member;
#include "config/config.def"
    struct config_urls url;
    struct config_cookies cookie;
    /* Development mode without secrets.system: the list is empty. The caller keeps a random secret in the state folder and loads
     * again with config_sources.dev_secret. */
    bool secrets_missing;
    bool plain_http; /* an http issuer and cookies without Secure are permitted: development mode, or --dangerous-force-http */
    struct strs insecure_redirects; /* redirect URIs that may use http outside development mode */
    struct config_place places[CONFIG_KEY_MAX_];
    struct arena *arena;
    int refs;
};
/* Thread-safe. Both accept NULL. */
const struct config *config_ref(const struct config *c);
void config_unref(const struct config *c);
static inline void config_unrefp(const struct config **c) { config_unref(*c); }
#define CONFIG_AUTO __attribute__((cleanup(config_unrefp))) const struct config *

/* ---- loading ---- */

enum config_flag { FLAG_UNSET, FLAG_OFF, FLAG_ON };
struct config_text {
    struct str name; /* its extension tells the format */
    struct str text;
};
struct config_sources {
    struct strs files;               /* as given with -c: each may be a list with commas */
    const struct config_text *texts; /* documents that are in memory already; they count as later files */
    size_t texts_n;
    enum config_flag dev, sqa_opt_out; /* --dev, --sqa-opt-out */
    bool force_http;                   /* --dangerous-force-http */
    struct strs insecure_redirects;    /* --dangerous-allow-insecure-redirect-urls */
    const char *const *env;            /* NAME=value, NULL at the end; may be NULL */
    struct str dsn;                    /* positional argument of `migrate` and `janitor`; wins over everything */
    struct str dev_secret;             /* see config.secrets_missing; ignored outside development mode */
    /* `migrate` and `janitor`: whatever is wrong with keys other than dsn is a warning, so that any file still migrates. */
    bool lenient;
};

struct config_problem {
    struct str
        key; /* "serve.public.port", "secrets.system.0"; "(root)"; for a file that cannot be read its name, maybe with line */
    struct str place; /* "hydra.yml:12", "environment variable SERVE_PUBLIC_PORT", "flag --dev", "default"; empty: about a file */
    struct str value; /* as JSON, shortened; hidden for secrets */
    struct str reason; /* "must be between 1 and 65535" */
    struct str remedy; /* what to do; may be empty */
};
struct config_report {
    struct config_problem *problems; /* all of them, at most 100 */
    size_t n;
    struct strs warnings; /* whole sentences, to be logged at level warn */
    struct strs notes;    /* the same at level info */
};

/* Reads, merges (default < files in order < flags < environment < argument) and checks. True: *ret holds one reference and the
 * report has no problems. The report's texts are in `a`. */
MUST_USE bool config_load(struct arena *a, const struct config_sources *s, const struct config **ret,
                          struct config_report *report);
/* For a changed file or SIGHUP: loads the same sources again. Fails, and `old` stays in force, when anything is wrong or a key
 * changed that cannot (its value is not named). Settings that need a restart keep their old values and are named in a warning. */
MUST_USE bool config_reload(struct arena *a, const struct config *old, const struct config_sources *s, const struct config **ret,
                            struct config_report *report);
/* All problems for a terminal: a headline, then per problem `<path>: <value>`, an indented `^-- <reason>`, place and remedy. */
struct str config_report_text(struct arena *a, const struct config_report *r);
/* The first problem in one line: "I[#/serve/public/port] S[#/properties/...] <reason>". */
struct str config_report_error(struct arena *a, const struct config_report *r);

/* ---- asking ---- */

bool config_is_set(const struct config *c, enum config_key key); /* by anything but its default */
/* False: no such key. */
MUST_USE bool config_key_by_path(struct str path, enum config_key *ret);
/* "hydra.yml:12"; "default". */
struct str config_where(struct arena *a, const struct config *c, enum config_key key);

enum config_listener_name { CONFIG_PUBLIC, CONFIG_ADMIN };
/* One listener's settings side by side; serve.tls is already merged in. Texts belong to the config. */
struct config_cors {
    bool enabled, allow_credentials, options_passthrough, debug;
    struct strs allowed_origins, allowed_methods, allowed_headers, exposed_headers;
    int64_t max_age;
};
struct config_listener {
    struct str host, unix_path; /* host: an IPv6 address has no brackets; unix_path is set when host is "unix:..." */
    int64_t port;
    struct str socket_owner, socket_group;
    int64_t socket_mode;
    bool quiet_health;
    bool tls; /* never with a unix socket */
    struct str cert_path, cert_base64, key_path, key_base64;
    struct config_cors cors;
};
void config_listener(const struct config *c, enum config_listener_name which, struct config_listener *ret);

enum config_hook_name { CONFIG_TOKEN_HOOK, CONFIG_REFRESH_TOKEN_HOOK };
struct config_hook {
    struct str url; /* empty: no hook */
    bool has_key;
    enum config_hook_place in;
    struct str name, value;
};
void config_hook(const struct config *c, enum config_hook_name which, struct config_hook *ret);

/* Is this bearer token one of serve.admin.api_keys? Time does not depend on which. False when there are no keys. */
bool config_api_key_ok(const struct config *c, struct str presented);
/* The same for oidc.dynamic_client_registration.initial_access_tokens. */
bool config_registration_token_ok(const struct config *c, struct str presented);
/* The base without its trailing '/', then '/' and `path` (which has no leading '/'). A query of the base is dropped. */
struct str config_url_join(struct arena *a, struct str base, const char *path);
/* The DSN without anything that may be secret: for logs and error texts. */
struct str config_dsn_shown(struct arena *a, struct str dsn);

/* ---- printing ---- */

enum config_form { CONFIG_YAML, CONFIG_JSON };
/* The settings in force, as a file that gives the same settings again. `masked`: secrets are replaced by their count. */
struct str config_show(struct arena *a, const struct config *c, enum config_form form, bool masked);
struct str config_reference(struct arena *a); /* the reference page, Markdown */
struct str config_schema(struct arena *a);    /* JSON schema, draft 07, for editors */

/* ---- watching files ---- */

struct config_watch;
/* Calls `changed` on a thread of its own when one of the files has new content: edited in place, replaced by a rename, or reached
 * over a symbolic link that was swapped. Start it before reading them, then no change is missed. `files`: as in config_sources.
 * Never calls before it returns. Also for certificates. NULL when the system has no more watches. */
struct config_watch *config_watch_start(struct strs files, void (*changed)(void *arg, struct str file), void *arg);
void config_watch_stop(struct config_watch *w); /* waits for a running call; accepts NULL */

#endif
