/* Writing, whatever the database is: as a function inside a transaction, or as one statement. */
#include "store_int.h"

bool store_write(struct store *s, struct op *op, write_fn fn, void *arg, struct err *e)
{
    return s->driver->embedded ? group_write(s, op, fn, arg, e) : server_write(s, op, fn, arg, e);
}

struct change {
    const struct sql_call *call;
    int64_t changed;
};

static bool change(struct write *w, void *arg, struct err *e)
{
    struct change *ch = arg;
    return write_change(w, ch->call, &ch->changed, e);
}

bool store_change(struct store *s, struct op *op, const struct sql_call *call, int64_t *ret_changed, struct err *e)
{
    struct change ch = { .call = call };
    struct sql_rows rows;
    if (!s->driver->embedded) {
        TRY(server_run(s, op, call, &rows, e));
        if (ret_changed != NULL) *ret_changed = rows.changed;
        return true;
    }
    TRY(store_write(s, op, change, &ch, e));
    if (ret_changed != NULL) *ret_changed = ch.changed;
    return true;
}

bool store_put_one(struct store *s, struct op *op, const struct sql_call *call, enum store_put otherwise, enum store_put *ret,
                   struct err *e)
{
    int64_t changed;
    TRY(store_change(s, op, call, &changed, e));
    *ret = changed > 0 ? STORE_DONE : otherwise;
    return true;
}

bool write_change(struct write *w, const struct sql_call *call, int64_t *ret_changed, struct err *e)
{
    struct sql_rows rows;
    TRY(sql_run(w->c, call, NULL, ret_changed != NULL ? &rows : NULL, e));
    if (ret_changed != NULL) *ret_changed = rows.changed;
    return true;
}

bool write_change_later(struct write *w, const struct sql_call *call, struct sql_rows *ret, struct err *e)
{
    struct sql_call later = *call;
    later.later = true;
    return sql_run(w->c, &later, w->op->arena, ret, e);
}

bool write_read(struct write *w, const struct sql_call *call, struct sql_rows *ret, struct err *e)
{
    return sql_run(w->c, call, w->op->arena, ret, e);
}

bool write_read_int(struct write *w, const struct sql_call *call, int64_t *ret, struct err *e)
{
    struct sql_rows rows;
    TRY(write_read(w, call, &rows, e));
    *ret = rows.n > 0 ? sql_row(&rows, 0)->i : 0;
    return true;
}

bool write_count(struct write *w, struct str counter, int64_t by, int64_t *ret, struct err *e)
{
    TRY(write_change(w, CALL(COUNTER_ADD, ARG(counter), ARG(by)), NULL, e));
    return write_read_int(w, CALL(COUNTER_GET, ARG(counter)), ret, e);
}
