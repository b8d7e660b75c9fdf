/* The browser's visits: who is asked for what, what is remembered and for how long, what a later visit may not change. */
#include "journey.h"

#include "oauth/keysets.h"

static struct session_row *stored(struct journey *j, struct str id)
{
    struct session_row *s;
    WORLD_TRY(&j->w, store_session_get(j->w.p->store, &j->w.op, id, &s, &j->w.e));
    return s;
}

static bool begin(struct journey *j, const char *more)
{
    return journey_begin(j, ARENA_CAT(j->w.arena, STR(QUERY), str_of(more)).p);
}

/* The login app's answer as it stands in j->f. */
static struct str decide(struct journey *j)
{
    struct str verifier;
    WORLD_TRY(&j->w, flow_decide_login(j->w.p, &j->w.op, &j->f, &verifier, &j->w.e));
    return verifier;
}

static void test_new_login(void **state)
{
    (void)state;
    struct journey j;
    journey_open(&j, "");
    assert_true(journey_begin(&j, QUERY "&extra=a+b%26c&login_verifier=&consent_verifier=x&dup=1&dup=2"));
    assert_false(j.f.skip);
    assert_str(j.f.subject, "");
    assert_str(j.f.client_id, "web");
    assert_int_equal(j.f.session_id.n, 36);
    assert_int_equal(j.f.id.n, 32);
    assert_str(j.f.request, QUERY "&extra=a+b%26c&dup=1&dup=2");
    journey_close(&j);
}

/* Forwards to that moment of a second. */
static void at_second(struct journey *j, usec_t fraction)
{
    world_later(&j->w, USEC_PER_SEC - j->w.op.now % USEC_PER_SEC + fraction);
}

/* OpenID Connect Core 3.1.2.1: prompt and max_age, with and without a remembered login. */
static void test_prompt(void **state)
{
    (void)state;
    static const struct {
        const char *more;
        bool session;
        const struct err_kind *kind; /* NULL: goes on */
        bool skip;
    } cases[] = {
        { "", false, NULL, false },
        { "", true, NULL, true },
        { "&prompt=none", false, &err_LOGIN_REQUIRED, false },
        { "&prompt=none", true, NULL, true },
        { "&prompt=none+login", false, &err_LOGIN_REQUIRED, false },
        { "&prompt=none+consent", false, &err_LOGIN_REQUIRED, false },
        { "&prompt=none+consent", true, &err_INVALID_REQUEST, false },
        { "&prompt=login", true, NULL, false },
        { "&prompt=select_account", true, NULL, false },
        { "&prompt=consent", true, NULL, true },
        { "&prompt=registration", true, NULL, true },
        { "&max_age=3600", true, NULL, true },
        { "&max_age=10", true, NULL, true },
        { "&max_age=9", true, NULL, false },
        { "&max_age=0", true, NULL, false },
        { "&max_age=-1", true, NULL, true },
        { "&max_age=9&prompt=none", true, &err_LOGIN_REQUIRED, false },
        { "&max_age=9223372036854775807", true, NULL, true },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct journey j;
        journey_open(&j, "");
        at_second(&j, 0);
        if (cases[i].session) journey_whole(&j, QUERY, true, false);
        world_later(&j.w, 10 * USEC_PER_SEC);
        bool ok = begin(&j, cases[i].more);
        if (ok != (cases[i].kind == NULL) || (!ok && j.w.e.kind != cases[i].kind)) fail_msg("case %zu", i);
        if (ok && j.f.skip != cases[i].skip) fail_msg("skip of case %zu", i);
        if (ok && j.f.skip) assert_str(j.f.subject, "alice");
        if (ok && j.f.skip) assert_strn(j.f.session_id, j.session->id);
        if (ok && !j.f.skip && j.session != NULL && str_eq(j.f.session_id, j.session->id))
            fail_msg("old session id in case %zu", i);
        journey_close(&j);
    }
}

/* OpenID Connect Core 2: auth_time is a whole second, and all that the client has to compare with. */
static void test_max_age_counts_from_auth_time(void **state)
{
    (void)state;
    struct journey j;
    journey_open(&j, "");
    at_second(&j, 900000);
    journey_whole(&j, QUERY, true, false);
    world_later(&j.w, 100000); /* a second after auth_time */
    assert_true(begin(&j, "&max_age=1") && j.f.skip);
    world_later(&j.w, 1);
    assert_true(begin(&j, "&max_age=1") && !j.f.skip);
    assert_true(begin(&j, "&max_age=2") && j.f.skip);
    journey_close(&j);
}

