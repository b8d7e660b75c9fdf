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
#define DEVICE_WAITS     "1"
_Static_assert(GRANT_CONSENT_ACCEPTED == 4 && GRANT_CONSENTED == 6 && GRANT_ACTIVE == 7 && GRANT_ENDED == 8,
               "the numbers of grant states are stored: they never change");
_Static_assert(MARK_TOKEN_DENIED == 1 && MARK_JTI == 2 && MARK_LOGOUT == 3 && MARK_DEVICE_TRIES == 4, "the numbers of marks are stored");
_Static_assert(DEVICE_WAITING == 1 && DEVICE_GRANTED == 2 && DEVICE_REFUSED == 3, "the numbers of device states are stored");

#define STMT(id, params_, results_, text_, ...)                                                                                  \
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

bool sql_run(struct sql *c, const struct sql_call *call, struct arena *a, struct sql_rows *ret, struct err *e)
{
    assert(fits(c->table, call));
    return c->driver->run(c, call, a, ret, e);
}
