/* Rows of another server that may be deleted here: a mark per row remembers that it was brought, so that the next run does not
 * bring it back. The mark and the row are one write. */
#include "store_int.h"

/* What was marked when the row was brought; MARK_NONE: it was not. */
#define MARK_NONE INT64_MIN

static bool taken(struct write *w, struct str name, int64_t *ret, struct err *e)
{
    struct sql_rows rows;
    TRY(write_read(w, CALL(TAKEN_GET, ARG(name)), &rows, e));
    *ret = rows.n > 0 ? sql_row(&rows, 0)->i : MARK_NONE;
    return true;
}

static bool take(struct write *w, struct str name, int64_t value, struct err *e)
{
    return write_change(w, CALL(TAKEN_PUT, ARG(name), ARG(value), ARG(USEC_NEVER)), NULL, e);
}

bool store_import_any(struct store *s, struct op *op, bool *ret, struct err *e)
{
    int64_t any;
    TRY(store_read_int(s, op, CALL(TAKEN_ANY), &any, e));
    *ret = any > 0;
    return true;
}

/* ---- clients ---- */

struct clients {
    const struct client_row *rows;
    struct import *how;
    size_t n;
};

/* A client of our own with the same id stays, and nothing is marked: should it go, the other one may come. */
static bool client_first(struct write *w, const struct client_row *row, struct import *how, struct err *e)
{
    enum store_put put;
    TRY(write_client(w, row, false, &put, e));
    how->outcome = put == STORE_DONE ? IMPORT_ADDED : IMPORT_KNOWN;
    return put != STORE_DONE || take(w, how->taken, row->updated_at, e);
}

static bool client_again(struct write *w, const struct client_row *row, int64_t brought, struct import *how, struct err *e)
{
    struct sql_rows rows;
    enum store_put put;
    how->outcome = IMPORT_KNOWN;
    if (row->updated_at <= brought) return true;
    TRY(write_read(w, CALL(CLIENT_GET, ARG(row->id)), &rows, e));
    if (rows.n == 0 || sql_row(&rows, 0)[10].i != brought) return true; /* deleted or changed here */
    struct client_row now = *row;
    now.version = sql_row(&rows, 0)[1].i;
    now.registration = sql_row(&rows, 0)[7].i;
    TRY(write_client(w, &now, true, &put, e));
    if (put == STORE_DONE) how->outcome = IMPORT_AGAIN;
    return put != STORE_DONE || write_change(w, CALL(TAKEN_AGAIN, ARG(how->taken), ARG(row->updated_at)), NULL, e);
}

static bool import_clients(struct write *w, void *arg, struct err *e)
{
    const struct clients *l = arg;
    for (size_t i = 0; i < l->n; i++) {
        int64_t brought;
        TRY(taken(w, l->how[i].taken, &brought, e));
        if (brought == MARK_NONE)
            TRY(client_first(w, &l->rows[i], &l->how[i], e));
        else
            TRY(client_again(w, &l->rows[i], brought, &l->how[i], e));
    }
    return true;
}

bool store_import_clients(struct store *s, struct op *op, const struct client_row *rows, struct import *how, size_t n,
                          struct err *e)
{
    return store_write(s, op, import_clients, &(struct clients) { rows, how, n }, e);
}

/* ---- keys ---- */

struct keys {
    const struct key_row *rows;
    struct import *how;
    size_t n;
};

static bool import_key(struct write *w, const struct key_row *k, struct import *how, struct err *e)
{
    int64_t brought, number, changed;
    TRY(taken(w, how->taken, &brought, e));
    how->outcome = IMPORT_KNOWN;
    if (brought != MARK_NONE) return true;
    TRY(write_count(w, STR("keys"), 1, &number, e));
    TRY(write_change(w,
                     CALL(KEY_INSERT, ARG(k->set), ARG(k->kid), ARG(number), ARG(k->sealed), ARG(k->created_at),
                          ARG(k->signs_from)),
                     &changed, e));
    if (changed > 0) how->outcome = IMPORT_ADDED;
    return changed == 0 || take(w, how->taken, 1, e);
}