static struct str hint_about(struct journey *j, const char *payload)
{
    struct str hint;
    WORLD_TRY(&j->w, keyset_sign(j->w.p, &j->w.op, STR(KEYSET_ID_TOKEN), STR("JWT"), str_of(payload), &hint, &j->w.e));
    return hint;
}

static void test_hint(void **state)
{
    (void)state;
    struct journey j;
    journey_open(&j, "");
    journey_whole(&j, QUERY, true, false);
    struct arena *a = j.w.arena;
    struct str alice = ARENA_CAT(a, STR("&id_token_hint="), hint_about(&j, "{\"sub\":\"alice\",\"exp\":1}"));
    struct str bob = ARENA_CAT(a, STR("&id_token_hint="), hint_about(&j, "{\"sub\":\"bob\"}"));
    struct str renamed = ARENA_CAT(a, STR("&id_token_hint="), hint_about(&j, "{\"sub\":\"a-17\"}"));
    struct str nobody = ARENA_CAT(a, STR("&id_token_hint="), hint_about(&j, "{\"iss\":\"x\"}"));
    assert_true(begin(&j, alice.p)); /* however old it is */
    assert_true(j.f.skip);
    assert_false(begin(&j, bob.p));
    ASSERT_ERR(&j, LOGIN_REQUIRED);
    assert_false(begin(&j, nobody.p));
    ASSERT_ERR(&j, INVALID_REQUEST);
    assert_false(begin(&j, renamed.p));
    WORLD_TRY(&j.w, store_alias_put(j.w.p->store, &j.w.op, STR("web"), STR("alice"), STR("a-17"), &j.w.e));
    assert_true(begin(&j, renamed.p));

    static const char *const garbage[] = { "rubbish", "a.b.c", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9.", "e30.e30.e30" };
    for (size_t i = 0; i < ARRAY_LEN(garbage); i++) {
        j.session = NULL; /* found out before anybody logs in */
        assert_false(begin(&j, ARENA_CAT(a, STR("&id_token_hint="), str_of(garbage[i])).p));
        ASSERT_ERR(&j, INVALID_REQUEST);
    }
    /* Another key of the server's is not the one that signs ID tokens. */
    struct str other;
    WORLD_TRY(&j.w,
              keyset_sign(j.w.p, &j.w.op, STR(KEYSET_ACCESS_TOKEN), STR("JWT"), STR("{\"sub\":\"alice\"}"), &other, &j.w.e));
    assert_false(begin(&j, ARENA_CAT(a, STR("&id_token_hint="), other).p));

    /* Someone else logs in than the hint says. */
    assert_true(begin(&j, bob.p));
    assert_false(journey_login(&j, journey_accept_login(&j, "alice", false)));
    ASSERT_ERR(&j, LOGIN_REQUIRED);
    journey_close(&j);
}

static void test_remember(void **state)
{
    (void)state;
    struct journey j;
    journey_open(&j, "ttl: { authentication_session: 2h }");
    assert_true(begin(&j, ""));
    j.f.subject = STR("alice"), j.f.remember = true, j.f.remember_for = 600;
    assert_true(journey_login(&j, decide(&j)));
    assert_int_equal(j.login.cookie, SESSION_COOKIE_SET);
    assert_int_equal(j.login.cookie_life, 600 * USEC_PER_SEC);
    struct session_row *s = stored(&j, j.f.session_id);
    assert_true(s->remember);
    assert_int_equal(s->expires_at, j.w.op.now + 600 * USEC_PER_SEC);
    assert_str(s->subject, "alice");

    /* A skipped login leaves the session as it is, unless told to extend it. */
    world_later(&j.w, 60 * USEC_PER_SEC);
    assert_true(begin(&j, ""));
    assert_true(j.f.skip);
    assert_true(journey_login(&j, journey_accept_login(&j, "alice", false)));
    assert_int_equal(j.login.cookie, SESSION_COOKIE_LEAVE);
    assert_int_equal(stored(&j, s->id)->expires_at, s->expires_at);
    assert_true(begin(&j, ""));
    j.f.remember = j.f.extend_session = true, j.f.remember_for = 1000;
    assert_true(journey_login(&j, decide(&j)));
    assert_int_equal(j.login.cookie, SESSION_COOKIE_SET);
    assert_int_equal(stored(&j, s->id)->expires_at, j.w.op.now + 1000 * USEC_PER_SEC);
    assert_int_equal(stored(&j, s->id)->authenticated_at, s->authenticated_at);

    /* It ends on the server, whatever the browser keeps. */
    world_later(&j.w, 1001 * USEC_PER_SEC);
    assert_null(stored(&j, s->id));
    journey_close(&j);
}

/* A session that was revoked while its login was skipped does not come back, and nobody is logged in by it. */
static void test_extend_revoked(void **state)
{
    (void)state;
    struct journey j;
    enum store_put put;
    journey_open(&j, "");
    journey_whole(&j, QUERY, true, false);
    assert_true(begin(&j, ""));
    j.f.remember = j.f.extend_session = true;
    struct str verifier = decide(&j);
    WORLD_TRY(&j.w, store_session_delete(j.w.p->store, &j.w.op, j.f.session_id, &put, &j.w.e));
    assert_false(journey_login(&j, verifier));
    assert_true(err_is(&j.w.e, &err_LOGIN_REQUIRED));
    assert_null(stored(&j, j.f.session_id));
    journey_close(&j);
}

static void test_remember_life(void **state)
{
    (void)state;
    static const struct {
        int64_t remember_for, seconds;
    } cases[] = { { 0, 7200 }, { -5, 7200 }, { 1, 1 }, { 86400, 86400 }, { INT64_MAX, INT64_C(100) * 365 * 24 * 3600 } };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct journey j;
        journey_open(&j, "ttl: { authentication_session: 2h }");
        assert_true(begin(&j, ""));
        j.f.subject = STR("alice"), j.f.remember = true, j.f.remember_for = cases[i].remember_for;
        assert_true(journey_login(&j, decide(&j)));
        assert_int_equal(j.login.cookie_life, cases[i].seconds * USEC_PER_SEC);
        journey_close(&j);
    }
}

