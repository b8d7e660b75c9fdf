/* DSNs of MySQL and MariaDB, in two spellings:
 *   mysql://user:password@tcp(host:port)/db?tls=true    as Go's driver has it, also unix(/path/of/socket); user and password
 * stand there as they are, and may hold any character mysql://user:password@host:port/db?tls=true         as a URL: both are
 * percent-coded The name of the database and values of parameters are percent-coded in both. */
#include <string.h>

#include "base/clock.h"
#include "base/url.h"
#include "mysql_int.h"

enum { DEFAULT_PORT = 3306, CONNECT_S = 10, READ_S = 10, WRITE_S = 10 };

/* ---- parameters ---- */

static bool read_seconds(unsigned *to, const char *name, struct str value, struct err *e)
{
    const int64_t second = 1000 * 1000 * 1000, longest = 24 * 3600 * second;
    int64_t ns;
    ENSUREF(duration_parse(value, &ns) && ns >= 0 && ns <= longest, e, MISCONFIGURATION,
            "dsn: the parameter %s is a duration of at most a day, for example 5s.", name);
    *to = (unsigned)((ns + second - 1) / second);
    return true;
}

static bool read_timeout(struct arena *a, struct mysql_dsn *d, struct str value, struct err *e)
{
    (void)a;
    return read_seconds(&d->connect_s, "timeout", value, e);
}

static bool read_read_timeout(struct arena *a, struct mysql_dsn *d, struct str value, struct err *e)
{
    (void)a;
    return read_seconds(&d->read_s, "readTimeout", value, e);
}

static bool read_write_timeout(struct arena *a, struct mysql_dsn *d, struct str value, struct err *e)
{
    (void)a;
    return read_seconds(&d->write_s, "writeTimeout", value, e);
}

static bool read_tls(struct arena *a, struct mysql_dsn *d, struct str value, struct err *e)
{
    static const struct {
        const char *value;
        enum mysql_tls tls;
    } known[] = {
        { "false", MYSQL_TLS_NONE },          { "0", MYSQL_TLS_NONE },
        { "true", MYSQL_TLS_VERIFIED },       { "1", MYSQL_TLS_VERIFIED },
        { "preferred", MYSQL_TLS_PREFERRED }, { "skip-verify", MYSQL_TLS_UNVERIFIED },
    };
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (!str_eq_nocase(value, str_of(known[i].value))) continue;
        d->tls = known[i].tls;
        return true;
    }
    ENSURE(
        str_starts(value, STR("/")) && !str_has(value, '\0'), e, MISCONFIGURATION,
        "dsn: the parameter tls is true, skip-verify, preferred, false, or the absolute path of a file with the certificates to "
        "trust.");
    d->tls = MYSQL_TLS_VERIFIED;
    d->ca = arena_dupz(a, value);
    return true;
}

static bool read_cleartext(struct arena *a, struct mysql_dsn *d, struct str value, struct err *e)
{
    (void)a;
    bool yes = str_eq_nocase(value, STR("true")) || str_eq(value, STR("1"));
    ENSURE(yes || str_eq_nocase(value, STR("false")) || str_eq(value, STR("0")), e, MISCONFIGURATION,
           "dsn: the parameter allowCleartextPasswords is true or false.");
    d->cleartext = yes;
    return true;
}

/* Those without a function concern how Go's driver works inside, or what is always so here. */
static const struct {
    const char *name;
    bool (*read)(struct arena *a, struct mysql_dsn *d, struct str value, struct err *e);
} parameters[] = {
    { "timeout", read_timeout },
    { "readTimeout", read_read_timeout },
    { "writeTimeout", read_write_timeout },
    { "tls", read_tls },
    { "allowCleartextPasswords", read_cleartext },
    { "allowAllFiles", NULL },
    { "allowFallbackToPlaintext", NULL },
    { "allowNativePasswords", NULL },
    { "allowOldPasswords", NULL },
    { "charset", NULL },
    { "checkConnLiveness", NULL },
    { "clientFoundRows", NULL },
    { "collation", NULL },
    { "columnsWithAlias", NULL },
    { "connectionAttributes", NULL },
    { "interpolateParams", NULL },
    { "loc", NULL },
    { "maxAllowedPacket", NULL },
    { "multiStatements", NULL },
    { "parseTime", NULL },
    { "rejectReadOnly", NULL },
    { "serverPubKey", NULL },
    { "timeTruncate", NULL },
};

static bool read_parameter(struct arena *a, struct mysql_dsn *d, struct str name, struct str value, struct err *e)
{
    for (size_t i = 0; i < ARRAY_LEN(parameters); i++) {
        if (!str_eq(name, str_of(parameters[i].name))) continue;
        return parameters[i].read == NULL || parameters[i].read(a, d, value, e);
    }
    FAILF(e, MISCONFIGURATION, "dsn: the parameter %.*s is not known for MySQL.", STR_FMT(str_upto(name, 64)));
}

