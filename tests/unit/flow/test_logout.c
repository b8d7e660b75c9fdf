/* Logouts: who may ask, where the browser goes, the first decision is final, what ends. */
#include "journey.h"

#include "crypto/jws.h"
#include "flow/backchannel.h"
#include "flow/logout.h"

#define BYE "https://rp.example.test/bye"

struct party {
    struct world w;
    struct session_row session;
    struct logout l;
    bool ask;
};

static void insert_grant(struct party *t, const char *id, const char *client)
{
    struct grant g = { .id = str_of(id),
                       .state = GRANT_ACTIVE,
                       .client_id = str_of(client),
                       .subject = STR("alice"),
                       .session_id = t->session.id,
                       .request = STR("{}"),
                       .session = STR("{}"),
                       .requested_at = t->w.op.now,
                       .consent_until = USEC_NEVER,
                       .expires_at = USEC_NEVER };
    enum store_put put;
    WORLD_TRY(&t->w, store_grant_insert(t->w.p->store, &t->w.op, &g, &put, &t->w.e));
    assert_int_equal(put, STORE_DONE);
}

/* alice is logged in; `web` and `other` have grants of that login. */
static void party_open(struct party *t)
{
    *t = (struct party) { 0 };
    world_open(&t->w, "");
    world_client(&t->w, "{\"client_id\":\"web\",\"redirect_uris\":[\"https://rp.example.test/cb\"],"
                        "\"post_logout_redirect_uris\":[\"" BYE "\",\"" BYE
                        "?x=1\"],\"frontchannel_logout_uri\":\"https://rp.example.test/out?k=v\"}");
    world_client(&t->w, "{\"client_id\":\"other\",\"redirect_uris\":[\"https://other.example.test/cb\"],"
                        "\"backchannel_logout_uri\":\"https://other.example.test/bye\"}");
    world_client(&t->w, "{\"client_id\":\"stranger\",\"redirect_uris\":[\"https://x.example.test/cb\"],"
                        "\"backchannel_logout_uri\":\"https://x.example.test/bye\"}");
    t->session = (struct session_row) { .id = STR("7515f39a-f779-4fc1-8a4f-b15a1dfac318"),
                                        .subject = STR("alice"),
                                        .remember = true,
                                        .authenticated_at = t->w.op.now,
                                        .expires_at = USEC_NEVER };
    struct grant g = { .id = STR("00000000000000000000000000000001"),
                       .state = GRANT_LOGGED_IN,
                       .client_id = STR("web"),
                       .subject = STR("alice"),
                       .session_id = t->session.id,
                       .request = STR("{}"),
                       .session = STR(""),
                       .requested_at = t->w.op.now,
                       .expires_at = USEC_NEVER };
    enum store_put put;
    WORLD_TRY(&t->w, store_grant_insert(t->w.p->store, &t->w.op, &g, &put, &t->w.e));
    struct grant to = g;
    to.state = GRANT_ACTIVE;
    WORLD_TRY(&t->w, store_grant_move(t->w.p->store, &t->w.op,
                                      &(struct grant_move) { .from = GRANT_LOGGED_IN, .to = &to, .session = &t->session }, &put,
                                      &t->w.e));
    insert_grant(t, "00000000000000000000000000000002", "other");
}

static void party_close(struct party *t) { world_close(&t->w); }

static bool begin(struct party *t, const char *query, const struct session_row *session)
{
    struct params asked = { 0 };
    t->w.e = ERR_INIT(t->w.arena);
    assert_true(params_parse(t->w.arena, str_of(query), 100, &asked));
    return logout_begin(t->w.p, &t->w.op, &asked, session, &t->l, &t->ask, &t->w.e);
}

/* An ID token of ours; what is given replaces the claims, `without` leaves one out. */
struct hint {
    const char *iss, *sub, *sid, *aud, *without;
    int64_t iat_plus;
};

