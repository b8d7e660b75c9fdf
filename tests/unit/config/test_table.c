/* Walks config.def: what no row may get wrong. */
#include "config_test.h"

#include "base/log.h"

static const char *const members[] = {
#define KEY(type, path, member, ...) #member,
#include "config/config.def"
};

static void member_is_the_path_with_underscores(void **state)
{
    (void)state;
    for (enum config_key k = 0; k < CONFIG_KEY_MAX_; k++) {
        char expected[128];
        size_t n = strlen(config_keys[k].path);
        assert_true(n < sizeof(expected));
        for (size_t i = 0; i <= n; i++) expected[i] = config_keys[k].path[i] == '.' ? '_' : config_keys[k].path[i];
        assert_string_equal(members[k], expected);
    }
}

/* Two paths that differ in '.' and '_' only would have the same variable. */
static void variables_are_unique(void **state)
{
    (void)state;
    for (enum config_key k = 0; k < CONFIG_KEY_MAX_; k++)
        for (enum config_key j = 0; j < k; j++) assert_int_not_equal(strcasecmp(members[k], members[j]), 0);
}

/* No key is a group as well, and a group's rows stand together: show.c and env.c rely on it. */
static void groups_stand_together(void **state)
{
    (void)state;
    for (enum config_key k = 0; k < CONFIG_KEY_MAX_; k++) {
        const char *path = config_keys[k].path;
        assert_false(key_is_group(str_of(path)));
        for (const char *dot = strchr(path, '.'); dot != NULL; dot = strchr(dot + 1, '.')) {
            struct str group = { path, (size_t)(dot - path) };
            bool left = false;
            for (enum config_key j = k + 1; j < CONFIG_KEY_MAX_; j++) {
                if (!key_in_group(j, group))
                    left = true;
                else if (left)
                    fail_msg("%s stands apart from its group", config_keys[j].path);
            }
        }
    }
}

static void helps_are_sentences(void **state)
{
    (void)state;
    for (enum config_key k = 0; k < CONFIG_KEY_MAX_; k++) {
        struct str help = str_of(config_keys[k].help);
        if (help.n < 10 || !str_ends(help, STR("."))) fail_msg("%s has no help", config_keys[k].path);
    }
}

static void defaults_are_valid(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    for (enum config_key k = 0; k < CONFIG_KEY_MAX_; k++) {
        const struct node *node;
        const char *why;
        if (config_keys[k].def != NULL && !value_decode(a, k, str_of(config_keys[k].def), &node, &why))
            fail_msg("%s: %s", config_keys[k].path, why);
    }
    CONFIG_AUTO c = must_load(a, &(struct given) { 0 });
    assert_non_null(c);
}

static void words_match_the_enums(void **state)
{
    (void)state;
    static const struct {
        enum config_key key;
        int index;
        const char *word;
    } cases[] = {
        { CONFIG_serve_admin_unprefixed, UNPREFIXED_LEGACY, "legacy" },
        { CONFIG_serve_admin_unprefixed, UNPREFIXED_CURRENT, "current" },
        { CONFIG_serve_cookies_same_site_mode, SAME_SITE_STRICT, "Strict" },
        { CONFIG_serve_cookies_same_site_mode, SAME_SITE_LAX, "Lax" },
        { CONFIG_serve_cookies_same_site_mode, SAME_SITE_NONE, "None" },
        { CONFIG_strategies_scope, SCOPE_WILDCARD, "wildcard" },
        { CONFIG_strategies_scope, SCOPE_EXACT, "exact" },
        { CONFIG_strategies_access_token, TOKEN_OPAQUE, "opaque" },
        { CONFIG_strategies_access_token, TOKEN_JWT, "jwt" },
        { CONFIG_strategies_jwt_profile, JWT_PROFILE_PLAIN, "plain" },
        { CONFIG_strategies_jwt_profile, JWT_PROFILE_RFC9068, "rfc9068" },
        { CONFIG_strategies_jwt_scope_claim, SCOPE_CLAIM_LIST, "list" },
        { CONFIG_strategies_jwt_scope_claim, SCOPE_CLAIM_STRING, "string" },
        { CONFIG_strategies_jwt_scope_claim, SCOPE_CLAIM_BOTH, "both" },
        { CONFIG_oauth2_hashers_algorithm, HASHER_PBKDF2, "pbkdf2" },
        { CONFIG_oauth2_hashers_algorithm, HASHER_BCRYPT, "bcrypt" },
        { CONFIG_keys_algorithm, KEYS_RS256, "RS256" },
        { CONFIG_keys_algorithm, KEYS_ES256, "ES256" },
        { CONFIG_keys_algorithm, KEYS_EDDSA, "EdDSA" },
        { CONFIG_oauth2_device_authorization_user_code_entropy_preset, USER_CODE_HIGH, "high" },
        { CONFIG_oauth2_device_authorization_user_code_entropy_preset, USER_CODE_MEDIUM, "medium" },
        { CONFIG_oauth2_device_authorization_user_code_entropy_preset, USER_CODE_LOW, "low" },
        { CONFIG_oauth2_token_hook_auth_config_in, HOOK_IN_HEADER, "header" },
        { CONFIG_oauth2_refresh_token_hook_auth_config_in, HOOK_IN_COOKIE, "cookie" },
        { CONFIG_log_level, LOG_PANIC, "panic" },
        { CONFIG_log_level, LOG_WARN, "warn" },
        { CONFIG_log_level, LOG_TRACE, "trace" },
        { CONFIG_log_format, LOG_FORMAT_TEXT, "text" },
        { CONFIG_log_format, LOG_FORMAT_JSON, "json" },
        { CONFIG_log_format, LOG_FORMAT_JSON_PRETTY, "json_pretty" },
        { CONFIG_log_format, LOG_FORMAT_GELF, "gelf" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(key_word(config_keys[cases[i].key].words, str_of(cases[i].word)), cases[i].index);
}

static void finds_what_was_meant(void **state)
{
    (void)state;
    static const struct {
        const char *path, *meant;
    } cases[] = {
        { "dns", "dsn" },
        { "secrets.sytem", "secrets.system" },
        { "serve.public.prot", "serve.public.port" },
        { "ttl.rotation_grace_period", "oauth2.grant.refresh_token.rotation_grace_period" },
        { "secret", "secrets" },
        { "url.self", "urls.self" },
        { "serve.publik", "serve.public" },
        { "serve.port", NULL }, /* two keys have this name */
        { "foo", NULL },
        { "completely.different", NULL },
        { "", NULL },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str near = key_nearest(str_of(cases[i].path));
        if (!str_eq(near, str_of(cases[i].meant))) fail_msg("%s: %.*s", cases[i].path, STR_FMT(near));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(member_is_the_path_with_underscores),
        cmocka_unit_test(variables_are_unique),
        cmocka_unit_test(groups_stand_together),
        cmocka_unit_test(helps_are_sentences),
        cmocka_unit_test(defaults_are_valid),
        cmocka_unit_test(words_match_the_enums),
        cmocka_unit_test(finds_what_was_meant),
    };
    return RUN(tests);
}
