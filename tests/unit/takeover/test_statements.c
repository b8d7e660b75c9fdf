/* A page costs what a page holds: every statement that reads Hydra's tables page by page finds its rows by an index, wherever the
 * page is, with the planner's statistics and without. One that does not makes a take-over quadratic, which would be noticed only
 * with millions of rows. Tried on SQLite, and on the databases of GRANTD_TEST_DSNS. */
#include <sqlite3.h>

#include "../store/scratch.h"
#include "base/buf.h"
#include "takeover/hydra_sql.h"

enum { PAGE = 10, ROWS_READ_MAX = 20 * PAGE, STEPS_MAX = 10000 /* of SQLite's machine: of a scan, each row takes some */ };
#define NETWORK "52e1559b-fe1e-4f29-89be-729234369205"
#define UUID_OF "00000000-0000-4000-8000-00000" /* and a key behind it */
/* Each table has the rows 0 to 9999; this is where the page begins. */
#define KEY     "1009500"
#define KEY_9   "1009509"

/* ---- the tables: columns by kind, in words, and the indexes that Hydra has, as far as a planner could take one for ours ---- */

struct table {
    const char *name, *uuids, *keys, *texts, *bools, *times, *numbers, *primary;
    const char *indexes[4];
};

#define CLIENT_TEXTS                                                                                                         \
    "client_name client_secret redirect_uris grant_types response_types scope audience owner policy_uri tos_uri client_uri " \
    "logo_uri contacts sector_identifier_uri subject_type jwks jwks_uri request_uris token_endpoint_auth_method "            \
    "token_endpoint_auth_signing_alg request_object_signing_alg userinfo_signed_response_alg allowed_cors_origins "          \
    "frontchannel_logout_uri backchannel_logout_uri post_logout_redirect_uris metadata"
#define CLIENT_BOOLS "frontchannel_logout_session_required backchannel_logout_session_required"
#define TOKEN_KEYS   "signature challenge_id client_id subject request_id"
#define TOKEN_TEXTS  "granted_scope granted_audience form_data session_data"

static const struct table current[] = {
    { "hydra_client", .keys = "id", .primary = "id, nid",
      .texts = CLIENT_TEXTS " rotated_secrets registration_access_token_signature access_token_strategy",
      .bools = CLIENT_BOOLS " skip_consent skip_logout_consent", .times = "created_at updated_at",
      .numbers = "authorization_code_grant_access_token_lifespan authorization_code_grant_id_token_lifespan "
                 "authorization_code_grant_refresh_token_lifespan client_credentials_grant_access_token_lifespan "
                 "implicit_grant_access_token_lifespan implicit_grant_id_token_lifespan "
                 "jwt_bearer_grant_access_token_lifespan refresh_token_grant_access_token_lifespan "
                 "refresh_token_grant_id_token_lifespan refresh_token_grant_refresh_token_lifespan "
                 "device_authorization_grant_access_token_lifespan device_authorization_grant_id_token_lifespan "
                 "device_authorization_grant_refresh_token_lifespan" },
    { "hydra_jwk", .keys = "sid kid", .texts = "keydata", .times = "created_at", .primary = "sid, kid, nid",
      .indexes = { "nid, sid, created_at", "nid, sid, kid, created_at" } },
    { "hydra_oauth2_trusted_jwt_bearer_issuer", .uuids = "id", .keys = "issuer key_id", .texts = "subject scope",
      .bools = "allow_any_subject", .times = "created_at expires_at", .primary = "id",
      .indexes = { "nid, key_id, issuer", "id, nid" } },
    { "hydra_oauth2_authentication_session", .keys = "id subject", .texts = "identity_provider_session_id", .bools = "remember",
      .times = "authenticated_at expires_at", .primary = "id", .indexes = { "subject, nid" } },
    { "hydra_oauth2_obfuscated_authentication_session", .keys = "subject client_id subject_obfuscated",
      .primary = "subject, client_id, nid", .indexes = { "client_id, subject_obfuscated, nid" } },
    { "hydra_oauth2_jti_blacklist", .keys = "signature", .times = "expires_at", .primary = "signature, nid",
      .indexes = { "expires_at, nid" } },
    { "hydra_oauth2_flow", .keys = "login_challenge consent_challenge_id client_id subject login_session_id",
      .texts = "request_url requested_scope granted_scope granted_at_audience acr amr context session_id_token "
               "session_access_token forced_subject_identifier consent_error login_error device_code_request_id",
      .bools = "consent_skip consent_remember", .times = "requested_at consent_handled_at login_authenticated_at",
      .numbers = "state consent_remember_for", .primary = "login_challenge",
      .indexes = { "consent_challenge_id", "client_id, nid", "nid, login_session_id, subject", "subject, nid" } },
    { "hydra_oauth2_access", .keys = TOKEN_KEYS, .texts = TOKEN_TEXTS, .bools = "active", .times = "requested_at",
      .primary = "signature",
      .indexes = { "challenge_id, nid", "nid, subject, client_id", "requested_at, nid", "client_id, nid" } },
    { "hydra_oauth2_refresh", .keys = TOKEN_KEYS, .texts = TOKEN_TEXTS, .bools = "active", .times = "requested_at first_used_at",
      .primary = "signature",
      .indexes = { "challenge_id, nid", "nid, subject, client_id", "nid, requested_at", "client_id, nid" } },
    { "hydra_oauth2_code", .keys = TOKEN_KEYS, .texts = TOKEN_TEXTS, .bools = "active", .times = "requested_at",
      .primary = "signature", .indexes = { "challenge_id, nid", "client_id, nid" } },
    { "hydra_oauth2_pkce", .keys = TOKEN_KEYS, .texts = TOKEN_TEXTS, .bools = "active", .times = "requested_at",
      .primary = "signature", .indexes = { "challenge_id, nid", "client_id, nid" } },
    { "hydra_oauth2_device_auth_codes", .keys = "device_code_signature user_code_signature request_id client_id challenge_id",
      .texts = "scope requested_audience session_data", .bools = "device_code_active", .times = "requested_at expires_at",
      .numbers = "user_code_state", .primary = "device_code_signature, nid",
      .indexes = { "challenge_id", "nid, user_code_signature", "client_id, nid" } },
    { NULL },
};

