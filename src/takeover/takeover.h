/* Taking over a Hydra database: everything that people and clients hold goes on to work. Reads one database, writes another (or
 * the same: no table has the same name). Run again it brings what is new there, and leaves alone what changed here. */
#ifndef TAKEOVER_TAKEOVER_H
#define TAKEOVER_TAKEOVER_H

#include "oauth/provider.h"

enum takeover_mode {
    TAKEOVER_RUN,
    TAKEOVER_DRY,   /* reads and maps everything, and does not even look at our own database: provider->store may be NULL */
    TAKEOVER_VERIFY /* reads everything again, and compares it with our own database */
};

enum takeover_left {
    LEFT_EXPIRED,  /* or of no more use */
    LEFT_NO_OWNER, /* what it belongs to is not there: a client, a key, a grant */
    LEFT_SEALED,   /* does not open with these secrets */
    LEFT_UNUSABLE, /* damaged, or nothing that we can hold */
    LEFT_MAX_
};
const char *takeover_left_text(enum takeover_left why);

/* One kind of rows. */
struct takeover_tally {
    const char *name; /* "clients" */
    int64_t total;    /* rows that are there; may grow while they are read */
    int64_t found;    /* rows read so far */
    int64_t added;    /* brought (dry: would be, if none were brought before; verify: there, and the same) */
    int64_t again;    /* brought before, and again because they went on there alone */
    int64_t known;    /* there from an earlier run (verify: deleted or changed here since) */
    int64_t missing;  /* verify: not there as they should be */
    int64_t left[LEFT_MAX_];
};

enum { TAKEOVER_NOTES_MAX = 20 };

struct takeover_report {
    struct str version, release, network; /* of the Hydra database */
    struct str issuer;                    /* as its ID tokens name it; empty: there was none */
    struct takeover_tally *kinds;
    size_t kinds_n;
    struct strs notes; /* single rows that were left out, or are missing: the first TAKEOVER_NOTES_MAX */
    int64_t missing;   /* sum */
};

struct takeover_options {
    enum takeover_mode mode;
    struct str from;     /* DSN */
    struct strs secrets; /* Hydra's secrets.system */
    void (*progress)(void *arg, const struct takeover_tally *kind, bool done);
    void *arg;
};
/* Only looks whether the database is one that can be taken over with these secrets; fails as takeover() does. */
MUST_USE bool takeover_check(struct arena *a, const struct takeover_options *o, struct err *e);
/* Fails with MISCONFIGURATION before anything is written when the database is not one that can be taken over, or the secrets are
 * wrong; later only when a database does. What was written until then stays, and the next run goes on. *ret is in `a`. */
MUST_USE bool takeover(const struct provider *p, struct arena *a, const struct takeover_options *o, struct takeover_report *ret,
                       struct err *e);

/* Does the database hold a Hydra's tables? For those who find it empty of ours. */
MUST_USE bool takeover_is_hydra(struct arena *a, struct str dsn, bool *ret, struct err *e);

#endif
