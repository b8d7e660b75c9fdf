/* What a command reads beside its arguments: files, standard input, a yes or no. And how far it has got. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cli.h"

struct str cli_file_name(struct str path) { return str_eq(path, STR("-")) ? STR("standard input") : path; }

static bool read_all(struct cli *c, FILE *in, const char *name, struct str *ret)
{
    struct buf b = BUF(c->arena);
    char chunk[65536];
    size_t n;
    while ((n = fread(chunk, 1, sizeof(chunk), in)) > 0 && b.n <= CLI_FILE_MAX) buf_add(&b, (struct str) { chunk, n });
    if (ferror(in)) return cli_fail(c, "cannot read %s: %s", name, strerror(errno)), false;
    if (b.n > CLI_FILE_MAX) return cli_fail(c, "%s is larger than %d MiB; split it", name, CLI_FILE_MAX / 1024 / 1024), false;
    *ret = buf_str(&b);
    return true;
}

bool cli_read_file(struct cli *c, struct str path, struct str *ret)
{
    if (str_eq(path, STR("-"))) {
        if (isatty(fileno(c->in))) fputs("Reading from standard input; end it with Ctrl-D.\n", c->err);
        return read_all(c, c->in, "standard input", ret);
    }
    const char *name = arena_dupz(c->arena, path);
    FILE *in = fopen(name, "re");
    if (in == NULL) return cli_fail(c, "cannot open %s: %s", name, strerror(errno)), false;
    bool ok = read_all(c, in, name, ret);
    fclose(in);
    return ok;
}

bool cli_read_json(struct cli *c, struct str path, json_t **ret)
{
    struct str text;
    struct err e = ERR_INIT(c->arena);
    TRY(cli_read_file(c, path, &text));
    if (json_read(c->arena, text, ret, NULL, &e)) return true;
    return cli_fail(c, "%.*s is not JSON: %s", STR_FMT(cli_file_name(path)), e.hint), false;
}

bool cli_ask(struct cli *c, const char *question, bool *ret_yes)
{
    char line[64];
    for (;;) {
        fprintf(c->out, "%s [y/n]: ", question);
        fflush(c->out);
        if (fgets(line, sizeof(line), c->in) == NULL) return false;
        struct str answer = str_trim(str_of(line));
        *ret_yes = str_eq_nocase(answer, STR("y")) || str_eq_nocase(answer, STR("yes"));
        if (*ret_yes || str_eq_nocase(answer, STR("n")) || str_eq_nocase(answer, STR("no"))) return true;
    }
}

void cli_progress(struct cli *c, const char *what, int64_t done, int64_t total)
{
    static usec_t shown;
    if (total < 2 || !isatty(fileno(c->err))) return;
    usec_t now = clock_monotonic();
    if (done < total && now - shown < USEC_PER_SEC / 10) return;
    shown = now;
    fprintf(c->err, "\r%s: %lld of %lld%s", what, (long long)done, (long long)total, done == total ? "\n" : "");
    fflush(c->err);
}
