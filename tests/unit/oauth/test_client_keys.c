/* Keys of clients: which signatures hold, and how seldom a jwks_uri is asked. */
#include "assertions.h"

#include <pthread.h>
#include <unistd.h>

static enum client_signature verify(struct world *w, const struct client *c, struct str jwt, const char *alg)
{
    struct jws jws;
    enum client_signature got;
    const char *why;
    WORLD_TRY(w, jws_parse(w->arena, jwt, &jws, &w->e));
    WORLD_TRY(w, client_keys_verify(w->p, &w->op, c, &jws, alg_by_name(str_of(alg)), &got, &why, &w->e));
    if (got == SIGNATURE_NO_KEYS) assert_true(*why != '\0');
    return got;
}

static const struct client *remote_client(struct world *w, const char *id)
{
    return world_client(
        w,
        arena_printf(w->arena, "{\"client_id\":\"%s\",\"client_secret\":\"a-secret\",\"jwks_uri\":\"https://%s/k\"}", id, id).p);
}

static void test_inline(void **state)
{
    (void)state;
    struct world w;
    assertions_open(&w, "");
    const struct jwk *one = a_key(&w, "ES256", "one"), *two = a_key(&w, "ES256", "two"), *other = a_key(&w, "ES256", "one");
    const struct client *c =
        world_client(&w, arena_printf(w.arena, "{\"client_id\":\"c\",\"jwks\":%.*s}", STR_FMT(a_set(&w, one, two))).p);
    w.op.may_wait = false; /* never waits */
    for (int i = 0; i < 3; i++) {
        assert_int_equal(verify(&w, c, a_jwt(&w, one, "{}"), "ES256"), SIGNATURE_RIGHT);
        assert_int_equal(verify(&w, c, a_jwt(&w, two, "{}"), "ES256"), SIGNATURE_RIGHT);
    }
    assert_int_equal(verify(&w, c, a_jwt(&w, other, "{}"), "ES256"), SIGNATURE_WRONG);
    assert_int_equal(verify(&w, c, a_jwt(&w, a_key(&w, "ES256", "three"), "{}"), "ES256"), SIGNATURE_NO_KEY);
    assert_int_equal(verify(&w, c, a_jwt(&w, one, "{}"), "RS256"), SIGNATURE_NO_KEY);
    w.op.may_wait = true;
    const struct client *bare = world_client(&w, "{\"client_id\":\"bare\",\"client_secret\":\"a-secret\"}");
    assert_int_equal(verify(&w, bare, a_jwt(&w, one, "{}"), "ES256"), SIGNATURE_NO_KEY);
    assertions_close(&w);
}

static void test_kept(void **state)
{
    (void)state;
    struct world w;
    assertions_open(&w, "");
    const struct jwk *old = a_key(&w, "ES256", "old"), *new = a_key(&w, "ES256", "new");
    const struct client *c = remote_client(&w, "c");
    const struct str by_old = a_jwt(&w, old, "{}"), by_new = a_jwt(&w, new, "{}");
    net_serve(200, a_set(&w, old, NULL));
    for (int i = 0; i < 5; i++) assert_int_equal(verify(&w, c, by_old, "ES256"), SIGNATURE_RIGHT);
    assert_int_equal(net.calls, 1);

    net_serve(200, a_set(&w, new, NULL)); /* an unknown kid asks again, once */
    assert_int_equal(verify(&w, c, by_new, "ES256"), SIGNATURE_RIGHT);
    assert_int_equal(net.calls, 2);
    for (int i = 0; i < 50; i++) assert_int_equal(verify(&w, c, by_old, "ES256"), SIGNATURE_NO_KEY);
    assert_int_equal(net.calls, 2);
    world_later(&w, 11 * USEC_PER_SEC);
    for (int i = 0; i < 50; i++) assert_int_equal(verify(&w, c, by_old, "ES256"), SIGNATURE_NO_KEY);
    assert_int_equal(net.calls, 3);
    world_later(&w, 3601 * USEC_PER_SEC);
    assert_int_equal(verify(&w, c, by_new, "ES256"), SIGNATURE_RIGHT);
    assert_int_equal(net.calls, 4);
    assertions_close(&w);
}

