/* The PostgreSQL driver, also for databases that speak its protocol. A connection stays in libpq's pipeline mode: statements are
 * put into its buffer as steps, and whoever wants an outcome sends them all, with a sync at the end, and reads the answers of
 * all. So BEGIN travels with the first statement of a transaction, COMMIT with the last, and a statement is prepared in the round
 * trip that first uses it. libpq waits without end in its own calls; here each wait has a deadline. */
#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "postgres_int.h"

enum { ANSWER_SECONDS = 10, LONG_ANSWER_SECONDS = 60, PARAMS_MAX = 32, TYPE_INT8 = 20, TYPE_TEXT = 25, BINARY = 1 };
/* The server gives up sooner than we do, so that its answer is known; and a node that vanishes inside a transaction holds no
 * locks for long. */
#define SET_TIMEOUTS \
    "SELECT set_config('statement_timeout', '8000', false), set_config('idle_in_transaction_session_timeout', '10000', false)"

struct pg_texts {
    const struct sql_table *table;
    const char **v;
    struct pg_texts *next;
};

/* What a connection runs beside its table. */
enum { PG_BEGIN, PG_COMMIT, PG_ROLLBACK, PG_TIMEOUTS, PG_OWN_MAX_ };
static const struct sql_statement own_statements[PG_OWN_MAX_] = {
    [PG_BEGIN] = { .name = "BEGIN", .params = "", .results = "", .text = "BEGIN" },
    [PG_COMMIT] = { .name = "COMMIT", .params = "", .results = "", .text = "COMMIT" },
    [PG_ROLLBACK] = { .name = "ROLLBACK", .params = "", .results = "", .text = "ROLLBACK" },
    [PG_TIMEOUTS] = { .name = "SET_TIMEOUTS", .params = "", .results = "ss", .text = SET_TIMEOUTS },
};

enum prepared { NOT_PREPARED, PREPARING, PREPARED };

/* One message sent that the server answers. */
struct step {
    unsigned id;
    bool prepares;
    struct sql_rows *ret; /* may be NULL */
    struct arena *arena;
};

struct pgc {
    struct sql sql;
    struct sql_db *db;
    PGconn *h;
    const char **texts;
    bool patient, begun;
    struct step *steps; /* sent or in the buffer, not answered yet */
    size_t n, cap;
    unsigned char prepared[]; /* as long as the table, and own_statements behind it */
};

static struct pgc *pgc_of(const struct sql *c) { return (struct pgc *)c; }
static unsigned own_id(const struct pgc *c, unsigned own) { return (unsigned)c->sql.table->n + own; }
static const struct sql_statement *statement_of(const struct pgc *c, unsigned id)
{
    return id < c->sql.table->n ? &c->sql.table->rows[id] : &own_statements[id - c->sql.table->n];
}

/* ---- failures ---- */

/* The first failure among the answers to what was sent. */
struct failure {
    bool happened;
    bool lost;  /* no answer: whatever was sent may have been done */
    bool ended; /* the server answered and ended the connection */
    size_t at;  /* the step; n: after all of them, at the implicit commit */
};

#define SESSIONS_MIXED "A connection pooler in between must keep sessions apart (PgBouncer: pool_mode = session)."
static const struct meaning {
    const char *state; /* SQLSTATE, or its class */
    bool broken, again;
    const char *hint;
    bool setting; /* it does not go away by itself */
} meanings[] = {
    { "40001", false, true, "The database has too many conflicting changes." },
    { "40P01", false, true, "The database has too many conflicting changes." },
    { "25006", true, false, "The database server takes no writes: it is a standby, or read-only." },
    { "26000", true, true, SESSIONS_MIXED },
    { "42P05", true, false, SESSIONS_MIXED, .setting = true },
    { "0A000", true, true, "" }, /* a plan made before a migration */
    { "53100", false, false, "The disk that holds the database is full." },
    { "53", false, false, "The database server has no memory or connections left." },
    { "57014", false, false, "The database took too long." },
    { "57P", true, false, "The database server is stopping or starting." },
    { "25P03", true, false, "" },
    { "08", true, false, "The connection to the database was lost." },
    { "42P01", false, false, "A table is missing; run `grantd migrate sql up`." },
    { "42703", false, false, "A column is missing; run `grantd migrate sql up`." },
    { "42501", false, false, "The database user lacks a privilege." },
};

