/* Rows of another server whose own id says whether they were brought before: each is inserted if it is not there, in one pass
 * over all of them; the rest is looked at in a second pass, which on a first run has nothing to do. */
#include "grants_int.h"

struct list {
    const void *rows;
    size_t n, size; /* of a row */
    const struct ways *ways;
    struct import *how;
    struct sql_rows *outcomes; /* of the first pass */
};

struct ways {
    /* Does nothing when the id is there. The outcome may come with the commit. */
    bool (*add)(struct write *w, const void *row, struct sql_rows *ret, struct err *e);
    /* Of a row that was not added. */
    bool (*again)(struct write *w, const void *row, enum import_outcome *ret, struct err *e);
};

static const void *row_at(const struct list *l, size_t i) { return (const char *)l->rows + i * l->size; }

static bool add_all(struct write *w, void *arg, struct err *e)
{
    struct list *l = arg;
    for (size_t i = 0; i < l->n; i++) TRY(l->ways->add(w, row_at(l, i), &l->outcomes[i], e));
    return true;
}

static bool again_all(struct write *w, void *arg, struct err *e)
{
    struct list *l = arg;
    for (size_t i = 0; i < l->n; i++)
        if (l->outcomes[i].changed == 0) TRY(l->ways->again(w, row_at(l, i), &l->how[i].outcome, e));
    return true;
}

static bool import_list(struct store *s, struct op *op, struct list *l, struct err *e)
{
    size_t left = 0;
    if (l->n == 0) return true;
    l->outcomes = ARENA_ARRAY(op->arena, struct sql_rows, l->n);
    TRY(store_write(s, op, add_all, l, e));
    for (size_t i = 0; i < l->n; i++) {
        l->how[i].outcome = IMPORT_ADDED;
        left += l->outcomes[i].changed == 0;
    }
    return left == 0 || store_write(s, op, again_all, l, e);
}

#define LIST(rows_, n_, how_, add_, again_) \
    (&(struct list) {                       \
        .rows = (rows_), .n = (n_), .size = sizeof(*(rows_)), .how = (how_), .ways = &(const struct ways) { add_, again_ } })

/* What there is after nothing was changed: a row of ours, or nothing to belong to. */
static bool known_or_refused(struct write *w, const struct sql_call *exists, enum import_outcome *ret, struct err *e)
{
    int64_t there;
    TRY(write_read_int(w, exists, &there, e));
    *ret = there > 0 ? IMPORT_KNOWN : IMPORT_REFUSED;
    return true;
}

/* ---- forced subject identifiers ---- */

static bool alias_add(struct write *w, const void *row, struct sql_rows *ret, struct err *e)
{
    const struct alias *a = row;
    return write_change_later(w, CALL(ALIAS_IMPORT, ARG(a->client_id), ARG(a->subject), ARG(a->alias)), ret, e);
}

static bool alias_again(struct write *w, const void *row, enum import_outcome *ret, struct err *e)
{
    const struct alias *a = row;
    return known_or_refused(w, CALL(ALIAS_EXISTS, ARG(a->client_id), ARG(a->subject)), ret, e);
}

bool store_import_aliases(struct store *s, struct op *op, const struct alias *rows, struct import *how, size_t n, struct err *e)
{
    return import_list(s, op, LIST(rows, n, how, alias_add, alias_again), e);
}

/* ---- marks ---- */

static bool mark_add(struct write *w, const void *row, struct sql_rows *ret, struct err *e)
{
    const struct mark *m = row;
    return write_change_later(w, CALL(MARK_PUT, ARG(m->kind), ARG(m->id), ARG((int64_t)1), ARG(m->expires_at), ARG(w->op->now)),
                              ret, e);
}

static bool mark_again(struct write *w, const void *row, enum import_outcome *ret, struct err *e)
{
    (void)w, (void)row, (void)e;
    *ret = IMPORT_KNOWN;
    return true;
}

bool store_import_marks(struct store *s, struct op *op, const struct mark *rows, struct import *how, size_t n, struct err *e)
{
    return import_list(s, op, LIST(rows, n, how, mark_add, mark_again), e);
}

/* ---- grants ---- */

