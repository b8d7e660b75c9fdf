/* Printing a client's secret encrypted. */
#ifndef CLI_PGP_H
#define CLI_PGP_H

#include "cli/cli.h"

struct pgp {
    bool wanted;
    struct str key; /* OpenPGP, binary or armoured */
};
/* Reads the key that the flags name, if any, and tries it: call this before anything is done that cannot be repeated. */
MUST_USE bool pgp_open(struct cli *c, struct pgp *ret);
/* The client's secret becomes the base64 of an OpenPGP message, if that is wanted and there is one. */
MUST_USE bool pgp_hide_secret(struct cli *c, const struct pgp *pgp, json_t *client);

#endif
