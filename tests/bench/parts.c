/* What the parts of an operation cost by themselves here, through the same libraries: signatures, the slow hash of a secret, a
 * durable row, a row read. Prints a line each: name, microseconds of processor time. Usage: parts FOLDER PBKDF2-ITERATIONS
 * FOLDER is where the database of the measurement lives, so that the disk measured is the one meant. */
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SIGNATURES = 600, HASHES = 10, COMMITS = 400, READS = 20000, GROUP = 64, JWT_BYTES = 500 };

static void check(int ok, const char *what)
{
    if (ok) return;
    fprintf(stderr, "parts: %s failed\n", what);
    exit(1);
}

static double cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void verification(const char *name, EVP_PKEY *key, const unsigned char *jwt, const unsigned char *signature, size_t n)
{
    double began = cpu();
    for (int i = 0; i < SIGNATURES; i++) {
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        check(EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) &&
                  EVP_DigestVerify(ctx, signature, n, jwt, JWT_BYTES) == 1,
              name);
        EVP_MD_CTX_free(ctx);
    }
    printf("%s_verify %.2f\n", name, (cpu() - began) / SIGNATURES);
}

static void signature(const char *name, EVP_PKEY *key)
{
    unsigned char jwt[JWT_BYTES], out[512];
    size_t n = 0;
    memset(jwt, 'a', sizeof(jwt));
    check(key != NULL, "making a key");
    double began = cpu();
    for (int i = 0; i < SIGNATURES; i++) {
        n = sizeof(out);
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        check(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) && EVP_DigestSign(ctx, out, &n, jwt, sizeof(jwt)), name);
        EVP_MD_CTX_free(ctx);
    }
    printf("%s %.2f\n", name, (cpu() - began) / SIGNATURES);
    verification(name, key, jwt, out, n);
    EVP_PKEY_free(key);
}

static void slow_hash(int iterations)
{
    unsigned char out[32];
    double began = cpu();
    for (int i = 0; i < HASHES; i++)
        check(PKCS5_PBKDF2_HMAC("a-secret-of-a-client-26-ch", 26, (const unsigned char *)"0123456789abcdef", 16, iterations,
                                EVP_sha256(), sizeof(out), out),
              "PBKDF2");
    printf("pbkdf2 %.2f\n", (cpu() - began) / HASHES);
}

static void run_sql(sqlite3 *db, const char *sql) { check(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, sql); }

/* COMMITS transactions of `group` rows each; the cost of one row. */
static void durable_rows(sqlite3 *db, const char *name, int group)
{
    static int id;
    char doc[400];
    memset(doc, 'x', sizeof(doc));
    sqlite3_stmt *insert;
    check(sqlite3_prepare_v2(db, "INSERT INTO t VALUES (?1, ?2, ?3)", -1, &insert, NULL) == SQLITE_OK, "prepare");
    double began = cpu();
    for (int i = 0; i < COMMITS; i++) {
        run_sql(db, "BEGIN IMMEDIATE");
        for (int row = 0; row < group; row++) {
            char key[40];
            int n = snprintf(key, sizeof(key), "%08x-1111-2222-3333-444455556666", (unsigned)++id * 2654435761u);
            sqlite3_bind_text(insert, 1, key, n, SQLITE_STATIC);
            sqlite3_bind_text(insert, 2, doc, sizeof(doc), SQLITE_STATIC);
            sqlite3_bind_int64(insert, 3, id);
            check(sqlite3_step(insert) == SQLITE_DONE, "insert");
            sqlite3_reset(insert);
        }
        run_sql(db, "COMMIT");
    }
    printf("%s %.2f\n", name, (cpu() - began) / COMMITS / group);
    sqlite3_finalize(insert);
}

/* One row found by its key, `keys` rows in all. */
static void row_read(sqlite3 *db, int keys)
{
    sqlite3_stmt *select;
    check(sqlite3_prepare_v2(db, "SELECT doc, at FROM t WHERE id = ?1", -1, &select, NULL) == SQLITE_OK, "prepare");
    double began = cpu();
    for (int i = 0; i < READS; i++) {
        char key[40];
        int n = snprintf(key, sizeof(key), "%08x-1111-2222-3333-444455556666", (unsigned)(i % keys + 1) * 2654435761u);
        sqlite3_bind_text(select, 1, key, n, SQLITE_STATIC);
        check(sqlite3_step(select) == SQLITE_ROW && sqlite3_column_bytes(select, 0) > 0, "select");
        sqlite3_reset(select);
    }
    printf("read %.2f\n", (cpu() - began) / READS);
    sqlite3_finalize(select);
}

int main(int argc, char **argv)
{
    check(argc == 3 && chdir(argv[1]) == 0, "usage: parts FOLDER PBKDF2-ITERATIONS; entering FOLDER");
    signature("rs256", EVP_RSA_gen(2048));
    signature("es256", EVP_EC_gen("P-256"));
    slow_hash((int)strtol(argv[2], NULL, 10));

    sqlite3 *db;
    check(sqlite3_open("parts.sqlite", &db) == SQLITE_OK, "open");
    run_sql(db,
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE t (id TEXT PRIMARY KEY, doc TEXT, at INTEGER)");
    durable_rows(db, "row", 1);
    durable_rows(db, "row_of_64", GROUP);
    row_read(db, COMMITS);
    sqlite3_close(db);
    return 0;
}
