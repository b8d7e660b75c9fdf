/* The command line: one table of commands and flags (commands.def) makes the parser, the help and the completion. Results go to
 * stdout, everything else to stderr; exit codes are 0 and 1. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdio.h>

#include "base/err.h"
#include "base/json.h"

enum flag_type { FLAG_BOOL, FLAG_STRING, FLAG_LIST, FLAG_INT, FLAG_DURATION };

struct cli_flag {
    const char *name; /* "endpoint" */
    char letter;      /* 'e', or 0 */
    enum flag_type type;
    const char *fallback; /* shown as default and used when not given; NULL: none */
    const char *arg;      /* "URL"; NULL for booleans */
    const char *help;
};

/* A named list of flags that several commands share. */
struct cli_flags {
    const char *title;
    const struct cli_flag *v;
    size_t n;
};

struct cli;
typedef int (*cli_run)(struct cli *c);

/* A row of commands.def. */
struct command {
    const char *verb;                     /* "create" */
    const char *noun;                     /* "oauth2-client", "sql up"; NULL: the verb alone */
    const char *aliases;                  /* other nouns, separated by blanks; NULL: none */
    const char *args;                     /* "ID..."; "" */
    int min_args, max_args;               /* max -1: any number */
    const struct cli_flags *const *flags; /* ends with NULL */
    cli_run run;
    const char *summary; /* one line */
    const char *details; /* paragraphs; NULL: none */
    const char *example; /* command lines that work; NULL in hidden rows only */
    bool hidden;         /* works, but help and completion are silent about it */
};

extern const struct command commands[];
extern const size_t commands_n;

/* One invocation. */
struct cli {
    struct arena *arena;
    const struct command *command;
    struct strs args;
    FILE *in, *out, *err;
    void *values; /* what was given; read it with the functions below */
};

/* Value of a flag: given, else fallback, else empty. */
struct str cli_str(const struct cli *c, const char *flag);
struct strs cli_list(const struct cli *c, const char *flag);
bool cli_bool(const struct cli *c, const char *flag);
int64_t cli_int(const struct cli *c, const char *flag);
int64_t cli_duration(const struct cli *c, const char *flag); /* nanoseconds */
bool cli_given(const struct cli *c, const char *flag);
bool cli_takes(const struct cli *c, const char *flag); /* is it a flag of the command? */

/* Fills c->command, c->args and the values; the caller has set arena, in, out and err. False: there is nothing to run, because
 * help was asked for and printed (*ret_code 0) or something is wrong and was said (1). */
MUST_USE bool cli_parse(struct cli *c, int argc, char *const *argv, int *ret_code);
/* Parses argv, runs the command, returns the exit code. */
int cli_main(int argc, char **argv);

/* "Error: ..." on stderr; returns 1. cli_fail_usage adds where to find help. */
int cli_fail(struct cli *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
int cli_fail_usage(struct cli *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
int cli_fail_err(struct cli *c, const struct err *e);

/* Help texts, made from the table. `verb` empty and no command: the root. */
void cli_help(const struct cli *c, struct str verb, const struct command *command);
void cli_completion(FILE *out, struct str shell, bool descriptions);
/* What a verb is for, in a few words. */
const char *cli_verb_text(const struct command *c);
bool cli_first_of_verb(size_t at); /* is commands[at] the first visible row of its verb? */

/* ---- input.c ---- */

enum { CLI_FILE_MAX = 64 * 1024 * 1024 };
/* For complaints: "-" is "standard input". */
struct str cli_file_name(struct str path);
/* The whole of a file; "-" is standard input. Complains when it cannot be read or is larger than CLI_FILE_MAX. */
MUST_USE bool cli_read_file(struct cli *c, struct str path, struct str *ret);
/* The same as JSON: one value and nothing else. */
MUST_USE bool cli_read_json(struct cli *c, struct str path, json_t **ret);
/* Asks on stdout, reads the answer from standard input: false at its end, else *ret_yes. */
MUST_USE bool cli_ask(struct cli *c, const char *question, bool *ret_yes);
/* "Importing: 17 of 4000" on stderr, over itself and at most ten times a second, when that is a terminal; done == total ends it.
 */
void cli_progress(struct cli *c, const char *what, int64_t done, int64_t total);

/* ---- output.c: results in the format that --format asks for ---- */

/* Checks --format before anything is done. An unknown one is only worth a warning and becomes a table. */
MUST_USE bool cli_format_ok(struct cli *c);

/* What the machine formats print, what --quiet prints, and the cells of the table under a kind's headers. */
struct cli_row {
    json_t *json;
    struct str id;
    const struct str *cells;
};
struct cli_kind {
    const char *const *headers;
    size_t n;
};
#define CLI_KIND(...)                                                                                         \
    {                                                                                                         \
        (const char *const[]) { __VA_ARGS__ }, sizeof((const char *const[]) { __VA_ARGS__ }) / sizeof(char *) \
    }

/* One object: a line per column. */
void cli_print_object(struct cli *c, const struct cli_kind *kind, const struct cli_row *row);
/* Several: a header line and rows. `json` is for the machine formats. */
void cli_print_list(struct cli *c, const struct cli_kind *kind, json_t *json, const struct cli_row *rows, size_t n);
/* The same with an object below the table. */
struct cli_tail {
    const char *header;
    struct str value;
};
void cli_print_page(struct cli *c, const struct cli_kind *kind, json_t *json, const struct cli_row *rows, size_t n,
                    const struct cli_tail *tail, size_t tail_n);
/* Identifiers that were deleted or revoked: one object, or several. */
void cli_print_ids(struct cli *c, struct strs ids);

/* "2026-11-21 22:37:34 +0000 UTC" */
struct str cli_time(struct arena *a, int64_t seconds);

#endif
