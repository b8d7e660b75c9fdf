#include "client_unit.h"

static void grants(void **state)
{
    (void)state;
    struct world w;
    world_start(&w);
    const struct client *unset = client_of(&w, "{}");
    const struct client *two = client_of(&w, "{\"grant_types\":[\"client_credentials\",\"implicit\"]}");
    assert_true(client_may_grant(unset, STR("authorization_code")));
    assert_false(client_may_grant(unset, STR("client_credentials")));
    assert_true(client_may_grant(two, STR("client_credentials")));
    assert_false(client_may_grant(two, STR("authorization_code")));
    assert_false(client_may_grant(two, STR("client")));
    assert_false(client_may_grant(two, STR("")));
    world_end(&w);
}

static void responses(void **state)
{
    (void)state;
    struct world w;
    world_start(&w);
    const struct client *unset = client_of(&w, "{}"), *set = client_of(&w, "{\"response_types\":[\"code id_token\",\"token\"]}");
    assert_true(client_may_respond(unset, STR("code")));
    assert_false(client_may_respond(unset, STR("token")));
    assert_true(client_may_respond(set, STR("code id_token")));
    assert_true(client_may_respond(set, STR("id_token code")));
    assert_true(client_may_respond(set, STR("token")));
    assert_false(client_may_respond(set, STR("code")));
    assert_false(client_may_respond(set, STR("code token")));
    assert_false(client_may_respond(set, STR("code id_token token")));
    assert_false(client_may_respond(set, STR("")));
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(grants), cmocka_unit_test(responses) };
    return RUN(tests);
}
