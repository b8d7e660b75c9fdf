/* Which command is meant, which flags are given, and what is said about mistakes. */
#include "run.h"

/* ---- commands ---- */

static const struct {
    const char *line;
    const char *verb, *noun, *args; /* args joined with '|' */
} commands_cases[] = {
    { "grantd serve all", "serve", "all", "" },
    { "grantd serve -c f all --dev", "serve", "all", "" },
    { "grantd serve --config=f --dev=false public", "serve", "public", "" },
    { "grantd create client", "create", "oauth2-client", "" },
    { "grantd create oauth2-client --id x", "create", "oauth2-client", "" },
    { "grantd create jwks s k", "create", "jwk", "s|k" },
    { "grantd get clients a b c", "get", "oauth2-client", "a|b|c" },
    { "grantd ls clients", "list", "oauth2-clients", "" },
    { "grantd list oauth2-clients -q", "list", "oauth2-clients", "" },
    { "grantd delete oauth2-clients a", "delete", "oauth2-client", "a" },
    { "grantd import client", "import", "oauth2-client", "" },
    { "grantd import client - f.json", "import", "oauth2-client", "-|f.json" },
    { "grantd -e http://x get client a", "get", "oauth2-client", "a" },
    { "grantd get client -- -a --b", "get", "oauth2-client", "-a|--b" },
    { "grantd migrate sql up", "migrate", "sql up", "" },
    { "grantd migrate -c f sql up -e --yes", "migrate", "sql up", "" },
    { "grantd migrate -c f sql -ey up", "migrate", "sql up", "" },
    { "grantd migrate sql down memory --steps 1", "migrate", "sql down", "memory" },
    { "grantd migrate sql status", "migrate", "sql status", "" },
    { "grantd migrate sql -e --yes --config f", "migrate", "sql", "" },
    { "grantd migrate sql memory", "migrate", "sql", "memory" },
    { "grantd migrate status memory", "migrate", "status", "memory" },
    { "grantd janitor --tokens memory", "janitor", NULL, "memory" },
    { "grantd version", "version", NULL, "" },
    { "grantd --version", "version", NULL, "" },
    { "grantd completion fish --no-descriptions", "completion", "fish", "" },
};

static void test_commands(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(commands_cases); i++) {
        struct run r;
        run_line(&r, commands_cases[i].line, NULL);
        if (!r.parsed) fail_msg("%s: %s", commands_cases[i].line, r.err);
        assert_string_equal(r.cli.command->verb, commands_cases[i].verb);
        assert_str(str_of(r.cli.command->noun), commands_cases[i].noun);
        assert_str(strs_join(r.cli.arena, r.cli.args, "|"), commands_cases[i].args);
        run_end(&r);
    }
}

/* ---- mistakes: exit code 1, nothing on stdout, the fault and the place of help on stderr ---- */

