/* Key sets: made when missing, shared with other nodes, published, rotated. */
#include "world.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "oauth/keysets.h"

static const struct jwk *signer(struct world *w, const char *set)
{
    const struct jwk *key;
    WORLD_TRY(w, keyset_signer(w->p, &w->op, str_of(set), &key, &w->e));
    return key;
}

static struct jwk *make(struct world *w, const char *alg, const char *kid)
{
    struct jwk *key;
    WORLD_TRY(w, jwk_generate(str_of(alg), str_of(kid), STR("sig"), 2048, &key, &w->e));
    return key;
}

static enum store_put add(struct world *w, const char *set, struct jwk *key)
{
    enum store_put put;
    WORLD_TRY(w, keyset_add(w->p, &w->op, str_of(set), &key, 1, &put, &w->e));
    jwk_unref(key);
    return put;
}

static json_t *published(struct world *w)
{
    struct str text;
    json_t *json;
    WORLD_TRY(w, keysets_published(w->p, &w->op, &text, &w->e));
    WORLD_TRY(w, json_read(w->arena, text, &json, NULL, &w->e));
    return json_object_get(json, "keys");
}

static bool publishes(struct world *w, const char *kid)
{
    const json_t *keys = published(w);
    for (size_t i = 0; i < json_array_size(keys); i++) {
        if (str_eq(json_str(json_object_get(json_array_get(keys, i), "kid")), str_of(kid))) return true;
    }
    return false;
}

static void test_first_key(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, "");
    const struct jwk *key;
    w.op.may_wait = false;
    assert_false(keyset_signer(w.p, &w.op, STR(KEYSET_ID_TOKEN), &key, &w.e));
    assert_true(err_is(&w.e, &err_MUST_WAIT));
    w.op.may_wait = true;
    const struct jwk *made = signer(&w, KEYSET_ID_TOKEN);
    assert_str(made->alg, "ES256");
    assert_str(made->use, "sig");
    w.op.may_wait = false;
    assert_strn(signer(&w, KEYSET_ID_TOKEN)->kid, made->kid);
    world_close(&w);
}

/* Another node over the same store uses the same key. */
static void test_two_nodes(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, "");
    const struct jwk *here = signer(&w, KEYSET_ACCESS_TOKEN), *there;
    struct keysets *own = w.p->keysets;
    w.p->keysets = keysets_new(w.parts.store);
    there = signer(&w, KEYSET_ACCESS_TOKEN);
    assert_strn(here->kid, there->kid);
    keysets_free(w.p->keysets);
    w.p->keysets = own;
    world_close(&w);
}

static void test_published(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, "webfinger: { jwks: { broadcast_keys: [extra, hydra.openid.id-token, extra] } }");
    assert_int_equal(json_array_size(published(&w)), 3); /* the built-in ones and the one that is wanted are made */
    assert_int_equal(add(&w, "extra", make(&w, "ES256", "x1")), STORE_DONE);
    assert_int_equal(add(&w, "unheard", make(&w, "ES256", "x2")), STORE_DONE);
    const json_t *keys = published(&w);
    assert_int_equal(json_array_size(keys), 4);
    assert_str(json_str(json_object_get(json_array_get(keys, 0), "kid")), "x1");
    for (size_t i = 0; i < 4; i++) {
        assert_null(json_object_get(json_array_get(keys, i), "d"));
        assert_non_null(json_object_get(json_array_get(keys, i), "x"));
    }

    /* What somebody else signs with may be there without its private half. */
    enum store_put put;
    struct jwk *half;
    WORLD_TRY(&w, jwk_parse(json_array_get(keys, 0), &half, &w.e));
    WORLD_TRY(&w, keyset_replace(w.p, &w.op, STR("extra"), &half, 1, &put, &w.e));
    assert_int_equal(json_array_size(published(&w)), 3);
    jwk_unref(half);
    world_close(&w);
}

/* A new key is published and signs; what the old one signed still verifies, until it is deleted. */
static void test_rotation(void **state)
{
    (void)state;
    struct world w;
    struct str token;
    struct jws jws;
    bool ok;
    world_open(&w, "");
    const struct str set = STR(KEYSET_ID_TOKEN);
    const struct str old_kid = arena_dup(w.arena, signer(&w, KEYSET_ID_TOKEN)->kid);
    WORLD_TRY(&w, keyset_sign(w.p, &w.op, set, STR("JWT"), STR("{}"), &token, &w.e));
    WORLD_TRY(&w, jws_parse(w.arena, token, &jws, &w.e));
    assert_strn(jws.kid, old_kid);

    world_later(&w, USEC_PER_SEC);
    assert_int_equal(add(&w, KEYSET_ID_TOKEN, make(&w, "EdDSA", "new")), STORE_DONE);
    assert_str(signer(&w, KEYSET_ID_TOKEN)->kid, "new");
    assert_true(publishes(&w, "new"));
    WORLD_TRY(&w, keyset_verify(w.p, &w.op, set, &jws, &ok, &w.e));
    assert_true(ok);

    WORLD_TRY(&w, keyset_delete(w.p, &w.op, set, old_kid, &w.e));
    WORLD_TRY(&w, keyset_verify(w.p, &w.op, set, &jws, &ok, &w.e));
    assert_false(ok);
    WORLD_TRY(&w, keyset_delete(w.p, &w.op, set, STR_NONE, &w.e));
    assert_str(signer(&w, KEYSET_ID_TOKEN)->alg, "ES256"); /* made anew */
    world_close(&w);
}

