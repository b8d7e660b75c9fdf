/* Contract of rows that are taken over: each comes once; what became of it here stays; what went on there alone comes again. */
#include "contract.h"

static const char *const names[] = {
    [IMPORT_ADDED] = "added", [IMPORT_AGAIN] = "again", [IMPORT_KNOWN] = "known", [IMPORT_REFUSED] = "refused"
};

/* One row, named after its id. */
#define BRING(outcome_, kind, row, name)                                    \
    do {                                                                    \
        struct import how_ = { .taken = STR(name) };                        \
        OK(store_import_##kind(f->store, &f->op, (row), &how_, 1, &f->e));  \
        assert_string_equal(names[how_.outcome], names[IMPORT_##outcome_]); \
    } while (0)

static struct client_row client_of(usec_t updated_at)
{
    struct client_row row = a_client("one");
    row.updated_at = updated_at;
    return row;
}

static void clients_come_once(void **state)
{
    F(state);
    struct client_row row = client_of(NOW), *there, later = client_of(NOW + 5);
    bool any;
    OK(store_import_any(f->store, &f->op, &any, &f->e));
    assert_false(any);
    BRING(ADDED, clients, &row, "client one");
    OK(store_import_any(f->store, &f->op, &any, &f->e));
    assert_true(any);
    BRING(KNOWN, clients, &row, "client one");
    later.secret_hash = STR("a later hash");
    BRING(AGAIN, clients, &later, "client one");
    BRING(KNOWN, clients, &later, "client one");
    OK(store_client_get(f->store, &f->op, STR("one"), &there, &f->e));
    assert_str(there->secret_hash, "a later hash");
}

static void a_client_changed_here_stays(void **state)
{
    F(state);
    struct client_row row = client_of(NOW), *there, later = client_of(NOW + 50);
    BRING(ADDED, clients, &row, "client one");
    OK(store_client_get(f->store, &f->op, STR("one"), &there, &f->e));
    there->updated_at = NOW + 20;
    there->secret_hash = STR("ours");
    GIVES(STORE_DONE, store_client_update(f->store, &f->op, there, &f->put, &f->e));
    BRING(KNOWN, clients, &later, "client one");
    GIVES(STORE_DONE, store_client_delete(f->store, &f->op, STR("one"), &f->put, &f->e));
    BRING(KNOWN, clients, &later, "client one");
    OK(store_client_get(f->store, &f->op, STR("one"), &there, &f->e));
    assert_null(there);
}

static void a_client_of_ours_stays(void **state)
{
    F(state);
    struct client_row row = client_of(NOW);
    insert_client(f, "one");
    BRING(KNOWN, clients, &row, "client one");
}

static struct key_row a_key(const char *kid)
{
    return (
        struct key_row) { .set = STR("issuer"), .kid = str_of(kid), .sealed = str_of(kid), .created_at = NOW, .signs_from = NOW };
}

static void keys_come_once(void **state)
{
    F(state);
    const struct key_row rows[] = { a_key("old"), a_key("new") };
    struct import how[] = { { .taken = STR("key old") }, { .taken = STR("key new") } };
    struct key_row *there;
    size_t n;
    int64_t version;
    OK(store_import_keys(f->store, &f->op, rows, how, 2, &f->e));
    OK(store_keys_get(f->store, &f->op, STR("issuer"), &there, &n, &version, &f->e));
    assert_int_equal(n, 2);
    assert_str(there[0].kid, "new");
    GIVES(STORE_DONE, store_key_delete(f->store, &f->op, STR("issuer"), STR("old"), &f->put, &f->e));
    BRING(KNOWN, keys, &rows[0], "key old");
    OK(store_keys_get(f->store, &f->op, STR("issuer"), &there, &n, &version, &f->e));
    assert_int_equal(n, 1);
}

static void trusts_need_their_key(void **state)
{
    F(state);
    const struct trust row = {
        .id = STR("t"), .issuer = STR("issuer"), .subject = STR("s"), .kid = STR("k"), .expires_at = NOW + 9
    };
    const struct key_row key = a_key("k");
    BRING(REFUSED, trusts, &row, "trust t");
    BRING(ADDED, keys, &key, "key k");
    BRING(ADDED, trusts, &row, "trust t");
    GIVES(STORE_DONE, store_trust_delete(f->store, &f->op, STR("t"), &f->put, &f->e));
    BRING(KNOWN, trusts, &row, "trust t");
}

static void sessions_come_once(void **state)
{
    F(state);
    struct session_row row = a_session("s", "alice"), *there;
    BRING(ADDED, sessions, &row, "session s");
    BRING(KNOWN, sessions, &row, "session s");
    row.authenticated_at += 5;
    BRING(AGAIN, sessions, &row, "session s");
    OK(store_session_get(f->store, &f->op, row.id, &there, &f->e));
    assert_int_equal(there->authenticated_at, row.authenticated_at);
    GIVES(STORE_DONE, store_session_delete(f->store, &f->op, row.id, &f->put, &f->e));
    BRING(KNOWN, sessions, &row, "session s");
    OK(store_session_get(f->store, &f->op, row.id, &there, &f->e));
    assert_null(there);
}

static void aliases_and_marks(void **state)
{
    F(state);
    const struct alias row = { STR("one"), STR("alice"), STR("theirs") };
    const struct mark jti = { MARK_EARLIER_JTI, STR("digest"), NOW + 9 };
    struct str alias;
    BRING(REFUSED, aliases, &row, "");
    insert_client(f, "one");
    BRING(ADDED, aliases, &row, "");
    OK(store_alias_put(f->store, &f->op, STR("one"), STR("alice"), STR("ours"), &f->e));
    BRING(KNOWN, aliases, &row, "");
    OK(store_alias_get(f->store, &f->op, STR("one"), STR("alice"), &alias, &f->e));
    assert_str(alias, "ours");
    BRING(ADDED, marks, &jti, "");
    BRING(KNOWN, marks, &jti, "");
}

static struct grant imported(enum grant_state state)
{
    struct grant g = a_grant("g", state);
    g.generation = state == GRANT_CONSENTED ? IMPORTED_CODE_GENERATION : IMPORTED_TOKEN_GENERATION;
    return g;
}

static void grants_go_on_there(void **state)
{
    F(state);
    const struct grant code = imported(GRANT_CONSENTED), tokens = imported(GRANT_ACTIVE);
    BRING(REFUSED, grants, &code, "");
    struct client_row client = a_client("x");
    client.id = code.client_id;
    GIVES(STORE_DONE, store_client_insert(f->store, &f->op, &client, &f->put, &f->e));
    BRING(ADDED, grants, &code, "");
    BRING(KNOWN, grants, &code, "");
    BRING(AGAIN, grants, &tokens, "");
    BRING(KNOWN, grants, &tokens, "");
    const struct grant *g = get_grant(f, "g");
    assert_int_equal(g->state, GRANT_ACTIVE);
    assert_int_equal(g->generation, IMPORTED_TOKEN_GENERATION);
    assert_int_equal(g->client_version, client.version);
}

static void grants_touched_here_stay(void **state)
{
    F(state);
    const struct grant tokens = imported(GRANT_ACTIVE);
    struct grant next = tokens, later = tokens;
    int64_t ended;
    struct client_row client = a_client("x");
    client.id = tokens.client_id;
    GIVES(STORE_DONE, store_client_insert(f->store, &f->op, &client, &f->put, &f->e));
    BRING(ADDED, grants, &tokens, "");
    next.generation++;
    const struct grant_move move = { .from = GRANT_ACTIVE, .from_generation = tokens.generation, .to = &next };
    GIVES(STORE_DONE, store_grant_move(f->store, &f->op, &move, &f->put, &f->e));
    later.rotated_at += 5;
    BRING(KNOWN, grants, &later, "");
    OK(store_import_ended(f->store, &f->op, &tokens.id, 1, &ended, &f->e));
    assert_int_equal(ended, 0);
    assert_int_equal(get_grant(f, "g")->generation, next.generation);
}

static void grants_end_there(void **state)
{
    F(state);
    const struct grant tokens = imported(GRANT_ACTIVE);
    int64_t ended;
    struct client_row client = a_client("x");
    client.id = tokens.client_id;
    GIVES(STORE_DONE, store_client_insert(f->store, &f->op, &client, &f->put, &f->e));
    BRING(ADDED, grants, &tokens, "");
    const struct str ids[] = { STR("unknown"), tokens.id };
    OK(store_import_ended(f->store, &f->op, ids, 2, &ended, &f->e));
    assert_int_equal(ended, 1);
    assert_int_equal(get_grant(f, "g")->state, GRANT_ENDED);
    BRING(KNOWN, grants, &tokens, "");
    assert_int_equal(get_grant(f, "g")->state, GRANT_ENDED);
}

static void tokens_say_what_is_so_now(void **state)
{
    F(state);
    struct earlier_token row = { .digest = STR("d"), .token = STR("first"), .expires_at = NOW + 9 };
    struct str token;
    BRING(ADDED, earlier, &row, "");
    BRING(KNOWN, earlier, &row, "");
    row.token = STR("second");
    BRING(AGAIN, earlier, &row, "");
    OK(store_earlier_get(f->store, &f->op, STR("d"), &token, &f->e));
    assert_str(token, "second");
}

static void devices_come_once(void **state)
{
    F(state);
    struct device row = { .id = STR("d"),
                          .user_code = STR("u"),
                          .state = DEVICE_WAITING,
                          .client_id = STR("one"),
                          .requested_at = NOW,
                          .expires_at = NOW + 9,
                          .request = STR("scope=a") };
    struct device *there;
    BRING(REFUSED, devices, &row, "");
    insert_client(f, "one");
    BRING(ADDED, devices, &row, "");
    BRING(KNOWN, devices, &row, "");
    row.state = DEVICE_GRANTED;
    row.grant_id = STR("g");
    BRING(AGAIN, devices, &row, "");
    row.state = DEVICE_REFUSED;
    BRING(KNOWN, devices, &row, "");
    OK(store_device_by_code(f->store, &f->op, STR("u"), &there, &f->e));
    assert_int_equal(there->state, DEVICE_GRANTED);
    assert_str(there->grant_id, "g");
}

int run_import_cases(void)
{
    const struct CMUnitTest tests[] = {
        CASE(clients_come_once), CASE(a_client_changed_here_stays), CASE(a_client_of_ours_stays),
        CASE(keys_come_once),    CASE(trusts_need_their_key),       CASE(sessions_come_once),
        CASE(aliases_and_marks), CASE(grants_go_on_there),          CASE(grants_touched_here_stay),
        CASE(grants_end_there),  CASE(tokens_say_what_is_so_now),   CASE(devices_come_once),
    };
    return cmocka_run_group_tests_name("import", tests, NULL, NULL);
}
