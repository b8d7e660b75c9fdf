/* Subject identifiers that were forced on a client or made up for it (OpenID Connect Core 8): clients know people by them. */
#include "takeover/takeover_int.h"

enum { SUBJECT, CLIENT, OBFUSCATED };

static bool verify_alias(struct takeover *t, struct op *op, const struct alias *row, struct err *e)
{
    struct str there;
    TRY(store_alias_get(t->provider->store, op, row->client_id, row->subject, &there, e));
    const enum verdict v = str_eq(there, row->alias) ? VERDICT_SAME : there.n > 0 ? VERDICT_MOVED : VERDICT_MISSING;
    count_verdict(t, KIND_SUBJECTS, v, row->client_id);
    return true;
}

static bool bring_page(struct takeover *t, struct op *op, const struct sql_rows *rows, struct err *e)
{
    struct alias *list = ARENA_ARRAY(op->arena, struct alias, rows->n);
    struct import *how = ARENA_ARRAY(op->arena, struct import, rows->n);
    for (size_t i = 0; i < rows->n; i++) {
        const struct sql_cell *c = sql_row(rows, i);
        list[i] = (struct alias) { .client_id = c[CLIENT].s, .subject = c[SUBJECT].s, .alias = c[OBFUSCATED].s };
        if (t->options->mode == TAKEOVER_VERIFY) TRY(verify_alias(t, op, &list[i], e));
        if (t->options->mode == TAKEOVER_DRY) tally(t, KIND_SUBJECTS)->added++;
    }
    if (t->options->mode != TAKEOVER_RUN) return true;
    TRY(store_import_aliases(t->provider->store, op, list, how, rows->n, e));
    count_outcomes(t, KIND_SUBJECTS, how, rows->n);
    return true;
}

bool bring_subjects(struct takeover *t, struct err *e)
{
    return takeover_pages(t, KIND_SUBJECTS, &(struct paging) { HYDRA_SUBJECTS, 2, "" }, bring_page, e);
}
