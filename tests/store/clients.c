/* Contract of clients, marks and forced subject identifiers. */
#include "contract.h"

static struct client_row *get(struct fixture *f, const char *id)
{
    struct client_row *row;
    OK(store_client_get(f->store, &f->op, str_of(id), &row, &f->e));
    return row;
}

static void client_comes_back_whole(void **state)
{
    F(state);
    struct client_row row = a_client("shop");
    GIVES(STORE_DONE, store_client_insert(f->store, &f->op, &row, &f->put, &f->e));
    struct client_row *got = get(f, "shop");
    assert_str(got->id, "shop");
    assert_str(got->name, "Shop");
    assert_str(got->owner, "team-a");
    assert_str(got->doc, "{\"client_id\":\"x\"}");
    assert_str(got->secret_hash, "hash-3");
    assert_int_equal(got->rotated.n, 2);
    assert_str(got->rotated.v[0], "hash-2");
    assert_str(got->rotated.v[1], "hash-1");
    assert_int_equal(got->registration, 7);
    assert_int_equal(got->not_before, 5);
    assert_int_equal(got->created_at, NOW - 10);
    assert_int_equal(got->updated_at, NOW - 5);
    assert_int_equal(got->version, row.version);
    assert_true(row.version > 0);
}

static void client_texts_are_kept_byte_by_byte(void **state)
{
    F(state);
    struct client_row row = a_client("it's \"quoted\"; DROP TABLE client; --");
    row.name = STR("\xc3\xa9\xf0\x9f\x90\x99%_\\");
    row.owner = STR("");
    row.rotated = (struct strs) { 0 };
    GIVES(STORE_DONE, store_client_insert(f->store, &f->op, &row, &f->put, &f->e));
    struct client_row *got = get(f, "it's \"quoted\"; DROP TABLE client; --");
    assert_str(got->name, "\xc3\xa9\xf0\x9f\x90\x99%_\\");
    assert_non_null(got->owner.p);
    assert_int_equal(got->owner.n, 0);
    assert_int_equal(got->rotated.n, 0);
    assert_null(get(f, "it"));
}

static void client_ids_differ_by_case_and_blank(void **state)
{
    F(state);
    insert_client(f, "Shop");
    insert_client(f, "shop");
    insert_client(f, "shop ");
    assert_str(get(f, "shop ")->id, "shop ");
    assert_null(get(f, "SHOP"));
    assert_null(get(f, ""));
}

static void client_is_inserted_once(void **state)
{
    F(state);
    insert_client(f, "shop");
    struct client_row again = a_client("shop");
    again.doc = STR("{}");
    again.version = -1;
    GIVES(STORE_EXISTS, store_client_insert(f->store, &f->op, &again, &f->put, &f->e));
    assert_int_equal(again.version, -1);
    assert_str(get(f, "shop")->doc, "{\"client_id\":\"x\"}");
}

static void client_version_outlives_the_client(void **state)
{
    F(state);
    insert_client(f, "shop");
    int64_t first = get(f, "shop")->version;
    GIVES(STORE_DONE, store_client_delete(f->store, &f->op, STR("shop"), &f->put, &f->e));
    assert_null(get(f, "shop"));
    GIVES(STORE_MISSING, store_client_delete(f->store, &f->op, STR("shop"), &f->put, &f->e));
    insert_client(f, "shop");
    assert_true(get(f, "shop")->version > first);
}

