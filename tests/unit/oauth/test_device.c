/* Device and user codes, the device's request, and what polling answers. */
#include "consented.h"
#include "oauth/device.h"

#define CLIENT(id, more)                                                                                                    \
    "{\"client_id\":\"" id "\",\"client_secret\":\"secret\",\"grant_types\":[\"" DEVICE_GRANT_TYPE "\",\"refresh_token\"]," \
    "\"scope\":\"openid offline a\",\"audience\":[\"urn:api\"]" more "}"

/* The device's request: the answer's JSON, NULL on failure. */
static json_t *ask_device(struct world *w, const char *pair, const char *form)
{
    struct exchange x = exchange_of(w, pair, form);
    struct str text;
    json_t *json;
    x.credentials.form = &x.form;
    w->e = ERR_INIT(w->arena);
    if (!device_request(w->p, &w->op, &x.credentials, &text, &w->e)) return NULL;
    WORLD_TRY(w, json_read(w->arena, text, &json, NULL, &w->e));
    return json;
}

static json_t *poll(struct world *w, const char *pair, struct str code)
{
    return ask_token(w, pair,
                     arena_printf(w->arena,
                                  "grant_type=urn%%3Aietf%%3Aparams%%3Aoauth%%3Agrant-type%%3Adevice_code&device_code=%.*s",
                                  STR_FMT(code))
                         .p);
}

static void refused(struct world *w, struct str code, const struct err_kind *kind)
{
    assert_null(poll(w, "tv:secret", code));
    assert_ptr_equal(w->e.kind, kind);
}

static struct device *device_of(struct world *w, struct str code)
{
    struct device_code c;
    struct device *d;
    assert_true(device_code_open(w->p, w->arena, code, &c));
    WORLD_TRY(w, store_device_get(w->p->store, &w->op, c.device_id, &d, &w->e));
    return d;
}

static void test_codes(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, "");
    const struct device_code c = { STR("00112233445566778899aabbccddeeff"), w.op.now + 5 };
    struct device_code got;
    const struct str text = device_code_issue(w.p, w.arena, &c);
    assert_true(str_starts(text, DEVICE_CODE_PREFIX));
    assert_true(device_code_open(w.p, w.arena, text, &got));
    assert_str(got.device_id, "00112233445566778899aabbccddeeff");
    assert_int_equal(got.expires_at, c.expires_at);
    assert_true(device_code_open(w.p, w.arena, str_from(text, DEVICE_CODE_PREFIX.n), &got));
    assert_false(device_code_open(w.p, w.arena, str_upto(text, text.n - 1), &got));
    assert_false(device_code_open(w.p, w.arena, code_issue(w.p, w.arena, &(struct code) { c.device_id, 0, c.expires_at }), &got));
    world_close(&w);
}

static void test_user_codes(void **state)
{
    (void)state;
    static const struct {
        const char *config, *one, *other;
        bool same;
    } rows[] = {
        { "", "AbCd-EfGh", "abcdefgh", true },
        { "", " ab cd ", "ABCD", true },
        { "", "abcd", "abce", false },
        { "", "ab_cd", "abcd", false },
        { "oauth2: { device_authorization: { user_code: { entropy_preset: medium } } }", "abcdefgh", "ABCD-EFGH", true },
        { "oauth2: { device_authorization: { user_code: { entropy_preset: low } } }", "123-456-789", "123456789", true },
        { "oauth2: { device_authorization: { user_code: { length: 8, character_set: abcdABCD } } }", "abcdabcd", "ABCDabcd",
          false },
        { "oauth2: { device_authorization: { user_code: { length: 8, character_set: abcdABCD } } }", "abcd-abcd", "abcdabcd",
          true },
        { "oauth2: { device_authorization: { user_code: { length: 8, character_set: 'abcdefgh-' } } }", "abcd-abc", "abcdabc",
          false },
        { "oauth2: { device_authorization: { user_code: { length: 8, character_set: 'abcdefgh-' } } }", "abcd-abc", "ABCD-ABC",
          true },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct world w;
        world_open(&w, rows[i].config);
        const struct str a = user_code_digest(w.p, w.arena, str_of(rows[i].one)),
                         b = user_code_digest(w.p, w.arena, str_of(rows[i].other));
        assert_int_equal(a.n, 64);
        if (str_eq(a, b) != rows[i].same) fail_msg("row %zu", i);
        world_close(&w);
    }
}

