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

bool grant_counts(const struct grant *g)
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
                              ARG(g->access_not_before), ARG(g->expires_at), ARG(grant_counts(g))),
                         STORE_EXISTS, ret, e);
}

static bool missing_or_conflict(struct store *s, struct op *op, struct str id, enum store_put *ret, struct err *e)
{
    int64_t there;
    TRY(store_read_int(s, op, CALL(GRANT_EXISTS, ARG(id)), &there, e));
    *ret = there > 0 ? STORE_CONFLICT : STORE_MISSING;
    return true;
}

struct grant_write {
    const struct grant_move *move;
    const struct sql_call *call;
    struct sql_rows locked, moved;
};

/* SQLite writes the entries of every index that has a column among those that are set, whether it changed or not; servers look.
 * So there a statement that sets few columns is tried first: it does for most moves, at a third of the cost. */
static bool move_row(struct write *w, void *arg, struct err *e)
{
    struct grant_write *gw = arg;
    if (w->c->driver->embedded) {
        struct sql_call step = *gw->call;
        step.id = STMT_GRANT_STEP;
        TRY(write_change(w, &step, &gw->moved.changed, e));
        if (gw->moved.changed > 0) return true;
    }
    return write_change_later(w, gw->call, &gw->moved, e);
}

/* In one round trip where the database allows: nothing here waits for the outcome of what comes before. */
static bool move_with_session(struct write *w, void *arg, struct err *e)
{
    struct grant_write *gw = arg;
    const struct grant_move *m = gw->move;
    const struct grant *g = m->to;
    TRY(write_change_later(w, CALL(GRANT_LOCK, ARG(g->id)), &gw->locked, e));
    if (m->drop_session.n > 0) TRY(write_session_drop(w, m, e));
    if (m->session != NULL) TRY(write_session(w, m, e));
    return move_row(w, gw, e);
}

bool store_grant_move(struct store *s, struct op *op, const struct grant_move *m, enum store_put *ret, struct err *e)
{
    const struct grant *g = m->to;
    const struct sql_call *call =
        CALL(GRANT_MOVE, ARG(g->id), ARG(m->from), ARG(m->from_generation), ARG(g->state), ARG(g->generation), ARG(g->subject),
             ARG(g->session_id), ARG(g->request), ARG(g->session), ARG(g->remember), ARG(g->skipped), ARG(g->consent_until),
             ARG(g->requested_at), ARG(g->handled_at), ARG(g->rotated_at), ARG(g->reuses), ARG(g->access_not_before),
             ARG(g->expires_at), ARG(grant_counts(g)));
    bool alone = m->session == NULL && m->drop_session.n == 0;
    if (alone && !s->driver->embedded) {
        TRY(store_put_one(s, op, call, STORE_CONFLICT, ret, e));
    } else {
        struct grant_write gw = { .move = m, .call = call };
        TRY(store_write(s, op, alone ? move_row : move_with_session, &gw, e));
        *ret = gw.moved.changed > 0 ? STORE_DONE : STORE_CONFLICT;
    }
    return *ret == STORE_DONE || missing_or_conflict(s, op, g->id, ret, e);
}

bool store_grant_end(struct store *s, struct op *op, struct str id, enum store_put *ret, struct err *e)
{
    return store_put_one(s, op, CALL(GRANT_END, ARG(id)), STORE_MISSING, ret, e);
}

bool store_grant_reuse(struct store *s, struct op *op, struct str id, int64_t generation, int64_t max, enum store_put *ret,
                       struct err *e)
{
    TRY(store_put_one(s, op, CALL(GRANT_REUSE, ARG(id), ARG(generation), ARG(max)), STORE_CONFLICT, ret, e));
    return *ret == STORE_DONE || missing_or_conflict(s, op, id, ret, e);
}
