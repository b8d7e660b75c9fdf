/* JSON Web Key sets: opened with Hydra's secrets, sealed with ours. They go on to sign and to verify under the same ids. */
#include "oauth/keysets.h"
#include "takeover/takeover_int.h"

enum { SET, KID, SEALED, CREATED };

static struct str name_of(struct arena *a, const struct sql_cell *c) { return ARENA_CAT(a, c[SET].s, STR(" "), c[KID].s); }

/* Only for the names of rows: a set and a kid hold no line break together that another pair could imitate. */
static struct str taken_as(struct arena *a, const struct sql_cell *c)
{
    return taken_name(a, "key", arena_printf(a, "%zu\n%.*s%.*s", c[SET].s.n, STR_FMT(c[SET].s), STR_FMT(c[KID].s)));
}

static void unref_key(void *key) { jwk_unref(key); }

/* False: counted as left out. */
static bool open_key(struct takeover *t, struct arena *a, const struct sql_cell *c, struct jwk **ret)
{
    struct err why = ERR_INIT(a);
    struct str text;
    json_t *json;
    if (!hydra_unseal(t->source.keys, a, c[SEALED].s, &text)) {
        left_out(t, KIND_KEYS, LEFT_SEALED, name_of(a, c));
        return false;
    }
    const bool fits = c[SET].s.n <= STORE_ID_MAX && c[KID].s.n <= STORE_ID_MAX;
    if (!fits || !json_read(a, text, &json, NULL, &why) || !jwk_parse(json, ret, &why)) {
        left_out(t, KIND_KEYS, LEFT_UNUSABLE, name_of(a, c));
        return false;
    }
    arena_defer(a, unref_key, *ret);
    return true;
}

static struct key_row row_of(struct takeover *t, struct op *op, const struct sql_cell *c, const struct jwk *key)
{
    struct key_row row = keyset_row(t->provider, op, c[SET].s, key);
    row.kid = c[KID].s;
    row.created_at = row.signs_from = c[CREATED].i;
    return row;
}

static bool verify_key(struct takeover *t, struct op *op, const struct sql_cell *c, const struct jwk *key, struct err *e)
{
    const struct keyset *set;
    enum verdict v;
    TRY(absent_verdict(t, op, taken_as(op->arena, c), &v, e));
    TRY(keyset_load(t->provider, op, c[SET].s, &set, e));
    for (size_t i = 0; i < set->keys.n; i++)
        if (str_eq(set->keys.v[i]->kid, c[KID].s)) v = json_equal(set->keys.v[i]->json, key->json) ? VERDICT_SAME : VERDICT_MOVED;
    count_verdict(t, KIND_KEYS, v, name_of(op->arena, c));
    return true;
}

static bool bring_page(struct takeover *t, struct op *op, const struct sql_rows *rows, struct err *e)
{
    struct arena *a = op->arena;
    struct key_row *list = ARENA_ARRAY(a, struct key_row, rows->n);
    struct import *how = ARENA_ARRAY(a, struct import, rows->n);
    size_t n = 0;
    for (size_t i = 0; i < rows->n; i++) {
        const struct sql_cell *c = sql_row(rows, i);
        struct jwk *key;
        if (!open_key(t, a, c, &key)) continue;
        if (t->options->mode == TAKEOVER_VERIFY) TRY(verify_key(t, op, c, key, e));
        if (t->options->mode == TAKEOVER_DRY) tally(t, KIND_KEYS)->added++;
        if (t->options->mode != TAKEOVER_RUN) continue;
        list[n] = row_of(t, op, c, key);
        how[n++].taken = taken_as(a, c);
    }
    if (n == 0) return true;
    TRY(store_import_keys(t->provider->store, op, list, how, n, e));
    count_outcomes(t, KIND_KEYS, how, n);
    return true;
}

bool bring_keys(struct takeover *t, struct err *e)
{
    return takeover_pages(t, KIND_KEYS, &(struct paging) { .id = HYDRA_KEYS }, bring_page, e);
}
