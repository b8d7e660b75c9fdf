#include "client_unit.h"

static struct client *create(struct world *w, const char *body, struct client_extras *x)
{
    struct client *c = client_new(w->op.arena);
    *x = (struct client_extras) { 0 };
    if (!client_decode(c, x, json_of(w->op.arena, body), &w->e) || !client_create(&w->p, &w->op, c, x, false, &w->e))
        fail_msg("%s: %s", body, w->e.hint != NULL ? w->e.hint : w->e.kind->id);
    return c;
}

static bool create_fails(struct world *w, const char *body)
{
    struct client *c = client_new(w->op.arena);
    struct client_extras x = { 0 };
    return !client_decode(c, &x, json_of(w->op.arena, body), &w->e) || !client_create(&w->p, &w->op, c, &x, false, &w->e);
}

static enum secret_match match(struct world *w, struct str stored, struct str secret)
{
    struct secret_cost cost = client_secret_cost(&w->p);
    enum secret_match ret;
    assert_true(secret_verify(&w->op, &cost, stored, secret, &ret, &w->e));
    return ret;
}

static const struct client *get(struct world *w, const char *id)
{
    const struct client *c;
    if (!client_get(&w->p, &w->op, str_of(id), &c, &w->e)) fail_msg("%s", w->e.hint);
    return c;
}

static void creates(void **state)
{
    (void)state;
    struct world w;
    struct client_extras x;
    world_start(&w);
    world_store(&w);
    struct client *c = create(&w, "{}", &x);
    assert_int_equal(c->id.n, 36);
    assert_int_equal(x.client_secret.n, 26);
    assert_true(match(&w, c->secret_hash, x.client_secret) == SECRET_RIGHT);
    assert_int_equal(c->created_at % USEC_PER_SEC, 0);
    assert_true(str_starts(x.registration_access_token, STR("ory_at_")));
    assert_true(str_ends(x.registration_client_uri, c->id));

    c = create(&w, "{\"client_id\":\"a/b c\",\"client_secret\":\"secret\"}", &x);
    assert_str(x.client_secret, "secret");
    assert_str(x.registration_client_uri, "http://127.0.0.1:4444/oauth2/register/a%2Fb%20c");
    assert_true(match(&w, get(&w, "a/b c")->secret_hash, STR("secret")) == SECRET_RIGHT);
    assert_true(create_fails(&w, "{\"client_id\":\"a/b c\"}"));
    assert_ptr_equal(w.e.kind, &err_DUPLICATE);
    world_end(&w);
}

static void public_clients_have_no_secret(void **state)
{
    (void)state;
    struct world w;
    struct client_extras x;
    world_start(&w);
    world_store(&w);
    create(&w, "{\"client_id\":\"pub\",\"token_endpoint_auth_method\":\"none\"}", &x);
    assert_int_equal(x.client_secret.n, 0);
    assert_int_equal(get(&w, "pub")->secret_hash.n, 0);
    create(&w, "{\"client_id\":\"pub2\",\"token_endpoint_auth_method\":\"none\",\"client_secret\":\"given-one\"}", &x);
    assert_int_equal(x.client_secret.n, 0);
    assert_true(match(&w, get(&w, "pub2")->secret_hash, STR("given-one")) == SECRET_RIGHT);
    world_end(&w);
}

static void refuses(void **state)
{
    (void)state;
    struct world w;
    world_start(&w);
    world_store(&w);
    assert_true(create_fails(&w, "{\"client_secret\":\"abcde\"}"));
    assert_failed(&w, INVALID_CLIENT_METADATA, "at least 6 characters long.");
    struct str body = arena_printf(w.op.arena, "{\"client_secret\":\"%01025d\"}", 1);
    assert_true(create_fails(&w, body.p));
    assert_failed(&w, INVALID_CLIENT_METADATA, "client_secret must not be longer than 1024");
    w.op.may_wait = false;
    assert_true(create_fails(&w, "{\"client_id\":\"x\"}"));
    assert_ptr_equal(w.e.kind, &err_MUST_WAIT);
    w.op.may_wait = true;
    assert_null(get(&w, "x"));
    world_end(&w);
}

/* ---- updates ---- */

static unsigned edits;
static bool rename_it(struct client *c, struct client_extras *x, const void *arg, struct err *e)
{
    (void)e;
    const char *const *texts = arg;
    edits++;
    c->name = str_of(texts[0]);
    if (texts[1] != NULL) x->client_secret = str_of(texts[1]);
    if (texts[2] != NULL) c->id = str_of(texts[2]);
    return true;
}

static bool update(struct world *w, const char *id, const char *name, const char *secret, const char *new_id,
                   struct client_extras *x)
{
    struct client *c;
    struct client_change change = { .id = str_of(id), .edit = rename_it, .arg = (const char *[]) { name, secret, new_id } };
    w->e = ERR_INIT(w->op.arena);
    return client_update(&w->p, &w->op, &change, &c, x, &w->e);
}

