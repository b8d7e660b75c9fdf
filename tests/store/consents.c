/* Contract of consents: which grants are listed, which one skips, what a revocation ends. */
#include "contract.h"

#include <stdio.h>

struct row {
    const char *id, *client, *subject, *session;
    enum grant_state state;
    bool remember, skipped;
    usec_t until, requested_at;
};

static void insert_rows(struct fixture *f, const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct grant g = a_grant(rows[i].id, rows[i].state);
        g.client_id = str_of(rows[i].client);
        g.subject = str_of(rows[i].subject);
        g.session_id = str_of(rows[i].session);
        g.remember = rows[i].remember;
        g.skipped = rows[i].skipped;
        g.consent_until = rows[i].until;
        g.requested_at = rows[i].requested_at;
        insert_grant(f, &g);
    }
}

/* Ids of a list, newest first, as "id id id"; the count is checked when the filter takes no page. */
static const char *listed(struct fixture *f, const struct consent_filter *filter)
{
    struct grant *list;
    size_t n;
    OK(store_consent_list(f->store, &f->op, filter, &list, &n, &f->e));
    if (filter->before == 0 && filter->offset == 0 && filter->limit >= 100) {
        int64_t count;
        OK(store_consent_count(f->store, &f->op, filter, &count, &f->e));
        assert_int_equal(count, n);
    }
    struct strs ids = { 0 };
    for (size_t i = 0; i < n; i++) {
        assert_true(list[i].client_version > 0);
        strs_add(f->op.arena, &ids, list[i].id);
    }
    return arena_dupz(f->op.arena, strs_join(f->op.arena, ids, " "));
}

static const char *latest(struct fixture *f, const char *client, const char *subject)
{
    struct grant *g;
    OK(store_consent_latest(f->store, &f->op, str_of(client), str_of(subject), &g, &f->e));
    return g != NULL ? arena_dupz(f->op.arena, g->id) : "none";
}

#define FOREVER USEC_NEVER

static const struct row rows[] = {
    { "old", "shop", "alice", "s1", GRANT_ACTIVE, true, false, FOREVER, 100 },
    { "mid", "shop", "alice", "s1", GRANT_CONSENTED, true, false, NOW + 1, 200 },
    { "plain", "shop", "alice", "s2", GRANT_ACTIVE, false, false, FOREVER, 300 },
    { "skip", "shop", "alice", "s2", GRANT_ACTIVE, true, true, FOREVER, 400 },
    { "over", "shop", "alice", "s1", GRANT_ACTIVE, true, false, NOW, 500 },
    { "void", "shop", "alice", "s1", GRANT_ENDED, true, false, 0, 600 },
    { "asked", "shop", "alice", "s1", GRANT_CONSENT_ASKED, true, false, FOREVER, 700 },
    { "taken", "shop", "alice", "s1", GRANT_CONSENT_ACCEPTED, true, false, FOREVER, 800 },
    { "mail", "mail", "alice", "s1", GRANT_ENDED, true, false, FOREVER, 250 },
    { "bob", "shop", "bob", "s3", GRANT_ACTIVE, true, false, FOREVER, 900 },
    { "mail2", "mail", "alice", "s3", GRANT_ACTIVE, true, false, FOREVER, 250 },
};

static void two_clients(struct fixture *f)
{
    insert_client(f, "shop");
    insert_client(f, "mail");
    insert_rows(f, rows, ARRAY_LEN(rows));
}

