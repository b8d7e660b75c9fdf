/* What the store costs: reads on one thread, durable writes one by one and from many threads. Prints a line each.
 * bench_store [DSN]; without one, an SQLite file in a folder under the current one, so that the disk measured is the one meant.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "store/store.h"

enum { READS = 200000, GRANTS = 5000, CLIENTS = 1000 };
enum { ALONE = 2000, THREADS = 64, EACH = 1000 };

static struct store *store;

static void check(bool ok, const struct err *e)
{
    if (ok) return;
    fprintf(stderr, "%s %s %s\n", e->kind->id, e->hint ? e->hint : "", e->debug ? e->debug : "");
    exit(1);
}

static usec_t cpu_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * USEC_PER_SEC + t.tv_nsec / 1000;
}

static void report(const char *what, int n, usec_t wall, usec_t cpu)
{
    printf("%-34s %8.0f/s  %7.2f us wall  %7.2f us cpu\n", what, n * 1e6 / (double)wall, (double)wall / n, (double)cpu / n);
}

static struct str numbered(struct arena *a, const char *prefix, int i) { return arena_printf(a, "%s%d", prefix, i); }

static void insert_client(struct op *op, struct str id)
{
    struct err e = ERR_INIT(op->arena);
    enum store_put put;
    struct client_row row = {
        .id = id,
        .name = STR("A client"),
        .doc = STR("{\"grant_types\":[\"client_credentials\"],\"scope\":\"a b c\"}"),
        .secret_hash = STR("$pbkdf2-sha256$i=25000,l=32$0123456789012345678901$0123456789012345678901234567890123456789012"),
    };
    check(store_client_insert(store, op, &row, &put, &e), &e);
}

static void insert_grant(struct op *op, struct str id, struct str subject)
{
    struct err e = ERR_INIT(op->arena);
    enum store_put put;
    struct grant g = {
        .id = id,
        .state = GRANT_ACTIVE,
        .generation = 1,
        .client_id = STR("c1"),
        .subject = subject,
        .session_id = STR("edf80e09-bd59-45fa-87b3-bffa4a04c2e2"),
        .remember = true,
        .consent_until = USEC_NEVER,
        .requested_at = op->now,
        .expires_at = USEC_NEVER,
        .request = STR("{\"request_url\":\"https://login.example.com/oauth2/auth?client_id=shop-web&scope=openid+offline\"}"),
        .session = STR("{\"scope\":[\"openid\",\"offline\"],\"aud\":[],\"id_token\":{\"email\":\"bob@example.com\"}}"),
    };
    check(store_grant_insert(store, op, &g, &put, &e), &e);
}

struct insertion {
    int thread, from, n;
    bool grants;
};

static void *insert_many(void *arg)
{
    const struct insertion *in = arg;
    ARENA_AUTO a = arena_new();
    for (int i = in->from; i < in->from + in->n; i++) {
        arena_reset(a);
        struct op op = { .arena = a, .now = clock_now(), .may_wait = true };
        if (in->grants)
            insert_grant(&op, numbered(a, "g", i), numbered(a, "user", i % 1000));
        else
            insert_client(&op, numbered(a, "c", i));
    }
    return NULL;
}

static void insert_in_threads(const char *what, bool grants, int from)
{
    pthread_t threads[THREADS];
    struct insertion in[THREADS];
    usec_t wall = clock_monotonic(), cpu = cpu_now();
    for (int i = 0; i < THREADS; i++) {
        in[i] = (struct insertion) { .thread = i, .from = from + i * EACH, .n = EACH, .grants = grants };
        pthread_create(&threads[i], NULL, insert_many, &in[i]);
    }
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    report(what, THREADS * EACH, clock_monotonic() - wall, cpu_now() - cpu);
}

static void insert_alone(const char *what, bool grants, int from)
{
    usec_t wall = clock_monotonic(), cpu = cpu_now();
    insert_many(&(struct insertion) { .from = from, .n = ALONE, .grants = grants });
    report(what, ALONE, clock_monotonic() - wall, cpu_now() - cpu);
}

typedef bool (*read_fn)(struct op *op, int i, struct err *e);

static bool read_client(struct op *op, int i, struct err *e)
{
    struct client_row *row;
    return store_client_get(store, op, numbered(op->arena, "c", i % CLIENTS), &row, e);
}

static bool read_state(struct op *op, int i, struct err *e)
{
    struct client_state st;
    return store_client_state(store, op, numbered(op->arena, "c", i % CLIENTS), STR_NONE, &st, e);
}

static bool read_state_token(struct op *op, int i, struct err *e)
{
    struct client_state st;
    return store_client_state(store, op, numbered(op->arena, "c", i % CLIENTS), STR("0123456789abcdef0123456789abcdef"), &st, e);
}

static bool read_grant(struct op *op, int i, struct err *e)
{
    struct grant *g;
    return store_grant_get(store, op, numbered(op->arena, "g", i % GRANTS), &g, e);
}

static bool read_latest(struct op *op, int i, struct err *e)
{
    struct grant *g;
    return store_consent_latest(store, op, STR("c1"), numbered(op->arena, "user", i % 1000), &g, e);
}

static bool read_keys_version(struct op *op, int i, struct err *e)
{
    int64_t version;
    (void)i;
    return store_keys_version(store, op, &version, e);
}

static void read_many(const char *what, read_fn fn)
{
    ARENA_AUTO a = arena_new();
    struct err e = ERR_INIT(a);
    usec_t wall = clock_monotonic(), cpu = cpu_now();
    for (int i = 0; i < READS; i++) {
        arena_reset(a);
        struct op op = { .arena = a, .now = 1 };
        check(fn(&op, i, &e), &e);
    }
    report(what, READS, clock_monotonic() - wall, cpu_now() - cpu);
}

static void print_memory(void)
{
    char line[128];
    FILE *file = fopen("/proc/self/status", "r");
    if (file == NULL) return;
    while (fgets(line, sizeof(line), file) != NULL)
        if (str_starts(str_of(line), STR("VmRSS"))) printf("%s", line);
    fclose(file);
}

static void measure(void)
{
    insert_alone("insert a client, one by one", false, 0);
    insert_in_threads("insert a client, 64 threads", false, 10000);
    insert_alone("insert a grant, one by one", true, 0);
    insert_in_threads("insert a grant, 64 threads", true, 10000);
    print_memory();
    read_many("client_get", read_client);
    read_many("client_state", read_state);
    read_many("client_state with a token", read_state_token);
    read_many("grant_get", read_grant);
    read_many("consent_latest", read_latest);
    read_many("keys_version", read_keys_version);
    print_memory();
}

int main(int argc, char **argv)
{
    char folder[] = "bench-XXXXXX", dsn[80], file[64];
    if (argc < 2 && mkdtemp(folder) == NULL) return 1;
    snprintf(file, sizeof(file), "%s/db.sqlite", folder);
    snprintf(dsn, sizeof(dsn), "sqlite://%s", file);

    ARENA_AUTO a = arena_new();
    struct err e = ERR_INIT(a);
    struct op op = { .arena = a, .now = clock_now(), .may_wait = true };
    usec_t start = clock_monotonic();
    check(store_open(&(struct store_options) { .dsn = str_of(argc < 2 ? dsn : argv[1]) }, &store, &e), &e);
    check(store_migrate_up(store, &op, NULL, NULL, &e), &e);
    printf("opened and migrated in %.1f ms\n", (double)(clock_monotonic() - start) / 1000);
    measure();
    store_close(store);
    if (argc < 2) {
        unlink(file);
        rmdir(folder);
    }
    return 0;
}
