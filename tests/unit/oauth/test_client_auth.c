/* RFC 6749 2.3: how clients prove who they are, and every way in which that fails. */
#include "world.h"

#include "base/b64.h"
#include "oauth/client_auth.h"

struct row {
    const char *what, *basic, *form; /* `basic`: id:secret before base64 */
    const struct err_kind *want;     /* NULL: the client "want_id" */
    const char *want_id, *hint;
};

static const char missing[] = "Client credentials missing or malformed in both HTTP Authorization header and HTTP POST body.";
#define USE(registered, used)                                                                        \
    "The OAuth 2.0 Client supports client authentication method '" registered "', but method '" used \
    "' was requested. You must "                                                                     \
    "configure the OAuth 2.0 client's 'token_endpoint_auth_method' value to accept '" used "'."

static const struct row rows[] = {
    { "basic", "basic:right-secret", "", NULL, "basic", NULL },
    { "basic, form-coded", "b%61sic:right%2Dsecret", "", NULL, "basic", NULL },
    { "basic and the same id", "basic:right-secret", "client_id=basic", NULL, "basic", NULL },
    { "post", NULL, "client_id=post&client_secret=right-secret", NULL, "post", NULL },
    { "none", NULL, "client_id=none", NULL, "none", NULL },
    { "none as Basic", "none:", "", NULL, "none", NULL },
    { "nothing", NULL, "", &err_INVALID_REQUEST, NULL, missing },
    { "a secret without id", NULL, "client_secret=x", &err_INVALID_REQUEST, NULL, missing },
    { "empty user", ":x", "", &err_INVALID_CLIENT, NULL, NULL },
    { "another id in the body", "basic:right-secret", "client_id=post", &err_INVALID_REQUEST, NULL,
      "The parameter 'client_id' names another client than the HTTP Authorization header." },
    { "bad escape in the secret", "basic:%zz", "", &err_INVALID_REQUEST, NULL,
      "The client secret in the HTTP authorization header could not be decoded from 'application/x-www-form-urlencoded'." },
    { "bad escape in the id", "%zz:x", "", &err_INVALID_REQUEST, NULL,
      "The client id in the HTTP authorization header could not be decoded from 'application/x-www-form-urlencoded'." },
    { "wrong secret", "basic:wrong-secret", "", &err_INVALID_CLIENT, NULL, NULL },
    { "unknown client", "ghost:right-secret", "", &err_INVALID_CLIENT, NULL, NULL },
    { "unknown client without secret", NULL, "client_id=ghost", &err_INVALID_CLIENT, NULL, NULL },
    { "name only", NULL, "client_id=basic", &err_INVALID_CLIENT, NULL, NULL },
    { "empty password", "basic:", "", &err_INVALID_CLIENT, NULL, NULL },
    { "post by a basic client", NULL, "client_id=basic&client_secret=right-secret", &err_INVALID_CLIENT, NULL,
      USE("client_secret_basic", "client_secret_post") },
    { "basic by a post client", "post:right-secret", "", &err_INVALID_CLIENT, NULL,
      USE("client_secret_post", "client_secret_basic") },
    { "both by a basic client", "basic:right-secret", "client_id=basic&client_secret=right-secret", &err_INVALID_CLIENT, NULL,
      USE("client_secret_basic", "client_secret_post") },
    { "both by a post client", "post:right-secret", "client_id=post&client_secret=right-secret", &err_INVALID_CLIENT, NULL,
      USE("client_secret_post", "client_secret_basic") },
    { "a secret from a public client", NULL, "client_id=none&client_secret=x", &err_INVALID_CLIENT, NULL,
      USE("none", "client_secret_post") },
    { "the same in Basic", "none:x", "", &err_INVALID_CLIENT, NULL, USE("none", "client_secret_basic") },
    { "odd assertion type", "basic:right-secret", "client_assertion_type=urn:x", &err_INVALID_REQUEST, NULL,
      "Unknown client_assertion_type 'urn:x'." },
};

static bool authenticate(struct world *w, struct str authorization, const char *form, const struct client **ret)
{
    struct params params = { 0 };
    assert_true(params_parse(w->arena, str_of(form), 100, &params));
    w->e = ERR_INIT(w->arena);
    return client_authenticate(w->p, &w->op, &(struct client_credentials) { authorization, &params }, ret, &w->e);
}

static struct str basic(struct world *w, const char *pair)
{
    return pair == NULL ? STR_NONE : ARENA_CAT(w->arena, STR("Basic "), b64_encode(w->arena, str_of(pair)));
}

static void open_world(struct world *w)
{
    world_open(w, "oauth2: { hashers: { pbkdf2: { iterations: 1000 } } }");
    world_client(w, "{\"client_id\":\"basic\",\"client_secret\":\"right-secret\"}");
    world_client(
        w, "{\"client_id\":\"post\",\"client_secret\":\"right-secret\",\"token_endpoint_auth_method\":\"client_secret_post\"}");
    world_client(w, "{\"client_id\":\"none\",\"token_endpoint_auth_method\":\"none\"}");
}