static void test_trouble(void **state)
{
    (void)state;
    struct world w;
    assertions_open(&w, "");
    const struct jwk *key = a_key(&w, "ES256", "k"), *stranger = a_key(&w, "ES256", "stranger");
    const struct str good = a_set(&w, key, NULL), jwt = a_jwt(&w, key, "{}");
    const struct {
        int status;
        struct str body;
    } bad[] = {
        { 404, good },          { 500, STR("") }, { 200, STR("") }, { 200, STR("[]") }, { 200, STR("{\"keys\":1}") },
        { 200, STR("<html>") },
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        const struct client *c = remote_client(&w, arena_printf(w.arena, "bad%zu", i).p);
        net_serve(bad[i].status, bad[i].body);
        for (int n = 0; n < 20; n++) assert_int_equal(verify(&w, c, jwt, "ES256"), SIGNATURE_NO_KEYS);
        assert_int_equal(net.calls, 2); /* the second try counts */
        net.calls = 0;
        net_serve(200, good);
        world_later(&w, 11 * USEC_PER_SEC);
        assert_int_equal(verify(&w, c, jwt, "ES256"), SIGNATURE_RIGHT);
        net.calls = 0;
    }
    /* Keys that were fetched stay good while their address is down, whatever strangers ask for. */
    net.down = true;
    assert_int_equal(verify(&w, remote_client(&w, "down"), jwt, "ES256"), SIGNATURE_NO_KEYS);
    net_serve(200, good);
    const struct client *up = remote_client(&w, "up");
    assert_int_equal(verify(&w, up, jwt, "ES256"), SIGNATURE_RIGHT);
    net.down = true;
    assert_int_equal(verify(&w, up, a_jwt(&w, stranger, "{}"), "ES256"), SIGNATURE_NO_KEY);
    assert_int_equal(verify(&w, up, jwt, "ES256"), SIGNATURE_RIGHT);
    assertions_close(&w);
}

static void test_waiting(void **state)
{
    (void)state;
    struct world w;
    assertions_open(&w, "");
    const struct jwk *key = a_key(&w, "ES256", "k");
    const struct client *c = remote_client(&w, "c");
    struct jws jws;
    enum client_signature got;
    const char *why;
    net_serve(200, a_set(&w, key, NULL));
    WORLD_TRY(&w, jws_parse(w.arena, a_jwt(&w, key, "{}"), &jws, &w.e));
    w.op.may_wait = false;
    assert_false(client_keys_verify(w.p, &w.op, c, &jws, alg_by_name(STR("ES256")), &got, &why, &w.e));
    assert_ptr_equal(w.e.kind, &err_MUST_WAIT);
    assert_int_equal(net.calls, 0);
    w.op.may_wait = true;
    WORLD_TRY(&w, client_keys_verify(w.p, &w.op, c, &jws, alg_by_name(STR("ES256")), &got, &why, &w.e));
    w.op.may_wait = false;
    WORLD_TRY(&w, client_keys_verify(w.p, &w.op, c, &jws, alg_by_name(STR("ES256")), &got, &why, &w.e));
    assert_int_equal(got, SIGNATURE_RIGHT);
    assertions_close(&w);
}

static bool slow_fetch(const struct provider *p, struct op *op, const struct fetch_request *q, struct fetch_answer *ret,
                       struct err *e)
{
    usleep(50 * 1000);
    return net_fetch(p, op, q, ret, e);
}

struct racer {
    struct world *w;
    const struct client *c;
    struct str jwt;
    enum client_signature got;
};

static void *race(void *arg)
{
    struct racer *r = arg;
    ARENA_AUTO a = arena_new();
    struct op op = { .arena = a, .now = r->w->op.now, .may_wait = true };
    struct err e = ERR_INIT(a);
    struct jws jws;
    const char *why;
    if (!jws_parse(a, r->jwt, &jws, &e) ||
        !client_keys_verify(r->w->p, &op, r->c, &jws, alg_by_name(STR("ES256")), &r->got, &why, &e))
        r->got = SIGNATURE_NO_KEYS;
    return NULL;
}

static void test_one_fetch_for_many(void **state)
{
    (void)state;
    enum { RACERS = 32 };
    struct world w;
    assertions_open(&w, "");
    w.p->fetch = slow_fetch;
    const struct jwk *key = a_key(&w, "ES256", "k");
    const struct client *c = remote_client(&w, "c");
    net_serve(200, a_set(&w, key, NULL));
    struct racer racers[RACERS];
    pthread_t threads[RACERS];
    for (int i = 0; i < RACERS; i++) racers[i] = (struct racer) { &w, c, a_jwt(&w, key, "{}"), SIGNATURE_WRONG };
    for (int i = 0; i < RACERS; i++) assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    for (int i = 0; i < RACERS; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < RACERS; i++) assert_int_equal(racers[i].got, SIGNATURE_RIGHT);
    assert_int_equal(net.calls, 1);
    assertions_close(&w);
}

