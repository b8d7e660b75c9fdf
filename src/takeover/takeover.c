/* The order of kinds, the loop over pages, and the counting. Knows no kind's rows. */
#include "takeover/takeover_int.h"

#include "base/b64.h"

enum { PAGE = 500, MOST_KEYS = 2 };

/* What belongs to something comes after it. `count` says how many rows there are, for the progress; KIND_TOKENS has none of its
 * own. */
static const struct kind_row {
    const char *name;
    enum hydra_rows count;
    bool (*bring)(struct takeover *t, struct err *e);
} kinds[KIND_MAX_] = {
    [KIND_CLIENTS] = { "clients", HYDRA_CLIENTS_COUNT, bring_clients },
    [KIND_KEYS] = { "keys", HYDRA_KEYS_COUNT, bring_keys },
    [KIND_TRUSTS] = { "trusted issuers", HYDRA_TRUSTS_COUNT, bring_trusts },
    [KIND_SESSIONS] = { "login sessions", HYDRA_SESSIONS_COUNT, bring_sessions },
    [KIND_SUBJECTS] = { "subject identifiers", HYDRA_SUBJECTS_COUNT, bring_subjects },
    [KIND_GRANTS] = { "consents", HYDRA_CONSENTS_COUNT, bring_grants },
    [KIND_TOKENS] = { "tokens and codes", HYDRA_ROWS_MAX_, NULL },
    [KIND_OWN_TOKENS] = { "clients' own tokens", HYDRA_OWN_TOKENS_COUNT, bring_own_tokens },
    [KIND_DEVICES] = { "device codes", HYDRA_DEVICES_COUNT, bring_devices },
    [KIND_JTIS] = { "used assertions", HYDRA_JTIS_COUNT, bring_jtis },
};

const char *takeover_left_text(enum takeover_left why)
{
    static const char *const texts[LEFT_MAX_] = {
        [LEFT_EXPIRED] = "expired, or of no more use",
        [LEFT_NO_OWNER] = "what it belongs to is not there",
        [LEFT_SEALED] = "does not open with these secrets",
        [LEFT_UNUSABLE] = "damaged, or not supported",
    };
    return texts[why];
}

/* ---- pages ---- */

struct place {
    struct buf keys[MOST_KEYS]; /* of the last row */
    int64_t offset;
};

static bool read_page(struct takeover *t, struct arena *a, const struct paging *p, struct place *at, struct sql_rows *ret,
                      struct err *e)
{
    struct sql_arg args[MOST_KEYS + 2];
    size_t n = 0;
    for (int i = 0; i < p->keys; i++) args[n++] = ARG(buf_str(&at->keys[i]));
    args[n++] = sql_arg_int(PAGE);
    if (p->keys == 0) args[n++] = sql_arg_int(at->offset);
    return source_rows(&t->source, a, p->id, args, n, ret, e);
}

static void move_on(const struct paging *p, const struct sql_rows *rows, struct place *at)
{
    at->offset += (int64_t)rows->n;
    for (int i = 0; i < p->keys; i++) {
        at->keys[i].n = 0;
        buf_add(&at->keys[i], sql_row(rows, rows->n - 1)[i].s);
    }
}

bool takeover_pages(struct takeover *t, enum kind kind, const struct paging *paging, page_fn fn, struct err *e)
{
    struct place at = { .keys = { BUF(t->arena), BUF(t->arena) } };
    for (int i = 0; i < paging->keys; i++) buf_addz(&at.keys[i], paging->first);
    for (;;) {
        ARENA_AUTO a = arena_new();
        struct op op = { .arena = a, .now = t->now, .may_wait = true };
        struct sql_rows rows;
        TRY(read_page(t, a, paging, &at, &rows, e));
        if (rows.n == 0) return true;
        TRY(fn(t, &op, &rows, e));
        move_on(paging, &rows, &at);
        tally(t, kind)->found += (int64_t)rows.n;
        t->options->progress(t->options->arg, tally(t, kind), false);
    }
}

/* ---- counting ---- */

static void note(struct takeover *t, enum kind kind, struct str what, const char *why)
{
    struct strs *notes = &t->report->notes;
    if (notes->n >= TAKEOVER_NOTES_MAX) return;
    strs_add(t->arena, notes, arena_printf(t->arena, "%s: %.*s: %s", kinds[kind].name, STR_FMT(what), why));
}

void left_silently(struct takeover *t, enum kind kind, enum takeover_left why) { tally(t, kind)->left[why]++; }

void left_out(struct takeover *t, enum kind kind, enum takeover_left why, struct str what)
{
    left_silently(t, kind, why);
    note(t, kind, what, takeover_left_text(why));
}

