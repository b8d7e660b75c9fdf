/* Contract of what runs in the background: deliveries, expiry, readiness; and of waiting. */
#include "contract.h"

#include <pthread.h>
#include <stdio.h>

static struct delivery delivery(const char *id, usec_t due_at)
{
    return (struct delivery) { .id = str_of(id),
                               .url = STR("https://rp.example/logout"),
                               .body = STR("sealed"),
                               .due_at = due_at,
                               .expires_at = NOW + 1000 };
}

/* They are queued with the end of a session. */
static void queue(struct fixture *f, const struct delivery *rows, size_t n)
{
    struct session_row row = a_session("sid-queue", "alice");
    insert_session(f, &row);
    GIVES(STORE_DONE, store_session_end(f->store, &f->op, row.id, rows, n, &f->put, &f->e));
}

static const char *take(struct fixture *f, int64_t limit, usec_t lease, int64_t attempts)
{
    struct delivery *list;
    size_t n;
    OK(store_delivery_take(f->store, &f->op, limit, lease, &list, &n, &f->e));
    struct strs ids = { 0 };
    for (size_t i = 0; i < n; i++) {
        assert_str(list[i].url, "https://rp.example/logout");
        assert_str(list[i].body, "sealed");
        assert_int_equal(list[i].attempts, attempts);
        assert_int_equal(list[i].due_at, f->op.now + lease);
        assert_int_equal(list[i].expires_at, NOW + 1000);
        strs_add(f->op.arena, &ids, list[i].id);
    }
    return arena_dupz(f->op.arena, strs_join(f->op.arena, ids, " "));
}

static void deliveries_are_leased(void **state)
{
    F(state);
    const struct delivery three[] = { delivery("b", NOW), delivery("a", NOW - 1), delivery("later", NOW + 500) };
    queue(f, three, 3);
    assert_string_equal(take(f, 1, 50, 1), "a");
    assert_string_equal(take(f, 9, 50, 1), "b");
    assert_string_equal(take(f, 9, 50, 1), "");
    f->op.now = NOW + 50; /* whoever took them died */
    OK(store_delivery_done(f->store, &f->op, STR("a"), &f->e));
    assert_string_equal(take(f, 9, 50, 2), "b");
    OK(store_delivery_retry(f->store, &f->op, STR("b"), NOW + 60, &f->e));
    f->op.now = NOW + 60;
    assert_string_equal(take(f, 9, 50, 3), "b");
    f->op.now = NOW + 1000; /* nobody wants to hear it any more */
    assert_string_equal(take(f, 9, 50, 0), "");
    OK(store_delivery_done(f->store, &f->op, STR("nothing"), &f->e));
}

static void deliveries_come_with_the_end_of_a_session(void **state)
{
    F(state);
    struct delivery d = delivery("a", NOW);
    GIVES(STORE_MISSING, store_session_end(f->store, &f->op, STR("nobody's"), &d, 1, &f->put, &f->e));
    GIVES(STORE_MISSING, store_session_end(f->store, &f->op, STR(""), &d, 1, &f->put, &f->e));
    assert_string_equal(take(f, 9, 50, 1), "");
    struct session_row row = a_session("sid-1", "alice");
    insert_session(f, &row);
    GIVES(STORE_DONE, store_session_end(f->store, &f->op, row.id, &d, 1, &f->put, &f->e));
    GIVES(STORE_MISSING, store_session_end(f->store, &f->op, row.id, &d, 1, &f->put, &f->e));
    assert_string_equal(take(f, 9, 50, 1), "a");
    assert_string_equal(take(f, 9, 50, 1), "");
}

static void delivery_is_put_once(void **state)
{
    F(state);
    struct delivery d = delivery("a", NOW);
    queue(f, &d, 1);
    assert_string_equal(take(f, 9, 50, 1), "a");
    queue(f, &d, 1);
    queue(f, NULL, 0);
    assert_string_equal(take(f, 9, 50, 1), "");
}

static int64_t expire(struct fixture *f, int64_t limit)
{
    int64_t deleted;
    OK(store_expire(f->store, &f->op, limit, &deleted, &f->e));
    return deleted;
}

