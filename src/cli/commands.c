/* The tables: sets of flags, and the commands of commands.def over them. */
#include "cli/commands.h"

/* clang-format off */
#define SET(name, title_, ...)                                            \
    static const struct cli_flag name##_v[] = { __VA_ARGS__ };            \
    static const struct cli_flags name = { (title_), name##_v, ARRAY_LEN(name##_v) }

/* ---- talking to a server ---- */
SET(server_flags, "Server",
    { "endpoint",        'e', FLAG_STRING, NULL, "URL",    "address of the admin API (for revoke and perform: of the public API); or in the environment variable ORY_SDK_URL" },
    { "http-header",     'H', FLAG_LIST,   NULL, "'K: V'", "extra request header, such as 'Authorization: Bearer KEY'" },
    { "skip-tls-verify", 0,   FLAG_BOOL,   NULL, NULL,     "do not check the server's certificate" });
SET(output_flags, "Output",
    { "format", 0,   FLAG_STRING, "table", "FORMAT", "table, json, json-pretty, yaml, jsonpath=EXPR (such as items.0.client_id) or jsonpointer=PTR" },
    { "quiet",  'q', FLAG_BOOL,   NULL,    NULL,     "print identifiers only, one per line" });
SET(page_flags, "Page",
    { "page-size",  0, FLAG_INT,    "100", "N",     "how many" },
    { "page-token", 0, FLAG_STRING, NULL,  "TOKEN", "where to go on: the NEXT PAGE TOKEN of the page before" });

/* ---- clients ---- */
SET(new_client_flags, "New client",
    { "id", 0, FLAG_STRING, NULL, "ID", "client id; without one the server makes it" });
static const struct cli_flag client_flags_v[] = {
#define CLIENT_FLAG(flag, letter, type, fallback, arg, member, help) { flag, letter, type, fallback, arg, help },
#include "cli/client_flags.def"
#undef CLIENT_FLAG
};
static const struct cli_flags client_flags = { "Client", client_flags_v, ARRAY_LEN(client_flags_v) };
/* For update, where no default counts. */
static const struct cli_flag client_change_flags_v[] = {
#define CLIENT_FLAG(flag, letter, type, fallback, arg, member, help) { flag, letter, type, NULL, arg, help },
#include "cli/client_flags.def"
#undef CLIENT_FLAG
};
static const struct cli_flags client_change_flags = { "Client", client_change_flags_v, ARRAY_LEN(client_change_flags_v) };
SET(client_file_flags, "From a file",
    { "file", 0, FLAG_STRING, NULL, "PATH", "the whole client as JSON, or - for standard input; other client flags do not count then" });
SET(pgp_flags, "Encrypted secret",
    { "pgp-key",     0, FLAG_STRING, NULL, "BASE64", "print the secret encrypted for this OpenPGP key (gpg --export KEY | base64 -w0), as base64; needs gpg" },
    { "pgp-key-url", 0, FLAG_STRING, NULL, "URL",    "the same for the key at this address" },
    { "keybase",     0, FLAG_STRING, NULL, "USER",   "the same for the key of this user of keybase.io" });
SET(credential_flags, "Credentials",
    { "client-id",     0, FLAG_STRING, NULL, "ID",   "the client's id; or in the environment variable OAUTH2_CLIENT_ID" },
    { "client-secret", 0, FLAG_STRING, NULL, "TEXT", "its secret; or in the environment variable OAUTH2_CLIENT_SECRET, where other users of the machine cannot see it" });

/* ---- keys ---- */
SET(new_key_flags, "Key",
    { "alg", 0, FLAG_STRING, "RS256", "ALG", "RS256, RS512, ES256, ES512, EdDSA" },
    { "use", 0, FLAG_STRING, "sig",   "USE", "sig or enc" });
SET(import_key_flags, "Key",
    { "alg", 0, FLAG_STRING, NULL,  "ALG", "algorithm of a key that does not name one; PEM and DER never do" },
    { "use", 0, FLAG_STRING, "sig", "USE", "use of a key that does not name one: sig or enc" });
SET(public_key_flags, "Parts",
    { "public", 0, FLAG_BOOL, NULL, NULL, "print public parts only" });

/* ---- tokens ---- */
SET(introspect_flags, "Check",
    { "scope", 'a', FLAG_LIST, NULL, "LIST", "scopes the token must have" });
SET(request_flags, "Request",
    { "scope",    'a', FLAG_LIST, NULL, "LIST", "scopes to ask for" },
    { "audience", 0, FLAG_LIST, NULL, "LIST", "audiences to ask for" });
SET(code_flags, "Request",
    { "scope",         'a', FLAG_LIST,   "offline,openid", "LIST", "scopes to ask for" },
    { "audience",      0, FLAG_LIST,   NULL,    "LIST", "audiences to ask for" },
    { "prompt",        0, FLAG_LIST,   NULL,    "LIST", "none, login, consent, select_account or registration" },
    { "max-age",       0, FLAG_INT,    "-1",    "N",    "seconds after which the user has to sign in again; -1: not limited" },
    { "response-mode", 0, FLAG_STRING, "query", "MODE", "query or form_post" },
    { "state",         0, FLAG_STRING, NULL,    "TEXT", "state of the first flow; without it a random one" },
    { "redirect",      0, FLAG_STRING, NULL,    "URL",  "redirect URI, when the callback page is reached under another address" },
    { "auth-url",      0, FLAG_STRING, NULL,    "URL",  "authorization endpoint; default: /oauth2/auth below the endpoint" },
    { "token-url",     0, FLAG_STRING, NULL,    "URL",  "token endpoint; default: /oauth2/token below the endpoint" });
SET(device_flags, "Request",
    { "scope",           'a', FLAG_LIST,   "offline,openid", "LIST", "scopes to ask for" },
    { "audience",        0, FLAG_LIST,   NULL,    "LIST", "audiences to ask for" },
    { "device-auth-url", 0, FLAG_STRING, NULL,    "URL",  "device authorization endpoint; default: /oauth2/device/auth below the endpoint" },
    { "token-url",       0, FLAG_STRING, NULL,    "URL",  "token endpoint; default: /oauth2/token below the endpoint" });
SET(logout_flags, "Request",
    { "client-id",  0, FLAG_STRING, NULL, "ID",   "sent as client_id; without it the server looks into the ID token" },
    { "state",      0, FLAG_STRING, NULL, "TEXT", "state; without it a random one" },
    { "redirect",   0, FLAG_STRING, NULL, "URL",  "post-logout redirect URI, when the page is reached under another address" },
    { "logout-url", 0, FLAG_STRING, NULL, "URL",  "end-session endpoint; default: /oauth2/sessions/logout below the endpoint" });
#define LOCAL_FLAGS \
    { "port",        'p', FLAG_INT,  "4446", "N",  "its port on 127.0.0.1" }, \
    { "https",       0,   FLAG_BOOL, NULL,   NULL, "serve it over https, with a certificate made for this run" }, \
    { "no-open",     0,   FLAG_BOOL, NULL,   NULL, "do not start a browser" }
SET(local_flags, "Local web application", LOCAL_FLAGS);
SET(page_for_codes_flags, "Page for codes",
    { "port", 'p', FLAG_INT, "-1", "N", "serve one on 127.0.0.1 at this port; -1: none" });
SET(local_client_flags, "Local web application", LOCAL_FLAGS,
    { "no-shutdown", 0,   FLAG_BOOL, NULL,   NULL, "go on after the first token" },
    { "skip",        0,   FLAG_BOOL, NULL,   NULL, "its login and consent pages accept at once what the server says may be skipped" });

/* ---- configuration, database ---- */
SET(config_flags, "Configuration",
    { "config", 'c', FLAG_LIST, NULL, "FILES", "configuration files (.yml, .yaml, .json, .toml); later ones override earlier ones" });
SET(serve_flags, "Mode",
    { "dev",         0, FLAG_BOOL, NULL, NULL, "development mode: http, insecure cookies, a secret made up when none is set" },
    { "dangerous-force-http", 0, FLAG_BOOL, NULL, NULL, "http and insecure cookies outside development mode, as with v1.10; never where others can listen" },
    { "dangerous-allow-insecure-redirect-urls", 0, FLAG_LIST, NULL, "URLS", "redirect URIs of clients that may use http outside development mode, as with v1.10; whoever listens there gets the codes" },
    { "sqa-opt-out", 0, FLAG_BOOL, NULL, NULL, "accepted for compatibility; grantd sends no usage data anyway" },
    { "disable-telemetry", 0, FLAG_BOOL, NULL, NULL, "likewise, as with v1.10" });
SET(dsn_flags, "Database",
    { "read-from-env", 'e', FLAG_BOOL, NULL, NULL, "take the DSN from the configuration or the environment variable DSN, not from the arguments" });
SET(yes_flags, "Plan",
    { "yes", 'y', FLAG_BOOL, NULL, NULL, "do not ask" });
SET(steps_flags, "Steps",
    { "steps", 0, FLAG_INT, "0", "N", "how many migrations to take back" });
SET(block_flags, "Waiting",
    { "block", 0, FLAG_BOOL, NULL, NULL, "wait until no migration is pending" });
SET(hydra_flags, "Hydra's database",
    { "from",    0, FLAG_STRING, NULL, "DSN",  "where Hydra keeps its data; or in the environment variable HYDRA_DSN" },
    { "secrets", 0, FLAG_LIST,   NULL, "LIST", "Hydra's secrets.system, where they are not those of this configuration; or in the environment variable HYDRA_SECRETS_SYSTEM, where other users of the machine cannot see them" },
    { "dry-run", 0, FLAG_BOOL,   NULL, NULL,   "read everything and say what would be brought and what not; write nothing" },
    { "verify",  0, FLAG_BOOL,   NULL, NULL,   "read everything again and compare it with what was brought; write nothing" });
SET(janitor_flags, "What to delete",
    { "tokens",                   0, FLAG_BOOL,     NULL,    NULL,       "expired tokens" },
    { "requests",                 0, FLAG_BOOL,     NULL,    NULL,       "abandoned logins and consents" },
    { "grants",                   0, FLAG_BOOL,     NULL,    NULL,       "ended grants" },
    { "limit",                    0, FLAG_INT,      "10000", "N",        "at most this many of each kind" },
    { "batch-size",               0, FLAG_INT,      "100",   "N",        "how many of each kind at a time" },
    { "keep-if-younger",          0, FLAG_DURATION, NULL,    "DURATION", "keep what expired less than this ago" },
    { "access-lifespan",          0, FLAG_DURATION, NULL,    "DURATION", "accepted for compatibility: rows carry their own expiry" },
    { "refresh-lifespan",         0, FLAG_DURATION, NULL,    "DURATION", "likewise" },
    { "consent-request-lifespan", 0, FLAG_DURATION, NULL,    "DURATION", "likewise" });
SET(show_flags, "Output",
    { "format", 0, FLAG_STRING, "yaml", "FORMAT", "yaml or json" });
SET(completion_flags, "Script",
    { "no-descriptions", 0, FLAG_BOOL, NULL, NULL, "words without explanations" });

/* ---- commands ---- */
#define FLAGS(...) (const struct cli_flags *const[]){ __VA_ARGS__, NULL }
#define FLAGS_NONE (const struct cli_flags *const[]){ NULL }
#define COMMAND(verb, noun, aliases, args, min, max, flags, run, summary, details, example) \
    { verb, noun, aliases, args, min, max, flags, run, summary, details, example, false },
#define DEPRECATED(verb, noun, args, min, max, flags, run) { verb, noun, NULL, args, min, max, flags, run, "", NULL, NULL, true },

const struct command commands[] = {
#include "cli/commands.def"
};
const size_t commands_n = ARRAY_LEN(commands);

const struct client_flag cli_client_flags[] = {
#define CLIENT_FLAG(flag, letter, type, fallback, arg, member, help) { flag, type, member },
#include "cli/client_flags.def"
#undef CLIENT_FLAG
};
const size_t cli_client_flags_n = ARRAY_LEN(cli_client_flags);
