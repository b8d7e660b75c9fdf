/* Parsing of the command line by the table of commands.def. Knows nothing of what the commands do. */
#include "cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

struct value {
    const struct cli_flag *flag;
    struct strs texts; /* every occurrence */
};

struct values {
    struct value *v;
    size_t n, cap;
};

/* ---- reading values ---- */

static const struct cli_flag *command_flag(const struct command *cmd, struct str name, char letter)
{
    for (const struct cli_flags *const *set = cmd->flags; set != NULL && *set != NULL; set++)
        for (size_t i = 0; i < (*set)->n; i++) {
            const struct cli_flag *f = &(*set)->v[i];
            if (letter != 0 ? f->letter == letter : str_eq(str_of(f->name), name)) return f;
        }
    return NULL;
}

static const struct value *find_value(const struct cli *c, const char *flag)
{
    const struct values *vs = c->values;
    for (size_t i = 0; i < vs->n; i++)
        if (strcmp(vs->v[i].flag->name, flag) == 0) return &vs->v[i];
    return NULL;
}

bool cli_given(const struct cli *c, const char *flag) { return find_value(c, flag) != NULL; }

bool cli_takes(const struct cli *c, const char *flag) { return command_flag(c->command, str_of(flag), 0) != NULL; }

struct str cli_str(const struct cli *c, const char *flag)
{
    const struct value *v = find_value(c, flag);
    if (v != NULL) return v->texts.v[v->texts.n - 1];
    const struct cli_flag *f = command_flag(c->command, str_of(flag), 0);
    return f != NULL ? str_of(f->fallback) : STR_NONE;
}

/* A list is CSV and may be repeated: a quoted part keeps its commas. */
static void add_csv(struct arena *a, struct strs *list, struct str text)
{
    while (text.p != NULL) {
        if (str_starts(text, STR("\""))) {
            struct str inner, rest;
            if (str_split_once(str_from(text, 1), '"', &inner, &rest)) {
                strs_add(a, list, inner);
                text = str_starts(rest, STR(",")) ? str_from(rest, 1) : STR_NONE;
                continue;
            }
        }
        strs_add(a, list, str_cut(&text, ','));
    }
}

struct strs cli_list(const struct cli *c, const char *flag)
{
    struct strs list = { 0 };
    const struct value *v = find_value(c, flag);
    if (v == NULL) {
        struct str fallback = cli_str(c, flag);
        if (fallback.n > 0) add_csv(c->arena, &list, fallback);
        return list;
    }
    for (size_t i = 0; i < v->texts.n; i++)
        if (v->texts.v[i].n > 0) add_csv(c->arena, &list, v->texts.v[i]);
    return list;
}

static bool bool_of(struct str s, bool *ret)
{
    static const char *const yes[] = { "1", "t", "T", "true", "TRUE", "True" }, *const no[] = { "0",     "f",     "F",
                                                                                                "false", "FALSE", "False" };
    for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
        if (str_eq(s, str_of(yes[i]))) return *ret = true, true;
        if (str_eq(s, str_of(no[i]))) return *ret = false, true;
    }
    return false;
}

bool cli_bool(const struct cli *c, const char *flag)
{
    bool b = false;
    return bool_of(cli_str(c, flag), &b) && b;
}

int64_t cli_int(const struct cli *c, const char *flag)
{
    int64_t n = 0;
    return str_to_int(cli_str(c, flag), &n) ? n : 0;
}

int64_t cli_duration(const struct cli *c, const char *flag)
{
    int64_t ns = 0;
    return duration_parse(cli_str(c, flag), &ns) ? ns : 0;
}

/* ---- complaints ---- */

__attribute__((format(printf, 2, 0))) static void complain(struct cli *c, const char *fmt, va_list args)
{
    log_flush(); /* what led there stands before it */
    fputs("Error: ", c->err);
    vfprintf(c->err, fmt, args);
    fputc('\n', c->err);
}

int cli_fail(struct cli *c, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    complain(c, fmt, args);
    va_end(args);
    return 1;
}

