/* Devices: one row each from the device's request until it expires. Its state moves once, by compare-and-set. */
#include "store_int.h"

bool store_device_put(struct store *s, struct op *op, const struct device *d, enum store_put *ret, struct err *e)
{
    return store_put_one(s, op,
                         CALL(DEVICE_PUT, ARG(d->id), ARG(d->user_code), ARG(d->state), ARG(d->client_id), ARG(d->requested_at),
                              ARG(d->polled_at), ARG(d->expires_at), ARG(d->request)),
                         STORE_EXISTS, ret, e);
}

static bool get(struct store *s, struct op *op, const struct sql_call *call, struct device **ret, struct err *e)
{
    struct sql_rows rows;
    *ret = NULL;
    TRY(store_read(s, op, call, &rows, e));
    if (rows.n == 0) return true;
    const struct sql_cell *c = sql_row(&rows, 0);
    *ret = ARENA_NEW(op->arena, struct device);
    **ret = (struct device) { .id = c[0].s,
                              .user_code = c[1].s,
                              .state = (enum device_state)c[2].i,
                              .client_id = c[3].s,
                              .grant_id = c[4].s,
                              .requested_at = c[5].i,
                              .polled_at = c[6].i,
                              .expires_at = c[7].i,
                              .request = c[8].s };
    return true;
}

bool store_device_get(struct store *s, struct op *op, struct str id, struct device **ret, struct err *e)
{
    return get(s, op, CALL(DEVICE_GET, ARG(id)), ret, e);
}

bool store_device_by_code(struct store *s, struct op *op, struct str user_code, struct device **ret, struct err *e)
{
    return get(s, op, CALL(DEVICE_BY_CODE, ARG(user_code)), ret, e);
}

bool store_device_decide(struct store *s, struct op *op, struct str id, enum device_state to, struct str grant_id,
                         enum store_put *ret, struct err *e)
{
    return store_put_one(s, op, CALL(DEVICE_DECIDE, ARG(id), ARG(to), ARG(grant_id), ARG(op->now)), STORE_CONFLICT, ret, e);
}

bool store_device_poll(struct store *s, struct op *op, struct str id, usec_t latest, enum store_put *ret, struct err *e)
{
    return store_put_one(s, op, CALL(DEVICE_POLL, ARG(id), ARG(op->now), ARG(latest)), STORE_CONFLICT, ret, e);
}
