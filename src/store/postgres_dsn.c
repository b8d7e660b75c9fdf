/* PostgreSQL's DSN: a URI whose parameters are libpq's. Everything libpq understands passes through; what it would only say with
 * a piece of the DSN in its message is said here in other words, because that piece may be part of a password. */
#include <stdlib.h>
#include <string.h>

#include "dsn.h"
#include "postgres_int.h"

/* Hung servers and broken networks are noticed within seconds. A standby is no server for us: what it tells may be old, such as
 * that a token is not revoked. */
static const struct {
    const char *name, *value;
} defaults[] = {
    { "fallback_application_name", "grantd" }, { "connect_timeout", "5" },  { "keepalives_idle", "30" },
    { "keepalives_interval", "10" },           { "keepalives_count", "3" }, { "tcp_user_timeout", "10000" },
    { "target_session_attrs", "read-write" },
};

/* libpq would take the rest of a password for a host or a database, and name it. */
static bool check_address(const struct dsn *dsn, struct err *e)
{
    ENSURE(!str_has(dsn->address, '@'), e, MISCONFIGURATION,
           "dsn: percent-encode what is special in the user name and the password: %40 for @, %2F for /, %3A for :, %3F for ?.");
    return true;
}

static bool is_known(struct str name, const PQconninfoOption *known)
{
    if (str_eq(name, STR("ssl"))) return true; /* libpq's own exception, for JDBC's spelling */
    for (; known->keyword != NULL; known++)
        if (str_eq(name, str_of(known->keyword))) return true;
    return false;
}

static bool check_names(struct str query, const PQconninfoOption *known, struct err *e)
{
    while (query.p != NULL) {
        struct str value = str_cut(&query, '&'), name = str_cut(&value, '=');
        ENSUREF(is_known(name, known), e, MISCONFIGURATION, "dsn: PostgreSQL knows no parameter \"%.*s\".",
                STR_FMT(str_upto(name, 32)));
    }
    return true;
}

static const char *value_of(const PQconninfoOption *options, const char *name)
{
    for (; options->keyword != NULL; options++)
        if (strcmp(options->keyword, name) == 0) return options->val;
    return NULL;
}

static bool check_ports(const PQconninfoOption *options, struct err *e)
{
    struct str ports = str_of(value_of(options, "port"));
    while (ports.p != NULL) {
        struct str one = str_cut(&ports, ',');
        int64_t port;
        ENSURE(one.n == 0 || (str_to_int(one, &port) && port > 0 && port < 65536), e, MISCONFIGURATION,
               "dsn: a port is not a number from 1 to 65535; percent-encode what is special in the password.");
    }
    return true;
}

static void take_options(struct sql_db *db, const PQconninfoOption *options)
{
    size_t n = 0, count = 0;
    while (options[count].keyword != NULL) count++;
    db->names = ARENA_ARRAY(db->arena, const char *, count + 2);
    db->values = ARENA_ARRAY(db->arena, const char *, count + 2);
    for (; options->keyword != NULL; options++) {
        if (options->val == NULL || strcmp(options->keyword, "client_encoding") == 0) continue;
        db->names[n] = arena_dupz(db->arena, str_of(options->keyword));
        db->values[n++] = arena_dupz(db->arena, str_of(options->val));
    }
    db->names[n] = "client_encoding";
    db->values[n] = "UTF8";
}

static void add_defaults(PQconninfoOption *options)
{
    for (size_t i = 0; i < ARRAY_LEN(defaults); i++)
        for (PQconninfoOption *o = options; o->keyword != NULL; o++)
            if (strcmp(o->keyword, defaults[i].name) == 0 && o->val == NULL) o->val = strdup(defaults[i].value);
}

static bool read_options(struct sql_db *db, struct str rest, struct err *e)
{
    char *ignored = NULL;
    PQconninfoOption *options = pq.conninfoParse(ARENA_CAT(db->arena, STR("postgresql://"), rest).p, &ignored);
    free(ignored);
    ENSURE(options != NULL, e, MISCONFIGURATION,
           "dsn: not a PostgreSQL URI; an example is postgres://user:password@host:5432/database?sslmode=verify-full.");
    bool ok = check_ports(options, e);
    if (ok) {
        add_defaults(options);
        take_options(db, options);
        const char *own = value_of(options, "options");
        db->own_timeout = own != NULL && strstr(own, "statement_timeout") != NULL;
    }
    pq.conninfoFree(options);
    return ok;
}

bool postgres_dsn_read(struct arena *a, struct str dsn, struct sql_db *db, struct err *e)
{
    struct str rest = dsn;
    str_cut(&rest, ':');
    ENSURE(str_starts(rest, STR("//")) && !str_has(rest, '\0'), e, MISCONFIGURATION,
           "dsn: not a PostgreSQL URI; an example is postgres://user:password@host:5432/database?sslmode=verify-full.");
    TRY(pq_load(e));
    db->arena = a;
    struct dsn parts;
    dsn_cut(dsn, &parts);
    TRY(check_address(&parts, e));
    PQconninfoOption *known = pq.conndefaults();
    bool ok = known != NULL && check_names(parts.query, known, e);
    if (known != NULL) pq.conninfoFree(known);
    return ok && read_options(db, str_from(rest, 2), e);
}