static const struct meaning *meaning_of(const char *state)
{
    for (size_t i = 0; i < ARRAY_LEN(meanings); i++)
        if (strncmp(state, meanings[i].state, strlen(meanings[i].state)) == 0) return &meanings[i];
    return NULL;
}

/* Only the primary message is repeated: details name values. */
static bool fail_result(struct pgc *c, const char *doing, const PGresult *r, struct err *e)
{
    const char *state = pq.resultErrorField(r, PG_DIAG_SQLSTATE), *text = pq.resultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
    const struct meaning *m = state != NULL ? meaning_of(state) : NULL;
    if (m != NULL && m->broken) c->sql.broken = true;
    if (m != NULL && m->again) c->sql.again = true;
    const bool setting = m != NULL && m->setting;
    err_set(e, setting ? &err_MISCONFIGURATION : &err_STORAGE, m != NULL ? m->hint : "", __FILE__, __LINE__);
    return err_debugf(e, "PostgreSQL, %s: %s (%s)%s%s", doing, text != NULL ? text : "no message",
                      state != NULL ? state : "no code", setting ? ". " : "", setting ? m->hint : "");
}

static bool fail_lost(struct pgc *c, const char *what, struct err *e)
{
    c->sql.broken = true;
    err_set(e, &err_STORAGE, "The connection to the database was lost.", __FILE__, __LINE__);
    return err_debugf(e, "PostgreSQL: %s", what);
}

/* ---- sending ---- */

static bool add_step(struct pgc *c, struct step step)
{
    if (c->n == c->cap) {
        c->cap = c->cap == 0 ? 16 : c->cap * 2;
        c->steps = realloc(c->steps, c->cap * sizeof(*c->steps));
        if (c->steps == NULL) abort();
    }
    c->steps[c->n++] = step;
    return true;
}

static const char *name_of(unsigned id, char room[16])
{
    snprintf(room, 16, "s%u", id);
    return room;
}

static bool send_prepare(struct pgc *c, unsigned id)
{
    const struct sql_statement *st = statement_of(c, id);
    const char *text = id < c->sql.table->n ? c->texts[id] : st->text;
    Oid types[PARAMS_MAX];
    int n = (int)strlen(st->params);
    for (int i = 0; i < n; i++) types[i] = st->params[i] == 'i' ? TYPE_INT8 : TYPE_TEXT;
    char name[16];
    if (!pq.sendPrepare(c->h, name_of(id, name), text, n, types)) return false;
    c->prepared[id] = PREPARING;
    return add_step(c, (struct step) { .id = id, .prepares = true });
}

static bool send_run(struct pgc *c, const struct sql_call *call)
{
    const char *values[PARAMS_MAX];
    int lengths[PARAMS_MAX], formats[PARAMS_MAX];
    uint64_t numbers[PARAMS_MAX];
    assert(call->n <= PARAMS_MAX);
    for (size_t i = 0; i < call->n; i++) {
        const struct sql_arg *arg = &call->args[i];
        bool number = arg->type == 'i';
        if (number) numbers[i] = htobe64((uint64_t)arg->i);
        values[i] = number ? (const char *)&numbers[i] : arg->s.p != NULL ? arg->s.p : "";
        lengths[i] = number ? (int)sizeof(numbers[i]) : (int)arg->s.n;
        formats[i] = BINARY;
    }
    char name[16];
    return pq.sendQueryPrepared(c->h, name_of(call->id, name), (int)call->n, values, lengths, formats, BINARY);
}

/* Into libpq's buffer. */
static bool enqueue(struct pgc *c, const struct sql_call *call, struct arena *a, struct sql_rows *ret, struct err *e)
{
    if (c->sql.broken) return fail_lost(c, "the connection is not usable any more", e);
    if (c->prepared[call->id] == NOT_PREPARED && !send_prepare(c, call->id)) return fail_lost(c, "sending failed", e);
    if (!send_run(c, call)) return fail_lost(c, "sending failed", e);
    if (ret != NULL) *ret = (struct sql_rows) { 0 };
    return add_step(c, (struct step) { .id = call->id, .ret = ret, .arena = a });
}

