/* A command line without a process: parsed into a struct cli whose output is kept. */
#ifndef TEST_CLI_RUN_H
#define TEST_CLI_RUN_H

#include "../base/unit.h"

#include <stdlib.h>

#include "cli/cli.h"

enum { WORDS_MAX = 40 };

struct run {
    struct cli cli;
    bool parsed;
    int code;
    char *out, *err; /* texts, complete after run_end */
    size_t out_n, err_n;
};

/* `line` is split at blanks; what stands before "grantd" (variables) is skipped. */
static inline void run_line(struct run *r, const char *line, const char *input)
{
    struct arena *a = arena_new();
    char *argv[WORDS_MAX] = { 0 };
    int argc = 0;
    struct str rest = str_of(line);
    while (rest.p != NULL) {
        struct str word = str_cut(&rest, ' ');
        if (argc == 0 && !str_eq(word, STR("grantd"))) continue;
        assert_true(argc < WORDS_MAX - 1);
        argv[argc++] = arena_dupz(a, word);
    }
    *r = (struct run) { .cli = { .arena = a }, .code = -1 };
    r->cli.in = input != NULL && *input != 0 ? fmemopen((void *)input, strlen(input), "r") : fopen("/dev/null", "r");
    r->cli.out = open_memstream(&r->out, &r->out_n);
    r->cli.err = open_memstream(&r->err, &r->err_n);
    r->parsed = cli_parse(&r->cli, argc, argv, &r->code);
    fflush(r->cli.out);
    fflush(r->cli.err);
}

static inline void run_end(struct run *r)
{
    fclose(r->cli.in);
    fclose(r->cli.out);
    fclose(r->cli.err);
    free(r->out);
    free(r->err);
    arena_free(r->cli.arena);
}

#endif
