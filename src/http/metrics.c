/* A slot per (route, method, status), in a small table per group of threads so that cores do not fight over a cache line; all are
 * summed when somebody asks. Families and labels are those that dashboards for Hydra's two generations query. */
#include "metrics.h"

#include <dirent.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/version.h"
#include "http/server.h"

enum { SHARDS = 8, SLOTS = 512, TIME_BUCKETS = 11, SIZE_BUCKETS = 5 };

/* Upper bounds, shared by times (seconds) and sizes (bytes), as clients of these metrics expect. */
static const char *const bounds[TIME_BUCKETS] = { "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10" };
static const usec_t time_bounds[TIME_BUCKETS] = { 5000,   10000,   25000,   50000,   100000,  250000,
                                                  500000, 1000000, 2500000, 5000000, 10000000 };
/* Whole bytes: bounds below 1 all hold just the empty answer. The number says which of `bounds` a size is first within. */
static const struct {
    size_t size;
    int bound;
} size_bounds[SIZE_BUCKETS] = { { 0, 0 }, { 1, 7 }, { 2, 8 }, { 5, 9 }, { 10, 10 } };

struct slot {
    _Atomic uint32_t key; /* 0: free */
    _Atomic uint64_t count, took, received, sent;
    _Atomic uint64_t times[TIME_BUCKETS], sizes[SIZE_BUCKETS]; /* not cumulative; the rest of `count` is above the last bound */
};
struct shard {
    struct slot slots[SLOTS];
};

static struct {
    const struct route *routes;
    size_t routes_n;
    _Atomic(struct shard *) shards[SHARDS];
    _Atomic unsigned next;
    _Atomic uint64_t spans_dropped;
} all;

static const struct {
    enum http_method method;
    const char *lower, *upper;
} methods[] = {
    { 0, "unknown", "unknown" },         { HTTP_GET, "get", "GET" },
    { HTTP_HEAD, "head", "HEAD" },       { HTTP_POST, "post", "POST" },
    { HTTP_PUT, "put", "PUT" },          { HTTP_PATCH, "patch", "PATCH" },
    { HTTP_DELETE, "delete", "DELETE" }, { HTTP_OPTIONS, "options", "OPTIONS" },
};
enum { METHODS = sizeof(methods) / sizeof(methods[0]) };

/* ---- counting ---- */

static struct shard *shard_mine(void)
{
    static _Thread_local struct shard *mine;
    if (mine != NULL) return mine;
    _Atomic(struct shard *) *place = &all.shards[atomic_fetch_add(&all.next, 1) % SHARDS];
    struct shard *there = atomic_load(place);
    if (there == NULL) {
        struct shard *fresh = calloc(1, sizeof(*fresh));
        if (fresh == NULL || !atomic_compare_exchange_strong(place, &there, fresh))
            free(fresh);
        else
            there = fresh;
    }
    mine = there;
    return mine;
}

static unsigned method_index(enum http_method method) { return method == 0 ? 0 : (unsigned)__builtin_ctz((unsigned)method) + 1; }

static uint32_t key_of(const struct metrics_sample *s)
{
    return ((uint32_t)(s->row + 2) << 13) | (method_index(s->method) << 10) | ((uint32_t)s->status & 1023);
}
static int row_of(uint32_t key) { return (int)(key >> 13) - 2; }
static unsigned method_of(uint32_t key) { return key >> 10 & 7; }
static unsigned status_of(uint32_t key) { return key & 1023; }

/* NULL when the table is full: then that request is not counted. */
static struct slot *slot_for(struct shard *shard, uint32_t key)
{
    unsigned at = key * 2654435761u >> 23;
    for (unsigned tries = 0; tries < SLOTS; tries++, at = (at + 1) % SLOTS) {
        struct slot *slot = &shard->slots[at];
        uint32_t there = atomic_load_explicit(&slot->key, memory_order_relaxed);
        if (there == 0 && atomic_compare_exchange_strong(&slot->key, &there, key)) return slot;
        if (there == key) return slot;
    }
    return NULL;
}

static void add(_Atomic uint64_t *counter, uint64_t n) { atomic_fetch_add_explicit(counter, n, memory_order_relaxed); }

