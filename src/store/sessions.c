/* Login sessions. An expired one counts as absent, whether or not its row is gone yet. */
#include "store_int.h"

bool store_session_get(struct store *s, struct op *op, struct str id, struct session_row **ret, struct err *e)
{
    struct sql_rows rows;
    TRY(store_read(s, op, CALL(SESSION_GET, ARG(id), ARG(op->now)), &rows, e));
    *ret = NULL;
    if (rows.n == 0) return true;
    const struct sql_cell *c = sql_row(&rows, 0);
    *ret = ARENA_NEW(op->arena, struct session_row);
    **ret = (struct session_row) {
        .id = c[0].s,
        .subject = c[1].s,
        .remember = c[2].i != 0,
        .authenticated_at = c[3].i,
        .expires_at = c[4].i,
        .idp_session_id = c[5].s,
    };
    return true;
}

bool write_session(struct write *w, const struct grant_move *m, struct err *e)
{
    const struct session_row *r = m->session;
    return write_change(w,
                        CALL(SESSION_PUT, ARG(r->id), ARG(r->subject), ARG(r->remember), ARG(r->authenticated_at),
                             ARG(r->expires_at), ARG(r->idp_session_id), ARG(m->to->id), ARG(m->from), ARG(m->from_generation)),
                        NULL, e);
}

bool write_session_drop(struct write *w, const struct grant_move *m, struct err *e)
{
    const struct sql_arg args[] = { ARG(m->drop_session), ARG(m->to->id), ARG(m->from), ARG(m->from_generation) };
    struct sql_call forget = { .id = STMT_SESSION_DROP_FORGET, .args = args, .n = ARRAY_LEN(args) }, drop = forget;
    drop.id = STMT_SESSION_DROP;
    return write_change(w, &forget, NULL, e) && write_change(w, &drop, NULL, e);
}

struct session_removal {
    struct str key;
    const struct delivery *rows;
    size_t n;
    struct sql_rows deleted;
};

static bool delete (struct write *w, void *arg, struct err *e)
{
    struct session_removal *rm = arg;
    TRY(write_change(w, CALL(SESSION_FORGET, ARG(rm->key)), NULL, e));
    if (rm->n == 0) return write_change_later(w, CALL(SESSION_DELETE, ARG(rm->key)), &rm->deleted, e);
    TRY(write_change(w, CALL(SESSION_DELETE, ARG(rm->key)), &rm->deleted.changed, e));
    return rm->deleted.changed == 0 || write_deliveries(w, rm->rows, rm->n, e);
}

bool store_session_end(struct store *s, struct op *op, struct str id, const struct delivery *rows, size_t n, enum store_put *ret,
                       struct err *e)
{
    struct session_removal rm = { .key = id, .rows = rows, .n = n };
    if (id.n > 0) TRY(store_write(s, op, delete, &rm, e));
    *ret = rm.deleted.changed > 0 ? STORE_DONE : STORE_MISSING;
    return true;
}

bool store_session_delete(struct store *s, struct op *op, struct str id, enum store_put *ret, struct err *e)
{
    return store_session_end(s, op, id, NULL, 0, ret, e);
}

static bool delete_subject(struct write *w, void *arg, struct err *e)
{
    struct session_removal *rm = arg;
    TRY(write_change(w, CALL(SESSION_FORGET_SUBJECT, ARG(rm->key)), NULL, e));
    return write_change(w, CALL(SESSION_DELETE_SUBJECT, ARG(rm->key)), NULL, e);
}

bool store_session_delete_subject(struct store *s, struct op *op, struct str subject, struct err *e)
{
    struct session_removal rm = { .key = subject };
    return store_write(s, op, delete_subject, &rm, e);
}

struct session_extension {
    struct str id;
    usec_t expires_at;
};

static bool extend(struct write *w, void *arg, struct err *e)
{
    const struct session_extension *x = arg;
    TRY(write_change(w, CALL(SESSION_EXTEND_GRANTS, ARG(x->id), ARG(x->expires_at)), NULL, e));
    return write_change(w, CALL(SESSION_EXTEND, ARG(x->id), ARG(x->expires_at)), NULL, e);
}

bool store_session_extend(struct store *s, struct op *op, struct str id, usec_t expires_at, struct err *e)
{
    struct session_extension x = { .id = id, .expires_at = expires_at };
    return store_write(s, op, extend, &x, e);
}

bool store_session_lacks(struct store *s, struct op *op, struct str id, struct str client_id, usec_t *ret_until, struct err *e)
{
    struct sql_rows rows;
    TRY(store_read(s, op, CALL(SESSION_LACKS, ARG(id), ARG(client_id), ARG(op->now)), &rows, e));
    *ret_until = rows.n > 0 ? sql_row(&rows, 0)->i : 0;
    return true;
}

bool store_session_clients(struct store *s, struct op *op, struct str subject, struct str session_id, struct strs *ret,
                           struct err *e)
{
    struct sql_rows rows;
    TRY(store_read(s, op, CALL(SESSION_CLIENTS, ARG(session_id), ARG(subject)), &rows, e));
    struct strs list = { .v = ARENA_ARRAY(op->arena, struct str, rows.n), .n = rows.n };
    for (size_t i = 0; i < rows.n; i++) list.v[i] = sql_row(&rows, i)->s;
    *ret = list;
    return true;
}
