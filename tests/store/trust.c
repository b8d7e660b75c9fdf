/* Contract of trusted issuers: they live and die with their keys. */
#include "contract.h"

static struct trust a_trust(const char *id, const char *issuer, const char *subject, const char *kid)
{
    return (struct trust) { .id = str_of(id),
                            .issuer = str_of(issuer),
                            .subject = str_of(subject),
                            .any_subject = *subject == '\0',
                            .kid = str_of(kid),
                            .created_at = NOW,
                            .expires_at = NOW + 3600 * USEC_PER_SEC };
}

static struct key_row key(const char *set, const char *kid)
{
    return (
        struct key_row) { .set = str_of(set), .kid = str_of(kid), .sealed = str_of(kid), .created_at = NOW, .signs_from = NOW };
}

static void add(struct fixture *f, struct trust t, bool with_key, enum store_put expected)
{
    struct key_row row = { .set = t.issuer, .kid = t.kid, .sealed = t.kid, .created_at = NOW, .signs_from = NOW };
    GIVES(expected, store_trust_add(f->store, &f->op, &t, with_key ? &row : NULL, &f->put, &f->e));
}

/* The ids that a token of this issuer, subject and kid could belong to. */
static const char *found(struct fixture *f, const char *issuer, const char *subject, const char *kid)
{
    const struct trust_wanted q = { .issuer = str_of(issuer), .subject = str_of(subject), .kid = str_of(kid), .limit = 10 };
    struct trust *list;
    struct key_row *keys;
    struct strs ids = { 0 };
    size_t n;
    OK(store_trust_find(f->store, &f->op, &q, &list, &keys, &n, &f->e));
    for (size_t i = 0; i < n; i++) {
        assert_true(str_eq(keys[i].sealed, list[i].kid) && str_eq(keys[i].set, list[i].issuer));
        strs_add(f->op.arena, &ids, list[i].id);
    }
    return arena_dupz(f->op.arena, strs_join(f->op.arena, ids, " "));
}

static size_t keys_of(struct fixture *f, const char *set)
{
    struct key_row *rows;
    size_t n;
    int64_t version;
    OK(store_keys_get(f->store, &f->op, str_of(set), &rows, &n, &version, &f->e));
    return n;
}

static const char *listed(struct fixture *f, struct trust_filter filter)
{
    struct trust *list;
    struct strs ids = { 0 };
    size_t n;
    OK(store_trust_list(f->store, &f->op, &filter, &list, &n, &f->e));
    for (size_t i = 0; i < n; i++) strs_add(f->op.arena, &ids, list[i].id);
    return arena_dupz(f->op.arena, strs_join(f->op.arena, ids, " "));
}

static void rows_come_back_whole(void **state)
{
    F(state);
    struct str scopes[] = { STR("a b"), STR("c") };
    struct trust t = a_trust("1", "i", "s", "k"), *got;
    t.scopes = (struct strs) { scopes, 2 };
    add(f, t, true, STORE_DONE);
    add(f, a_trust("2", "i", "", "k"), false, STORE_DONE);
    OK(store_trust_get(f->store, &f->op, STR("1"), &got, &f->e));
    assert_non_null(got);
    assert_str(got->issuer, "i");
    assert_str(got->subject, "s");
    assert_str(got->kid, "k");
    assert_false(got->any_subject);
    assert_int_equal(got->scopes.n, 2);
    assert_str(got->scopes.v[0], "a b");
    assert_int_equal(got->created_at, NOW);
    assert_int_equal(got->expires_at, t.expires_at);
    OK(store_trust_get(f->store, &f->op, STR("2"), &got, &f->e));
    assert_true(got->any_subject && got->subject.n == 0 && got->scopes.n == 0);
    OK(store_trust_get(f->store, &f->op, STR("3"), &got, &f->e));
    assert_null(got);
}

static void adding_is_all_or_nothing(void **state)
{
    F(state);
    add(f, a_trust("1", "i", "s", "k"), false, STORE_CONFLICT); /* no such key */
    add(f, a_trust("1", "i", "s", "k"), true, STORE_DONE);
    add(f, a_trust("2", "i", "t", "k"), true, STORE_CONFLICT); /* the key is there */
    add(f, a_trust("2", "i", "s", "k"), false, STORE_EXISTS);
    add(f, a_trust("2", "i", "t", "k"), false, STORE_DONE);
    add(f, a_trust("3", "j", "s", "k"), true, STORE_DONE); /* another issuer's key of that name */
    assert_string_equal(listed(f, (struct trust_filter) { .limit = 10 }), "1 2 3");
    assert_int_equal(keys_of(f, "i"), 1);
}

