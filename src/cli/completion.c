/* Completion scripts for shells, made from the command table: each carries the words that may follow each command. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static struct str first_word(const struct command *c)
{
    struct str noun = str_of(c->noun);
    return str_cut(&noun, ' ');
}

/* Does a visible row before this one have the same verb and first word of the noun? */
static bool first_of_group(size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (!commands[i].hidden && strcmp(commands[i].verb, commands[at].verb) == 0 &&
            str_eq(first_word(&commands[i]), first_word(&commands[at])))
            return false;
    return !commands[at].hidden;
}

/* The first row of those whose nouns have two words and share the first: "sql up", "sql down". */
static bool opens_subgroup(size_t at)
{
    return commands[at].noun != NULL && strchr(commands[at].noun, ' ') != NULL && first_of_group(at);
}

static void put_verbs(FILE *out, const char *separator)
{
    for (size_t i = 0; i < commands_n; i++)
        if (cli_first_of_verb(i)) fprintf(out, "%s%s", commands[i].verb, separator);
}

/* Words that may follow `verb`. */
static void put_words(FILE *out, const char *verb, const char *separator)
{
    for (size_t i = 0; i < commands_n; i++)
        if (strcmp(verb, commands[i].verb) == 0 && first_of_group(i)) {
            struct str word = first_word(&commands[i]);
            fprintf(out, "%.*s%s", STR_FMT(word), separator);
        }
}

/* Words that may follow the verb and the first word of a subgroup's noun. */
static void put_second_words(FILE *out, const struct command *group, const char *separator)
{
    for (size_t i = 0; i < commands_n; i++) {
        struct str first, second;
        if (commands[i].hidden || strcmp(group->verb, commands[i].verb) != 0) continue;
        if (!str_split_once(str_of(commands[i].noun), ' ', &first, &second) || !str_eq(first, first_word(group))) continue;
        fprintf(out, "%.*s%s", STR_FMT(second), separator);
    }
}

static void put_flags(FILE *out, const struct command *c, const char *separator)
{
    for (const struct cli_flags *const *set = c->flags; set != NULL && *set != NULL; set++)
        for (size_t i = 0; i < (*set)->n; i++) fprintf(out, "--%s%s", (*set)->v[i].name, separator);
    fputs("--help", out);
}

/* The command's words as a shell pattern: its nouns and their aliases, so that "create client" completes like
 * "create oauth2-client". */
static void put_pattern(FILE *out, const struct command *c)
{
    fprintf(out, "    \"%s%s%s\"*", c->verb, c->noun != NULL ? " " : "", c->noun != NULL ? c->noun : "");
    struct str aliases = str_of(c->aliases);
    while (aliases.p != NULL) {
        struct str alias = str_cut(&aliases, ' ');
        fprintf(out, " | \"%s %.*s\"*", c->verb, STR_FMT(alias));
    }
    fputs(") ", out);
}

static void put_bash(FILE *out, bool descriptions)
{
    (void)descriptions; /* bash shows words only */
    fputs("# bash completion for grantd: source <(grantd completion bash)\n_grantd() {\n"
          "    local cur=${COMP_WORDS[COMP_CWORD]} before=\"${COMP_WORDS[*]:1:COMP_CWORD-1}\"\n    case \"$before\" in\n",
          out);
    for (size_t i = 0; i < commands_n; i++) {
        if (commands[i].hidden) continue;
        put_pattern(out, &commands[i]);
        fputs("COMPREPLY=($(compgen -W \"", out);
        put_flags(out, &commands[i], " ");
        fputs("\" -f -- \"$cur\")) ;;\n", out);
    }
    for (size_t i = 0; i < commands_n; i++) {
        if (!opens_subgroup(i)) continue;
        fprintf(out, "    \"%s %.*s\"*) COMPREPLY=($(compgen -W \"", commands[i].verb, STR_FMT(first_word(&commands[i])));
        put_second_words(out, &commands[i], " ");
        fputs("\" -- \"$cur\")) ;;\n", out);
    }
    for (size_t i = 0; i < commands_n; i++) {
        if (!cli_first_of_verb(i) || commands[i].noun == NULL) continue;
        fprintf(out, "    \"%s\"*) COMPREPLY=($(compgen -W \"", commands[i].verb);
        put_words(out, commands[i].verb, " ");
        fputs("\" -- \"$cur\")) ;;\n", out);
    }
    fputs("    *) COMPREPLY=($(compgen -W \"", out);
    put_verbs(out, " ");
    fputs("help\" -- \"$cur\")) ;;\n    esac\n}\ncomplete -F _grantd grantd\n", out);
}

