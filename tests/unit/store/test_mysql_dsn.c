/* DSNs of MySQL: both spellings, every parameter, and what is refused without a word of the password. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "store/mysql_int.h"

static void both_spellings(void **state)
{
    (void)state;
    static const struct {
        const char *dsn, *host, *socket;
        unsigned port;
        const char *user, *password, *database;
    } cases[] = {
        { "mysql://u:pw@tcp(db.example:3307)/grantd", "db.example", NULL, 3307, "u", "pw", "grantd" },
        { "mariadb://u:pw@tcp(10.0.0.1)/grantd?parseTime=true", "10.0.0.1", NULL, 3306, "u", "pw", "grantd" },
        { "mysql://u:pw@tcp([::1]:3307)/grantd", "::1", NULL, 3307, "u", "pw", "grantd" },
        { "mysql://u:pw@tcp([::1])/grantd", "::1", NULL, 3306, "u", "pw", "grantd" },
        { "mysql://u@tcp(h)/d", "h", NULL, 3306, "u", "", "d" },
        { "mysql://tcp(h)/d", "h", NULL, 3306, "", "", "d" },
        { "mysql://u:p@:/w%41)?(@tcp(h:1)/d", "h", NULL, 1, "u", "p@:/w%41)?(", "d" },
        { "mysql://u:p)/w@tcp(h:1)/d", "h", NULL, 1, "u", "p)/w", "d" },
        { "mysql://u:pw@unix(/run/mysqld/mysqld.sock)/d%2fe", NULL, "/run/mysqld/mysqld.sock", 0, "u", "pw", "d/e" },
        { "mysql://u:pw@h:3307/d", "h", NULL, 3307, "u", "pw", "d" },
        { "mysql://u%40x:p%2Fw%20+%25@h/d?charset=utf8mb4&tls=false", "h", NULL, 3306, "u@x", "p/w +%", "d" },
        { "mysql://u:p:w@[fe80::1]:9/d", "fe80::1", NULL, 9, "u", "p:w", "d" },
        { "mysql://u:pw@/d", "127.0.0.1", NULL, 3306, "u", "pw", "d" },
        { "mysql://h/d", "h", NULL, 3306, "", "", "d" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ARENA_AUTO a = arena_new();
        struct err e = ERR_INIT(a);
        struct mysql_dsn d;
        if (!mysql_dsn_read(a, str_of(cases[i].dsn), &d, &e)) fail_msg("%s: %s", cases[i].dsn, e.hint);
        assert_true((d.host == NULL) == (cases[i].host == NULL) && (d.socket == NULL) == (cases[i].socket == NULL));
        if (d.host != NULL) assert_string_equal(d.host, cases[i].host);
        if (d.socket != NULL) assert_string_equal(d.socket, cases[i].socket);
        assert_int_equal(d.port, cases[i].port);
        assert_string_equal(d.user, cases[i].user);
        assert_string_equal(d.password, cases[i].password);
        assert_string_equal(d.database, cases[i].database);
    }
}

static void parameters(void **state)
{
    (void)state;
    static const struct {
        const char *query;
        unsigned connect_s, read_s, write_s;
        enum mysql_tls tls;
        const char *ca;
        bool cleartext;
    } cases[] = {
        { "", 10, 10, 10, MYSQL_TLS_NONE, NULL, false },
        { "?", 10, 10, 10, MYSQL_TLS_NONE, NULL, false },
        { "?timeout=5s&readTimeout=1m30s&writeTimeout=1ms", 5, 90, 1, MYSQL_TLS_NONE, NULL, false },
        { "?timeout=0&readTimeout=0s", 0, 0, 10, MYSQL_TLS_NONE, NULL, false },
        { "?tls=true", 10, 10, 10, MYSQL_TLS_VERIFIED, NULL, false },
        { "?tls=skip-verify&&tls=TRUE", 10, 10, 10, MYSQL_TLS_VERIFIED, NULL, false },
        { "?tls=skip-verify", 10, 10, 10, MYSQL_TLS_UNVERIFIED, NULL, false },
        { "?tls=preferred", 10, 10, 10, MYSQL_TLS_PREFERRED, NULL, false },
        { "?tls=false", 10, 10, 10, MYSQL_TLS_NONE, NULL, false },
        { "?tls=%2fetc%2fca.pem", 10, 10, 10, MYSQL_TLS_VERIFIED, "/etc/ca.pem", false },
        { "?tls=/etc/ca.pem", 10, 10, 10, MYSQL_TLS_VERIFIED, "/etc/ca.pem", false },
        { "?allowCleartextPasswords=true", 10, 10, 10, MYSQL_TLS_NONE, NULL, true },
        { "?charset=utf8mb4,utf8&collation=utf8mb4_general_ci&parseTime=true&multiStatements=1&clientFoundRows=false&loc=US%"
          "2FPacific&"
          "interpolateParams=true&maxAllowedPacket=0&checkConnLiveness=true&allowNativePasswords=true",
          10, 10, 10, MYSQL_TLS_NONE, NULL, false },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ARENA_AUTO a = arena_new();
        struct err e = ERR_INIT(a);
        struct mysql_dsn d;
        if (!mysql_dsn_read(a, ARENA_CAT(a, STR("mysql://u:pw@tcp(h)/d"), str_of(cases[i].query)), &d, &e))
            fail_msg("%s: %s", cases[i].query, e.hint);
        assert_int_equal(d.connect_s, cases[i].connect_s);
        assert_int_equal(d.read_s, cases[i].read_s);
        assert_int_equal(d.write_s, cases[i].write_s);
        assert_int_equal(d.tls, cases[i].tls);
        assert_int_equal(d.cleartext, cases[i].cleartext);
        assert_true((d.ca == NULL) == (cases[i].ca == NULL));
        if (d.ca != NULL) assert_string_equal(d.ca, cases[i].ca);
    }
}

static void refused(void **state)
{
    (void)state;
    static const struct {
        const char *dsn, *hint;
    } cases[] = {
        { "mysql:", "// must follow the scheme" },
        { "mysql:u:hunter2@tcp(h)/d", "// must follow the scheme" },
        { "mysql://", "names no database" },
        { "mysql://u:hunter2@tcp(h)", "names no database" },
        { "mysql://u:hunter2@tcp(h)/", "names no database" },
        { "mysql://u:hunter2@h/?tls=true", "names no database" },
        { "mysql://u:hunter2@tcp(h)/%zz", "the name of the database is not percent-coded well" },
        { "mysql://u:hunter2@tcp(h)/a%00b", "the name of the database is not percent-coded well" },
        { "mysql://u:hunter2%zz@h/d", "the password is not percent-coded well" },
        { "mysql://u%zz:hunter2@h/d", "the user is not percent-coded well" },
        { "mysql://u:hunter2@h:x/d", "the port is a number" },
        { "mysql://u:hunter2@h:0/d", "the port is a number" },
        { "mysql://u:hunter2@h:65536/d", "the port is a number" },
        { "mysql://u:hunter2/x@h/d", "the port is a number" },
        { "mysql://u:hunter2@[::1/d", "the server's address is malformed" },
        { "mysql://u:hunter2@[::1]x/d", "the server's address is malformed" },
        { "mysql://u:hunter2@tcp(h:x)/d", "the port is a number" },
        { "mysql://u:hunter2@udp(h)/d", "tcp(host:port) or unix(/path)" },
        { "mysql://u:hunter2@unix(run/x)/d", "the path of a socket is absolute" },
        { "mysql://u:hunter2@tcp(h)/d?tls=hunter2", "the parameter tls is" },
        { "mysql://u:hunter2@tcp(h)/d?tls=", "the parameter tls is" },
        { "mysql://u:hunter2@tcp(h)/d?timeout=hunter2", "the parameter timeout is a duration" },
        { "mysql://u:hunter2@tcp(h)/d?timeout=5", "the parameter timeout is a duration" },
        { "mysql://u:hunter2@tcp(h)/d?readTimeout=-1s", "the parameter readTimeout is a duration" },
        { "mysql://u:hunter2@tcp(h)/d?writeTimeout=25h", "the parameter writeTimeout is a duration" },
        { "mysql://u:hunter2@tcp(h)/d?timeout=%zz", "the parameter timeout is not percent-coded well" },
        { "mysql://u:hunter2@tcp(h)/d?allowCleartextPasswords=perhaps",
          "the parameter allowCleartextPasswords is true or false" },
        { "mysql://u:hunter2@tcp(h)/d?Timeout=5s", "the parameter Timeout is not known" },
        { "mysql://u:hunter2@tcp(h)/d?sql_mode=hunter2", "the parameter sql_mode is not known" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ARENA_AUTO a = arena_new();
        struct err e = ERR_INIT(a);
        struct mysql_dsn d;
        if (mysql_dsn_read(a, str_of(cases[i].dsn), &d, &e)) fail_msg("%s", cases[i].dsn);
        assert_ptr_equal(e.kind, &err_MISCONFIGURATION);
        if (strstr(e.hint, cases[i].hint) == NULL) fail_msg("%s: %s", cases[i].dsn, e.hint);
        assert_null(strstr(e.hint, "hunter2"));
        assert_null(e.debug);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_spellings),
        cmocka_unit_test(parameters),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
