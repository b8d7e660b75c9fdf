/* Whose figure counts, and in which seconds. */
#include "world.h"

#include "oauth/lifespan.h"

static void test_sources(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, "ttl: { access_token: 20m, refresh_token: '-1', id_token: 10m }");
    const struct client *plain = world_client(&w, "{\"client_id\":\"plain\"}");
    const struct client *own = world_client(&w, "{\"client_id\":\"own\","
                                                "\"client_credentials_grant_access_token_lifespan\":\"5m\","
                                                "\"authorization_code_grant_id_token_lifespan\":\"0s\","
                                                "\"refresh_token_grant_refresh_token_lifespan\":\"1h\"}");
    assert_int_equal(lifespan_of(w.p, plain, LIFESPAN_CLIENT_CREDENTIALS_ACCESS), 1200 * USEC_PER_SEC);
    assert_int_equal(lifespan_of(w.p, plain, LIFESPAN_DEVICE_ID), 600 * USEC_PER_SEC);
    assert_true(lifespan_of(w.p, plain, LIFESPAN_REFRESH_REFRESH) == USEC_NEVER);
    assert_int_equal(lifespan_of(w.p, own, LIFESPAN_CLIENT_CREDENTIALS_ACCESS), 300 * USEC_PER_SEC);
    assert_int_equal(lifespan_of(w.p, own, LIFESPAN_JWT_BEARER_ACCESS), 1200 * USEC_PER_SEC);
    assert_int_equal(lifespan_of(w.p, own, LIFESPAN_AUTHORIZATION_CODE_ID), 3600 * USEC_PER_SEC);
    assert_int_equal(lifespan_of(w.p, own, LIFESPAN_REFRESH_REFRESH), 3600 * USEC_PER_SEC);
    world_close(&w);
}

static void test_end(void **state)
{
    (void)state;
    assert_int_equal(lifespan_end(10900000, 5 * USEC_PER_SEC), 15 * USEC_PER_SEC);
    assert_int_equal(lifespan_end(10900000, 500000), 11 * USEC_PER_SEC);
    assert_true(lifespan_end(10900000, USEC_NEVER) == USEC_NEVER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sources),
        cmocka_unit_test(test_end),
    };
    return RUN(tests);
}
