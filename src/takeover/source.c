/* Opens a Hydra database, and refuses what it does not know before anything is read. */
#include "takeover/source.h"

#include <string.h>

#include "store/dsn.h"

#define OLDEST_CURRENT "20251030112809000000" /* 25.4.0 */
#define ROTATED        "20260122110909000000" /* from here on clients have rotated_secrets */
#define NEWEST_CURRENT "20260420120000000001" /* what this was written against */
#define V1             "20201116133000000000" /* v1.10.3 */
#define ID_TOKEN_SET   "hydra.openid.id-token"

enum { MOST_ARGS = 8 };

/* ---- connecting ---- */

/* SQLite files are not to be made, nor changed; the last of several options counts. Of servers one connection is enough. */
static bool open_dsn(struct arena *a, struct str dsn, struct source *s, struct err *e)
{
    struct pool_options ignored;
    if (s->driver->embedded)
        dsn = ARENA_CAT(a, dsn, str_has(dsn, '?') ? STR("&") : STR("?"), STR("mode=ro"));
    else
        TRY(dsn_pool_options(a, dsn, &ignored, &dsn, e));
    return s->driver->open(a, dsn, &s->db, e);
}

/* As patient as a migration: counting a large table of a server takes as long as it takes. */
static bool connect_to(struct source *s, const struct sql_table *table, struct err *e)
{
    s->driver->disconnect(s->c);
    s->c = NULL;
    if (s->driver->connect(s->db, s->driver->embedded ? SQL_READS : SQL_MIGRATES, table, &s->c, e)) return true;
    FAILF(e, MISCONFIGURATION, "The Hydra database cannot be opened: %s", e->debug != NULL ? e->debug : "");
}

static bool attach(struct arena *a, struct str dsn, struct source *s, struct err *e)
{
    TRY(sql_driver_of(dsn, &s->driver, e));
    TRY(open_dsn(a, dsn, s, e));
    return connect_to(s, hydra_probe_table(s->driver->dialect), e);
}

void source_close(struct source *s)
{
    if (s->db != NULL) {
        s->driver->disconnect(s->c);
        s->driver->close(s->db);
    }
    hydra_free(s->keys);
    *s = (struct source) { 0 };
}

/* ---- which form ---- */

static bool probe(struct source *s, struct arena *a, enum hydra_probe id, struct sql_cell *ret, struct err *e)
{
    struct sql_rows rows;
    TRY(sql_run(s->c, &(const struct sql_call) { .id = id }, a, &rows, e));
    *ret = rows.n > 0 ? *sql_row(&rows, 0) : (struct sql_cell) { 0 };
    return true;
}

/* Texts of digits sort as their numbers do, also where a very old one has only its first fourteen. */
static bool check_version(struct source *s, struct err *e)
{
    const struct str v = s->version;
    ENSURE(v.n > 0, e, MISCONFIGURATION,
           "The database has Hydra's tables, but its schema_migration is empty: let Hydra finish its \"hydra migrate sql up\" "
           "first.");
    if (str_eq(v, STR(V1))) {
        s->form = HYDRA_V1;
        s->release = STR("v1.10.3");
        return true;
    }
    ENSUREF(str_cmp(v, STR(OLDEST_CURRENT)) >= 0, e, MISCONFIGURATION,
            "The Hydra database has schema %.*s; what can be taken over is v1.10.3's (" V1
            ") and those from 25.4.0's (" OLDEST_CURRENT
            ") on. Upgrade it with Hydra's own \"hydra migrate sql up\" of 25.4.0 or later, then run this again.",
            STR_FMT(v));
    ENSUREF(str_cmp(v, STR(NEWEST_CURRENT)) <= 0, e, MISCONFIGURATION,
            "The Hydra database has schema %.*s, which is newer than what this version of grantd knows (" NEWEST_CURRENT
            "). Use a newer grantd, or take the latest migrations back with Hydra's own \"hydra migrate sql down\".",
            STR_FMT(v));
    s->form = HYDRA_CURRENT;
    s->release = STR("25.4.0 or later");
    s->rotates = str_cmp(v, STR(ROTATED)) >= 0;
    return true;
}

