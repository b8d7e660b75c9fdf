/* Clients: rows with the metadata as JSON, versioned by a counter that never goes back. */
#include "store_int.h"

/* No hash holds a line break. */
static struct str rotated_text(struct arena *a, struct strs rotated) { return strs_join(a, rotated, "\n"); }

static struct strs rotated_list(struct arena *a, struct str text)
{
    return text.n > 0 ? strs_split(a, text, '\n') : (struct strs) { 0 };
}

static struct client_row client_of(struct arena *a, const struct sql_cell *c)
{
    return (struct client_row) {
        .id = c[0].s,
        .version = c[1].i,
        .name = c[2].s,
        .owner = c[3].s,
        .doc = c[4].s,
        .secret_hash = c[5].s,
        .rotated = rotated_list(a, c[6].s),
        .registration = c[7].i,
        .not_before = c[8].i,
        .created_at = c[9].i,
        .updated_at = c[10].i,
    };
}

bool store_client_get(struct store *s, struct op *op, struct str id, struct client_row **ret, struct err *e)
{
    struct sql_rows rows;
    TRY(store_read(s, op, CALL(CLIENT_GET, ARG(id)), &rows, e));
    *ret = NULL;
    if (rows.n == 0) return true;
    *ret = ARENA_NEW(op->arena, struct client_row);
    **ret = client_of(op->arena, sql_row(&rows, 0));
    return true;
}

/* The version is the counter's new value. Nobody else has that one before we commit: what follows a change asks for it, and so
 * does nothing when the change did nothing. So all of it can be sent at once. */
struct client_write {
    const struct client_row *row;
    struct str rotated;
    struct sql_rows changed, version;
};

static bool next_version(struct write *w, struct err *e)
{
    return write_change(w, CALL(COUNTER_ADD, ARG(STR("client")), ARG(1)), NULL, e);
}

static bool add_origins(struct write *w, const struct client_row *r, struct err *e)
{
    for (size_t i = 0; i < r->origins.n; i++) {
        struct str origin = r->origins.v[i];
        TRY(write_change(w, CALL(ORIGIN_ADD, ARG(origin), ARG(r->id), ARG((int64_t)str_has(origin, '*'))), NULL, e));
    }
    return true;
}

static bool insert(struct write *w, void *arg, struct err *e)
{
    struct client_write *cw = arg;
    const struct client_row *r = cw->row;
    TRY(next_version(w, e));
    TRY(write_change_later(w,
                           CALL(CLIENT_INSERT, ARG(r->id), ARG(r->name), ARG(r->owner), ARG(r->doc), ARG(r->secret_hash),
                                ARG(cw->rotated), ARG(r->registration), ARG(r->not_before), ARG(r->created_at),
                                ARG(r->updated_at)),
                           &cw->changed, e));
    TRY(add_origins(w, r, e));
    return write_change_later(w, CALL(COUNTER_GET, ARG(STR("client"))), &cw->version, e);
}

static bool update(struct write *w, void *arg, struct err *e)
{
    struct client_write *cw = arg;
    const struct client_row *r = cw->row;
    TRY(next_version(w, e));
    TRY(write_change_later(w,
                           CALL(CLIENT_UPDATE, ARG(r->id), ARG(r->version), ARG(r->name), ARG(r->owner), ARG(r->doc),
                                ARG(r->secret_hash), ARG(cw->rotated), ARG(r->registration), ARG(r->updated_at)),
                           &cw->changed, e));
    TRY(write_change(w, CALL(ORIGIN_RENEW, ARG(r->id)), NULL, e));
    TRY(add_origins(w, r, e));
    return write_change_later(w, CALL(COUNTER_GET, ARG(STR("client"))), &cw->version, e);
}

bool store_client_insert(struct store *s, struct op *op, struct client_row *row, enum store_put *ret, struct err *e)
{
    struct client_write cw = { .row = row, .rotated = rotated_text(op->arena, row->rotated) };
    TRY(store_write(s, op, insert, &cw, e));
    *ret = cw.changed.changed > 0 ? STORE_DONE : STORE_EXISTS;
    if (*ret == STORE_DONE) row->version = sql_row(&cw.version, 0)->i;
    return true;
}

bool store_client_update(struct store *s, struct op *op, struct client_row *row, enum store_put *ret, struct err *e)
{
    struct client_write cw = { .row = row, .rotated = rotated_text(op->arena, row->rotated) };
    struct sql_rows there;
    TRY(store_write(s, op, update, &cw, e));
    *ret = STORE_DONE;
    if (cw.changed.changed > 0) return row->version = sql_row(&cw.version, 0)->i, true;
    TRY(store_read(s, op, CALL(CLIENT_STATE, ARG(row->id)), &there, e));
    *ret = there.n > 0 ? STORE_CONFLICT : STORE_MISSING;
    return true;
}

bool write_client(struct write *w, const struct client_row *row, bool replace, enum store_put *ret, struct err *e)
{
    struct client_write cw = { .row = row, .rotated = rotated_text(w->op->arena, row->rotated) };
    struct sql_rows there;
    TRY(replace ? update(w, &cw, e) : insert(w, &cw, e));
    TRY(write_read(w, CALL(CLIENT_STATE, ARG(row->id)), &there, e)); /* and what was to come later */
    const enum store_put otherwise = !replace ? STORE_EXISTS : there.n > 0 ? STORE_CONFLICT : STORE_MISSING;
    *ret = cw.changed.changed > 0 ? STORE_DONE : otherwise;
    return true;
}