static const char *sign(struct party *t, struct hint h)
{
    struct buf b = BUF(t->w.arena);
    struct jw w = JW(&b);
    const struct {
        const char *name, *value;
    } claims[] = { { "iss", h.iss != NULL ? h.iss : "https://op.example.test" },
                   { "sub", h.sub != NULL ? h.sub : "alice" },
                   { "sid", h.sid != NULL ? h.sid : t->session.id.p },
                   { "aud", h.aud != NULL ? h.aud : "web" } };
    jw_object(&w, NULL);
    for (size_t i = 0; i < ARRAY_LEN(claims); i++)
        if (h.without == NULL || strcmp(h.without, claims[i].name) != 0) jw_str(&w, claims[i].name, str_of(claims[i].value));
    jw_int(&w, "iat", usec_to_sec(t->w.op.now) + h.iat_plus);
    jw_end(&w);
    struct str token;
    WORLD_TRY(&t->w, keyset_sign(t->w.p, &t->w.op, STR(KEYSET_ID_TOKEN), STR("JWT"), buf_str(&b), &token, &t->w.e));
    return arena_dupz(t->w.arena, token);
}

static const char *query_of(struct party *t, const char *hint, const char *more)
{
    return arena_printf(t->w.arena, "id_token_hint=%s%s", hint, more).p;
}

static void test_by_user(void **state)
{
    (void)state;
    struct party t;
    party_open(&t);
    assert_true(begin(&t, "", NULL));
    assert_false(t.ask);
    assert_str(t.l.target, "https://op.example.test/oauth2/fallbacks/logout/callback");
    assert_true(begin(&t, "client_id=web", &t.session));
    assert_true(t.ask);
    assert_false(logout_by_client(&t.l));
    assert_str(t.l.subject, "alice");
    assert_false(begin(&t, "state=x", &t.session));
    ASSERT_ERR(&t, INVALID_REQUEST);
    assert_false(begin(&t, "post_logout_redirect_uri=" BYE, NULL));
    ASSERT_ERR(&t, INVALID_REQUEST);
    party_close(&t);
}

static void test_targets(void **state)
{
    (void)state;
    static const struct {
        const char *more, *target; /* NULL: refused */
    } cases[] = {
        { "", "https://op.example.test/oauth2/fallbacks/logout/callback" },
        { "&state=x", "https://op.example.test/oauth2/fallbacks/logout/callback" },
        { "&post_logout_redirect_uri=" BYE, BYE },
        { "&post_logout_redirect_uri=" BYE "&state=", BYE },
        { "&post_logout_redirect_uri=" BYE "&state=a+%26", BYE "?state=a+%26" },
        { "&post_logout_redirect_uri=" BYE "?x=1&state=s", BYE "?state=s&x=1" },
        { "&post_logout_redirect_uri=" BYE "&client_id=web", BYE },
        { "&post_logout_redirect_uri=" BYE "&client_id=other", NULL },
        { "&post_logout_redirect_uri=" BYE "/", NULL },
        { "&post_logout_redirect_uri=" BYE "?x=2", NULL },
        { "&post_logout_redirect_uri=" BYE "%00", NULL },
        { "&post_logout_redirect_uri=https%3A%2F%2Fevil.example.test", NULL },
    };
    struct party t;
    party_open(&t);
    const char *hint = sign(&t, (struct hint) { 0 });
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        bool ok = begin(&t, query_of(&t, hint, cases[i].more), NULL);
        assert_int_equal(ok, cases[i].target != NULL);
        if (!ok) ASSERT_ERR(&t, INVALID_REQUEST);
        if (!ok) continue;
        assert_str(t.l.target, cases[i].target);
        assert_true(t.ask);
        assert_str(t.l.client_id, "web");
    }
    party_close(&t);
}

