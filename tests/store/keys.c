/* Contract of key sets. */
#include "contract.h"

static struct key_row key(const char *set, const char *kid, usec_t created_at)
{
    return (struct key_row) {
        .set = str_of(set), .kid = str_of(kid), .sealed = STR("sealed"), .created_at = created_at, .signs_from = created_at + 60
    };
}

static int64_t version(struct fixture *f)
{
    int64_t v;
    OK(store_keys_version(f->store, &f->op, &v, &f->e));
    return v;
}

/* The kids in order, separated by blanks. */
static const char *kids(struct fixture *f, const char *set)
{
    struct key_row *rows;
    size_t n;
    int64_t v;
    OK(store_keys_get(f->store, &f->op, str_of(set), &rows, &n, &v, &f->e));
    assert_int_equal(v, version(f));
    struct strs list = { 0 };
    for (size_t i = 0; i < n; i++) {
        assert_str(rows[i].set, set);
        assert_str(rows[i].sealed, "sealed");
        assert_int_equal(rows[i].signs_from, rows[i].created_at + 60);
        strs_add(f->op.arena, &list, rows[i].kid);
    }
    return arena_dupz(f->op.arena, strs_join(f->op.arena, list, " "));
}

static void add(struct fixture *f, struct key_row row, enum store_put expected)
{
    GIVES(expected, store_keys_add(f->store, &f->op, &row, 1, STORE_KEYS_ANY, &f->put, &f->e));
}

static void keys_come_newest_first(void **state)
{
    F(state);
    assert_string_equal(kids(f, "s"), "");
    add(f, key("s", "old", NOW - 5), STORE_DONE);
    const struct key_row two[] = { key("s", "x2", NOW), key("s", "x1", NOW) };
    GIVES(STORE_DONE, store_keys_add(f->store, &f->op, two, 2, STORE_KEYS_ANY, &f->put, &f->e));
    add(f, key("s", "older", NOW - 9), STORE_DONE);
    add(f, key("s", "x0", NOW), STORE_DONE);
    add(f, key("t", "other", NOW), STORE_DONE);
    assert_string_equal(kids(f, "s"), "x0 x2 x1 old older");
    assert_string_equal(kids(f, "t"), "other");
    assert_string_equal(kids(f, "S"), "");
}

static void keys_are_added_all_or_none(void **state)
{
    F(state);
    add(f, key("s", "a", NOW), STORE_DONE);
    int64_t before = version(f);
    const struct key_row clash[] = { key("s", "b", NOW), key("s", "a", NOW) };
    const struct key_row twice[] = { key("s", "c", NOW), key("s", "c", NOW) };
    GIVES(STORE_EXISTS, store_keys_add(f->store, &f->op, clash, 2, STORE_KEYS_ANY, &f->put, &f->e));
    GIVES(STORE_EXISTS, store_keys_add(f->store, &f->op, twice, 2, STORE_KEYS_ANY, &f->put, &f->e));
    assert_string_equal(kids(f, "s"), "a");
    assert_int_equal(version(f), before);
    add(f, key("t", "a", NOW), STORE_DONE); /* a kid is taken within its set only */
}

static void keys_first_one_wins(void **state)
{
    F(state);
    struct key_row mine = key("s", "mine", NOW), theirs = key("s", "theirs", NOW);
    GIVES(STORE_DONE, store_keys_add(f->store, &f->op, &mine, 1, 0, &f->put, &f->e));
    GIVES(STORE_EXISTS, store_keys_add(f->store, &f->op, &theirs, 1, 0, &f->put, &f->e));
    assert_string_equal(kids(f, "s"), "mine");
    GIVES(STORE_DONE, store_keys_add(f->store, &f->op, &theirs, 1, 1, &f->put, &f->e));
    theirs = key("s", "late", NOW);
    GIVES(STORE_EXISTS, store_keys_add(f->store, &f->op, &theirs, 1, 1, &f->put, &f->e));
    assert_string_equal(kids(f, "s"), "theirs mine");
}

static void keys_set_is_replaced(void **state)
{
    F(state);
    add(f, key("s", "a", NOW), STORE_DONE);
    add(f, key("t", "a", NOW), STORE_DONE);
    const struct key_row two[] = { key("s", "c", NOW), key("s", "b", NOW) };
    const struct key_row twice[] = { key("s", "d", NOW), key("s", "d", NOW) };
    int64_t before = version(f);
    GIVES(STORE_DONE, store_keys_replace(f->store, &f->op, STR("s"), two, 2, &f->put, &f->e));
    assert_true(version(f) > before);
    assert_string_equal(kids(f, "s"), "c b");
    GIVES(STORE_EXISTS, store_keys_replace(f->store, &f->op, STR("s"), twice, 2, &f->put, &f->e));
    assert_string_equal(kids(f, "s"), "c b");
    before = version(f);
    GIVES(STORE_DONE, store_keys_replace(f->store, &f->op, STR("s"), NULL, 0, &f->put, &f->e));
    assert_true(version(f) > before);
    assert_string_equal(kids(f, "s"), "");
    assert_string_equal(kids(f, "t"), "a");
}

static void key_is_upserted(void **state)
{
    F(state);
    struct key_row k = key("s", "a", NOW);
    OK(store_key_upsert(f->store, &f->op, &k, &f->e));
    add(f, key("s", "b", NOW + 1), STORE_DONE);
    int64_t before = version(f);
    k = key("s", "a", NOW + 2);
    OK(store_key_upsert(f->store, &f->op, &k, &f->e));
    assert_true(version(f) > before);
    assert_string_equal(kids(f, "s"), "a b");
}

static void key_deletion(void **state)
{
    F(state);
    const struct key_row three[] = { key("s", "a", NOW), key("s", "b", NOW), key("s", "c", NOW) };
    GIVES(STORE_DONE, store_keys_add(f->store, &f->op, three, 3, STORE_KEYS_ANY, &f->put, &f->e));
    add(f, key("t", "a", NOW), STORE_DONE);
    int64_t before = version(f);
    GIVES(STORE_MISSING, store_key_delete(f->store, &f->op, STR("s"), STR("x"), &f->put, &f->e));
    GIVES(STORE_MISSING, store_key_delete(f->store, &f->op, STR("s"), STR(""), &f->put, &f->e));
    GIVES(STORE_MISSING, store_key_delete(f->store, &f->op, STR("u"), STR_NONE, &f->put, &f->e));
    assert_int_equal(version(f), before);
    GIVES(STORE_DONE, store_key_delete(f->store, &f->op, STR("s"), STR("b"), &f->put, &f->e));
    assert_true(version(f) > before);
    assert_string_equal(kids(f, "s"), "a c");
    GIVES(STORE_DONE, store_key_delete(f->store, &f->op, STR("s"), STR_NONE, &f->put, &f->e));
    assert_string_equal(kids(f, "s"), "");
    assert_string_equal(kids(f, "t"), "a");
}

int run_key_cases(void)
{
    const struct CMUnitTest cases[] = {
        CASE(keys_come_newest_first), CASE(keys_are_added_all_or_none),
        CASE(keys_first_one_wins),    CASE(keys_set_is_replaced),
        CASE(key_is_upserted),        CASE(key_deletion),
    };
    return cmocka_run_group_tests_name("keys", cases, NULL, NULL);
}