static const struct table v1[] = {
    { "schema_migration", .keys = "version", .primary = "version" },
    { "hydra_client", .keys = "id", .texts = CLIENT_TEXTS, .bools = CLIENT_BOOLS, .times = "created_at updated_at",
      .primary = "id" },
    { "hydra_jwk", .keys = "sid kid", .texts = "keydata", .times = "created_at", .primary = "sid, kid" },
    { "hydra_oauth2_authentication_session", .keys = "id subject", .bools = "remember", .times = "authenticated_at",
      .primary = "id", .indexes = { "subject" } },
    { "hydra_oauth2_authentication_request", .keys = "challenge login_session_id", .primary = "challenge",
      .indexes = { "login_session_id" } },
    { "hydra_oauth2_authentication_request_handled", .keys = "challenge", .bools = "remember", .numbers = "remember_for",
      .primary = "challenge" },
    { "hydra_oauth2_obfuscated_authentication_session", .keys = "subject client_id subject_obfuscated",
      .primary = "subject, client_id", .indexes = { "client_id, subject_obfuscated" } },
    { "hydra_oauth2_jti_blacklist", .keys = "signature", .times = "expires_at", .primary = "signature",
      .indexes = { "expires_at" } },
    { "hydra_oauth2_consent_request", .keys = "challenge client_id subject login_session_id",
      .texts = "request_url requested_scope acr context forced_subject_identifier", .bools = "skip",
      .times = "requested_at authenticated_at", .primary = "challenge",
      .indexes = { "client_id", "subject", "login_session_id" } },
    { "hydra_oauth2_consent_request_handled", .keys = "challenge",
      .texts = "granted_scope granted_at_audience session_id_token session_access_token error", .bools = "remember was_used",
      .times = "handled_at", .numbers = "remember_for", .primary = "challenge" },
    { "hydra_oauth2_access", .keys = TOKEN_KEYS, .texts = TOKEN_TEXTS, .bools = "active", .times = "requested_at",
      .primary = "signature", .indexes = { "challenge_id", "client_id, subject", "requested_at" } },
    { "hydra_oauth2_refresh", .keys = TOKEN_KEYS, .texts = TOKEN_TEXTS, .bools = "active", .times = "requested_at",
      .primary = "signature", .indexes = { "challenge_id", "client_id, subject" } },
    { "hydra_oauth2_code", .keys = TOKEN_KEYS, .texts = TOKEN_TEXTS, .bools = "active", .times = "requested_at",
      .indexes = { "challenge_id", "client_id" } },
    { "hydra_oauth2_pkce", .keys = TOKEN_KEYS, .texts = TOKEN_TEXTS, .bools = "active", .times = "requested_at",
      .indexes = { "challenge_id", "client_id" } },
    { NULL },
};

