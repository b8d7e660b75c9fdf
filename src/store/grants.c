/* Grants: every change is a compare-and-set on state and generation, one statement whose count of changed rows decides. */
#include "grants_int.h"

struct grant grant_of(const struct sql_cell *c)
{
    return (struct grant) {
        .id = c[0].s,
        .state = (enum grant_state)c[1].i,
        .generation = c[2].i,
        .client_id = c[3].s,
        .subject = c[4].s,
        .session_id = c[5].s,
        .request = c[6].s,
        .session = c[7].s,
        .remember = c[8].i != 0,
        .skipped = c[9].i != 0,
        .consent_until = c[10].i,
        .requested_at = c[11].i,
        .handled_at = c[12].i,
        .rotated_at = c[13].i,
        .reuses = c[14].i,
        .access_not_before = c[15].i,
        .expires_at = c[16].i,
        .client_version = c[17].i,
        .client_not_before = c[18].i,
    };
}

struct grant *grant_first(struct arena *a, const struct sql_rows *rows)
{
    if (rows->n == 0) return NULL;
    struct grant *g = ARENA_NEW(a, struct grant);
    *g = grant_of(sql_row(rows, 0));
    return g;
}

bool store_grant_get(struct store *s, struct op *op, struct str id, struct grant **ret, struct err *e)
{
    struct sql_rows rows;
    TRY(store_read(s, op, CALL(GRANT_GET, ARG(id)), &rows, e));
    *ret = grant_first(op->arena, &rows);
    return true;
}

/* Whether the row is a consent in its own right: given by a person, and seen through by the browser. */
static bool counts(const struct grant *g)
{
    bool given = g->state == GRANT_CONSENTED || g->state == GRANT_ACTIVE || g->state == GRANT_ENDED;
    return given && !g->skipped && g->consent_until > 0;
}

bool store_grant_insert(struct store *s, struct op *op, const struct grant *g, enum store_put *ret, struct err *e)
{
    return store_put_one(s, op,
                         CALL(GRANT_INSERT, ARG(g->id), ARG(g->state), ARG(g->generation), ARG(g->client_id), ARG(g->subject),
                              ARG(g->session_id), ARG(g->request), ARG(g->session), ARG(g->remember), ARG(g->skipped),
                              ARG(g->consent_until), ARG(g->requested_at), ARG(g->handled_at), ARG(g->rotated_at), ARG(g->reuses),
                              ARG(g->access_not_before), ARG(g->expires_at), ARG(counts(g))),
                         STORE_EXISTS, ret, e);
}

static bool missing_or_conflict(struct write *w, struct str id, enum store_put *ret, struct err *e)
{
    int64_t there;
    TRY(write_read_int(w, CALL(GRANT_EXISTS, ARG(id)), &there, e));
    *ret = there > 0 ? STORE_CONFLICT : STORE_MISSING;
    return true;
}

static bool write_move(struct write *w, const struct grant_move *m, int64_t *ret_changed, struct err *e)
{
    const struct grant *g = m->to;
    return write_change(w,
                        CALL(GRANT_MOVE, ARG(g->id), ARG(m->from), ARG(m->from_generation), ARG(g->state), ARG(g->generation),
                             ARG(g->subject), ARG(g->session_id), ARG(g->request), ARG(g->session), ARG(g->remember),
                             ARG(g->skipped), ARG(g->consent_until), ARG(g->requested_at), ARG(g->handled_at), ARG(g->rotated_at),
                             ARG(g->reuses), ARG(g->access_not_before), ARG(g->expires_at), ARG(counts(g))),
                        ret_changed, e);
}

struct grant_write {
    const struct grant_move *move;
    struct str id;
    int64_t generation, max;
    enum store_put put;
};

static bool move(struct write *w, void *arg, struct err *e)
{
    struct grant_write *gw = arg;
    const struct grant_move *m = gw->move;
    int64_t changed;
    TRY(write_move(w, m, &changed, e));
    if (changed == 0) return missing_or_conflict(w, m->to->id, &gw->put, e);

    gw->put = STORE_DONE;
    if (m->drop_session.n > 0) TRY(write_session_delete(w, m->drop_session, NULL, e));
    return m->session == NULL || write_session(w, m->session, e);
}

bool store_grant_move(struct store *s, struct op *op, const struct grant_move *m, enum store_put *ret, struct err *e)
{
    struct grant_write gw = { .move = m };
    TRY(store_write(s, op, move, &gw, e));
    *ret = gw.put;
    return true;
}

bool store_grant_end(struct store *s, struct op *op, struct str id, enum store_put *ret, struct err *e)
{
    return store_put_one(s, op, CALL(GRANT_END, ARG(id)), STORE_MISSING, ret, e);
}

static bool reuse(struct write *w, void *arg, struct err *e)
{
    struct grant_write *gw = arg;
    int64_t changed;
    gw->put = STORE_DONE;
    TRY(write_change(w, CALL(GRANT_REUSE, ARG(gw->id), ARG(gw->generation), ARG(gw->max)), &changed, e));
    return changed > 0 || missing_or_conflict(w, gw->id, &gw->put, e);
}

bool store_grant_reuse(struct store *s, struct op *op, struct str id, int64_t generation, int64_t max, enum store_put *ret,
                       struct err *e)
{
    struct grant_write gw = { .id = id, .generation = generation, .max = max };
    TRY(store_write(s, op, reuse, &gw, e));
    *ret = gw.put;
    return true;
}
