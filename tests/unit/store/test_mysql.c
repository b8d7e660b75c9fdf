/* The MySQL driver against a server: counts, bytes, failures and what they mean, and a plan for every statement. Needs a server:
 * run it by `tests/databases/with mariadb`; otherwise it is skipped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/store_int.h"

enum { SKIPPED = 77 };

static struct arena *arena;
static struct sql_db *db;
static char dsn[512];

#define OK(call)                                                                                                  \
    do {                                                                                                          \
        if (!(call)) fail_msg("%s: %s %s (%s)", #call, e.kind->id, e.hint ? e.hint : "", e.debug ? e.debug : ""); \
    } while (0)

static struct sql *connect_for(const struct sql_table *table)
{
    struct err e = ERR_INIT(arena);
    struct sql *c = NULL;
    OK(mysql_driver.connect(db, SQL_WRITES, table, &c, &e));
    return c;
}

static struct sql *connected(void) { return connect_for(&sql_store_table); }

static void script(struct sql *c, const char *text)
{
    struct err e = ERR_INIT(arena);
    OK(mysql_driver.script(c, str_of(text), &e));
}

/* The DSN's last part is the name of the database: the test makes one of its own beside it. */
static void open_database(const char *name)
{
    struct err e = ERR_INIT(arena);
    const char *given = getenv("GRANTD_TEST_DSN_MARIADB");
    snprintf(dsn, sizeof(dsn), "%.*s/%s", (int)(strrchr(given, '/') - given), given, name);
    OK(mysql_driver.open(arena, str_of(dsn), &db, &e));
}

static int enter(void **state)
{
    (void)state;
    arena = arena_new();
    struct err e = ERR_INIT(arena);
    char name[32], text[64];
    snprintf(name, sizeof(name), "unit_%d", (int)getpid());
    snprintf(text, sizeof(text), "CREATE DATABASE %s", name);
    OK(mysql_driver.open(arena, str_of(getenv("GRANTD_TEST_DSN_MARIADB")), &db, &e));
    struct sql *c = connected();
    script(c, text);
    mysql_driver.disconnect(c);
    mysql_driver.close(db);

    open_database(name);
    c = connected();
    OK(sql_run(c, CALL(MIGRATION_BEGIN), NULL, NULL, &e));
    for (size_t i = 0; i < migrations_count; i++) script(c, migrations[i].up);
    mysql_driver.disconnect(c);
    return 0;
}

static int leave(void **state)
{
    (void)state;
    char text[64];
    snprintf(text, sizeof(text), "DROP DATABASE unit_%d", (int)getpid());
    struct sql *c = connected();
    script(c, text);
    mysql_driver.disconnect(c);
    mysql_driver.close(db);
    arena_free(arena);
    return 0;
}

static int64_t changed_by(struct sql *c, const struct sql_call *call)
{
    struct err e = ERR_INIT(arena);
    struct sql_rows rows;
    OK(sql_run(c, call, arena, &rows, &e));
    return rows.changed;
}
#define CHANGED(...) changed_by(c, CALL(__VA_ARGS__))

/* ---- what a statement says it changed ---- */

static void counts(void **state)
{
    (void)state;
    struct sql *c = connected();
    const struct str a = STR("a"), key = STR("k");
    assert_int_equal(CHANGED(MARK_PUT, ARG(9), ARG(a), ARG(1), ARG(100), ARG(50)), 1);
    assert_int_equal(CHANGED(MARK_PUT, ARG(9), ARG(a), ARG(1), ARG(100), ARG(50)), 0);
    assert_int_equal(CHANGED(MARK_PUT, ARG(9), ARG(a), ARG(2), ARG(200), ARG(99)), 0);
    assert_int_equal(CHANGED(MARK_PUT, ARG(9), ARG(a), ARG(2), ARG(200), ARG(100)), 1);
    assert_int_equal(CHANGED(MARK_PUT, ARG(9), ARG(a), ARG(2), ARG(200), ARG(200)), 1);
    /* What is written may be what is there. */
    assert_int_equal(CHANGED(MARK_MOVE, ARG(9), ARG(a), ARG(2), ARG(2), ARG(1)), 1);
    assert_int_equal(CHANGED(MARK_MOVE, ARG(9), ARG(a), ARG(1), ARG(2), ARG(1)), 0);
    assert_int_equal(CHANGED(KEY_UPSERT, ARG(a), ARG(key), ARG(1), ARG(a), ARG(1), ARG(0)), 1);
    assert_int_equal(CHANGED(KEY_UPSERT, ARG(a), ARG(key), ARG(2), ARG(a), ARG(1), ARG(0)), 1);
    assert_int_equal(CHANGED(KEY_INSERT, ARG(a), ARG(key), ARG(3), ARG(a), ARG(1), ARG(0)), 0);
    assert_int_equal(CHANGED(KEY_DELETE, ARG(a), ARG(key)), 1);
    assert_int_equal(CHANGED(KEY_DELETE, ARG(a), ARG(key)), 0);
    mysql_driver.disconnect(c);
}

