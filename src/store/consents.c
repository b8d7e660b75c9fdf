/* Consents: grants seen as what a person agreed to. Those of a client that was deleted are not seen. */
#include "grants_int.h"

bool store_consent_latest(struct store *s, struct op *op, struct str client_id, struct str subject, struct grant **ret,
                          struct err *e)
{
    struct sql_rows rows;
    TRY(store_read(s, op, CALL(CONSENT_LATEST, ARG(client_id), ARG(subject), ARG(op->now)), &rows, e));
    *ret = grant_first(op->arena, &rows);
    return true;
}

static bool read_list(struct store *s, struct op *op, const struct consent_filter *f, struct sql_rows *ret, struct err *e)
{
    usec_t before = f->before != 0 ? f->before : USEC_NEVER;
    if (f->session_id.p != NULL)
        return store_read(s, op,
                          CALL(CONSENT_LIST_SESSION, ARG(f->subject), ARG(op->now), ARG(before), ARG(f->before_id), ARG(f->limit),
                               ARG(f->offset), ARG(f->session_id)),
                          ret, e);
    return store_read(s, op,
                      CALL(CONSENT_LIST, ARG(f->subject), ARG(op->now), ARG(before), ARG(f->before_id), ARG(f->limit),
                           ARG(f->offset)),
                      ret, e);
}

bool store_consent_list(struct store *s, struct op *op, const struct consent_filter *f, struct grant **ret, size_t *ret_n,
                        struct err *e)
{
    struct sql_rows rows;
    TRY(read_list(s, op, f, &rows, e));
    struct grant *list = ARENA_ARRAY(op->arena, struct grant, rows.n);
    for (size_t i = 0; i < rows.n; i++) list[i] = grant_of(sql_row(&rows, i));
    *ret = list;
    *ret_n = rows.n;
    return true;
}

bool store_consent_count(struct store *s, struct op *op, const struct consent_filter *f, int64_t *ret, struct err *e)
{
    if (f->session_id.p != NULL)
        return store_read_int(s, op, CALL(CONSENT_COUNT_SESSION, ARG(f->subject), ARG(op->now), ARG(f->session_id)), ret, e);
    return store_read_int(s, op, CALL(CONSENT_COUNT, ARG(f->subject), ARG(op->now)), ret, e);
}

bool store_consent_revoke(struct store *s, struct op *op, struct str subject, struct str client_id, struct str grant_id,
                          struct err *e)
{
    if (grant_id.n > 0) return store_change(s, op, CALL(REVOKE_GRANT, ARG(grant_id), ARG(subject), ARG(client_id)), NULL, e);
    if (subject.n > 0 && client_id.n > 0)
        return store_change(s, op, CALL(REVOKE_SUBJECT_CLIENT, ARG(subject), ARG(client_id)), NULL, e);
    if (subject.n > 0) return store_change(s, op, CALL(REVOKE_SUBJECT, ARG(subject)), NULL, e);
    if (client_id.n > 0) return store_change(s, op, CALL(REVOKE_CLIENT, ARG(client_id)), NULL, e);
    FAIL(e, SERVER_ERROR, "A revocation of consents names neither subject nor client nor grant.");
}
