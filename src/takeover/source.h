/* A Hydra database, opened to be read: which form its schema has, its network, and the secrets that its rows are sealed with. */
#ifndef TAKEOVER_SOURCE_H
#define TAKEOVER_SOURCE_H

#include "base/clock.h"
#include "crypto/hydra.h"
#include "takeover/hydra_sql.h"

struct source {
    const struct sql_driver *driver;
    struct sql_db *db;
    struct sql *c;
    enum hydra_form form;
    bool rotates;       /* clients have rotated secrets */
    struct str version; /* the newest migration */
    struct str release; /* "25.4.0 or later", "v1.10.3" */
    struct str network; /* empty in v1 */
    struct hydra *keys;
};

/* Looks whether this is a Hydra database of a known form whose signing keys open with `secrets`. Fails with MISCONFIGURATION; the
 * hint says what to do. Writes nothing: SQLite files are opened to be read only. */
MUST_USE bool source_open(struct arena *a, struct str dsn, struct strs secrets, struct source *ret, struct err *e);
void source_close(struct source *s); /* accepts one that was not opened */

/* Are there tables of a Hydra of any version? */
MUST_USE bool source_is_hydra(struct arena *a, struct str dsn, bool *ret, struct err *e);

/* Rows of a statement; `args` without the network's. They live in `a`. NULL arrives as p == NULL or 0. */
MUST_USE bool source_rows(struct source *s, struct arena *a, enum hydra_rows id, const struct sql_arg *args, size_t n,
                          struct sql_rows *ret, struct err *e);
#define SOURCE_ROWS(s, a, id, ret, e, ...)                                  \
    source_rows(s, a, HYDRA_##id, (const struct sql_arg[]) { __VA_ARGS__ }, \
                sizeof((const struct sql_arg[]) { __VA_ARGS__ }) / sizeof(struct sql_arg), ret, e)
/* From here on pages are read. What goes through whole tables, such as counting, comes before. */
MUST_USE bool source_by_index(struct source *s, struct err *e);
MUST_USE bool source_count(struct source *s, struct arena *a, enum hydra_rows id, int64_t *ret, struct err *e);

#endif
