/* Reading the configuration and opening the database, for the commands that need them. */
#ifndef CLI_LOAD_H
#define CLI_LOAD_H

#include "base/log.h"
#include "base/version.h"
#include "cli/cli.h"
#include "config/config.h"
#include "store/store.h"

/* Under the working directory: the SQLite file when no dsn is set, the secret of development mode. */
#define STATE_FOLDER "state"

/* From --config, --dev, --sqa-opt-out and the environment. `dsn`: a positional argument, or STR_NONE. */
struct config_sources cli_config_sources(struct cli *c, struct str dsn, bool lenient);
/* Reads, checks, sets the log up and logs warnings; complains on stderr and returns false when anything is wrong. In development
 * mode makes the secret that is missing, in the state folder (fills dev_secret). */
MUST_USE bool cli_config_load(struct cli *c, struct config_sources *sources, const struct config **ret);
void cli_log_setup(const struct config *cfg);
void cli_log_report(const struct config_report *r);

/* Opens what cfg->dsn names; makes the state folder first when that is the default. */
MUST_USE bool cli_store_open(const struct config *cfg, struct store **ret, struct err *e);

/* Does the database hold the tables of an Ory Hydra, of which nothing was taken over? Then CLI_HYDRA_WAITS tells what to do. A
 * database that cannot be asked holds none. */
bool cli_hydra_waits(struct str dsn, struct store *store);
#define CLI_HYDRA_WAITS \
    "This database holds the data of an Ory Hydra that was not taken over. To bring it: grantd migrate hydra --from \"$DSN\""

/* For migrate and janitor: the configuration, read leniently, and the database it names. `dsn_wins`: does the positional DSN
 * count although --read-from-env or --config is given? */
struct database {
    const struct config *config;
    struct store *store;
};
MUST_USE bool cli_database_open(struct cli *c, bool dsn_wins, struct database *ret);
void cli_database_close(struct database *d);
#define DATABASE_AUTO __attribute__((cleanup(cli_database_close))) struct database

#endif
