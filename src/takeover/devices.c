/* Devices that wait (RFC 8628): both codes go on to work, whether or not somebody has typed the user's one. The grant of an
 * approved one came with the consents. */
#include "oauth/device.h"
#include "oauth/earlier.h"
#include "takeover/takeover_int.h"

enum { CODE, USER_CODE, REQUEST, CLIENT, SCOPE, AUDIENCE, CHALLENGE, STATE, REQUESTED, EXPIRES };
enum { HYDRA_WAITING, HYDRA_ACCEPTED, HYDRA_REJECTED };

static struct str request_of(struct arena *a, const struct sql_cell *c)
{
    const struct strs audience = hydra_list(a, c[AUDIENCE].s);
    struct params kept = { 0 };
    params_add(a, &kept, STR("scope"), strs_join(a, hydra_list(a, c[SCOPE].s), " "));
    for (size_t i = 0; i < audience.n; i++)
        if (audience.v[i].n > 0) params_add(a, &kept, STR("audience"), audience.v[i]);
    return params_encode(a, &kept, false);
}

/* False: counted as left out. */
static bool read_device(struct takeover *t, struct arena *a, const struct sql_cell *c, struct device *ret)
{
    *ret = (struct device) {
        .user_code = c[USER_CODE].s,
        .state = c[STATE].i == HYDRA_ACCEPTED   ? DEVICE_GRANTED
                 : c[STATE].i == HYDRA_REJECTED ? DEVICE_REFUSED
                                                : DEVICE_WAITING,
        .client_id = c[CLIENT].s,
        .grant_id = STR(""),
        .request = request_of(a, c),
        .requested_at = c[REQUESTED].i,
        .expires_at = c[EXPIRES].i > 0 ? c[EXPIRES].i : c[REQUESTED].i + t->provider->config->ttl_device_user_code,
    };
    const bool names =
        hex_id(a, c[REQUEST].s, &ret->id) && (ret->state != DEVICE_GRANTED || hex_id(a, c[CHALLENGE].s, &ret->grant_id));
    if (!names)
        left_out(t, KIND_DEVICES, LEFT_UNUSABLE, ARENA_CAT(a, STR("a code of client "), c[CLIENT].s));
    else if (ret->expires_at <= t->now)
        left_silently(t, KIND_DEVICES, LEFT_EXPIRED);
    return names && ret->expires_at > t->now;
}

static bool verify_device(struct takeover *t, struct op *op, const struct device *row, struct err *e)
{
    struct device *there;
    TRY(store_device_get(t->provider->store, op, row->id, &there, e));
    const enum verdict v = there == NULL ? VERDICT_MISSING : there->state != row->state ? VERDICT_MOVED : VERDICT_SAME;
    count_verdict(t, KIND_DEVICES, v, row->client_id);
    return true;
}

struct batch {
    struct device *rows;
    struct import *how;
    struct earlier_token *codes;
    size_t n;
};

static bool put_devices(struct takeover *t, struct op *op, const struct batch *b, struct err *e)
{
    struct import *how = ARENA_ARRAY(op->arena, struct import, b->n + 1);
    if (b->n == 0 || t->options->mode != TAKEOVER_RUN) return true;
    TRY(store_import_devices(t->provider->store, op, b->rows, b->how, b->n, e));
    count_outcomes(t, KIND_DEVICES, b->how, b->n);
    return store_import_earlier(t->provider->store, op, b->codes, how, b->n, e);
}

static bool bring_page(struct takeover *t, struct op *op, const struct sql_rows *rows, struct err *e)
{
    struct arena *a = op->arena;
    struct batch b = { ARENA_ARRAY(a, struct device, rows->n), ARENA_ARRAY(a, struct import, rows->n),
                       ARENA_ARRAY(a, struct earlier_token, rows->n), 0 };
    for (size_t i = 0; i < rows->n; i++) {
        const struct sql_cell *c = sql_row(rows, i);
        struct device *d = &b.rows[b.n];
        if (!read_device(t, a, c, d)) continue;
        const struct device_code code = { .device_id = d->id, .expires_at = d->expires_at };
        b.codes[b.n++] = earlier_device_code(t->provider, a, token_digest(a, c[CODE].s), &code);
        if (t->options->mode == TAKEOVER_DRY) tally(t, KIND_DEVICES)->added++;
        if (t->options->mode == TAKEOVER_VERIFY) TRY(verify_device(t, op, d, e));
    }
    return put_devices(t, op, &b, e);
}

bool bring_devices(struct takeover *t, struct err *e)
{
    return takeover_pages(t, KIND_DEVICES, &(struct paging) { HYDRA_DEVICES, 1, "" }, bring_page, e);
}
