/* The contract suite: what store.h promises, tried on each DSN of GRANTD_TEST_DSNS (separated by blanks), or on an SQLite file
 * and a memory database. GRANTD_TEST_ONLY: a pattern of names. Each test starts on an empty database: all migrations reverted and
 * applied again. */
#include "contract.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct str dsn;

static void empty(struct fixture *f)
{
    OK(store_migrate_down(f->store, &f->op, INT64_MAX, NULL, NULL, &f->e));
    OK(store_migrate_up(f->store, &f->op, NULL, NULL, &f->e));
}

int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    f->op = (struct op) { .arena = arena_new(), .now = NOW, .may_wait = true };
    f->e = ERR_INIT(f->op.arena);
    f->dsn = dsn;
    *state = f;
    OK(store_open(&(struct store_options) { .dsn = dsn, .readers = 2 }, &f->store, &f->e));
    empty(f);
    return 0;
}

int teardown(void **state)
{
    F(state);
    store_close(f->store);
    arena_free(f->op.arena);
    free(f);
    return 0;
}

struct client_row a_client(const char *id)
{
    static struct str rotated[] = { { "hash-2", 6 }, { "hash-1", 6 } };
    return (struct client_row) {
        .id = str_of(id),
        .name = STR("Shop"),
        .owner = STR("team-a"),
        .doc = STR("{\"client_id\":\"x\"}"),
        .secret_hash = STR("hash-3"),
        .rotated = { rotated, ARRAY_LEN(rotated) },
        .registration = 7,
        .not_before = 5,
        .created_at = NOW - 10,
        .updated_at = NOW - 5,
    };
}

void insert_client(struct fixture *f, const char *id)
{
    struct client_row row = a_client(id);
    GIVES(STORE_DONE, store_client_insert(f->store, &f->op, &row, &f->put, &f->e));
}

struct grant a_grant(const char *id, enum grant_state state)
{
    return (struct grant) {
        .id = str_of(id),
        .state = state,
        .generation = state == GRANT_ACTIVE ? 3 : 0,
        .client_id = STR("shop"),
        .subject = STR("alice"),
        .session_id = STR("sid-1"),
        .request = STR("{\"r\":1}"),
        .session = STR("{\"s\":2}"),
        .remember = true,
        .consent_until = NOW + USEC_PER_SEC,
        .requested_at = NOW - 100,
        .handled_at = NOW - 50,
        .rotated_at = NOW - 20,
        .access_not_before = NOW - 30,
        .expires_at = NOW + 10 * USEC_PER_SEC,
    };
}

void insert_grant(struct fixture *f, const struct grant *g)
{
    GIVES(STORE_DONE, store_grant_insert(f->store, &f->op, g, &f->put, &f->e));
}

struct grant *get_grant(struct fixture *f, const char *id)
{
    struct grant *g;
    OK(store_grant_get(f->store, &f->op, str_of(id), &g, &f->e));
    return g;
}

struct session_row a_session(const char *id, const char *subject)
{
    return (struct session_row) {
        .id = str_of(id),
        .subject = str_of(subject),
        .remember = true,
        .authenticated_at = NOW - 7,
        .expires_at = NOW + USEC_PER_SEC,
        .idp_session_id = STR("idp-9"),
    };
}

void insert_session(struct fixture *f, const struct session_row *row)
{
    static int count;
    char id[16];
    snprintf(id, sizeof(id), "carrier-%d", count++);
    struct grant g = a_grant(id, GRANT_LOGGED_IN);
    insert_grant(f, &g);
    struct grant_move m = { .from = GRANT_LOGGED_IN, .to = &g, .session = row };
    GIVES(STORE_DONE, store_grant_move(f->store, &f->op, &m, &f->put, &f->e));
}

static int run_all(const char *text)
{
    dsn = str_of(text);
    fprintf(stderr, "== %.*s\n", (int)strcspn(text, ":"), text);
    return run_client_cases() + run_key_cases() + run_trust_cases() + run_grant_cases() + run_consent_cases() +
           run_device_cases() + run_earlier_cases() + run_import_cases() + run_upkeep_cases() + run_node_cases();
}

static int run_embedded(void)
{
    char folder[] = "/tmp/grantd-contract-XXXXXX", text[96], file[64];
    if (mkdtemp(folder) == NULL) return 1;
    snprintf(file, sizeof(file), "%s/db.sqlite", folder);
    snprintf(text, sizeof(text), "sqlite://%s?_fk=true&mode=rwc", file);
    int failed = run_all(text) + run_all("memory");
    unlink(file);
    rmdir(folder);
    return failed;
}

int main(void)
{
    const char *dsns = getenv("GRANTD_TEST_DSNS"), *only = getenv("GRANTD_TEST_ONLY");
    if (only != NULL) cmocka_set_test_filter(only);
    if (dsns == NULL || *dsns == '\0') return run_embedded();

    int failed = 0;
    char *list = strdup(dsns), *rest = list;
    for (char *one; (one = strsep(&rest, " ")) != NULL;)
        if (*one != '\0') failed += run_all(one);
    free(list);
    return failed;
}