static void duplicates_keep_the_transaction(void **state)
{
    (void)state;
    struct err e = ERR_INIT(arena);
    struct sql *c = connected();
    const struct str set = STR("dup");
    OK(mysql_driver.begin(c, &e));
    assert_int_equal(CHANGED(KEY_INSERT, ARG(set), ARG(set), ARG(1), ARG(set), ARG(1), ARG(0)), 1);
    assert_int_equal(CHANGED(KEY_INSERT, ARG(set), ARG(set), ARG(1), ARG(set), ARG(1), ARG(0)), 0);
    assert_true(mysql_driver.in_transaction(c));
    OK(mysql_driver.commit(c, &e));
    assert_false(mysql_driver.in_transaction(c));
    assert_int_equal(CHANGED(KEY_DELETE, ARG(set), ARG(set)), 1);

    OK(mysql_driver.begin(c, &e));
    assert_int_equal(CHANGED(KEY_INSERT, ARG(set), ARG(set), ARG(1), ARG(set), ARG(1), ARG(0)), 1);
    mysql_driver.rollback(c);
    assert_int_equal(CHANGED(KEY_DELETE, ARG(set), ARG(set)), 0);
    mysql_driver.disconnect(c);
}

/* ---- bytes ---- */

static void texts_are_bytes(void **state)
{
    (void)state;
    struct err e = ERR_INIT(arena);
    struct sql *c = connected();
    static const char *const sets[] = { "a", "A", "a ", "a\xc3\xa9", "ae\xcc\x81", "'\\\"%_", "" };
    const struct str blank = STR(" "), none = STR("");
    struct str large = { memset(arena_alloc(arena, 3 << 20), 'x', 3 << 20), 3 << 20 };
    for (size_t i = 0; i < ARRAY_LEN(sets); i++)
        assert_int_equal(CHANGED(KEY_INSERT, ARG(str_of(sets[i])), ARG(blank), ARG(i), ARG(large), ARG(1), ARG(0)), 1);
    assert_int_equal(CHANGED(KEY_INSERT, ARG(none), ARG(none), ARG(8), ARG(none), ARG(1), ARG(0)), 1);
    for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
        struct sql_rows rows;
        OK(sql_run(c, CALL(KEYS_GET, ARG(str_of(sets[i]))), arena, &rows, &e));
        const struct sql_cell *newest = sql_row(&rows, 0), *oldest = sql_row(&rows, rows.n - 1);
        assert_int_equal(rows.n, *sets[i] == '\0' ? 2 : 1);
        assert_true(str_eq(oldest[1].s, blank) && str_eq(oldest[2].s, large));
        if (rows.n == 2) assert_true(newest[1].s.p != NULL && newest[1].s.n == 0 && newest[2].s.p != NULL && newest[2].s.n == 0);
        assert_int_equal(CHANGED(KEYS_DELETE, ARG(str_of(sets[i]))), rows.n);
    }
    mysql_driver.disconnect(c);
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    struct err e = ERR_INIT(arena);
    struct sql *c = connected();
    struct sql_rows rows;
    struct str long_id = { memset(arena_alloc(arena, 300), 'x', 300), 300 };
    assert_false(sql_run(c, CALL(MARK_PUT, ARG(9), ARG(long_id), ARG(1), ARG(100), ARG(50)), arena, &rows, &e));
    assert_ptr_equal(e.kind, &err_STORAGE);
    assert_false(
        sql_run(c, CALL(KEY_INSERT, ARG(STR("s")), ARG(long_id), ARG(1), ARG(STR("x")), ARG(1), ARG(0)), arena, &rows, &e));
    assert_false(sql_run(c, CALL(MARK_PUT, ARG(INT64_C(1) << 40), ARG(STR("a")), ARG(1), ARG(100), ARG(50)), arena, &rows, &e));
    assert_false(c->broken || c->again);
    assert_int_equal(CHANGED(MARK_PUT, ARG(9), ARG(str_upto(long_id, 255)), ARG(INT64_MIN), ARG(INT64_MAX), ARG(50)), 1);
    mysql_driver.disconnect(c);
}