static bool read_parameters(struct arena *a, struct mysql_dsn *d, struct str query, struct err *e)
{
    while (query.p != NULL) {
        struct str value = str_cut(&query, '&'), name = str_cut(&value, '='), decoded = STR_NONE;
        if (name.n == 0) continue;
        ENSUREF(url_decode(a, value, true, &decoded), e, MISCONFIGURATION, "dsn: the parameter %.*s is not percent-coded well.",
                STR_FMT(str_upto(name, 64)));
        TRY(read_parameter(a, d, name, decoded, e));
    }
    return true;
}

/* ---- what stands before them ---- */

static bool decode(struct arena *a, struct str text, const char *what, const char **ret, struct err *e)
{
    struct str decoded;
    ENSUREF(url_decode(a, text, false, &decoded) && !str_has(decoded, '\0'), e, MISCONFIGURATION,
            "dsn: the %s is not percent-coded well.", what);
    *ret = arena_dupz(a, decoded);
    return true;
}

static bool read_database(struct arena *a, struct mysql_dsn *d, struct str text, struct err *e)
{
    struct str query = text, name = str_cut(&query, '?');
    ENSURE(name.n > 0, e, MISCONFIGURATION,
           "dsn: names no database; an example is mysql://user:password@tcp(127.0.0.1:3306)/grantd.");
    TRY(decode(a, name, "name of the database", &d->database, e));
    return read_parameters(a, d, query, e);
}

static bool read_port(struct mysql_dsn *d, struct str text, struct err *e)
{
    int64_t port = DEFAULT_PORT;
    if (text.n > 0)
        ENSURE(str_to_int(text, &port) && port > 0 && port <= UINT16_MAX, e, MISCONFIGURATION,
               "dsn: the port is a number from 1 to 65535.");
    d->port = (unsigned)port;
    return true;
}

/* host, host:port or [address]:port, of which nothing is decoded */
static bool read_address(struct arena *a, struct mysql_dsn *d, struct str text, struct err *e)
{
    struct str host = text, port = STR_NONE;
    if (str_starts(text, STR("["))) {
        port = str_from(text, 1);
        host = str_cut(&port, ']');
        bool closed = port.p != NULL && (port.n == 0 || port.p[0] == ':');
        ENSURE(closed, e, MISCONFIGURATION, "dsn: the server's address is malformed.");
        port = str_from(port, 1);
    } else {
        port = text;
        host = str_cut(&port, ':');
    }
    d->host = host.n > 0 ? arena_dupz(a, host) : "127.0.0.1";
    return read_port(d, port, e);
}

/* Where `c` stands last, or text.n. */
static size_t last(struct str text, char c)
{
    for (size_t i = text.n; i-- > 0;)
        if (text.p[i] == c) return i;
    return text.n;
}

/* [user[:password]@]protocol(address, the `)/` and what follows cut off */
static bool read_go(struct arena *a, struct mysql_dsn *d, struct str text, struct err *e)
{
    size_t at = last(text, '@');
    struct str password = at < text.n ? str_upto(text, at) : STR_NONE, user = str_cut(&password, ':');
    d->user = arena_dupz(a, user);
    d->password = arena_dupz(a, password);

    struct str address = at < text.n ? str_from(text, at + 1) : text, protocol = str_cut(&address, '(');
    if (str_eq(protocol, STR("tcp"))) return read_address(a, d, address, e);
    ENSURE(str_eq(protocol, STR("unix")), e, MISCONFIGURATION, "dsn: a server is reached by tcp(host:port) or unix(/path).");
    ENSURE(str_starts(address, STR("/")), e, MISCONFIGURATION, "dsn: the path of a socket is absolute.");
    d->socket = arena_dupz(a, address);
    return true;
}

static bool read_url(struct arena *a, struct mysql_dsn *d, struct str text, struct err *e)
{
    size_t at = last(text, '@');
    struct str password = at < text.n ? str_upto(text, at) : STR_NONE, user = str_cut(&password, ':');
    TRY(decode(a, user, "user", &d->user, e));
    TRY(decode(a, password, "password", &d->password, e));
    return read_address(a, d, at < text.n ? str_from(text, at + 1) : text, e);
}

/* Where the last `)/` stands, or text.n: a password may hold one. */
static size_t end_of_go(struct str text)
{
    for (size_t i = text.n; i-- > 1;)
        if (text.p[i] == '/' && text.p[i - 1] == ')') return i - 1;
    return text.n;
}

bool mysql_dsn_read(struct arena *a, struct str dsn, struct mysql_dsn *ret, struct err *e)
{
    struct str rest = dsn;
    str_cut(&rest, ':');
    ENSURE(str_starts(rest, STR("//")), e, MISCONFIGURATION, "dsn: // must follow the scheme.");
    ENSURE(!str_has(rest, '\0'), e, MISCONFIGURATION, "dsn: has a NUL.");
    rest = str_from(rest, 2);
    *ret = (struct mysql_dsn) { .connect_s = CONNECT_S, .read_s = READ_S, .write_s = WRITE_S };

    size_t end = end_of_go(rest);
    if (end < rest.n) {
        TRY(read_go(a, ret, str_upto(rest, end), e));
        return read_database(a, ret, str_from(rest, end + 2), e);
    }
    struct str server = str_cut(&rest, '/');
    TRY(read_url(a, ret, server, e));
    return read_database(a, ret, rest, e);
}
