/* Watching files by inotify. The directories are watched, not the files, so that editors that rename and mounts that swap
 * symbolic links are seen; what an event means is found out by looking at the files again. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config_int.h"

/* Editors write several times; one look after the dust has settled is enough. */
enum { SETTLE_MS = 50 };

/* What a file looked like. All zero: it was not there. */
struct look {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec changed;
};
struct config_watch {
    struct arena *arena;
    struct strs files;
    struct look *looks;
    void (*changed)(void *arg, struct str file);
    void *arg;
    int notify, stop;
    pthread_t thread;
};

static struct look look_at(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0) return (struct look) { 0 };
    return (struct look) { st.st_dev, st.st_ino, st.st_size, st.st_mtim };
}

static bool look_same(const struct look *x, const struct look *y)
{
    return x->device == y->device && x->inode == y->inode && x->size == y->size && x->changed.tv_sec == y->changed.tv_sec &&
           x->changed.tv_nsec == y->changed.tv_nsec;
}

static bool add_directory(struct config_watch *w, const char *path)
{
    char directory[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t n = slash == NULL ? 1 : slash == path ? 1 : (size_t)(slash - path);
    if (n >= sizeof(directory)) return false;
    memcpy(directory, slash == NULL ? "." : path, n);
    directory[n] = '\0';
    uint32_t events = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE;
    return inotify_add_watch(w->notify, directory, events | IN_ONLYDIR) >= 0;
}

/* The directory of the name and, over symbolic links, that of the file itself. Adding one again does no harm. */
static bool add_directories(struct config_watch *w)
{
    bool ok = true;
    for (size_t i = 0; i < w->files.n; i++) {
        char real[PATH_MAX];
        ok &= add_directory(w, w->files.v[i].p);
        if (realpath(w->files.v[i].p, real) != NULL) ok &= add_directory(w, real);
    }
    return ok;
}

static void compare(struct config_watch *w)
{
    for (size_t i = 0; i < w->files.n; i++) {
        struct look now = look_at(w->files.v[i].p);
        if (look_same(&now, &w->looks[i])) continue;
        bool there = now.inode != 0;
        w->looks[i] = now;
        if (there) w->changed(w->arg, w->files.v[i]);
    }
}

static void drain(int fd)
{
    char events[4096] __attribute__((aligned(8)));
    while (read(fd, events, sizeof(events)) > 0) continue;
}

static void *watch_thread(void *arg)
{
    struct config_watch *w = arg;
    struct pollfd fds[] = { { .fd = w->stop, .events = POLLIN }, { .fd = w->notify, .events = POLLIN } };
    for (;;) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR) return NULL;
        if (fds[0].revents != 0) return NULL;
        if (fds[1].revents == 0) continue;
        if (poll(fds, 1, SETTLE_MS) > 0) return NULL;
        drain(w->notify);
        (void)add_directories(w);
        compare(w);
    }
}

static void watch_free(struct config_watch *w)
{
    if (w->notify >= 0) close(w->notify);
    if (w->stop >= 0) close(w->stop);
    arena_free(w->arena);
}

/* All signals go to the threads that wait for them. */
static bool start_thread(struct config_watch *w)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool ok = pthread_create(&w->thread, NULL, watch_thread, w) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return ok;
}

struct config_watch *config_watch_start(struct strs files, void (*changed)(void *arg, struct str file), void *arg)
{
    struct arena *arena = arena_new();
    struct config_watch *w = ARENA_NEW(arena, struct config_watch);
    *w = (struct config_watch) { .arena = arena, .changed = changed, .arg = arg };
    for (size_t i = 0; i < files.n; i++)
        for (struct str rest = files.v[i]; rest.p != NULL;) {
            struct str name = str_cut(&rest, ',');
            if (name.n > 0) strs_add(arena, &w->files, arena_dup(arena, name));
        }
    w->looks = ARENA_ARRAY(arena, struct look, w->files.n + 1);
    w->notify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    w->stop = eventfd(0, EFD_CLOEXEC);
    bool ok = w->notify >= 0 && w->stop >= 0 && add_directories(w);
    for (size_t i = 0; i < w->files.n; i++) w->looks[i] = look_at(w->files.v[i].p);
    if (ok && start_thread(w)) return w;
    watch_free(w);
    return NULL;
}

void config_watch_stop(struct config_watch *w)
{
    if (w == NULL) return;
    (void)eventfd_write(w->stop, 1);
    pthread_join(w->thread, NULL);
    watch_free(w);
}
