/* version, completion. */
#include "base/version.h"
#include "cli/commands.h"

int cli_version(struct cli *c)
{
    fprintf(c->out, "Version:\t%s\nGit Hash:\t%s\nBuild Time:\t%s\n", GRANTD_VERSION, grantd_commit, grantd_build_time);
    return 0;
}

int cli_shell_completion(struct cli *c)
{
    cli_completion(c->out, str_of(c->command->noun), !cli_bool(c, "no-descriptions"));
    return 0;
}
