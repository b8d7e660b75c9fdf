/* Reading a server's DSN as far as all drivers agree on it. The texts of failures name parameters and never repeat a value. */
#include "dsn.h"

#include <unistd.h>

#include "base/buf.h"

enum { CONNECTIONS_MAX = 10000 };

/* Go's MySQL driver takes everything up to the last @tcp( or @unix( for the user part, whatever is in it. */
static struct str mysql_user(struct str *rest)
{
    static const struct str marks[] = { { "@tcp(", 5 }, { "@unix(", 6 } };
    for (size_t at = rest->n; at-- > 0;) {
        for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
            if (!str_starts(str_from(*rest, at), marks[i])) continue;
            struct str user = str_upto(*rest, at);
            *rest = str_from(*rest, at + 1);
            return user;
        }
    }
    return STR_NONE;
}

void dsn_cut(struct str text, struct dsn *ret)
{
    struct str rest = text, before_slash;
    ret->scheme = str_cut(&rest, ':');
    if (str_starts(rest, STR("//"))) rest = str_from(rest, 2);
    before_slash = rest;
    before_slash = str_cut(&before_slash, '/');
    ret->user = mysql_user(&rest);
    if (ret->user.p == NULL) ret->user = str_has(before_slash, '@') ? str_cut(&rest, '@') : STR("");
    ret->address = str_cut(&rest, '?');
    ret->query = rest;
}

static bool read_count(struct str value, const char *name, int64_t min, unsigned *ret, struct err *e)
{
    int64_t n;
    ENSUREF(str_to_int(value, &n) && n >= min && n <= CONNECTIONS_MAX, e, MISCONFIGURATION,
            "dsn: %s is a number of connections from %d to %d.", name, (int)min, CONNECTIONS_MAX);
    *ret = (unsigned)n;
    return true;
}

static bool read_time(struct str value, const char *name, usec_t *ret, struct err *e)
{
    int64_t ns;
    ENSUREF(duration_parse(value, &ns) && ns >= 0, e, MISCONFIGURATION,
            "dsn: %s is a length of time such as 30m or 90s; 0 means no limit.", name);
    *ret = ns / 1000;
    return true;
}

/* *ret_taken: it is one of the pool's. */
static bool read_parameter(struct str name, struct str value, struct pool_options *o, bool *ret_taken, struct err *e)
{
    *ret_taken = true;
    if (str_eq(name, STR("max_conns"))) return read_count(value, "max_conns", 1, &o->max, e);
    if (str_eq(name, STR("max_idle_conns"))) return read_count(value, "max_idle_conns", 0, &o->idle, e);
    if (str_eq(name, STR("max_conn_lifetime"))) return read_time(value, "max_conn_lifetime", &o->lifetime, e);
    if (str_eq(name, STR("max_conn_idle_time"))) return read_time(value, "max_conn_idle_time", &o->idle_time, e);
    *ret_taken = false;
    return true;
}

bool dsn_pool_options(struct arena *a, struct str text, struct pool_options *ret, struct str *ret_rest, struct err *e)
{
    unsigned cpus = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
    *ret = (struct pool_options) { .max = 2 * cpus, .idle = cpus };
    struct dsn dsn;
    dsn_cut(text, &dsn);
    size_t before = dsn.query.p != NULL ? (size_t)(dsn.query.p - text.p) - 1 : text.n;
    struct buf rest = BUF(a);
    buf_add(&rest, str_upto(text, before));
    char sep = '?';
    while (dsn.query.p != NULL) {
        struct str whole = str_cut(&dsn.query, '&'), value = whole, name = str_cut(&value, '=');
        bool taken;
        TRY(read_parameter(name, value, ret, &taken, e));
        if (taken || whole.n == 0) continue;
        buf_addc(&rest, sep);
        buf_add(&rest, whole);
        sep = '&';
    }
    if (ret->idle > ret->max) ret->idle = ret->max;
    *ret_rest = buf_str(&rest);
    return true;
}