/* ---- waiting ---- */

static usec_t deadline_of(const struct pgc *c)
{
    if (c->patient) return USEC_NEVER;
    return clock_monotonic() + (c->db->own_timeout ? LONG_ANSWER_SECONDS : ANSWER_SECONDS) * USEC_PER_SEC;
}

static int milliseconds_left(usec_t deadline)
{
    if (deadline == USEC_NEVER) return -1;
    usec_t left = deadline - clock_monotonic();
    return left <= 0 ? 0 : (int)(left / USEC_PER_MS) + 1;
}

/* Waits for the socket once. False: the deadline has come. */
static bool wait_socket(struct pgc *c, short events, usec_t deadline)
{
    struct pollfd fd = { .fd = pq.socket(c->h), .events = events };
    int got;
    do got = poll(&fd, 1, milliseconds_left(deadline));
    while (got < 0 && errno == EINTR);
    return got > 0;
}

/* Everything in the buffer; what comes meanwhile is read, or both ends would wait for each other. */
static bool flush(struct pgc *c, usec_t deadline)
{
    for (int left; (left = pq.flush(c->h)) != 0;)
        if (left < 0 || !wait_socket(c, POLLIN | POLLOUT, deadline) || !pq.consumeInput(c->h)) return false;
    return true;
}

/* An answer, or the NULL that stands between two. *ret_lost: there will be none any more. */
static PGresult *next_answer(struct pgc *c, usec_t deadline, bool *ret_lost)
{
    *ret_lost = false;
    while (pq.isBusy(c->h)) {
        if (wait_socket(c, POLLIN, deadline) && pq.consumeInput(c->h)) continue;
        *ret_lost = true;
        return NULL;
    }
    return pq.getResult(c->h);
}

/* ---- answers ---- */

static int64_t number_at(const PGresult *r, int row, int column)
{
    const unsigned char *p = (const unsigned char *)pq.getvalue(r, row, column);
    int n = pq.getlength(r, row, column);
    if (n == 0) return 0; /* NULL */
    int64_t value = (signed char)p[0];
    for (int i = 1; i < n; i++) value = (int64_t)((uint64_t)value << 8) | p[i];
    return value;
}

static struct sql_cell cell_at(const PGresult *r, int row, int column, char type, struct arena *a)
{
    if (type == 'i') return (struct sql_cell) { .i = number_at(r, row, column) };
    if (pq.getisnull(r, row, column)) return (struct sql_cell) { .s = STR_NONE };
    struct str text = { pq.getvalue(r, row, column), (size_t)pq.getlength(r, row, column) };
    return (struct sql_cell) { .s = arena_dup(a, text) };
}

static void read_rows(const PGresult *r, const char *types, struct arena *a, struct sql_rows *ret)
{
    int columns = (int)strlen(types), n = pq.ntuples(r);
    *ret = (struct sql_rows) { .n = (size_t)n, .columns = (size_t)columns };
    if (n == 0) return;
    ret->cells = ARENA_ARRAY(a, struct sql_cell, (size_t)n * (size_t)columns);
    for (int row = 0; row < n; row++)
        for (int i = 0; i < columns; i++) ret->cells[row * columns + i] = cell_at(r, row, i, types[i], a);
}

static bool take_done(struct pgc *c, const struct step *s, PGresult *r, struct err *e)
{
    const struct sql_statement *st = statement_of(c, s->id);
    if (s->prepares) {
        c->prepared[s->id] = PREPARED;
        return true;
    }
    /* A transaction that failed before ends with ROLLBACK, whatever was asked. */
    ENSURE(s->id != own_id(c, PG_COMMIT) || strcmp(pq.cmdStatus(r), "COMMIT") == 0, e, STORAGE,
           "The database gave up the transaction.");
    ENSUREF((size_t)pq.nfields(r) == strlen(st->results), e, SERVER_ERROR, "The statement %s does not fit its signature.",
            st->name);
    if (s->ret == NULL) return true;
    if (st->results[0] != '\0') {
        read_rows(r, st->results, s->arena, s->ret);
        return true;
    }
    *s->ret = (struct sql_rows) { 0 };
    if (!str_to_int(str_of(pq.cmdTuples(r)), &s->ret->changed)) s->ret->changed = 0;
    return true;
}