static void client_update_needs_the_version(void **state)
{
    F(state);
    insert_client(f, "shop");
    struct client_row mine = *get(f, "shop"), theirs = mine;
    mine.doc = STR("{\"mine\":1}");
    mine.owner = STR("team-b");
    mine.not_before = 0; /* not what an update is for */
    GIVES(STORE_DONE, store_client_update(f->store, &f->op, &mine, &f->put, &f->e));
    assert_true(mine.version > theirs.version);

    struct client_row *got = get(f, "shop");
    assert_int_equal(got->version, mine.version);
    assert_str(got->doc, "{\"mine\":1}");
    assert_str(got->owner, "team-b");
    assert_int_equal(got->not_before, 5);
    assert_int_equal(got->created_at, NOW - 10);

    GIVES(STORE_CONFLICT, store_client_update(f->store, &f->op, &theirs, &f->put, &f->e));
    assert_str(get(f, "shop")->doc, "{\"mine\":1}");
    struct client_row none = a_client("nobody");
    GIVES(STORE_MISSING, store_client_update(f->store, &f->op, &none, &f->put, &f->e));
    assert_null(get(f, "nobody"));
}

static void client_rehash_keeps_the_version(void **state)
{
    F(state);
    insert_client(f, "shop");
    int64_t version = get(f, "shop")->version;
    OK(store_client_rehash(f->store, &f->op, STR("shop"), version, STR("better"), &f->e));
    assert_str(get(f, "shop")->secret_hash, "better");
    assert_int_equal(get(f, "shop")->version, version);
    OK(store_client_rehash(f->store, &f->op, STR("shop"), version + 1, STR("stale"), &f->e));
    OK(store_client_rehash(f->store, &f->op, STR("nobody"), 1, STR("x"), &f->e));
    assert_str(get(f, "shop")->secret_hash, "better");
}

static void client_not_before_only_grows(void **state)
{
    F(state);
    insert_client(f, "shop");
    OK(store_client_not_before(f->store, &f->op, STR("shop"), NOW, &f->e));
    assert_int_equal(get(f, "shop")->not_before, NOW);
    OK(store_client_not_before(f->store, &f->op, STR("shop"), NOW - 1, &f->e));
    OK(store_client_not_before(f->store, &f->op, STR("nobody"), NOW, &f->e));
    assert_int_equal(get(f, "shop")->not_before, NOW);
}

static void make_many(struct fixture *f)
{
    const struct {
        const char *id, *name, *owner;
    } rows[] = {
        { "b", "Shop", "o1" }, { "a", "Shop", "o2" }, { "B", "Mail", "o1" }, { "\xc3\xa4", "Shop", "o1" }, { "c", "", "" }
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct client_row row = a_client(rows[i].id);
        row.name = str_of(rows[i].name);
        row.owner = str_of(rows[i].owner);
        GIVES(STORE_DONE, store_client_insert(f->store, &f->op, &row, &f->put, &f->e));
    }
}

static void client_lists(void **state)
{
    F(state);
    make_many(f);
    const struct {
        struct client_filter filter;
        const char *ids;
        int64_t count;
    } cases[] = {
        { { .limit = 10 }, "B a b c \xc3\xa4", 5 },
        { { .limit = 2 }, "B a", 5 },
        { { .limit = 2, .offset = 2 }, "b c", 5 },
        { { .limit = 2, .offset = 9 }, "", 5 },
        { { .limit = 0 }, "", 5 },
        { { .limit = 2, .after = STR("b") }, "c \xc3\xa4", 5 },
        { { .limit = 2, .after = STR("bb") }, "c \xc3\xa4", 5 },
        { { .limit = 9, .after = STR("\xc3\xa4") }, "", 5 },
        { { .limit = 9, .name = STR("Shop") }, "a b \xc3\xa4", 3 },
        { { .limit = 9, .name = STR("shop") }, "", 0 },
        { { .limit = 9, .name = STR("Shop"), .after = STR("a") }, "b \xc3\xa4", 3 },
        { { .limit = 1, .name = STR("Shop"), .offset = 1 }, "b", 3 },
        { { .limit = 9, .owner = STR("o1") }, "B b \xc3\xa4", 3 },
        { { .limit = 9, .owner = STR("o1"), .after = STR("B") }, "b \xc3\xa4", 3 },
        { { .limit = 9, .owner = STR("o1"), .name = STR("Shop") }, "b \xc3\xa4", 2 },
        { { .limit = 9, .owner = STR(""), .name = STR("") }, "c", 1 },
        { { .limit = 9, .owner = STR("' OR 1=1 --") }, "", 0 },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct client_row *list;
        size_t n;
        int64_t count;
        OK(store_client_list(f->store, &f->op, &cases[i].filter, &list, &n, &f->e));
        OK(store_client_count(f->store, &f->op, &cases[i].filter, &count, &f->e));
        struct strs ids = { 0 };
        for (size_t k = 0; k < n; k++) strs_add(f->op.arena, &ids, list[k].id);
        assert_str(strs_join(f->op.arena, ids, " "), cases[i].ids);
        assert_int_equal(count, cases[i].count);
    }
}