static void updates(void **state)
{
    (void)state;
    struct world w;
    struct client_extras x;
    world_start(&w);
    world_store(&w);
    create(&w, "{\"client_id\":\"c\",\"client_secret\":\"first-one\",\"owner\":\"o\"}", &x);
    struct str token = x.registration_access_token;
    const struct client *old = get(&w, "c");
    assert_true(update(&w, "c", "new", NULL, NULL, &x));
    assert_int_equal(x.client_secret.n + x.registration_access_token.n, 0);
    const struct client *c = get(&w, "c");
    assert_ptr_not_equal(c, old);
    assert_true(c->version > old->version);
    assert_str(c->name, "new");
    assert_str(c->owner, "o");
    assert_str(old->name, "");
    assert_int_equal(c->created_at, old->created_at);
    assert_true(match(&w, c->secret_hash, STR("first-one")) == SECRET_RIGHT);
    assert_true(client_registration_check(&w.p, w.op.arena, c, token));

    assert_true(update(&w, "c", "new", "second-one", NULL, &x));
    assert_str(x.client_secret, "second-one");
    assert_true(match(&w, get(&w, "c")->secret_hash, STR("first-one")) == SECRET_WRONG);
    assert_true(match(&w, get(&w, "c")->secret_hash, STR("second-one")) == SECRET_RIGHT);
    world_end(&w);
}

static void updates_refuse(void **state)
{
    (void)state;
    struct world w;
    struct client_extras x;
    world_start(&w);
    world_store(&w);
    create(&w, "{\"client_id\":\"c\"}", &x);
    create(&w, "{\"client_id\":\"d\"}", &x);
    assert_false(update(&w, "ghost", "n", NULL, NULL, &x));
    assert_ptr_equal(w.e.kind, &err_NO_ROW);
    assert_false(update(&w, "c", "n", NULL, "ghost", &x));
    assert_ptr_equal(w.e.kind, &err_NO_ROW);
    assert_false(update(&w, "c", "n", NULL, "d", &x));
    assert_failed(&w, BAD_REQUEST, "cannot be changed");
    assert_false(update(&w, "c", "n", "short", NULL, &x));
    assert_failed(&w, INVALID_CLIENT_METADATA, "6 characters");
    assert_str(get(&w, "c")->name, "");
    assert_str(get(&w, "d")->name, "");
    world_end(&w);
}

struct race {
    struct world *w;
    int times; /* how often another writer is faster */
};

static bool edit_late(struct client *c, struct client_extras *x, const void *arg, struct err *e)
{
    (void)x;
    const struct race *r = arg;
    struct client_extras ignored;
    edits++;
    c->name = STR("slow");
    if (edits <= (unsigned)r->times) {
        unsigned before = edits;
        TRY(update(r->w, "c", "fast", NULL, NULL, &ignored));
        edits = before;
    }
    (void)e;
    return true;
}

static void races(void **state)
{
    (void)state;
    struct world w;
    struct client_extras x;
    struct client *c;
    world_start(&w);
    world_store(&w);
    create(&w, "{\"client_id\":\"c\",\"owner\":\"o\"}", &x);
    struct race r = { &w, 3 };
    struct client_change change = { .id = STR("c"), .edit = edit_late, .arg = &r };
    edits = 0;
    assert_true(client_update(&w.p, &w.op, &change, &c, &x, &w.e));
    assert_int_equal(edits, 4);
    assert_str(get(&w, "c")->name, "slow");
    edits = 0;
    r.times = 1000;
    struct err e = ERR_INIT(w.op.arena);
    assert_false(client_update(&w.p, &w.op, &change, &c, &x, &e));
    assert_ptr_equal(e.kind, &err_CONFLICT);
    world_end(&w);
}

static void becoming_confidential_makes_a_secret(void **state)
{
    (void)state;
    struct world w;
    struct client_extras x;
    world_start(&w);
    world_store(&w);
    create(&w, "{\"client_id\":\"c\",\"token_endpoint_auth_method\":\"none\"}", &x);
    assert_true(update(&w, "c", "n", NULL, NULL, &x));
    assert_int_equal(x.client_secret.n, 0);
    struct client *c = create(&w, "{\"client_id\":\"d\",\"token_endpoint_auth_method\":\"none\"}", &x);
    c->token_endpoint_auth_method = STR("client_secret_post");
    struct client_row row = { .id = c->id, .version = c->version, .doc = client_doc(w.op.arena, c), .created_at = c->created_at };
    enum store_put put;
    assert_true(store_client_update(w.p.store, &w.op, &row, &put, &w.e));
    assert_true(update(&w, "d", "n", NULL, NULL, &x));
    assert_int_equal(x.client_secret.n, 26);
    assert_true(match(&w, get(&w, "d")->secret_hash, x.client_secret) == SECRET_RIGHT);
    world_end(&w);
}

static void registration_tokens(void **state)
{
    (void)state;
    struct world w;
    struct client_extras x, y;
    world_start(&w);
    world_store(&w);
    struct client *c = create(&w, "{\"client_id\":\"c\"}", &x), *d = create(&w, "{\"client_id\":\"d\"}", &y);
    assert_true(client_registration_check(&w.p, w.op.arena, c, x.registration_access_token));
    assert_false(client_registration_check(&w.p, w.op.arena, d, x.registration_access_token));
    assert_false(client_registration_check(&w.p, w.op.arena, c, STR("ory_at_x.y")));
    assert_false(client_registration_check(&w.p, w.op.arena, c, STR("")));
    c->registration++;
    assert_false(client_registration_check(&w.p, w.op.arena, c, x.registration_access_token));
    c->registration--;
    c->created_at += USEC_PER_SEC; /* made again under the same id */
    assert_false(client_registration_check(&w.p, w.op.arena, c, x.registration_access_token));
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(creates),
        cmocka_unit_test(public_clients_have_no_secret),
        cmocka_unit_test(refuses),
        cmocka_unit_test(updates),
        cmocka_unit_test(updates_refuse),
        cmocka_unit_test(races),
        cmocka_unit_test(becoming_confidential_makes_a_secret),
        cmocka_unit_test(registration_tokens),
    };
    return RUN(tests);
}
