/* The PostgreSQL driver as far as it goes without a server: DSNs, the spelling of statements and migrations, a server that is not
 * there, and one that accepts and says nothing. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "scratch.h"
#include "store/dsn.h"
#include "store/postgres_int.h"
#include "store/store_int.h"

/* ---- the pool's parameters ---- */

static void pool_parameters_are_taken_out(void **state)
{
    (void)state;
    static const struct {
        const char *dsn, *rest;
        unsigned max, idle;
        usec_t lifetime, idle_time;
    } cases[] = {
        { "postgres://u:p@h/db?max_conns=7&max_idle_conns=3&max_conn_lifetime=1h30m&max_conn_idle_time=90s",
          "postgres://u:p@h/db", 7, 3, 5400 * USEC_PER_SEC, 90 * USEC_PER_SEC },
        { "postgres://u:p@h/db?sslmode=disable&max_conns=7&application_name=x&max_idle_conns=0",
          "postgres://u:p@h/db?sslmode=disable&application_name=x", 7, 0, 0, 0 },
        { "postgres://h/db?max_conns=1&&sslmode=disable", "postgres://h/db?sslmode=disable", 1, 1, 0, 0 },
        { "postgres://h/db?user=a@b/c&max_conns=2&max_idle_conns=9", "postgres://h/db?user=a@b/c", 2, 2, 0, 0 },
        { "postgres://u:p?max_conns=3@h/db?max_conns=4&max_idle_conns=1", "postgres://u:p?max_conns=3@h/db", 4, 1, 0, 0 },
        { "mysql://u:p/?@tcp(h:1)/db?tls=true&max_conns=4&max_idle_conns=1", "mysql://u:p/?@tcp(h:1)/db?tls=true", 4, 1, 0, 0 },
        { "mysql://u:p@tcp(h:1)/db?max_conns=4&max_idle_conns=1&max_conn_lifetime=0", "mysql://u:p@tcp(h:1)/db", 4, 1, 0, 0 },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ARENA_AUTO a = arena_new();
        struct err e = ERR_INIT(a);
        struct pool_options o;
        struct str rest;
        must(dsn_pool_options(a, str_of(cases[i].dsn), &o, &rest, &e), &e);
        assert_string_equal(arena_dupz(a, rest), cases[i].rest);
        assert_int_equal(o.max, cases[i].max);
        assert_int_equal(o.idle, cases[i].idle);
        assert_int_equal(o.lifetime, cases[i].lifetime);
        assert_int_equal(o.idle_time, cases[i].idle_time);
    }
}

static void pool_defaults(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct err e = ERR_INIT(a);
    struct pool_options o;
    struct str rest;
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    must(dsn_pool_options(a, STR("postgres://h/db"), &o, &rest, &e), &e);
    assert_int_equal(o.max, 2 * cpus);
    assert_int_equal(o.idle, cpus);
    assert_int_equal(o.lifetime, 0);
    assert_int_equal(o.idle_time, 0);
}

/* ---- DSNs ---- */

static const char *value_of(const struct sql_db *db, const char *name)
{
    for (size_t i = 0; db->names[i] != NULL; i++)
        if (strcmp(db->names[i], name) == 0) return db->values[i];
    return "";
}