void metrics_count(const struct metrics_sample *s)
{
    struct shard *shard = shard_mine();
    struct slot *slot = shard == NULL ? NULL : slot_for(shard, key_of(s));
    if (slot == NULL) return;

    add(&slot->count, 1);
    add(&slot->took, (uint64_t)s->took);
    add(&slot->received, s->received);
    add(&slot->sent, s->sent);
    for (int i = 0; i < TIME_BUCKETS; i++) {
        if (s->took > time_bounds[i]) continue;
        add(&slot->times[i], 1);
        break;
    }
    for (int i = 0; i < SIZE_BUCKETS; i++) {
        if (s->sent > size_bounds[i].size) continue;
        add(&slot->sizes[i], 1);
        break;
    }
}

void metrics_refused(int status) { metrics_count(&(struct metrics_sample) { .row = METRICS_UNMATCHED, .status = status }); }

void metrics_spans_dropped(size_t n) { add(&all.spans_dropped, n); }

void metrics_setup(const struct route *routes, size_t n)
{
    all.routes = routes;
    all.routes_n = n;
}

/* ---- summing ---- */

/* One (endpoint, method, status) of all shards. */
struct total {
    uint32_t key;
    uint64_t count, took, received, sent, times[TIME_BUCKETS], sizes[SIZE_BUCKETS];
};
struct totals {
    struct total *v;
    size_t n;
};

static struct total *total_for(struct totals *t, uint32_t key)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->v[i].key == key) return &t->v[i];
    if (t->n == (size_t)SHARDS * SLOTS) return &t->v[0];
    t->v[t->n] = (struct total) { .key = key };
    return &t->v[t->n++];
}

static void add_slot(struct total *t, struct slot *s)
{
    t->took += atomic_load_explicit(&s->took, memory_order_relaxed);
    t->received += atomic_load_explicit(&s->received, memory_order_relaxed);
    t->sent += atomic_load_explicit(&s->sent, memory_order_relaxed);
    for (int i = 0; i < TIME_BUCKETS; i++) t->times[i] += atomic_load_explicit(&s->times[i], memory_order_relaxed);
    for (int i = 0; i < SIZE_BUCKETS; i++) t->sizes[i] += atomic_load_explicit(&s->sizes[i], memory_order_relaxed);
    t->count += atomic_load_explicit(&s->count, memory_order_relaxed);
}

static void add_total(struct total *to, const struct total *t)
{
    to->took += t->took;
    to->received += t->received;
    to->sent += t->sent;
    for (int i = 0; i < TIME_BUCKETS; i++) to->times[i] += t->times[i];
    for (int i = 0; i < SIZE_BUCKETS; i++) to->sizes[i] += t->sizes[i];
    to->count += t->count;
}

/* Are the paths the same but for the names of their parameters? */
static bool same_endpoint(const char *a, const char *b)
{
    for (; *a != '\0' && *a == *b; a++, b++) {
        if (*a != '{') continue;
        a += strcspn(a, "}") - 1;
        b += strcspn(b, "}") - 1;
    }
    return *a == *b;
}

/* The key with the first of the rows that have one endpoint: two series of the same labels are an error to whoever scrapes. */
static uint32_t fold_rows(uint32_t key)
{
    int row = row_of(key);
    if (row < 0 || (size_t)row >= all.routes_n) return key;
    int first = 0;
    while (!same_endpoint(all.routes[first].path, all.routes[row].path)) first++;
    return ((uint32_t)(first + 2) << 13) | (key & 0x1fff);
}

static struct totals sum_shards(struct arena *a)
{
    struct totals t = { .v = ARENA_ARRAY(a, struct total, (size_t)SHARDS * SLOTS) };
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = atomic_load(&all.shards[i]);
        for (size_t j = 0; shard != NULL && j < SLOTS; j++) {
            uint32_t key = atomic_load_explicit(&shard->slots[j].key, memory_order_relaxed);
            if (key != 0) add_slot(total_for(&t, fold_rows(key)), &shard->slots[j]);
        }
    }
    return t;
}

/* The sums over all keys that `fold` makes equal. */
static struct totals group(struct arena *a, const struct totals *t, uint32_t (*fold)(uint32_t key))
{
    struct totals ret = { .v = ARENA_ARRAY(a, struct total, t->n + 1) };
    for (size_t i = 0; i < t->n; i++) add_total(total_for(&ret, fold(t->v[i].key)), &t->v[i]);
    return ret;
}

/* ---- text ---- */

struct page {
    struct buf out;
    struct str constant; /* labels that every series has */
};

static void head(struct page *p, const char *family, const char *type, const char *help)
{
    buf_addf(&p->out, "# HELP %s %s\n# TYPE %s %s\n", family, help, family, type);
}