static void expiry_takes_what_is_over(void **state)
{
    F(state);
    insert_client(f, "shop");
    struct session_row s = a_session("sid-1", "alice");
    s.expires_at = NOW + 5;
    insert_session(f, &s);
    struct grant g = a_grant("g1", GRANT_ACTIVE);
    g.expires_at = NOW + 5;
    insert_grant(f, &g);
    struct delivery d = delivery("a", NOW);
    d.expires_at = NOW + 5;
    queue(f, &d, 1);
    GIVES(STORE_DONE, store_mark_put(f->store, &f->op, MARK_JTI, STR("j"), 1, NOW + 5, &f->put, NULL, &f->e));
    GIVES(STORE_DONE, store_mark_put(f->store, &f->op, MARK_JTI, STR("k"), 1, NOW + 9, &f->put, NULL, &f->e));

    f->op.now = NOW + 5;
    assert_int_equal(expire(f, 100), 0);
    f->op.now = NOW + 6;
    assert_int_equal(expire(f, 100), 4);
    assert_int_equal(expire(f, 100), 0);
    assert_null(get_grant(f, "g1"));
    f->op.now = NOW;
    int64_t value;
    OK(store_mark_get(f->store, &f->op, MARK_JTI, STR("j"), &value, &f->e));
    assert_int_equal(value, 0);
    OK(store_mark_get(f->store, &f->op, MARK_JTI, STR("k"), &value, &f->e));
    assert_int_equal(value, 1);
}

static void expiry_goes_in_slices(void **state)
{
    F(state);
    for (int i = 0; i < 10; i++) {
        char id[16];
        snprintf(id, sizeof(id), "j%d", i);
        GIVES(STORE_DONE, store_mark_put(f->store, &f->op, MARK_JTI, str_of(id), 1, NOW + i, &f->put, NULL, &f->e));
    }
    f->op.now = NOW + 8;
    assert_int_equal(expire(f, 3), 3);
    assert_int_equal(expire(f, 3), 3);
    assert_int_equal(expire(f, 3), 2);
    assert_int_equal(expire(f, 3), 0);
}

static void expiry_removes_what_a_client_left(void **state)
{
    F(state);
    insert_client(f, "shop");
    insert_client(f, "mail");
    const char *ids[] = { "1", "2", "3" };
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        struct grant g = a_grant(ids[i], GRANT_ACTIVE);
        insert_grant(f, &g);
        OK(store_alias_put(f->store, &f->op, STR("shop"), str_of(ids[i]), STR("x"), &f->e));
    }
    struct grant other = a_grant("other", GRANT_ACTIVE), next = a_grant("next", GRANT_ACTIVE);
    other.client_id = STR("mail");
    insert_grant(f, &other);
    assert_int_equal(expire(f, 2), 0);

    GIVES(STORE_DONE, store_client_delete(f->store, &f->op, STR("shop"), &f->put, &f->e));
    insert_client(f, "shop");
    insert_grant(f, &next);
    OK(store_alias_put(f->store, &f->op, STR("shop"), STR("1"), STR("kept"), &f->e));
    assert_int_equal(expire(f, 2), 4);
    assert_int_equal(expire(f, 2), 2);
    assert_int_equal(expire(f, 2), 0);
    assert_int_equal(expire(f, 2), 0);
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) assert_null(get_grant(f, ids[i]));
    assert_non_null(get_grant(f, "other"));
    assert_non_null(get_grant(f, "next"));
    struct str alias;
    OK(store_alias_get(f->store, &f->op, STR("shop"), STR("1"), &alias, &f->e));
    assert_str(alias, "kept");
}

static void writes_do_not_run_where_nobody_may_wait(void **state)
{
    F(state);
    f->op.may_wait = false;
    struct client_row row = a_client("shop");
    struct grant g = a_grant("g1", GRANT_ACTIVE);
    struct grant_move m = { .from = GRANT_ACTIVE, .to = &g };
    struct delivery *list;
    size_t n;
    int64_t count;
    FAILS(MUST_WAIT, store_client_insert(f->store, &f->op, &row, &f->put, &f->e));
    FAILS(MUST_WAIT, store_client_delete(f->store, &f->op, row.id, &f->put, &f->e));
    FAILS(MUST_WAIT, store_grant_insert(f->store, &f->op, &g, &f->put, &f->e));
    FAILS(MUST_WAIT, store_grant_move(f->store, &f->op, &m, &f->put, &f->e));
    FAILS(MUST_WAIT, store_mark_put(f->store, &f->op, MARK_JTI, STR("j"), 1, NOW + 9, &f->put, NULL, &f->e));
    FAILS(MUST_WAIT, store_keys_replace(f->store, &f->op, STR("s"), NULL, 0, &f->put, &f->e));
    FAILS(MUST_WAIT, store_delivery_take(f->store, &f->op, 1, 1, &list, &n, &f->e));
    FAILS(MUST_WAIT, store_expire(f->store, &f->op, 1, &count, &f->e));
    f->op.may_wait = true;
    assert_null(get_grant(f, "g1"));
}