static const struct table *const forms[HYDRA_FORM_MAX_] = { [HYDRA_CURRENT] = current, [HYDRA_V1] = v1 };

/* ---- what differs between databases ---- */

/* `read`: how many rows the connection has read until now, in this transaction or altogether. */
static const struct dialect {
    const char *uuid, *boolean, *uuid_value, *analyze, *before, *read;
} dialects[SQL_DIALECT_MAX_] = {
    [SQL_SQLITE] = { "char(36)", "integer", "'" UUID_OF "' || k", "ANALYZE", "", "" },
    [SQL_POSTGRES] = { "uuid", "boolean", "CAST('" UUID_OF "' || k AS uuid)", "ANALYZE",
                       "SET plan_cache_mode = force_generic_plan",
                       "SELECT CAST(SUM(seq_tup_read + COALESCE(idx_tup_fetch, 0)) AS BIGINT) FROM pg_stat_xact_user_tables" },
    [SQL_MYSQL] = { "char(36)", "tinyint(1)", "CONCAT('" UUID_OF "', k)", "ANALYZE TABLE", "",
                    "SELECT CAST(SUM(VARIABLE_VALUE) AS SIGNED) FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME LIKE "
                    "'HANDLER_READ%'" },
};

struct place {
    enum sql_dialect dialect;
    sqlite3 *lite;
    const struct sql_driver *driver; /* of a server, as the rest */
    struct sql_db *db;
    struct sql *c;
    struct arena *arena;
    struct err e;
};

enum { READ = HYDRA_ROWS_MAX_, TABLE_MAX_ };

static void script(struct place *p, struct str text)
{
    if (p->dialect == SQL_SQLITE)
        assert_int_equal(sqlite3_exec(p->lite, arena_dupz(p->arena, text), NULL, NULL, NULL), SQLITE_OK);
    else
        must(p->driver->script(p->c, text, &p->e), &p->e);
}

static int64_t run(struct place *p, unsigned id, const struct sql_arg *args, size_t n)
{
    struct sql_rows rows;
    must(sql_run(p->c, &(const struct sql_call) { .id = id, .args = args, .n = n }, p->arena, &rows, &p->e), &p->e);
    return rows.n > 0 ? sql_row(&rows, 0)->i : 0;
}

/* ---- making the tables ---- */

/* Calls `add` for each word of each kind of columns. */
struct column {
    const char *kind, *value; /* its type and what a row has there */
    struct str name;
};
static void columns(const struct place *p, const struct table *t, bool with_network,
                    void (*add)(struct buf *, const struct column *), struct buf *to)
{
    const struct dialect *d = &dialects[p->dialect];
    const struct {
        const char *words, *kind, *value;
    } kinds[] = {
        { with_network ? "nid" : NULL, d->uuid, "'" NETWORK "'" },
        { t->uuids, d->uuid, d->uuid_value },
        { t->keys, "varchar(255)", "k" },
        { t->texts, "text", "''" },
        { t->bools, d->boolean, "i % 2 = 0" },
        { t->times, "timestamp NULL", "'2030-01-01 00:00:00'" },
        { t->numbers, "bigint", "6" }, /* the state of consents that count */
    };
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (kinds[i].words == NULL) continue;
        const struct strs words = strs_words(p->arena, str_of(kinds[i].words));
        for (size_t w = 0; w < words.n; w++) {
            /* A quarter of all tokens has no consent behind it. */
            const bool may_lack = str_eq(words.v[w], STR("challenge_id"));
            if (to->n > 0 && to->p[to->n - 1] != '(') buf_addz(to, ", ");
            add(to, &(struct column) { kinds[i].kind, may_lack ? "CASE WHEN i % 4 > 0 THEN k END" : kinds[i].value, words.v[w] });
        }
    }
}

static void add_definition(struct buf *b, const struct column *c)
{
    buf_add(b, c->name);
    buf_addc(b, ' ');
    buf_addz(b, c->kind);
}
static void add_name(struct buf *b, const struct column *c) { buf_add(b, c->name); }
static void add_value(struct buf *b, const struct column *c) { buf_addz(b, c->value); }