/* ---- failures ---- */

static const struct sql_statement tools[] = {
    { .name = "ID", .params = "", .results = "i", .text = "SELECT CONNECTION_ID()" },
    { .name = "KILL", .params = "i", .results = "", .text = "KILL ?1" },
    { .name = "SLEEP", .params = "i", .results = "", .text = "DO SLEEP(?1)" },
    { .name = "MODE", .params = "", .results = "ssi", .text = "SELECT @@sql_mode, @@tx_isolation, @@idle_transaction_timeout" },
    { .name = "WRONG", .params = "s", .results = "ss", .text = "SELECT ?1" },
    { .name = "BAD", .params = "s", .results = "s", .text = "SELEKT ?1" },
    { .name = "READ_ONLY", .params = "", .results = "", .text = "SET SESSION TRANSACTION READ ONLY" },
    { .name = "HURRY", .params = "", .results = "", .text = "SET innodb_lock_wait_timeout = 1" },
    { .name = "COUNT", .params = "i", .results = "", .text = "UPDATE counter SET value = value + ?1 WHERE name = 'keys'" },
};
enum tool { ID, KILL, SLEEP, MODE, WRONG, BAD, READ_ONLY, HURRY, COUNT };
static const struct sql_table tool_table = { .rows = tools, .n = ARRAY_LEN(tools) };
#define TOOL(id_, ...)                                                            \
    (&(const struct sql_call) { .id = (id_),                                      \
                                .args = (const struct sql_arg[]) { __VA_ARGS__ }, \
                                .n = sizeof((const struct sql_arg[]) { __VA_ARGS__ }) / sizeof(struct sql_arg) })

static int64_t id_of(struct sql *c)
{
    struct err e = ERR_INIT(arena);
    struct sql_rows rows;
    OK(mysql_driver.run(c, TOOL(ID), arena, &rows, &e));
    return sql_row(&rows, 0)->i;
}

static void a_session_is_strict(void **state)
{
    (void)state;
    struct err e = ERR_INIT(arena);
    struct sql *c = connect_for(&tool_table);
    struct sql_rows rows;
    OK(mysql_driver.run(c, TOOL(MODE), arena, &rows, &e));
    assert_string_equal(arena_dupz(arena, sql_row(&rows, 0)[0].s), "STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION");
    assert_string_equal(arena_dupz(arena, sql_row(&rows, 0)[1].s), "READ-COMMITTED");
    assert_int_equal(sql_row(&rows, 0)[2].i, 30);
    assert_false(mysql_driver.run(c, TOOL(WRONG, ARG(STR("x"))), arena, &rows, &e));
    assert_ptr_equal(e.kind, &err_SERVER_ERROR);
    assert_false(mysql_driver.run(c, TOOL(BAD, ARG(STR("x"))), arena, &rows, &e));
    assert_ptr_equal(e.kind, &err_STORAGE);
    assert_false(c->broken);
    assert_true(mysql_driver.alive(c));
    mysql_driver.disconnect(c);
}

static void kill_connection(int64_t id)
{
    struct err e = ERR_INIT(arena);
    struct sql *c = connect_for(&tool_table);
    OK(mysql_driver.run(c, TOOL(KILL, ARG(id)), arena, NULL, &e));
    mysql_driver.disconnect(c);
    usleep(200000);
}