static void dsn_goes_to_libpq(void **state)
{
    (void)state;
    static const struct {
        const char *dsn, *name, *value;
    } cases[] = {
        { "postgres://u:hunter2@db.example:5433/grantd?sslmode=verify-full&sslrootcert=/etc/ca.pem", "sslrootcert",
          "/etc/ca.pem" },
        { "postgres://u:hunter2@db.example:5433/grantd", "port", "5433" },
        { "postgresql://u:a%40b%2Fc%3F@db.example/grantd", "password", "a@b/c?" },
        { "pg://db.example/grantd", "fallback_application_name", "grantd" },
        { "pgx://db.example/grantd?application_name=mine", "application_name", "mine" },
        { "crdb://db.example/grantd", "connect_timeout", "5" },
        { "cockroach://db.example/grantd?connect_timeout=30", "connect_timeout", "30" },
        { "cockroachdb:///grantd?host=/run/postgresql", "host", "/run/postgresql" },
        { "postgres://a,b:5433/grantd", "target_session_attrs", "read-write" },
        { "postgres://a,b/grantd?target_session_attrs=any", "target_session_attrs", "any" },
        { "postgres://a/grantd", "target_session_attrs", "read-write" },
        { "postgres://a/grantd?client_encoding=LATIN1", "client_encoding", "UTF8" },
        { "postgres://u:p?x@a/grantd?options=-c%20geqo%3Doff", "options", "-c geqo=off" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ARENA_AUTO a = arena_new();
        struct err e = ERR_INIT(a);
        struct sql_db db = { 0 };
        must(postgres_dsn_read(a, str_of(cases[i].dsn), &db, &e), &e);
        if (strcmp(value_of(&db, cases[i].name), cases[i].value) != 0)
            fail_msg("%s: %s", cases[i].dsn, value_of(&db, cases[i].name));
        assert_false(db.own_timeout);
    }
}

static void own_timeout_is_noticed(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct err e = ERR_INIT(a);
    struct sql_db db = { 0 };
    must(postgres_dsn_read(a, STR("postgres://a/b?options=-c%20statement_timeout%3D1s"), &db, &e), &e);
    assert_true(db.own_timeout);
}

/* ---- spelling ---- */

static void migrations_are_spelled_with_a_collation(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct str text = postgres_collate(
        a, STR("-- TEXT\nCREATE TABLE t (\n  TEXTILE VARCHAR(40) PRIMARY KEY, -- VARCHAR(1)\n  b TEXT NOT NULL, c BIGINT\n);"));
    assert_string_equal(
        text.p,
        "CREATE TABLE t (\n  TEXTILE VARCHAR(40) COLLATE \"C\" PRIMARY KEY,   b TEXT COLLATE \"C\" NOT NULL, c BIGINT\n);");
    assert_string_equal(postgres_spell(a, "a = ?1 AND b = ?12"), "a = $1 AND b = $12");
}

/* ---- servers that do not answer ---- */

static int listener(unsigned short *ret_port)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
    *ret_port = ntohs(at.sin_port);
    return fd;
}

static void fails_to_open(struct str dsn, const char *said)
{
    ARENA_AUTO a = arena_new();
    struct err e = ERR_INIT(a);
    struct store *s;
    assert_false(store_open(&(struct store_options) { .dsn = dsn }, &s, &e));
    assert_ptr_equal(e.kind, &err_STORAGE); /* whoever starts tries again */
    if (strstr(e.hint, said) == NULL) fail_msg("%s", e.hint);
    assert_null(strstr(e.hint, "hunter2"));
    assert_true(e.debug == NULL || strstr(e.debug, "hunter2") == NULL);
}

static void nobody_listens(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    unsigned short port;
    int fd = listener(&port);
    close(fd);
    fails_to_open(arena_printf(a, "postgres://u:hunter2@127.0.0.1:%d/db", port), "Connection refused");
}

static void somebody_accepts_and_says_nothing(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    unsigned short port;
    int fd = listener(&port);
    assert_int_equal(listen(fd, 5), 0);
    fails_to_open(arena_printf(a, "postgres://u:hunter2@127.0.0.1:%d/db?connect_timeout=2", port), "timeout expired");
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pool_parameters_are_taken_out),
        cmocka_unit_test(pool_defaults),
        cmocka_unit_test(dsn_goes_to_libpq),
        cmocka_unit_test(own_timeout_is_noticed),
        cmocka_unit_test(migrations_are_spelled_with_a_collation),
        cmocka_unit_test(nobody_listens),
        cmocka_unit_test(somebody_accepts_and_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