void metrics_endpoint(struct buf *b, const struct route *row)
{
    for (const char *path = row->path; *path != '\0'; path++) {
        buf_addc(b, *path);
        if (*path != '{') continue;
        buf_addz(b, "param}");
        path += strcspn(path, "}");
    }
}

static void add_endpoint(struct buf *b, int row, const char *unmatched)
{
    if (row < 0 || (size_t)row >= all.routes_n)
        buf_addz(b, unmatched);
    else
        metrics_endpoint(b, &all.routes[row]);
}

enum labels { LABEL_ENDPOINT = 1, LABEL_CODE_METHOD = 2, LABEL_LEGACY = 4 };

static struct str labels_of(struct page *p, struct arena *a, uint32_t key, unsigned which)
{
    struct buf b = BUF(a);
    if (which & LABEL_CODE_METHOD) buf_addf(&b, "code=\"%u\",method=\"%s\",", status_of(key), methods[method_of(key)].lower);
    if (which & LABEL_ENDPOINT) {
        buf_addz(&b, "endpoint=\"");
        add_endpoint(&b, row_of(key), which & LABEL_LEGACY ? "{unmatched}" : "/");
        buf_addz(&b, "\",");
    }
    if (!(which & LABEL_LEGACY)) buf_addz(&b, "app=\"hydra\",");
    buf_add(&b, p->constant);
    return buf_str(&b);
}

static void histogram(struct page *p, const char *family, struct str labels, const uint64_t counts[TIME_BUCKETS], uint64_t count,
                      const char *sum)
{
    uint64_t below = 0;
    for (int i = 0; i < TIME_BUCKETS; i++) {
        below += counts[i];
        buf_addf(&p->out, "%s_bucket{%.*s,le=\"%s\"} %llu\n", family, STR_FMT(labels), bounds[i], (unsigned long long)below);
    }
    buf_addf(&p->out, "%s_bucket{%.*s,le=\"+Inf\"} %llu\n", family, STR_FMT(labels), (unsigned long long)count);
    buf_addf(&p->out, "%s_sum{%.*s} %s\n%s_count{%.*s} %llu\n", family, STR_FMT(labels), sum, family, STR_FMT(labels),
             (unsigned long long)count);
}

static uint32_t fold_endpoint(uint32_t key) { return key & ~UINT32_C(0x1fff); }
static uint32_t fold_code_method(uint32_t key) { return key & 0x1fff; }
static uint32_t fold_bucket(uint32_t key) { return (key & 0x1c00) | status_of(key) / 100; }

static void times_family(struct page *p, struct arena *a, const char *family, const struct totals *t, unsigned labels)
{
    head(p, family, "histogram", "Time that requests took, in seconds.");
    for (size_t i = 0; i < t->n; i++) {
        char sum[32];
        snprintf(sum, sizeof(sum), "%.6f", (double)t->v[i].took / 1e6);
        histogram(p, family, labels_of(p, a, t->v[i].key, labels), t->v[i].times, t->v[i].count, sum);
    }
}

static void sizes_family(struct page *p, struct arena *a, const char *family, const struct totals *t, bool sent)
{
    head(p, family, "histogram", sent ? "Size of answers, in bytes." : "Size of requests, in bytes.");
    for (size_t i = 0; i < t->n; i++) {
        const struct total *v = &t->v[i];
        uint64_t counts[TIME_BUCKETS] = { 0 };
        for (int j = 0; sent && j < SIZE_BUCKETS; j++) counts[size_bounds[j].bound] = v->sizes[j];
        char sum[32];
        snprintf(sum, sizeof(sum), "%llu", (unsigned long long)(sent ? v->sent : v->received));
        histogram(p, family, labels_of(p, a, v->key, LABEL_CODE_METHOD), counts, v->count, sum);
    }
}

static void totals_family(struct page *p, struct arena *a, const struct totals *t)
{
    head(p, "http_requests_total", "counter", "Requests answered.");
    for (size_t i = 0; i < t->n; i++) {
        struct str labels = labels_of(p, a, t->v[i].key, LABEL_CODE_METHOD | LABEL_ENDPOINT);
        buf_addf(&p->out, "http_requests_total{%.*s} %llu\n", STR_FMT(labels), (unsigned long long)t->v[i].count);
    }
}

