/* Access tokens that no consent stands behind: client credentials and JWT bearer. Each becomes a token that says everything
 * itself. */
#include "oauth/earlier.h"
#include "oauth/token.h"
#include "takeover/takeover_int.h"

enum { SIGNATURE, CLIENT, SUBJECT, SCOPE, AUDIENCE, SESSION, REQUESTED };

/* False: counted as left out. */
static bool read_token(struct takeover *t, struct arena *a, const struct sql_cell *c, struct access_token *ret)
{
    struct session_data data;
    if (!session_data_read(t->source.keys, a, c[SESSION].s, &data)) {
        left_out(t, KIND_OWN_TOKENS, LEFT_SEALED, ARENA_CAT(a, STR("a token of client "), c[CLIENT].s));
        return false;
    }
    const usec_t until = data.access_until != 0 ? data.access_until : c[REQUESTED].i + t->provider->config->ttl_access_token;
    const struct str subject = data.subject.n > 0 ? data.subject : c[SUBJECT].s;
    *ret = (struct access_token) { .client_id = c[CLIENT].s,
                                   .subject = subject.n > 0 ? subject : c[CLIENT].s,
                                   .scopes = hydra_list(a, c[SCOPE].s),
                                   .audience = hydra_list(a, c[AUDIENCE].s),
                                   .ext = data.access_claims,
                                   .issued_at = c[REQUESTED].i,
                                   .expires_at = usec_to_sec(until) * USEC_PER_SEC };
    if (until > t->now) return true;
    left_silently(t, KIND_OWN_TOKENS, LEFT_EXPIRED);
    return false;
}

static bool bring_page(struct takeover *t, struct op *op, const struct sql_rows *rows, struct err *e)
{
    struct earlier_token *list = ARENA_ARRAY(op->arena, struct earlier_token, rows->n);
    size_t n = 0;
    for (size_t i = 0; i < rows->n; i++) {
        const struct sql_cell *c = sql_row(rows, i);
        struct access_token token;
        if (!read_token(t, op->arena, c, &token)) continue;
        if (t->options->mode == TAKEOVER_DRY)
            tally(t, KIND_OWN_TOKENS)->added++;
        else
            TRY(earlier_access_token(t->provider, op, token_digest(op->arena, c[SIGNATURE].s), &token, &list[n++], e));
    }
    return n == 0 || put_earlier(t, op, KIND_OWN_TOKENS, list, n, e);
}

bool bring_own_tokens(struct takeover *t, struct err *e)
{
    return takeover_pages(t, KIND_OWN_TOKENS, &(struct paging) { HYDRA_OWN_TOKENS, 1, "" }, bring_page, e);
}