static int say_usage(struct cli *c)
{
    if (c->command != NULL)
        fprintf(c->err, "Run 'grantd %s%s%s --help' for usage.\n", c->command->verb, c->command->noun != NULL ? " " : "",
                c->command->noun != NULL ? c->command->noun : "");
    else
        fputs("Run 'grantd --help' for usage.\n", c->err);
    return 1;
}

int cli_fail_usage(struct cli *c, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    complain(c, fmt, args);
    va_end(args);
    return say_usage(c);
}

int cli_fail_err(struct cli *c, const struct err *e)
{
    struct str text = str_of(e->hint != NULL && *e->hint != 0 ? e->hint : e->kind->description);
    return e->debug != NULL ? cli_fail(c, "%.*s (%s)", STR_FMT(text), e->debug) : cli_fail(c, "%.*s", STR_FMT(text));
}

/* What may have been meant: of the words that are tried the one most like what was written. */
struct guess {
    struct str written, best;
    size_t distance;
};

static void guess_try(struct guess *g, struct str word)
{
    enum { FARTHEST = 2 };
    size_t distance = str_distance(g->written, word);
    if (distance > FARTHEST || 2 * distance >= word.n || (g->best.n > 0 && distance >= g->distance)) return;
    g->best = word;
    g->distance = distance;
}

static void guess_say(struct cli *c, const struct guess *g, const char *before)
{
    if (g->best.n > 0) fprintf(c->err, "Did you mean %s%.*s?\n", before, STR_FMT(g->best));
}

/* ---- words: which command is meant ---- */

/* The part of `noun` (may have several words) that the words from *used on spell; -1: no match. */
static int noun_words(struct str noun, struct strs words, size_t used)
{
    int n = 0;
    while (noun.p != NULL) {
        struct str part = str_cut(&noun, ' ');
        if (used + (size_t)n >= words.n || !str_eq(words.v[used + (size_t)n], part)) return -1;
        n++;
    }
    return n;
}

static bool verb_is(struct str word, const struct command *cmd)
{
    if (str_eq(word, STR("ls"))) word = STR("list");
    return str_eq(word, str_of(cmd->verb));
}

/* How many words name this command; 0: another one is meant. */
static size_t command_words(const struct command *cmd, struct strs words)
{
    if (words.n == 0 || !verb_is(words.v[0], cmd)) return 0;
    if (cmd->noun == NULL) return 1;
    int n = noun_words(str_of(cmd->noun), words, 1);
    if (n > 0) return 1 + (size_t)n;
    struct str aliases = str_of(cmd->aliases);
    while (aliases.p != NULL && words.n > 1)
        if (str_eq(str_cut(&aliases, ' '), words.v[1])) return 2;
    return 0;
}

static const struct command *find_command(struct strs words, size_t *ret_used)
{
    const struct command *best = NULL;
    *ret_used = 0;
    for (size_t i = 0; i < commands_n; i++) {
        size_t used = command_words(&commands[i], words);
        if (used > *ret_used) best = &commands[i], *ret_used = used;
    }
    return best;
}

static bool verb_exists(struct str word)
{
    for (size_t i = 0; i < commands_n; i++)
        if (verb_is(word, &commands[i])) return true;
    return false;
}

/* ---- flags ---- */

/* Flags may stand before the command is known. Once its verb is, only the verb's flags count, so that a letter may mean different
 * things to different verbs; a long name means the same everywhere. */
static const struct cli_flag *any_flag(struct strs words, struct str name, char letter)
{
    for (size_t i = 0; i < commands_n; i++) {
        if (words.n > 0 && verb_exists(words.v[0]) && !verb_is(words.v[0], &commands[i])) continue;
        const struct cli_flag *f = command_flag(&commands[i], name, letter);
        if (f != NULL) return f;
    }
    return NULL;
}

