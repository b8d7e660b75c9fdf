/* Printing: the snapshot of all defaults, round trips, masking, the reference page and the schema. After a wanted change of a
 * default: SNAPSHOT=write build/.../test_config_show, and look at the difference. */
#include "config_test.h"

/* The snapshot lies beside this file. */
static struct str snapshot_path(struct arena *a)
{
    struct str here = str_of(__FILE__);
    return arena_printf(a, "%.*sdefaults.snapshot", (int)(here.n - strlen("test_show.c")), here.p);
}

static struct str read_file(struct arena *a, struct str path)
{
    FILE *f = fopen(path.p, "r");
    if (f == NULL) return STR("");
    char *text = arena_alloc(a, 100000);
    size_t n = fread(text, 1, 100000, f);
    fclose(f);
    return (struct str) { text, n };
}

/* Every key, set or not, with its default, marks and type: as the reference page has it, without the prose. */
static struct str defaults(struct arena *a)
{
    struct buf b = BUF(a);
    static const char *const types[TYPE_MAX_] = { "text", "yesno", "count", "ratio", "span", "choice", "list", "map" };
    static const char *const flags[] = { "secret", "restart", "fixed", "dead", "no-env", "forever", "bare" };
    for (enum config_key k = 0; k < CONFIG_KEY_MAX_; k++) {
        const struct key_row *row = &config_keys[k];
        buf_addf(&b, "%s %s", row->path, types[row->type]);
        if (row->words != NULL) buf_addf(&b, " {%s}", row->words);
        if (row->low != 0 || row->high != 0) buf_addf(&b, " [%lld,%lld]", (long long)row->low, (long long)row->high);
        buf_addf(&b, " = %s", row->def != NULL ? row->def : "(unset)");
        for (size_t i = 0; i < ARRAY_LEN(flags); i++)
            if (row->flags & 1u << i) buf_addf(&b, " %s", flags[i]);
        buf_addc(&b, '\n');
    }
    return buf_str(&b);
}

static void defaults_are_as_reviewed(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct str now = defaults(a), path = snapshot_path(a);
    const char *mode = getenv("SNAPSHOT");
    if (mode != NULL && strcmp(mode, "write") == 0) {
        FILE *f = fopen(path.p, "w");
        assert_non_null(f);
        fwrite(now.p, 1, now.n, f);
        fclose(f);
    }
    struct str then = read_file(a, path);
    for (struct str x = then, y = now; x.p != NULL || y.p != NULL;) assert_strn(str_cut(&y, '\n'), str_cut(&x, '\n'));
}

static const char everything[] =
    "dsn: 'postgres://u:hunter2@h/db'\n"
    "log: {level: debug, redaction_text: \"a: 'b' # \\u2028 <c>\"}\n"
    "serve: {public: {port: 1, cors: {allowed_origins: ['*', 'https://*.a.example']}}, admin: {api_keys: "
    "[the-admin-key-is-long]}}\n"
    "secrets: {system: [the-system-secret-1, the-system-secret-2], cookie: [the-cookie-secret-1]}\n"
    "ttl: {refresh_token: -1, access_token: 1h30m500ms}\n"
    "urls: {self: {issuer: 'https://a/'}, identity_provider: {headers: {X-Key: the-kratos-key}}}\n"
    "oauth2: {token_hook: {url: 'http://h/', auth: {type: api_key, config: {in: header, name: K, value: the-hook-key}}}}\n"
    "tracing: {providers: {jaeger: {sampling: {trace_id_ratio: 0.25}}}}\n"
    "strategies: {scope: exact}\n";

static void shows_what_gives_the_same_again(void **state)
{
    (void)state;
    for (enum config_form form = CONFIG_YAML; form <= CONFIG_JSON; form++) {
        ARENA_AUTO a = arena_new();
        CONFIG_AUTO c = must_load(a, &(struct given) { .yaml = everything, .bare = true });
        struct str shown = config_show(a, c, form, false);
        const struct config_text text = { form == CONFIG_YAML ? STR("x.yml") : STR("x.json"), shown };
        CONFIG_AUTO again = NULL;
        struct config_report r;
        if (!config_load(a, &(struct config_sources) { .texts = &text, .texts_n = 1 }, &again, &r))
            fail_msg("%.*s\n%.*s", STR_FMT(shown), STR_FMT(config_report_text(a, &r)));
        assert_strn(config_show(a, again, CONFIG_JSON, false), config_show(a, c, CONFIG_JSON, false));
    }
}

