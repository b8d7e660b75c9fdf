/* Contract of grants and login sessions. */
#include "contract.h"

static void move(struct fixture *f, enum grant_state from, int64_t generation, const struct grant *to, enum store_put expected)
{
    struct grant_move m = { .from = from, .from_generation = generation, .to = to };
    GIVES(expected, store_grant_move(f->store, &f->op, &m, &f->put, &f->e));
}

static struct session_row *get_session(struct fixture *f, const char *id)
{
    struct session_row *row;
    OK(store_session_get(f->store, &f->op, str_of(id), &row, &f->e));
    return row;
}

static void same_grant(const struct grant *a, const struct grant *b)
{
    assert_true(str_eq(a->id, b->id) && str_eq(a->client_id, b->client_id) && str_eq(a->subject, b->subject));
    assert_true(str_eq(a->session_id, b->session_id));
    assert_true(str_eq(a->request, b->request) && str_eq(a->session, b->session));
    assert_int_equal(a->state, b->state);
    assert_int_equal(a->generation, b->generation);
    assert_int_equal(a->remember, b->remember);
    assert_int_equal(a->skipped, b->skipped);
    assert_int_equal(a->consent_until, b->consent_until);
    assert_int_equal(a->requested_at, b->requested_at);
    assert_int_equal(a->handled_at, b->handled_at);
    assert_int_equal(a->rotated_at, b->rotated_at);
    assert_int_equal(a->reuses, b->reuses);
    assert_int_equal(a->access_not_before, b->access_not_before);
    assert_int_equal(a->expires_at, b->expires_at);
}

static void grant_comes_back_whole(void **state)
{
    F(state);
    insert_client(f, "shop");
    struct grant g = a_grant("g1", GRANT_ACTIVE);
    g.reuses = 2;
    insert_grant(f, &g);
    struct grant *got = get_grant(f, "g1");
    same_grant(got, &g);
    struct client_state st;
    OK(store_client_state(f->store, &f->op, STR("shop"), STR_NONE, &st, &f->e));
    assert_int_equal(got->client_version, st.version);
    assert_int_equal(got->client_not_before, 5);
    assert_null(get_grant(f, "g2"));
    assert_null(get_grant(f, "G1"));
}

static void grant_is_inserted_once(void **state)
{
    F(state);
    insert_client(f, "shop");
    struct grant g = a_grant("g1", GRANT_LOGGED_IN), other = g;
    insert_grant(f, &g);
    other.state = GRANT_LOGIN_REJECTED;
    other.subject = STR("mallory");
    GIVES(STORE_EXISTS, store_grant_insert(f->store, &f->op, &other, &f->put, &f->e));
    same_grant(get_grant(f, "g1"), &g);
}

static void grant_dies_with_its_client(void **state)
{
    F(state);
    insert_client(f, "shop");
    struct grant g = a_grant("g1", GRANT_ACTIVE);
    insert_grant(f, &g);
    OK(store_client_not_before(f->store, &f->op, STR("shop"), NOW, &f->e));
    assert_int_equal(get_grant(f, "g1")->client_not_before, NOW);

    GIVES(STORE_DONE, store_client_delete(f->store, &f->op, STR("shop"), &f->put, &f->e));
    assert_int_equal(get_grant(f, "g1")->client_version, 0);
    assert_int_equal(get_grant(f, "g1")->client_not_before, 0);
    insert_client(f, "shop");
    assert_int_equal(get_grant(f, "g1")->client_version, 0);
    struct grant next = a_grant("g2", GRANT_ACTIVE);
    insert_grant(f, &next);
    assert_true(get_grant(f, "g2")->client_version > 0);
}

static void grant_without_client_is_dead(void **state)
{
    F(state);
    struct grant g = a_grant("g1", GRANT_ACTIVE);
    insert_grant(f, &g);
    insert_client(f, "shop");
    assert_int_equal(get_grant(f, "g1")->client_version, 0);
}

static void grant_survives_an_update_of_its_client(void **state)
{
    F(state);
    insert_client(f, "shop");
    struct grant g = a_grant("g1", GRANT_ACTIVE);
    insert_grant(f, &g);
    struct client_row *row;
    OK(store_client_get(f->store, &f->op, STR("shop"), &row, &f->e));
    GIVES(STORE_DONE, store_client_update(f->store, &f->op, row, &f->put, &f->e));
    assert_int_equal(get_grant(f, "g1")->client_version, row->version);
}

