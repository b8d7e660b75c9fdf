/* Contract of devices: found by id and by code, decided once, polls noted no oftener than asked for, gone with their client. */
#include "contract.h"

static struct device a_device(const char *id, const char *user_code)
{
    return (struct device) { .id = str_of(id),
                             .user_code = str_of(user_code),
                             .state = DEVICE_WAITING,
                             .client_id = STR("tv"),
                             .request = STR("scope=a+b"),
                             .requested_at = NOW - 3,
                             .polled_at = NOW - 2,
                             .expires_at = NOW + 100 };
}

static void put_device(struct fixture *f, const struct device *d)
{
    GIVES(STORE_DONE, store_device_put(f->store, &f->op, d, &f->put, &f->e));
}

static struct device *get_device(struct fixture *f, const char *id)
{
    struct device *d;
    OK(store_device_get(f->store, &f->op, str_of(id), &d, &f->e));
    return d;
}

static struct device *by_code(struct fixture *f, const char *user_code)
{
    struct device *d;
    OK(store_device_by_code(f->store, &f->op, str_of(user_code), &d, &f->e));
    return d;
}

static void devices_are_found(void **state)
{
    F(state);
    insert_client(f, "tv");
    const struct device one = a_device("d1", "code-1");
    put_device(f, &one);
    const struct device same_code = a_device("d2", "code-1"), other = a_device("d3", "code-3");
    GIVES(STORE_EXISTS, store_device_put(f->store, &f->op, &same_code, &f->put, &f->e));
    put_device(f, &other);
    assert_null(get_device(f, "d2"));
    assert_null(by_code(f, "code-2"));
    const struct device *d = by_code(f, "code-1");
    assert_str(d->id, "d1");
    assert_str(d->user_code, "code-1");
    assert_str(d->client_id, "tv");
    assert_str(d->grant_id, "");
    assert_str(d->request, "scope=a+b");
    assert_int_equal(d->state, DEVICE_WAITING);
    assert_int_equal(d->requested_at, NOW - 3);
    assert_int_equal(d->polled_at, NOW - 2);
    assert_int_equal(d->expires_at, NOW + 100);
    assert_str(get_device(f, "d3")->user_code, "code-3");
}

#define DECIDE(outcome, id, to, grant) \
    GIVES(outcome, store_device_decide(f->store, &f->op, STR(id), to, STR(grant), &f->put, &f->e))

static void devices_are_decided_once(void **state)
{
    F(state);
    insert_client(f, "tv");
    const struct device one = a_device("d1", "code-1"), two = a_device("d2", "code-2"), three = a_device("d3", "code-3");
    put_device(f, &one);
    put_device(f, &two);
    put_device(f, &three);
    DECIDE(STORE_DONE, "d1", DEVICE_GRANTED, "g1");
    DECIDE(STORE_DONE, "d1", DEVICE_GRANTED, "g1");
    DECIDE(STORE_CONFLICT, "d1", DEVICE_GRANTED, "g2");
    DECIDE(STORE_CONFLICT, "d1", DEVICE_REFUSED, "");
    assert_str(get_device(f, "d1")->grant_id, "g1");
    assert_int_equal(get_device(f, "d1")->state, DEVICE_GRANTED);
    DECIDE(STORE_DONE, "d2", DEVICE_REFUSED, "");
    DECIDE(STORE_CONFLICT, "d2", DEVICE_GRANTED, "g2");
    assert_int_equal(get_device(f, "d2")->state, DEVICE_REFUSED);
    DECIDE(STORE_CONFLICT, "none", DEVICE_GRANTED, "g2");
    f->op.now = NOW + 100;
    DECIDE(STORE_CONFLICT, "d3", DEVICE_GRANTED, "g3");
}

static void polls_are_noted(void **state)
{
    F(state);
    insert_client(f, "tv");
    const struct device one = a_device("d1", "code-1");
    put_device(f, &one);
    GIVES(STORE_CONFLICT, store_device_poll(f->store, &f->op, STR("d1"), NOW - 3, &f->put, &f->e));
    assert_int_equal(get_device(f, "d1")->polled_at, NOW - 2);
    GIVES(STORE_DONE, store_device_poll(f->store, &f->op, STR("d1"), NOW - 2, &f->put, &f->e));
    assert_int_equal(get_device(f, "d1")->polled_at, NOW);
    GIVES(STORE_CONFLICT, store_device_poll(f->store, &f->op, STR("d1"), NOW - 2, &f->put, &f->e));
    GIVES(STORE_CONFLICT, store_device_poll(f->store, &f->op, STR("none"), NOW, &f->put, &f->e));
}

static void devices_end(void **state)
{
    F(state);
    int64_t deleted;
    insert_client(f, "tv");
    const struct device one = a_device("d1", "code-1");
    put_device(f, &one);
    GIVES(STORE_DONE, store_client_delete(f->store, &f->op, STR("tv"), &f->put, &f->e));
    assert_null(get_device(f, "d1"));
    assert_null(by_code(f, "code-1"));
    insert_client(f, "tv"); /* made again: another client */
    assert_null(get_device(f, "d1"));
    f->op.now = NOW + 101;
    OK(store_expire(f->store, &f->op, 10, &deleted, &f->e));
    f->op.now = NOW;
    put_device(f, &one); /* its code is free again */
    assert_non_null(by_code(f, "code-1"));
}

int run_device_cases(void)
{
    const struct CMUnitTest tests[] = {
        CASE(devices_are_found),
        CASE(devices_are_decided_once),
        CASE(polls_are_noted),
        CASE(devices_end),
    };
    return cmocka_run_group_tests_name("devices", tests, NULL, NULL);
}
