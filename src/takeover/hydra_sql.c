/* The statements in every dialect: the .def files say what is read, the macros here how a database spells a conversion. Every
 * column arrives as text or as a 64-bit integer. */
#include "takeover/hydra_sql.h"

/* clang-format off */
/* Knows the dialects' names for conversions only from the macros around it. */
#define TRI(column)  INT("CASE WHEN " column " IS NULL THEN -1 WHEN " IS_TRUE(column) " THEN 1 ELSE 0 END")
#define BOOL(column) INT("CASE WHEN " IS_TRUE(column) " THEN 1 ELSE 0 END")
#define SPAN(column) "COALESCE(" column ", " UNSET ")"
#define UNSET        "-9000000000000000000"

#define ROWS(id, params_, results_, ...) [HYDRA_##id] = { .name = #id, .params = NETWORK_PARAM params_, .results = (results_), .text = __VA_ARGS__ },

/* ---- SQLite: texts may have been stored as blobs; times are texts with a fraction of any length. The plus keeps the planner from
 * an index that begins with the network, which all rows share. ---- */
#define TEXT(column)    "CAST(" column " AS TEXT)"
#define INT(value)      "CAST(" value " AS INTEGER)"
#define IS_TRUE(column) "COALESCE(" column ", 0) <> 0"
#define TIME(column)    "COALESCE(CAST(strftime('%s', " column ") AS INTEGER) * 1000000 + CAST(CAST('0' || substr(" column ", 20) AS REAL) * 1000000 AS INTEGER), 0)"
#define NETWORK(column) "+" column " = ?1"
#define UUID(param)     param
static const struct sql_statement sqlite_current[HYDRA_ROWS_MAX_] = {
#define NETWORK_PARAM "s"
#include "takeover/current.def"
#undef NETWORK_PARAM
};
static const struct sql_statement sqlite_v1[HYDRA_ROWS_MAX_] = {
#define NETWORK_PARAM ""
#include "takeover/v1.def"
#undef NETWORK_PARAM
};
#undef TEXT
#undef INT
#undef IS_TRUE
#undef TIME
#undef NETWORK
#undef UUID

/* ---- PostgreSQL: ids are uuids, lists are jsonb, times are timestamps of UTC without saying so. The network as a text: see
 * above. ---- */
#define TEXT(column)    "CAST(" column " AS TEXT)"
#define INT(value)      "CAST(" value " AS BIGINT)"
#define IS_TRUE(column) "COALESCE(" column ", false)"
#define TIME(column)    "COALESCE(CAST(EXTRACT(EPOCH FROM " column ") * 1000000 AS BIGINT), 0)"
#define NETWORK(column) "CAST(" column " AS TEXT) = ?1"
#define UUID(param)     "CAST(" param " AS uuid)"
static const struct sql_statement postgres_current[HYDRA_ROWS_MAX_] = {
#define NETWORK_PARAM "s"
#include "takeover/current.def"
#undef NETWORK_PARAM
};
static const struct sql_statement postgres_v1[HYDRA_ROWS_MAX_] = {
#define NETWORK_PARAM ""
#include "takeover/v1.def"
#undef NETWORK_PARAM
};
#undef TEXT
#undef INT
#undef IS_TRUE
#undef TIME
#undef NETWORK
#undef UUID

/* ---- MySQL: UNIX_TIMESTAMP knows no time zone of the connection ---- */
#define TEXT(column)    "CAST(" column " AS CHAR)"
#define INT(value)      "CAST(" value " AS SIGNED)"
#define IS_TRUE(column) "COALESCE(" column ", 0) <> 0"
#define TIME(column)    "COALESCE(CAST(UNIX_TIMESTAMP(" column ") * 1000000 AS SIGNED), 0)"
#define NETWORK(column) column " = ?1"
#define UUID(param)     param
static const struct sql_statement mysql_current[HYDRA_ROWS_MAX_] = {
#define NETWORK_PARAM "s"
#include "takeover/current.def"
#undef NETWORK_PARAM
};
static const struct sql_statement mysql_v1[HYDRA_ROWS_MAX_] = {
#define NETWORK_PARAM ""
#include "takeover/v1.def"
#undef NETWORK_PARAM
};
#undef TEXT
#undef INT
#undef IS_TRUE
#undef TIME
#undef NETWORK
#undef UUID

/* ---- which form is it? ---- */
#define KNOWN_TABLES "('schema_migration', 'hydra_client', 'hydra_jwk')"
#define COUNT_TABLES(schema, names) "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = " schema " AND table_name IN " names
#define COUNT_LITE(names)           "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name IN " names

#define PROBES(tables, networks, id)                                                                                             \
    {                                                                                                                            \
        [PROBE_TABLES]   = { .name = "TABLES",   .params = "", .results = "i", .text = tables },                                 \
        [PROBE_VERSION]  = { .name = "VERSION",  .params = "", .results = "s", .text = "SELECT version FROM schema_migration ORDER BY version DESC LIMIT 1" }, \
        [PROBE_NETWORKS] = { .name = "NETWORKS", .params = "", .results = "i", .text = networks },                               \
        [PROBE_NETWORK]  = { .name = "NETWORK",  .params = "", .results = "s", .text = "SELECT " id " FROM networks ORDER BY created_at LIMIT 1" }, \
    }
static const struct sql_statement probes[SQL_DIALECT_MAX_][PROBE_MAX_] = {
    [SQL_SQLITE]   = PROBES(COUNT_LITE(KNOWN_TABLES), COUNT_LITE("('networks')"), "CAST(id AS TEXT)"),
    [SQL_POSTGRES] = PROBES(COUNT_TABLES("current_schema()", KNOWN_TABLES), COUNT_TABLES("current_schema()", "('networks')"), "CAST(id AS TEXT)"),
    [SQL_MYSQL]    = PROBES(COUNT_TABLES("DATABASE()", KNOWN_TABLES), COUNT_TABLES("DATABASE()", "('networks')"), "CAST(id AS CHAR)"),
};
/* clang-format on */

const struct sql_table *hydra_table(enum sql_dialect dialect, enum hydra_form form)
{
    static const struct sql_table tables[SQL_DIALECT_MAX_][HYDRA_FORM_MAX_] = {
        [SQL_SQLITE] = { { sqlite_current, HYDRA_ROWS_MAX_ }, { sqlite_v1, HYDRA_ROWS_MAX_ } },
        [SQL_POSTGRES] = { { postgres_current, HYDRA_ROWS_MAX_ }, { postgres_v1, HYDRA_ROWS_MAX_ } },
        [SQL_MYSQL] = { { mysql_current, HYDRA_ROWS_MAX_ }, { mysql_v1, HYDRA_ROWS_MAX_ } },
    };
    return &tables[dialect][form];
}

const struct sql_table *hydra_probe_table(enum sql_dialect dialect)
{
    static const struct sql_table tables[SQL_DIALECT_MAX_] = {
        [SQL_SQLITE] = { probes[SQL_SQLITE], PROBE_MAX_ },
        [SQL_POSTGRES] = { probes[SQL_POSTGRES], PROBE_MAX_ },
        [SQL_MYSQL] = { probes[SQL_MYSQL], PROBE_MAX_ },
    };
    return &tables[dialect];
}

/* Without statistics, or with a plan made for any page, PostgreSQL may think that a page is half of the table. */
struct str hydra_by_index(enum sql_dialect dialect)
{
    return dialect == SQL_POSTGRES ? STR("SET enable_seqscan = off; SET enable_sort = off") : STR("");
}