static void test_rows(void **state)
{
    (void)state;
    struct world w;
    open_world(&w);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct row *row = &rows[i];
        const struct client *c = NULL;
        const bool ok = authenticate(&w, basic(&w, row->basic), row->form, &c);
        if (ok != (row->want == NULL)) fail_msg("%s: %s", row->what, ok ? "accepted" : w.e.hint);
        if (ok) {
            assert_str(c->id, row->want_id);
            continue;
        }
        if (!err_is(&w.e, row->want)) fail_msg("%s: %s", row->what, w.e.kind->id);
        if (row->hint == NULL)
            assert_true(w.e.hint == NULL || *w.e.hint == '\0');
        else
            assert_string_equal(w.e.hint, row->hint);
    }
    world_close(&w);
}

/* Headers that are no Basic at all count as absent. */
static void test_other_headers(void **state)
{
    (void)state;
    static const char *const headers[] = {
        "", "Basic", "Basic !!!", "Basic bm9jb2xvbg==", "Bearer abc", "Digest username=x", "basicYTpi"
    };
    struct world w;
    const struct client *c;
    open_world(&w);
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        assert_false(authenticate(&w, str_of(headers[i]), "", &c));
        assert_true(err_is(&w.e, &err_INVALID_REQUEST));
        assert_true(authenticate(&w, str_of(headers[i]), "client_id=none", &c));
    }
    assert_true(authenticate(&w, ARENA_CAT(w.arena, STR("bAsIc "), b64_encode(w.arena, STR("basic:right-secret"))), "", &c));
    world_close(&w);
}

/* Nothing slow on a thread that may not wait; the second time the memory of secrets answers. */
static void test_waiting(void **state)
{
    (void)state;
    struct world w;
    const struct client *c;
    open_world(&w);
    w.op.may_wait = false;
    assert_false(authenticate(&w, basic(&w, "basic:right-secret"), "", &c));
    assert_true(err_is(&w.e, &err_MUST_WAIT));
    assert_false(authenticate(&w, basic(&w, "ghost:right-secret"), "", &c));
    assert_true(err_is(&w.e, &err_MUST_WAIT)); /* who does not exist is refused just as slowly */
    assert_true(authenticate(&w, STR_NONE, "client_id=none", &c));
    w.op.may_wait = true;
    assert_true(authenticate(&w, basic(&w, "basic:right-secret"), "", &c));
    w.op.may_wait = false;
    assert_true(authenticate(&w, basic(&w, "basic:right-secret"), "", &c));
    assert_false(authenticate(&w, basic(&w, "basic:wrong-secret"), "", &c));
    assert_true(err_is(&w.e, &err_MUST_WAIT));
    world_close(&w);
}

static struct client_row *row_of(struct world *w, const char *id)
{
    struct client_row *row;
    WORLD_TRY(w, store_client_get(w->parts.store, &w->op, str_of(id), &row, &w->e));
    assert_non_null(row);
    return row;
}

/* A hash of another cost is replaced when its secret comes by. */
static void test_upgrade(void **state)
{
    (void)state;
    struct world w;
    const struct client *c;
    open_world(&w);
    struct provider *first = w.p;
    w.p = world_provider(&w, "oauth2: { hashers: { pbkdf2: { iterations: 2000 } } }");
    const struct str before = row_of(&w, "basic")->secret_hash;
    assert_true(authenticate(&w, basic(&w, "basic:right-secret"), "", &c));
    const struct str after = row_of(&w, "basic")->secret_hash;
    assert_false(str_eq(before, after));
    assert_true(authenticate(&w, basic(&w, "basic:right-secret"), "", &c));
    assert_strn(row_of(&w, "basic")->secret_hash, after);
    provider_unref(w.p);
    w.p = first;
    world_close(&w);
}

/* A rotated-out secret still counts, and is not written back as the current one. */
static void test_rotated(void **state)
{
    (void)state;
    struct world w;
    const struct client *c;
    enum store_put put;
    open_world(&w);
    const struct secret_cost cost = client_secret_cost(w.p);
    struct client_row *row = row_of(&w, "basic");
    strs_add(w.arena, &row->rotated, row->secret_hash);
    WORLD_TRY(&w, secret_hash(&w.op, &cost, STR("newer-secret"), &row->secret_hash, &w.e));
    WORLD_TRY(&w, store_client_update(w.parts.store, &w.op, row, &put, &w.e));
    assert_int_equal(put, STORE_DONE);
    assert_true(authenticate(&w, basic(&w, "basic:newer-secret"), "", &c));
    assert_true(authenticate(&w, basic(&w, "basic:right-secret"), "", &c));
    assert_false(authenticate(&w, basic(&w, "basic:wrong-secret"), "", &c));
    assert_strn(row_of(&w, "basic")->secret_hash, row->secret_hash);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),    cmocka_unit_test(test_other_headers), cmocka_unit_test(test_waiting),
        cmocka_unit_test(test_upgrade), cmocka_unit_test(test_rotated),
    };
    return RUN(tests);
}