static void grant_moves_by_comparison(void **state)
{
    F(state);
    insert_client(f, "shop");
    struct grant g = a_grant("g1", GRANT_CONSENT_ASKED), to = g;
    insert_grant(f, &g);
    to.state = GRANT_CONSENT_ACCEPTED;
    to.generation = 1;
    to.subject = STR("bob");
    to.session_id = STR("sid-2");
    to.request = STR("{\"r\":2}");
    to.session = STR("{}");
    to.remember = false;
    to.skipped = true;
    to.consent_until = 0;
    to.requested_at = to.handled_at = to.rotated_at = to.access_not_before = to.expires_at = NOW + 77;
    to.reuses = 4;

    move(f, GRANT_LOGGED_IN, 0, &to, STORE_CONFLICT);
    move(f, GRANT_CONSENT_ASKED, 1, &to, STORE_CONFLICT);
    same_grant(get_grant(f, "g1"), &g);
    move(f, GRANT_CONSENT_ASKED, 0, &to, STORE_DONE);
    same_grant(get_grant(f, "g1"), &to);
    move(f, GRANT_CONSENT_ASKED, 0, &to, STORE_CONFLICT);
    struct grant none = a_grant("g9", GRANT_ACTIVE);
    move(f, GRANT_CONSENTED, 0, &none, STORE_MISSING);
    assert_null(get_grant(f, "g9"));
}

/* Whatever a move changes, alone or with others, the row says it afterwards. */
static void grant_move_writes_every_member(void **state)
{
    F(state);
    insert_client(f, "shop");
    const struct grant g = a_grant("g0", GRANT_CONSENT_ASKED);
    enum { CHANGES = 14 };
    struct grant to[CHANGES];
    for (size_t i = 0; i < CHANGES; i++) to[i] = g;
    to[1].subject = STR("bob");
    to[2].session_id = STR("sid-2");
    to[3].request = STR("{\"r\":2}");
    to[4].session = STR("{}");
    to[5].remember = !g.remember;
    to[6].skipped = !g.skipped;
    to[7].consent_until = 0;
    to[8].requested_at = NOW + 1;
    to[9].handled_at = NOW + 2;
    to[10].rotated_at = NOW + 3;
    to[11].access_not_before = NOW + 4;
    to[12].expires_at = NOW + 5;
    to[13].reuses = 9;
    for (size_t i = 0; i < CHANGES; i++) {
        struct grant before = g;
        before.id = to[i].id = arena_printf(f->op.arena, "m%zu", i);
        insert_grant(f, &before);
        to[i].state = GRANT_CONSENT_ACCEPTED;
        move(f, GRANT_CONSENT_ASKED, 0, &to[i], STORE_DONE);
        same_grant(get_grant(f, to[i].id.p), &to[i]);
        to[i].state = GRANT_CONSENTED; /* now it counts as a consent, unless the move says otherwise */
        to[i].generation = 1;
        move(f, GRANT_CONSENT_ACCEPTED, 0, &to[i], STORE_DONE);
        same_grant(get_grant(f, to[i].id.p), &to[i]);
    }
}

/* What a revocation took from the row while the mover was thinking stays taken. */
static void grant_move_brings_no_session_back(void **state)
{
    F(state);
    insert_client(f, "shop");
    struct session_row row = a_session("sid-1", "alice");
    insert_session(f, &row);
    struct grant g = a_grant("g1", GRANT_ACTIVE), to = g;
    g.session_id = to.session_id = STR("sid-1");
    insert_grant(f, &g);
    GIVES(STORE_DONE, store_session_delete(f->store, &f->op, STR("sid-1"), &f->put, &f->e));
    to.generation = g.generation + 1;
    move(f, GRANT_ACTIVE, g.generation, &to, STORE_DONE);
    assert_str(get_grant(f, "g1")->session_id, "");
    to.subject = STR("bob");
    to.generation++;
    move(f, GRANT_ACTIVE, g.generation + 1, &to, STORE_DONE);
    assert_str(get_grant(f, "g1")->session_id, "");
    assert_str(get_grant(f, "g1")->subject, "bob");
}

static void grant_generation_moves_once(void **state)
{
    F(state);
    insert_client(f, "shop");
    struct grant g = a_grant("g1", GRANT_ACTIVE), to = g;
    insert_grant(f, &g);
    to.generation = 4;
    move(f, GRANT_ACTIVE, 3, &to, STORE_DONE);
    move(f, GRANT_ACTIVE, 3, &to, STORE_CONFLICT);
    assert_int_equal(get_grant(f, "g1")->generation, 4);
}

