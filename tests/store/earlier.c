/* Contract of what a take-over leaves: tokens are found by their digest until they expire; a jti that was used
 * before is used. */
#include "contract.h"

static struct earlier_token a_token(const char *digest, const char *token)
{
    return (struct earlier_token) { .digest = str_of(digest), .token = str_of(token), .expires_at = NOW + 5 };
}

static void put_tokens(struct fixture *f, const struct earlier_token *rows, size_t n)
{
    struct import *how = ARENA_ARRAY(f->op.arena, struct import, n);
    OK(store_import_earlier(f->store, &f->op, rows, how, n, &f->e));
}

static struct str token_of(struct fixture *f, const char *digest)
{
    struct str token;
    OK(store_earlier_get(f->store, &f->op, str_of(digest), &token, &f->e));
    return token;
}

static void tokens_are_found(void **state)
{
    F(state);
    const char *long_digest = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    const struct earlier_token rows[] = { a_token("d1", "one"), a_token(long_digest, "two") };
    put_tokens(f, rows, 2);
    assert_str(token_of(f, "d1"), "one");
    assert_str(token_of(f, long_digest), "two");
    assert_str(token_of(f, "D1"), "");
    assert_str(token_of(f, "d"), "");
    assert_str(token_of(f, ""), "");
}

static void tokens_expire(void **state)
{
    F(state);
    int64_t deleted;
    struct earlier_token rows[] = { a_token("d1", "one"), a_token("d2", "two") };
    rows[1].expires_at = USEC_NEVER;
    put_tokens(f, rows, 2);
    f->op.now = NOW + 5;
    OK(store_expire(f->store, &f->op, 10, &deleted, &f->e));
    assert_int_equal(deleted, 0);
    assert_str(token_of(f, "d1"), "one");
    f->op.now = NOW + 6;
    OK(store_expire(f->store, &f->op, 10, &deleted, &f->e));
    assert_int_equal(deleted, 1);
    assert_str(token_of(f, "d1"), "");
    assert_str(token_of(f, "d2"), "two");
}

#define BURN(outcome, id, earlier) \
    GIVES(outcome, store_mark_jti(f->store, &f->op, STR(id), STR(earlier), NOW + 20, &f->put, &f->e))

static void jtis_count_once(void **state)
{
    F(state);
    GIVES(STORE_DONE, store_mark_put(f->store, &f->op, MARK_EARLIER_JTI, STR("sha-b"), 1, NOW + 9, &f->put, NULL, &f->e));
    BURN(STORE_DONE, "a", "sha-a");
    BURN(STORE_EXISTS, "a", "sha-a");
    BURN(STORE_DONE, "a of another", "sha-a");
    BURN(STORE_EXISTS, "b", "sha-b");
    BURN(STORE_EXISTS, "b of another", "sha-b");
    BURN(STORE_DONE, "sha-b", "c"); /* the kinds are apart */
    f->op.now = NOW + 9;            /* the one from before has expired, that of "a" has not */
    BURN(STORE_DONE, "b", "sha-b");
    BURN(STORE_EXISTS, "a", "sha-a");
    f->op.now = NOW + 20;
    BURN(STORE_DONE, "a", "sha-a");
    int64_t value;
    f->op.now = NOW;
    OK(store_mark_get(f->store, &f->op, MARK_JTI, STR("a"), &value, &f->e));
    assert_int_equal(value, 1);
}

int run_earlier_cases(void)
{
    const struct CMUnitTest tests[] = {
        CASE(tokens_are_found),
        CASE(tokens_expire),
        CASE(jtis_count_once),
    };
    return cmocka_run_group_tests_name("earlier", tests, NULL, NULL);
}
