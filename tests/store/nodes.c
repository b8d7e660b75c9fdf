/* Several nodes on one database: each thread here has a store of its own, as a process would. And what only a look below store.h
 * shows: that every statement runs on a server and fits its signature. (A memory database is private to its store: there the
 * threads share one.) */
#include "contract.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/store_int.h"

enum { NODES = 8 };

struct node {
    struct fixture *f;
    struct store *store;
    pthread_t thread;
    int number;
    bool (*run)(struct node *n, struct op *op, struct err *e);
    bool ok;
    char failure[300];
    int64_t count; /* what `run` counts */
};

static bool is_private(const struct fixture *f) { return str_starts(f->dsn, STR("memory")); }

static void *run_node(void *arg)
{
    struct node *n = arg;
    ARENA_AUTO a = arena_new();
    struct op op = { .arena = a, .now = NOW, .may_wait = true };
    struct err e = ERR_INIT(a);
    n->ok = n->run(n, &op, &e);
    if (!n->ok) snprintf(n->failure, sizeof(n->failure), "%s: %s (%s)", e.kind->id, e.hint, e.debug != NULL ? e.debug : "");
    return NULL;
}

/* Runs it on all nodes at once; returns the sum of what they counted. */
static int64_t run_nodes(struct fixture *f, bool (*run)(struct node *, struct op *, struct err *))
{
    struct node nodes[NODES];
    for (int i = 0; i < NODES; i++) {
        nodes[i] = (struct node) { .f = f, .store = f->store, .number = i, .run = run };
        if (!is_private(f)) OK(store_open(&(struct store_options) { .dsn = f->dsn }, &nodes[i].store, &f->e));
    }
    for (int i = 0; i < NODES; i++) assert_int_equal(pthread_create(&nodes[i].thread, NULL, run_node, &nodes[i]), 0);
    int64_t sum = 0;
    for (int i = 0; i < NODES; i++) {
        pthread_join(nodes[i].thread, NULL);
        if (!nodes[i].ok) fail_msg("node %d: %s", i, nodes[i].failure);
        if (!is_private(f)) store_close(nodes[i].store);
        sum += nodes[i].count;
    }
    return sum;
}

static void count_migration(const struct migration_status *m, void *arg)
{
    struct node *n = arg;
    (void)m;
    n->count++;
}

static bool migrate(struct node *n, struct op *op, struct err *e)
{
    return store_migrate_up(n->store, op, count_migration, n, e);
}

static void nodes_migrate_at_once(void **state)
{
    F(state);
    OK(store_migrate_down(f->store, &f->op, INT64_MAX, NULL, NULL, &f->e));
    int64_t told = run_nodes(f, migrate);
    if (!store_is_embedded(f->store)) assert_int_equal(told, migrations_count);
    OK(store_ready(f->store, &f->op, &f->e));
}

static bool delete_client(struct node *n, struct op *op, struct err *e)
{
    enum store_put put;
    TRY(store_client_delete(n->store, op, STR("shop"), &put, e));
    n->count = put == STORE_DONE;
    return true;
}

static bool expire_all(struct node *n, struct op *op, struct err *e)
{
    int64_t deleted;
    for (int i = 0; i < 20; i++) {
        TRY(store_expire(n->store, op, 3, &deleted, e));
        n->count += deleted;
    }
    return true;
}

static void nodes_delete_and_clean_up_once(void **state)
{
    F(state);
    enum { GRANTS = 60 };
    insert_client(f, "shop");
    for (int i = 0; i < GRANTS; i++) {
        struct grant g = a_grant(arena_printf(f->op.arena, "g%d", i).p, GRANT_ACTIVE);
        if (i % 2 == 0) g.expires_at = NOW - 1; /* whichever takes it first */
        insert_grant(f, &g);
    }
    assert_int_equal(run_nodes(f, delete_client), 1);
    assert_int_equal(run_nodes(f, expire_all), GRANTS);
    insert_client(f, "shop");
    assert_int_equal(run_nodes(f, delete_client), 1);
    assert_int_equal(run_nodes(f, expire_all), 0);
}