static void test_hints(void **state)
{
    (void)state;
    static const struct {
        struct hint hint;
        bool ok;
    } cases[] = {
        { { 0 }, true },
        { { .iat_plus = -100000 }, true },
        { { .iat_plus = 30 }, true },
        { { .iat_plus = 3600 }, false },
        { { .iss = "https://op.example.test/" }, true }, /* as Hydra's first version wrote it */
        { { .iss = "https://op.example.test//" }, false },
        { { .iss = "https://op.example.test/x" }, false },
        { { .iss = "https://op.example.tes" }, false },
        { { .iss = "/" }, false },
        { { .iss = "" }, false },
        { { .iss = "https://evil.example.test" }, false },
        { { .without = "iss" }, false },
        { { .without = "sub" }, false },
        { { .without = "sid" }, false },
        { { .without = "aud" }, false },
        { { .aud = "nobody" }, false },
    };
    struct party t;
    party_open(&t);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        bool ok = begin(&t, query_of(&t, sign(&t, cases[i].hint), ""), NULL);
        assert_int_equal(ok, cases[i].ok);
        if (!ok) ASSERT_ERR(&t, INVALID_REQUEST);
    }
    assert_true(begin(&t, query_of(&t, sign(&t, (struct hint) { .sid = "unknown" }), ""), NULL));
    assert_false(t.ask);
    assert_false(begin(&t, "id_token_hint=nonsense", NULL));
    party_close(&t);
}

static enum logout_found found(struct party *t, struct str challenge, struct logout *ret)
{
    enum logout_found is;
    const struct client *c;
    WORLD_TRY(&t->w, logout_open_challenge(t->w.p, &t->w.op, challenge, &is, ret, &c, &t->w.e));
    if (is != LOGOUT_UNKNOWN) assert_int_equal(c != NULL, logout_by_client(ret));
    return is;
}

static bool decide(struct party *t, bool accept)
{
    t->w.e = ERR_INIT(t->w.arena);
    return logout_decide(t->w.p, &t->w.op, &t->l, accept, &t->w.e);
}

static void test_decisions(void **state)
{
    (void)state;
    struct party t;
    struct logout l;
    party_open(&t);
    for (int accept = 0; accept < 2; accept++) {
        assert_true(begin(&t, "", &t.session));
        t.l.request_url = STR("/oauth2/sessions/logout?x=y");
        struct str challenge = logout_challenge(t.w.p, t.w.arena, &t.l);
        assert_int_equal(found(&t, challenge, &l), LOGOUT_OPEN);
        assert_strn(l.id, t.l.id);
        assert_strn(l.request_url, t.l.request_url);
        assert_true(decide(&t, accept));
        assert_true(decide(&t, accept));
        assert_false(decide(&t, !accept));
        ASSERT_ERR(&t, CONFLICT);
        assert_int_equal(found(&t, challenge, &l), accept ? LOGOUT_ACCEPTED : LOGOUT_REJECTED);
        world_later(&t.w, t.w.config->ttl_login_consent_request);
        assert_int_equal(found(&t, challenge, &l), LOGOUT_EXPIRED);
    }
    party_close(&t);
}

static void test_sealed(void **state)
{
    (void)state;
    struct party t;
    struct logout l;
    enum logout_found is;
    party_open(&t);
    assert_true(begin(&t, "", &t.session));
    struct str challenge = logout_challenge(t.w.p, t.w.arena, &t.l), verifier = logout_verifier(t.w.p, t.w.arena, &t.l);
    assert_int_equal(found(&t, verifier, &l), LOGOUT_UNKNOWN);
    assert_int_equal(found(&t, STR(""), &l), LOGOUT_UNKNOWN);
    assert_int_equal(found(&t, str_upto(challenge, challenge.n - 1), &l), LOGOUT_UNKNOWN);
    WORLD_TRY(&t.w, logout_open_verifier(t.w.p, &t.w.op, challenge, &is, &l, &t.w.e));
    assert_int_equal(is, LOGOUT_UNKNOWN);
    WORLD_TRY(&t.w, logout_open_verifier(t.w.p, &t.w.op, verifier, &is, &l, &t.w.e));
    assert_int_equal(is, LOGOUT_OPEN);
    assert_strn(l.target, t.l.target);
    assert_strn(l.session_id, t.l.session_id);
    party_close(&t);
}

