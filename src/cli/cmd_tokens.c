/* introspect token, revoke token, delete access-tokens. */
#include "base/url.h"
#include "cli/commands.h"
#include "cli/remote.h"

static const struct cli_kind answer_kind = CLI_KIND("ACTIVE", "SUBJECT", "CLIENT ID", "SCOPE", "EXPIRY", "TOKEN USE");

int cli_introspect(struct cli *c)
{
    struct remote r;
    json_t *answer;
    struct params form = { 0 };
    params_add(c->arena, &form, STR("token"), c->args.v[0]);
    params_add(c->arena, &form, STR("scope"), strs_join(c->arena, cli_list(c, "scope"), " "));
    struct call q = { .method = "POST", .path = STR("/admin/oauth2/introspect"), .form = params_encode(c->arena, &form, false) };
    if (!remote_open(c, &r) || !remote_call(&r, &q, &answer)) return 1;

    struct str cells[] = {
        json_is_true(json_object_get(answer, "active")) ? STR("true") : STR("false"),
        json_str(json_object_get(answer, "sub")),
        json_str(json_object_get(answer, "client_id")),
        json_str(json_object_get(answer, "scope")),
        cli_time(c->arena, json_integer_value(json_object_get(answer, "exp"))),
        json_str(json_object_get(answer, "token_use")),
    };
    cli_print_object(c, &answer_kind, &(struct cli_row) { .json = answer, .id = cells[0], .cells = cells });
    return 0;
}

/* RFC 7009 2.1; a client without a secret names itself in the form. */
int cli_revoke(struct cli *c)
{
    struct remote r;
    struct credentials who;
    struct params form = { 0 };
    params_add(c->arena, &form, STR("token"), c->args.v[0]);
    if (!remote_open(c, &r) || !remote_credentials(c, &who)) return 1;
    struct call q = { .method = "POST", .path = STR("/oauth2/revoke") };
    if (who.secret.n > 0)
        q.user = who.id, q.password = who.secret;
    else
        params_add(c->arena, &form, STR("client_id"), who.id);
    q.form = params_encode(c->arena, &form, false);
    if (!remote_call(&r, &q, NULL)) return 1;
    cli_print_ids(c, c->args);
    return 0;
}

int cli_delete_tokens(struct cli *c)
{
    struct remote r;
    struct params query = { 0 };
    params_add(c->arena, &query, STR("client_id"), c->args.v[0]);
    struct str path = ARENA_CAT(c->arena, STR("/admin/oauth2/tokens?"), params_encode(c->arena, &query, false));
    if (!remote_open(c, &r) || !remote_call(&r, &(struct call) { .method = "DELETE", .path = path }, NULL)) return 1;
    cli_print_ids(c, c->args);
    return 0;
}
