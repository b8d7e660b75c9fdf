/* Group commit. A durable commit costs a flush of the disk, whether it carries one write or a hundred; so whoever finds the
 * writing connection free commits everything that queued up meanwhile, each write in a savepoint of its own, so that one that
 * fails takes back only itself. Nobody is answered before the commit. Knows no statement but those of transactions. */
#include <semaphore.h>

#include "store_int.h"

enum { GROUP_MAX = 256 }; /* bounds how long the first of a group waits for the last */

struct write_request {
    write_fn fn;
    void *arg;
    struct write w;
    struct err *e;
    bool ok;
    bool leads; /* was woken to lead, not because it is done */
    sem_t wake;
    struct write_request *next;
};

void writer_init(struct writer *w, struct sql *c)
{
    *w = (struct writer) { .c = c };
    pthread_mutex_init(&w->lock, NULL);
    w->last = &w->first;
}

void writer_done(struct writer *w, const struct sql_driver *driver)
{
    driver->disconnect(w->c);
    pthread_mutex_destroy(&w->lock);
}

static void enqueue(struct writer *w, struct write_request *r)
{
    *w->last = r;
    w->last = &r->next;
}

/* The head of the queue is always the leader itself. */
static struct write_request *take_group(struct writer *w)
{
    pthread_mutex_lock(&w->lock);
    struct write_request *group = w->first, *r = group;
    for (int n = 1; n < GROUP_MAX && r->next != NULL; n++) r = r->next;
    w->first = r->next;
    if (w->first == NULL) w->last = &w->first;
    r->next = NULL;
    pthread_mutex_unlock(&w->lock);
    return group;
}

static bool control(struct sql *c, const struct sql_call *call, struct err *e) { return sql_run(c, call, NULL, NULL, e); }

static void copy_failure(struct err *to, const struct err *from)
{
    err_set(to, from->kind, from->hint, from->file, from->line);
    if (from->debug != NULL) err_debugf(to, "%s", from->debug);
}

/* False only when the whole transaction is lost. */
static bool run_member(struct sql *c, struct write_request *r, struct err *e)
{
    TRY(control(c, CALL(SAVEPOINT), e));
    r->w.c = c;
    r->w.undo = false;
    r->ok = r->fn(&r->w, r->arg, r->e);
    if (r->ok && !r->w.undo) return control(c, CALL(RELEASE), e);

    /* A full disk can make the database give up the transaction: then the reason is in the member's error. */
    if (!c->driver->in_transaction(c)) {
        copy_failure(e, r->e);
        return false;
    }
    TRY(control(c, CALL(ROLLBACK_TO), e));
    return control(c, CALL(RELEASE), e);
}

static bool run_members(struct sql *c, struct write_request *group, struct err *e)
{
    for (struct write_request *r = group; r != NULL; r = r->next) TRY(run_member(c, r, e));
    return true;
}

static bool run_transaction(struct sql *c, struct write_request *group, struct err *e)
{
    TRY(c->driver->begin(c, e));
    if (run_members(c, group, e)) return c->driver->commit(c, e);
    c->driver->rollback(c);
    return false;
}

static bool commit_group(struct store *s, struct write_request *group, struct err *e)
{
    struct writer *w = &s->writer;
    if (w->c == NULL) TRY(s->driver->connect(s->db, SQL_WRITES, &sql_store_table, &w->c, e));
    bool ok = run_transaction(w->c, group, e);
    if (w->c->broken) {
        s->driver->disconnect(w->c);
        w->c = NULL;
    }
    return ok;
}

static void run_group(struct store *s, struct write_request *group)
{
    struct err failure = ERR_INIT(group->w.op->arena);
    if (commit_group(s, group, &failure)) return;
    for (struct write_request *r = group; r != NULL; r = r->next) {
        r->ok = false;
        copy_failure(r->e, &failure);
    }
}

/* The head of what queued up meanwhile leads next; NULL when nobody waits. */
static struct write_request *next_leader(struct writer *w)
{
    pthread_mutex_lock(&w->lock);
    struct write_request *next = w->first;
    w->led = next != NULL;
    pthread_mutex_unlock(&w->lock);
    return next;
}

/* A request is on its thread's stack: once woken, it is gone. */
static void lead(struct store *s)
{
    struct write_request *own = take_group(&s->writer);
    run_group(s, own);

    struct write_request *leader = next_leader(&s->writer);
    if (leader != NULL) {
        leader->leads = true;
        sem_post(&leader->wake);
    }
    for (struct write_request *r = own->next, *next; r != NULL; r = next) {
        next = r->next;
        sem_post(&r->wake);
    }
}

static void wait_for(sem_t *wake)
{
    while (sem_wait(wake) != 0) continue; /* interrupted by a signal */
}

bool group_write(struct store *s, struct op *op, write_fn fn, void *arg, struct err *e)
{
    OP_MUST_WAIT(op, e);
    struct writer *w = &s->writer;
    struct write_request r = { .fn = fn, .arg = arg, .w = { .op = op }, .e = e };
    sem_init(&r.wake, 0, 0);

    pthread_mutex_lock(&w->lock);
    enqueue(w, &r);
    if (!w->led) w->led = r.leads = true;
    bool leads = r.leads;
    pthread_mutex_unlock(&w->lock);

    if (!leads) wait_for(&r.wake);
    if (r.leads) lead(s);
    sem_destroy(&r.wake);
    return r.ok;
}