static void grant_move_carries_a_session(void **state)
{
    F(state);
    insert_client(f, "shop");
    struct grant g = a_grant("g1", GRANT_LOGGED_IN), to = g;
    insert_grant(f, &g);
    struct session_row old = a_session("sid-0", "alice"), new = a_session("sid-1", "alice");
    insert_session(f, &old);
    to.state = GRANT_CONSENT_ASKED;
    struct grant_move m = { .from = GRANT_ACTIVE, .to = &to, .session = &new, .drop_session = STR("sid-0") };
    GIVES(STORE_CONFLICT, store_grant_move(f->store, &f->op, &m, &f->put, &f->e));
    assert_null(get_session(f, "sid-1"));
    assert_non_null(get_session(f, "sid-0"));

    m.from = GRANT_LOGGED_IN;
    GIVES(STORE_DONE, store_grant_move(f->store, &f->op, &m, &f->put, &f->e));
    assert_null(get_session(f, "sid-0"));
    struct session_row *got = get_session(f, "sid-1");
    assert_str(got->id, "sid-1");
    assert_str(got->subject, "alice");
    assert_str(got->idp_session_id, "idp-9");
    assert_true(got->remember);
    assert_int_equal(got->authenticated_at, NOW - 7);
    assert_int_equal(got->expires_at, NOW + USEC_PER_SEC);

    new.remember = false;
    new.authenticated_at = NOW;
    insert_session(f, &new);
    assert_false(get_session(f, "sid-1")->remember);
    assert_int_equal(get_session(f, "sid-1")->authenticated_at, NOW);
}

static void grant_end_is_final(void **state)
{
    F(state);
    insert_client(f, "shop");
    struct grant g = a_grant("g1", GRANT_ACTIVE), to = g, early = a_grant("g2", GRANT_CONSENT_ACCEPTED);
    insert_grant(f, &g);
    insert_grant(f, &early);
    GIVES(STORE_DONE, store_grant_end(f->store, &f->op, STR("g1"), &f->put, &f->e));
    assert_int_equal(get_grant(f, "g1")->state, GRANT_ENDED);
    assert_int_equal(get_grant(f, "g1")->consent_until, g.consent_until);
    move(f, GRANT_ACTIVE, 3, &to, STORE_CONFLICT);
    GIVES(STORE_DONE, store_grant_end(f->store, &f->op, STR("g1"), &f->put, &f->e));
    GIVES(STORE_MISSING, store_grant_end(f->store, &f->op, STR("g9"), &f->put, &f->e));
    /* What was never seen through is no consent. */
    GIVES(STORE_DONE, store_grant_end(f->store, &f->op, STR("g2"), &f->put, &f->e));
    assert_int_equal(get_grant(f, "g2")->consent_until, 0);
}

static void grant_reuse_is_counted(void **state)
{
    F(state);
    insert_client(f, "shop");
    struct grant g = a_grant("g1", GRANT_ACTIVE), to = g;
    insert_grant(f, &g);
    GIVES(STORE_DONE, store_grant_reuse(f->store, &f->op, g.id, 3, 2, &f->put, &f->e));
    GIVES(STORE_DONE, store_grant_reuse(f->store, &f->op, g.id, 3, 2, &f->put, &f->e));
    GIVES(STORE_CONFLICT, store_grant_reuse(f->store, &f->op, g.id, 3, 2, &f->put, &f->e));
    assert_int_equal(get_grant(f, "g1")->reuses, 2);
    GIVES(STORE_DONE, store_grant_reuse(f->store, &f->op, g.id, 3, 0, &f->put, &f->e));
    GIVES(STORE_CONFLICT, store_grant_reuse(f->store, &f->op, g.id, 2, 0, &f->put, &f->e));
    GIVES(STORE_MISSING, store_grant_reuse(f->store, &f->op, STR("g9"), 3, 0, &f->put, &f->e));

    to.generation = 4;
    move(f, GRANT_ACTIVE, 3, &to, STORE_DONE);
    GIVES(STORE_DONE, store_grant_reuse(f->store, &f->op, g.id, 4, 1, &f->put, &f->e));
    GIVES(STORE_DONE, store_grant_end(f->store, &f->op, g.id, &f->put, &f->e));
    GIVES(STORE_CONFLICT, store_grant_reuse(f->store, &f->op, g.id, 4, 0, &f->put, &f->e));
}

