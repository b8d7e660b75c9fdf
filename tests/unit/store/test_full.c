/* A full disk: writes fail with STORAGE and leave nothing, reads go on, and when there is room again so do writes, without a
 * restart. Tried with a limit on the size of files, and on a small file system of its own where that is permitted. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "scratch.h"

enum { THREADS = 6, MOST = 4000 };

static atomic_bool stored[THREADS][MOST];

struct load {
    struct store *s;
    int thread, next;
    int failures, full_hints;
    bool wrong;
};

static bool put(struct load *l, struct err *e, struct arena *a)
{
    static const char filler[1500] = { [0 ... 1498] = 'x' };
    struct op op = { .arena = a, .now = 1, .may_wait = true };
    struct client_row row = { .id = arena_printf(a, "%d-%d", l->thread, l->next), .doc = { filler, sizeof(filler) - 1 } };
    enum store_put outcome;
    if (!store_client_insert(l->s, &op, &row, &outcome, e)) return false;
    l->wrong |= outcome != STORE_DONE;
    stored[l->thread][l->next] = true;
    return true;
}

/* Writes until `failures` writes failed. */
static void *fill(void *arg)
{
    struct load *l = arg;
    for (l->failures = 0; l->failures < 5 && l->next < MOST; l->next++) {
        ARENA_AUTO a = arena_new();
        struct err e = ERR_INIT(a);
        if (put(l, &e, a)) continue;
        l->failures++;
        l->wrong |= !err_is(&e, &err_STORAGE) || e.debug == NULL;
        l->full_hints += strstr(e.hint, "full") != NULL;
    }
    return NULL;
}

static void fill_in_threads(struct load *loads)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, fill, &loads[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_false(loads[i].wrong);
        assert_int_equal(loads[i].failures, 5);
    }
}

static void check_rows(struct store *s, const struct load *loads)
{
    for (int t = 0; t < THREADS; t++) {
        for (int i = 0; i < loads[t].next; i++) {
            ARENA_AUTO a = arena_new();
            struct op op = { .arena = a, .now = 1 };
            struct err e = ERR_INIT(a);
            struct client_row *row;
            must(store_client_get(s, &op, arena_printf(a, "%d-%d", t, i), &row, &e), &e);
            assert_int_equal(row != NULL, stored[t][i]);
        }
    }
}

static void check_integrity(void)
{
    sqlite3 *db;
    sqlite3_stmt *st;
    assert_int_equal(sqlite3_open("db.sqlite", &db), SQLITE_OK);
    sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &st, NULL);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(st, 0), "ok");
    sqlite3_finalize(st);
    sqlite3_close(db);
}

struct disk {
    void (*fill_up)(void);
    void (*make_room)(void);
    bool says_full;
};

static void run_on(const struct disk *disk)
{
    memset(stored, 0, sizeof(stored));
    struct load loads[THREADS] = { 0 };
    struct store *s = open_migrated(SCRATCH_DSN);
    for (int i = 0; i < THREADS; i++) loads[i] = (struct load) { .s = s, .thread = i };

    disk->fill_up();
    fill_in_threads(loads);
    check_rows(s, loads);
    if (disk->says_full) assert_true(loads[0].full_hints > 0);
    disk->make_room();

    for (int i = 0; i < THREADS; i++, loads[i - 1].next++) {
        ARENA_AUTO a = arena_new();
        struct err e = ERR_INIT(a);
        must(put(&loads[i], &e, a), &e);
    }
    check_rows(s, loads);
    store_close(s);
    s = open_store(SCRATCH_DSN);
    check_rows(s, loads);
    store_close(s);
    check_integrity();
}

static void limit_files(rlim_t size)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = size < limit.rlim_max ? size : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void limit_to_a_little(void) { limit_files(700 * 1024); }
static void limit_no_more(void) { limit_files(RLIM_INFINITY); }

static void files_may_not_grow(void **state)
{
    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    run_on(&(struct disk) { .fill_up = limit_to_a_little, .make_room = limit_no_more });
}

static void leave_a_little(void)
{
    static const char block[64 * 1024] = { [0 ... 65535] = 'x' };
    int fd = open("filler", O_WRONLY | O_CREAT, 0600);
    while (write(fd, block, sizeof(block)) > 0) continue;
    assert_int_equal(ftruncate(fd, lseek(fd, 0, SEEK_END) - 256 * 1024), 0);
    close(fd);
}

static void remove_filler(void) { assert_int_equal(unlink("filler"), 0); }

enum { NOT_PERMITTED = 77 };

/* In a process of its own, whose mounts nobody else sees. */
static int run_on_small_disk(void)
{
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) return NOT_PERMITTED;
    if (mkdir("disk", 0700) != 0 || mount("tmpfs", "disk", "tmpfs", 0, "size=8m") != 0) return NOT_PERMITTED;
    if (chdir("disk") != 0) return 1;
    run_on(&(struct disk) { .fill_up = leave_a_little, .make_room = remove_filler, .says_full = true });
    return 0;
}

static void disk_is_full(void **state)
{
    (void)state;
    scratch_clear();
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) _exit(run_on_small_disk());
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == NOT_PERMITTED) skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_may_not_grow),
        cmocka_unit_test(disk_is_full),
    };
    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
