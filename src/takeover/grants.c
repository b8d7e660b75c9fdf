/* Consents with all that hangs on them: a page of consents, then the tokens of the whole page, table by table. */
#include <stdlib.h>

#include "takeover/family.h"

enum { USED_PAGE = 1000 };

struct page {
    struct family *families; /* in the order of rows */
    struct family **by_id;   /* sorted by bytes, as no database may sort */
    struct grant *grants;    /* of those that are brought, in the order of `brought` */
    struct family **brought;
    struct str *ended; /* ids of those that are of no more use */
    size_t n, grants_n, ended_n;
    struct str first, last;
};

/* ---- finding a consent by its id ---- */

static int compare(const void *a, const void *b)
{
    return str_cmp((*(struct family *const *)a)->id, (*(struct family *const *)b)->id);
}

static struct family *find(const struct page *p, struct str id)
{
    struct family key = { .id = id }, *at = &key;
    struct family *const *found = bsearch(&at, p->by_id, p->n, sizeof(*p->by_id), compare);
    return found != NULL ? *found : NULL;
}

static void make_page(struct arena *a, const struct sql_rows *rows, struct page *p)
{
    *p = (struct page) { .n = rows->n };
    p->families = ARENA_ARRAY(a, struct family, p->n);
    p->by_id = ARENA_ARRAY(a, struct family *, p->n);
    p->grants = ARENA_ARRAY(a, struct grant, p->n);
    p->brought = ARENA_ARRAY(a, struct family *, p->n);
    p->ended = ARENA_ARRAY(a, struct str, p->n);
    for (size_t i = 0; i < p->n; i++) {
        p->families[i] = (struct family) { .id = sql_row(rows, i)[CONSENT_ID].s, .consent = sql_row(rows, i) };
        p->by_id[i] = &p->families[i];
    }
    p->first = p->families[0].id;
    p->last = p->families[p->n - 1].id;
    qsort(p->by_id, p->n, sizeof(*p->by_id), compare);
}

/* ---- tokens: the columns of each part are those of current.def ---- */

/* NULL: counted as left out. */
static struct hydra_token *read_token(struct takeover *t, struct arena *a, const struct family *f, struct str sealed)
{
    struct hydra_token *k = ARENA_NEW(a, struct hydra_token);
    if (session_data_read(t->source.keys, a, sealed, &k->data)) {
        if (t->report->issuer.n == 0) t->report->issuer = arena_dup(t->arena, k->data.issuer);
        return k;
    }
    left_out(t, KIND_TOKENS, LEFT_SEALED, ARENA_CAT(a, STR("of client "), f->consent[CONSENT_CLIENT].s));
    return NULL;
}

static usec_t or_after(usec_t said, usec_t requested_at, usec_t life) { return said != 0 ? said : requested_at + life; }

static void keep_living(struct takeover *t, struct hydra_token *k, struct hydra_token **list)
{
    if (k->until <= t->now) {
        left_silently(t, KIND_TOKENS, LEFT_EXPIRED);
        return;
    }
    k->next = *list;
    *list = k;
}

static void add_refresh(struct takeover *t, struct arena *a, struct family *f, const struct sql_cell *c)
{
    struct hydra_token *k = read_token(t, a, f, c[2].s);
    if (k == NULL) return;
    k->signature = c[1].s;
    k->requested_at = c[3].i;
    k->used = c[4].i != 0;
    k->until = k->data.refresh_until != 0 ? k->data.refresh_until : USEC_NEVER;
    keep_living(t, k, &f->refresh);
}

static void add_access(struct takeover *t, struct arena *a, struct family *f, const struct sql_cell *c)
{
    struct hydra_token *k = read_token(t, a, f, c[2].s);
    if (k == NULL) return;
    k->signature = c[1].s;
    k->requested_at = c[3].i;
    k->until = or_after(k->data.access_until, c[3].i, t->provider->config->ttl_access_token);
    keep_living(t, k, &f->access);
}

static void add_code(struct takeover *t, struct arena *a, struct family *f, const struct sql_cell *c)
{
    const bool used = c[5].i == 0;
    struct hydra_token *k = used ? ARENA_NEW(a, struct hydra_token) : read_token(t, a, f, c[3].s);
    if (k == NULL) return;
    k->signature = c[1].s;
    k->requested_at = c[4].i;
    k->until = or_after(k->data.code_until, c[4].i, t->provider->config->ttl_auth_code);
    if (!used && k->until <= t->now) {
        left_silently(t, KIND_TOKENS, LEFT_EXPIRED);
        return;
    }
    f->code = k;
    f->code_used = used;
    f->code_form = c[2].s;
}

static void add_pkce(struct takeover *t, struct arena *a, struct family *f, const struct sql_cell *c)
{
    (void)t, (void)a;
    f->pkce_form = c[2].s;
}

