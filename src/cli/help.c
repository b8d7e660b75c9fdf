/* Help texts, made from the command table. */
#include <string.h>

#include "cli/cli.h"

enum { FLAG_COLUMN = 38, COMMAND_COLUMN = 24, VERB_COLUMN = 12, LINE = 110 };

bool cli_first_of_verb(size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (strcmp(commands[i].verb, commands[at].verb) == 0 && !commands[i].hidden) return false;
    return !commands[at].hidden;
}

static const struct {
    const char *verb, *text;
} verb_texts[] = {
    { "completion", "Print a shell's completion script" },
    { "config", "Check, show and explain the configuration" },
    { "create", "Create OAuth 2.0 clients and JSON Web Keys" },
    { "delete", "Delete clients, keys and access tokens" },
    { "get", "Show clients and keys" },
    { "import", "Import clients and keys from files" },
    { "introspect", "Look into tokens" },
    { "list", "List resources (also: ls)" },
    { "migrate", "Create and upgrade the database, take over that of a Hydra" },
    { "perform", "Run OAuth 2.0 flows" },
    { "revoke", "Revoke tokens" },
    { "serve", "Run the server" },
    { "update", "Change clients" },
};

const char *cli_verb_text(const struct command *c)
{
    for (size_t i = 0; i < ARRAY_LEN(verb_texts); i++)
        if (strcmp(verb_texts[i].verb, c->verb) == 0) return verb_texts[i].text;
    return c->summary;
}

/* ---- layout ---- */

/* Words of `text`, broken before the right margin; further lines start at `indent`, where the first one stands already. */
static void put_wrapped(FILE *out, struct str text, size_t indent)
{
    size_t at = indent;
    while (text.p != NULL) {
        struct str word = str_cut(&text, ' ');
        if (at > indent && at + 1 + word.n > LINE) {
            fprintf(out, "\n%*s", (int)indent, "");
            at = indent;
        }
        at += (size_t)fprintf(out, "%s%.*s", at > indent ? " " : "", STR_FMT(word));
    }
    fputc('\n', out);
}

static void put_lines(FILE *out, struct str text, const char *before)
{
    while (text.p != NULL) {
        struct str line = str_cut(&text, '\n');
        fprintf(out, "%s%.*s\n", line.n > 0 ? before : "", STR_FMT(line));
    }
}

static void help_root(FILE *out)
{
    fputs("grantd: an OAuth 2.0 authorization server and OpenID Connect provider.\n\nUsage:\n  grantd COMMAND [ARGUMENTS] "
          "[FLAGS]\n\n"
          "Commands:\n",
          out);
    for (size_t i = 0; i < commands_n; i++)
        if (cli_first_of_verb(i)) fprintf(out, "  %-*s %s\n", VERB_COLUMN, commands[i].verb, cli_verb_text(&commands[i]));
    fputs("\nExamples:\n  grantd serve all --dev      # on an SQLite file in this folder\n"
          "  grantd create client --endpoint http://127.0.0.1:4445 --grant-type client_credentials\n\n"
          "Commands that talk to a server take --endpoint URL, or the address from the environment variable ORY_SDK_URL.\n"
          "\"grantd COMMAND --help\" explains a command and its flags.\n",
          out);
}

static void help_verb(FILE *out, struct str verb)
{
    fprintf(out, "Usage:\n  grantd %.*s COMMAND [ARGUMENTS] [FLAGS]\n\nCommands:\n", STR_FMT(verb));
    for (size_t i = 0; i < commands_n; i++) {
        const struct command *c = &commands[i];
        if (!str_eq(verb, str_of(c->verb)) || c->noun == NULL || c->hidden) continue;
        fprintf(out, "  %-*s %s", COMMAND_COLUMN, c->noun, c->summary);
        if (c->aliases != NULL) fprintf(out, " (also: %s)", c->aliases);
        fputc('\n', out);
    }
    fprintf(out, "\n\"grantd %.*s COMMAND --help\" explains a command and its flags.\n", STR_FMT(verb));
}

static void help_flag(struct arena *a, FILE *out, const struct cli_flag *f)
{
    struct str letter = f->letter != 0 ? arena_printf(a, "-%c, ", f->letter) : STR("    ");
    struct str name = f->arg != NULL ? arena_printf(a, "--%s %s", f->name, f->arg) : arena_printf(a, "--%s", f->name);
    bool shows_default = f->fallback != NULL && *f->fallback != 0 && f->type != FLAG_BOOL;
    struct str text = shows_default ? arena_printf(a, "%s (default: %s)", f->help, f->fallback) : str_of(f->help);
    fprintf(out, "  %.*s%-*.*s ", STR_FMT(letter), FLAG_COLUMN, STR_FMT(name));
    put_wrapped(out, text, 2 + 4 + FLAG_COLUMN + 1);
}

static void help_command(struct arena *a, FILE *out, const struct command *c)
{
    const char *blank = c->noun != NULL ? " " : "", *noun = c->noun != NULL ? c->noun : "";
    fprintf(out, "%s.\n", c->summary);
    if (c->details != NULL) {
        fputc('\n', out);
        put_lines(out, str_of(c->details), "");
    }
    fprintf(out, "\nUsage:\n  grantd %s%s%s%s%s [FLAGS]\n", c->verb, blank, noun, *c->args != 0 ? " " : "", c->args);
    if (c->aliases != NULL) fprintf(out, "\nAlso: %s\n", c->aliases);
    if (c->example != NULL) {
        fputs("\nExample:\n", out);
        put_lines(out, str_of(c->example), "  ");
    }
    for (const struct cli_flags *const *set = c->flags; set != NULL && *set != NULL; set++) {
        fprintf(out, "\n%s:\n", (*set)->title);
        for (size_t i = 0; i < (*set)->n; i++) help_flag(a, out, &(*set)->v[i]);
    }
}

void cli_help(const struct cli *c, struct str verb, const struct command *command)
{
    if (command != NULL)
        help_command(c->arena, c->out, command);
    else if (verb.n > 0)
        help_verb(c->out, str_eq(verb, STR("ls")) ? STR("list") : verb);
    else
        help_root(c->out);
}