static void keep(struct cli *c, const struct cli_flag *flag, struct str text)
{
    struct values *vs = c->values;
    for (size_t i = 0; i < vs->n; i++)
        if (strcmp(vs->v[i].flag->name, flag->name) == 0) {
            strs_add(c->arena, &vs->v[i].texts, text);
            return;
        }
    if (vs->n == vs->cap) {
        size_t cap = vs->cap > 0 ? 2 * vs->cap : 8;
        struct value *v = ARENA_ARRAY(c->arena, struct value, cap);
        if (vs->n > 0) memcpy(v, vs->v, vs->n * sizeof(*v));
        vs->v = v, vs->cap = cap;
    }
    vs->v[vs->n] = (struct value) { .flag = flag };
    strs_add(c->arena, &vs->v[vs->n++].texts, text);
}

static const char *expectation(const struct cli_flag *f, struct str text)
{
    bool b;
    int64_t n;
    switch (f->type) {
    case FLAG_BOOL: return bool_of(text, &b) ? NULL : "true or false";
    case FLAG_INT: return str_to_int(text, &n) ? NULL : "a whole number";
    case FLAG_DURATION: return duration_parse(text, &n) && n >= 0 ? NULL : "a duration such as 1h30m";
    default: return NULL;
    }
}

static bool add_value(struct cli *c, const struct cli_flag *f, struct str text)
{
    const char *expected = expectation(f, text);
    if (expected != NULL)
        return cli_fail_usage(c, "invalid value \"%.*s\" for --%s: expected %s", STR_FMT(text), f->name, expected), false;
    keep(c, f, text);
    return true;
}

/* The command line while it is read. */
struct reader {
    int argc, at;
    char *const *argv;
    struct strs words;
    bool help;
};

static bool value_or_next(struct cli *c, struct reader *r, const struct cli_flag *f, struct str value)
{
    if (value.p == NULL && f->type == FLAG_BOOL) value = STR("true");
    if (value.p == NULL) {
        if (r->at + 1 >= r->argc) return cli_fail_usage(c, "flag needs an argument: %s", r->argv[r->at]), false;
        value = str_of(r->argv[++r->at]);
    }
    return add_value(c, f, value);
}

/* The command is known as early as can be, for complaints that say where to find help. */
static void add_word(struct cli *c, struct reader *r, struct str word)
{
    size_t used;
    strs_add(c->arena, &r->words, word);
    c->command = find_command(r->words, &used);
}

/* Then it is the command that is complained about, whatever its flags are. */
static bool misses_command(const struct reader *r) { return r->words.n > 0 && !verb_exists(r->words.v[0]); }

/* Flags of v1 whose names say nothing about today's. */
static const struct {
    const char *name, *now;
} renamed[] = {
    { "callbacks", "redirect-uri" },
    { "access-token", "http-header 'Authorization: Bearer KEY'" },
    { "fake-tls-termination", "http-header 'X-Forwarded-Proto: https'" },
};

static bool unknown_flag(struct cli *c, const struct reader *r, struct str name)
{
    struct guess g = { .written = name };
    for (size_t i = 0; i < commands_n; i++) {
        if (c->command != NULL ? c->command != &commands[i] : r->words.n > 0 && !verb_is(r->words.v[0], &commands[i])) continue;
        for (const struct cli_flags *const *set = commands[i].flags; *set != NULL; set++)
            for (size_t j = 0; j < (*set)->n; j++) guess_try(&g, str_of((*set)->v[j].name));
    }
    for (size_t i = 0; i < ARRAY_LEN(renamed); i++)
        if (str_eq(name, str_of(renamed[i].name))) g.best = str_of(renamed[i].now);
    cli_fail(c, "unknown flag: --%.*s", STR_FMT(name));
    guess_say(c, &g, "--");
    say_usage(c);
    return false;
}

/* "--name", "--name=value", "--name value"; "--version" alone is the command. */
static bool read_long(struct cli *c, struct reader *r, struct str word)
{
    struct str name = str_from(word, 2), value = STR_NONE;
    str_split_once(name, '=', &name, &value);
    if (str_eq(name, STR("help"))) return r->help = true;
    if (str_eq(name, STR("version")) && r->words.n == 0) return add_word(c, r, name), true;
    const struct cli_flag *f = any_flag(r->words, name, 0);
    if (f == NULL) return misses_command(r) || unknown_flag(c, r, name);
    return value_or_next(c, r, f, value);
}