/* A change that meets the removal of its client leaves nothing behind. */
static bool update_or_delete(struct node *n, struct op *op, struct err *e)
{
    if (n->number % 2 == 0) return delete_client(n, op, e);
    struct client_row *row;
    enum store_put put;
    TRY(store_client_get(n->store, op, STR("shop"), &row, e));
    if (row == NULL) return true;
    row->origins = (struct strs) { .v = (struct str[]) { STR("https://shop.example") }, .n = 1 };
    return store_client_update(n->store, op, row, &put, e);
}

static void deleted_client_keeps_no_origin(void **state)
{
    F(state);
    for (int i = 0; i < 3; i++) {
        bool known;
        struct strs wild;
        insert_client(f, "shop");
        assert_int_equal(run_nodes(f, update_or_delete), 1);
        OK(store_origin_known(f->store, &f->op, STR("https://shop.example"), &known, &wild, &f->e));
        assert_false(known);
    }
}

static bool take_deliveries(struct node *n, struct op *op, struct err *e)
{
    for (int i = 0; i < 10; i++) {
        struct delivery *list;
        size_t taken;
        TRY(store_delivery_take(n->store, op, 5, USEC_PER_SEC, &list, &taken, e));
        n->count += (int64_t)taken;
    }
    return true;
}

/* `n` that are due, with the end of a session. */
static void queue_deliveries(struct fixture *f, int round, size_t n)
{
    struct delivery *rows = ARENA_ARRAY(f->op.arena, struct delivery, n);
    for (size_t i = 0; i < n; i++)
        rows[i] = (struct delivery) { .id = arena_printf(f->op.arena, "d%d-%zu", round, i),
                                      .url = STR("u"),
                                      .body = STR("b"),
                                      .due_at = NOW - 1,
                                      .expires_at = NOW + USEC_PER_SEC };
    struct session_row session = a_session("sid-1", "alice");
    insert_session(f, &session);
    GIVES(STORE_DONE, store_session_end(f->store, &f->op, STR("sid-1"), rows, n, &f->put, &f->e));
}

static void delivery_goes_to_one_node(void **state)
{
    F(state);
    enum { MANY = 40 };
    insert_client(f, "shop");
    queue_deliveries(f, 0, MANY);
    assert_int_equal(run_nodes(f, take_deliveries), MANY);
}

static bool take_one_delivery(struct node *n, struct op *op, struct err *e)
{
    struct delivery *list;
    size_t taken;
    TRY(store_delivery_take(n->store, op, 1, USEC_PER_SEC, &list, &taken, e));
    n->count = (int64_t)taken;
    return true;
}

/* Losing one to another node is not the end while more are due: nobody would come back for them soon. */
static void each_node_gets_a_delivery(void **state)
{
    F(state);
    insert_client(f, "shop");
    for (int round = 0; round < 10; round++) {
        queue_deliveries(f, round, NODES);
        assert_int_equal(run_nodes(f, take_one_delivery), NODES);
    }
}

static bool visit_with_session(struct node *n, struct op *op, struct err *e)
{
    struct session_row row = a_session("sid-1", "alice");
    struct grant g = a_grant("g1", GRANT_CONSENT_ASKED);
    struct grant_move m = { .from = GRANT_LOGGED_IN, .to = &g, .session = &row, .drop_session = STR("sid-0") };
    enum store_put put;
    TRY(store_grant_move(n->store, op, &m, &put, e));
    n->count = put == STORE_DONE;
    return true;
}

