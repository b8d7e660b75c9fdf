/* Migrations: numbered, compiled in, each applied in one write together with its line in the book. Of processes that migrate one
 * database at once, one works and the others wait and find the lines: an embedded database has one writer, on a server whoever
 * migrates holds a lock as long as its connection is there. Lines of migrations that this build does not know belong to a newer
 * one that shares the database, and are left alone. */
#include "store_int.h"

static struct migration_status status_of(const struct migration *m, bool applied)
{
    return (struct migration_status) {
        .version = m->version, .name = str_of(m->name), .sql_up = str_of(m->up), .sql_down = str_of(m->down), .applied = applied
    };
}

static bool has_version(const struct sql_rows *rows, int64_t version)
{
    for (size_t i = 0; i < rows->n; i++)
        if (sql_row(rows, i)->i == version) return true;
    return false;
}

/* The versions in the book; none while there is no book. */
static bool read_book(struct store *s, struct op *op, struct sql_rows *ret, struct err *e)
{
    int64_t book;
    *ret = (struct sql_rows) { 0 };
    TRY(store_read_int(s, op, CALL(MIGRATION_BOOK), &book, e));
    return book == 0 || store_read(s, op, CALL(MIGRATION_LIST), ret, e);
}

bool store_migration_list(struct store *s, struct op *op, struct migration_status **ret, size_t *ret_n, struct err *e)
{
    struct sql_rows book;
    TRY(read_book(s, op, &book, e));
    struct migration_status *list = ARENA_ARRAY(op->arena, struct migration_status, migrations_count);
    for (size_t i = 0; i < migrations_count; i++) list[i] = status_of(&migrations[i], has_version(&book, migrations[i].version));
    *ret = list;
    *ret_n = migrations_count;
    return true;
}

/* ---- one process at a time ---- */

struct migrating {
    struct store *s;
    struct op *op;
    struct sql *c; /* a connection of its own; NULL in an embedded database */
    void (*tell)(const struct migration_status *, void *);
    void *arg;
};

static bool lock(struct migrating *m, struct err *e)
{
    struct sql_rows rows;
    if (m->s->driver->embedded) return true;
    TRY(m->s->driver->connect(m->s->db, SQL_MIGRATES, &sql_store_table, &m->c, e));
    TRY(sql_run(m->c, CALL(MIGRATION_LOCK), m->op->arena, &rows, e));
    ENSURE(rows.n == 1 && sql_row(&rows, 0)->i == 1, e, STORAGE, "Another process migrates the database; try again later.");
    return true;
}

static bool locked_write(struct migrating *m, write_fn fn, void *arg, struct err *e)
{
    return m->c != NULL ? write_transaction(m->c, m->op, fn, arg, e) : store_write(m->s, m->op, fn, arg, e);
}

static bool locked(struct migrating *m, bool (*run)(struct migrating *m, int64_t steps, struct err *e), int64_t steps,
                   struct err *e)
{
    OP_MUST_WAIT(m->op, e);
    bool ok = lock(m, e) && run(m, steps, e);
    m->s->driver->disconnect(m->c);
    return ok;
}

static void tell(const struct migrating *m, const struct migration_status *status)
{
    if (m->tell != NULL) m->tell(status, m->arg);
}

/* ---- up and down ---- */

static bool open_book(struct write *w, void *arg, struct err *e)
{
    (void)arg;
    return write_change(w, CALL(MIGRATION_BEGIN), NULL, e);
}

static bool apply(struct write *w, void *arg, struct err *e)
{
    const struct migration_status *m = arg;
    int64_t added;
    TRY(write_change(w, CALL(MIGRATION_ADD, ARG(m->version), ARG(m->name), ARG(w->op->now)), &added, e));
    return added == 0 || w->c->driver->script(w->c, m->sql_up, e);
}

static bool revert(struct write *w, void *arg, struct err *e)
{
    const struct migration_status *m = arg;
    int64_t removed;
    TRY(write_change(w, CALL(MIGRATION_REMOVE, ARG(m->version)), &removed, e));
    return removed == 0 || w->c->driver->script(w->c, m->sql_down, e);
}

static bool go_up(struct migrating *m, int64_t steps, struct err *e)
{
    struct migration_status *list;
    size_t n;
    (void)steps;
    TRY(locked_write(m, open_book, NULL, e));
    TRY(store_migration_list(m->s, m->op, &list, &n, e));
    for (size_t i = 0; i < n; i++) {
        if (list[i].applied) continue;
        tell(m, &list[i]);
        TRY(locked_write(m, apply, &list[i], e));
    }
    return true;
}

bool store_migrate_up(struct store *s, struct op *op, void (*told)(const struct migration_status *, void *), void *arg,
                      struct err *e)
{
    return locked(&(struct migrating) { .s = s, .op = op, .tell = told, .arg = arg }, go_up, 0, e);
}

static bool refuse_unknown(const struct sql_rows *book, struct err *e)
{
    int64_t newest = migrations[migrations_count - 1].version;
    for (size_t i = 0; i < book->n; i++)
        ENSUREF(sql_row(book, i)->i <= newest, e, MISCONFIGURATION,
                "Migration %lld was applied by a newer version of grantd; revert it with that version.",
                (long long)sql_row(book, i)->i);
    return true;
}

static bool go_down(struct migrating *m, int64_t steps, struct err *e)
{
    struct sql_rows book;
    TRY(read_book(m->s, m->op, &book, e));
    TRY(refuse_unknown(&book, e));
    atomic_store(&m->s->ready, false);
    for (size_t i = migrations_count; i-- > 0 && steps > 0;) {
        if (!has_version(&book, migrations[i].version)) continue;
        struct migration_status status = status_of(&migrations[i], true);
        tell(m, &status);
        TRY(locked_write(m, revert, &status, e));
        steps--;
    }
    return true;
}

bool store_migrate_down(struct store *s, struct op *op, int64_t steps, void (*told)(const struct migration_status *, void *),
                        void *arg, struct err *e)
{
    return locked(&(struct migrating) { .s = s, .op = op, .tell = told, .arg = arg }, go_down, steps, e);
}

bool store_ready(struct store *s, struct op *op, struct err *e)
{
    int64_t version;
    if (atomic_load(&s->ready)) return store_keys_version(s, op, &version, e);

    struct migration_status *list;
    size_t n;
    TRY(store_migration_list(s, op, &list, &n, e));
    for (size_t i = 0; i < n; i++)
        ENSURE(list[i].applied, e, MISCONFIGURATION,
               "Migrations have not been applied to the database; run `grantd migrate sql up`.");
    atomic_store(&s->ready, true);
    return true;
}
