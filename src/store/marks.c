/* Marks: "this happened" until it expires. A mark that has expired counts as absent, whether or not its row is gone yet. */
#include "store_int.h"

struct mark_write {
    enum mark_kind kind;
    struct str id;
    int64_t value, to;
    usec_t expires_at;
    enum store_put put;
    int64_t found;
};

static bool put(struct write *w, void *arg, struct err *e)
{
    struct mark_write *m = arg;
    int64_t changed;
    m->put = STORE_DONE;
    TRY(write_change(w, CALL(MARK_PUT, ARG(m->kind), ARG(m->id), ARG(m->value), ARG(m->expires_at), ARG(w->op->now)), &changed,
                     e));
    if (changed > 0) return true;
    m->put = STORE_EXISTS;
    return write_read_int(w, CALL(MARK_GET, ARG(m->kind), ARG(m->id), ARG(w->op->now)), &m->found, e);
}

bool store_mark_put(struct store *s, struct op *op, enum mark_kind kind, struct str id, int64_t value, usec_t expires_at,
                    enum store_put *ret, int64_t *ret_value, struct err *e)
{
    struct mark_write m = { .kind = kind, .id = id, .value = value, .expires_at = expires_at };
    TRY(store_write(s, op, put, &m, e));
    if (m.put == STORE_EXISTS && ret_value != NULL) *ret_value = m.found;
    *ret = m.put;
    return true;
}

static bool move(struct write *w, void *arg, struct err *e)
{
    struct mark_write *m = arg;
    int64_t changed;
    m->put = STORE_DONE;
    TRY(write_change(w, CALL(MARK_MOVE, ARG(m->kind), ARG(m->id), ARG(m->value), ARG(m->to), ARG(w->op->now)), &changed, e));
    if (changed > 0) return true;

    struct sql_rows rows;
    TRY(write_read(w, CALL(MARK_GET, ARG(m->kind), ARG(m->id), ARG(w->op->now)), &rows, e));
    m->put = rows.n > 0 ? STORE_CONFLICT : STORE_MISSING;
    return true;
}

bool store_mark_move(struct store *s, struct op *op, enum mark_kind kind, struct str id, int64_t from, int64_t to,
                     enum store_put *ret, struct err *e)
{
    struct mark_write m = { .kind = kind, .id = id, .value = from, .to = to };
    TRY(store_write(s, op, move, &m, e));
    *ret = m.put;
    return true;
}

bool store_mark_get(struct store *s, struct op *op, enum mark_kind kind, struct str id, int64_t *ret_value, struct err *e)
{
    return store_read_int(s, op, CALL(MARK_GET, ARG(kind), ARG(id), ARG(op->now)), ret_value, e);
}
