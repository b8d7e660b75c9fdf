#include <pthread.h>

#include "client_unit.h"

static void put(struct world *w, const char *id, const char *doc)
{
    struct client_row row = { .id = str_of(id), .doc = str_of(doc) };
    enum store_put put;
    if (!store_client_insert(w->p.store, &w->op, &row, &put, &w->e) || put != STORE_DONE) fail_msg("%s", id);
}

static const struct client *get(struct world *w, const char *id)
{
    const struct client *c;
    if (!client_get(&w->p, &w->op, str_of(id), &c, &w->e)) fail_msg("%s", w->e.hint);
    return c;
}

static void hits_while_the_version_stands(void **state)
{
    (void)state;
    struct world w;
    world_start(&w);
    world_store(&w);
    put(&w, "c", "{\"scope\":\"a b\"}");
    const struct client *c = get(&w, "c"), *again = get(&w, "c");
    assert_ptr_equal(c, again);
    assert_int_equal(c->scopes.n, 2);
    world_next(&w);
    assert_ptr_equal(get(&w, "c"), c);

    struct client_row *row;
    enum store_put put;
    assert_true(store_client_get(w.p.store, &w.op, STR("c"), &row, &w.e));
    row->doc = STR("{\"scope\":\"x\"}");
    assert_true(store_client_update(w.p.store, &w.op, row, &put, &w.e) && put == STORE_DONE);
    again = get(&w, "c");
    assert_ptr_not_equal(again, c);
    assert_str(again->scope, "x");
    assert_str(c->scope, "a b"); /* whoever holds the old one keeps it */

    assert_true(store_client_delete(w.p.store, &w.op, STR("c"), &put, &w.e) && put == STORE_DONE);
    assert_null(get(&w, "c"));
    world_end(&w);
}

static void knows_nobody(void **state)
{
    (void)state;
    struct world w;
    const struct client *c = NULL;
    world_start(&w);
    world_store(&w);
    assert_null(get(&w, "ghost"));
    assert_null(get(&w, ""));
    struct str longer = arena_printf(w.op.arena, "%0300d", 1);
    assert_true(client_get(&w.p, &w.op, longer, &c, &w.e));
    assert_null(c);
    assert_true(client_get(&w.p, &w.op, STR("a\0b"), &c, &w.e));
    assert_null(c);
    assert_true(client_get_version(&w.p, &w.op, STR("c"), 0, &c, &w.e));
    assert_null(c);
    world_end(&w);
}

/* More clients than fit: all are found, and memory stays bounded (the sanitizer sees what is lost). */
static void forgets_the_oldest(void **state)
{
    (void)state;
    struct world w;
    char id[16];
    world_start(&w);
    world_store(&w);
    for (int i = 0; i < 200; i++) {
        snprintf(id, sizeof(id), "c%d", i);
        put(&w, id, "{}");
    }
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 200; i++) {
            snprintf(id, sizeof(id), "c%d", i);
            assert_str(get(&w, id)->id, id);
        }
        world_next(&w);
    }
    world_end(&w);
}

static void large_clients_are_not_kept(void **state)
{
    (void)state;
    struct world w;
    world_start(&w);
    world_store(&w);
    struct str doc = arena_printf(w.op.arena, "{\"scope\":\"%070000d\"}", 1);
    put(&w, "big", doc.p);
    const struct client *c = get(&w, "big");
    assert_ptr_not_equal(get(&w, "big"), c);
    assert_int_equal(c->scope.n, 70000);
    world_end(&w);
}

static void *reader(void *arg)
{
    struct world *w = arg;
    char id[16];
    for (int i = 0; i < 3000; i++) {
        ARENA_AUTO a = arena_new();
        struct op op = { .arena = a, .now = 1, .may_wait = true };
        struct err e = ERR_INIT(a);
        const struct client *c;
        snprintf(id, sizeof(id), "c%d", i % 40);
        if (!client_get(&w->p, &op, str_of(id), &c, &e) || c == NULL || !str_eq(c->id, str_of(id))) return arg;
    }
    return NULL;
}

static void many_threads(void **state)
{
    (void)state;
    struct world w;
    pthread_t threads[4];
    char id[16];
    world_start(&w);
    world_store(&w);
    for (int i = 0; i < 40; i++) {
        snprintf(id, sizeof(id), "c%d", i);
        put(&w, id, "{\"metadata\":{\"a\":[1,2]},\"redirect_uris\":[\"https://a/\"]}");
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) assert_int_equal(pthread_create(&threads[i], NULL, reader, &w), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hits_while_the_version_stands), cmocka_unit_test(knows_nobody), cmocka_unit_test(forgets_the_oldest),
        cmocka_unit_test(large_clients_are_not_kept),    cmocka_unit_test(many_threads),
    };
    return RUN(tests);
}