static void masks_secrets(void **state)
{
    (void)state;
    static const char *const hidden[] = { "hunter2",    "the-admin-key", "the-system", "the-cookie",
                                          "the-kratos", "the-hook",      "sha256:" };
    static const char *const shown[] = { "system: \"(2 hidden)\"  # test.yml:4\n", "dsn: \"postgres://(hidden)\"  # test.yml:1\n",
                                         "    port: 1  # test.yml:3\n", "  refresh_token: \"-1\"",
                                         "  access_token: \"1h30m500ms\"" };
    ARENA_AUTO a = arena_new();
    CONFIG_AUTO c = must_load(a, &(struct given) { .yaml = everything, .bare = true });
    struct str yaml = config_show(a, c, CONFIG_YAML, true), json = config_show(a, c, CONFIG_JSON, true);
    for (size_t i = 0; i < ARRAY_LEN(hidden); i++) assert_false(has(yaml, hidden[i]) || has(json, hidden[i]));
    for (size_t i = 0; i < ARRAY_LEN(shown); i++)
        if (!has(yaml, shown[i])) fail_msg("%s is not in\n%.*s", shown[i], STR_FMT(yaml));
}

/* A default that follows from other settings is not shown beside them. */
static void shows_custom_user_codes(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    CONFIG_AUTO plain = must_load(a, &(struct given) { 0 });
    assert_int_equal(plain->oauth2_device_authorization_user_code_entropy_preset, USER_CODE_HIGH);
    static const char custom[] = "oauth2: {device_authorization: {user_code: {length: 7, character_set: abcdefgh}}}";
    CONFIG_AUTO c = must_load(a, &(struct given) { .yaml = custom });
    assert_int_equal(c->oauth2_device_authorization_user_code_entropy_preset, -1);
    CONFIG_AUTO again = must_load(a, &(struct given) { .yaml = config_show(a, c, CONFIG_YAML, false).p, .bare = true });
    assert_int_equal(again->oauth2_device_authorization_user_code_length, 7);
}

static void reference_names_every_key(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct str page = config_reference(a);
    for (enum config_key k = 0; k < CONFIG_KEY_MAX_; k++)
        if (!has(page, arena_printf(a, "### `%s`\n\n%s\n", config_keys[k].path, config_keys[k].help).p))
            fail_msg("%s is missing", config_keys[k].path);
    assert_true(has(page, "integer from 1 to 65535 · default `4444` · *restart* · `SERVE_PUBLIC_PORT`\n"));
    assert_true(has(page, "\n## `ttl`\n"));
    assert_true(has(page, "\none of `opaque` `jwt` · default `opaque` · `STRATEGIES_ACCESS_TOKEN`\n"));
    assert_true(has(page, "list of texts of at least 16 characters · *secret* · `SECRETS_SYSTEM`\n"));
}

static void schema_is_complete(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    json_t *schema;
    struct err e = ERR_INIT(a);
    assert_true(json_read(a, config_schema(a), &schema, NULL, &e));
    for (enum config_key k = 0; k < CONFIG_KEY_MAX_; k++) {
        json_t *at = schema;
        for (struct str rest = str_of(config_keys[k].path); rest.p != NULL;)
            at = json_object_get(json_object_get(at, "properties"), arena_dupz(a, str_cut(&rest, '.')));
        if (!json_is_string(json_object_get(at, "description"))) fail_msg("%s is missing", config_keys[k].path);
    }
}

/* Loading is part of every start: well under 2 ms. Sanitizers take their share. */
static void loads_fast(void **state)
{
    (void)state;
    const char *env[101] = { 0 };
    for (size_t i = 0; i < 100; i++) env[i] = i % 2 == 0 ? "KUBERNETES_SERVICE_PORT_HTTPS=443" : "SERVE_PUBLIC_PORT=5001";
    enum { ROUNDS = 50 };
    usec_t least = USEC_NEVER;
    for (int i = 0; i < ROUNDS; i++) {
        ARENA_AUTO a = arena_new();
        const struct config_text text = { STR("x.yml"), STR(everything) };
        const struct config_sources s = { .texts = &text, .texts_n = 1, .env = env };
        CONFIG_AUTO c = NULL;
        struct config_report r;
        usec_t before = clock_monotonic();
        assert_true(config_load(a, &s, &c, &r));
        usec_t took = clock_monotonic() - before;
        if (took < least) least = took;
    }
    print_message("loading takes %lld us\n", (long long)least);
    assert_true(least < 20 * USEC_PER_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_as_reviewed),
        cmocka_unit_test(shows_what_gives_the_same_again),
        cmocka_unit_test(masks_secrets),
        cmocka_unit_test(shows_custom_user_codes),
        cmocka_unit_test(reference_names_every_key),
        cmocka_unit_test(schema_is_complete),
        cmocka_unit_test(loads_fast),
    };
    return RUN(tests);
}
