/* Assertions that were used: each may be used once, on whichever server. */
#include "takeover/takeover_int.h"

enum { SIGNATURE, EXPIRES };

static bool verify_mark(struct takeover *t, struct op *op, const struct mark *row, struct err *e)
{
    int64_t there;
    TRY(store_mark_get(t->provider->store, op, row->kind, row->id, &there, e));
    count_verdict(t, KIND_JTIS, there != 0 ? VERDICT_SAME : VERDICT_MISSING, str_upto(row->id, 16));
    return true;
}

static bool bring_page(struct takeover *t, struct op *op, const struct sql_rows *rows, struct err *e)
{
    struct mark *list = ARENA_ARRAY(op->arena, struct mark, rows->n);
    struct import *how = ARENA_ARRAY(op->arena, struct import, rows->n);
    size_t n = 0;
    for (size_t i = 0; i < rows->n; i++) {
        const struct sql_cell *c = sql_row(rows, i);
        const struct mark row = { .kind = MARK_EARLIER_JTI, .id = c[SIGNATURE].s, .expires_at = c[EXPIRES].i };
        if (row.expires_at <= t->now)
            left_silently(t, KIND_JTIS, LEFT_EXPIRED);
        else if (t->options->mode == TAKEOVER_DRY)
            tally(t, KIND_JTIS)->added++;
        else if (t->options->mode == TAKEOVER_VERIFY)
            TRY(verify_mark(t, op, &row, e));
        else
            list[n++] = row;
    }
    if (n == 0) return true;
    TRY(store_import_marks(t->provider->store, op, list, how, n, e));
    count_outcomes(t, KIND_JTIS, how, n);
    return true;
}

bool bring_jtis(struct takeover *t, struct err *e)
{
    return takeover_pages(t, KIND_JTIS, &(struct paging) { HYDRA_JTIS, 1, "" }, bring_page, e);
}
