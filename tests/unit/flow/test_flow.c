/* The moves of a flow: the first decision is final, the same one may be repeated, verifiers do what they are for, once. */
#include "journey.h"

#include "oauth/code.h"

static void test_whole(void **state)
{
    (void)state;
    struct journey j;
    struct code code;
    journey_open(&j, "");
    journey_whole(&j, QUERY, false, false);
    assert_int_equal(j.g->state, GRANT_CONSENTED);
    assert_str(params_get(&j.answer, STR("scope")), "openid offline foo");
    assert_str(params_get(&j.answer, STR("state")), "abcdefgh");
    assert_true(code_open(j.w.p, j.w.arena, params_get(&j.answer, STR("code")), &code));
    assert_strn(code.grant_id, j.g->id);
    assert_int_equal(code.generation, 0);
    assert_in_range(code.expires_at - j.w.op.now, 599 * USEC_PER_SEC, 601 * USEC_PER_SEC);
    assert_str(j.g->subject, "alice");
    assert_int_equal(j.g->requested_at, j.w.op.now);
    journey_close(&j);
}

static bool decide_again(struct journey *j, const char *subject)
{
    struct str verifier;
    struct flow again = j->f;
    again.subject = str_of(subject);
    again.authenticated_at += 3 * USEC_PER_SEC; /* a moment later */
    j->w.e = ERR_INIT(j->w.arena);
    return flow_decide_login(j->w.p, &j->w.op, &again, &verifier, &j->w.e);
}

static void test_login_decided_once(void **state)
{
    (void)state;
    struct journey j;
    enum flow_found found;
    const struct client *c;
    struct flow f;
    journey_open(&j, "");
    assert_true(journey_begin(&j, QUERY));
    struct str challenge = flow_login_challenge(j.w.p, j.w.arena, &j.f), verifier = journey_accept_login(&j, "alice", false);
    assert_true(verifier.n <= 64);
    assert_true(decide_again(&j, "alice"));
    assert_false(decide_again(&j, "bob"));
    ASSERT_ERR(&j, CONFLICT);

    struct flow refused = j.f;
    refused.rejection = &(struct rejection) { .error = STR("no") };
    assert_false(flow_decide_login(j.w.p, &j.w.op, &refused, &verifier, &j.w.e));
    ASSERT_ERR(&j, CONFLICT);

    WORLD_TRY(&j.w, flow_open_login(j.w.p, &j.w.op, challenge, &found, &f, &c, &j.w.e));
    assert_int_equal(found, FLOW_DECIDED);
    assert_true(journey_login(&j, verifier));
    WORLD_TRY(&j.w, flow_open_login(j.w.p, &j.w.op, challenge, &found, &f, &c, &j.w.e));
    assert_int_equal(found, FLOW_USED);
    journey_close(&j);
}

static void test_login_verifier_again(void **state)
{
    (void)state;
    struct journey j;
    journey_open(&j, "");
    assert_true(journey_begin(&j, QUERY));
    struct str verifier = journey_accept_login(&j, "alice", true);
    assert_true(journey_login(&j, verifier));
    struct str challenge = j.login.consent_challenge, csrf = j.f.consent_csrf;
    assert_true(challenge.n <= 64);
    assert_int_equal(csrf.n, 32);
    assert_true(journey_login(&j, verifier));
    assert_strn(j.login.consent_challenge, challenge);
    assert_strn(j.f.consent_csrf, csrf);
    assert_int_equal(j.login.cookie, SESSION_COOKIE_SET);

    struct str consent = journey_accept_consent(&j, "openid", false);
    assert_true(journey_login(&j, verifier)); /* back and forth in the browser's history */
    assert_true(journey_consent(&j, consent));
    assert_false(journey_login(&j, verifier));
    ASSERT_ERR(&j, ACCESS_DENIED);
    journey_close(&j);
}

