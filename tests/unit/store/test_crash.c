/* A server killed at a random moment under a load of writes: what was answered is there after the restart, and of a write that
 * was not answered either all or nothing. */
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/rand.h"
#include "scratch.h"

enum { ROUNDS = 50, THREADS = 16, KEYS = 3 };

struct load {
    struct store *s;
    int pipe, thread;
};

static bool write_set(struct store *s, struct op *op, struct str set)
{
    struct err e = ERR_INIT(op->arena);
    struct key_row keys[KEYS];
    enum store_put put;
    for (int i = 0; i < KEYS; i++)
        keys[i] = (struct key_row) { .set = set, .kid = arena_printf(op->arena, "k%d", i), .sealed = STR("sealed") };
    struct client_row row = { .id = set };
    return store_keys_add(s, op, keys, KEYS, 0, &put, &e) && store_client_insert(s, op, &row, &put, &e);
}

static void *write_for_ever(void *arg)
{
    const struct load *l = arg;
    for (int i = 0;; i++) {
        ARENA_AUTO a = arena_new();
        struct op op = { .arena = a, .now = 1, .may_wait = true };
        int32_t id[2] = { l->thread, i };
        if (!write_set(l->s, &op, arena_printf(a, "%d-%d", id[0], id[1]))) abort();
        if (write(l->pipe, id, sizeof(id)) != sizeof(id)) abort();
    }
    return NULL;
}

static void serve(int pipe)
{
    struct store *s = open_migrated(SCRATCH_DSN);
    struct load loads[THREADS];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        loads[i] = (struct load) { .s = s, .pipe = pipe, .thread = i };
        pthread_create(&threads[i], NULL, write_for_ever, &loads[i]);
    }
    for (;;) pause();
}

/* How many sets of each thread were answered. */
static void serve_and_kill(int32_t *answered)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) serve(ends[1]);
    close(ends[1]);

    int32_t id[2];
    usec_t kill_at = 0;
    while (read(ends[0], id, sizeof(id)) == sizeof(id)) {
        answered[id[0]] = id[1] + 1;
        if (kill_at == 0) kill_at = clock_monotonic() + (usec_t)rand_below(30000);
        if (clock_monotonic() >= kill_at) kill(child, SIGKILL);
    }
    close(ends[0]);
    int status;
    waitpid(child, &status, 0);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void check_set(struct store *s, struct op *op, struct str set, bool answered)
{
    struct err e = ERR_INIT(op->arena);
    struct key_row *keys;
    struct client_row *client;
    size_t n;
    int64_t version;
    must(store_keys_get(s, op, set, &keys, &n, &version, &e), &e);
    must(store_client_get(s, op, set, &client, &e), &e);
    assert_true(n == KEYS || (n == 0 && !answered));
    assert_true(client != NULL || !answered);
}

static void check_thread(struct store *s, int thread, int32_t answered)
{
    for (int i = 0; i < answered + 2; i++) {
        ARENA_AUTO a = arena_new();
        struct op op = { .arena = a, .now = 1 };
        check_set(s, &op, arena_printf(a, "%d-%d", thread, i), i < answered);
    }
}

static void killed_at_random_moments(void **state)
{
    (void)state;
    int64_t sum = 0;
    for (int round = 0; round < ROUNDS; round++) {
        int32_t answered[THREADS] = { 0 };
        scratch_clear();
        serve_and_kill(answered);
        struct store *s = open_store(SCRATCH_DSN);
        for (int t = 0; t < THREADS; t++) {
            check_thread(s, t, answered[t]);
            sum += answered[t];
        }
        store_close(s);
    }
    print_message("%d kills, %lld answered writes, all there\n", ROUNDS, (long long)sum * 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(killed_at_random_moments) };
    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