static void statuses_family(struct page *p, const struct totals *t)
{
    static const char *const buckets[] = { "unknown", "unknown", "2xx", "3xx", "4xx", "5xx" };
    head(p, "http_requests_statuses_total", "counter", "Requests answered, by class of status.");
    for (size_t i = 0; i < t->n; i++) {
        unsigned bucket = status_of(t->v[i].key);
        buf_addf(&p->out, "http_requests_statuses_total{method=\"%s\",status_bucket=\"%s\",app=\"hydra\",%.*s} %llu\n",
                 methods[method_of(t->v[i].key)].upper, bucket < 6 ? buckets[bucket] : "unknown", STR_FMT(p->constant),
                 (unsigned long long)t->v[i].count);
    }
}

/* ---- the process ---- */

static void gauge(struct page *p, const char *family, const char *type, const char *help, double value)
{
    head(p, family, type, help);
    buf_addf(&p->out, "%s %.15g\n", family, value);
}

static void spans_family(struct page *p)
{
    gauge(p, "grantd_spans_dropped_total", "counter",
          "Spans that no collector has got: too many waited, or it did not take them.",
          (double)atomic_load_explicit(&all.spans_dropped, memory_order_relaxed));
}

static size_t open_descriptors(void)
{
    DIR *d = opendir("/proc/self/fd");
    if (d == NULL) return 0;
    size_t n = 0;
    while (readdir(d) != NULL) n++;
    closedir(d);
    return n > 3 ? n - 3 : 0; /* ".", ".." and the directory itself */
}

/* Start time in clock ticks since boot, virtual size in bytes, resident pages: fields 22, 23, 24 of proc(5) stat. */
static bool read_stat(unsigned long long *ret_start, unsigned long long *ret_virtual, long long *ret_resident)
{
    char text[1024];
    FILE *f = fopen("/proc/self/stat", "re");
    if (f == NULL) return false;
    size_t n = fread(text, 1, sizeof(text) - 1, f);
    fclose(f);
    text[n] = '\0';
    const char *after_name = strrchr(text, ')');
    return after_name != NULL &&
           sscanf(after_name + 1, "%*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu %llu %lld",
                  ret_start, ret_virtual, ret_resident) == 3;
}

static void process_families(struct page *p)
{
    struct rusage used = { 0 };
    struct rlimit files = { 0 };
    getrusage(RUSAGE_SELF, &used);
    getrlimit(RLIMIT_NOFILE, &files);
    double cpu =
        (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    gauge(p, "process_cpu_seconds_total", "counter", "Total user and system CPU time spent in seconds.", cpu);
    gauge(p, "process_open_fds", "gauge", "Number of open file descriptors.", (double)open_descriptors());
    gauge(p, "process_max_fds", "gauge", "Maximum number of open file descriptors.", (double)files.rlim_cur);

    unsigned long long start = 0, virtual = 0;
    long long resident = 0;
    if (!read_stat(&start, &virtual, &resident)) return;
    struct timespec up = { 0 };
    clock_gettime(CLOCK_BOOTTIME, &up);
    double booted = (double)clock_now() / 1e6 - ((double)up.tv_sec + (double)up.tv_nsec / 1e9);
    gauge(p, "process_resident_memory_bytes", "gauge", "Resident memory size in bytes.",
          (double)(resident * sysconf(_SC_PAGESIZE)));
    gauge(p, "process_virtual_memory_bytes", "gauge", "Virtual memory size in bytes.", (double)virtual);
    gauge(p, "process_start_time_seconds", "gauge", "Start time of the process since unix epoch in seconds.",
          booted + (double)start / (double)sysconf(_SC_CLK_TCK));
}

struct str http_metrics_text(struct arena *a)
{
    struct page p = { .out = BUF(a) };
    p.constant = arena_printf(a, "version=\"%s\",hash=\"%s\",buildTime=\"%s\"", GRANTD_VERSION, grantd_commit, grantd_build_time);
    struct totals t = sum_shards(a);
    struct totals endpoints = group(a, &t, fold_endpoint), codes = group(a, &t, fold_code_method),
                  classes = group(a, &t, fold_bucket);

    totals_family(&p, a, &t);
    times_family(&p, a, "http_requests_duration_seconds", &t, LABEL_CODE_METHOD | LABEL_ENDPOINT);
    times_family(&p, a, "http_response_time_seconds", &endpoints, LABEL_ENDPOINT);
    sizes_family(&p, a, "http_requests_size_bytes", &codes, false);
    sizes_family(&p, a, "http_response_size_bytes", &codes, true);
    statuses_family(&p, &classes);
    times_family(&p, a, "hydra_response_time_seconds", &endpoints, LABEL_ENDPOINT | LABEL_LEGACY);
    spans_family(&p);
    process_families(&p);
    return buf_str(&p.out);
}
