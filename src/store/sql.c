/* The table of statements. Knows every text and no database client. */
#include "sql.h"

#include <assert.h>
#include <string.h>

#include "store.h"

/* statements.def spells enum members as numbers. */
#define CONSENT_ACCEPTED "4"
#define CONSENTED        "6"
#define ACTIVE           "7"
#define ENDED            "8"
#define TOKEN_DENIED     "1"
#define JTI              "2"
#define EARLIER_JTI      "5"
#define TAKEN            "6"
#define IMPORTED_CODE    "10"
#define IMPORTED_TOKENS  "3"
#define DEVICE_WAITS     "1"
_Static_assert(GRANT_CONSENT_ACCEPTED == 4 && GRANT_CONSENTED == 6 && GRANT_ACTIVE == 7 && GRANT_ENDED == 8,
               "the numbers of grant states are stored: they never change");
_Static_assert(MARK_TOKEN_DENIED == 1 && MARK_JTI == 2 && MARK_LOGOUT == 3 && MARK_DEVICE_TRIES == 4 && MARK_EARLIER_JTI == 5 &&
                   MARK_TAKEN == 6,
               "the numbers of marks are stored");
_Static_assert(IMPORTED_CODE_GENERATION == 10 && IMPORTED_TOKEN_GENERATION == 3, "rows hold them");
_Static_assert(DEVICE_WAITING == 1 && DEVICE_GRANTED == 2 && DEVICE_REFUSED == 3, "the numbers of device states are stored");

#define STMT(id, params_, results_, text_, ...) \
    [STMT_##id] = { .name = #id, .params = (params_), .results = (results_), .text = (text_), .own = { __VA_ARGS__ } },
static const struct sql_statement statements[STMT_MAX_] = {
#include "statements.def"
};
#undef STMT
const struct sql_table sql_store_table = { .rows = statements, .n = STMT_MAX_ };

const char *sql_text(const struct sql_statement *st, enum sql_dialect dialect)
{
    return st->own[dialect] != NULL ? st->own[dialect] : st->text;
}

static bool fits(const struct sql_table *table, const struct sql_call *call)
{
    if (call->id >= table->n) return false;
    const char *params = table->rows[call->id].params;
    if (strlen(params) != call->n) return false;
    for (size_t i = 0; i < call->n; i++)
        if (call->args[i].type != params[i]) return false;
    return true;
}

/* A text that servers refuse: they hold UTF-8 without NUL. */
static bool holds(const struct sql_call *call)
{
    for (size_t i = 0; i < call->n; i++) {
        const struct str s = call->args[i].s;
        if (call->args[i].type == 's' && (str_has(s, '\0') || !str_is_utf8(s))) return false;
    }
    return true;
}

struct sql_counters sql_counters;

bool sql_run(struct sql *c, const struct sql_call *call, struct arena *a, struct sql_rows *ret, struct err *e)
{
    assert(fits(c->table, call));
    if (c->driver->embedded || holds(call)) return c->driver->run(c, call, a, ret, e);
    bool reads = c->table->rows[call->id].results[0] != '\0';
    ENSURE(reads, e, INVALID_REQUEST, "A text is not UTF-8, or has a NUL.");
    *ret = (struct sql_rows) { 0 }; /* no row has such a text */
    return true;
}

struct sql_cell *sql_new_row(struct arena *a, struct sql_rows *rows, size_t *cap)
{
    if (rows->n == *cap) {
        struct sql_cell *old = rows->cells;
        *cap = *cap == 0 ? 1 : *cap * 4;
        rows->cells = ARENA_ARRAY(a, struct sql_cell, *cap * rows->columns);
        if (old != NULL) memcpy(rows->cells, old, rows->n * rows->columns * sizeof(*old));
    }
    return rows->cells + rows->n++ * rows->columns;
}
