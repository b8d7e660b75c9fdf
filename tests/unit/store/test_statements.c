/* Every statement prepares on a migrated database, fits its signature, and finds its rows by an index: a scan of a table that
 * grows would be noticed only when there are millions of rows. */
#include <sqlite3.h>

#include "scratch.h"
#include "store/sql.h"

static sqlite3 *db;

static int enter(void **state)
{
    if (scratch_enter(state) != 0) return 1;
    store_close(open_migrated(SCRATCH_DSN));
    return sqlite3_open("db.sqlite", &db) != SQLITE_OK;
}

static int leave(void **state)
{
    sqlite3_close(db);
    return scratch_leave(state);
}

static void prepares_and_fits(void **state)
{
    (void)state;
    for (int i = 0; i < STMT_MAX_; i++) {
        const struct sql_statement *row = &sql_store_table.rows[i];
        sqlite3_stmt *st;
        if (sqlite3_prepare_v2(db, sql_text(row, SQL_SQLITE), -1, &st, NULL) != SQLITE_OK)
            fail_msg("%s: %s", row->name, sqlite3_errmsg(db));
        if (sqlite3_bind_parameter_count(st) != (int)strlen(row->params)) fail_msg("%s: params", row->name);
        if (sqlite3_column_count(st) != (int)strlen(row->results)) fail_msg("%s: results", row->name);
        assert_int_equal(strspn(row->params, "si"), strlen(row->params));
        assert_int_equal(strspn(row->results, "si"), strlen(row->results));
        sqlite3_finalize(st);
    }
}

/* Statements that go through a whole table on purpose. */
static bool may_scan(enum stmt id, const char *detail)
{
    switch (id) {
    case STMT_CLIENT_COUNT:
    case STMT_TRUST_COUNT:
    case STMT_MIGRATION_BOOK:
    case STMT_MIGRATION_LIST:
    case STMT_ORPHAN_NEXT: return true;
    default:
        return strstr(detail, "SUBQUERY") != NULL || strcmp(detail, "SCAN CONSTANT ROW") == 0 ||
               strcmp(detail, "SCAN there") == 0; /* one row */
    }
}

static void check_plan(enum stmt id)
{
    char text[4096];
    snprintf(text, sizeof(text), "EXPLAIN QUERY PLAN %s", sql_text(&sql_store_table.rows[id], SQL_SQLITE));
    sqlite3_stmt *st;
    assert_int_equal(sqlite3_prepare_v2(db, text, -1, &st, NULL), SQLITE_OK);
    while (sqlite3_step(st) == SQLITE_ROW) {
        const char *detail = (const char *)sqlite3_column_text(st, 3);
        if (getenv("SHOW_PLANS") != NULL) fprintf(stderr, "%s: %s\n", sql_store_table.rows[id].name, detail);
        if (strncmp(detail, "SCAN", 4) == 0 && !may_scan(id, detail)) fail_msg("%s: %s", sql_store_table.rows[id].name, detail);
        /* The first member alone of an index says little, unless any one row will do. */
        if (strstr(detail, "(kind=?)") != NULL && id != STMT_TAKEN_ANY) fail_msg("%s: %s", sql_store_table.rows[id].name, detail);
        bool sorts = strstr(detail, "TEMP B-TREE FOR ORDER BY") != NULL;
        if (sorts && id != STMT_KEYS_GET && id != STMT_TRUST_FIND) fail_msg("%s: %s", sql_store_table.rows[id].name, detail);
    }
    sqlite3_finalize(st);
}

static void plans_use_indexes(void **state)
{
    (void)state;
    for (int i = 0; i < STMT_MAX_; i++) check_plan((enum stmt)i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prepares_and_fits),
        cmocka_unit_test(plans_use_indexes),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
