/* What hooks are sent, and every kind of answer. The hook is a function here. */
#include "consented.h"

static const char config[] =
    "oauth2:\n"
    "  token_hook: { url: 'http://hook/token', auth: { type: api_key, config: { in: header, name: X-Key, value: the-key } } }\n"
    "  refresh_token_hook: { url: 'http://hook/refresh' }\n";

static struct {
    int status; /* 0: nobody answers */
    const char *body;
    struct strs urls;
    struct str sent, header;
    struct arena *arena;
} hook;

static bool fake_fetch(const struct provider *p, struct op *op, const struct fetch_request *q, struct fetch_answer *ret,
                       struct err *e)
{
    (void)p, (void)op;
    strs_add(hook.arena, &hook.urls, arena_dup(hook.arena, q->url));
    hook.sent = arena_dup(hook.arena, q->post);
    hook.header = q->headers.n > 0 ? ARENA_CAT(hook.arena, q->headers.v[0].name, STR(": "), q->headers.v[0].value) : STR("");
    assert_string_equal(q->content_type, "application/json; charset=UTF-8");
    assert_true(q->timeout > 0 && q->timeout <= 30 * USEC_PER_SEC && q->max_bytes == 5 << 20);
    ENSURE(hook.status != 0, e, SERVER_ERROR, "nobody is there");
    *ret = (struct fetch_answer) { .status = hook.status, .body = str_of(hook.body) };
    return true;
}

static void open_world(struct world *w)
{
    world_open(w, config);
    w->p->fetch = fake_fetch;
    code_client(w, "c", "");
    world_client(w,
                 "{\"client_id\":\"m\",\"client_secret\":\"secret\",\"grant_types\":[\"client_credentials\"],\"scope\":\"a\"}");
    memset(&hook, 0, sizeof(hook));
    hook.arena = w->arena;
    hook.status = 204;
    hook.body = "";
}

static void says(int status, const char *body)
{
    hook.status = status;
    hook.body = body;
    hook.urls = (struct strs) { 0 };
}

static json_t *sent(struct world *w)
{
    json_t *json;
    WORLD_TRY(w, json_read(w->arena, hook.sent, &json, NULL, &w->e));
    return json;
}

static json_t *machine(struct world *w) { return ask_token(w, "m:secret", "grant_type=client_credentials&scope=a&code=x"); }

static void test_failures(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *body;
        const struct err_kind *kind; /* NULL: goes on */
    } rows[] = {
        { 204, "", NULL },
        { 204, "nope", NULL },
        { 200, "{}", NULL },
        { 200, "{\"session\":null}", NULL },
        { 200, "{\"session\":{\"access_token\":null,\"id_token\":{}},\"more\":1}", NULL },
        { 403, "", &err_ACCESS_DENIED },
        { 403, "{\"session\":{}}", &err_ACCESS_DENIED },
        { 0, "", &err_SERVER_ERROR },
        { 200, "", &err_SERVER_ERROR },
        { 200, "nope", &err_SERVER_ERROR },
        { 200, "[]", &err_SERVER_ERROR },
        { 200, "null", &err_SERVER_ERROR },
        { 200, "{} x", &err_SERVER_ERROR },
        { 200, "{\"session\":[]}", &err_SERVER_ERROR },
        { 200, "{\"session\":{\"access_token\":1}}", &err_SERVER_ERROR },
        { 200, "{\"session\":{\"id_token\":[]}}", &err_SERVER_ERROR },
        { 201, "{}", &err_SERVER_ERROR },
        { 400, "", &err_SERVER_ERROR },
        { 401, "", &err_SERVER_ERROR },
        { 302, "", &err_SERVER_ERROR },
        { 500, "", &err_SERVER_ERROR },
    };
    struct world w;
    open_world(&w);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        says(rows[i].status, rows[i].body);
        const bool went_on = machine(&w) != NULL;
        if (went_on != (rows[i].kind == NULL)) fail_msg("row %zu", i);
        if (went_on) continue;
        assert_ptr_equal(w.e.kind, rows[i].kind);
        assert_string_equal(w.e.description, "The token hook target responded with an error.");
    }
    world_close(&w);
}

