/* migrate sql up, down, status. The store knows the migrations; this shows the plan, asks, and tells what is done. */
#include <unistd.h>

#include "cli/commands.h"
#include "cli/load.h"

static const struct cli_kind status_kind = CLI_KIND("Version", "Name", "Status");

struct plan {
    struct cli *cli;
    struct store *store;
    struct migration_status *v;
    size_t n;
};

static struct op op_now(struct cli *c) { return (struct op) { .arena = c->arena, .now = clock_now(), .may_wait = true }; }

static bool plan_read(struct plan *p)
{
    struct op op = op_now(p->cli);
    struct err e = ERR_INIT(p->cli->arena);
    return store_migration_list(p->store, &op, &p->v, &p->n, &e) ? true : (cli_fail_err(p->cli, &e), false);
}

static size_t pending(const struct plan *p)
{
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++) n += !p->v[i].applied;
    return n;
}

/* ---- printing ---- */

/* The last `rollback` applied ones are shown as such. */
static void plan_print(const struct plan *p, size_t rollback)
{
    struct arena *a = p->cli->arena;
    struct cli_row *rows = ARENA_ARRAY(a, struct cli_row, p->n + 1);
    json_t *all = json_array();
    for (size_t i = p->n; i-- > 0;) {
        const struct migration_status *m = &p->v[i];
        const char *state = !m->applied ? "Pending" : rollback > 0 ? "Rollback" : "Applied";
        if (m->applied && rollback > 0) rollback--;
        struct str *cells = ARENA_ARRAY(a, struct str, status_kind.n);
        cells[0] = arena_printf(a, "%lld", (long long)m->version), cells[1] = m->name, cells[2] = str_of(state);
        rows[i] = (struct cli_row) { .id = cells[0], .cells = cells };
        json_array_insert_new(all, 0,
                              json_pack("{s:s, s:o, s:o, s:o, s:o}", "state", state, "version", json_of_str(cells[0]), "name",
                                        json_of_str(m->name), "content", json_of_str(m->sql_up), "content_down",
                                        json_of_str(m->sql_down)));
    }
    cli_print_list(p->cli, &status_kind, all, rows, p->n);
    json_decref(all);
}

static void print_sql(FILE *out, const struct migration_status *m, struct str sql)
{
    sql = str_trim(sql);
    fprintf(out, "------------ %lld - %.*s ------------\n%.*s\n\n", (long long)m->version, STR_FMT(m->name), STR_FMT(sql));
}

static void tell(struct cli *c, const char *what, const struct migration_status *m)
{
    fprintf(c->err, "%s %lld %.*s\n", what, (long long)m->version, STR_FMT(m->name));
    fflush(c->err);
}

static void tell_up(const struct migration_status *m, void *arg) { tell(arg, "Applying", m); }
static void tell_down(const struct migration_status *m, void *arg) { tell(arg, "Taking back", m); }

/* ---- up ---- */

static int apply(struct plan *p)
{
    struct op op = op_now(p->cli);
    struct err e = ERR_INIT(p->cli->arena);
    if (!store_migrate_up(p->store, &op, tell_up, p->cli, &e)) return cli_fail_err(p->cli, &e);
    fputs("\nSuccessfully applied migrations!\n", p->cli->out);
    return 0;
}

/* Asks unless --yes. True: go on; else *ret_code. */
static bool confirmed(struct cli *c, int *ret_code)
{
    bool yes = false;
    if (cli_bool(c, "yes")) return true;
    fputs("To skip the next question use flag --yes (at your own risk).\n", c->err);
    if (!cli_ask(c, "Do you wish to execute this migration plan?", &yes))
        *ret_code = cli_fail(c, "there was no answer to the question; add --yes where nobody can answer");
    else if (!yes)
        fputs("\nMigration aborted.\n", c->out), *ret_code = 0;
    return yes;
}

int cli_migrate_up(struct cli *c)
{
    DATABASE_AUTO db;
    if (!cli_database_open(c, true, &db)) return 1;
    struct plan p = { .cli = c, .store = db.store };
    if (!plan_read(&p)) return 1;

    if (cli_hydra_waits(db.config->dsn, db.store)) fputs(CLI_HYDRA_WAITS "\n", c->err);
    fputs("The migration plan is as follows:\n\n", c->out);
    plan_print(&p, 0);
    if (pending(&p) == 0) {
        fputs("\nThere is nothing to do. Successfully applied migrations!\n", c->out);
        return 0;
    }
    fputs("\nThe SQL statements to be executed from top to bottom are:\n\n", c->out);
    for (size_t i = 0; i < p.n; i++)
        if (!p.v[i].applied) print_sql(c->out, &p.v[i], p.v[i].sql_up);
    int code;
    return confirmed(c, &code) ? apply(&p) : code;
}

/* The form that old deployments and charts use. A word that cannot be a DSN is a command that does not exist. */
int cli_migrate_sql(struct cli *c)
{
    struct str word = c->args.n > 0 ? c->args.v[0] : STR("memory");
    if (!str_has(word, ':') && !str_eq(word, STR("memory")))
        return cli_fail_usage(c, "unknown command \"%.*s\" for \"grantd migrate sql\": it has up, down and status",
                              STR_FMT(word));
    fputs("\"grantd migrate sql\" is deprecated; use \"grantd migrate sql up\".\n", c->err);
    return cli_migrate_up(c);
}

/* ---- down ---- */

static int take_back(struct plan *p, int64_t steps)
{
    struct op op = op_now(p->cli);
    struct err e = ERR_INIT(p->cli->arena);
    if (!store_migrate_down(p->store, &op, steps, tell_down, p->cli, &e)) return cli_fail_err(p->cli, &e);
    fputs("\nSuccessfully applied migrations!\n", p->cli->out);
    return 0;
}

int cli_migrate_down(struct cli *c)
{
    int64_t steps = cli_int(c, "steps");
    if (steps < 0) return cli_fail_usage(c, "--steps must not be negative");
    DATABASE_AUTO db;
    if (!cli_database_open(c, true, &db)) return 1;
    struct plan p = { .cli = c, .store = db.store };
    if (!plan_read(&p)) return 1;

    int64_t applied = (int64_t)(p.n - pending(&p));
    if (steps > applied) steps = applied;
    fputs("The migration plan is as follows:\n\n", c->out);
    plan_print(&p, (size_t)steps);
    if (steps == 0) {
        fputs("\nThere are apparently no migrations to roll back. Give --steps with a number above 0.\n", c->out);
        return 0;
    }
    fputs("\nThe SQL statements to be executed from top to bottom are:\n\n", c->out);
    int64_t left = steps;
    for (size_t i = p.n; i-- > 0 && left > 0;)
        if (p.v[i].applied) print_sql(c->out, &p.v[i], p.v[i].sql_down), left--;
    int code;
    return confirmed(c, &code) ? take_back(&p, steps) : code;
}

/* ---- status ---- */

int cli_migrate_status(struct cli *c)
{
    DATABASE_AUTO db;
    if (!cli_database_open(c, true, &db)) return 1;
    struct plan p = { .cli = c, .store = db.store };
    if (!plan_read(&p)) return 1;
    for (size_t told = 0; cli_bool(c, "block") && pending(&p) > 0; sleep(1)) {
        if (told != pending(&p)) fprintf(c->err, "Waiting for %zu pending migrations.\n", told = pending(&p));
        if (!plan_read(&p)) return 1;
    }
    plan_print(&p, 0);
    return 0;
}