static bool origin_known(struct fixture *f, const char *origin, size_t *ret_wild)
{
    bool known;
    struct strs wild;
    OK(store_origin_known(f->store, &f->op, str_of(origin), &known, &wild, &f->e));
    *ret_wild = wild.n;
    return known;
}

static void client_origins_follow_the_client(void **state)
{
    F(state);
    size_t wild;
    struct str two[] = { STR("https://spa.example"), STR("https://*.wild.example") }, one[] = { STR("https://other.example") };
    struct client_row row = a_client("origins");
    row.origins = (struct strs) { two, 2 };
    GIVES(STORE_DONE, store_client_insert(f->store, &f->op, &row, &f->put, &f->e));
    assert_true(origin_known(f, "https://spa.example", &wild));
    assert_int_equal(wild, 1);
    assert_false(origin_known(f, "https://evil.example", &wild));
    row.origins = (struct strs) { one, 1 };
    GIVES(STORE_DONE, store_client_update(f->store, &f->op, &row, &f->put, &f->e));
    assert_false(origin_known(f, "https://spa.example", &wild));
    assert_int_equal(wild, 0);
    assert_true(origin_known(f, "https://other.example", &wild));
    GIVES(STORE_DONE, store_client_delete(f->store, &f->op, row.id, &f->put, &f->e));
    assert_false(origin_known(f, "https://other.example", &wild));
}

static void client_state_tells_version_mark_and_denial(void **state)
{
    F(state);
    struct client_state st = { .version = 99 };
    OK(store_client_state(f->store, &f->op, STR("shop"), STR("t1"), &st, &f->e));
    assert_int_equal(st.version, 0);
    assert_false(st.denied);

    insert_client(f, "shop");
    OK(store_mark_put(f->store, &f->op, MARK_TOKEN_DENIED, STR("t1"), 1, NOW + 10, &f->put, NULL, &f->e));
    OK(store_mark_put(f->store, &f->op, MARK_JTI, STR("t2"), 1, NOW + 10, &f->put, NULL, &f->e));
    const struct {
        const char *token;
        bool denied;
    } cases[] = { { "", false }, { "t1", true }, { "t2", false }, { "T1", false } };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        OK(store_client_state(f->store, &f->op, STR("shop"), str_of(cases[i].token), &st, &f->e));
        assert_int_equal(st.denied, cases[i].denied);
        assert_int_equal(st.version, get(f, "shop")->version);
        assert_int_equal(st.not_before, 5);
    }
}

static void mark_is_put_once_until_it_expires(void **state)
{
    F(state);
    int64_t value = 42;
    GIVES(STORE_DONE, store_mark_put(f->store, &f->op, MARK_JTI, STR("j"), 1, NOW + 10, &f->put, &value, &f->e));
    assert_int_equal(value, 42);
    GIVES(STORE_EXISTS, store_mark_put(f->store, &f->op, MARK_JTI, STR("j"), 2, NOW + 90, &f->put, &value, &f->e));
    assert_int_equal(value, 1);
    GIVES(STORE_EXISTS, store_mark_put(f->store, &f->op, MARK_JTI, STR("j"), 2, NOW + 90, &f->put, NULL, &f->e));
    GIVES(STORE_DONE, store_mark_put(f->store, &f->op, MARK_LOGOUT, STR("j"), 3, NOW + 10, &f->put, NULL, &f->e));

    f->op.now = NOW + 10; /* "unexpired": valid before expires_at, not at it */
    OK(store_mark_get(f->store, &f->op, MARK_JTI, STR("j"), &value, &f->e));
    assert_int_equal(value, 0);
    GIVES(STORE_DONE, store_mark_put(f->store, &f->op, MARK_JTI, STR("j"), 5, NOW + 90, &f->put, NULL, &f->e));
    OK(store_mark_get(f->store, &f->op, MARK_JTI, STR("j"), &value, &f->e));
    assert_int_equal(value, 5);
}