/* One word for zsh and for fish, whatever stands in it. */
static void put_quoted(FILE *out, const char *before, const char *text)
{
    fprintf(out, "'%s", before);
    for (; *text != '\0'; text++)
        if (*text == '\'')
            fputs("'\\''", out);
        else
            fputc(*text, out);
    fputc('\'', out);
}

static void put_zsh(FILE *out, bool descriptions)
{
    fputs("#compdef grantd\n# zsh completion for grantd: source <(grantd completion zsh)\n_grantd() {\n    local -a options\n"
          "    case \"${words[2,CURRENT-1]}\" in\n",
          out);
    for (size_t i = 0; i < commands_n; i++) {
        if (commands[i].hidden) continue;
        put_pattern(out, &commands[i]);
        fputs("options=(", out);
        put_flags(out, &commands[i], " ");
        fputs("); compadd -a options; _files ;;\n", out);
    }
    for (size_t i = 0; i < commands_n; i++) {
        if (!opens_subgroup(i)) continue;
        fprintf(out, "    \"%s %.*s\"*) options=(", commands[i].verb, STR_FMT(first_word(&commands[i])));
        put_second_words(out, &commands[i], " ");
        fputs("); compadd -a options ;;\n", out);
    }
    for (size_t i = 0; i < commands_n; i++) {
        if (!cli_first_of_verb(i) || commands[i].noun == NULL) continue;
        fprintf(out, "    \"%s\"*) options=(", commands[i].verb);
        put_words(out, commands[i].verb, " ");
        fputs("); compadd -a options ;;\n", out);
    }
    fputs("    *) options=(\n", out);
    for (size_t i = 0; i < commands_n; i++)
        if (cli_first_of_verb(i)) {
            fputs("        ", out);
            put_quoted(out, commands[i].verb, "");
            if (descriptions) put_quoted(out, ":", cli_verb_text(&commands[i]));
            fputc('\n', out);
        }
    fprintf(out, "    ); %s ;;\n    esac\n}\ncompdef _grantd grantd\n",
            descriptions ? "_describe command options" : "compadd -a options");
}

/* The condition under which a command's flags are offered: all its words have been typed. */
static void put_fish_condition(FILE *out, const struct command *c)
{
    fprintf(out, "complete -c grantd -n '__fish_seen_subcommand_from %s", c->verb);
    struct str noun = str_of(c->noun);
    while (noun.p != NULL) {
        struct str word = str_cut(&noun, ' ');
        fprintf(out, "; and __fish_seen_subcommand_from %.*s", STR_FMT(word));
    }
    fprintf(out, "%s%s'", c->aliases != NULL ? " " : "", c->aliases != NULL ? c->aliases : "");
}

static void put_fish_text(FILE *out, bool descriptions, const char *text)
{
    if (descriptions) fputs(" -d ", out);
    if (descriptions) put_quoted(out, "", text);
    fputc('\n', out);
}

static void put_fish_flags(FILE *out, const struct command *c, bool descriptions)
{
    for (const struct cli_flags *const *set = c->flags; set != NULL && *set != NULL; set++)
        for (size_t i = 0; i < (*set)->n; i++) {
            const struct cli_flag *f = &(*set)->v[i];
            put_fish_condition(out, c);
            fprintf(out, " -l %s%s", f->name, f->type != FLAG_BOOL ? " -r" : "");
            put_fish_text(out, descriptions, f->help);
        }
}