static const struct {
    const char *line, *says;
} mistakes[] = {
    { "grantd bogus", "unknown command \"bogus\" for \"grantd\"" },
    { "grantd create bogus", "unknown command \"bogus\" for \"grantd create\"" },
    { "grantd help bogus", "unknown command \"bogus\" for \"grantd\"" },
    { "grantd serv all", "Did you mean serve?" },
    { "grantd create clinet", "Did you mean client?" },
    { "grantd migrate sqll up", "Did you mean sql?" },
    { "grantd list clients --formt json", "Did you mean --format?" },
    { "grantd list --formt json clients", "Did you mean --format?" },
    { "grantd clients", "grantd create client, grantd get client" },
    { "grantd client create", "verb: grantd create client.\nRun 'grantd create client --help'" },
    { "grantd jwk get x", "verb: grantd get jwk.\n" },
    { "grantd create client --callbacks x", "Did you mean --redirect-uri?" },
    { "grantd get client x --fake-tls-termination", "Did you mean --http-header 'X-Forwarded-Proto: https'?" },
    { "grantd get client x --access-token x", "Did you mean --http-header 'Authorization: Bearer KEY'?" },
    { "grantd migrate up", "Did you mean sql up?" },
    { "grantd clients create", "verb: grantd create client.\nRun 'grantd create client --help'" },
    { "grantd clients create --callbacks http://a -g b -r code -n x", "verb: grantd create client.\n" },
    { "grantd keys import set key.pem --use sig", "verb: grantd import jwk.\n" },
    { "grantd token client -v", "verb: grantd perform client-credentials.\n" },
    { "grantd token user --callbacks x", "verb: grantd perform authorization-code.\n" },
    { "grantd token flush --min-age 1h", "verb: grantd janitor.\n" },
    { "grantd token bogus", "grantd introspect token, grantd revoke token" },
    { "grantd --bogus", "unknown flag: --bogus" },
    { "grantd version --bogus", "unknown flag: --bogus" },
    { "grantd version -z", "unknown flag: -z" },
    { "grantd get client a --steps 1", "unknown flag: --steps" },
    { "grantd --steps 1 get client a", "unknown flag: --steps" },
    { "grantd migrate sql up -e http://x", "" /* -e is a boolean here: the word is an argument */ },
    { "grantd migrate sql up a b", "at most 1 argument, got 2; the first too many is \"b\"" },
    { "grantd get client", "at least 1 argument (ID...), got 0" },
    { "grantd create jwk", "at least 1 argument (SET [KEY-ID]), got 0" },
    { "grantd create jwk a b c", "at most 2 arguments" },
    { "grantd version x", "at most 0 arguments" },
    { "grantd list clients --page-size", "flag needs an argument: --page-size" },
    { "grantd list clients --page-size x", "expected a whole number" },
    { "grantd list clients --quiet=maybe", "expected true or false" },
    { "grantd janitor --keep-if-younger 1", "expected a duration such as 1h30m" },
    { "grantd janitor --keep-if-younger -1h", "expected a duration" },
    { "grantd list clients --format jsonpath", "--format jsonpath=items.0.client_id" },
    { "grantd list clients --format jsonpointer", "--format jsonpointer=/items/0/client_id" },
};

static void test_mistakes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(mistakes); i++) {
        struct run r;
        run_line(&r, mistakes[i].line, NULL);
        if (*mistakes[i].says == 0) {
            assert_true(r.parsed);
        } else {
            if (r.parsed || strstr(r.err, mistakes[i].says) == NULL) fail_msg("%s says: %s", mistakes[i].line, r.err);
            assert_int_equal(r.code, 1);
            assert_string_equal(r.out, "");
            assert_int_equal(strncmp(r.err, "Error: ", 7), 0);
            assert_non_null(strstr(r.err, "--help' for usage.\n"));
        }
        run_end(&r);
    }
}

/* Nothing is guessed when nothing is near, nor flags of other commands. */
static void test_no_wild_guesses(void **state)
{
    (void)state;
    static const char *const lines[] = { "grantd bogus",
                                         "grantd create bogus",
                                         "grantd completion tcsh",
                                         "grantd client bogus",
                                         "grantd version --formt",
                                         "grantd get client -z",
                                         "grantd xx" };
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        struct run r;
        run_line(&r, lines[i], NULL);
        if (strstr(r.err, "Did you mean") != NULL) fail_msg("%s says: %s", lines[i], r.err);
        run_end(&r);
    }
}

/* The complaint says where to find help for the very command. */
static void test_where_help_is(void **state)
{
    (void)state;
    struct run r;
    run_line(&r, "grantd create client --bogus", NULL);
    assert_non_null(strstr(r.err, "Run 'grantd create oauth2-client --help' for usage."));
    run_end(&r);
}

/* ---- values ---- */