static void session_ends_when_it_says(void **state)
{
    F(state);
    struct session_row row = a_session("sid-1", "alice");
    insert_session(f, &row);
    assert_non_null(get_session(f, "sid-1"));
    f->op.now = row.expires_at;
    assert_null(get_session(f, "sid-1"));
    OK(store_session_extend(f->store, &f->op, row.id, row.expires_at + 10, &f->e));
    OK(store_session_extend(f->store, &f->op, STR("sid-9"), row.expires_at + 10, &f->e));
    assert_int_equal(get_session(f, "sid-1")->expires_at, row.expires_at + 10);
    assert_null(get_session(f, "sid-9"));
}

static void session_deletion_is_forgotten_by_grants(void **state)
{
    F(state);
    insert_client(f, "shop");
    struct grant g = a_grant("g1", GRANT_ACTIVE), other = a_grant("g2", GRANT_ACTIVE);
    other.session_id = STR("sid-2");
    insert_grant(f, &g);
    insert_grant(f, &other);
    struct session_row row = a_session("sid-1", "alice");
    insert_session(f, &row);
    GIVES(STORE_DONE, store_session_delete(f->store, &f->op, row.id, &f->put, &f->e));
    GIVES(STORE_MISSING, store_session_delete(f->store, &f->op, row.id, &f->put, &f->e));
    GIVES(STORE_MISSING, store_session_delete(f->store, &f->op, STR(""), &f->put, &f->e));
    assert_null(get_session(f, "sid-1"));
    assert_str(get_grant(f, "g1")->session_id, "");
    assert_str(get_grant(f, "g2")->session_id, "sid-2");
    assert_int_equal(get_grant(f, "g1")->state, GRANT_ACTIVE);

    /* A refresh that read the grant before does not bring the session back. */
    g.generation = 4;
    move(f, GRANT_ACTIVE, 3, &g, STORE_DONE);
    assert_str(get_grant(f, "g1")->session_id, "");
}

static void session_deletion_by_subject(void **state)
{
    F(state);
    insert_client(f, "shop");
    struct session_row a = a_session("sid-1", "alice"), b = a_session("sid-2", "alice"), c = a_session("sid-3", "bob");
    insert_session(f, &a);
    insert_session(f, &b);
    insert_session(f, &c);
    struct grant g = a_grant("g1", GRANT_ACTIVE), other = a_grant("g2", GRANT_ACTIVE);
    other.subject = STR("bob");
    other.session_id = STR("sid-3");
    insert_grant(f, &g);
    insert_grant(f, &other);
    OK(store_session_delete_subject(f->store, &f->op, STR("alice"), &f->e));
    OK(store_session_delete_subject(f->store, &f->op, STR("nobody"), &f->e));
    assert_null(get_session(f, "sid-1"));
    assert_null(get_session(f, "sid-2"));
    assert_non_null(get_session(f, "sid-3"));
    assert_str(get_grant(f, "g1")->session_id, "");
    assert_str(get_grant(f, "g2")->session_id, "sid-3");
}

static void add_grant(struct fixture *f, const char *id, const char *client, enum grant_state state)
{
    struct grant g = a_grant(id, state);
    g.client_id = str_of(client);
    insert_grant(f, &g);
}

static void session_clients_each_once(void **state)
{
    F(state);
    const char *ids[] = { "a", "b", "c", "d", "gone" };
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) insert_client(f, ids[i]);
    add_grant(f, "1", "b", GRANT_ACTIVE);
    add_grant(f, "2", "a", GRANT_CONSENTED);
    add_grant(f, "3", "a", GRANT_ACTIVE);
    add_grant(f, "4", "c", GRANT_CONSENT_ASKED); /* never came to a code */
    add_grant(f, "5", "d", GRANT_ENDED);         /* ended without a token */
    add_grant(f, "6", "gone", GRANT_ACTIVE);
    struct grant ended = a_grant("7", GRANT_ENDED);
    ended.generation = 1;
    ended.client_id = STR("d");
    struct grant other = a_grant("8", GRANT_ACTIVE);
    other.client_id = STR("c");
    other.session_id = STR("sid-2");
    insert_grant(f, &other);
    GIVES(STORE_DONE, store_client_delete(f->store, &f->op, STR("gone"), &f->put, &f->e));

    struct strs got;
    OK(store_session_clients(f->store, &f->op, STR("alice"), STR("sid-1"), &got, &f->e));
    assert_str(strs_join(f->op.arena, got, " "), "a b");
    insert_grant(f, &ended); /* ended after tokens were out */
    OK(store_session_clients(f->store, &f->op, STR("alice"), STR("sid-1"), &got, &f->e));
    assert_str(strs_join(f->op.arena, got, " "), "a b d");
    OK(store_session_clients(f->store, &f->op, STR("bob"), STR("sid-1"), &got, &f->e));
    assert_int_equal(got.n, 0);
}