/* "-e value", "-evalue", "-e=value", and booleans together: "-ey" */
static bool read_letters(struct cli *c, struct reader *r, struct str word)
{
    for (size_t i = 1; i < word.n; i++) {
        if (word.p[i] == 'h') return r->help = true;
        const struct cli_flag *f = any_flag(r->words, STR_NONE, word.p[i]);
        if (f == NULL && misses_command(r)) return true;
        if (f == NULL) return cli_fail_usage(c, "unknown flag: -%c", word.p[i]), false;
        bool assigned = i + 1 < word.n && word.p[i + 1] == '=';
        struct str value = assigned                                 ? str_from(word, i + 2)
                           : f->type != FLAG_BOOL && i + 1 < word.n ? str_from(word, i + 1)
                                                                    : STR_NONE;
        TRY(value_or_next(c, r, f, value));
        if (value.p != NULL) return true;
    }
    return true;
}

static bool read_line(struct cli *c, struct reader *r)
{
    bool flags_end = false;
    for (r->at = 1; r->at < r->argc; r->at++) {
        struct str word = str_of(r->argv[r->at]);
        if (!flags_end && str_eq(word, STR("--")))
            flags_end = true;
        else if (flags_end || word.n < 2 || word.p[0] != '-')
            add_word(c, r, word);
        else
            TRY(word.p[1] == '-' ? read_long(c, r, word) : read_letters(c, r, word));
    }
    return true;
}

/* ---- what to run ---- */

static bool args_fit(struct cli *c)
{
    const struct command *cmd = c->command;
    if ((int)c->args.n < cmd->min_args)
        return cli_fail_usage(c, "expected at least %d argument%s (%s), got %zu", cmd->min_args, cmd->min_args == 1 ? "" : "s",
                              cmd->args, c->args.n),
               false;
    if (cmd->max_args >= 0 && (int)c->args.n > cmd->max_args)
        return cli_fail_usage(c, "expected at most %d argument%s, got %zu; the first too many is \"%.*s\"", cmd->max_args,
                              cmd->max_args == 1 ? "" : "s", c->args.n, STR_FMT(c->args.v[cmd->max_args])),
               false;
    const struct values *vs = c->values;
    for (size_t i = 0; i < vs->n; i++)
        if (command_flag(cmd, str_of(vs->v[i].flag->name), 0) == NULL)
            return cli_fail_usage(c, "unknown flag: --%s", vs->v[i].flag->name), false;
    return true;
}

/* The commands of v1 named the thing first. */
static const struct {
    const char *noun, *verb, *now;
} moved[] = {
    { "clients", "create", "create client" },
    { "clients", "get", "get client" },
    { "clients", "list", "list clients" },
    { "clients", "update", "update client" },
    { "clients", "delete", "delete client" },
    { "clients", "import", "import client" },
    { "keys", "create", "create jwk" },
    { "keys", "get", "get jwk" },
    { "keys", "delete", "delete jwk" },
    { "keys", "import", "import jwk" },
    { "token", "client", "perform client-credentials" },
    { "token", "user", "perform authorization-code" },
    { "token", "introspect", "introspect token" },
    { "token", "revoke", "revoke token" },
    { "token", "delete", "delete access-tokens" },
    { "token", "flush", "janitor" },
};

/* "client create" */
static void swapped(struct cli *c, struct strs words, struct strs *ret)
{
    size_t used;
    struct str other[] = { words.v[1], words.v[0] };
    const struct command *cmd = find_command((struct strs) { other, 2 }, &used);
    if (cmd != NULL && used == 2) strs_add(c->arena, ret, ARENA_CAT(c->arena, other[0], STR(" "), other[1]));
}

