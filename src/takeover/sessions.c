/* Login sessions. The cookies in people's browsers hold their ids, so they stay signed in. */
#include "takeover/takeover_int.h"

enum { ID, SUBJECT, REMEMBER, AUTHENTICATED, EXPIRES, IDP, LIFE };

/* Later versions note an end. v1 did not: its cookie had the life that the login app chose, or none; then ours begins today. */
static usec_t end_of(const struct takeover *t, const struct sql_cell *c)
{
    if (c[EXPIRES].i > 0) return c[EXPIRES].i;
    if (c[LIFE].i > 0) return c[AUTHENTICATED].i + c[LIFE].i * USEC_PER_SEC;
    return t->now + t->provider->config->ttl_authentication_session;
}

static bool verify_session(struct takeover *t, struct op *op, const struct session_row *row, struct err *e)
{
    struct session_row *there;
    enum verdict v = VERDICT_MISSING;
    TRY(store_session_get(t->provider->store, op, row->id, &there, e));
    if (there == NULL)
        TRY(absent_verdict(t, op, taken_name(op->arena, "session", row->id), &v, e));
    else if (str_eq(there->subject, row->subject) && there->remember == row->remember)
        v = VERDICT_SAME;
    count_verdict(t, KIND_SESSIONS, v, row->id);
    return true;
}

static bool bring_page(struct takeover *t, struct op *op, const struct sql_rows *rows, struct err *e)
{
    struct arena *a = op->arena;
    struct session_row *list = ARENA_ARRAY(a, struct session_row, rows->n);
    struct import *how = ARENA_ARRAY(a, struct import, rows->n);
    size_t n = 0;
    for (size_t i = 0; i < rows->n; i++) {
        const struct sql_cell *c = sql_row(rows, i);
        const struct session_row row = { .id = c[ID].s,
                                         .subject = c[SUBJECT].s,
                                         .remember = c[REMEMBER].i != 0,
                                         .authenticated_at = c[AUTHENTICATED].i,
                                         .expires_at = end_of(t, c),
                                         .idp_session_id = c[IDP].s };
        /* Without a subject: a visit to the login page that led nowhere. */
        if (row.expires_at <= t->now || row.subject.n == 0)
            left_silently(t, KIND_SESSIONS, LEFT_EXPIRED);
        else if (t->options->mode == TAKEOVER_DRY)
            tally(t, KIND_SESSIONS)->added++;
        else if (t->options->mode == TAKEOVER_VERIFY)
            TRY(verify_session(t, op, &row, e));
        else {
            list[n] = row;
            how[n++].taken = taken_name(a, "session", row.id);
        }
    }
    if (n == 0) return true;
    TRY(store_import_sessions(t->provider->store, op, list, how, n, e));
    count_outcomes(t, KIND_SESSIONS, how, n);
    return true;
}

bool bring_sessions(struct takeover *t, struct err *e)
{
    return takeover_pages(t, KIND_SESSIONS, &(struct paging) { HYDRA_SESSIONS, 1, "" }, bring_page, e);
}
