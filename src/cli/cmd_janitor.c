/* janitor: deletes what has expired, now and in one go, as the server does in the background. */
#include "cli/commands.h"
#include "cli/load.h"

struct sweep {
    struct cli *cli;
    struct store *store;
    int64_t limit, batch;
    usec_t before; /* what expired before this moment goes */
};

/* Each slice deletes at most `batch` rows of each kind, so that `limit` bounds each kind, too. */
static bool sweep(struct sweep *s)
{
    int64_t deleted = 0, total = 0;
    for (int64_t done = 0; done < s->limit; done += s->batch) {
        int64_t slice = s->limit - done < s->batch ? s->limit - done : s->batch;
        ARENA_AUTO a = arena_new();
        struct op op = { .arena = a, .now = s->before, .may_wait = true };
        struct err e = ERR_INIT(a);
        if (!store_expire(s->store, &op, slice, &deleted, &e)) return cli_fail_err(s->cli, &e), false;
        total += deleted;
        if (deleted < slice) break;
        cli_progress(s->cli, "Batches", done / s->batch + 1, (s->limit + s->batch - 1) / s->batch);
    }
    fprintf(s->cli->err, "Deleted %lld expired rows.\n", (long long)total);
    return true;
}

static const struct {
    const char *flag, *what;
} parts[] = {
    { "tokens", "access tokens" },
    { "tokens", "refresh tokens" },
    { "requests", "login-consent requests" },
    { "grants", "grants" },
};

int cli_janitor(struct cli *c)
{
    struct sweep s = { .cli = c, .limit = cli_int(c, "limit"), .batch = cli_int(c, "batch-size") };
    bool any = cli_bool(c, "tokens") || cli_bool(c, "requests") || cli_bool(c, "grants");
    if (!any) return cli_fail_usage(c, "nothing to clean: give at least one of --tokens, --requests and --grants");
    if (s.limit < 1) return cli_fail_usage(c, "--limit must be above 0");
    if (s.batch < 1 || s.batch > s.limit)
        return cli_fail_usage(c, "--batch-size must be above 0 and at most --limit (%lld)", (long long)s.limit);
    s.before = clock_now() - cli_duration(c, "keep-if-younger") / 1000;

    DATABASE_AUTO db;
    if (!cli_database_open(c, false, &db)) return 1;
    s.store = db.store;
    struct op op = { .arena = c->arena, .now = clock_now(), .may_wait = true };
    struct err e = ERR_INIT(c->arena);
    if (!store_ready(s.store, &op, &e)) return cli_fail_err(c, &e);
    if (!sweep(&s)) return 1;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        if (cli_bool(c, parts[i].flag)) fprintf(c->out, "Successfully completed Janitor run on %s\n", parts[i].what);
    return 0;
}