static void mark_moves_by_comparison(void **state)
{
    F(state);
    int64_t value;
    GIVES(STORE_MISSING, store_mark_move(f->store, &f->op, MARK_LOGOUT, STR("c"), 1, 3, &f->put, &f->e));
    OK(store_mark_put(f->store, &f->op, MARK_LOGOUT, STR("c"), 1, NOW + 10, &f->put, NULL, &f->e));
    GIVES(STORE_CONFLICT, store_mark_move(f->store, &f->op, MARK_LOGOUT, STR("c"), 2, 3, &f->put, &f->e));
    GIVES(STORE_DONE, store_mark_move(f->store, &f->op, MARK_LOGOUT, STR("c"), 1, 3, &f->put, &f->e));
    GIVES(STORE_CONFLICT, store_mark_move(f->store, &f->op, MARK_LOGOUT, STR("c"), 1, 3, &f->put, &f->e));
    OK(store_mark_get(f->store, &f->op, MARK_LOGOUT, STR("c"), &value, &f->e));
    assert_int_equal(value, 3);
    f->op.now = NOW + 10;
    GIVES(STORE_MISSING, store_mark_move(f->store, &f->op, MARK_LOGOUT, STR("c"), 3, 1, &f->put, &f->e));
}

static void alias_belongs_to_one_life_of_the_client(void **state)
{
    F(state);
    struct str got;
    OK(store_alias_put(f->store, &f->op, STR("shop"), STR("alice"), STR("x"), &f->e)); /* no such client: nothing kept */
    insert_client(f, "shop");
    OK(store_alias_get(f->store, &f->op, STR("shop"), STR("alice"), &got, &f->e));
    assert_int_equal(got.n, 0);
    OK(store_alias_put(f->store, &f->op, STR("shop"), STR("alice"), STR("a1"), &f->e));
    OK(store_alias_put(f->store, &f->op, STR("shop"), STR("alice"), STR("a2"), &f->e));
    OK(store_alias_get(f->store, &f->op, STR("shop"), STR("alice"), &got, &f->e));
    assert_str(got, "a2");
    OK(store_alias_get(f->store, &f->op, STR("shop"), STR("bob"), &got, &f->e));
    assert_int_equal(got.n, 0);

    GIVES(STORE_DONE, store_client_delete(f->store, &f->op, STR("shop"), &f->put, &f->e));
    insert_client(f, "shop");
    OK(store_alias_get(f->store, &f->op, STR("shop"), STR("alice"), &got, &f->e));
    assert_int_equal(got.n, 0);
}

int run_client_cases(void)
{
    const struct CMUnitTest cases[] = {
        CASE(client_comes_back_whole),
        CASE(client_texts_are_kept_byte_by_byte),
        CASE(client_ids_differ_by_case_and_blank),
        CASE(client_is_inserted_once),
        CASE(client_version_outlives_the_client),
        CASE(client_update_needs_the_version),
        CASE(client_rehash_keeps_the_version),
        CASE(client_not_before_only_grows),
        CASE(client_lists),
        CASE(client_origins_follow_the_client),
        CASE(client_state_tells_version_mark_and_denial),
        CASE(mark_is_put_once_until_it_expires),
        CASE(mark_moves_by_comparison),
        CASE(alias_belongs_to_one_life_of_the_client),
    };
    return cmocka_run_group_tests_name("clients", cases, NULL, NULL);
}
