/* What is asked of a Hydra database, as tables of statements per form of its schema and per database. */
#ifndef TAKEOVER_HYDRA_SQL_H
#define TAKEOVER_HYDRA_SQL_H

#include "store/sql.h"

enum hydra_rows {
#define ROWS(id, ...) HYDRA_##id,
#include "takeover/current.def"
#undef ROWS
    HYDRA_ROWS_MAX_
};

enum hydra_form {
    HYDRA_CURRENT, /* 25.4.0 and later */
    HYDRA_V1,      /* v1.10.3 */
    HYDRA_FORM_MAX_
};
const struct sql_table *hydra_table(enum sql_dialect dialect, enum hydra_form form);

/* What makes a connection read pages by an index, whatever the planner believes to know of the tables. Empty: nothing is needed.
 */
struct str hydra_by_index(enum sql_dialect dialect);

/* What tells the forms apart; may be asked of any database. */
enum hydra_probe {
    PROBE_TABLES,   /* how many of schema_migration, hydra_client, hydra_jwk are there */
    PROBE_VERSION,  /* the newest migration */
    PROBE_NETWORKS, /* how many of the table networks are there */
    PROBE_NETWORK,  /* the network's id */
    PROBE_MAX_
};
const struct sql_table *hydra_probe_table(enum sql_dialect dialect);

/* Stands for a lifespan that is not set. */
#define HYDRA_UNSET INT64_C(-9000000000000000000)

#endif