static bool grant_add(struct write *w, const void *row, struct sql_rows *ret, struct err *e)
{
    const struct grant *g = row;
    return write_change_later(w,
                              CALL(GRANT_IMPORT, ARG(g->id), ARG(g->state), ARG(g->generation), ARG(g->client_id),
                                   ARG(g->subject), ARG(g->session_id), ARG(g->request), ARG(g->session), ARG(g->remember),
                                   ARG(g->skipped), ARG(g->consent_until), ARG(g->requested_at), ARG(g->handled_at),
                                   ARG(g->rotated_at), ARG(g->reuses), ARG(g->access_not_before), ARG(g->expires_at),
                                   ARG(grant_counts(g))),
                              ret, e);
}

static bool grant_again(struct write *w, const void *row, enum import_outcome *ret, struct err *e)
{
    const struct grant *g = row;
    int64_t changed;
    TRY(write_change(w,
                     CALL(GRANT_AGAIN, ARG(g->id), ARG(g->state), ARG(g->generation), ARG(g->session), ARG(g->rotated_at),
                          ARG(g->expires_at)),
                     &changed, e));
    if (changed == 0) return known_or_refused(w, CALL(GRANT_EXISTS, ARG(g->id)), ret, e);
    *ret = IMPORT_AGAIN;
    return true;
}

bool store_import_grants(struct store *s, struct op *op, const struct grant *rows, struct import *how, size_t n, struct err *e)
{
    return import_list(s, op, LIST(rows, n, how, grant_add, grant_again), e);
}

struct ended {
    const struct str *ids;
    size_t n;
    int64_t sum;
};

static bool end_all(struct write *w, void *arg, struct err *e)
{
    struct ended *x = arg;
    x->sum = 0;
    for (size_t i = 0; i < x->n; i++) {
        int64_t changed;
        TRY(write_change(w, CALL(GRANT_IMPORT_END, ARG(x->ids[i])), &changed, e));
        x->sum += changed;
    }
    return true;
}

bool store_import_ended(struct store *s, struct op *op, const struct str *ids, size_t n, int64_t *ret_ended, struct err *e)
{
    struct ended x = { ids, n, 0 };
    if (n > 0) TRY(store_write(s, op, end_all, &x, e));
    *ret_ended = x.sum;
    return true;
}

/* ---- tokens ---- */

static bool earlier_add(struct write *w, const void *row, struct sql_rows *ret, struct err *e)
{
    const struct earlier_token *t = row;
    return write_change_later(w, CALL(EARLIER_PUT, ARG(t->digest), ARG(t->expires_at), ARG(t->token)), ret, e);
}

/* Such a row only says what a token stands for, and nothing here ever changes one. */
static bool earlier_again(struct write *w, const void *row, enum import_outcome *ret, struct err *e)
{
    const struct earlier_token *t = row;
    int64_t changed;
    TRY(write_change(w, CALL(EARLIER_AGAIN, ARG(t->digest), ARG(t->expires_at), ARG(t->token)), &changed, e));
    *ret = changed > 0 ? IMPORT_AGAIN : IMPORT_KNOWN;
    return true;
}

bool store_import_earlier(struct store *s, struct op *op, const struct earlier_token *rows, struct import *how, size_t n,
                          struct err *e)
{
    return import_list(s, op, LIST(rows, n, how, earlier_add, earlier_again), e);
}

/* ---- devices ---- */

static bool device_add(struct write *w, const void *row, struct sql_rows *ret, struct err *e)
{
    const struct device *d = row;
    return write_change_later(w,
                              CALL(DEVICE_IMPORT, ARG(d->id), ARG(d->user_code), ARG(d->state), ARG(d->client_id),
                                   ARG(d->grant_id), ARG(d->requested_at), ARG(d->expires_at), ARG(d->request)),
                              ret, e);
}

static bool device_again(struct write *w, const void *row, enum import_outcome *ret, struct err *e)
{
    const struct device *d = row;
    int64_t changed;
    TRY(write_change(w, CALL(DEVICE_AGAIN, ARG(d->id), ARG(d->state), ARG(d->grant_id)), &changed, e));
    if (changed == 0) return known_or_refused(w, CALL(DEVICE_EXISTS, ARG(d->id)), ret, e);
    *ret = IMPORT_AGAIN;
    return true;
}

bool store_import_devices(struct store *s, struct op *op, const struct device *rows, struct import *how, size_t n, struct err *e)
{
    return import_list(s, op, LIST(rows, n, how, device_add, device_again), e);
}