static bool import_keys(struct write *w, void *arg, struct err *e)
{
    const struct keys *l = arg;
    for (size_t i = 0; i < l->n; i++) TRY(import_key(w, &l->rows[i], &l->how[i], e));
    return true;
}

bool store_import_keys(struct store *s, struct op *op, const struct key_row *rows, struct import *how, size_t n, struct err *e)
{
    return store_write(s, op, import_keys, &(struct keys) { rows, how, n }, e);
}

/* ---- trusted issuers ---- */

struct trusts {
    const struct trust *rows;
    struct import *how;
    size_t n;
};

static bool import_trust(struct write *w, const struct trust *t, struct import *how, struct err *e)
{
    int64_t brought, key, changed;
    struct str scopes = strs_join(w->op->arena, t->scopes, "\n");
    TRY(taken(w, how->taken, &brought, e));
    how->outcome = IMPORT_KNOWN;
    if (brought != MARK_NONE) return true;
    TRY(write_read_int(w, CALL(KEY_EXISTS, ARG(t->issuer), ARG(t->kid)), &key, e));
    how->outcome = IMPORT_REFUSED;
    if (key == 0) return true;
    TRY(write_change(w,
                     CALL(TRUST_ADD, ARG(t->id), ARG(t->issuer), ARG(t->subject), ARG((int64_t)t->any_subject), ARG(t->kid),
                          ARG(t->created_at), ARG(t->expires_at), ARG(scopes)),
                     &changed, e));
    how->outcome = changed > 0 ? IMPORT_ADDED : IMPORT_KNOWN;
    return changed == 0 || take(w, how->taken, 1, e);
}

static bool import_trusts(struct write *w, void *arg, struct err *e)
{
    const struct trusts *l = arg;
    for (size_t i = 0; i < l->n; i++) TRY(import_trust(w, &l->rows[i], &l->how[i], e));
    return true;
}

bool store_import_trusts(struct store *s, struct op *op, const struct trust *rows, struct import *how, size_t n, struct err *e)
{
    return store_write(s, op, import_trusts, &(struct trusts) { rows, how, n }, e);
}

/* ---- login sessions: many, so nothing is asked before ---- */

struct sessions {
    const struct session_row *rows;
    struct import *how;
    size_t n;
    struct sql_rows *added, *again;
};

static bool import_sessions(struct write *w, void *arg, struct err *e)
{
    const struct sessions *l = arg;
    for (size_t i = 0; i < l->n; i++) {
        const struct session_row *r = &l->rows[i];
        const struct str name = l->how[i].taken;
        TRY(write_change_later(w,
                               CALL(SESSION_IMPORT, ARG(r->id), ARG(r->subject), ARG(r->remember), ARG(r->authenticated_at),
                                    ARG(r->expires_at), ARG(r->idp_session_id), ARG(name)),
                               &l->added[i], e));
        TRY(write_change_later(w, CALL(SESSION_AGAIN, ARG(r->id), ARG(r->remember), ARG(r->authenticated_at), ARG(r->expires_at)),
                               &l->again[i], e));
        /* As long as the row itself would have lived. */
        TRY(write_change(w, CALL(TAKEN_PUT, ARG(name), ARG((int64_t)1), ARG(r->expires_at)), NULL, e));
    }
    return true;
}

bool store_import_sessions(struct store *s, struct op *op, const struct session_row *rows, struct import *how, size_t n,
                           struct err *e)
{
    struct sessions l = { rows, how, n, ARENA_ARRAY(op->arena, struct sql_rows, n + 1),
                          ARENA_ARRAY(op->arena, struct sql_rows, n + 1) };
    TRY(store_write(s, op, import_sessions, &l, e));
    for (size_t i = 0; i < n; i++)
        how[i].outcome = l.added[i].changed > 0 ? IMPORT_ADDED : l.again[i].changed > 0 ? IMPORT_AGAIN : IMPORT_KNOWN;
    return true;
}