static usec_t lacks(struct fixture *f, const char *client_id)
{
    usec_t until;
    OK(store_session_lacks(f->store, &f->op, STR("sid-1"), str_of(client_id), &until, &f->e));
    return until;
}

static void session_lacks_what_ends_before_it(void **state)
{
    F(state);
    insert_client(f, "shop");
    insert_client(f, "other");
    assert_int_equal(lacks(f, "shop"), 0); /* no session */
    struct session_row row = a_session("sid-1", "alice");
    row.expires_at = NOW + 20 * USEC_PER_SEC;
    insert_session(f, &row);
    add_grant(f, "1", "shop", GRANT_ACTIVE);
    assert_int_equal(lacks(f, "shop"), row.expires_at);
    struct grant kept = a_grant("2", GRANT_ACTIVE);
    kept.expires_at = row.expires_at;
    kept.state = GRANT_LOGGED_IN;
    insert_grant(f, &kept);
    assert_int_equal(lacks(f, "shop"), row.expires_at); /* never came to a code */
    kept.id = STR("3");
    kept.state = GRANT_ACTIVE;
    insert_grant(f, &kept);
    assert_int_equal(lacks(f, "shop"), 0);
    assert_int_equal(lacks(f, "other"), row.expires_at);
    f->op.now = row.expires_at;
    assert_int_equal(lacks(f, "other"), 0);
}

static void session_lacks_nothing_when_not_remembered(void **state)
{
    F(state);
    insert_client(f, "shop");
    struct session_row row = a_session("sid-1", "alice");
    row.remember = false;
    insert_session(f, &row);
    assert_int_equal(lacks(f, "shop"), 0);
}

static void session_extension_takes_kept_grants_along(void **state)
{
    F(state);
    insert_client(f, "shop");
    struct session_row row = a_session("sid-1", "alice");
    insert_session(f, &row);
    struct grant kept = a_grant("1", GRANT_ACTIVE), brief = a_grant("2", GRANT_ACTIVE), other = a_grant("3", GRANT_ACTIVE),
                 longer = a_grant("4", GRANT_ACTIVE);
    kept.expires_at = other.expires_at = row.expires_at;
    brief.expires_at = row.expires_at - 1;
    longer.expires_at = row.expires_at + 100;
    other.session_id = STR("sid-2");
    insert_grant(f, &kept);
    insert_grant(f, &brief);
    insert_grant(f, &other);
    insert_grant(f, &longer);
    OK(store_session_extend(f->store, &f->op, row.id, row.expires_at + 50, &f->e));
    assert_int_equal(get_grant(f, "1")->expires_at, row.expires_at + 50);
    assert_int_equal(get_grant(f, "2")->expires_at, row.expires_at - 1);
    assert_int_equal(get_grant(f, "3")->expires_at, row.expires_at);
    assert_int_equal(get_grant(f, "4")->expires_at, row.expires_at + 100);
}

int run_grant_cases(void)
{
    const struct CMUnitTest cases[] = {
        CASE(grant_comes_back_whole),
        CASE(grant_is_inserted_once),
        CASE(grant_dies_with_its_client),
        CASE(grant_without_client_is_dead),
        CASE(grant_survives_an_update_of_its_client),
        CASE(grant_moves_by_comparison),
        CASE(grant_move_writes_every_member),
        CASE(grant_move_brings_no_session_back),
        CASE(grant_generation_moves_once),
        CASE(grant_move_carries_a_session),
        CASE(grant_end_is_final),
        CASE(grant_reuse_is_counted),
        CASE(session_ends_when_it_says),
        CASE(session_deletion_is_forgotten_by_grants),
        CASE(session_deletion_by_subject),
        CASE(session_clients_each_once),
        CASE(session_lacks_what_ends_before_it),
        CASE(session_lacks_nothing_when_not_remembered),
        CASE(session_extension_takes_kept_grants_along),
    };
    return cmocka_run_group_tests_name("grants", cases, NULL, NULL);
}