static void lost_connections(void **state)
{
    (void)state;
    struct err e = ERR_INIT(arena);
    struct sql_rows rows;
    struct sql *c = connect_for(&tool_table);
    kill_connection(id_of(c));
    assert_false(mysql_driver.alive(c));
    assert_false(mysql_driver.run(c, TOOL(ID), arena, &rows, &e)); /* a read changes nothing: it has only failed */
    assert_ptr_equal(e.kind, &err_STORAGE);
    assert_true(c->broken);
    mysql_driver.disconnect(c);

    c = connect_for(&tool_table);
    OK(mysql_driver.run(c, TOOL(SLEEP, ARG(0)), arena, NULL, &e)); /* prepared */
    kill_connection(id_of(c));
    assert_false(mysql_driver.run(c, TOOL(SLEEP, ARG(0)), arena, NULL, &e));
    assert_ptr_equal(e.kind, &err_UNCERTAIN);
    assert_true(c->broken);
    mysql_driver.disconnect(c);

    c = connect_for(&tool_table);
    OK(mysql_driver.begin(c, &e));
    OK(mysql_driver.run(c, TOOL(SLEEP, ARG(0)), arena, NULL, &e));
    kill_connection(id_of(c));
    assert_false(mysql_driver.run(c, TOOL(SLEEP, ARG(0)), arena, NULL, &e)); /* nothing was committed */
    assert_ptr_equal(e.kind, &err_STORAGE);
    assert_true(c->broken && !mysql_driver.in_transaction(c));
    mysql_driver.disconnect(c);

    c = connect_for(&tool_table);
    OK(mysql_driver.begin(c, &e));
    kill_connection(id_of(c));
    assert_false(mysql_driver.commit(c, &e));
    assert_ptr_equal(e.kind, &err_UNCERTAIN);
    assert_true(c->broken && !mysql_driver.in_transaction(c));
    mysql_driver.disconnect(c);
}

/* As on a server that another has taken over from: the next connection may find the right one. */
static void read_only_servers(void **state)
{
    (void)state;
    struct err e = ERR_INIT(arena);
    struct sql *c = connect_for(&tool_table);
    OK(mysql_driver.run(c, TOOL(READ_ONLY), arena, NULL, &e));
    assert_false(mysql_driver.run(c, TOOL(COUNT, ARG(1)), arena, NULL, &e));
    assert_ptr_equal(e.kind, &err_STORAGE);
    assert_true(c->broken && !c->again);
    mysql_driver.disconnect(c);
}

static void lock_waits_may_be_tried_again(void **state)
{
    (void)state;
    struct err e = ERR_INIT(arena);
    struct sql *holder = connect_for(&tool_table), *c = connect_for(&tool_table);
    OK(mysql_driver.run(c, TOOL(HURRY), arena, NULL, &e));
    OK(mysql_driver.begin(holder, &e));
    OK(mysql_driver.run(holder, TOOL(COUNT, ARG(1)), arena, NULL, &e));
    OK(mysql_driver.begin(c, &e));
    assert_false(mysql_driver.run(c, TOOL(COUNT, ARG(1)), arena, NULL, &e));
    assert_ptr_equal(e.kind, &err_STORAGE);
    assert_true(c->again && !c->broken && mysql_driver.in_transaction(c));
    mysql_driver.rollback(c);
    assert_true(c->again && !mysql_driver.in_transaction(c));
    mysql_driver.rollback(holder);
    OK(mysql_driver.run(c, TOOL(COUNT, ARG(0)), arena, NULL, &e));
    mysql_driver.disconnect(holder);
    mysql_driver.disconnect(c);
}

static void time_outs(void **state)
{
    (void)state;
    struct err e = ERR_INIT(arena);
    struct sql_db *impatient;
    struct sql *c = NULL;
    OK(mysql_driver.open(arena, arena_printf(arena, "%s?readTimeout=1s&timeout=1s", dsn), &impatient, &e));
    OK(mysql_driver.connect(impatient, SQL_WRITES, &tool_table, &c, &e));
    assert_false(mysql_driver.run(c, TOOL(SLEEP, ARG(5)), arena, NULL, &e));
    assert_ptr_equal(e.kind, &err_UNCERTAIN);
    assert_true(c->broken);
    mysql_driver.disconnect(c);
    OK(mysql_driver.connect(impatient, SQL_MIGRATES, &tool_table, &c, &e));
    OK(mysql_driver.run(c, TOOL(SLEEP, ARG(2)), arena, NULL, &e));
    mysql_driver.disconnect(c);
    mysql_driver.close(impatient);
}

