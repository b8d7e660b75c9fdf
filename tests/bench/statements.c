/* The floor of operations on PostgreSQL: the store's own statements through libpq alone, prepared, one after the other on one
 * connection. Reads the grant row that the flows left most recently, or writes it back by compare-and-set.
 * Usage: statements CONNINFO read|write COUNT. Prints the microseconds of processor time that one took here, and in the backend,
 * which is on this machine. */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "store/sql.h"

enum { COLUMNS = 19, TEXT_MAX = 8192 };

static PGconn *db;

static void check(bool ok, const char *what)
{
    if (ok) return;
    fprintf(stderr, "statements: %s: %s\n", what, PQerrorMessage(db));
    exit(1);
}

static double cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* Nanoseconds of processor time of another process. */
static double cpu_of(int pid)
{
    char path[64];
    unsigned long long ns = 0;
    snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
    FILE *f = fopen(path, "re");
    check(f != NULL && fscanf(f, "%llu", &ns) == 1, path);
    fclose(f);
    return (double)ns;
}

static void prepare(const char *name, enum stmt id)
{
    const char *text = sql_text(&sql_store_table.rows[id], SQL_POSTGRES);
    char own[TEXT_MAX];
    size_t n = strlen(text);
    check(n < sizeof(own), "a statement is too long");
    for (size_t i = 0; i <= n; i++) own[i] = text[i] == '?' ? '$' : text[i];
    /* As the driver does: whole numbers are of 8 bytes. */
    Oid types[32];
    const char *params = sql_store_table.rows[id].params;
    for (size_t i = 0; params[i] != '\0'; i++) types[i] = params[i] == 'i' ? 20 : 25;
    PGresult *r = PQprepare(db, name, own, (int)strlen(params), types);
    check(PQresultStatus(r) == PGRES_COMMAND_OK, name);
    PQclear(r);
}

static PGresult *run(const char *name, int n, const char *const *values, ExecStatusType wanted)
{
    PGresult *r = PQexecPrepared(db, name, n, values, NULL, NULL, 0);
    check(PQresultStatus(r) == wanted, name);
    return r;
}

static char *newest_grant(void)
{
    PGresult *r = PQexec(db, "SELECT id FROM oauth_grant ORDER BY requested_at DESC LIMIT 1");
    check(PQresultStatus(r) == PGRES_TUPLES_OK && PQntuples(r) == 1, "there is no grant");
    char *id = strdup(PQgetvalue(r, 0, 0));
    PQclear(r);
    return id;
}

static void read_many(const char *id, long count)
{
    for (long i = 0; i < count; i++) PQclear(run("get", 1, &id, PGRES_TUPLES_OK));
}

/* The row as it is, to the state and generation that it has: the statement finds and writes it every time. */
static void write_many(const char *id, long count)
{
    PGresult *row = run("get", 1, &id, PGRES_TUPLES_OK);
    check(PQntuples(row) == 1 && PQnfields(row) == COLUMNS, "the grant is gone");
    static const int from[] = { 0, 1, 2, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };
    enum { TAKEN = sizeof(from) / sizeof(from[0]) };
    const char *values[TAKEN + 1];
    for (int i = 0; i < TAKEN; i++) values[i] = PQgetvalue(row, 0, from[i]);
    values[TAKEN] = "1";
    for (long i = 0; i < count; i++) {
        PGresult *r = run("move", TAKEN + 1, values, PGRES_COMMAND_OK);
        check(strcmp(PQcmdTuples(r), "1") == 0, "the grant was moved by somebody else");
        PQclear(r);
    }
    PQclear(row);
}

int main(int argc, char **argv)
{
    check(argc == 4, "usage: statements CONNINFO read|write COUNT");
    long count = strtol(argv[3], NULL, 10);
    db = PQconnectdb(argv[1]);
    check(PQstatus(db) == CONNECTION_OK, "connecting");
    prepare("get", STMT_GRANT_GET);
    prepare("move", STMT_GRANT_MOVE);
    char *id = newest_grant();
    double began = cpu(), backend = cpu_of(PQbackendPID(db));
    (argv[2][0] == 'r' ? read_many : write_many)(id, count);
    double here = cpu() - began, behind = (cpu_of(PQbackendPID(db)) - backend) / 1e3;
    printf("%.2f %.2f\n", here / (double)count, behind / (double)count);
    free(id);
    PQfinish(db);
    return 0;
}