static void consents_are_listed(void **state)
{
    F(state);
    two_clients(f);
    const struct {
        struct consent_filter filter;
        const char *ids;
    } cases[] = {
        { { .subject = STR("alice"), .limit = 100 }, "plain mail2 mail mid old" },
        { { .subject = STR("alice"), .limit = 2 }, "plain mail2" },
        { { .subject = STR("alice"), .limit = 2, .offset = 2 }, "mail mid" },
        { { .subject = STR("alice"), .limit = 100, .before = 250, .before_id = STR("mail2") }, "mail mid old" },
        { { .subject = STR("alice"), .limit = 1, .before = 250, .before_id = STR("mail") }, "mid" },
        { { .subject = STR("alice"), .limit = 9, .before = 100, .before_id = STR("old") }, "" },
        { { .subject = STR("alice"), .session_id = STR("s1"), .limit = 100 }, "mail mid old" },
        { { .subject = STR("alice"), .session_id = STR("s1"), .limit = 1, .offset = 1 }, "mid" },
        { { .subject = STR("alice"), .session_id = STR("s1"), .limit = 9, .before = 200, .before_id = STR("mid") }, "old" },
        { { .subject = STR("alice"), .session_id = STR("s9"), .limit = 100 }, "" },
        { { .subject = STR("bob"), .limit = 100 }, "bob" },
        { { .subject = STR("nobody"), .limit = 100 }, "" },
        { { .subject = STR(""), .limit = 100 }, "" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) assert_string_equal(listed(f, &cases[i].filter), cases[i].ids);
}

static void consent_latest_is_remembered_and_alive(void **state)
{
    F(state);
    two_clients(f);
    assert_string_equal(latest(f, "shop", "alice"), "mid");
    assert_string_equal(latest(f, "mail", "alice"), "mail2");
    assert_string_equal(latest(f, "mail", "bob"), "none");
    assert_string_equal(latest(f, "none", "alice"), "none");
    f->op.now = NOW + 1;
    assert_string_equal(latest(f, "shop", "alice"), "old");
}

static void consent_counts_from_the_move_on(void **state)
{
    F(state);
    insert_client(f, "shop");
    struct grant g = a_grant("g1", GRANT_CONSENT_ACCEPTED);
    insert_grant(f, &g);
    assert_string_equal(latest(f, "shop", "alice"), "none");
    g.state = GRANT_CONSENTED;
    struct grant_move m = { .from = GRANT_CONSENT_ACCEPTED, .to = &g };
    GIVES(STORE_DONE, store_grant_move(f->store, &f->op, &m, &f->put, &f->e));
    assert_string_equal(latest(f, "shop", "alice"), "g1");
    GIVES(STORE_DONE, store_grant_end(f->store, &f->op, g.id, &f->put, &f->e));
    assert_string_equal(latest(f, "shop", "alice"), "g1"); /* its tokens are dead, the person's word still counts */
}

static void consents_go_with_the_client(void **state)
{
    F(state);
    two_clients(f);
    GIVES(STORE_DONE, store_client_delete(f->store, &f->op, STR("shop"), &f->put, &f->e));
    insert_client(f, "shop");
    assert_string_equal(listed(f, &(struct consent_filter) { .subject = STR("alice"), .limit = 100 }), "mail2 mail");
    assert_string_equal(latest(f, "shop", "alice"), "none");
}

/* State letters of all rows in the order of the table: '.' as it was, 'x' ended with its consent. */
static const char *revoked(struct fixture *f)
{
    char *text = arena_zalloc(f->op.arena, ARRAY_LEN(rows) + 1);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct grant *g = get_grant(f, rows[i].id);
        bool ended = g->state == GRANT_ENDED && g->consent_until == 0;
        assert_true(ended || (g->state == rows[i].state && g->consent_until == rows[i].until));
        text[i] = ended ? 'x' : '.';
    }
    return text;
}

static void consents_are_revoked(void **state)
{
    F(state);
    const struct {
        const char *subject, *client, *grant, *rows;
    } cases[] = {
        { "", "", "mid", ".x...x....." },          { "bob", "", "mid", ".....x....." }, { "alice", "mail", "mid", ".....x....." },
        { "alice", "shop", "mid", ".x...x....." }, { "", "", "asked", ".....x....." }, /* still under way: not decided, so nothing
                                                                                          to revoke */
        { "", "", "nothing", ".....x....." },      { "alice", "", "", "xxxxxx.xx.x" },  { "alice", "shop", "", "xxxxxx.x..." },
        { "alice", "none", "", ".....x....." },    { "nobody", "", "", ".....x....." }, { "", "mail", "", ".....x..x.x" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        OK(store_migrate_down(f->store, &f->op, 1000, NULL, NULL, &f->e));
        OK(store_migrate_up(f->store, &f->op, NULL, NULL, &f->e));
        two_clients(f);
        OK(store_consent_revoke(f->store, &f->op, str_of(cases[i].subject), str_of(cases[i].client), str_of(cases[i].grant),
                                &f->e));
        assert_string_equal(revoked(f), cases[i].rows);
    }
    FAILS(SERVER_ERROR, store_consent_revoke(f->store, &f->op, STR_NONE, STR_NONE, STR_NONE, &f->e));
}

int run_consent_cases(void)
{
    const struct CMUnitTest cases[] = {
        CASE(consents_are_listed),
        CASE(consent_latest_is_remembered_and_alive),
        CASE(consent_counts_from_the_move_on),
        CASE(consents_go_with_the_client),
        CASE(consents_are_revoked),
    };
    return cmocka_run_group_tests_name("consents", cases, NULL, NULL);
}
