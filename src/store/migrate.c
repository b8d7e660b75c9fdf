/* Migrations: numbered, compiled in, each applied in one write together with its line in the book. Two processes that migrate at
 * once are no problem: whoever comes second finds the line. Lines of migrations that this build does not know belong to a newer
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

bool store_migrate_up(struct store *s, struct op *op, void (*tell)(const struct migration_status *, void *), void *arg,
                      struct err *e)
{
    struct migration_status *list;
    size_t n;
    TRY(store_change(s, op, CALL(MIGRATION_BEGIN), NULL, e));
    TRY(store_migration_list(s, op, &list, &n, e));
    for (size_t i = 0; i < n; i++) {
        if (list[i].applied) continue;
        if (tell != NULL) tell(&list[i], arg);
        TRY(store_write(s, op, apply, &list[i], e));
    }
    return true;
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

bool store_migrate_down(struct store *s, struct op *op, int64_t steps, void (*tell)(const struct migration_status *, void *),
                        void *arg, struct err *e)
{
    struct sql_rows book;
    TRY(read_book(s, op, &book, e));
    TRY(refuse_unknown(&book, e));
    atomic_store(&s->ready, false);
    for (size_t i = migrations_count; i-- > 0 && steps > 0;) {
        if (!has_version(&book, migrations[i].version)) continue;
        struct migration_status m = status_of(&migrations[i], true);
        if (tell != NULL) tell(&m, arg);
        TRY(store_write(s, op, revert, &m, e));
        steps--;
    }
    return true;
}

bool store_ready(struct store *s, struct op *op, struct err *e)
{
    int64_t version;
    if (atomic_load(&s->ready)) return store_keys_version(s, op, &version, e);

    struct migration_status *list;
    size_t n;
    TRY(store_migration_list(s, op, &list, &n, e));
    for (size_t i = 0; i < n; i++)
        ENSURE(list[i].applied, e, STORAGE, "Migrations have not been applied to the database; run `grantd migrate sql up`.");
    atomic_store(&s->ready, true);
    return true;
}