static void make_table(struct place *p, const struct table *t, bool with_network)
{
    struct buf definitions = BUF(p->arena), names = BUF(p->arena), values = BUF(p->arena);
    columns(p, t, with_network, add_definition, &definitions);
    columns(p, t, with_network, add_name, &names);
    columns(p, t, with_network, add_value, &values);
    const char *primary = t->primary != NULL ? arena_printf(p->arena, ", PRIMARY KEY (%s)", t->primary).p : "";
    script(p, arena_printf(p->arena, "CREATE TABLE %s (%s%s)", t->name, buf_str(&definitions).p, primary));
    for (size_t i = 0; i < ARRAY_LEN(t->indexes) && t->indexes[i] != NULL; i++)
        script(p, arena_printf(p->arena, "CREATE INDEX %s_%zu ON %s (%s)", t->name, i, t->name, t->indexes[i]));
    script(p, arena_printf(p->arena, "INSERT INTO %s (%s) SELECT %s FROM row_number_and_key", t->name, buf_str(&names).p,
                           buf_str(&values).p));
}

#define FOUR_DIGITS "a.d * 1000 + b.d * 100 + c.d * 10 + d.d"
#define NUMBERS                                                                                                       \
    "CREATE TABLE digit (d integer); INSERT INTO digit VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9); "     \
    "CREATE TABLE row_number_and_key (i integer, k varchar(255)); INSERT INTO row_number_and_key SELECT " FOUR_DIGITS \
    ", CAST(1000000 + " FOUR_DIGITS " AS char(7)) FROM digit a, digit b, digit c, digit d"

static void drop_tables(struct place *p, const struct table *tables)
{
    script(p, STR("DROP TABLE IF EXISTS digit; DROP TABLE IF EXISTS row_number_and_key"));
    for (const struct table *t = tables; t->name != NULL; t++)
        script(p, arena_printf(p->arena, "DROP TABLE IF EXISTS %s", t->name));
}

static void make_tables(struct place *p, enum hydra_form form)
{
    script(p, STR(NUMBERS));
    for (const struct table *t = forms[form]; t->name != NULL; t++) make_table(p, t, form == HYDRA_CURRENT);
}

static void analyze(struct place *p, enum hydra_form form)
{
    if (p->dialect != SQL_MYSQL) {
        script(p, str_of(dialects[p->dialect].analyze));
        return;
    }
    for (const struct table *t = forms[form]; t->name != NULL; t++)
        script(p, arena_printf(p->arena, "%s %s", dialects[p->dialect].analyze, t->name));
}

/* ---- what a page costs ---- */

/* Those that count rows, and the few keys, of which pages are counted, go through a whole table. */
static bool is_paged(const struct sql_statement *st)
{
    return strstr(st->text, "COUNT(*)") == NULL && strstr(st->text, "OFFSET") == NULL && strchr(st->params, 's') != NULL;
}

/* A page, or all that belongs to ten consents. */
static size_t page_args(const struct sql_statement *st, enum hydra_form form, struct sql_arg *args)
{
    size_t n = strlen(st->params), first = form == HYDRA_CURRENT ? 1 : 0;
    if (form == HYDRA_CURRENT) args[0] = ARG(STR(NETWORK));
    for (size_t i = first; i < n; i++) args[i] = st->params[i] == 'i' ? ARG((int64_t)PAGE) : ARG(STR(KEY_9));
    args[first] = strcmp(st->name, "TRUSTS") == 0 ? ARG(STR(UUID_OF KEY)) : ARG(STR(KEY));
    return n;
}

static int lite_steps(struct place *p, const struct sql_statement *st, const struct sql_arg *args, size_t n)
{
    sqlite3_stmt *s;
    if (sqlite3_prepare_v2(p->lite, sql_text(st, SQL_SQLITE), -1, &s, NULL) != SQLITE_OK)
        fail_msg("%s: %s", st->name, sqlite3_errmsg(p->lite));
    assert_int_equal(sqlite3_column_count(s), strlen(st->results));
    for (size_t i = 0; i < n; i++)
        if (args[i].type == 'i')
            sqlite3_bind_int64(s, (int)i + 1, args[i].i);
        else
            sqlite3_bind_text(s, (int)i + 1, args[i].s.p, (int)args[i].s.n, SQLITE_STATIC);
    while (sqlite3_step(s) == SQLITE_ROW) continue;
    int steps = sqlite3_stmt_status(s, SQLITE_STMTSTATUS_VM_STEP, 0);
    sqlite3_finalize(s);
    return steps;
}

/* What asking costs by itself is taken off. */
static int64_t rows_read(struct place *p, unsigned id, const struct sql_arg *args, size_t n)
{
    must(p->driver->begin(p->c, &p->e), &p->e);
    int64_t first = run(p, READ, NULL, 0), second = run(p, READ, NULL, 0);
    run(p, id, args, n);
    int64_t third = run(p, READ, NULL, 0);
    p->driver->rollback(p->c);
    return third - second - (second - first);
}

