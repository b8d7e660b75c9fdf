/* perform: gets tokens as a client would. */
#include "base/url.h"
#include "cli/commands.h"
#include "cli/perform.h"

/* ---- the token ---- */

static const struct cli_kind token_kind = CLI_KIND("ACCESS TOKEN", "REFRESH TOKEN", "ID TOKEN", "EXPIRY");

static struct str or_empty(const json_t *answer, const char *member)
{
    struct str s = json_str(json_object_get(answer, member));
    return s.n > 0 ? s : STR("<empty>");
}

/* RFC 6749 5.1; the moment of expiry is counted from `asked`, so that it is never too late. */
int perform_print_token(struct cli *c, const json_t *answer, usec_t asked, bool with_expires_in)
{
    struct str token = json_str(json_object_get(answer, "access_token"));
    if (token.n == 0) return cli_fail(c, "the answer has no access token: is this the address of the public API?");
    json_t *expires_in = json_object_get(answer, "expires_in");
    usec_t expiry = asked + json_integer_value(expires_in) * USEC_PER_SEC;

    json_t *json =
        json_pack("{s:o, s:O*, s:O*, s:o, s:O*}", "access_token", json_of_str(token), "token_type",
                  json_object_get(answer, "token_type"), "refresh_token", json_object_get(answer, "refresh_token"), "expiry",
                  json_of_str(time_rfc3339(c->arena, expiry, 9)), "expires_in", with_expires_in ? expires_in : NULL);
    const struct str cells[] = { token, or_empty(answer, "refresh_token"), or_empty(answer, "id_token"),
                                 cli_time(c->arena, usec_to_sec(expiry)) };
    cli_print_object(c, &token_kind, &(struct cli_row) { .json = json, .id = token, .cells = cells });
    json_decref(json);
    return 0;
}

/* RFC 6749 2.3.1: "The authorization server MUST support the HTTP Basic authentication scheme"; a client that is registered for
 * client_secret_post alone is refused that way, and asks again. One without a secret only says who it is (RFC 6749 3.2.1). */
bool perform_ask_token(const struct remote *r, struct str url, const struct credentials *who, struct params *form,
                       struct fetched *ret)
{
    struct arena *a = r->cli->arena;
    struct remote there = *r;
    struct call q = { .method = "POST", .path = STR("") };
    there.base = url;
    if (who->secret.n > 0) {
        q.user = who->id;
        q.password = who->secret;
        q.form = params_encode(a, form, false);
        TRY(remote_fetch(&there, &q, ret));
        if (ret->status != 401) return true;
        params_add(a, form, STR("client_secret"), who->secret);
    }
    if (params_get(form, STR("client_id")).n == 0) params_add(a, form, STR("client_id"), who->id);
    struct fetched again;
    TRY(remote_fetch(&there, &(struct call) { .method = "POST", .path = STR(""), .form = params_encode(a, form, false) },
                     &again));
    if (again.status != 401 || who->secret.n == 0) *ret = again;
    return true;
}

/* ---- client-credentials ---- */

int cli_client_credentials(struct cli *c)
{
    struct remote r;
    struct credentials who;
    struct fetched answer;
    json_t *token;
    struct err e = ERR_INIT(c->arena);
    if (!remote_open(c, &r) || !remote_credentials(c, &who)) return 1;
    struct params form = { 0 };
    struct str scope = strs_join(c->arena, cli_list(c, "scope"), " "),
               audience = strs_join(c->arena, cli_list(c, "audience"), " ");
    params_add(c->arena, &form, STR("grant_type"), STR("client_credentials"));
    if (scope.n > 0) params_add(c->arena, &form, STR("scope"), scope);
    if (audience.n > 0) params_add(c->arena, &form, STR("audience"), audience);

    usec_t asked = clock_now();
    if (!perform_ask_token(&r, ARENA_CAT(c->arena, r.base, STR("/oauth2/token")), &who, &form, &answer)) return 1;
    if (answer.status != 200) return remote_refused(&r, &answer), 1;
    if (!json_read(c->arena, answer.body, &token, NULL, &e))
        return cli_fail(c, "the answer is not JSON: is this the public API?");
    return perform_print_token(c, token, asked, false);
}