static void test_consent_decided_once(void **state)
{
    (void)state;
    struct journey j;
    struct str again;
    journey_open(&j, "");
    assert_true(journey_begin(&j, QUERY));
    assert_true(journey_login(&j, journey_accept_login(&j, "alice", false)));
    struct str verifier = journey_accept_consent(&j, "openid", true);
    assert_true(verifier.n <= 64);
    struct grant before = *j.g;
    struct flow f = j.f;
    assert_int_equal(journey_open_consent(&j), FLOW_DECIDED);

    struct grant_session same = { .scopes = strs_words(j.w.arena, STR("openid")) },
                         more = { .scopes = strs_words(j.w.arena, STR("openid foo")) };
    WORLD_TRY(&j.w, flow_decide_consent(j.w.p, &j.w.op, &before, &f, true, &same, &again, &j.w.e));
    assert_strn(again, verifier);
    assert_false(flow_decide_consent(j.w.p, &j.w.op, &before, &f, true, &more, &again, &j.w.e));
    ASSERT_ERR(&j, CONFLICT);
    assert_false(flow_decide_consent(j.w.p, &j.w.op, &before, &f, false, &same, &again, &j.w.e));
    assert_false(flow_decide_consent(j.w.p, &j.w.op, &before, &f, true, NULL, &again, &j.w.e));

    assert_true(journey_consent(&j, verifier));
    assert_str(params_get(&j.answer, STR("scope")), "openid");
    assert_int_equal(journey_open_consent(&j), FLOW_USED);
    assert_false(journey_consent(&j, verifier));
    ASSERT_ERR(&j, ACCESS_DENIED);
    journey_close(&j);
}

/* Two visits that both saw the row before either moved it. */
static void test_consent_race(void **state)
{
    (void)state;
    struct journey j;
    journey_open(&j, "");
    assert_true(journey_begin(&j, QUERY));
    struct str verifier = journey_accept_login(&j, "alice", false), first, second;
    enum flow_found found;
    struct grant *g1, *g2;
    struct flow f1, f2;
    struct session_row none = { .id = j.f.session_id, .subject = STR("alice"), .expires_at = USEC_NEVER };
    WORLD_TRY(&j.w, flow_open_login_verifier(j.w.p, &j.w.op, verifier, &found, &g1, &f1, &j.w.e));
    WORLD_TRY(&j.w, flow_open_login_verifier(j.w.p, &j.w.op, verifier, &found, &g2, &f2, &j.w.e));
    WORLD_TRY(&j.w, flow_ask_consent(j.w.p, &j.w.op, g1, &f1, &none, STR_NONE, &first, &j.w.e));
    WORLD_TRY(&j.w, flow_ask_consent(j.w.p, &j.w.op, g2, &f2, &none, STR_NONE, &second, &j.w.e));
    assert_strn(first, second);
    assert_strn(f1.consent_csrf, f2.consent_csrf);

    j.login.consent_challenge = first;
    struct str consent = journey_accept_consent(&j, "openid", false);
    struct grant_session granted = { 0 };
    WORLD_TRY(&j.w, flow_open_consent_verifier(j.w.p, &j.w.op, consent, &found, &g1, &f1, &j.w.e));
    WORLD_TRY(&j.w, flow_open_consent_verifier(j.w.p, &j.w.op, consent, &found, &g2, &f2, &j.w.e));
    WORLD_TRY(&j.w, flow_finish(j.w.p, &j.w.op, g1, GRANT_CONSENTED, &granted, j.w.op.now, &j.w.e));
    assert_false(flow_finish(j.w.p, &j.w.op, g2, GRANT_CONSENTED, &granted, j.w.op.now, &j.w.e));
    ASSERT_ERR(&j, ACCESS_DENIED);
    journey_close(&j);
}

static enum flow_found login_verifier_found(struct journey *j, struct str verifier)
{
    enum flow_found found;
    struct flow f;
    WORLD_TRY(&j->w, flow_open_login_verifier(j->w.p, &j->w.op, verifier, &found, &j->g, &f, &j->w.e));
    return found;
}