static void take_failed(struct pgc *c, size_t at, const PGresult *r, struct failure *f, struct err *e)
{
    const char *doing = at < c->n ? statement_of(c, c->steps[at].id)->name : "finishing";
    const char *severity = pq.resultErrorField(r, PG_DIAG_SEVERITY_NONLOCALIZED);
    bool told = pq.resultErrorField(r, PG_DIAG_SQLSTATE) != NULL;
    if (f->happened) return;
    fail_result(c, doing, r, e);
    *f = (struct failure) { .happened = true, .at = at, .lost = !told };
    f->ended = told && (pq.status(c->h) != CONNECTION_OK || severity == NULL || strcmp(severity, "ERROR") != 0);
    if (f->lost || f->ended) c->sql.broken = true;
}

/* One answer. *at: the step that it answers. False: it was the last. */
static bool take_answer(struct pgc *c, PGresult *r, size_t *at, struct failure *f, struct err *e)
{
    switch (pq.resultStatus(r)) {
    case PGRES_PIPELINE_SYNC: return false;
    case PGRES_PIPELINE_ABORTED: break;
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
        if (*at >= c->n || (!take_done(c, &c->steps[*at], r, e) && !f->happened))
            *f = (struct failure) { .happened = true, .at = *at };
        break;
    default:
        take_failed(c, *at, r, f, e);
        if (c->sql.broken) return false;
        break;
    }
    ++*at;
    return true;
}

static void take_answers(struct pgc *c, struct failure *f, struct err *e)
{
    usec_t deadline = deadline_of(c);
    size_t at = 0;
    bool lost = !flush(c, deadline);
    for (int empty = 0; !lost;) {
        PGresult *r = next_answer(c, deadline, &lost);
        if (r == NULL) {
            if (++empty > 1 || pq.status(c->h) != CONNECTION_OK) lost = true;
            continue;
        }
        empty = 0;
        bool more = take_answer(c, r, &at, f, e);
        pq.clear(r);
        if (!more) break;
    }
    if (!lost || f->happened) return;
    *f = (struct failure) { .happened = true, .lost = true, .at = at };
    fail_lost(c, milliseconds_left(deadline) == 0 ? "no answer in time" : "the connection ended", e);
}

/* Sends what was kept back and reads all answers. */
static bool sync_steps(struct pgc *c, struct failure *f, struct err *e)
{
    *f = (struct failure) { 0 };
    if (c->sql.broken || !pq.pipelineSync(c->h)) {
        *f = (struct failure) { .happened = true, .lost = true };
        fail_lost(c, "sending failed", e);
    } else {
        sql_counters.round_trips++;
        take_answers(c, f, e);
    }
    for (size_t i = 0; i < c->n; i++) {
        if (!c->steps[i].prepares) sql_counters.statements++;
        if (c->prepared[c->steps[i].id] == PREPARING) c->prepared[c->steps[i].id] = NOT_PREPARED;
    }
    c->n = 0;
    return !f->happened;
}

/* ---- the driver's functions ---- */

static bool pg_run(struct sql *base, const struct sql_call *call, struct arena *a, struct sql_rows *ret, struct err *e)
{
    struct pgc *c = pgc_of(base);
    TRY(enqueue(c, call, a, ret, e));
    if (c->begun && (ret == NULL || call->later)) return true;

    struct failure f;
    size_t last = c->n - 1;
    if (sync_steps(c, &f, e)) return true;
    /* By itself it is committed behind its answer. A statement that reads has nothing to be uncertain about. */
    bool writes = statement_of(c, call->id)->results[0] == '\0';
    if (!c->begun && writes && (f.lost || (f.ended && f.at > last))) e->kind = &err_UNCERTAIN;
    return false;
}

