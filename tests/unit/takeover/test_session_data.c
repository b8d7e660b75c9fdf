/* Session data in all its spellings: plain and sealed, of today and of old, whole and damaged. */
#include "../vectors.h"

#include "takeover/session_data.h"

#define SECRET STR("this-is-a-32-byte-long-secret-ok!")

struct world {
    struct arena *a;
    struct hydra *keys;
};

static int enter(void **state)
{
    static struct world w;
    struct str one[] = { SECRET };
    w = (struct world) { arena_new(), hydra_new(&(struct sealer_secrets) { .system = { one, 1 } }) };
    *state = &w;
    return 0;
}

static int leave(void **state)
{
    struct world *w = *state;
    hydra_free(w->keys);
    arena_free(w->a);
    return 0;
}

#define assert_str(a_, b) assert_string_equal(arena_dupz(w->a, (a_)), (b))

static usec_t moment(const char *text)
{
    usec_t t;
    assert_true(time_parse_rfc3339(str_of(text), &t));
    return t;
}

static void today(void **state)
{
    struct world *w = *state;
    struct session_data d;
    const char *text =
        "{\"id_token\":{\"id_token_claims\":{\"sub\":\"seen\",\"nonce\":\"n\",\"acr\":\"2\",\"amr\":[\"pwd\",\"otp\"],"
        "\"auth_time\":\"2030-01-01T00:00:00Z\",\"ext\":{\"sid\":\"s\",\"email\":\"e\"}},\"subject\":\"alice\","
        "\"expires_at\":{\"access_token\":\"2031-01-01T00:00:00Z\",\"refresh_token\":\"0001-01-01T00:00:00Z\"}},"
        "\"extra\":{\"role\":\"r\"}}";
    assert_true(session_data_read(w->keys, w->a, str_of(text), &d));
    assert_str(d.subject, "alice");
    assert_str(d.sub, "seen");
    assert_str(d.sid, "s");
    assert_str(d.nonce, "n");
    assert_str(d.acr, "2");
    assert_int_equal(d.amr.n, 2);
    assert_str(d.id_claims, "{\"email\":\"e\"}");
    assert_str(d.access_claims, "{\"role\":\"r\"}");
    assert_int_equal(d.auth_time, moment("2030-01-01T00:00:00Z"));
    assert_int_equal(d.access_until, moment("2031-01-01T00:00:00Z"));
    assert_int_equal(d.refresh_until, 0);
}

static void names_of_old(void **state)
{
    struct world *w = *state;
    struct session_data d;
    const char *text = "{\"idToken\":{\"Claims\":{\"Subject\":\"seen\",\"Nonce\":\"n\",\"AuthTime\":\"2030-01-01T00:00:00Z\","
                       "\"AuthenticationContextClassReference\":\"2\",\"Extra\":{\"sid\":\"s\"}},\"Subject\":\"alice\","
                       "\"ExpiresAt\":{\"authorize_code\":\"2031-01-01T00:00:00.5Z\"}},\"Extra\":{\"role\":\"r\"}}";
    assert_true(session_data_read(w->keys, w->a, str_of(text), &d));
    assert_str(d.sub, "seen");
    assert_str(d.sid, "s");
    assert_str(d.acr, "2");
    assert_str(d.id_claims, "");
    assert_str(d.access_claims, "{\"role\":\"r\"}");
    assert_int_equal(d.code_until, moment("2031-01-01T00:00:00.5Z"));
}

/* A row that a running Hydra has accepted. */
static void sealed(void **state)
{
    struct world *w = *state;
    struct session_data d;
    const char *text =
        "AAECAwQFBgcICQoLLp9wNXo88vXh0PEYNWl10TsT5AUCukZc-5Kt4ogSAEQQacjpeX_dr69ThizfkQahD4evMosSUhR58mo32Elnf8Qk4ZJ3Ckl6"
        "J83Tzy9IGLp6oOHXS7YxLEpUzfCT3jvfCkX7i7kYBzT_Y1o8Pdb_WrJp5VnQChzOnt618pVOedMPnH8O-UxF23cV8wbLbhD84ZuCE7gfrUujg7sB"
        "LnI=";
    assert_true(session_data_read(w->keys, w->a, str_of(text), &d));
    assert_str(d.subject, "u");
    assert_str(d.access_claims, "{\"foo\":\"bar\"}");
    assert_int_equal(d.access_until, moment("2099-01-01T00:00:00Z"));
}

static void damaged(void **state)
{
    struct world *w = *state;
    struct session_data d;
    static const char *const texts[] = { "", "x", "{", "[]", "{\"a\":1", "AAECAwQFBgcICQoLLp9wNXo88vXh0PEYNWl10TsT5AUC", "null" };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) assert_false(session_data_read(w->keys, w->a, str_of(texts[i]), &d));
    /* Nothing in it is needed. */
    static const char *const odd[] = { "{}", "{\"id_token\":null}", "{\"id_token\":[],\"extra\":7}",
                                       "{\"id_token\":{\"expires_at\":{\"access_token\":7}}}" };
    for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
        assert_true(session_data_read(w->keys, w->a, str_of(odd[i]), &d));
        assert_int_equal(d.access_until, 0);
        assert_str(d.access_claims, "");
    }
}

static void lists(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *column;
        size_t n;
    } cases[] = { { "", 0 }, { "null", 0 }, { "[]", 0 }, { "[\"a\",\"b|c\"]", 2 }, { "a|b|c", 3 }, { "a", 1 }, { "[\"a\"", 0 } };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) assert_int_equal(hydra_list(w->a, str_of(cases[i].column)).n, cases[i].n);
    assert_str(hydra_list(w->a, STR("https://a|https://b")).v[1], "https://b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(today, enter, leave),  cmocka_unit_test_setup_teardown(names_of_old, enter, leave),
        cmocka_unit_test_setup_teardown(sealed, enter, leave), cmocka_unit_test_setup_teardown(damaged, enter, leave),
        cmocka_unit_test_setup_teardown(lists, enter, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
