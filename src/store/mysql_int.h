/* What the files of the MySQL driver share: mysql_dsn.c reads what the operator wrote, mysql_text.c spells statements as the
 * server wants them, mysql.c talks to it. */
#ifndef STORE_MYSQL_INT_H
#define STORE_MYSQL_INT_H

#include "base/err.h"

enum mysql_tls {
    MYSQL_TLS_NONE,
    MYSQL_TLS_PREFERRED, /* when the server offers it, whoever it is */
    MYSQL_TLS_UNVERIFIED,
    MYSQL_TLS_VERIFIED,
};

struct mysql_dsn {
    const char *host, *socket; /* one of them is NULL */
    unsigned port;
    const char *user, *password, *database;
    unsigned connect_s, read_s, write_s; /* seconds; 0: none */
    enum mysql_tls tls;
    const char *ca; /* the file of certificates to trust instead of the system's, or NULL */
    bool cleartext; /* the server may ask for the password itself */
};
/* Fails with MISCONFIGURATION; no message repeats anything but names of parameters. */
MUST_USE bool mysql_dsn_read(struct arena *a, struct str dsn, struct mysql_dsn *ret, struct err *e);

struct mysql_text {
    const char *sql;            /* with `?` */
    const unsigned char *order; /* which argument each `?` takes, from 0 */
    unsigned n;
    bool keeps;   /* a row that is there already stays, and nothing was changed */
    bool one_row; /* the server counts a row that was replaced twice */
};
struct mysql_text mysql_text(struct arena *a, const char *text);

/* The next statement of a script in the server's spelling; false at its end. */
bool mysql_script_next(struct arena *a, struct str *rest, struct str *ret);

#endif