static void test_bounded(void **state)
{
    (void)state;
    struct world w;
    assertions_open(&w, "");
    const struct jwk *key = a_key(&w, "ES256", "k");
    const struct str jwt = a_jwt(&w, key, "{}");
    net_serve(200, a_set(&w, key, NULL));
    struct client c = { .arena = w.arena };
    for (int i = 0; i < 1000; i++) {
        c.jwks_uri = arena_printf(w.arena, "https://%d/k", i);
        assert_int_equal(verify(&w, &c, jwt, "ES256"), SIGNATURE_RIGHT);
    }
    assert_int_equal(net.calls, 1000);
    assert_int_equal(verify(&w, &c, jwt, "ES256"), SIGNATURE_RIGHT); /* the newest are still there */
    assert_int_equal(net.calls, 1000);
    c.jwks_uri = STR("https://0/k");
    assert_int_equal(verify(&w, &c, jwt, "ES256"), SIGNATURE_RIGHT);
    assert_int_equal(net.calls, 1001);
    assertions_close(&w);
}

/* More addresses than there is room for, a client with keys of its own, and kids that nobody has: sets come, are asked for again
 * and go while others use them. */
struct walker {
    struct racer racer;
    const struct client *own;
    struct str stranger;
    int seed, wrong;
};

static enum client_signature verify_now(struct walker *k, struct op *op, const struct client *c, struct str jwt)
{
    struct err e = ERR_INIT(op->arena);
    struct jws jws;
    enum client_signature got;
    const char *why;
    const bool ok = jws_parse(op->arena, jwt, &jws, &e) &&
                    client_keys_verify(k->racer.w->p, op, c, &jws, alg_by_name(STR("ES256")), &got, &why, &e);
    return ok ? got : SIGNATURE_NO_KEYS;
}

static void *walk(void *arg)
{
    enum { STEPS = 600, ADDRESSES = 300 };
    struct walker *k = arg;
    for (int i = 0; i < STEPS; i++) {
        ARENA_AUTO a = arena_new();
        /* Time passes faster than fetches may be repeated. */
        struct op op = { .arena = a, .now = k->racer.w->op.now + i * USEC_PER_SEC, .may_wait = true };
        struct client c = { .arena = a, .jwks_uri = arena_printf(a, "https://%d/k", (k->seed + i * 7) % ADDRESSES) };
        k->wrong += verify_now(k, &op, &c, k->racer.jwt) != SIGNATURE_RIGHT;
        k->wrong += verify_now(k, &op, k->own, k->racer.jwt) != SIGNATURE_RIGHT;
        k->wrong += verify_now(k, &op, &c, k->stranger) != SIGNATURE_NO_KEY;
    }
    return NULL;
}

static void test_many_threads(void **state)
{
    (void)state;
    enum { THREADS = 8 };
    struct world w;
    assertions_open(&w, "");
    const struct jwk *key = a_key(&w, "ES256", "k");
    const struct str set = a_set(&w, key, NULL), jwt = a_jwt(&w, key, "{}"), stranger = a_jwt(&w, a_key(&w, "ES256", "x"), "{}");
    const struct client *own = world_client(&w, arena_printf(w.arena, "{\"client_id\":\"own\",\"jwks\":%.*s}", STR_FMT(set)).p);
    struct walker walkers[THREADS];
    pthread_t threads[THREADS];
    net_serve(200, set);
    for (int i = 0; i < THREADS; i++) {
        walkers[i] = (struct walker) { .racer = { .w = &w, .jwt = jwt }, .own = own, .stranger = stranger, .seed = i * 40 };
        assert_int_equal(pthread_create(&threads[i], NULL, walk, &walkers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < THREADS; i++) assert_int_equal(walkers[i].wrong, 0);
    assertions_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inline),
        cmocka_unit_test(test_kept),
        cmocka_unit_test(test_trouble),
        cmocka_unit_test(test_waiting),
        cmocka_unit_test(test_one_fetch_for_many),
        cmocka_unit_test(test_many_threads),
        cmocka_unit_test(test_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