static void test_payload(void **state)
{
    (void)state;
    struct world w;
    open_world(&w);
    assert_non_null(machine(&w));
    assert_str(hook.header, "X-Key: the-key");
    const json_t *doc = sent(&w), *request = json_object_get(doc, "request");
    assert_str(json_text(w.arena, request, true),
               "{\"client_id\":\"m\",\"grant_types\":[\"client_credentials\"],\"granted_audience\":[],\"granted_scopes\":[\"a\"],"
               "\"payload\":{\"grant_type\":[\"client_credentials\"],\"scope\":[\"a\"]},\"requested_scopes\":[\"a\"]}");
    world_close(&w);
}

static void test_never_before_waiting(void **state)
{
    (void)state;
    struct world w;
    open_world(&w);
    assert_non_null(machine(&w)); /* the secret's hash is remembered now */
    says(204, "");
    w.op.may_wait = false;
    assert_null(machine(&w));
    assert_ptr_equal(w.e.kind, &err_MUST_WAIT);
    assert_int_equal(hook.urls.n, 0);
    world_close(&w);
}

/* A code that a hook refused is as good as before, and its grant too. */
static void test_nothing_changes(void **state)
{
    (void)state;
    struct world w;
    open_world(&w);
    const struct grant_session s = plain_session(&w);
    const struct grant *g = store_consented(&w, "c", "ada", &s);
    says(403, "");
    assert_null(redeem(&w, "c:secret", code_of(&w, g), WITH_CALLBACK));
    assert_int_equal(get_grant(&w, g->id)->state, GRANT_CONSENTED);
    says(204, "");
    const json_t *answer = redeem(&w, "c:secret", code_of(&w, g), WITH_CALLBACK);
    assert_non_null(answer);
    says(500, "");
    assert_null(refresh(&w, "c:secret", member(answer, "refresh_token"), ""));
    assert_int_equal(get_grant(&w, g->id)->generation, 1);
    says(204, "");
    assert_non_null(refresh(&w, "c:secret", member(answer, "refresh_token"), ""));
    assert_int_equal(hook.urls.n, 2);
    assert_str(hook.urls.v[0], "http://hook/refresh");
    assert_str(hook.urls.v[1], "http://hook/token");
    world_close(&w);
}

static struct grant_session session_of(struct world *w, struct str id)
{
    struct grant_session s;
    WORLD_TRY(w, grant_session_read(w->p, &w->op, get_grant(w, id), &s, &w->e));
    return s;
}

/* Codes: laid over the consent's claims. Refresh tokens: in their place. What came of it is stored. */
static void test_claims(void **state)
{
    (void)state;
    struct world w;
    open_world(&w);
    struct grant_session s = plain_session(&w);
    s.access_claims = STR("{\"a\":1,\"b\":1}");
    s.id_claims = STR("{\"c\":1,\"sid\":\"forged\"}");
    s.requested = strs_words(w.arena, STR("openid offline a b"));
    const struct grant *g = store_consented(&w, "c", "ada", &s);
    says(200, "{\"session\":{\"access_token\":{\"b\":2},\"id_token\":{\"sid\":\"forged\",\"d\":2}}}");
    const json_t *answer = redeem(&w, "c:secret", code_of(&w, g), WITH_CALLBACK);
    assert_non_null(answer);
    const json_t *told = json_object_get(json_object_get(json_object_get(sent(&w), "session"), "id_token"), "id_token_claims");
    assert_str(json_text(w.arena, json_object_get(told, "ext"), true), "{\"c\":1,\"sid\":\"the-sid\"}");
    assert_int_equal(json_array_size(json_object_get(json_object_get(sent(&w), "request"), "requested_scopes")), 4);
    assert_str(session_of(&w, g->id).access_claims, "{\"a\":1,\"b\":2}");
    const json_t *claims = claims_of(&w, member(answer, "id_token"));
    assert_str(member(claims, "sid"), "the-sid");
    assert_int_equal(number(claims, "d"), 2);

    says(200, "{\"session\":{\"access_token\":{\"z\":3}}}");
    answer = refresh(&w, "c:secret", member(answer, "refresh_token"), "");
    assert_non_null(answer);
    assert_str(session_of(&w, g->id).id_claims, "");
    assert_str(member(claims_of(&w, member(answer, "id_token")), "sid"), "the-sid");
    says(204, "");
    assert_non_null(refresh(&w, "c:secret", member(answer, "refresh_token"), ""));
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_failures),        cmocka_unit_test(test_payload), cmocka_unit_test(test_never_before_waiting),
        cmocka_unit_test(test_nothing_changes), cmocka_unit_test(test_claims),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
