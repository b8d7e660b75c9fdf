/* A flow as JSON: every member comes back, absent ones stay empty, damage is an error. */
#include "../base/unit.h"

#include "flow/flow.h"

static struct flow full(struct arena *a)
{
    struct rejection *no = ARENA_NEW(a, struct rejection);
    *no = (struct rejection) { STR("access_denied"), STR("no \"way\""), STR("hint"), STR("debug"), 403 };
    return (struct flow) { .request = STR("a=b&c=%C3%BC"),
                           .device = true,
                           .device_id = STR("dg"),
                           .skip = true,
                           .authenticated_at = 7,
                           .login_csrf = STR("l"),
                           .remember = true,
                           .extend_session = true,
                           .remember_for = 60,
                           .acr = STR("loa2"),
                           .amr = strs_words(a, STR("pwd otp")),
                           .context = STR("{\"k\":[1,null]}"),
                           .forced_subject = STR("f"),
                           .idp_session_id = STR("i"),
                           .rejection = no,
                           .consent_skip = true,
                           .consent_csrf = STR("c"),
                           .consent_remember_for = 9,
                           .consent_context = STR("null"),
                           .consent_rejection = no };
}

static void assert_rejection(const struct rejection *got, const struct rejection *want)
{
    assert_non_null(got);
    assert_strn(got->error, want->error);
    assert_strn(got->description, want->description);
    assert_strn(got->hint, want->hint);
    assert_strn(got->debug, want->debug);
    assert_int_equal(got->status, want->status);
}

static void test_full(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct err e = ERR_INIT(a);
    struct flow f = full(a), got = { .id = STR("of the row"), .subject = STR("of the row, too") };
    struct str text = flow_encode(a, &f);
    assert_true(flow_decode(a, text, &got, &e));
    assert_str(got.id, "of the row");
    assert_str(got.subject, "of the row, too");
    assert_strn(got.request, f.request);
    assert_strn(got.device_id, f.device_id);
    assert_strn(got.login_csrf, f.login_csrf);
    assert_strn(got.acr, f.acr);
    assert_int_equal(got.amr.n, 2);
    assert_str(got.amr.v[1], "otp");
    assert_strn(got.context, f.context);
    assert_strn(got.consent_context, f.consent_context);
    assert_strn(got.forced_subject, f.forced_subject);
    assert_strn(got.idp_session_id, f.idp_session_id);
    assert_strn(got.consent_csrf, f.consent_csrf);
    assert_rejection(got.rejection, f.rejection);
    assert_rejection(got.consent_rejection, f.consent_rejection);
    assert_true(got.device && got.skip && got.remember && got.extend_session && got.consent_skip);
    assert_int_equal(got.authenticated_at, 7);
    assert_int_equal(got.remember_for, 60);
    assert_int_equal(got.consent_remember_for, 9);
    assert_strn(flow_encode(a, &got), text); /* equal answers are told by equal texts */
}

static void test_empty(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct err e = ERR_INIT(a);
    struct flow f = { 0 }, got = { 0 };
    assert_str(flow_encode(a, &f), "{}");
    assert_true(flow_decode(a, STR("{}"), &got, &e));
    assert_null(got.rejection);
    assert_int_equal(got.context.n, 0);
    assert_int_equal(got.request.n, 0);
}

static void test_damaged(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    static const char *const bad[] = { "",
                                       "{",
                                       "nothing",
                                       "{}x",
                                       "{\"q\":7}",
                                       "{\"rej\":1}",
                                       "{\"au\":true}",
                                       "{\"rm\":\"yes\"}",
                                       "{\"amr\":\"x\"}",
                                       "{\"rej\":{\"status\":\"x\"}}" };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err e = ERR_INIT(a);
        struct flow got = { 0 };
        assert_false(flow_decode(a, str_of(bad[i]), &got, &e));
        assert_ptr_equal(e.kind, &err_SERVER_ERROR);
    }
    struct err e = ERR_INIT(a);
    struct flow got = { 0 };
    assert_true(flow_decode(a, STR("{\"zzz\":[],\"rm\":true}"), &got, &e)); /* a newer version's */
    assert_true(got.remember);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_full), cmocka_unit_test(test_empty),
                                        cmocka_unit_test(test_damaged) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
