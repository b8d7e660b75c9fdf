/* The table of commands walked: every row has help and an example that works, flags mean one thing, and the texts are those of
 * help.snapshot (GRANTD_UPDATE=1 writes it anew: read the difference). */
#include "run.h"

#define SNAPSHOT TEST_VECTORS "/../unit/cli/help.snapshot"

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < commands_n; i++) {
        const struct command *c = &commands[i];
        assert_non_null(c->run);
        assert_non_null(c->flags);
        assert_true(c->min_args >= 0 && (c->max_args == -1 || c->max_args >= c->min_args));
        assert_int_equal(c->max_args == 0, *c->args == 0);
        if (c->hidden) continue;
        assert_true(*c->summary != 0 && c->summary[strlen(c->summary) - 1] != '.');
        assert_non_null(c->example);
    }
}

/* A line of an example is a command that the parser takes for that very row. */
static void test_examples(void **state)
{
    (void)state;
    for (size_t i = 0; i < commands_n; i++) {
        struct str lines = str_of(commands[i].example);
        while (lines.p != NULL) {
            struct run r;
            struct str line = str_cut(&lines, '\n');
            ARENA_AUTO a = arena_new();
            run_line(&r, arena_dupz(a, line), NULL);
            if (!r.parsed || r.cli.command != &commands[i]) fail_msg("%.*s: %s", STR_FMT(line), r.err);
            run_end(&r);
        }
    }
}

static void check_flag(const struct cli_flag *f, const struct cli_flag *other)
{
    if (strcmp(f->name, other->name) == 0 && (f->type != other->type || f->letter != other->letter))
        fail_msg("--%s means two things", f->name);
}

static void compare_flags(const struct cli_flag *f, const struct command *c)
{
    for (const struct cli_flags *const *set = c->flags; *set != NULL; set++)
        for (size_t i = 0; i < (*set)->n; i++) check_flag(f, &(*set)->v[i]);
}

/* Flags may stand before the command, where only the name tells whether a value follows. */
static void test_flags(void **state)
{
    (void)state;
    for (size_t i = 0; i < commands_n; i++)
        for (const struct cli_flags *const *set = commands[i].flags; *set != NULL; set++)
            for (size_t f = 0; f < (*set)->n; f++) {
                const struct cli_flag *flag = &(*set)->v[f];
                assert_int_equal(flag->type == FLAG_BOOL, flag->arg == NULL);
                assert_null(strpbrk(flag->help, "\"$`\\")); /* completion scripts quote it */
                for (size_t other = 0; other < commands_n; other++) compare_flags(flag, &commands[other]);
            }
}

/* Help is asked for in every way, printed on stdout, and no failure. */
static void test_ways(void **state)
{
    (void)state;
    static const struct {
        const char *line, *says;
    } ways[] = {
        { "grantd", "grantd COMMAND" },
        { "grantd help", "grantd COMMAND" },
        { "grantd --help", "grantd COMMAND" },
        { "grantd get", "grantd get COMMAND" },
        { "grantd ls", "grantd list COMMAND" },
        { "grantd help get", "grantd get COMMAND" },
        { "grantd help get client", "grantd get oauth2-client ID..." },
        { "grantd get client --help", "grantd get oauth2-client ID..." },
        { "grantd get client a -h --format x", "grantd get oauth2-client ID..." },
        { "grantd migrate sql --help", "grantd migrate COMMAND" },
        { "grantd migrate status -h", "grantd migrate COMMAND" },
        { "grantd help janitor", "grantd janitor [DSN] [FLAGS]" },
    };
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        struct run r;
        run_line(&r, ways[i].line, NULL);
        if (r.parsed || r.code != 0 || strstr(r.out, ways[i].says) == NULL) fail_msg("%s: %s%s", ways[i].line, r.out, r.err);
        assert_string_equal(r.err, "");
        run_end(&r);
    }
}

/* ---- the snapshot ---- */

static void add_help(struct run *all, struct str verb, const struct command *c)
{
    fprintf(all->cli.out, "==== grantd%s%.*s", verb.n > 0 ? " " : "", STR_FMT(verb));
    if (c != NULL && c->noun != NULL) fprintf(all->cli.out, " %s", c->noun);
    fputs(" --help\n", all->cli.out);
    cli_help(&all->cli, verb, c);
}

static void test_snapshot(void **state)
{
    (void)state;
    struct run r;
    run_line(&r, "grantd version", NULL);
    add_help(&r, STR_NONE, NULL);
    for (size_t i = 0; i < commands_n; i++) {
        if (commands[i].hidden) continue;
        if (cli_first_of_verb(i) && commands[i].noun != NULL) add_help(&r, str_of(commands[i].verb), NULL);
        add_help(&r, str_of(commands[i].verb), &commands[i]);
    }
    fflush(r.cli.out);

    FILE *file = fopen(SNAPSHOT, getenv("GRANTD_UPDATE") != NULL ? "w+" : "r");
    assert_non_null(file);
    if (getenv("GRANTD_UPDATE") != NULL) assert_int_equal(fwrite(r.out, 1, r.out_n, file), r.out_n);
    rewind(file);
    char *text = arena_alloc(r.cli.arena, r.out_n + 2);
    struct str before = { text, fread(text, 1, r.out_n + 1, file) };
    fclose(file);
    assert_strn(before, str_of(r.out));
    run_end(&r);
}

/* ---- completion ---- */

/* Every visible command and flag is in every script, hidden ones in none. */
static void check_completion(const char *shell)
{
    struct run r;
    run_line(&r, "grantd version", NULL);
    cli_completion(r.cli.out, str_of(shell), true);
    fflush(r.cli.out);
    for (size_t i = 0; i < commands_n; i++) {
        if (commands[i].hidden) continue;
        const char *word = commands[i].noun != NULL ? commands[i].noun : commands[i].verb;
        if (strchr(word, ' ') != NULL) word = strchr(word, ' ') + 1;
        if (strstr(r.out, word) == NULL) fail_msg("%s: no %s", shell, word);
    }
    assert_null(strstr(r.out, "migrate status"));
    assert_non_null(strstr(r.out, strcmp(shell, "fish") == 0 ? "-l skip-tls-verify" : "--skip-tls-verify"));
    run_end(&r);
}

static void test_completion(void **state)
{
    (void)state;
    check_completion("bash");
    check_completion("zsh");
    check_completion("fish");
    check_completion("powershell");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows), cmocka_unit_test(test_examples), cmocka_unit_test(test_flags),
        cmocka_unit_test(test_ways), cmocka_unit_test(test_snapshot), cmocka_unit_test(test_completion),
    };
    return RUN(tests);
}