static void test_refusals(void **state)
{
    (void)state;
    struct world w;
    enum store_put put;
    world_open(&w, "");
    assert_int_equal(add(&w, "s", make(&w, "ES256", "same")), STORE_DONE);
    assert_int_equal(add(&w, "s", make(&w, "ES256", "same")), STORE_EXISTS);

    struct jwk *twice[] = { make(&w, "ES256", "a"), make(&w, "ES256", "a") };
    WORLD_TRY(&w, keyset_replace(w.p, &w.op, STR("s"), twice, 2, &put, &w.e));
    assert_int_equal(put, STORE_EXISTS);
    jwk_unref(twice[1]);

    jwk_unref(twice[0]);
    world_close(&w);
}

/* What is left of a set verifies on, and a new key signs. */
static void test_left_without_a_private_key(void **state)
{
    (void)state;
    struct world w;
    enum store_put put;
    struct str token;
    struct jws jws;
    bool ok;
    world_open(&w, "");
    const struct str set = STR(KEYSET_ID_TOKEN);
    WORLD_TRY(&w, keyset_sign(w.p, &w.op, set, STR("JWT"), STR("{}"), &token, &w.e));
    WORLD_TRY(&w, jws_parse(w.arena, token, &jws, &w.e));
    json_t *public = jwk_public_json(signer(&w, KEYSET_ID_TOKEN));
    struct jwk *keys[2] = { NULL, make(&w, "HS256", "symmetric") };
    WORLD_TRY(&w, jwk_parse(public, &keys[0], &w.e));
    WORLD_TRY(&w, keyset_replace(w.p, &w.op, set, keys, 2, &put, &w.e));

    const struct str kid = signer(&w, KEYSET_ID_TOKEN)->kid;
    assert_false(str_eq(kid, jws.kid));
    assert_strn(signer(&w, KEYSET_ID_TOKEN)->kid, kid);
    WORLD_TRY(&w, keyset_verify(w.p, &w.op, set, &jws, &ok, &w.e));
    assert_true(ok);
    assert_int_equal(json_array_size(published(&w)), 3);
    json_decref(public);
    jwk_unref(keys[0]);
    jwk_unref(keys[1]);
    world_close(&w);
}

static void test_room(void **state)
{
    (void)state;
    struct world w;
    enum store_put put;
    world_open(&w, "");
    struct jwk *key = make(&w, "ES256", "k"), *many[100];
    for (size_t i = 0; i < ARRAY_LEN(many); i++) {
        json_t *json = json_deep_copy(key->json);
        json_object_set_new(json, "kid", json_integer(0));
        json_object_set_new(json, "kid", json_of_str(arena_printf(w.arena, "k%zu", i)));
        WORLD_TRY(&w, jwk_parse(json, &many[i], &w.e));
        json_decref(json);
    }
    WORLD_TRY(&w, keyset_replace(w.p, &w.op, STR("full"), many, ARRAY_LEN(many), &put, &w.e));
    assert_false(keyset_add(w.p, &w.op, STR("full"), &key, 1, &put, &w.e));
    assert_true(err_is(&w.e, &err_BAD_REQUEST));
    assert_false(keyset_put(w.p, &w.op, STR("full"), key, &w.e));
    assert_true(err_is(&w.e, &err_BAD_REQUEST));
    WORLD_TRY(&w, keyset_put(w.p, &w.op, STR("full"), many[7], &w.e)); /* replaces */
    for (size_t i = 0; i < ARRAY_LEN(many); i++) jwk_unref(many[i]);
    jwk_unref(key);
    world_close(&w);
}

