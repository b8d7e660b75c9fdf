/* What the files of takeover/ share: a run, the loop over pages, and the counting. One file per kind of rows. */
#ifndef TAKEOVER_TAKEOVER_INT_H
#define TAKEOVER_TAKEOVER_INT_H

#include "takeover/session_data.h"
#include "takeover/source.h"
#include "takeover/takeover.h"

enum kind {
    KIND_CLIENTS,
    KIND_KEYS,
    KIND_TRUSTS,
    KIND_SESSIONS,
    KIND_SUBJECTS,
    KIND_GRANTS,
    KIND_TOKENS, /* of grants: counted while grants are brought */
    KIND_OWN_TOKENS,
    KIND_DEVICES,
    KIND_JTIS,
    KIND_MAX_
};

struct takeover {
    const struct provider *provider;
    const struct takeover_options *options;
    struct source source;
    struct arena *arena; /* lives as long as the run */
    usec_t now;
    bool repeated; /* something was brought before */
    struct takeover_report *report;
};

static inline struct takeover_tally *tally(struct takeover *t, enum kind kind) { return &t->report->kinds[kind]; }

/* ---- pages ---- */

/* How a statement is read page by page. Its first columns are the key, after which the next page begins. */
struct paging {
    enum hydra_rows id;
    int keys;          /* how many columns the key has; 0: pages are counted */
    const char *first; /* sorts before every key */
};
/* Maps a page and writes it; everything of it lives in op->arena. */
typedef bool (*page_fn)(struct takeover *t, struct op *op, const struct sql_rows *rows, struct err *e);
MUST_USE bool takeover_pages(struct takeover *t, enum kind kind, const struct paging *paging, page_fn fn, struct err *e);

/* ---- counting ---- */

/* `what`: the kind and the row's name, for the note. */
void left_out(struct takeover *t, enum kind kind, enum takeover_left why, struct str what);
/* The same without a note: for what is many and tells nothing. */
void left_silently(struct takeover *t, enum kind kind, enum takeover_left why);
/* After rows were written: n outcomes. */
void count_outcomes(struct takeover *t, enum kind kind, const struct import *how, size_t n);

enum verdict { VERDICT_SAME, VERDICT_MOVED, VERDICT_MISSING };
void count_verdict(struct takeover *t, enum kind kind, enum verdict v, struct str what);
/* Of a row that is not there: deleted here since it was brought, or never brought. `taken`: taken_name(). */
MUST_USE bool absent_verdict(struct takeover *t, struct op *op, struct str taken, enum verdict *ret, struct err *e);

/* ---- small things that kinds share ---- */

/* The name under which store_import_...() remembers a row. */
struct str taken_name(struct arena *a, const char *kind, struct str id);
/* 32 hex digits out of a uuid with or without dashes; false: it is none. */
MUST_USE bool hex_id(struct arena *a, struct str id, struct str *ret);
/* What an opaque or JWT token is found by, whichever of its forms the column holds. */
struct str token_digest(struct arena *a, struct str signature);

/* ---- writing, by the mode: stored, only counted, or compared ---- */

MUST_USE bool put_earlier(struct takeover *t, struct op *op, enum kind kind, const struct earlier_token *rows, size_t n,
                          struct err *e);

/* ---- the kinds ---- */

MUST_USE bool bring_clients(struct takeover *t, struct err *e);
MUST_USE bool bring_keys(struct takeover *t, struct err *e);
MUST_USE bool bring_trusts(struct takeover *t, struct err *e);
MUST_USE bool bring_sessions(struct takeover *t, struct err *e);
MUST_USE bool bring_subjects(struct takeover *t, struct err *e);
MUST_USE bool bring_grants(struct takeover *t, struct err *e);
MUST_USE bool bring_own_tokens(struct takeover *t, struct err *e);
MUST_USE bool bring_devices(struct takeover *t, struct err *e);
MUST_USE bool bring_jtis(struct takeover *t, struct err *e);

#endif
