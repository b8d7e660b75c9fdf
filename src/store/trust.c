/* Trusted issuers of assertions. A row needs its key, which is a row of the set named like the issuer: both come in one write,
 * the key goes with the last row that uses it, and rows go with their key. */
#include "store_int.h"

/* No scope holds a line break (oauth/trust.c sees to it). */
static struct trust trust_of(struct arena *a, const struct sql_cell *c)
{
    return (struct trust) {
        .id = c[0].s,
        .issuer = c[1].s,
        .subject = c[2].s,
        .any_subject = c[3].i != 0,
        .kid = c[4].s,
        .created_at = c[5].i,
        .expires_at = c[6].i,
        .scopes = c[7].s.n > 0 ? strs_split(a, c[7].s, '\n') : (struct strs) { 0 },
    };
}

/* ---- changing ---- */

struct trust_write {
    const struct trust *t;
    struct str scopes, id;
    const struct key_row *key;
    enum store_put put;
};

static bool give_up(struct write *w, struct trust_write *tw, enum store_put put)
{
    tw->put = put;
    w->undo = true;
    return true;
}

static bool put_key(struct write *w, struct trust_write *tw, bool *ret_there, struct err *e)
{
    const struct key_row *k = tw->key;
    int64_t number, changed = 0;
    TRY(write_count(w, STR("keys"), 1, &number, e));
    if (k == NULL) {
        TRY(write_read_int(w, CALL(KEY_EXISTS, ARG(tw->t->issuer), ARG(tw->t->kid)), &changed, e));
    } else {
        TRY(write_change(w,
                         CALL(KEY_INSERT, ARG(k->set), ARG(k->kid), ARG(number), ARG(k->sealed), ARG(k->created_at),
                              ARG(k->signs_from)),
                         &changed, e));
    }
    *ret_there = changed > 0;
    return true;
}

static bool add(struct write *w, void *arg, struct err *e)
{
    struct trust_write *tw = arg;
    const struct trust *t = tw->t;
    int64_t changed;
    bool key_there;
    tw->put = STORE_DONE;
    TRY(put_key(w, tw, &key_there, e));
    if (!key_there) return give_up(w, tw, STORE_CONFLICT);
    TRY(write_change(w,
                     CALL(TRUST_ADD, ARG(t->id), ARG(t->issuer), ARG(t->subject), ARG((int64_t)t->any_subject), ARG(t->kid),
                          ARG(t->created_at), ARG(t->expires_at), ARG(tw->scopes)),
                     &changed, e));
    return changed > 0 || give_up(w, tw, STORE_EXISTS);
}

bool store_trust_add(struct store *s, struct op *op, const struct trust *t, const struct key_row *key, enum store_put *ret,
                     struct err *e)
{
    struct trust_write tw = { .t = t, .scopes = strs_join(op->arena, t->scopes, "\n"), .key = key };
    TRY(store_write(s, op, add, &tw, e));
    *ret = tw.put;
    return true;
}

static bool delete (struct write *w, void *arg, struct err *e)
{
    struct trust_write *tw = arg;
    struct sql_rows rows;
    int64_t number, deleted, users;
    tw->put = STORE_MISSING;
    TRY(write_read(w, CALL(TRUST_GET, ARG(tw->id)), &rows, e));
    if (rows.n == 0) return true;

    tw->put = STORE_DONE;
    const struct trust t = trust_of(w->op->arena, sql_row(&rows, 0));
    TRY(write_count(w, STR("keys"), 1, &number, e)); /* first, as every change of keys does: it makes them queue */
    TRY(write_change(w, CALL(TRUST_DELETE, ARG(t.id)), &deleted, e));
    if (deleted == 0) return give_up(w, tw, STORE_MISSING); /* another node was faster, and saw to the key */
    TRY(write_read_int(w, CALL(TRUST_KEY_USERS, ARG(t.issuer), ARG(t.kid)), &users, e));
    return users > 0 || write_change(w, CALL(KEY_DELETE, ARG(t.issuer), ARG(t.kid)), NULL, e);
}

bool store_trust_delete(struct store *s, struct op *op, struct str id, enum store_put *ret, struct err *e)
{
    struct trust_write tw = { .id = id };
    TRY(store_write(s, op, delete, &tw, e));
    *ret = tw.put;
    return true;
}

bool write_trust_orphans(struct write *w, struct str issuer, struct err *e)
{
    return write_change(w, CALL(TRUST_ORPHANS, ARG(issuer)), NULL, e);
}

/* ---- reading ---- */

static struct trust *trusts_of(struct arena *a, const struct sql_rows *rows)
{
    struct trust *list = ARENA_ARRAY(a, struct trust, rows->n + 1);
    for (size_t i = 0; i < rows->n; i++) list[i] = trust_of(a, sql_row(rows, i));
    return list;
}

bool store_trust_get(struct store *s, struct op *op, struct str id, struct trust **ret, struct err *e)
{
    struct sql_rows rows;
    TRY(store_read(s, op, CALL(TRUST_GET, ARG(id)), &rows, e));
    *ret = rows.n > 0 ? trusts_of(op->arena, &rows) : NULL;
    return true;
}

bool store_trust_list(struct store *s, struct op *op, const struct trust_filter *f, struct trust **ret, size_t *ret_n,
                      struct err *e)
{
    struct sql_rows rows;
    if (f->issuer.p != NULL)
        TRY(store_read(s, op, CALL(TRUST_LIST_ISSUER, ARG(f->after), ARG(f->limit), ARG(f->offset), ARG(f->issuer)), &rows, e));
    else
        TRY(store_read(s, op, CALL(TRUST_LIST, ARG(f->after), ARG(f->limit), ARG(f->offset)), &rows, e));
    *ret = trusts_of(op->arena, &rows);
    *ret_n = rows.n;
    return true;
}

bool store_trust_count(struct store *s, struct op *op, const struct trust_filter *f, int64_t *ret, struct err *e)
{
    if (f->issuer.p != NULL) return store_read_int(s, op, CALL(TRUST_COUNT_ISSUER, ARG(f->issuer)), ret, e);
    return store_read_int(s, op, CALL(TRUST_COUNT), ret, e);
}

bool store_trust_find(struct store *s, struct op *op, const struct trust_wanted *q, struct trust **ret, struct key_row **ret_keys,
                      size_t *ret_n, struct err *e)
{
    enum { SEALED = 8 };
    struct sql_rows rows;
    TRY(store_read(s, op, CALL(TRUST_FIND, ARG(q->issuer), ARG(q->subject), ARG(op->now), ARG(q->kid), ARG(q->limit)), &rows, e));
    struct trust *list = trusts_of(op->arena, &rows);
    struct key_row *keys = ARENA_ARRAY(op->arena, struct key_row, rows.n + 1);
    for (size_t i = 0; i < rows.n; i++)
        keys[i] = (struct key_row) { .set = list[i].issuer, .kid = list[i].kid, .sealed = sql_row(&rows, i)[SEALED].s };
    *ret = list;
    *ret_keys = keys;
    *ret_n = rows.n;
    return true;
}
