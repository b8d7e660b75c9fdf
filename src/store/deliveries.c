/* Deliveries wait here until they are sent. Taking one is a lease: its `due_at` moves by compare-and-set, so that of several
 * nodes one gets it, and a node that dies with it loses it to another when the lease ends. */
#include "store_int.h"

struct taking {
    int64_t limit;
    usec_t until;
    struct sql_rows due, *leased; /* `leased`: of each row of `due`, whether it is ours now */
};

bool write_deliveries(struct write *w, const struct delivery *rows, size_t n, struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        const struct delivery *d = &rows[i];
        TRY(write_change(w,
                         CALL(DELIVERY_PUT, ARG(d->id), ARG(d->url), ARG(d->body), ARG(d->attempts), ARG(d->due_at),
                              ARG(d->expires_at)),
                         NULL, e));
    }
    return true;
}

static struct delivery delivery_of(const struct sql_cell *c, usec_t due_at)
{
    return (struct delivery) {
        .id = c[0].s, .url = c[1].s, .body = c[2].s, .attempts = c[3].i + 1, .due_at = due_at, .expires_at = c[5].i
    };
}

static bool take(struct write *w, void *arg, struct err *e)
{
    struct taking *t = arg;
    TRY(write_read(w, CALL(DELIVERY_DUE, ARG(w->op->now), ARG(t->limit)), &t->due, e));
    t->leased = ARENA_ARRAY(w->op->arena, struct sql_rows, t->due.n);
    for (size_t i = 0; i < t->due.n; i++) {
        const struct sql_cell *c = sql_row(&t->due, i);
        TRY(write_change_later(w, CALL(DELIVERY_LEASE, ARG(c[0].s), ARG(c[4].i), ARG(t->until)), &t->leased[i], e));
    }
    return true;
}

bool store_delivery_take(struct store *s, struct op *op, int64_t limit, usec_t lease, struct delivery **ret, size_t *ret_n,
                         struct err *e)
{
    struct taking t = { .limit = limit, .until = op->now + lease };
    struct delivery *taken;
    size_t n = 0;
    /* Rows that were due and were lost, all of them, to others who asked at the same time: there may be more behind them. */
    do {
        TRY(store_write(s, op, take, &t, e));
        taken = ARENA_ARRAY(op->arena, struct delivery, t.due.n);
        for (size_t i = 0; i < t.due.n; i++)
            if (t.leased[i].changed > 0) taken[n++] = delivery_of(sql_row(&t.due, i), t.until);
    } while (n == 0 && t.due.n > 0);
    *ret = taken;
    *ret_n = n;
    return true;
}

bool store_delivery_done(struct store *s, struct op *op, struct str id, struct err *e)
{
    return store_change(s, op, CALL(DELIVERY_DONE, ARG(id)), NULL, e);
}

bool store_delivery_retry(struct store *s, struct op *op, struct str id, usec_t due_at, struct err *e)
{
    return store_change(s, op, CALL(DELIVERY_RETRY, ARG(id), ARG(due_at)), NULL, e);
}