static void no_connection(void **state)
{
    (void)state;
    static const struct {
        const char *user, *address, *query, *says;
        const struct err_kind *kind;
    } cases[] = {
        { "grantd:wrong", NULL, "", "Access denied", &err_MISCONFIGURATION },
        { NULL, "127.0.0.1:1", "", "Can't connect", &err_STORAGE },
        { NULL, NULL, "?tls=true", "the server does not support it", &err_MISCONFIGURATION },
        { NULL, NULL, "?tls=skip-verify", "the server offers no TLS", &err_MISCONFIGURATION },
    };
    const char *user = dsn + strlen("mysql://"), *address = strstr(dsn, "@tcp(") + strlen("@tcp("), *name = strstr(dsn, ")/") + 2;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err e = ERR_INIT(arena);
        struct sql_db *other;
        struct sql *c;
        struct str to =
            arena_printf(arena, "mysql://%s@tcp(%s)/%s%s",
                         cases[i].user != NULL ? cases[i].user
                                               : arena_dupz(arena, str_upto(str_of(user), (size_t)(strstr(dsn, "@tcp(") - user))),
                         cases[i].address != NULL ? cases[i].address
                                                  : arena_dupz(arena, str_upto(str_of(address), (size_t)(name - 2 - address))),
                         name, cases[i].query);
        OK(mysql_driver.open(arena, to, &other, &e));
        assert_false(mysql_driver.connect(other, SQL_WRITES, &sql_store_table, &c, &e));
        assert_ptr_equal(e.kind, cases[i].kind);
        if (strstr(e.debug, cases[i].says) == NULL) fail_msg("%s", e.debug);
        assert_null(strstr(e.debug, "only-for-tests"));
        mysql_driver.close(other);
    }
}

/* Two transactions that lock two rows in opposite order: one is told to try again. */
struct rival {
    struct sql *c;
    struct str first, second;
    pthread_barrier_t *both;
    bool ok;
};

static void *lock_both(void *arg)
{
    struct rival *r = arg;
    ARENA_AUTO a = arena_new();
    struct err e = ERR_INIT(a);
    struct sql_rows rows;
    r->ok = mysql_driver.begin(r->c, &e) && sql_run(r->c, CALL(COUNTER_ADD, ARG(r->first), ARG(1)), a, &rows, &e);
    pthread_barrier_wait(r->both);
    r->ok = r->ok && sql_run(r->c, CALL(COUNTER_ADD, ARG(r->second), ARG(1)), a, &rows, &e) && mysql_driver.commit(r->c, &e);
    if (!r->ok) mysql_driver.rollback(r->c);
    return NULL;
}

static void deadlocks_may_be_tried_again(void **state)
{
    (void)state;
    pthread_barrier_t both;
    pthread_barrier_init(&both, NULL, 2);
    struct rival rivals[2] = { { connected(), STR("keys"), STR("client"), &both, false },
                               { connected(), STR("client"), STR("keys"), &both, false } };
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) assert_int_equal(pthread_create(&threads[i], NULL, lock_both, &rivals[i]), 0);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    assert_int_equal(rivals[0].ok + rivals[1].ok, 1);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(rivals[i].c->again, !rivals[i].ok);
        assert_false(rivals[i].c->broken || mysql_driver.in_transaction(rivals[i].c));
        mysql_driver.disconnect(rivals[i].c);
    }
    pthread_barrier_destroy(&both);
}

/* ---- scripts ---- */

static void scripts_may_be_repeated(void **state)
{
    (void)state;
    struct err e = ERR_INIT(arena);
    struct sql *c = connected();
    for (size_t i = 0; i < migrations_count; i++) script(c, migrations[i].up); /* as after an interruption at the very end */
    script(c, "CREATE TABLE extra (a BIGINT); ALTER TABLE extra ADD COLUMN b BIGINT; CREATE INDEX extra_b ON extra (b);");
    script(c, "CREATE TABLE extra (a BIGINT); ALTER TABLE extra ADD COLUMN b BIGINT; CREATE INDEX extra_b ON extra (b);");
    script(c, "DROP INDEX extra_b ON extra; ALTER TABLE extra DROP COLUMN b; DROP TABLE extra");
    script(c, "DROP TABLE extra");
    assert_false(mysql_driver.script(c, STR("CREATE TABLE extra (a BIGINT); SELEKT; DROP TABLE client"), &e));
    assert_ptr_equal(e.kind, &err_STORAGE);
    assert_int_equal(CHANGED(CLIENT_DELETE, ARG(STR("nobody"))), 0);
    script(c, "DROP TABLE extra");
    mysql_driver.disconnect(c);
}

