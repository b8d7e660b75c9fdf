/* The session at the identity provider: when its end is queued, what is asked, what counts as done. */
#include "../oauth/world.h"

#include "flow/backchannel.h"
#include "flow/identity_provider.h"
#include "flow/logout.h"

#define SESSION "7515f39a-f779-4fc1-8a4f-b15a1dfac318"
#define CONFIGURED \
    "urls: { identity_provider: { url: 'https://kratos.example.test/base/', headers: { X-Key: the-key, X-Realm: one } } }"

static void open_with(struct world *w, const char *config, const char *idp_session)
{
    world_open(w, config);
    struct session_row session = { .id = STR(SESSION),
                                   .subject = STR("alice"),
                                   .remember = true,
                                   .authenticated_at = w->op.now,
                                   .expires_at = USEC_NEVER,
                                   .idp_session_id = str_of(idp_session) };
    world_client(w, "{\"client_id\":\"web\",\"redirect_uris\":[\"https://rp.example.test/cb\"]}");
    struct grant g = { .id = STR("00000000000000000000000000000001"),
                       .state = GRANT_LOGGED_IN,
                       .client_id = STR("web"),
                       .subject = STR("alice"),
                       .session_id = session.id,
                       .request = STR("{}"),
                       .session = STR(""),
                       .requested_at = w->op.now,
                       .expires_at = USEC_NEVER };
    struct grant to = g;
    enum store_put put;
    to.state = GRANT_ACTIVE;
    WORLD_TRY(w, store_grant_insert(w->p->store, &w->op, &g, &put, &w->e));
    WORLD_TRY(w, store_grant_move(w->p->store, &w->op,
                                  &(struct grant_move) { .from = GRANT_LOGGED_IN, .to = &to, .session = &session }, &put, &w->e));
    assert_int_equal(put, STORE_DONE);
}

static void end_session(struct world *w)
{
    struct ended_session ended;
    WORLD_TRY(w, session_end(w->p, &w->op, STR(SESSION), &ended, &w->e));
    assert_true(ended.ended);
}

static const int *answers; /* 0: none */
static int asked;

static bool fake_fetch(const struct provider *p, struct op *op, const struct fetch_request *q, struct fetch_answer *ret,
                       struct err *e)
{
    (void)p, (void)op;
    assert_string_equal(q->method, "DELETE");
    assert_str(q->url, "https://kratos.example.test/base/admin/sessions/a%2Fb");
    assert_int_equal(q->headers.n, 2);
    assert_str(params_get(&q->headers, STR("X-Key")), "the-key");
    assert_null(q->post.p);
    assert_int_equal(q->attempts, 1);
    *ret = (struct fetch_answer) { .status = answers[asked++] };
    if (ret->status == 0) FAIL(e, SERVER_ERROR, "");
    return true;
}

static struct backchannel_report run(struct world *w)
{
    struct backchannel_report report;
    WORLD_TRY(w, backchannel_run(w->p, &w->op, &report, &w->e));
    assert_int_equal(report.client_id.n, 0);
    return report;
}

static void test_outcomes(void **state)
{
    (void)state;
    static const struct {
        int answers[3];
        enum backchannel_outcome outcomes[3]; /* until the first that is not RETRY */
    } cases[] = {
        { { 204 }, { BACKCHANNEL_SENT } },
        { { 200 }, { BACKCHANNEL_SENT } },
        { { 404 }, { BACKCHANNEL_SENT } }, /* it was over already */
        { { 410 }, { BACKCHANNEL_SENT } },
        { { 302 }, { BACKCHANNEL_DROPPED } },
        { { 400 }, { BACKCHANNEL_DROPPED } },
        { { 401 }, { BACKCHANNEL_DROPPED } },
        { { 0, 429, 204 }, { BACKCHANNEL_RETRY, BACKCHANNEL_RETRY, BACKCHANNEL_SENT } },
        { { 500, 0, 503 }, { BACKCHANNEL_RETRY, BACKCHANNEL_RETRY, BACKCHANNEL_DROPPED } },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct world w;
        open_with(&w, CONFIGURED, "a/b");
        w.p->fetch = fake_fetch;
        answers = cases[i].answers;
        asked = 0;
        end_session(&w);
        for (int at = 0;; at++) {
            struct backchannel_report report = run(&w);
            assert_int_equal(report.outcome, cases[i].outcomes[at]);
            assert_int_equal(report.status, cases[i].answers[at]);
            if (report.outcome != BACKCHANNEL_RETRY) break;
            assert_true(report.due_at > w.op.now);
            w.op.now = report.due_at;
        }
        world_later(&w, 3600 * USEC_PER_SEC);
        assert_int_equal(run(&w).outcome, BACKCHANNEL_IDLE);
        world_close(&w);
    }
}

static void test_nothing_is_queued(void **state)
{
    (void)state;
    static const struct {
        const char *config, *session;
    } cases[] = { { "", "a/b" }, { CONFIGURED, "" }, { "urls: { identity_provider: { url: '' } }", "a/b" } };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct world w;
        open_with(&w, cases[i].config, cases[i].session);
        end_session(&w);
        assert_int_equal(run(&w).outcome, BACKCHANNEL_IDLE);
        world_close(&w);
    }
}

/* What is queued holds no address and no header: both are those of the moment of sending. */
static void test_taken_out_of_the_configuration(void **state)
{
    (void)state;
    struct world w;
    open_with(&w, CONFIGURED, "a/b");
    end_session(&w);
    struct provider *before = w.p;
    w.p = world_provider(&w, "");
    w.p->fetch = fake_fetch;
    asked = 0;
    assert_int_equal(run(&w).outcome, BACKCHANNEL_DROPPED);
    assert_int_equal(asked, 0);
    assert_int_equal(run(&w).outcome, BACKCHANNEL_IDLE);
    provider_unref(w.p);
    w.p = before;
    world_close(&w);
}

static bool must_wait_fetch(const struct provider *p, struct op *op, const struct fetch_request *q, struct fetch_answer *ret,
                            struct err *e)
{
    (void)p, (void)op, (void)q, (void)ret;
    FAIL(e, MUST_WAIT, "");
}

static void test_must_wait(void **state)
{
    (void)state;
    struct world w;
    int status = -1;
    open_with(&w, CONFIGURED, "a/b");
    w.p->fetch = must_wait_fetch;
    assert_false(identity_provider_end(w.p, &w.op, STR("a/b"), USEC_PER_SEC, &status, &w.e));
    assert_true(err_is(&w.e, &err_MUST_WAIT));
    assert_int_equal(status, -1);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outcomes),
        cmocka_unit_test(test_nothing_is_queued),
        cmocka_unit_test(test_taken_out_of_the_configuration),
        cmocka_unit_test(test_must_wait),
    };
    return RUN(tests);
}