/* The one command that was meant, with where its help is: true. Or all that began so. */
static bool say_moved(struct cli *c, struct strs words)
{
    struct strs now = { 0 };
    for (size_t i = 0; i < ARRAY_LEN(moved); i++) {
        if (!str_eq(words.v[0], str_of(moved[i].noun))) continue;
        bool exact = words.n > 1 && str_eq(words.v[1], str_of(moved[i].verb));
        if (exact) now.n = 0;
        strs_add(c->arena, &now, str_of(moved[i].now));
        if (exact) break;
    }
    if (now.n == 0 && words.n > 1) swapped(c, words, &now);
    if (now.n == 0) return false;
    fprintf(c->err, "Commands start with the verb: grantd %.*s.\n", STR_FMT(strs_join(c->arena, now, ", grantd ")));
    if (now.n == 1) fprintf(c->err, "Run 'grantd %.*s --help' for usage.\n", STR_FMT(now.v[0]));
    return now.n == 1;
}

/* Of the verbs, or of the nouns of a verb that is known. */
static struct guess guess_word(struct strs words, bool known)
{
    struct guess g = { .written = words.v[known] };
    for (size_t i = 0; i < commands_n; i++) {
        const struct command *cmd = &commands[i];
        struct str nouns = str_of(cmd->noun), aliases = str_of(cmd->aliases);
        if (!known) guess_try(&g, str_of(cmd->verb));
        if (!known || !verb_is(words.v[0], cmd)) continue;
        struct str noun = nouns, first = str_cut(&nouns, ' ');
        if (str_eq(nouns, g.written)) g.best = noun, g.distance = 0; /* "migrate up" */
        guess_try(&g, first);
        while (aliases.p != NULL) guess_try(&g, str_cut(&aliases, ' '));
    }
    return g;
}

/* A verb alone ("grantd get") shows its nouns and succeeds; an unknown word fails. */
static int group_or_unknown(struct cli *c, struct strs words)
{
    bool known = words.n > 0 && verb_exists(words.v[0]);
    if (words.n == (known ? 1 : 0)) return cli_help(c, known ? words.v[0] : STR_NONE, NULL), 0;

    struct str parent = known ? words.v[0] : STR_NONE;
    cli_fail(c, "unknown command \"%.*s\" for \"grantd%s%.*s\"", STR_FMT(words.v[known]), known ? " " : "", STR_FMT(parent));
    if (say_moved(c, words)) return 1;
    struct guess g = guess_word(words, known);
    guess_say(c, &g, "");
    fprintf(c->err, "Run 'grantd%s%.*s --help' for usage.\n", known ? " " : "", STR_FMT(parent));
    return 1;
}

bool cli_parse(struct cli *c, int argc, char *const *argv, int *ret_code)
{
    struct reader r = { .argc = argc, .argv = argv };
    c->values = ARENA_NEW(c->arena, struct values);
    *ret_code = 1;
    TRY(read_line(c, &r));
    while (r.words.n > 0 && str_eq(r.words.v[0], STR("help"))) r.help = true, r.words.v++, r.words.n--;

    size_t used;
    c->command = find_command(r.words, &used);
    bool group = c->command == NULL || (r.help && c->command->hidden);
    if (group)
        *ret_code = group_or_unknown(c, (struct strs) { r.words.v, c->command != NULL ? 1 : r.words.n });
    else if (r.help)
        *ret_code = (cli_help(c, STR_NONE, c->command), 0);
    if (group || r.help) return false;

    c->args = (struct strs) { r.words.v + used, r.words.n - used };
    return args_fit(c) && cli_format_ok(c);
}

int cli_main(int argc, char **argv)
{
    ARENA_AUTO arena = arena_new();
    struct cli c = { .arena = arena, .in = stdin, .out = stdout, .err = stderr };
    int code;
    if (cli_parse(&c, argc, argv, &code)) code = c.command->run(&c);
    /* A result that went nowhere (a full disk) is no success. */
    if (fflush(c.out) != 0 || ferror(c.out)) return cli_fail(&c, "cannot write the result: %s", strerror(errno));
    return code;
}