static void finding(void **state)
{
    F(state);
    struct trust late = a_trust("3", "i", "s", "k2"), over = a_trust("4", "i", "s", "k3");
    late.created_at += USEC_PER_SEC;
    over.expires_at = f->op.now;
    add(f, a_trust("1", "i", "", "k"), true, STORE_DONE);
    add(f, a_trust("2", "i", "s", "k"), false, STORE_DONE);
    add(f, late, true, STORE_DONE);
    add(f, over, true, STORE_DONE);
    assert_string_equal(found(f, "i", "s", ""), "3 2 1");
    assert_string_equal(found(f, "i", "s", "k"), "2 1");
    assert_string_equal(found(f, "i", "x", "k"), "1");
    assert_string_equal(found(f, "i", "x", "k2"), "");
    assert_string_equal(found(f, "i", "s", "k3"), "");
    assert_string_equal(found(f, "I", "s", "k"), "");
    assert_string_equal(found(f, "j", "s", "k"), "");
}

static void listing(void **state)
{
    F(state);
    int64_t n;
    add(f, a_trust("b", "i", "s", "k"), true, STORE_DONE);
    add(f, a_trust("a", "i", "t", "k"), false, STORE_DONE);
    add(f, a_trust("c", "j", "s", "k"), true, STORE_DONE);
    assert_string_equal(listed(f, (struct trust_filter) { .limit = 10 }), "a b c");
    assert_string_equal(listed(f, (struct trust_filter) { .limit = 1, .after = STR("a") }), "b");
    assert_string_equal(listed(f, (struct trust_filter) { .limit = 2, .offset = 1 }), "b c");
    assert_string_equal(listed(f, (struct trust_filter) { .limit = 10, .issuer = STR("i") }), "a b");
    assert_string_equal(listed(f, (struct trust_filter) { .limit = 10, .issuer = STR("x") }), "");
    OK(store_trust_count(f->store, &f->op, &(struct trust_filter) { .limit = 1 }, &n, &f->e));
    assert_int_equal(n, 3);
    OK(store_trust_count(f->store, &f->op, &(struct trust_filter) { .issuer = STR("j") }, &n, &f->e));
    assert_int_equal(n, 1);
}

static void a_key_goes_with_its_last_row(void **state)
{
    F(state);
    add(f, a_trust("1", "i", "s", "k"), true, STORE_DONE);
    add(f, a_trust("2", "i", "t", "k"), false, STORE_DONE);
    GIVES(STORE_DONE, store_trust_delete(f->store, &f->op, STR("1"), &f->put, &f->e));
    GIVES(STORE_MISSING, store_trust_delete(f->store, &f->op, STR("1"), &f->put, &f->e));
    assert_string_equal(found(f, "i", "t", "k"), "2");
    assert_int_equal(keys_of(f, "i"), 1);
    GIVES(STORE_DONE, store_trust_delete(f->store, &f->op, STR("2"), &f->put, &f->e));
    assert_int_equal(keys_of(f, "i"), 0);
}

static void rows_go_with_their_key(void **state)
{
    F(state);
    add(f, a_trust("1", "i", "s", "k"), true, STORE_DONE);
    add(f, a_trust("2", "i", "s", "k2"), true, STORE_DONE);
    add(f, a_trust("3", "j", "s", "k"), true, STORE_DONE);
    GIVES(STORE_DONE, store_key_delete(f->store, &f->op, STR("i"), STR("k"), &f->put, &f->e));
    assert_string_equal(listed(f, (struct trust_filter) { .limit = 10 }), "2 3");
    const struct key_row other = key("i", "k");
    GIVES(STORE_DONE, store_keys_replace(f->store, &f->op, STR("i"), &other, 1, &f->put, &f->e));
    assert_string_equal(listed(f, (struct trust_filter) { .limit = 10 }), "3");
    GIVES(STORE_DONE, store_key_delete(f->store, &f->op, STR("j"), STR_NONE, &f->put, &f->e));
    assert_string_equal(listed(f, (struct trust_filter) { .limit = 10 }), "");
}

int run_trust_cases(void)
{
    const struct CMUnitTest trust_cases[] = {
        CASE(rows_come_back_whole),         CASE(adding_is_all_or_nothing), CASE(finding), CASE(listing),
        CASE(a_key_goes_with_its_last_row), CASE(rows_go_with_their_key),
    };
    return cmocka_run_group_tests_name("trust", trust_cases, NULL, NULL);
}
