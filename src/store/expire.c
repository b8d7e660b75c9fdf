/* Removal of what is of no use any more, in short slices: each kind is a write of its own, so that requests get in between. */
#include "store_int.h"

static const enum stmt expirations[] = { STMT_MARK_EXPIRE,     STMT_SESSION_EXPIRE, STMT_GRANT_EXPIRE,
                                         STMT_DELIVERY_EXPIRE, STMT_DEVICE_EXPIRE,  STMT_EARLIER_EXPIRE };

static bool expire_kind(struct store *s, struct op *op, enum stmt id, int64_t limit, int64_t *sum, struct err *e)
{
    const struct sql_arg args[] = { ARG(op->now), ARG(limit) };
    int64_t changed;
    TRY(store_change(s, op, &(const struct sql_call) { .id = id, .args = args, .n = ARRAY_LEN(args) }, &changed, e));
    *sum += changed;
    return true;
}

struct orphan_write {
    int64_t limit;
    struct sql_rows grants, aliases;
};

/* Removes rows of one deleted client; when there are none left, forgets the client. */
static bool remove_orphans(struct write *w, void *arg, struct err *e)
{
    struct orphan_write *ow = arg;
    ow->grants = ow->aliases = (struct sql_rows) { 0 };
    struct sql_rows rows;
    TRY(write_read(w, CALL(ORPHAN_NEXT), &rows, e));
    if (rows.n == 0) return true;

    struct str id = sql_row(&rows, 0)[0].s;
    int64_t birth = sql_row(&rows, 0)[1].i;
    TRY(write_change_later(w, CALL(ORPHAN_GRANTS, ARG(id), ARG(birth), ARG(ow->limit)), &ow->grants, e));
    TRY(write_change_later(w, CALL(ORPHAN_ALIASES, ARG(id), ARG(birth), ARG(ow->limit)), &ow->aliases, e));
    return write_change(w, CALL(ORPHAN_DONE, ARG(id), ARG(birth)), NULL, e);
}

bool store_expire(struct store *s, struct op *op, int64_t limit, int64_t *ret_deleted, struct err *e)
{
    int64_t sum = 0;
    for (size_t i = 0; i < ARRAY_LEN(expirations); i++) TRY(expire_kind(s, op, expirations[i], limit, &sum, e));
    struct orphan_write ow = { .limit = limit };
    TRY(store_write(s, op, remove_orphans, &ow, e));
    *ret_deleted = sum + ow.grants.changed + ow.aliases.changed;
    return true;
}
