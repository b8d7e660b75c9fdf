/* Marks: "this happened" until it expires. A mark that has expired counts as absent, whether or not its row is gone yet. */
#include "store_int.h"

bool store_mark_put(struct store *s, struct op *op, enum mark_kind kind, struct str id, int64_t value, usec_t expires_at,
                    enum store_put *ret, int64_t *ret_value, struct err *e)
{
    TRY(store_put_one(s, op, CALL(MARK_PUT, ARG(kind), ARG(id), ARG(value), ARG(expires_at), ARG(op->now)), STORE_EXISTS, ret,
                      e));
    return *ret == STORE_DONE || ret_value == NULL || store_mark_get(s, op, kind, id, ret_value, e);
}

bool store_mark_move(struct store *s, struct op *op, enum mark_kind kind, struct str id, int64_t from, int64_t to,
                     enum store_put *ret, struct err *e)
{
    int64_t there;
    TRY(store_put_one(s, op, CALL(MARK_MOVE, ARG(kind), ARG(id), ARG(from), ARG(to), ARG(op->now)), STORE_CONFLICT, ret, e));
    if (*ret == STORE_DONE) return true;
    TRY(store_read_int(s, op, CALL(MARK_EXISTS, ARG(kind), ARG(id), ARG(op->now)), &there, e));
    *ret = there > 0 ? STORE_CONFLICT : STORE_MISSING;
    return true;
}

bool store_mark_get(struct store *s, struct op *op, enum mark_kind kind, struct str id, int64_t *ret_value, struct err *e)
{
    return store_read_int(s, op, CALL(MARK_GET, ARG(kind), ARG(id), ARG(op->now)), ret_value, e);
}

bool store_mark_jti(struct store *s, struct op *op, struct str id, struct str earlier, usec_t expires_at, enum store_put *ret,
                    struct err *e)
{
    return store_put_one(s, op, CALL(MARK_JTI, ARG(id), ARG(earlier), ARG(expires_at), ARG(op->now)), STORE_EXISTS, ret, e);
}