static enum flow_found consent_verifier_found(struct journey *j, struct str verifier)
{
    enum flow_found found;
    struct flow f;
    WORLD_TRY(&j->w, flow_open_consent_verifier(j->w.p, &j->w.op, verifier, &found, &j->g, &f, &j->w.e));
    return found;
}

/* Every string is good for its own step only. */
static void test_mixed_up(void **state)
{
    (void)state;
    struct journey j;
    enum flow_found found;
    const struct client *c;
    struct flow f;
    journey_open(&j, "");
    assert_true(journey_begin(&j, QUERY));
    struct str strings[4];
    strings[0] = flow_login_challenge(j.w.p, j.w.arena, &j.f);
    strings[1] = journey_accept_login(&j, "alice", false);
    assert_true(journey_login(&j, strings[1]));
    strings[2] = j.login.consent_challenge;
    strings[3] = journey_accept_consent(&j, "openid", false);
    for (size_t i = 0; i < ARRAY_LEN(strings); i++) {
        WORLD_TRY(&j.w, flow_open_login(j.w.p, &j.w.op, strings[i], &found, &f, &c, &j.w.e));
        assert_int_equal(found == FLOW_UNKNOWN, i != 0);
        assert_int_equal(login_verifier_found(&j, strings[i]) == FLOW_UNKNOWN, i != 1);
        j.login.consent_challenge = strings[i];
        assert_int_equal(journey_open_consent(&j) == FLOW_UNKNOWN, i != 2);
        assert_int_equal(consent_verifier_found(&j, strings[i]) == FLOW_UNKNOWN, i != 3);
    }
    assert_int_equal(login_verifier_found(&j, STR("made-up")), FLOW_UNKNOWN);
    assert_int_equal(consent_verifier_found(&j, STR("")), FLOW_UNKNOWN);
    journey_close(&j);
}

static void test_expired(void **state)
{
    (void)state;
    struct journey j;
    enum flow_found found;
    const struct client *c;
    struct flow f;
    journey_open(&j, "ttl: { login_consent_request: 60s }");
    assert_true(journey_begin(&j, QUERY));
    struct str challenge = flow_login_challenge(j.w.p, j.w.arena, &j.f), verifier = journey_accept_login(&j, "alice", false);
    assert_true(journey_login(&j, verifier));
    struct str consent = journey_accept_consent(&j, "openid", false);
    usec_t start = j.w.op.now;
    j.w.op.now = start + 60 * USEC_PER_SEC;
    assert_int_equal(login_verifier_found(&j, verifier), FLOW_DECIDED);
    assert_int_equal(consent_verifier_found(&j, consent), FLOW_DECIDED);
    j.w.op.now = start + 61 * USEC_PER_SEC;
    assert_int_equal(login_verifier_found(&j, verifier), FLOW_EXPIRED);
    assert_int_equal(consent_verifier_found(&j, consent), FLOW_EXPIRED);
    assert_false(journey_consent(&j, consent));
    ASSERT_ERR(&j, REQUEST_UNAUTHORIZED);
    assert_false(journey_login(&j, verifier));
    ASSERT_ERR(&j, REQUEST_UNAUTHORIZED);
    WORLD_TRY(&j.w, flow_open_login(j.w.p, &j.w.op, challenge, &found, &f, &c, &j.w.e));
    assert_int_equal(found, FLOW_USED);

    j.w.op.now = start;
    assert_true(journey_begin(&j, QUERY)); /* never decided */
    challenge = flow_login_challenge(j.w.p, j.w.arena, &j.f);
    j.w.op.now = start + 61 * USEC_PER_SEC;
    WORLD_TRY(&j.w, flow_open_login(j.w.p, &j.w.op, challenge, &found, &f, &c, &j.w.e));
    assert_int_equal(found, FLOW_EXPIRED);
    journey_close(&j);
}