/* What a script commits must not commit the line in the book that says it was run. */
static void a_script_does_not_end_the_transaction(void **state)
{
    (void)state;
    struct err e = ERR_INIT(arena);
    struct sql *c = connected();
    OK(mysql_driver.begin(c, &e));
    assert_int_equal(CHANGED(MIGRATION_ADD, ARG(77), ARG(STR("half")), ARG(1)), 1);
    assert_false(mysql_driver.script(c, STR("CREATE TABLE half (a BIGINT); SELEKT;"), &e));
    mysql_driver.rollback(c);
    assert_int_equal(CHANGED(MIGRATION_REMOVE, ARG(77)), 0);
    script(c, "DROP TABLE half");
    mysql_driver.disconnect(c);
}

/* ---- plans ---- */

static const char filling[] =
    "INSERT INTO client SELECT CONCAT('c', seq), 5, 5, 1, 0, 1, 1, CONCAT('c', seq % 200), CONCAT('c', seq % 200), '', '', '{}' "
    "FROM seq_1_to_2000;"
    "INSERT INTO client_origin SELECT CONCAT('c', seq % 1000), CONCAT('c', seq), seq % 100 = 0 FROM seq_1_to_2000;"
    "INSERT INTO client_orphan SELECT CONCAT('c', seq), 5 FROM seq_1_to_2000;"
    "INSERT INTO mark SELECT seq % 5 + 1, CONCAT('c', seq), 1, seq FROM seq_1_to_5000;"
    "INSERT INTO jwk SELECT CONCAT('c', seq % 10), CONCAT('c', seq), seq, seq, 0, 'x' FROM seq_1_to_2000;"
    "INSERT INTO login_session SELECT CONCAT('c', seq), CONCAT('c', seq % 100), 1, 1, seq, '' FROM seq_1_to_5000;"
    "INSERT INTO oauth_grant SELECT CONCAT('c', seq), 7, 1, CONCAT('c', seq % 100), 5, CONCAT('c', seq % 100), CONCAT('c', seq % "
    "200), 1, 0, 1, seq, seq, 1, 1, 0, "
    "0, seq, '{}', '{}' FROM seq_1_to_10000;"
    "INSERT INTO alias SELECT CONCAT('c', seq % 100), 5, CONCAT('c', seq), 'a' FROM seq_1_to_5000;"
    "INSERT INTO delivery SELECT CONCAT('c', seq), 1, seq, seq, 'u', 'b' FROM seq_1_to_5000;"
    "INSERT INTO trusted_issuer SELECT CONCAT('c', seq), CONCAT('c', seq % 10), CONCAT('c', seq), 0, CONCAT('c', seq), 1, seq, "
    "'' FROM seq_1_to_2000;"
    "INSERT INTO device SELECT CONCAT('c', seq), CONCAT('c', seq), 1, CONCAT('c', seq % 100), 5, '', 1, 1, seq, '' FROM "
    "seq_1_to_5000;"
    "INSERT INTO earlier_token SELECT CONCAT('c', seq), seq, 't' FROM seq_1_to_5000;";

static const char *const tables[] = { "client",   "client_origin",  "client_orphan", "mark",
                                      "jwk",      "login_session",  "oauth_grant",   "alias",
                                      "delivery", "trusted_issuer", "device",        "earlier_token" };

static void fill(struct sql *c)
{
    script(c, filling);
    struct sql_statement rows[ARRAY_LEN(tables)];
    for (size_t i = 0; i < ARRAY_LEN(tables); i++)
        rows[i] = (struct sql_statement) {
            .name = "ANALYZE", .params = "", .results = "ssss", .text = arena_printf(arena, "ANALYZE TABLE %s", tables[i]).p
        };
    const struct sql_table table = { .rows = rows, .n = ARRAY_LEN(rows) };
    struct sql *other = connect_for(&table);
    struct err e = ERR_INIT(arena);
    struct sql_rows told;
    for (unsigned i = 0; i < ARRAY_LEN(tables); i++)
        OK(mysql_driver.run(other, &(struct sql_call) { .id = i }, arena, &told, &e));
    mysql_driver.disconnect(other);
}