/* The words of its noun, each until one that may stand in its place has been typed. */
static void put_fish_words(FILE *out, const struct command *c)
{
    struct str first = first_word(c), second = str_from(str_of(c->noun), first.n);
    fprintf(out, "complete -c grantd -n '__fish_seen_subcommand_from %s; and not __fish_seen_subcommand_from", c->verb);
    for (size_t i = 0; i < commands_n; i++) {
        if (commands[i].hidden || strcmp(c->verb, commands[i].verb) != 0) continue;
        struct str other = first_word(&commands[i]);
        const char *aliases = commands[i].aliases;
        fprintf(out, " %.*s%s%s", STR_FMT(other), aliases != NULL ? " " : "", aliases != NULL ? aliases : "");
    }
    fprintf(out, "' -f -a %.*s\n", STR_FMT(first));
    if (second.n == 0) return;
    fprintf(out, "complete -c grantd -n '__fish_seen_subcommand_from %.*s; and not __fish_seen_subcommand_from ", STR_FMT(first));
    put_second_words(out, c, " ");
    fprintf(out, "' -f -a%.*s\n", STR_FMT(second));
}

static void put_fish(FILE *out, bool descriptions)
{
    fputs("# fish completion for grantd: grantd completion fish | source\n", out);
    for (size_t i = 0; i < commands_n; i++) {
        const struct command *c = &commands[i];
        if (c->hidden) continue;
        if (cli_first_of_verb(i)) {
            fprintf(out, "complete -c grantd -n __fish_use_subcommand -f -a %s", c->verb);
            put_fish_text(out, descriptions, cli_verb_text(c));
        }
        if (c->noun != NULL) put_fish_words(out, c);
        put_fish_flags(out, c, descriptions);
    }
}

static void put_powershell(FILE *out, bool descriptions)
{
    (void)descriptions; /* the words explain themselves in PowerShell's list */
    fputs("# PowerShell completion for grantd: grantd completion powershell | Out-String | Invoke-Expression\n"
          "Register-ArgumentCompleter -Native -CommandName grantd -ScriptBlock {\n    param($word, $ast, $cursor)\n"
          "    $line = $ast.ToString()\n    $words = switch -Regex ($line) {\n",
          out);
    for (size_t i = 0; i < commands_n; i++) {
        const struct command *c = &commands[i];
        if (c->hidden) continue;
        fprintf(out, "        '^grantd %s%s%s ' { '", c->verb, c->noun != NULL ? " " : "", c->noun != NULL ? c->noun : "");
        put_flags(out, c, "', '");
        fputs("'; break }\n", out);
    }
    for (size_t i = 0; i < commands_n; i++) {
        if (!opens_subgroup(i)) continue;
        fprintf(out, "        '^grantd %s %.*s ' { '", commands[i].verb, STR_FMT(first_word(&commands[i])));
        put_second_words(out, &commands[i], "', '");
        fputs("--help'; break }\n", out);
    }
    for (size_t i = 0; i < commands_n; i++) {
        if (!cli_first_of_verb(i) || commands[i].noun == NULL) continue;
        fprintf(out, "        '^grantd %s ' { '", commands[i].verb);
        put_words(out, commands[i].verb, "', '");
        fputs("--help'; break }\n", out);
    }
    fputs("        default { '", out);
    put_verbs(out, "', '");
    fputs("help' }\n    }\n    $words | Where-Object { $_ -like \"$word*\" } | ForEach-Object {\n"
          "        [System.Management.Automation.CompletionResult]::new($_)\n    }\n}\n",
          out);
}

static const struct {
    const char *name;
    void (*put)(FILE *out, bool descriptions);
} shells[] = {
    { "bash", put_bash },
    { "zsh", put_zsh },
    { "fish", put_fish },
    { "powershell", put_powershell },
};

void cli_completion(FILE *out, struct str shell, bool descriptions)
{
    for (size_t i = 0; i < ARRAY_LEN(shells); i++)
        if (str_eq(shell, str_of(shells[i].name))) shells[i].put(out, descriptions);
}