static void ready_when_migrated(void **state)
{
    F(state);
    OK(store_ready(f->store, &f->op, &f->e));
    OK(store_ready(f->store, &f->op, &f->e));
    OK(store_migrate_down(f->store, &f->op, 1, NULL, NULL, &f->e));
    FAILS(MISCONFIGURATION, store_ready(f->store, &f->op, &f->e));
    OK(store_migrate_up(f->store, &f->op, NULL, NULL, &f->e));
    OK(store_ready(f->store, &f->op, &f->e));
}

/* Races: of many that compare and set the same thing, one wins. */

enum { RIVALS = 24 };

struct rival {
    struct fixture *f;
    int number;
    bool ok;
    enum store_put put;
};

static void *redeem(void *arg)
{
    struct rival *r = arg;
    ARENA_AUTO a = arena_new();
    struct op op = { .arena = a, .now = NOW, .may_wait = true };
    struct err e = ERR_INIT(a);
    struct grant *g;
    r->ok = store_grant_get(r->f->store, &op, STR("g1"), &g, &e);
    if (!r->ok) return NULL;
    g->state = GRANT_ACTIVE;
    g->generation = 1;
    struct grant_move m = { .from = GRANT_CONSENTED, .from_generation = 0, .to = g };
    r->ok = store_grant_move(r->f->store, &op, &m, &r->put, &e);
    return NULL;
}

static void *make_first_key(void *arg)
{
    struct rival *r = arg;
    ARENA_AUTO a = arena_new();
    struct op op = { .arena = a, .now = NOW, .may_wait = true };
    struct err e = ERR_INIT(a);
    struct key_row row = { .set = STR("s"), .kid = arena_printf(a, "k%d", r->number), .sealed = STR("x") };
    r->ok = store_keys_add(r->f->store, &op, &row, 1, 0, &r->put, &e);
    return NULL;
}

static void race(struct fixture *f, void *(*run)(void *), enum store_put loser)
{
    struct rival rivals[RIVALS];
    pthread_t threads[RIVALS];
    for (int i = 0; i < RIVALS; i++) {
        rivals[i] = (struct rival) { .f = f, .number = i };
        assert_int_equal(pthread_create(&threads[i], NULL, run, &rivals[i]), 0);
    }
    int winners = 0;
    for (int i = 0; i < RIVALS; i++) {
        pthread_join(threads[i], NULL);
        assert_true(rivals[i].ok);
        assert_true(rivals[i].put == STORE_DONE || rivals[i].put == loser);
        winners += rivals[i].put == STORE_DONE;
    }
    assert_int_equal(winners, 1);
}

static void races_have_one_winner(void **state)
{
    F(state);
    insert_client(f, "shop");
    struct grant g = a_grant("g1", GRANT_CONSENTED);
    insert_grant(f, &g);
    race(f, redeem, STORE_CONFLICT);
    race(f, make_first_key, STORE_EXISTS);
}

int run_upkeep_cases(void)
{
    const struct CMUnitTest cases[] = {
        CASE(deliveries_are_leased),
        CASE(deliveries_come_with_the_end_of_a_session),
        CASE(delivery_is_put_once),
        CASE(expiry_takes_what_is_over),
        CASE(expiry_goes_in_slices),
        CASE(expiry_removes_what_a_client_left),
        CASE(writes_do_not_run_where_nobody_may_wait),
        CASE(ready_when_migrated),
        CASE(races_have_one_winner),
    };
    return cmocka_run_group_tests_name("upkeep", cases, NULL, NULL);
}