static void test_request(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, "");
    world_client(&w, CLIENT("tv", ""));
    const json_t *said = ask_device(&w, "tv:secret", "client_id=tv&scope=openid+a&audience=urn:api");
    assert_int_equal(json_object_size(said), 6);
    assert_int_equal(number(said, "interval"), 5);
    assert_int_equal(number(said, "expires_in"), 600);
    assert_str(member(said, "verification_uri"), "https://op.example.test/oauth2/device/verify");
    const struct device *d = device_of(&w, member(said, "device_code"));
    assert_str(d->request, "scope=openid+a&audience=urn%3Aapi");
    assert_int_equal(d->state, DEVICE_WAITING);
    assert_true(str_eq(d->user_code, user_code_digest(w.p, w.arena, member(said, "user_code"))));
    world_close(&w);
}

static void test_request_refused(void **state)
{
    (void)state;
    static const struct {
        const char *pair, *form;
        const struct err_kind *kind;
    } rows[] = {
        { "tv:secret", "", &err_INVALID_REQUEST },
        { "tv:secret", "scope=a", &err_INVALID_REQUEST },
        { "tv:secret", "client_id=plain", &err_INVALID_REQUEST },
        { "tv:wrong", "client_id=tv", &err_INVALID_CLIENT },
        { NULL, "client_id=tv", &err_INVALID_CLIENT },
        { NULL, "client_id=ghost", &err_INVALID_CLIENT },
        { "plain:secret", "client_id=plain", &err_INVALID_GRANT },
        { "tv:secret", "client_id=tv&scope=b", &err_INVALID_SCOPE },
        { "tv:secret", "client_id=tv&audience=urn:no", &err_INVALID_REQUEST },
    };
    struct world w;
    world_open(&w, "");
    world_client(&w, CLIENT("tv", ""));
    code_client(&w, "plain", "");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (ask_device(&w, rows[i].pair, rows[i].form) != NULL) fail_msg("row %zu was accepted", i);
        if (w.e.kind != rows[i].kind) fail_msg("row %zu: %s", i, w.e.kind->id);
    }
    world_close(&w);
}

/* RFC 8628 3.5. */
static void test_waiting(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, "");
    world_client(&w, CLIENT("tv", ""));
    world_client(&w, CLIENT("other", ""));
    const struct str code = member(ask_device(&w, "tv:secret", "client_id=tv"), "device_code");
    refused(&w, code, &err_AUTHORIZATION_PENDING);
    world_later(&w, USEC_PER_SEC);
    refused(&w, code, &err_SLOW_DOWN);
    world_later(&w, 4 * USEC_PER_SEC);
    refused(&w, code, &err_AUTHORIZATION_PENDING);
    assert_null(poll(&w, "other:secret", code));
    assert_ptr_equal(w.e.kind, &err_INVALID_GRANT);
    refused(&w, STR("made-up"), &err_INVALID_GRANT);
    world_later(&w, 600 * USEC_PER_SEC);
    refused(&w, code, &err_EXPIRED_TOKEN);
    int64_t deleted;
    WORLD_TRY(&w, store_expire(w.p->store, &w.op, 10, &deleted, &w.e));
    refused(&w, code, &err_EXPIRED_TOKEN);
    world_close(&w);
}

static void decide(struct world *w, struct str code, enum device_state to, struct str grant_id)
{
    enum store_put put;
    WORLD_TRY(w, store_device_decide(w->p->store, &w->op, device_of(w, code)->id, to, grant_id, &put, &w->e));
    assert_int_equal(put, STORE_DONE);
}

static void test_decided(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, "");
    world_client(&w, CLIENT("tv", ",\"device_authorization_grant_access_token_lifespan\":\"13m\""));
    const struct grant_session s = plain_session(&w);
    struct str code = member(ask_device(&w, "tv:secret", "client_id=tv"), "device_code");
    const struct grant *g = store_consented(&w, "tv", "ada", &s);
    decide(&w, code, DEVICE_GRANTED, g->id);
    refused(&w, str_upto(code, code.n - 1), &err_INVALID_GRANT);
    const json_t *answer = poll(&w, "tv:secret", code);
    assert_non_null(answer);
    assert_int_equal(number(answer, "expires_in"), 13 * 60);
    assert_str(member(answer, "scope"), "openid offline a");
    assert_non_null(json_object_get(answer, "refresh_token"));
    assert_non_null(json_object_get(answer, "id_token"));
    refused(&w, code, &err_INVALID_GRANT);
    assert_null(w.e.hint);
    assert_true(is_active(&w, member(answer, "access_token"), NULL));

    code = member(ask_device(&w, "tv:secret", "client_id=tv"), "device_code");
    decide(&w, code, DEVICE_REFUSED, STR(""));
    refused(&w, code, &err_ACCESS_DENIED);
    assert_int_equal(w.e.status, 400);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codes),           cmocka_unit_test(test_user_codes), cmocka_unit_test(test_request),
        cmocka_unit_test(test_request_refused), cmocka_unit_test(test_waiting),    cmocka_unit_test(test_decided),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