static void count_call(void *arg) { ++*(int *)arg; }

static void test_completion(void **state)
{
    (void)state;
    struct party t;
    struct ended_session ended;
    struct delivery *rows;
    size_t n;
    int64_t mark;
    int calls = 0;
    party_open(&t);
    t.w.p->deliver = count_call;
    t.w.p->deliver_arg = &calls;
    assert_true(begin(&t, "", &t.session));
    assert_true(decide(&t, true));
    WORLD_TRY(&t.w, logout_complete(t.w.p, &t.w.op, &t.l, &ended, &t.w.e));
    assert_true(ended.ended);
    assert_int_equal(ended.front.n, 1);
    assert_str(ended.front.v[0],
               "https://rp.example.test/out?iss=https%3A%2F%2Fop.example.test&k=v&sid=7515f39a-f779-4fc1-8a4f-b15a1dfac318");
    assert_int_equal(calls, 1);
    WORLD_TRY(&t.w, store_mark_get(t.w.p->store, &t.w.op, MARK_LOGOUT, t.l.id, &mark, &t.w.e));
    assert_int_equal(mark, 3);
    WORLD_TRY(&t.w, store_delivery_take(t.w.p->store, &t.w.op, 10, 1, &rows, &n, &t.w.e));
    assert_int_equal(n, 1);
    assert_str(rows[0].url, "https://other.example.test/bye");

    WORLD_TRY(&t.w, logout_complete(t.w.p, &t.w.op, &t.l, &ended, &t.w.e));
    assert_false(ended.ended);
    assert_int_equal(ended.front.n, 0);
    assert_int_equal(calls, 1);
    party_close(&t);
}

/* ---- sending ---- */

static int answers[4], posts;
static char sent[4][2048];

static bool fake_fetch(const struct provider *p, struct op *op, const struct fetch_request *q, struct fetch_answer *ret,
                       struct err *e)
{
    (void)p, (void)op;
    assert_str(q->url, "https://other.example.test/bye");
    assert_string_equal(q->content_type, "application/x-www-form-urlencoded");
    assert_int_equal(q->attempts, 1);
    assert_true(str_starts(q->post, STR("logout_token=")) && q->post.n < sizeof(sent[0]));
    snprintf(sent[posts], sizeof(sent[0]), "%.*s", STR_FMT(str_from(q->post, strlen("logout_token="))));
    *ret = (struct fetch_answer) { .status = answers[posts++] };
    if (ret->status == 0) FAIL(e, SERVER_ERROR, "");
    return true;
}

static struct backchannel_report run(struct party *t)
{
    struct backchannel_report report;
    WORLD_TRY(&t->w, backchannel_run(t->w.p, &t->w.op, &report, &t->w.e));
    return report;
}

static void test_sending(void **state)
{
    (void)state;
    static const struct {
        int answers[4];
        enum backchannel_outcome outcomes[4]; /* until the first that is not RETRY */
    } cases[] = {
        { { 200 }, { BACKCHANNEL_SENT } },
        { { 204 }, { BACKCHANNEL_SENT } },
        { { 400 }, { BACKCHANNEL_DROPPED } },
        { { 301 }, { BACKCHANNEL_DROPPED } },
        { { 201 }, { BACKCHANNEL_DROPPED } },
        { { 503, 200 }, { BACKCHANNEL_RETRY, BACKCHANNEL_SENT } },
        { { 0, 429, 204 }, { BACKCHANNEL_RETRY, BACKCHANNEL_RETRY, BACKCHANNEL_SENT } },
        { { 500, 0, 500 }, { BACKCHANNEL_RETRY, BACKCHANNEL_RETRY, BACKCHANNEL_DROPPED } },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct party t;
        struct ended_session ended;
        party_open(&t);
        t.w.p->fetch = fake_fetch;
        posts = 0;
        memcpy(answers, cases[i].answers, sizeof(answers));
        assert_int_equal(run(&t).outcome, BACKCHANNEL_IDLE);
        WORLD_TRY(&t.w, session_end(t.w.p, &t.w.op, t.session.id, &ended, &t.w.e));
        for (int at = 0;; at++) {
            struct backchannel_report report = run(&t);
            assert_int_equal(report.outcome, cases[i].outcomes[at]);
            assert_int_equal(report.attempts, at + 1);
            assert_int_equal(report.status, cases[i].answers[at]);
            assert_str(report.client_id, "other");
            assert_int_equal(run(&t).outcome, BACKCHANNEL_IDLE);
            if (report.outcome != BACKCHANNEL_RETRY) break;
            t.w.op.now = report.due_at;
        }
        world_later(&t.w, 3600 * USEC_PER_SEC);
        assert_int_equal(run(&t).outcome, BACKCHANNEL_IDLE);
        party_close(&t);
    }
}

