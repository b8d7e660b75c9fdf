/* Trusted issuers of assertions. Their keys came with the key sets. */
#include "takeover/takeover_int.h"

enum { ID, ISSUER, SUBJECT, ANY_SUBJECT, SCOPE, KID, CREATED, EXPIRES };

static bool has_line_break(struct strs list)
{
    for (size_t i = 0; i < list.n; i++)
        if (str_has(list.v[i], '\n')) return true;
    return false;
}

static struct trust trust_of(struct arena *a, const struct sql_cell *c)
{
    return (struct trust) { .id = c[ID].s,
                            .issuer = c[ISSUER].s,
                            .subject = c[SUBJECT].s,
                            .any_subject = c[ANY_SUBJECT].i != 0,
                            .kid = c[KID].s,
                            .scopes = hydra_list(a, c[SCOPE].s),
                            .created_at = c[CREATED].i,
                            .expires_at = c[EXPIRES].i };
}

static bool verify_trust(struct takeover *t, struct op *op, const struct trust *row, struct err *e)
{
    struct trust *there;
    enum verdict v = VERDICT_MISSING;
    TRY(store_trust_get(t->provider->store, op, row->id, &there, e));
    if (there == NULL)
        TRY(absent_verdict(t, op, taken_name(op->arena, "trust", row->id), &v, e));
    else if (str_eq(there->issuer, row->issuer) && str_eq(there->subject, row->subject) && str_eq(there->kid, row->kid))
        v = VERDICT_SAME;
    count_verdict(t, KIND_TRUSTS, v, row->issuer);
    return true;
}

static bool bring_page(struct takeover *t, struct op *op, const struct sql_rows *rows, struct err *e)
{
    struct arena *a = op->arena;
    struct trust *list = ARENA_ARRAY(a, struct trust, rows->n);
    struct import *how = ARENA_ARRAY(a, struct import, rows->n);
    size_t n = 0;
    for (size_t i = 0; i < rows->n; i++) {
        const struct trust one = trust_of(a, sql_row(rows, i));
        if (one.expires_at <= t->now)
            left_silently(t, KIND_TRUSTS, LEFT_EXPIRED);
        else if (has_line_break(one.scopes))
            left_out(t, KIND_TRUSTS, LEFT_UNUSABLE, one.issuer);
        else if (t->options->mode == TAKEOVER_DRY)
            tally(t, KIND_TRUSTS)->added++;
        else if (t->options->mode == TAKEOVER_VERIFY)
            TRY(verify_trust(t, op, &one, e));
        else {
            list[n] = one;
            how[n++].taken = taken_name(a, "trust", one.id);
        }
    }
    if (n == 0) return true;
    TRY(store_import_trusts(t->provider->store, op, list, how, n, e));
    count_outcomes(t, KIND_TRUSTS, how, n);
    return true;
}

bool bring_trusts(struct takeover *t, struct err *e)
{
    return takeover_pages(t, KIND_TRUSTS, &(struct paging) { HYDRA_TRUSTS, 1, "00000000-0000-0000-0000-000000000000" },
                          bring_page, e);
}