static bool enqueue_own(struct pgc *c, unsigned own, struct err *e)
{
    return enqueue(c, &(const struct sql_call) { .id = own_id(c, own) }, NULL, NULL, e);
}

static bool pg_begin(struct sql *base, struct err *e)
{
    struct pgc *c = pgc_of(base);
    TRY(enqueue_own(c, PG_BEGIN, e));
    c->begun = true;
    return true;
}

static void pg_rollback(struct sql *base)
{
    struct pgc *c = pgc_of(base);
    struct err ignored = ERR_INIT(NULL);
    struct failure f;
    if (c->begun && !(enqueue_own(c, PG_ROLLBACK, &ignored) && sync_steps(c, &f, &ignored))) c->sql.broken = true;
    c->begun = false;
}

static bool pg_commit(struct sql *base, struct err *e)
{
    struct pgc *c = pgc_of(base);
    struct failure f;
    if (!enqueue_own(c, PG_COMMIT, e)) {
        pg_rollback(base);
        return false;
    }
    size_t last = c->n - 1;
    bool ok = sync_steps(c, &f, e) || f.at > last; /* what comes behind the answer to COMMIT concerns the connection only */
    if (!ok && (f.lost || (f.ended && f.at == last))) e->kind = &err_UNCERTAIN;
    if (!ok) pg_rollback(base);
    c->begun = false;
    return ok;
}

static bool pg_in_transaction(const struct sql *base) { return pgc_of(base)->begun; }

static bool pg_alive(struct sql *base)
{
    struct pgc *c = pgc_of(base);
    /* Something may have come meanwhile: a changed setting, a session ticket, or the end. */
    for (int tries = 0; tries < 8 && wait_socket(c, POLLIN, 0); tries++)
        if (!pq.consumeInput(c->h) || pq.status(c->h) != CONNECTION_OK) return false;
    return !c->sql.broken && pq.isBusy(c->h) == 0 && pq.status(c->h) == CONNECTION_OK;
}

/* ---- connecting ---- */

static const char **texts_for(struct sql_db *db, const struct sql_table *table)
{
    pthread_mutex_lock(&db->lock);
    struct pg_texts *t = db->texts;
    while (t != NULL && t->table != table) t = t->next;
    if (t == NULL) {
        t = ARENA_NEW(db->arena, struct pg_texts);
        *t = (struct pg_texts) { .table = table, .next = db->texts, .v = ARENA_ARRAY(db->arena, const char *, table->n) };
        for (size_t i = 0; i < table->n; i++) t->v[i] = postgres_spell(db->arena, sql_text(&table->rows[i], SQL_POSTGRES));
        db->texts = t;
    }
    pthread_mutex_unlock(&db->lock);
    return t->v;
}

static void pg_disconnect(struct sql *base)
{
    if (base == NULL) return;
    struct pgc *c = pgc_of(base);
    pq.finish(c->h);
    free(c->steps);
    free(c);
}

/* Notices would be written to stderr. */
static void ignore_notice(void *arg, const char *text)
{
    (void)arg;
    (void)text;
}

/* The server answers, and says that these settings are wrong: waiting does not help. */
static bool refuses_settings(const char *text)
{
    static const char *const signs[] = { "authentication failed",
                                         "no password supplied",
                                         "no pg_hba.conf entry",
                                         " does not exist",
                                         "does not support SSL",
                                         "certificate",
                                         "root.crt" };
    for (size_t i = 0; i < ARRAY_LEN(signs); i++)
        if (strstr(text, signs[i]) != NULL) return true;
    return false;
}

/* libpq's message, which has a line for each host, as one line. */
static struct str one_line(char *text)
{
    for (char *p = text; *p != '\0'; p++)
        if ((unsigned char)*p < ' ') *p = ' ';
    return str_trim(str_of(text));
}