static bool is_cheap(struct place *p, unsigned id, enum hydra_form form, const char *when)
{
    struct sql_arg args[8];
    const bool lite = p->dialect == SQL_SQLITE;
    const struct sql_statement *st = &hydra_table(p->dialect, form)->rows[id];
    if (!is_paged(st)) return true;
    size_t n = page_args(st, form, args);
    int64_t cost = lite ? lite_steps(p, st, args, n) : rows_read(p, id, args, n);
    bool ok = cost <= (lite ? STEPS_MAX : ROWS_READ_MAX);
    static const char *const names[] = { [SQL_SQLITE] = "SQLite", [SQL_POSTGRES] = "PostgreSQL", [SQL_MYSQL] = "MySQL" };
    if (!ok || getenv("SHOW_PLANS") != NULL)
        fprintf(stderr, "%s, %s, %s: a page of %s costs %lld%s\n", names[p->dialect], form == HYDRA_V1 ? "v1" : "current", when,
                st->name, (long long)cost, ok ? "" : ": too much");
    return ok;
}

static int dear_ones(struct place *p, enum hydra_form form, const char *when)
{
    int n = 0;
    for (unsigned id = 0; id < HYDRA_ROWS_MAX_; id++) n += !is_cheap(p, id, form, when);
    return n;
}

/* ---- places ---- */

static int check(struct place *p, enum hydra_form form)
{
    drop_tables(p, forms[form]);
    make_tables(p, form);
    if (*dialects[p->dialect].before != '\0') script(p, str_of(dialects[p->dialect].before));
    if (hydra_by_index(p->dialect).n > 0) script(p, hydra_by_index(p->dialect));
    int n = dear_ones(p, form, "without statistics");
    analyze(p, form);
    n += dear_ones(p, form, "with statistics");
    drop_tables(p, forms[form]);
    return n;
}

static int check_lite(enum hydra_form form)
{
    ARENA_AUTO a = arena_new();
    struct place p = { .dialect = SQL_SQLITE, .arena = a };
    assert_int_equal(sqlite3_open(":memory:", &p.lite), SQLITE_OK);
    int n = check(&p, form);
    sqlite3_close(p.lite);
    return n;
}

/* Hydra's statements, and behind them the one that says what they have read. */
static const struct sql_table *table_with_read(struct arena *a, enum sql_dialect dialect, enum hydra_form form)
{
    struct sql_statement *rows = ARENA_ARRAY(a, struct sql_statement, TABLE_MAX_);
    struct sql_table *table = ARENA_NEW(a, struct sql_table);
    memcpy(rows, hydra_table(dialect, form)->rows, HYDRA_ROWS_MAX_ * sizeof(*rows));
    rows[READ] = (struct sql_statement) { .name = "READ", .params = "", .results = "i", .text = dialects[dialect].read };
    *table = (struct sql_table) { rows, TABLE_MAX_ };
    return table;
}

static int check_server(struct str dsn, enum hydra_form form)
{
    ARENA_AUTO a = arena_new();
    struct place p = { .arena = a, .e = ERR_INIT(a) };
    must(sql_driver_of(dsn, &p.driver, &p.e), &p.e);
    p.dialect = p.driver->dialect;
    must(p.driver->open(a, dsn, &p.db, &p.e), &p.e);
    must(p.driver->connect(p.db, SQL_MIGRATES, table_with_read(a, p.dialect, form), &p.c, &p.e), &p.e);
    int n = check(&p, form);
    p.driver->disconnect(p.c);
    p.driver->close(p.db);
    return n;
}

static void pages_cost_what_they_hold(void **state)
{
    ARENA_AUTO a = arena_new();
    const enum hydra_form form = *(const enum hydra_form *)*state;
    const char *named = getenv("GRANTD_TEST_DSNS");
    const struct strs dsns = strs_words(a, str_of(named != NULL ? named : ""));
    int n = check_lite(form);
    for (size_t i = 0; i < dsns.n; i++) n += check_server(dsns.v[i], form);
    assert_int_equal(n, 0);
}

int main(void)
{
    static enum hydra_form of_today = HYDRA_CURRENT, of_old = HYDRA_V1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(pages_cost_what_they_hold, &of_today),
        cmocka_unit_test_prestate(pages_cost_what_they_hold, &of_old),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
