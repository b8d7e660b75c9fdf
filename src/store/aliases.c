/* Forced subject identifiers. They belong to one life of a client, as its grants do. */
#include "store_int.h"

bool store_alias_put(struct store *s, struct op *op, struct str client_id, struct str subject, struct str alias, struct err *e)
{
    return store_change(s, op, CALL(ALIAS_PUT, ARG(client_id), ARG(subject), ARG(alias)), NULL, e);
}

bool store_alias_get(struct store *s, struct op *op, struct str client_id, struct str subject, struct str *ret, struct err *e)
{
    struct sql_rows rows;
    TRY(store_read(s, op, CALL(ALIAS_GET, ARG(client_id), ARG(subject)), &rows, e));
    *ret = rows.n > 0 ? sql_row(&rows, 0)->s : STR_NONE;
    return true;
}