static bool fail_connect(struct pgc *c, struct err *e)
{
    ARENA_AUTO a = arena_new();
    char *text = arena_dupz(a, str_of(pq.errorMessage(c->h)));
    err_set(e, refuses_settings(text) ? &err_MISCONFIGURATION : &err_STORAGE, "The database cannot be reached.", __FILE__,
            __LINE__);
    return err_debugf(e, "PostgreSQL, connecting: %.*s", STR_FMT(one_line(text)));
}

static bool setup(struct pgc *c, struct err *e)
{
    const char *encoding = pq.parameterStatus(c->h, "server_encoding");
    ENSUREF(encoding != NULL && strcmp(encoding, "UTF8") == 0, e, MISCONFIGURATION,
            "dsn: the database's encoding is %s; it must be UTF8.", encoding != NULL ? encoding : "unknown");
    if (pq.setnonblocking(c->h, 1) != 0 || !pq.enterPipelineMode(c->h)) return fail_lost(c, "the connection ended", e);
    if (c->patient || c->db->own_timeout) return true;
    struct failure f;
    return enqueue_own(c, PG_TIMEOUTS, e) && sync_steps(c, &f, e);
}

static bool pg_connect(struct sql_db *db, enum sql_role role, const struct sql_table *table, struct sql **ret, struct err *e)
{
    struct pgc *c = calloc(1, sizeof(*c) + table->n + PG_OWN_MAX_);
    if (c == NULL) abort();
    c->sql = (struct sql) { .driver = &postgres_driver, .table = table };
    c->db = db;
    c->texts = texts_for(db, table);
    c->patient = role == SQL_MIGRATES;
    c->h = pq.connectdbParams(db->names, db->values, 0);
    if (c->h == NULL) abort();
    sql_counters.connections++;
    pq.setNoticeProcessor(c->h, ignore_notice, NULL);
    bool ok = pq.status(c->h) == CONNECTION_OK ? setup(c, e) : fail_connect(c, e);
    if (!ok) {
        pg_disconnect(&c->sql);
        return false;
    }
    *ret = &c->sql;
    return true;
}

static bool pg_open(struct arena *a, struct str dsn, struct sql_db **ret, struct err *e)
{
    struct sql_db *db = ARENA_NEW(a, struct sql_db);
    TRY(postgres_dsn_read(a, dsn, db, e));
    pthread_mutex_init(&db->lock, NULL);
    *ret = db;
    return true;
}

static void pg_close(struct sql_db *db) { pthread_mutex_destroy(&db->lock); }

/* ---- scripts ---- */

/* Several statements in one text are no matter for a pipeline. */
static bool run_script(struct pgc *c, const char *text, struct err *e)
{
    if (!pq.exitPipelineMode(c->h)) return fail_lost(c, "the connection is busy", e);
    pq.setnonblocking(c->h, 0);
    PGresult *r = pq.exec(c->h, text);
    sql_counters.round_trips++;
    bool ok = pq.resultStatus(r) == PGRES_COMMAND_OK || pq.resultStatus(r) == PGRES_TUPLES_OK ||
              fail_result(c, "running a script", r, e);
    pq.clear(r);
    if (pq.setnonblocking(c->h, 1) != 0 || !pq.enterPipelineMode(c->h)) c->sql.broken = true;
    return ok;
}

static bool pg_script(struct sql *base, struct str text, struct err *e)
{
    struct pgc *c = pgc_of(base);
    struct failure f;
    if (c->n > 0) TRY(sync_steps(c, &f, e));
    ARENA_AUTO a = arena_new();
    /* CockroachDB sorts by bytes as it is, and takes a column with a collation for another type. */
    bool cockroach = pq.parameterStatus(c->h, "crdb_version") != NULL;
    return run_script(c, cockroach ? arena_dupz(a, text) : postgres_collate(a, text).p, e);
}

const struct sql_driver postgres_driver = {
    .dialect = SQL_POSTGRES,
    .open = pg_open,
    .close = pg_close,
    .connect = pg_connect,
    .disconnect = pg_disconnect,
    .alive = pg_alive,
    .run = pg_run,
    .script = pg_script,
    .begin = pg_begin,
    .commit = pg_commit,
    .rollback = pg_rollback,
    .in_transaction = pg_in_transaction,
};