static void add_device(struct takeover *t, struct arena *a, struct family *f, const struct sql_cell *c)
{
    struct hydra_token *k = read_token(t, a, f, c[1].s);
    if (k == NULL) return;
    k->requested_at = c[2].i;
    k->until = c[3].i > 0 ? c[3].i : or_after(k->data.device_until, c[2].i, t->provider->config->ttl_device_user_code);
    if (k->until > t->now) f->device = k; /* the code itself is counted with the devices */
}

static const struct part {
    enum hydra_rows id;
    bool counts; /* among the tokens */
    void (*add)(struct takeover *t, struct arena *a, struct family *f, const struct sql_cell *c);
} parts[] = {
    { HYDRA_REFRESH_LIVE, true, add_refresh }, { HYDRA_ACCESS_LIVE, true, add_access },    { HYDRA_CODES, true, add_code },
    { HYDRA_PKCES, false, add_pkce },          { HYDRA_DEVICE_GRANTS, false, add_device },
};

static bool read_part(struct takeover *t, struct arena *a, const struct page *p, const struct part *part, struct err *e)
{
    const struct sql_arg range[] = { ARG(p->first), ARG(p->last) };
    struct sql_rows rows;
    TRY(source_rows(&t->source, a, part->id, range, ARRAY_LEN(range), &rows, e));
    if (part->counts) tally(t, KIND_TOKENS)->found += (int64_t)rows.n;
    for (size_t i = 0; i < rows.n; i++) {
        struct family *f = find(p, sql_row(&rows, i)[0].s);
        if (f != NULL)
            part->add(t, a, f, sql_row(&rows, i));
        else if (part->counts)
            left_silently(t, KIND_TOKENS, LEFT_NO_OWNER); /* its consent was refused, or is not done */
    }
    return true;
}

/* ---- grants ---- */

static void map_grants(struct takeover *t, struct op *op, struct page *p)
{
    enum takeover_left why;
    for (size_t i = 0; i < p->n; i++) {
        struct family *f = &p->families[i];
        if (family_grant(t, op, f, &p->grants[p->grants_n], &why)) {
            p->brought[p->grants_n++] = f;
            continue;
        }
        if (why == LEFT_EXPIRED)
            left_silently(t, KIND_GRANTS, why);
        else
            left_out(t, KIND_GRANTS, why, f->id);
        if (why == LEFT_EXPIRED && hex_id(op->arena, f->id, &p->ended[p->ended_n])) p->ended_n++;
        tally(t, KIND_TOKENS)->left[why] += (int64_t)family_size(f);
    }
}

static bool verify_grant(struct takeover *t, struct op *op, const struct grant *g, bool *ret_owned, struct err *e)
{
    struct grant *there;
    struct grant_session session;
    struct client_state client;
    struct err why = ERR_INIT(op->arena);
    TRY(store_client_state(t->provider->store, op, g->client_id, STR_NONE, &client, e));
    *ret_owned = client.version > 0;
    if (!*ret_owned) return true;
    TRY(store_grant_get(t->provider->store, op, g->id, &there, e));
    enum verdict v = VERDICT_MISSING;
    if (there != NULL && grant_session_read(t->provider, op, there, &session, &why)) {
        const bool same = there->state == g->state && there->generation == g->generation && str_eq(there->session, g->session);
        v = same ? VERDICT_SAME : VERDICT_MOVED;
    }
    count_verdict(t, KIND_GRANTS, v, g->id);
    return true;
}

/* Revoked there, or expired, after an earlier run had brought them. */
static bool end_grants(struct takeover *t, struct op *op, const struct page *p, struct err *e)
{
    int64_t ended;
    if (t->options->mode != TAKEOVER_RUN || !t->repeated) return true;
    TRY(store_import_ended(t->provider->store, op, p->ended, p->ended_n, &ended, e));
    tally(t, KIND_GRANTS)->again += ended;
    tally(t, KIND_GRANTS)->left[LEFT_EXPIRED] -= ended;
    return true;
}

/* Nothing that hangs on a grant whose client is not there is of use. */
static void keep_owned(struct takeover *t, struct page *p, const struct import *how)
{
    size_t kept = 0;
    for (size_t i = 0; i < p->grants_n; i++) {
        if (how[i].outcome == IMPORT_REFUSED) {
            tally(t, KIND_TOKENS)->left[LEFT_NO_OWNER] += (int64_t)family_size(p->brought[i]);
            continue;
        }
        p->grants[kept] = p->grants[i];
        p->brought[kept] = p->brought[i];
        p->brought[kept]->grant = &p->grants[kept];
        kept++;
    }
    p->grants_n = kept;
}