static void test_logout_token(void **state)
{
    (void)state;
    struct party t;
    struct ended_session ended;
    struct jws jws;
    json_t *claims;
    bool ours;
    party_open(&t);
    t.w.p->fetch = fake_fetch;
    posts = 0;
    answers[0] = 200;
    WORLD_TRY(&t.w, session_end(t.w.p, &t.w.op, t.session.id, &ended, &t.w.e));
    run(&t);
    WORLD_TRY(&t.w, jws_parse(t.w.arena, str_of(sent[0]), &jws, &t.w.e));
    WORLD_TRY(&t.w, keyset_verify(t.w.p, &t.w.op, STR(KEYSET_ID_TOKEN), &jws, &ours, &t.w.e));
    assert_true(ours);
    assert_str(jws.typ, "JWT");
    WORLD_TRY(&t.w, json_read(t.w.arena, jws.payload, &claims, NULL, &t.w.e));
    assert_int_equal(json_object_size(claims), 6);
    assert_str(json_str(json_object_get(claims, "iss")), "https://op.example.test");
    assert_str(json_str(json_array_get(json_object_get(claims, "aud"), 0)), "other");
    assert_strn(json_str(json_object_get(claims, "sid")), t.session.id);
    assert_int_equal(json_str(json_object_get(claims, "jti")).n, 36);
    assert_int_equal(json_integer_value(json_object_get(claims, "iat")), usec_to_sec(t.w.op.now));
    assert_non_null(json_object_get(json_object_get(claims, "events"), "http://schemas.openid.net/event/backchannel-logout"));
    party_close(&t);
}

/* A node took it four times and died each time before it could say how it went. */
static void test_given_up_unseen(void **state)
{
    (void)state;
    struct party t;
    struct ended_session ended;
    struct delivery *rows;
    size_t n;
    party_open(&t);
    t.w.p->fetch = fake_fetch;
    posts = 0;
    WORLD_TRY(&t.w, session_end(t.w.p, &t.w.op, t.session.id, &ended, &t.w.e));
    for (int i = 0; i < 3; i++) {
        WORLD_TRY(&t.w, store_delivery_take(t.w.p->store, &t.w.op, 1, 1, &rows, &n, &t.w.e));
        assert_int_equal(n, 1);
        world_later(&t.w, 1);
    }
    assert_int_equal(run(&t).outcome, BACKCHANNEL_DROPPED);
    assert_int_equal(posts, 0);
    world_later(&t.w, 3600 * USEC_PER_SEC);
    assert_int_equal(run(&t).outcome, BACKCHANNEL_IDLE);
    party_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_user),   cmocka_unit_test(test_targets),      cmocka_unit_test(test_hints),
        cmocka_unit_test(test_decisions), cmocka_unit_test(test_sealed),       cmocka_unit_test(test_completion),
        cmocka_unit_test(test_sending),   cmocka_unit_test(test_logout_token), cmocka_unit_test(test_given_up_unseen),
    };
    return RUN(tests);
}
