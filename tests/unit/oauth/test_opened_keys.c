/* Opened keys are remembered by what they were sealed as. */
#include "world.h"

#include <pthread.h>

#include "oauth/keysets.h"
#include "oauth/opened_keys.h"

static struct key_row sealed(struct world *w, const char *set, const char *kid)
{
    struct jwk *key;
    WORLD_TRY(w, jwk_generate(STR("ES256"), str_of(kid), STR("sig"), 0, &key, &w->e));
    const struct key_row row = keyset_row(w->p, &w->op, str_of(set), key);
    jwk_unref(key);
    return row;
}

static struct jwk *opened(struct world *w, const struct key_row *row)
{
    struct jwk *key;
    WORLD_TRY(w, keyset_row_open(w->p, &w->op, row, &key, &w->e));
    return key;
}

static void test_the_same_text_is_the_same_key(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, "");
    const struct key_row row = sealed(&w, "s", "k"), changed = sealed(&w, "s", "k");
    assert_ptr_equal(opened(&w, &row), opened(&w, &row));
    assert_ptr_not_equal(opened(&w, &row), opened(&w, &changed));
    world_close(&w);
}

/* What would not open is not found either: in another set, and after a reload without its secret. */
static void test_bound_to_set_and_secret(void **state)
{
    (void)state;
    struct world w;
    struct jwk *key;
    world_open(&w, "");
    const struct key_row row = sealed(&w, "s", "k");
    struct key_row moved = row;
    moved.set = STR("t");
    opened(&w, &row);
    assert_false(keyset_row_open(w.p, &w.op, &moved, &key, &w.e));
    assert_true(err_is(&w.e, &err_MISCONFIGURATION));

    struct provider *other = world_provider(&w, "secrets: { system: [quite-another-secret] }");
    assert_false(keyset_row_open(other, &w.op, &row, &key, &w.e));
    provider_unref(other);
    world_close(&w);
}

static void test_long_texts_are_not_kept(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, "");
    struct jwk *key = opened(&w, (struct key_row[]) { sealed(&w, "s", "k") });
    struct opened_keys *known = opened_keys_new();
    char *text = arena_alloc(w.arena, OPENED_KEY_LARGEST + 1);
    memset(text, 'x', OPENED_KEY_LARGEST + 1);
    struct key_row row = { .set = STR("s"), .sealed = { text, OPENED_KEY_LARGEST + 1 } };
    opened_keys_keep(known, &row, key);
    assert_null(opened_keys_find(known, &row));
    row.sealed.n--;
    opened_keys_keep(known, &row, key);
    struct jwk *found = opened_keys_find(known, &row);
    assert_ptr_equal(found, key);
    jwk_unref(found);
    opened_keys_free(known);
    world_close(&w);
}

/* ---- more keys than places, by several threads (the sanitizers see what is lost or used too late) ---- */

enum { KEYS = 2 * OPENED_KEYS_MAX };

struct readers {
    struct world *w;
    struct key_row rows[KEYS];
};

static void *open_all(void *arg)
{
    const struct readers *r = arg;
    for (int i = 0; i < KEYS; i++) {
        struct op op = { .arena = arena_new(), .now = r->w->op.now, .may_wait = true };
        struct err e = ERR_INIT(op.arena);
        struct jwk *key;
        const char kid[] = { (char)('a' + i % 26), (char)('a' + i / 26), '\0' };
        const bool right = keyset_row_open(r->w->p, &op, &r->rows[i], &key, &e) && str_eq(key->kid, str_of(kid));
        arena_free(op.arena);
        if (!right) return arg;
    }
    return NULL;
}

static void test_more_than_places(void **state)
{
    (void)state;
    struct world w;
    pthread_t threads[3];
    world_open(&w, "");
    struct readers *r = ARENA_NEW(w.arena, struct readers);
    r->w = &w;
    for (int i = 0; i < KEYS; i++) {
        const char kid[] = { (char)('a' + i % 26), (char)('a' + i / 26), '\0' };
        r->rows[i] = sealed(&w, "s", kid);
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) assert_int_equal(pthread_create(&threads[i], NULL, open_all, r), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_text_is_the_same_key),
        cmocka_unit_test(test_bound_to_set_and_secret),
        cmocka_unit_test(test_long_texts_are_not_kept),
        cmocka_unit_test(test_more_than_places),
    };
    return RUN(tests);
}
