/* What the files of the PostgreSQL driver share: the database as its DSN describes it. */
#ifndef STORE_POSTGRES_INT_H
#define STORE_POSTGRES_INT_H

#include <pthread.h>

#include "libpq.h"
#include "sql.h"

struct pg_texts;

struct sql_db {
    struct arena *arena;
    const char **names, **values; /* for PQconnectdbParams, ended by NULL */
    bool own_timeout;             /* the DSN says how long a statement may take */
    pthread_mutex_t lock;
    struct pg_texts *texts; /* each table of statements in this database's spelling */
};

/* Fills names, values and own_timeout. Fails with MISCONFIGURATION, in a text that repeats nothing that may hold a password. */
MUST_USE bool postgres_dsn_read(struct arena *a, struct str dsn, struct sql_db *db, struct err *e);

/* ?1 becomes $1. */
const char *postgres_spell(struct arena *a, const char *text);
/* The SQL of a migration, without its comments: texts are ordered by bytes, whatever language the database sorts by. */
struct str postgres_collate(struct arena *a, struct str text);

#endif
