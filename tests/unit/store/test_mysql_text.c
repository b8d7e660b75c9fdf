/* How the common texts are spelled for MySQL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "store/mysql_int.h"
#include "store/sql.h"

static void parameters_stand_where_they_are_used(void **state)
{
    (void)state;
    static const struct {
        const char *text, *sql, *order; /* letters: a is ?1 */
    } cases[] = {
        { "SELECT 1", "SELECT 1", "" },
        { "SELECT ?1", "SELECT ?", "a" },
        { "a = ?2 AND (?1 = '' OR b = ?1) LIMIT ?12", "a = ? AND (? = '' OR b = ?) LIMIT ?", "baal" },
        { "a = '?1' AND b=?1", "a = '?1' AND b=?", "a" },
        { "?3,?2,?1", "?,?,?", "cba" },
    };
    ARENA_AUTO a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct mysql_text t = mysql_text(a, cases[i].text);
        assert_string_equal(t.sql, cases[i].sql);
        assert_int_equal(t.n, strlen(cases[i].order));
        for (unsigned k = 0; k < t.n; k++) assert_int_equal(t.order[k], cases[i].order[k] - 'a');
        assert_false(t.keeps);
        assert_false(t.one_row);
    }
}

static void conflicts(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct mysql_text keeps = mysql_text(a, "INSERT INTO t (a) VALUES (?1) ON CONFLICT (a, b) DO NOTHING");
    assert_string_equal(keeps.sql, "INSERT INTO t (a) VALUES (?)");
    assert_true(keeps.keeps);
    struct mysql_text replaces = mysql_text(a, "INSERT INTO t (a) VALUES (?1) ON DUPLICATE KEY UPDATE a = VALUES(a)");
    assert_true(replaces.one_row);
    assert_false(replaces.keeps);
}

/* What only other databases understand has a text of its own. */
static void no_text_is_foreign(void **state)
{
    (void)state;
    static const char *const foreign[] = { "ON CONFLICT", "excluded.", "RETURNING", "current_schema", "::" };
    ARENA_AUTO a = arena_new();
    for (unsigned i = 0; i < STMT_MAX_; i++) {
        const struct sql_statement *row = &sql_store_table.rows[i];
        struct mysql_text t = mysql_text(a, sql_text(row, SQL_MYSQL));
        for (size_t k = 0; k < ARRAY_LEN(foreign); k++)
            if (strstr(t.sql, foreign[k]) != NULL) fail_msg("%s: %s", row->name, foreign[k]);
        for (unsigned k = 0; k < t.n; k++) assert_true(t.order[k] < strlen(row->params));
    }
}

static void scripts(void **state)
{
    (void)state;
    static const char script[] =
        "-- Who's there; a comment.\n\nCREATE TABLE t (\n    id VARCHAR(40) PRIMARY KEY, -- one\n    n BIGINT NOT NULL,\n"
        "    context TEXT NOT NULL DEFAULT 'a;-- TEXT'\n);\n;;CREATE INDEX TEXT_n ON t (n);\n-- end\nDROP TABLE t";
    static const char *const statements[] = {
        "CREATE TABLE t (\n    id VARBINARY(40) PRIMARY KEY, \n    n BIGINT NOT NULL,\n    context LONGBLOB NOT NULL DEFAULT "
        "'a;-- TEXT'\n)"
        " ENGINE=InnoDB",
        "CREATE INDEX TEXT_n ON t (n)",
        "DROP TABLE t",
    };
    ARENA_AUTO a = arena_new();
    struct str rest = STR(script), statement;
    for (size_t i = 0; i < ARRAY_LEN(statements); i++) {
        assert_true(mysql_script_next(a, &rest, &statement));
        assert_string_equal(arena_dupz(a, statement), statements[i]);
    }
    assert_false(mysql_script_next(a, &rest, &statement));
    rest = STR("-- nothing\n  ;");
    assert_false(mysql_script_next(a, &rest, &statement));
    rest = STR("SELECT 'open; ");
    assert_true(mysql_script_next(a, &rest, &statement));
    assert_int_equal(rest.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_stand_where_they_are_used),
        cmocka_unit_test(conflicts),
        cmocka_unit_test(no_text_is_foreign),
        cmocka_unit_test(scripts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
