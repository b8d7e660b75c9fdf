/* The functions behind the rows of commands.def, and the members of a client that flags set. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "cli/cli.h"

#define COMMAND(verb, noun, aliases, args, min, max, flags, run, ...) int run(struct cli *c);
#define DEPRECATED(verb, noun, args, min, max, flags, run)            int run(struct cli *c);
#include "cli/commands.def"
#undef COMMAND
#undef DEPRECATED

/* A row of client_flags.def. */
struct client_flag {
    const char *flag;
    enum flag_type type;
    const char *member;
};
extern const struct client_flag cli_client_flags[];
extern const size_t cli_client_flags_n;

#endif
