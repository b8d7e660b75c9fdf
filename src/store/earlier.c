/* Tokens from before a take-over: written by import.c, only read while serving. */
#include "store_int.h"

bool store_earlier_get(struct store *s, struct op *op, struct str digest, struct str *ret_token, struct err *e)
{
    struct sql_rows rows;
    TRY(store_read(s, op, CALL(EARLIER_GET, ARG(digest)), &rows, e));
    *ret_token = rows.n > 0 ? sql_row(&rows, 0)->s : STR("");
    return true;
}
