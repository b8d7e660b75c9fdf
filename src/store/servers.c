/* Reading and writing on a database server: each operation on a connection of the pool. What fails before anything can have been
 * committed is tried again when that may help: once on a fresh connection when the old one turned out to be dead, some times when
 * the database asks for it because transactions were in each other's way. A commit whose outcome nobody knows is never repeated.
 */
#include <unistd.h>

#include "base/rand.h"
#include "store_int.h"

enum { CONFLICTS_MAX = 8, DEAD_MAX = 1, PAUSE_MS = 4 };

/* What is tried: runs on a connection from the beginning, each time. */
struct attempt {
    bool (*run)(struct sql *c, const struct attempt *a, struct err *e);
    struct op *op;
    const struct sql_call *call;
    struct sql_rows *ret;
    write_fn fn;
    void *arg;
};

static void pause_after(int conflicts)
{
    int longest = PAUSE_MS << (conflicts < 6 ? conflicts : 6);
    usleep((useconds_t)(1000 + rand_below((uint64_t)longest * 1000)));
}

static bool attempt_once(struct store *s, const struct attempt *a, bool *ret_dead, bool *ret_conflict, struct err *e)
{
    struct pooled *p;
    *ret_dead = *ret_conflict = false;
    TRY(pool_take(s->pool, &p, e));
    struct sql *c = pooled_sql(p);
    c->again = false;
    bool ok = a->run(c, a, e);
    *ret_dead = c->broken;
    *ret_conflict = c->again;
    pool_give(s->pool, p);
    return ok;
}

static bool attempt_until(struct store *s, const struct attempt *a, struct err *e)
{
    int dead = 0, conflicts = 0;
    const struct err clear = ERR_INIT(e->arena);
    for (;;) {
        bool is_dead, is_conflict;
        if (attempt_once(s, a, &is_dead, &is_conflict, e)) return true;
        if (err_is(e, &err_UNCERTAIN)) return false;
        if (is_conflict && ++conflicts <= CONFLICTS_MAX)
            pause_after(conflicts);
        else if (!is_dead || ++dead > DEAD_MAX)
            return false;
        *e = clear;
    }
}

static bool run_statement(struct sql *c, const struct attempt *a, struct err *e)
{
    return sql_run(c, a->call, a->op->arena, a->ret, e);
}

bool server_run(struct store *s, struct op *op, const struct sql_call *call, struct sql_rows *ret, struct err *e)
{
    OP_MUST_WAIT(op, e);
    return attempt_until(s, &(struct attempt) { .run = run_statement, .op = op, .call = call, .ret = ret }, e);
}

bool write_transaction(struct sql *c, struct op *op, write_fn fn, void *arg, struct err *e)
{
    struct write w = { .c = c, .op = op };
    TRY(c->driver->begin(c, e));
    bool ok = fn(&w, arg, e);
    if (ok && !w.undo) return c->driver->commit(c, e);
    c->driver->rollback(c);
    return ok;
}

static bool run_transaction(struct sql *c, const struct attempt *a, struct err *e)
{
    return write_transaction(c, a->op, a->fn, a->arg, e);
}

bool server_write(struct store *s, struct op *op, write_fn fn, void *arg, struct err *e)
{
    OP_MUST_WAIT(op, e);
    return attempt_until(s, &(struct attempt) { .run = run_transaction, .op = op, .fn = fn, .arg = arg }, e);
}
