/* The memory of verified secrets: what it knows, what it forgets, and that threads may share it. */
#include "../vectors.h"

#include <pthread.h>

#include "crypto/secret.h"

static void test_knows_what_was_added(void **state)
{
    (void)state;
    struct secret_cache *c = secret_cache_new(100);
    assert_false(secret_cache_knows(c, STR("id"), 1, STR("secret")));
    secret_cache_add(c, STR("id"), 1, STR("secret"));
    secret_cache_add(c, STR("id"), 1, STR("secret")); /* once more changes nothing */
    assert_true(secret_cache_knows(c, STR("id"), 1, STR("secret")));
    assert_true(secret_cache_knows(c, STR("id"), 1, STR("secret")));

    assert_false(secret_cache_knows(c, STR("id"), 2, STR("secret"))); /* the client was changed */
    assert_false(secret_cache_knows(c, STR("id"), 1, STR("Secret")));
    assert_false(secret_cache_knows(c, STR("id"), 1, STR("")));
    assert_false(secret_cache_knows(c, STR("id"), 1, STR_NONE));
    assert_false(secret_cache_knows(c, STR("Id"), 1, STR("secret")));
    assert_false(secret_cache_knows(c, STR("ids"), 1, STR("ecret"))); /* id and secret do not run together */
    assert_false(secret_cache_knows(c, STR(""), 1, STR("idsecret")));
    secret_cache_add(c, STR_NONE, 0, STR_NONE);
    assert_true(secret_cache_knows(c, STR(""), 0, STR("")));
    secret_cache_free(c);
    secret_cache_free(NULL);
}

static void test_forgets_the_least_recently_used(void **state)
{
    (void)state;
    struct secret_cache *c = secret_cache_new(3);
    for (int i = 0; i < 3; i++) secret_cache_add(c, STR("id"), i, STR("s"));
    assert_true(secret_cache_knows(c, STR("id"), 0, STR("s"))); /* now 1 is the oldest */
    secret_cache_add(c, STR("id"), 3, STR("s"));
    assert_false(secret_cache_knows(c, STR("id"), 1, STR("s")));
    secret_cache_add(c, STR("id"), 2, STR("s")); /* known: only moved */
    secret_cache_add(c, STR("id"), 4, STR("s"));
    assert_false(secret_cache_knows(c, STR("id"), 0, STR("s")));
    for (int i = 2; i <= 4; i++) assert_true(secret_cache_knows(c, STR("id"), i, STR("s")));
    secret_cache_free(c);
}

static size_t known(struct secret_cache *c, int n)
{
    size_t count = 0;
    for (int i = 0; i < n; i++) count += secret_cache_knows(c, STR("id"), i, STR("s"));
    return count;
}

static void test_capacity(void **state)
{
    (void)state;
    static const size_t capacities[] = { 0, 1, 2, 7, 1000, 1024, 4000 };
    for (size_t i = 0; i < ARRAY_LEN(capacities); i++) {
        size_t capacity = capacities[i];
        struct secret_cache *c = secret_cache_new(capacity);
        for (int j = 0; j < 20000; j++) secret_cache_add(c, STR("id"), j, STR("s"));
        assert_true(known(c, 20000) == capacity);
        if (capacity > 0) assert_true(secret_cache_knows(c, STR("id"), 19999, STR("s")));
        secret_cache_free(c);
    }
}

static void *use_often(void *cache)
{
    struct secret_cache *c = cache;
    for (int i = 0; i < 5000; i++) {
        secret_cache_add(c, STR("shared"), i % 300, STR("s"));
        (void)secret_cache_knows(c, STR("shared"), i % 301, STR("s"));
        if (secret_cache_knows(c, STR("never"), i, STR("s"))) return c;
    }
    return NULL;
}

static void test_many_threads(void **state)
{
    (void)state;
    static const size_t capacities[] = { 100, 2000 };
    for (size_t i = 0; i < ARRAY_LEN(capacities); i++) {
        struct secret_cache *c = secret_cache_new(capacities[i]);
        pthread_t threads[8];
        for (size_t j = 0; j < ARRAY_LEN(threads); j++) assert_int_equal(pthread_create(&threads[j], NULL, use_often, c), 0);
        for (size_t j = 0; j < ARRAY_LEN(threads); j++) {
            void *failed;
            assert_int_equal(pthread_join(threads[j], &failed), 0);
            assert_null(failed);
        }
        secret_cache_free(c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_knows_what_was_added),
        cmocka_unit_test(test_forgets_the_least_recently_used),
        cmocka_unit_test(test_capacity),
        cmocka_unit_test(test_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