struct client_removal {
    struct str id;
    struct sql_rows locked, deleted;
};

static bool delete (struct write *w, void *arg, struct err *e)
{
    struct client_removal *rm = arg;
    TRY(write_change_later(w, CALL(CLIENT_LOCK, ARG(rm->id)), &rm->locked, e)); /* whoever changes it is done, or sees it gone */
    TRY(write_change(w, CALL(ORPHAN_ADD, ARG(rm->id)), NULL, e));
    TRY(write_change(w, CALL(ORIGIN_REMOVE, ARG(rm->id)), NULL, e));
    return write_change_later(w, CALL(CLIENT_DELETE, ARG(rm->id)), &rm->deleted, e);
}

bool store_client_delete(struct store *s, struct op *op, struct str id, enum store_put *ret, struct err *e)
{
    struct client_removal rm = { .id = id };
    TRY(store_write(s, op, delete, &rm, e));
    *ret = rm.deleted.changed > 0 ? STORE_DONE : STORE_MISSING;
    return true;
}

bool store_client_rehash(struct store *s, struct op *op, struct str id, int64_t version, struct str hash, struct err *e)
{
    return store_change(s, op, CALL(CLIENT_REHASH, ARG(id), ARG(version), ARG(hash)), NULL, e);
}

bool store_client_not_before(struct store *s, struct op *op, struct str id, usec_t moment, struct err *e)
{
    return store_change(s, op, CALL(CLIENT_NOT_BEFORE, ARG(id), ARG(moment)), NULL, e);
}

static bool read_list(struct store *s, struct op *op, const struct client_filter *f, struct sql_rows *ret, struct err *e)
{
    bool any_owner = f->owner.p == NULL;
    if (f->name.p != NULL)
        return store_read(s, op,
                          CALL(CLIENT_LIST_NAME, ARG(f->after), ARG(f->limit), ARG(f->offset), ARG(f->name), ARG(any_owner),
                               ARG(f->owner)),
                          ret, e);
    if (!any_owner)
        return store_read(s, op, CALL(CLIENT_LIST_OWNER, ARG(f->after), ARG(f->limit), ARG(f->offset), ARG(f->owner)), ret, e);
    return store_read(s, op, CALL(CLIENT_LIST, ARG(f->after), ARG(f->limit), ARG(f->offset)), ret, e);
}

bool store_client_list(struct store *s, struct op *op, const struct client_filter *f, struct client_row **ret, size_t *ret_n,
                       struct err *e)
{
    struct sql_rows rows;
    TRY(read_list(s, op, f, &rows, e));
    struct client_row *list = ARENA_ARRAY(op->arena, struct client_row, rows.n);
    for (size_t i = 0; i < rows.n; i++) list[i] = client_of(op->arena, sql_row(&rows, i));
    *ret = list;
    *ret_n = rows.n;
    return true;
}

bool store_client_count(struct store *s, struct op *op, const struct client_filter *f, int64_t *ret, struct err *e)
{
    bool any_owner = f->owner.p == NULL;
    if (f->name.p != NULL)
        return store_read_int(s, op, CALL(CLIENT_COUNT_NAME, ARG(f->name), ARG(any_owner), ARG(f->owner)), ret, e);
    if (!any_owner) return store_read_int(s, op, CALL(CLIENT_COUNT_OWNER, ARG(f->owner)), ret, e);
    return store_read_int(s, op, CALL(CLIENT_COUNT), ret, e);
}

bool store_origin_known(struct store *s, struct op *op, struct str origin, bool *ret_known, struct strs *ret_wild, struct err *e)
{
    enum { WILD_MAX = 1000 };
    int64_t known;
    struct sql_rows rows;
    TRY(store_read_int(s, op, CALL(ORIGIN_KNOWN, ARG(origin)), &known, e));
    TRY(store_read(s, op, CALL(ORIGIN_WILD, ARG((int64_t)WILD_MAX)), &rows, e));
    *ret_known = known > 0;
    *ret_wild = (struct strs) { 0 };
    for (size_t i = 0; i < rows.n; i++) strs_add(op->arena, ret_wild, sql_row(&rows, i)->s);
    return true;
}

bool store_client_state(struct store *s, struct op *op, struct str id, struct str token_id, struct client_state *ret,
                        struct err *e)
{
    struct sql_rows rows;
    if (token_id.n > 0)
        TRY(store_read(s, op, CALL(CLIENT_STATE_TOKEN, ARG(id), ARG(token_id)), &rows, e));
    else
        TRY(store_read(s, op, CALL(CLIENT_STATE, ARG(id)), &rows, e));
    *ret = (struct client_state) { 0 };
    if (rows.n == 0) return true;
    const struct sql_cell *c = sql_row(&rows, 0);
    *ret = (struct client_state) { .version = c[0].i, .not_before = c[1].i, .denied = c[2].i > 0 };
    return true;
}