static void test_values(void **state)
{
    (void)state;
    struct run r;
    run_line(&r, "grantd create client --name N --scope a,b --scope=c --redirect-uri \"http://x/?a,b\",http://y --skip-consent",
             NULL);
    assert_true(r.parsed);
    assert_str(cli_str(&r.cli, "name"), "N");
    assert_str(strs_join(r.cli.arena, cli_list(&r.cli, "scope"), "|"), "a|b|c");
    assert_str(strs_join(r.cli.arena, cli_list(&r.cli, "redirect-uri"), "|"), "http://x/?a,b|http://y");
    assert_str(strs_join(r.cli.arena, cli_list(&r.cli, "grant-type"), "|"), "authorization_code");
    assert_int_equal(cli_list(&r.cli, "audience").n, 0);
    assert_true(cli_bool(&r.cli, "skip-consent"));
    assert_false(cli_bool(&r.cli, "skip-logout-consent"));
    assert_false(cli_given(&r.cli, "grant-type"));
    assert_str(cli_str(&r.cli, "format"), "table");
    run_end(&r);

    run_line(&r, "grantd janitor --tokens=false --limit 5 --limit 7 --keep-if-younger 1.5h", NULL);
    assert_true(r.parsed);
    assert_false(cli_bool(&r.cli, "tokens"));
    assert_int_equal(cli_int(&r.cli, "limit"), 7);
    assert_int_equal(cli_int(&r.cli, "batch-size"), 100);
    assert_int_equal(cli_duration(&r.cli, "keep-if-younger"), INT64_C(5400000000000));
    run_end(&r);
}

/* The last value counts; letters with and without '=' or blank; an empty text is a value. */
static const struct {
    const char *line, *flag, *value;
} spellings[] = {
    { "grantd get client a -e http://x", "endpoint", "http://x" },
    { "grantd get client a -ehttp://x", "endpoint", "http://x" },
    { "grantd get client a -e=http://x", "endpoint", "http://x" },
    { "grantd get client a --endpoint=http://x --endpoint http://y", "endpoint", "http://y" },
    { "grantd get client a -qe http://x", "endpoint", "http://x" },
    { "grantd create client -n x -c http://localhost/cb -g authorization_code -r code -a core,foobar", "redirect-uri",
      "http://localhost/cb" },
    { "grantd create client -n x -c http://localhost/cb -g authorization_code -r code -a core,foobar", "scope", "core,foobar" },
    { "grantd update client x -gimplicit", "grant-type", "implicit" },
    { "grantd create client --name=", "name", "" },
    { "grantd create client --name=a=b", "name", "a=b" },
    { "grantd create client --name -x", "name", "-x" },
};

static void test_spellings(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(spellings); i++) {
        struct run r;
        run_line(&r, spellings[i].line, NULL);
        assert_true(r.parsed);
        assert_true(cli_given(&r.cli, spellings[i].flag));
        assert_str(cli_str(&r.cli, spellings[i].flag), spellings[i].value);
        run_end(&r);
    }
}

/* An unknown format is worth a warning and nothing more. */
static void test_unknown_format(void **state)
{
    (void)state;
    struct run r;
    run_line(&r, "grantd get client a --format xml", NULL);
    assert_true(r.parsed);
    assert_non_null(strstr(r.err, "Warning: unknown format \"xml\""));
    run_end(&r);
}

/* ---- questions ---- */

static const struct {
    const char *input;
    bool answered, yes;
} answers[] = {
    { "y\n", true, true },       { "YES\n", true, true },    { " n \n", true, false }, { "no", true, false },
    { "what\ny\n", true, true }, { "what\n", false, false }, { "", false, false },
};

static void test_questions(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        struct run r;
        bool yes = false;
        run_line(&r, "grantd version", answers[i].input);
        assert_int_equal(cli_ask(&r.cli, "Sure?", &yes), answers[i].answered);
        assert_int_equal(yes, answers[i].yes);
        fflush(r.cli.out);
        assert_non_null(strstr(r.out, "Sure? [y/n]: "));
        run_end(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands),       cmocka_unit_test(test_mistakes),  cmocka_unit_test(test_no_wild_guesses),
        cmocka_unit_test(test_where_help_is),  cmocka_unit_test(test_values),    cmocka_unit_test(test_spellings),
        cmocka_unit_test(test_unknown_format), cmocka_unit_test(test_questions),
    };
    return RUN(tests);
}