static void test_rejected(void **state)
{
    (void)state;
    struct journey j;
    struct rejection no = { STR("mfa_required"), STR("Second factor missing."), STR("hint"), STR(""), 0 };
    struct str verifier;
    journey_open(&j, "");
    assert_true(journey_begin(&j, QUERY));
    j.f.rejection = &no;
    WORLD_TRY(&j.w, flow_decide_login(j.w.p, &j.w.op, &j.f, &verifier, &j.w.e));
    assert_false(journey_login(&j, verifier));
    assert_string_equal(j.w.e.name, "mfa_required");
    assert_string_equal(j.w.e.description, "Second factor missing.");
    assert_string_equal(j.w.e.hint, "hint");
    WORLD_TRY(&j.w, flow_close(j.w.p, &j.w.op, j.g, &j.w.e));
    assert_false(journey_login(&j, verifier)); /* a reload says the same again */
    assert_string_equal(j.w.e.name, "mfa_required");

    assert_true(journey_begin(&j, QUERY));
    assert_true(journey_login(&j, journey_accept_login(&j, "alice", false)));
    assert_int_equal(journey_open_consent(&j), FLOW_OPEN);
    j.f.consent_rejection = &(struct rejection) { 0 };
    WORLD_TRY(&j.w, flow_decide_consent(j.w.p, &j.w.op, j.g, &j.f, false, NULL, &verifier, &j.w.e));
    assert_false(journey_consent(&j, verifier));
    assert_string_equal(j.w.e.name, "consent request denied");
    assert_string_equal(j.w.e.description, "");
    WORLD_TRY(&j.w, flow_close(j.w.p, &j.w.op, j.g, &j.w.e));
    assert_int_equal(journey_open_consent(&j), FLOW_USED);
    journey_close(&j);
}

/* A client that is gone, or was made again under its old id, has no flows. */
static void test_client_gone(void **state)
{
    (void)state;
    struct journey j;
    enum flow_found found;
    enum store_put put;
    const struct client *c;
    struct flow f;
    journey_open(&j, "");
    assert_true(journey_begin(&j, QUERY));
    struct str challenge = flow_login_challenge(j.w.p, j.w.arena, &j.f), verifier = journey_accept_login(&j, "alice", false);
    WORLD_TRY(&j.w, store_client_delete(j.w.p->store, &j.w.op, STR("web"), &put, &j.w.e));
    WORLD_TRY(&j.w, flow_open_login(j.w.p, &j.w.op, challenge, &found, &f, &c, &j.w.e));
    assert_int_equal(found, FLOW_UNKNOWN);
    assert_int_equal(login_verifier_found(&j, verifier), FLOW_UNKNOWN);
    journey_close(&j);
}

static void test_urls(void **state)
{
    (void)state;
    struct world w;
    struct flow f = { .request = STR("state=a&client_id=%C3%BC") };
    world_open(&w, "");
    assert_str(flow_request_url(w.p, w.arena, &f), "https://op.example.test/oauth2/auth?state=a&client_id=%C3%BC");
    assert_str(flow_redirect_to(w.p, w.arena, &f, STR("login_verifier"), STR("v+")),
               "https://op.example.test/oauth2/auth?client_id=%C3%BC&login_verifier=v%2B&state=a");
    f.device = true;
    assert_str(flow_request_url(w.p, w.arena, &f), "https://op.example.test/oauth2/device/verify?state=a&client_id=%C3%BC");
    f = (struct flow) { .request = STR("") };
    assert_str(flow_request_url(w.p, w.arena, &f), "https://op.example.test/oauth2/auth");
    world_close(&w);
    world_open(&w, "webfinger: { oidc_discovery: { auth_url: 'https://cdn.example.test/auth' } }");
    f.request = STR("a=b");
    assert_str(flow_request_url(w.p, w.arena, &f), "https://cdn.example.test/auth?a=b");
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_login_decided_once),
        cmocka_unit_test(test_login_verifier_again),
        cmocka_unit_test(test_consent_decided_once),
        cmocka_unit_test(test_consent_race),
        cmocka_unit_test(test_mixed_up),
        cmocka_unit_test(test_expired),
        cmocka_unit_test(test_rejected),
        cmocka_unit_test(test_client_gone),
        cmocka_unit_test(test_urls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
