/* Group commit: many threads write at once; one that fails harms nobody else; a lost transaction is told to all of its group. */
#include <semaphore.h>
#include <unistd.h>

#include "scratch.h"
#include "store/store_int.h"

enum { FOREVER = 1000000 };

struct job {
    struct store *s;
    pthread_t thread;
    int number;
    int writes;
    int stored, refused, undone; /* what this thread was told */
    bool wrong;
};

enum fate { STAYS, FAILS, IS_UNDONE, FATES };

struct mark_put {
    struct str id;
    enum fate fate;
};

static bool write_mark(struct write *w, void *arg, struct err *e)
{
    const struct mark_put *m = arg;
    TRY(write_change(w, CALL(MARK_PUT, ARG(MARK_JTI), ARG(m->id), ARG(1), ARG(FOREVER), ARG(0)), NULL, e));
    if (m->fate == FAILS) FAIL(e, CONFLICT, "refused");
    w->undo = m->fate == IS_UNDONE;
    return true;
}

static bool write_one(struct job *j, int i)
{
    ARENA_AUTO a = arena_new();
    struct op op = { .arena = a, .now = 1, .may_wait = true };
    struct err e = ERR_INIT(a);
    struct mark_put m = { .id = arena_printf(a, "%d-%d", j->number, i), .fate = (enum fate)((j->number + i) % FATES) };
    bool ok = store_write(j->s, &op, write_mark, &m, &e);
    if (ok != (m.fate != FAILS) || (!ok && !err_is(&e, &err_CONFLICT))) return false;
    j->refused += m.fate == FAILS;
    j->undone += m.fate == IS_UNDONE;
    j->stored += m.fate == STAYS;

    int64_t value; /* what was answered can be read at once */
    return store_mark_get(j->s, &op, MARK_JTI, m.id, &value, &e) && (value == 1) == (m.fate == STAYS);
}

static void *write_many(void *arg)
{
    struct job *j = arg;
    for (int i = 0; i < j->writes; i++)
        if (!write_one(j, i)) j->wrong = true;
    return NULL;
}

static int64_t count_marks(struct store *s)
{
    ARENA_AUTO a = arena_new();
    struct op op = { .arena = a, .now = FOREVER + 1, .may_wait = true };
    struct err e = ERR_INIT(a);
    int64_t deleted;
    must(store_expire(s, &op, INT64_MAX, &deleted, &e), &e);
    return deleted;
}

static void run_jobs(struct store *s, struct job *jobs, int n, int writes)
{
    for (int i = 0; i < n; i++) {
        jobs[i] = (struct job) { .s = s, .number = i, .writes = writes };
        assert_int_equal(pthread_create(&jobs[i].thread, NULL, write_many, &jobs[i]), 0);
    }
    int stored = 0;
    for (int i = 0; i < n; i++) {
        pthread_join(jobs[i].thread, NULL);
        assert_false(jobs[i].wrong);
        stored += jobs[i].stored;
    }
    assert_true(stored > 0);
    assert_int_equal(count_marks(s), stored);
}

static void failing_member_harms_nobody(void **state)
{
    static const char *const dsns[] = { SCRATCH_DSN, "memory" };
    (void)state;
    struct job jobs[24];
    for (size_t i = 0; i < ARRAY_LEN(dsns); i++) {
        struct store *s = open_migrated(dsns[i]);
        run_jobs(s, jobs, ARRAY_LEN(jobs), 60);
        store_close(s);
    }
}

/* The first write holds the lead until all others have queued: they must then form groups, the first of them of full size. */
static sem_t held;

static bool hold(struct write *w, void *arg, struct err *e)
{
    (void)arg;
    while (sem_wait(&held) != 0) continue;
    return write_change(w, CALL(MARK_PUT, ARG(MARK_JTI), ARG(STR("held")), ARG(1), ARG(FOREVER), ARG(0)), NULL, e);
}

static void *write_held(void *arg)
{
    struct job *j = arg;
    ARENA_AUTO a = arena_new();
    struct op op = { .arena = a, .now = 1, .may_wait = true };
    struct err e = ERR_INIT(a);
    j->wrong = !store_write(j->s, &op, hold, NULL, &e);
    return NULL;
}

static int queue_length(struct store *s)
{
    int n = 0;
    pthread_mutex_lock(&s->writer.lock);
    if (s->writer.first == NULL && s->writer.led) n = 1;
    pthread_mutex_unlock(&s->writer.lock);
    return n;
}

static void group_is_bounded(void **state)
{
    enum { MANY = 300 };
    static struct job jobs[MANY];
    (void)state;
    struct store *s = open_migrated(SCRATCH_DSN);
    sem_init(&held, 0, 0);
    struct job holder = { .s = s };
    assert_int_equal(pthread_create(&holder.thread, NULL, write_held, &holder), 0);
    while (queue_length(s) == 0) usleep(1000);
    for (int i = 0; i < MANY; i++) {
        jobs[i] = (struct job) { .s = s, .number = i * FATES, .writes = 1 };
        assert_int_equal(pthread_create(&jobs[i].thread, NULL, write_many, &jobs[i]), 0);
    }
    usleep(200000);
    sem_post(&held);
    for (int i = 0; i < MANY; i++) {
        pthread_join(jobs[i].thread, NULL);
        assert_false(jobs[i].wrong);
    }
    pthread_join(holder.thread, NULL);
    assert_false(holder.wrong);
    assert_int_equal(count_marks(s), MANY + 1);
    sem_destroy(&held);
    store_close(s);
}

/* A member that ends the transaction itself stands for a database that gave it up. */
static bool give_up(struct write *w, void *arg, struct err *e)
{
    (void)arg;
    TRY(write_change(w, CALL(ROLLBACK), NULL, e));
    FAIL(e, STORAGE, "gave up");
}

static void lost_transaction_is_told(void **state)
{
    (void)state;
    struct store *s = open_migrated(SCRATCH_DSN);
    ARENA_AUTO a = arena_new();
    struct op op = { .arena = a, .now = 1, .may_wait = true };
    struct err e = ERR_INIT(a);
    assert_false(store_write(s, &op, give_up, NULL, &e));
    assert_ptr_equal(e.kind, &err_STORAGE);
    assert_string_equal(e.hint, "gave up");
    struct mark_put m = { .id = STR("after"), .fate = STAYS };
    must(store_write(s, &op, write_mark, &m, &e), &e);
    assert_int_equal(count_marks(s), 1);
    store_close(s);
}

static void *read_once(void *arg)
{
    struct job *j = arg;
    ARENA_AUTO a = arena_new();
    struct op op = { .arena = a, .now = 1 };
    struct err e = ERR_INIT(a);
    j->wrong = !store_ready(j->s, &op, &e);
    return NULL;
}

static int count_files(void)
{
    int n = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (readdir(dir) != NULL) n++;
    closedir(dir);
    return n;
}

static void readers_go_with_their_threads(void **state)
{
    (void)state;
    struct store *s = open_migrated(SCRATCH_DSN);
    struct job j = { .s = s };
    read_once(&j);
    int before = count_files();
    for (int i = 0; i < 50; i++) {
        assert_int_equal(pthread_create(&j.thread, NULL, read_once, &j), 0);
        pthread_join(j.thread, NULL);
        assert_false(j.wrong);
    }
    assert_in_range(count_files(), before - 1, before + 1);
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failing_member_harms_nobody),
        cmocka_unit_test(group_is_bounded),
        cmocka_unit_test(lost_transaction_is_told),
        cmocka_unit_test(readers_go_with_their_threads),
    };
    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