/* Of several visits with one verifier the first makes the session: no other brings it back after a logout. */
static void visit_makes_its_session_once(void **state)
{
    F(state);
    struct session_row *found, old = a_session("sid-0", "bob");
    insert_client(f, "shop");
    insert_session(f, &old);
    struct grant g = a_grant("g1", GRANT_LOGGED_IN), before = a_grant("g0", GRANT_ACTIVE);
    before.session_id = STR("sid-0");
    insert_grant(f, &g);
    insert_grant(f, &before);
    assert_int_equal(run_nodes(f, visit_with_session), 1);
    OK(store_session_get(f->store, &f->op, STR("sid-0"), &found, &f->e));
    assert_null(found);
    assert_str(get_grant(f, "g0")->session_id, "");
    OK(store_session_get(f->store, &f->op, STR("sid-1"), &found, &f->e));
    assert_non_null(found);

    GIVES(STORE_DONE, store_session_delete(f->store, &f->op, STR("sid-1"), &f->put, &f->e));
    insert_session(f, &old);
    assert_int_equal(run_nodes(f, visit_with_session), 0);
    OK(store_session_get(f->store, &f->op, STR("sid-1"), &found, &f->e));
    assert_null(found);
    OK(store_session_get(f->store, &f->op, STR("sid-0"), &found, &f->e));
    assert_non_null(found);
}

static void text_that_no_row_can_have_is_not_found(void **state)
{
    F(state);
    const struct str odd[] = { STR("\xff"), STR("a\0b"), STR("\xc3") };
    for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
        struct client_row *client;
        struct client_state is;
        int64_t value;
        OK(store_client_get(f->store, &f->op, odd[i], &client, &f->e));
        assert_null(client);
        OK(store_client_state(f->store, &f->op, odd[i], odd[i], &is, &f->e));
        assert_int_equal(is.version, 0);
        OK(store_mark_get(f->store, &f->op, MARK_JTI, odd[i], &value, &f->e));
        assert_int_equal(value, 0);
        if (store_is_embedded(f->store)) continue;
        FAILS(INVALID_REQUEST, store_mark_put(f->store, &f->op, MARK_JTI, odd[i], 1, NOW + 1, &f->put, NULL, &f->e));
    }
}

/* ---- below store.h ---- */

static void run_statement(struct fixture *f, struct sql *c, enum stmt id)
{
    const struct sql_statement *st = &sql_store_table.rows[id];
    size_t n = strlen(st->params);
    struct sql_arg args[32];
    struct sql_rows rows;
    for (size_t i = 0; i < n; i++) args[i] = st->params[i] == 'i' ? ARG((int64_t)i) : ARG(STR("x"));
    OK(c->driver->begin(c, &f->e));
    OK(sql_run(c, &(struct sql_call) { .id = id, .args = args, .n = n }, f->op.arena, &rows, &f->e));
    assert_int_equal(rows.n == 0 ? strlen(st->results) : rows.columns, strlen(st->results));
    c->driver->rollback(c);
}

static void statements_run_on_a_server(void **state)
{
    F(state);
    if (store_is_embedded(f->store)) return; /* tests/unit/store/test_statements.c */
    struct sql *c;
    OK(f->store->driver->connect(f->store->db, SQL_WRITES, &sql_store_table, &c, &f->e));
    for (int id = STMT_RELEASE + 1; id < STMT_MAX_; id++) run_statement(f, c, (enum stmt)id);
    f->store->driver->disconnect(c);
}