/* Statements that go through a whole table on purpose, or end at the first row of an index. */
static bool may_scan(unsigned id)
{
    switch (id) {
    case STMT_CLIENT_COUNT:
    case STMT_TRUST_COUNT:
    case STMT_MIGRATION_BOOK:
    case STMT_MIGRATION_LIST:
    case STMT_ORPHAN_NEXT: return true;
    default: return false;
    }
}

static bool says(const struct sql_cell *cell, const char *what)
{
    return cell->s.p != NULL && strstr(arena_dupz(arena, cell->s), what) != NULL;
}

/* Columns of EXPLAIN: id, select_type, table, type, possible_keys, key, key_len, ref, rows, Extra. */
static void check_plan(unsigned id, const struct sql_cell *k)
{
    const char *name = sql_store_table.rows[id].name;
    if (getenv("SHOW_PLANS") != NULL)
        fprintf(stderr, "%-24s %.*s | %.*s | %.*s | %.*s | %.*s | %lld | %.*s\n", name, STR_FMT(k[1].s), STR_FMT(k[2].s),
                STR_FMT(k[3].s), STR_FMT(k[5].s), STR_FMT(k[6].s), (long long)k[8].i, STR_FMT(k[9].s));
    if (says(&k[1], "INSERT") || says(&k[2], "<derived") || may_scan(id)) return;
    if (str_eq(k[3].s, STR("ALL")) || str_eq(k[3].s, STR("index")))
        fail_msg("%s: goes through all of %.*s", name, STR_FMT(k[2].s));
    bool sorts = says(&k[9], "filesort") || says(&k[9], "temporary");
    if (sorts && id != STMT_KEYS_GET && id != STMT_TRUST_FIND && id != STMT_SESSION_CLIENTS)
        fail_msg("%s: sorts: %.*s", name, STR_FMT(k[9].s));
}

/* What stands in the rows that `fill` makes, so that the server weighs the real distribution. */
static struct sql_arg argument(char type) { return type == 'i' ? sql_arg_int(5) : sql_arg_str(STR("c7")); }

static void plans_use_indexes(void **state)
{
    (void)state;
    struct sql *c = connected();
    fill(c);
    struct sql_statement *rows = ARENA_ARRAY(arena, struct sql_statement, STMT_MAX_);
    for (unsigned i = 0; i < STMT_MAX_; i++) {
        rows[i] = sql_store_table.rows[i];
        rows[i].own[SQL_MYSQL] = arena_printf(arena, "EXPLAIN %s", sql_text(&sql_store_table.rows[i], SQL_MYSQL)).p;
        rows[i].results = "issssssiis";
    }
    const struct sql_table table = { .rows = rows, .n = STMT_MAX_ };
    struct sql *explain = connect_for(&table);
    for (unsigned i = 0; i < STMT_MAX_; i++) {
        struct err e = ERR_INIT(arena);
        struct sql_arg args[40];
        struct sql_rows plan;
        size_t n = strlen(rows[i].params);
        bool reads = sql_store_table.rows[i].results[0] != '\0';
        if (n == 0 && !reads) continue; /* transactions, and the table of migrations */
        for (size_t k = 0; k < n; k++) args[k] = argument(rows[i].params[k]);
        OK(sql_run(explain, &(struct sql_call) { .id = i, .args = args, .n = n }, arena, &plan, &e));
        for (size_t k = 0; k < plan.n; k++) check_plan(i, sql_row(&plan, k));
    }
    mysql_driver.disconnect(explain);
    mysql_driver.disconnect(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts),
        cmocka_unit_test(duplicates_keep_the_transaction),
        cmocka_unit_test(texts_are_bytes),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(a_session_is_strict),
        cmocka_unit_test(lost_connections),
        cmocka_unit_test(read_only_servers),
        cmocka_unit_test(lock_waits_may_be_tried_again),
        cmocka_unit_test(time_outs),
        cmocka_unit_test(no_connection),
        cmocka_unit_test(deadlocks_may_be_tried_again),
        cmocka_unit_test(scripts_may_be_repeated),
        cmocka_unit_test(a_script_does_not_end_the_transaction),
        cmocka_unit_test(plans_use_indexes),
    };
    if (getenv("GRANTD_TEST_DSN_MARIADB") == NULL) return SKIPPED;
    return cmocka_run_group_tests(tests, enter, leave);
}