/* A login that is not to be remembered ends the remembered one of this browser. */
static void test_forget(void **state)
{
    (void)state;
    struct journey j;
    journey_open(&j, "");
    journey_whole(&j, QUERY, true, false);
    struct str old = j.session->id;
    assert_non_null(stored(&j, old));
    assert_true(begin(&j, "&prompt=login"));
    assert_true(journey_login(&j, journey_accept_login(&j, "alice", false)));
    assert_int_equal(j.login.cookie, SESSION_COOKIE_DROP);
    assert_null(stored(&j, old));
    assert_false(stored(&j, j.f.session_id)->remember); /* there so that its sid means something */
    journey_close(&j);
}

static bool consent_skips(struct journey *j, const char *query)
{
    if (!journey_begin(j, query)) world_fail(&j->w);
    if (!journey_login(j, journey_accept_login(j, "alice", false))) world_fail(&j->w);
    return j->f.consent_skip;
}

#define WITH_SCOPE(scope) \
    "client_id=web&response_type=code&redirect_uri=https%3A%2F%2Frp.example.test%2Fcb&state=abcdefgh&scope=" scope

static void test_consent_skip(void **state)
{
    (void)state;
    struct journey j;
    journey_open(&j, "");
    assert_false(consent_skips(&j, QUERY));
    journey_whole(&j, QUERY, true, false);
    assert_false(consent_skips(&j, QUERY));
    journey_whole(&j, QUERY, true, true);
    assert_true(consent_skips(&j, QUERY));
    assert_true(consent_skips(&j, WITH_SCOPE("openid")));
    assert_true(consent_skips(&j, WITH_SCOPE("")));
    assert_false(consent_skips(&j, WITH_SCOPE("openid+foo+bar")));
    assert_false(consent_skips(&j, QUERY "&prompt=consent"));
    assert_true(consent_skips(&j, QUERY "&prompt=none"));

    /* Nothing skipped counts as an answer of the person's. */
    j.f.consent_skip = false;
    struct str verifier = journey_accept_consent(&j, "openid offline foo bar", true);
    assert_true(journey_consent(&j, verifier));
    assert_false(consent_skips(&j, WITH_SCOPE("openid+foo+bar")));

    assert_true(journey_begin(&j, WITH_SCOPE("openid+bar") "&prompt=none"));
    assert_false(journey_login(&j, journey_accept_login(&j, "alice", false)));
    ASSERT_ERR(&j, CONSENT_REQUIRED);
    journey_close(&j);
}

static void test_consent_remember_for(void **state)
{
    (void)state;
    struct journey j;
    journey_open(&j, "");
    assert_true(begin(&j, ""));
    assert_true(journey_login(&j, journey_accept_login(&j, "alice", true)));
    assert_int_equal(journey_open_consent(&j), FLOW_OPEN);
    j.f.consent_remember_for = 100;
    struct grant_session granted = { .scopes = strs_words(j.w.arena, STR("openid offline foo")) };
    struct str verifier;
    world_later(&j.w, 50 * USEC_PER_SEC); /* counts from the request, not from the answer */
    WORLD_TRY(&j.w, flow_decide_consent(j.w.p, &j.w.op, j.g, &j.f, true, &granted, &verifier, &j.w.e));
    assert_true(journey_consent(&j, verifier));
    world_later(&j.w, 49 * USEC_PER_SEC);
    assert_true(consent_skips(&j, QUERY));
    world_later(&j.w, 2 * USEC_PER_SEC);
    assert_false(consent_skips(&j, QUERY));
    journey_close(&j);
}