static bool verify_grants(struct takeover *t, struct op *op, const struct page *p, struct import *how, struct err *e)
{
    for (size_t i = 0; i < p->grants_n; i++) {
        bool owned;
        TRY(verify_grant(t, op, &p->grants[i], &owned, e));
        if (owned) continue;
        how[i].outcome = IMPORT_REFUSED;
        left_silently(t, KIND_GRANTS, LEFT_NO_OWNER);
    }
    return true;
}

static bool settle_grants(struct takeover *t, struct op *op, struct page *p, struct err *e)
{
    struct import *how = ARENA_ARRAY(op->arena, struct import, p->grants_n + 1);
    switch (t->options->mode) {
    case TAKEOVER_DRY: tally(t, KIND_GRANTS)->added += (int64_t)p->grants_n; break;
    case TAKEOVER_VERIFY: TRY(verify_grants(t, op, p, how, e)); break;
    case TAKEOVER_RUN:
        TRY(store_import_grants(t->provider->store, op, p->grants, how, p->grants_n, e));
        count_outcomes(t, KIND_GRANTS, how, p->grants_n);
        break;
    }
    keep_owned(t, p, how);
    return true;
}

/* ---- what the tokens are found by ---- */

static bool settle_tokens(struct takeover *t, struct op *op, const struct page *p, struct err *e)
{
    size_t room = 0, n = 0;
    for (size_t i = 0; i < p->grants_n; i++) room += family_size(p->brought[i]);
    struct earlier_token *rows = ARENA_ARRAY(op->arena, struct earlier_token, room + 1);
    for (size_t i = 0; i < p->grants_n; i++) {
        if (p->grants[i].state == GRANT_ENDED)
            tally(t, KIND_TOKENS)->left[LEFT_EXPIRED] += (int64_t)family_size(p->brought[i]);
        else if (t->options->mode == TAKEOVER_DRY)
            tally(t, KIND_TOKENS)->added += (int64_t)family_size(p->brought[i]);
        else
            TRY(family_tokens(t, op, p->brought[i], &p->grants[i], rows, &n, e));
    }
    return n == 0 || put_earlier(t, op, KIND_TOKENS, rows, n, e);
}

/* ---- refresh tokens that were used: as many as a family is old, so they come in pages of their own ---- */

static bool settle_used(struct takeover *t, struct op *op, const struct page *p, const struct sql_rows *rows, struct err *e)
{
    struct earlier_token *list = ARENA_ARRAY(op->arena, struct earlier_token, rows->n);
    size_t n = 0;
    for (size_t i = 0; i < rows->n; i++) {
        const struct sql_cell *c = sql_row(rows, i);
        const struct family *f = find(p, c[0].s);
        const struct grant *g = f != NULL ? f->grant : NULL;
        if (g == NULL || g->state != GRANT_ACTIVE)
            left_silently(t, KIND_TOKENS, LEFT_EXPIRED);
        else if (t->options->mode == TAKEOVER_DRY)
            tally(t, KIND_TOKENS)->added++;
        else
            list[n++] = family_used_refresh(t, op->arena, c[1].s, c[2].i, g);
    }
    return n == 0 || put_earlier(t, op, KIND_TOKENS, list, n, e);
}

static bool bring_used(struct takeover *t, const struct page *p, struct err *e)
{
    ARENA_AUTO keep = arena_new();
    struct str family = p->first, signature = STR("");
    for (;;) {
        ARENA_AUTO a = arena_new();
        struct op op = { .arena = a, .now = t->now, .may_wait = true };
        struct sql_rows rows;
        TRY(SOURCE_ROWS(&t->source, a, REFRESH_USED, &rows, e, ARG(family), ARG(p->last), ARG(signature),
                        ARG((int64_t)USED_PAGE)));
        if (rows.n == 0) return true;
        tally(t, KIND_TOKENS)->found += (int64_t)rows.n;
        TRY(settle_used(t, &op, p, &rows, e));
        if (rows.n < USED_PAGE) return true;
        family = arena_dup(keep, sql_row(&rows, rows.n - 1)[0].s);
        signature = arena_dup(keep, sql_row(&rows, rows.n - 1)[1].s);
    }
}

static bool bring_page(struct takeover *t, struct op *op, const struct sql_rows *rows, struct err *e)
{
    struct page p;
    make_page(op->arena, rows, &p);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) TRY(read_part(t, op->arena, &p, &parts[i], e));
    map_grants(t, op, &p);
    TRY(settle_grants(t, op, &p, e));
    TRY(end_grants(t, op, &p, e));
    TRY(settle_tokens(t, op, &p, e));
    return bring_used(t, &p, e);
}

bool bring_grants(struct takeover *t, struct err *e)
{
    return takeover_pages(t, KIND_GRANTS, &(struct paging) { HYDRA_CONSENTS, 1, "" }, bring_page, e);
}