/* What each costs where statements travel together. */
static void operations_take_few_round_trips(void **state)
{
    F(state);
    if (f->store->driver->dialect != SQL_POSTGRES) return;
    struct session_row session = a_session("sid-1", "alice");
    struct grant g = a_grant("g1", GRANT_LOGGED_IN), *got;
    struct grant_move m = { .from = GRANT_LOGGED_IN, .to = &g, .session = &session, .drop_session = STR("sid-0") };
    struct client_row *client, fresh = a_client("mail");
    struct client_state is;
    struct key_row key = { .set = STR("s"), .kid = STR("k"), .sealed = STR("x") };
    struct delivery *deliveries;
    size_t n;
    int64_t value;
    struct strs origins = { .v = (struct str[]) { STR("https://a.example"), STR("https://b.example") }, .n = 2 };
    insert_client(f, "shop");
    OK(store_client_get(f->store, &f->op, STR("shop"), &client, &f->e));
    client->origins = fresh.origins = origins;
    uint64_t before;
#define TRIPS(expected, call)                            \
    before = sql_counters.round_trips;                   \
    OK(call);                                            \
    if (sql_counters.round_trips - before != (expected)) \
    fail_msg("%s: %d round trips", #call, (int)(sql_counters.round_trips - before))

    TRIPS(1, store_client_get(f->store, &f->op, STR("shop"), &client, &f->e));
    TRIPS(1, store_client_state(f->store, &f->op, STR("shop"), STR("t"), &is, &f->e));
    TRIPS(1, store_client_insert(f->store, &f->op, &fresh, &f->put, &f->e));
    TRIPS(1, store_client_update(f->store, &f->op, client, &f->put, &f->e));
    assert_int_equal(f->put, STORE_DONE);
    TRIPS(1, store_client_delete(f->store, &f->op, STR("mail"), &f->put, &f->e));
    TRIPS(1, store_grant_insert(f->store, &f->op, &g, &f->put, &f->e));
    g.state = GRANT_CONSENT_ASKED;
    TRIPS(1, store_grant_move(f->store, &f->op, &m, &f->put, &f->e));
    assert_int_equal(f->put, STORE_DONE);
    m = (struct grant_move) { .from = GRANT_CONSENT_ASKED, .to = &g };
    g.state = GRANT_ACTIVE;
    TRIPS(1, store_grant_move(f->store, &f->op, &m, &f->put, &f->e));
    TRIPS(1, store_grant_reuse(f->store, &f->op, STR("g1"), 0, 0, &f->put, &f->e));
    TRIPS(1, store_grant_get(f->store, &f->op, STR("g1"), &got, &f->e));
    TRIPS(1, store_grant_end(f->store, &f->op, STR("g1"), &f->put, &f->e));
    TRIPS(1, store_consent_revoke(f->store, &f->op, STR("alice"), STR("shop"), STR(""), &f->e));
    TRIPS(1, store_session_delete(f->store, &f->op, STR("sid-1"), &f->put, &f->e));
    TRIPS(1, store_session_delete_subject(f->store, &f->op, STR("alice"), &f->e));
    TRIPS(1, store_mark_put(f->store, &f->op, MARK_LOGOUT, STR("m"), 1, NOW + 9, &f->put, NULL, &f->e));
    TRIPS(1, store_mark_move(f->store, &f->op, MARK_LOGOUT, STR("m"), 1, 2, &f->put, &f->e));
    TRIPS(2, store_mark_move(f->store, &f->op, MARK_LOGOUT, STR("m"), 1, 2, &f->put, &f->e)); /* and why not */
    TRIPS(1, store_keys_version(f->store, &f->op, &value, &f->e));
    TRIPS(4, store_keys_add(f->store, &f->op, &key, 1, 0, &f->put, &f->e));
    TRIPS(2, store_delivery_take(f->store, &f->op, 9, 1, &deliveries, &n, &f->e));
#undef TRIPS
}

/* ---- connections that die under load: what was answered is there, what failed is not, only what is uncertain may be either ----
 */

enum { WRITES = 150 };

struct outcome {
    char id[32];
    bool there, not_there; /* as the answer says */
};
static struct outcome outcomes[NODES][WRITES];
static atomic_int begun; /* how many nodes have */

static const struct sql_statement kill_rows[] = {
    { .name = "KILL_OTHERS",
      .params = "",
      .results = "i",
      .own = { [SQL_POSTGRES] = "SELECT COUNT(*) FROM (SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
                                "current_database() AND pid <> pg_backend_pid()) AS k" } }
};
static const struct sql_table kill_table = { .rows = kill_rows, .n = 1 };

/* Kills all other connections to the database until *arg is set. */
struct killer {
    struct fixture *f;
    atomic_bool stop;
    int64_t killed;
    bool ok;
};

static void *kill_others(void *arg)
{
    struct killer *k = arg;
    ARENA_AUTO a = arena_new();
    struct err e = ERR_INIT(a);
    struct sql *c;
    k->ok = k->f->store->driver->connect(k->f->store->db, SQL_WRITES, &kill_table, &c, &e);
    while (begun < NODES) usleep(1000);
    while (k->ok && !k->stop) {
        struct sql_rows rows;
        k->ok = sql_run(c, &(struct sql_call) { 0 }, a, &rows, &e);
        if (k->ok) k->killed += sql_row(&rows, 0)->i;
        usleep(200000);
    }
    if (k->ok) k->f->store->driver->disconnect(c);
    return NULL;
}

static bool write_through(struct node *n, struct op *op, struct err *e)
{
    begun++;
    for (int i = 0; i < WRITES; i++) {
        struct outcome *o = &outcomes[n->number][i];
        struct session_row session = a_session("sid", "alice");
        enum store_put put;
        *o = (struct outcome) { 0 };
        snprintf(o->id, sizeof(o->id), "%d-%d", n->number, i);
        session.id = str_of(o->id);
        struct grant from = a_grant(o->id, GRANT_LOGGED_IN), to = from;
        to.state = GRANT_CONSENT_ASKED;
        struct grant_move m = { .from = GRANT_LOGGED_IN, .to = &to, .session = &session };
        struct err failure = ERR_INIT(op->arena);
        bool ok = store_grant_insert(n->store, op, &from, &put, &failure) && store_grant_move(n->store, op, &m, &put, &failure);
        o->there = ok && put == STORE_DONE;
        o->not_there = !ok && !err_is(&failure, &err_UNCERTAIN);
        n->count += o->there;
        ENSURE(ok || err_is(&failure, &err_UNCERTAIN) || err_is(&failure, &err_STORAGE), e, SERVER_ERROR, "another failure");
    }
    return true;
}

static void killed_connections_lose_nothing(void **state)
{
    F(state);
    if (kill_rows[0].own[f->store->driver->dialect] == NULL) return;
    struct killer k = { .f = f };
    pthread_t thread;
    begun = 0;
    insert_client(f, "shop");
    assert_int_equal(pthread_create(&thread, NULL, kill_others, &k), 0);
    int64_t done = run_nodes(f, write_through);
    k.stop = true;
    pthread_join(thread, NULL);
    assert_true(k.ok && k.killed > 0 && done > 0);
    for (int i = 0; i < NODES * WRITES; i++) {
        const struct outcome *o = &outcomes[i / WRITES][i % WRITES];
        struct session_row *found;
        OK(store_session_get(f->store, &f->op, str_of(o->id), &found, &f->e));
        if (o->there != (found != NULL) && (o->there || o->not_there)) fail_msg("%s: told otherwise", o->id);
    }
    if (getenv("SHOW_FIGURES") != NULL)
        fprintf(stderr, "%lld connections killed, %lld of %d writes done\n", (long long)k.killed, (long long)done,
                NODES * WRITES);
}

int run_node_cases(void)
{
    const struct CMUnitTest cases[] = {
        CASE(nodes_migrate_at_once),
        CASE(nodes_delete_and_clean_up_once),
        CASE(deleted_client_keeps_no_origin),
        CASE(delivery_goes_to_one_node),
        CASE(each_node_gets_a_delivery),
        CASE(visit_makes_its_session_once),
        CASE(text_that_no_row_can_have_is_not_found),
        CASE(statements_run_on_a_server),
        CASE(operations_take_few_round_trips),
        CASE(killed_connections_lose_nothing),
    };
    return cmocka_run_group_tests_name("nodes", cases, NULL, NULL);
}