/* RFC 8252 8.6: a public client is let through only where its redirect shows that it is itself. */
static void test_public_skip(void **state)
{
    (void)state;
    static const char https[] =
        "client_id=app&response_type=code&redirect_uri=https%3A%2F%2Fapp.example.test%2Fcb&scope=openid&state=abcdefgh";
    static const char own[] =
        "client_id=app&response_type=code&redirect_uri=com.example.app%3A%2Fdone&scope=openid&state=abcdefgh";
    struct journey j;
    journey_open(&j, "");
    journey_whole(&j, https, true, true);
    assert_true(consent_skips(&j, https));
    assert_false(consent_skips(&j, own));
    journey_close(&j);
}

/* What was asked for at first is what counts, to the last parameter. */
static void test_bound(void **state)
{
    (void)state;
    static const char other_order[] =
        "state=abcdefgh&scope=openid+offline+foo&redirect_uri=https://rp.example.test/cb&response_type=code"
        "&client_id=web";
    static const struct {
        const char *query;
        const struct err_kind *kind;
    } cases[] = {
        { QUERY "&login_verifier=x&consent_verifier=y", NULL },
        { other_order, NULL },
        { QUERY "&nonce=12345678", &err_INVALID_REQUEST },
        { QUERY "&state=x", &err_INVALID_REQUEST },
        { WITH_SCOPE("openid+offline+foo+bar"), &err_INVALID_REQUEST },
        { WITH_SCOPE("openid"), &err_INVALID_REQUEST },
        { "client_id=app&response_type=code&redirect_uri=com.example.app%3A%2Fdone&scope=openid&state=abcdefgh",
          &err_INVALID_CLIENT },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct journey j;
        journey_open(&j, "");
        assert_true(begin(&j, ""));
        struct str verifier = journey_accept_login(&j, "alice", false);
        journey_read(&j, cases[i].query);
        if (journey_login(&j, verifier) != (cases[i].kind == NULL)) fail_msg("login visit, case %zu", i);
        if (cases[i].kind != NULL) assert_ptr_equal(j.w.e.kind, cases[i].kind);
        journey_read(&j, QUERY);
        assert_true(journey_login(&j, verifier)); /* a refused visit has changed nothing */

        verifier = journey_accept_consent(&j, "openid", false);
        journey_read(&j, cases[i].query);
        if (journey_consent(&j, verifier) != (cases[i].kind == NULL)) fail_msg("consent visit, case %zu", i);
        journey_close(&j);
    }
}

static void test_too_long(void **state)
{
    (void)state;
    struct journey j;
    journey_open(&j, "");
    char *more = arena_alloc(j.w.arena, FLOW_REQUEST_MAX + 1);
    memset(more, 'x', FLOW_REQUEST_MAX);
    memcpy(more, "&junk=", 6);
    more[FLOW_REQUEST_MAX] = '\0';
    assert_false(begin(&j, more));
    ASSERT_ERR(&j, INVALID_REQUEST);
    more[FLOW_REQUEST_MAX - 1000] = '\0';
    assert_true(begin(&j, more));
    journey_close(&j);
}

/* Writes wait; on a listener's thread nothing happens. */
static void test_must_wait(void **state)
{
    (void)state;
    struct journey j;
    journey_open(&j, "");
    j.w.op.may_wait = false;
    assert_true(begin(&j, "")); /* the first visit stores nothing */
    j.w.op.may_wait = true;
    struct str verifier = journey_accept_login(&j, "alice", true);
    j.w.op.may_wait = false;
    assert_false(journey_login(&j, verifier));
    ASSERT_ERR(&j, MUST_WAIT);
    j.w.op.may_wait = true;
    assert_null(stored(&j, j.f.session_id));
    assert_true(journey_login(&j, verifier));
    journey_close(&j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new_login),
        cmocka_unit_test(test_prompt),
        cmocka_unit_test(test_max_age_counts_from_auth_time),
        cmocka_unit_test(test_hint),
        cmocka_unit_test(test_remember),
        cmocka_unit_test(test_extend_revoked),
        cmocka_unit_test(test_remember_life),
        cmocka_unit_test(test_forget),
        cmocka_unit_test(test_consent_skip),
        cmocka_unit_test(test_consent_remember_for),
        cmocka_unit_test(test_public_skip),
        cmocka_unit_test(test_bound),
        cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_must_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