void count_outcomes(struct takeover *t, enum kind kind, const struct import *how, size_t n)
{
    struct takeover_tally *y = tally(t, kind);
    for (size_t i = 0; i < n; i++) {
        switch (how[i].outcome) {
        case IMPORT_ADDED: y->added++; break;
        case IMPORT_AGAIN: y->again++; break;
        case IMPORT_KNOWN: y->known++; break;
        case IMPORT_REFUSED: y->left[LEFT_NO_OWNER]++; break;
        }
    }
}

void count_verdict(struct takeover *t, enum kind kind, enum verdict v, struct str what)
{
    struct takeover_tally *y = tally(t, kind);
    y->added += v == VERDICT_SAME;
    y->known += v == VERDICT_MOVED;
    y->missing += v == VERDICT_MISSING;
    t->report->missing += v == VERDICT_MISSING;
    if (v == VERDICT_MISSING) note(t, kind, what, "is not there as it should be");
}

bool absent_verdict(struct takeover *t, struct op *op, struct str taken, enum verdict *ret, struct err *e)
{
    int64_t brought;
    TRY(store_mark_get(t->provider->store, op, MARK_TAKEN, taken, &brought, e));
    *ret = brought != 0 ? VERDICT_MOVED : VERDICT_MISSING;
    return true;
}

/* ---- what kinds share ---- */

struct str taken_name(struct arena *a, const char *kind, struct str id)
{
    return hydra_jti_digest(a, ARENA_CAT(a, str_of(kind), STR("\n"), id));
}

bool hex_id(struct arena *a, struct str id, struct str *ret)
{
    struct buf b = BUF(a);
    struct str bytes;
    for (size_t i = 0; i < id.n; i++)
        if (id.p[i] != '-') buf_addc(&b, id.p[i]);
    *ret = str_lower(a, buf_str(&b));
    return hex_decode(a, *ret, &bytes) && bytes.n == 16;
}

struct str token_digest(struct arena *a, struct str signature)
{
    struct str bytes;
    return signature.n == 96 && hex_decode(a, signature, &bytes) ? signature : hydra_signature_digest(a, signature);
}

static bool verify_earlier(struct takeover *t, struct op *op, enum kind kind, const struct earlier_token *row, struct err *e)
{
    struct str there;
    TRY(store_earlier_get(t->provider->store, op, row->digest, &there, e));
    count_verdict(t, kind, str_eq(there, row->token) ? VERDICT_SAME : VERDICT_MISSING, str_upto(row->digest, 16));
    return true;
}

bool put_earlier(struct takeover *t, struct op *op, enum kind kind, const struct earlier_token *rows, size_t n, struct err *e)
{
    if (t->options->mode == TAKEOVER_VERIFY) {
        for (size_t i = 0; i < n; i++) TRY(verify_earlier(t, op, kind, &rows[i], e));
        return true;
    }
    struct import *how = ARENA_ARRAY(op->arena, struct import, n + 1);
    TRY(store_import_earlier(t->provider->store, op, rows, how, n, e));
    count_outcomes(t, kind, how, n);
    return true;
}

/* ---- a run ---- */

static bool count_rows(struct takeover *t, struct err *e)
{
    for (int i = 0; i < KIND_MAX_; i++) {
        struct takeover_tally *y = tally(t, (enum kind)i);
        y->name = kinds[i].name;
        if (kinds[i].bring != NULL) TRY(source_count(&t->source, t->arena, kinds[i].count, &y->total, e));
    }
    return true;
}

static bool bring_all(struct takeover *t, struct err *e)
{
    struct op op = { .arena = t->arena, .now = t->now, .may_wait = true };
    TRY(count_rows(t, e));
    TRY(source_by_index(&t->source, e));
    if (t->options->mode == TAKEOVER_RUN) TRY(store_import_any(t->provider->store, &op, &t->repeated, e));
    for (int i = 0; i < KIND_MAX_; i++) {
        if (kinds[i].bring != NULL) TRY(kinds[i].bring(t, e));
        t->options->progress(t->options->arg, tally(t, (enum kind)i), true);
    }
    return true;
}

bool takeover(const struct provider *p, struct arena *a, const struct takeover_options *o, struct takeover_report *ret,
              struct err *e)
{
    struct takeover t = { .provider = p, .options = o, .arena = a, .now = clock_now(), .report = ret };
    TRY(source_open(a, o->from, o->secrets, &t.source, e));
    *ret = (struct takeover_report) { .version = t.source.version,
                                      .release = t.source.release,
                                      .network = t.source.network,
                                      .kinds = ARENA_ARRAY(a, struct takeover_tally, KIND_MAX_),
                                      .kinds_n = KIND_MAX_ };
    bool ok = bring_all(&t, e);
    source_close(&t.source);
    return ok;
}

bool takeover_check(struct arena *a, const struct takeover_options *o, struct err *e)
{
    struct source s;
    TRY(source_open(a, o->from, o->secrets, &s, e));
    source_close(&s);
    return true;
}

bool takeover_is_hydra(struct arena *a, struct str dsn, bool *ret, struct err *e) { return source_is_hydra(a, dsn, ret, e); }
