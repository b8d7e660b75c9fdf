/* JSON Web Key sets: rows of sealed keys. Every change first adds to the counter 'keys': that is the version others poll, and its
 * row lock makes nodes that change keys at the same time queue. */
#include "store_int.h"

struct keys_write {
    struct str set, kid;
    const struct key_row *rows;
    size_t n;
    int64_t still;
    enum store_put put;
};

static int64_t numbers_needed(size_t keys) { return keys > 0 ? (int64_t)keys : 1; }

/* The first of `rows` gets the highest number: it counts as the newest of those made in the same moment. */
static bool insert_rows(struct write *w, struct keys_write *kw, int64_t newest, struct err *e)
{
    kw->put = STORE_DONE;
    for (size_t i = 0; i < kw->n; i++) {
        const struct key_row *r = &kw->rows[i];
        int64_t seq = newest - (int64_t)i, changed;
        TRY(write_change(w,
                         CALL(KEY_INSERT, ARG(r->set), ARG(r->kid), ARG(seq), ARG(r->sealed), ARG(r->created_at),
                              ARG(r->signs_from)),
                         &changed, e));
        if (changed > 0) continue;
        kw->put = STORE_EXISTS;
        w->undo = true;
        return true;
    }
    return true;
}

static bool add(struct write *w, void *arg, struct err *e)
{
    struct keys_write *kw = arg;
    int64_t newest, there;
    TRY(write_count(w, STR("keys"), numbers_needed(kw->n), &newest, e));
    TRY(write_read_int(w, CALL(KEYS_COUNT, ARG(kw->set)), &there, e));
    if (kw->still == STORE_KEYS_ANY || there == kw->still) return insert_rows(w, kw, newest, e);
    kw->put = STORE_EXISTS;
    w->undo = true;
    return true;
}

bool store_keys_add(struct store *s, struct op *op, const struct key_row *rows, size_t n, int64_t still, enum store_put *ret,
                    struct err *e)
{
    struct keys_write kw = { .set = n > 0 ? rows[0].set : STR_NONE, .rows = rows, .n = n, .still = still };
    TRY(store_write(s, op, add, &kw, e));
    *ret = kw.put;
    return true;
}

static bool replace(struct write *w, void *arg, struct err *e)
{
    struct keys_write *kw = arg;
    int64_t newest;
    TRY(write_count(w, STR("keys"), numbers_needed(kw->n), &newest, e));
    TRY(write_change(w, CALL(KEYS_DELETE, ARG(kw->set)), NULL, e));
    TRY(insert_rows(w, kw, newest, e));
    return write_trust_orphans(w, kw->set, e);
}

bool store_keys_replace(struct store *s, struct op *op, struct str set, const struct key_row *rows, size_t n, enum store_put *ret,
                        struct err *e)
{
    struct keys_write kw = { .set = set, .rows = rows, .n = n };
    TRY(store_write(s, op, replace, &kw, e));
    *ret = kw.put;
    return true;
}

static bool upsert(struct write *w, void *arg, struct err *e)
{
    const struct key_row *r = arg;
    int64_t newest;
    TRY(write_count(w, STR("keys"), 1, &newest, e));
    return write_change(w,
                        CALL(KEY_UPSERT, ARG(r->set), ARG(r->kid), ARG(newest), ARG(r->sealed), ARG(r->created_at),
                             ARG(r->signs_from)),
                        NULL, e);
}

bool store_key_upsert(struct store *s, struct op *op, const struct key_row *row, struct err *e)
{
    struct key_row copy = *row;
    return store_write(s, op, upsert, &copy, e);
}

static bool delete (struct write *w, void *arg, struct err *e)
{
    struct keys_write *kw = arg;
    int64_t number, changed;
    TRY(write_count(w, STR("keys"), 1, &number, e));
    if (kw->kid.p != NULL)
        TRY(write_change(w, CALL(KEY_DELETE, ARG(kw->set), ARG(kw->kid)), &changed, e));
    else
        TRY(write_change(w, CALL(KEYS_DELETE, ARG(kw->set)), &changed, e));
    kw->put = changed > 0 ? STORE_DONE : STORE_MISSING;
    w->undo = changed == 0;
    return changed == 0 || write_trust_orphans(w, kw->set, e);
}

bool store_key_delete(struct store *s, struct op *op, struct str set, struct str kid, enum store_put *ret, struct err *e)
{
    struct keys_write kw = { .set = set, .kid = kid };
    TRY(store_write(s, op, delete, &kw, e));
    *ret = kw.put;
    return true;
}

/* The set and the version in one statement, so that they belong together: the version stands in every row, also in the one
 * without a key that stands for an empty set. */
bool store_keys_get(struct store *s, struct op *op, struct str set, struct key_row **ret, size_t *ret_n, int64_t *ret_version,
                    struct err *e)
{
    struct sql_rows rows;
    TRY(store_read(s, op, CALL(KEYS_GET, ARG(set)), &rows, e));
    struct key_row *list = ARENA_ARRAY(op->arena, struct key_row, rows.n);
    struct str name = arena_dup(op->arena, set);
    size_t n = 0;
    for (size_t i = 0; i < rows.n; i++) {
        const struct sql_cell *c = sql_row(&rows, i);
        if (c[1].s.p == NULL) continue;
        list[n++] = (struct key_row) { .set = name, .kid = c[1].s, .sealed = c[2].s, .created_at = c[3].i, .signs_from = c[4].i };
    }
    *ret = list;
    *ret_n = n;
    *ret_version = rows.n > 0 ? sql_row(&rows, 0)->i : 0;
    return true;
}

bool store_keys_version(struct store *s, struct op *op, int64_t *ret, struct err *e)
{
    return store_read_int(s, op, CALL(COUNTER_GET, ARG(STR("keys"))), ret, e);
}