static bool find_network(struct source *s, struct arena *a, struct err *e)
{
    struct sql_cell there, id;
    if (s->form == HYDRA_V1) return true;
    TRY(probe(s, a, PROBE_NETWORKS, &there, e));
    ENSURE(there.i == 1, e, MISCONFIGURATION,
           "The Hydra database has no table \"networks\", although its version should have one.");
    TRY(probe(s, a, PROBE_NETWORK, &id, e));
    ENSURE(id.s.n > 0, e, MISCONFIGURATION,
           "The Hydra database has no network: no Hydra has served from it yet, so there is nothing to take over.");
    s->network = id.s;
    return true;
}

static bool has_tables(struct source *s, struct arena *a, int64_t *ret, struct err *e)
{
    struct sql_cell tables;
    TRY(probe(s, a, PROBE_TABLES, &tables, e));
    *ret = tables.i;
    return true;
}

static bool find_form(struct source *s, struct arena *a, struct err *e)
{
    int64_t tables;
    struct sql_cell version;
    TRY(has_tables(s, a, &tables, e));
    ENSURE(tables == 3, e, MISCONFIGURATION,
           "This is no Hydra database: the tables schema_migration, hydra_client and hydra_jwk are not all there. Check --from.");
    TRY(probe(s, a, PROBE_VERSION, &version, e));
    s->version = version.s;
    TRY(check_version(s, e));
    return find_network(s, a, e);
}

/* ---- secrets ---- */

/* The newest one is what Hydra has signed with last: if that does not open, nothing will. */
static bool check_secrets(struct source *s, struct arena *a, struct err *e)
{
    struct sql_rows keys;
    struct str plain;
    TRY(SOURCE_ROWS(s, a, KEYS_OF_SET, &keys, e, ARG(STR(ID_TOKEN_SET))));
    for (size_t i = 0; i < keys.n; i++) {
        const struct sql_cell *key = sql_row(&keys, i);
        if (hydra_unseal(s->keys, a, key[1].s, &plain)) continue;
        FAILF(e, MISCONFIGURATION,
              "The signing key %.*s of the Hydra database does not open with these secrets. Give all of Hydra's secrets.system, "
              "older "
              "ones too: in secrets.system of the configuration, or with --secrets.",
              STR_FMT(key[0].s));
    }
    return true;
}

/* ---- the whole ---- */

static bool prepare(struct arena *a, struct str dsn, struct strs secrets, struct source *s, struct err *e)
{
    TRY(attach(a, dsn, s, e));
    TRY(find_form(s, a, e));
    TRY(connect_to(s, hydra_table(s->driver->dialect, s->form), e));
    s->keys = hydra_new(&(struct sealer_secrets) { .system = secrets });
    return check_secrets(s, a, e);
}

bool source_open(struct arena *a, struct str dsn, struct strs secrets, struct source *ret, struct err *e)
{
    *ret = (struct source) { 0 };
    if (prepare(a, dsn, secrets, ret, e)) return true;
    source_close(ret);
    return false;
}

bool source_is_hydra(struct arena *a, struct str dsn, bool *ret, struct err *e)
{
    struct source s = { 0 };
    int64_t tables = 0;
    bool ok = attach(a, dsn, &s, e) && has_tables(&s, a, &tables, e);
    source_close(&s);
    *ret = tables == 3;
    return ok;
}

bool source_rows(struct source *s, struct arena *a, enum hydra_rows id, const struct sql_arg *args, size_t n,
                 struct sql_rows *ret, struct err *e)
{
    struct sql_arg all[MOST_ARGS] = { ARG(s->network) };
    const size_t own = s->form == HYDRA_V1 ? 0 : 1;
    if (n > 0) memcpy(all + own, args, n * sizeof(*args));
    if (sql_run(s->c, &(const struct sql_call) { .id = id, .args = all, .n = own + n }, a, ret, e)) return true;
    e->hint = "The Hydra database could not be read; what was brought until now stays, and the next run goes on.";
    return false;
}

bool source_by_index(struct source *s, struct err *e)
{
    const struct str settings = hydra_by_index(s->driver->dialect);
    return settings.n == 0 || s->driver->script(s->c, settings, e);
}

bool source_count(struct source *s, struct arena *a, enum hydra_rows id, int64_t *ret, struct err *e)
{
    struct sql_rows rows;
    TRY(source_rows(s, a, id, NULL, 0, &rows, e));
    *ret = rows.n > 0 ? sql_row(&rows, 0)->i : 0;
    return true;
}