/* Sets of v1.10: `private:x` signs under the name `public:x`, which alone is published. */
static void test_pairs(void **state)
{
    (void)state;
    struct world w;
    enum store_put put;
    struct jwk *pair[2] = { NULL, NULL };
    struct str token;
    struct jws jws;
    bool ok;
    world_open(&w, "");
    pair[0] = make(&w, "ES512", "private:x");
    json_t *public = jwk_public_json(pair[0]);
    json_object_set_new(public, "kid", json_string("public:x"));
    WORLD_TRY(&w, jwk_parse(public, &pair[1], &w.e));
    WORLD_TRY(&w, keyset_replace(w.p, &w.op, STR(KEYSET_ID_TOKEN), pair, 2, &put, &w.e));
    assert_str(signer(&w, KEYSET_ID_TOKEN)->kid, "public:x");
    assert_true(publishes(&w, "public:x"));
    assert_false(publishes(&w, "private:x"));
    WORLD_TRY(&w, keyset_sign(w.p, &w.op, STR(KEYSET_ID_TOKEN), STR("JWT"), STR("{}"), &token, &w.e));
    WORLD_TRY(&w, jws_parse(w.arena, token, &jws, &w.e));
    WORLD_TRY(&w, keyset_verify(w.p, &w.op, STR(KEYSET_ID_TOKEN), &jws, &ok, &w.e));
    assert_true(ok);
    json_decref(public);
    jwk_unref(pair[0]);
    jwk_unref(pair[1]);
    world_close(&w);
}

/* Stored keys are sealed under the system secret and the set's name. */
static void test_sealed(void **state)
{
    (void)state;
    struct world w;
    const struct keyset *set;
    world_open(&w, "");
    assert_int_equal(add(&w, "s", make(&w, "ES256", "k")), STORE_DONE);
    struct key_row *rows;
    size_t n;
    int64_t version;
    WORLD_TRY(&w, store_keys_get(w.parts.store, &w.op, STR("s"), &rows, &n, &version, &w.e));
    assert_null(memmem(rows[0].sealed.p, rows[0].sealed.n, "kty", 3));

    struct provider *other = world_provider(&w, "secrets: { system: [quite-another-secret] }");
    assert_false(keyset_load(other, &w.op, STR("s"), &set, &w.e));
    assert_true(err_is(&w.e, &err_MISCONFIGURATION));
    provider_unref(other);
    struct provider *rotated = world_provider(&w, "secrets: { system: [quite-another-secret, a-secret-for-the-unit-tests] }");
    WORLD_TRY(&w, keyset_load(rotated, &w.op, STR("s"), &set, &w.e));
    provider_unref(rotated);
    world_close(&w);
}

/* ---- others look while keys change ---- */

struct looker {
    const struct provider *p;
    atomic_bool *stop;
};

static void *look_always(void *arg)
{
    const struct looker *l = arg;
    while (!atomic_load(l->stop)) {
        ARENA_AUTO a = arena_new();
        struct op op = { .arena = a, .now = clock_now(), .may_wait = true };
        struct err e = ERR_INIT(a);
        const struct keyset *set;
        if (!keyset_get(l->p, &op, STR(KEYSET_ACCESS_TOKEN), &set, &e)) abort();
    }
    return NULL;
}

/* Whoever has changed a set finds it changed, although others who began to read it before have read what was before. */
static void test_change_among_lookers(void **state)
{
    (void)state;
    enum { LOOKERS = 4, CHANGES = 300 };
    struct world w;
    world_open(&w, "");
    atomic_bool stop = false;
    struct looker looker = { w.p, &stop };
    struct jwk *keys[2] = { make(&w, "ES256", "first"), make(&w, "ES256", "second") };
    pthread_t threads[LOOKERS];
    for (int i = 0; i < LOOKERS; i++) assert_int_equal(pthread_create(&threads[i], NULL, look_always, &looker), 0);
    int stale = 0;
    for (int i = 0; i < CHANGES; i++) {
        const struct keyset *set;
        enum store_put put;
        for (int k = 0; k < 2; k++) /* the first makes the others look, */
            WORLD_TRY(&w, keyset_replace(w.p, &w.op, STR(KEYSET_ACCESS_TOKEN), &keys[k], 1, &put, &w.e));
        usleep(50); /* the second comes between, and they end after it */
        WORLD_TRY(&w, keyset_get(w.p, &w.op, STR(KEYSET_ACCESS_TOKEN), &set, &w.e));
        stale += set->keys.n != 1 || !str_eq(set->keys.v[0]->kid, keys[1]->kid);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < LOOKERS; i++) pthread_join(threads[i], NULL);
    assert_int_equal(stale, 0);
    jwk_unref(keys[0]);
    jwk_unref(keys[1]);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_key),
        cmocka_unit_test(test_two_nodes),
        cmocka_unit_test(test_published),
        cmocka_unit_test(test_rotation),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_sealed),
        cmocka_unit_test(test_change_among_lookers),
        cmocka_unit_test(test_left_without_a_private_key),
    };
    return RUN(tests);
}
