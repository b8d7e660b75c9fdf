/* perform logout: signs a user out as a client would (OpenID Connect RP-Initiated Logout 1.0): sends a browser to the end-session
 * endpoint with the ID token as hint, and waits until the server sends it back. */
#include "api/pages/page.h"
#include "base/rand.h"
#include "cli/commands.h"
#include "cli/perform.h"
#include "crypto/jws.h"

enum { RANDOM_LETTERS = 24 };

struct signing_out {
    struct local local; /* first */
    struct str id_token, client, subject, session;
    struct str url, redirect, state;
    bool back; /* guarded by the lock */
};

static struct signing_out *signing_out_of(struct http_req *r) { return (struct signing_out *)local_of(r); }

/* ---- the ID token ---- */

/* What it says is for people: the server checks it. */
static bool read_claims(struct cli *c, struct signing_out *s)
{
    struct jws jws;
    json_t *claims;
    struct err why = ERR_INIT(c->arena);
    if (!jws_parse(c->arena, s->id_token, &jws, &why) || !json_read(c->arena, jws.payload, &claims, NULL, &why))
        return cli_fail(c, "this is not an ID token: it must be the member id_token of the token endpoint's answer"), false;
    const json_t *aud = json_object_get(claims, "aud");
    s->subject = json_str(json_object_get(claims, "sub"));
    s->session = json_str(json_object_get(claims, "sid"));
    s->client = json_str(json_is_array(aud) ? json_array_get(aud, 0) : aud);
    return true;
}

/* Standard input keeps it from the eyes of other users of the machine. */
static bool read_id_token(struct cli *c, struct signing_out *s)
{
    struct str text = c->args.n > 0 ? c->args.v[0] : STR("-");
    if (str_eq(text, STR("-"))) TRY(cli_read_file(c, text, &text));
    s->id_token = str_trim(text);
    return read_claims(c, s);
}

/* ---- pages ---- */

static bool show_start(struct http_req *r, struct err *e)
{
    const struct signing_out *s = signing_out_of(r);
    struct arena *a = r->op.arena;
    struct params vars = { 0 };
    (void)e;
    params_add(a, &vars, STR("@title"), STR("end_title"));
    params_add(a, &vars, STR("@start_text"), STR("end_text"));
    params_add(a, &vars, STR("@start_server"), STR("end_server"));
    params_add(a, &vars, STR("@start_redirect"), STR("end_redirect"));
    params_add(a, &vars, STR("@start_go"), STR("end_go"));
    params_add(a, &vars, STR("server"), s->url);
    params_add(a, &vars, STR("client"), s->client);
    params_add(a, &vars, STR("redirect"), s->redirect);
    return page_reply(r, 200, page_start, &vars);
}

/* RP-Initiated Logout 1.0, 2. */
static bool start_flow(struct http_req *r, struct err *e)
{
    const struct signing_out *s = signing_out_of(r);
    struct params query = { 0 };
    (void)e;
    params_add(r->op.arena, &query, STR("id_token_hint"), s->id_token);
    params_add(r->op.arena, &query, STR("post_logout_redirect_uri"), s->redirect);
    params_add(r->op.arena, &query, STR("state"), s->state);
    if (cli_given(s->local.cli, "client-id"))
        params_add(r->op.arena, &query, STR("client_id"), cli_str(s->local.cli, "client-id"));
    return http_redirect(r, 302, url_with_params(r->op.arena, s->url, &query));
}

/* RP-Initiated Logout 1.0, 3: the OP "MUST ... pass this value back ... using the state query parameter". */
static bool come_back(struct http_req *r, struct err *e)
{
    struct signing_out *s = signing_out_of(r);
    (void)e;
    if (!str_eq(params_get(&r->query, STR("state")), s->state))
        return local_error(r, 400, "state_mismatch", STR("The state of this answer is another one."));
    pthread_mutex_lock(&s->local.lock);
    s->back = true;
    pthread_cond_signal(&s->local.wake);
    pthread_mutex_unlock(&s->local.lock);
    return notice_reply(r, &(struct notice) { .status = 200, .title = "signed_out_title", .text = "end_done_text" }, NULL);
}

static const struct route routes[] = {
    { LISTEN_PUBLIC, HTTP_GET, "/", API_CURRENT, 0, show_start, "start" },
    { LISTEN_PUBLIC, HTTP_GET, "/perform-flow", API_CURRENT, ROUTE_NO_STORE, start_flow, "performFlow" },
    { LISTEN_PUBLIC, HTTP_GET, "/logged-out", API_CURRENT, ROUTE_NO_STORE, come_back, "loggedOut" },
};

/* ---- the command ---- */

static bool read_flags(struct cli *c, struct signing_out *s)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
    TRY(cli_format_ok(c) && remote_open(c, &s->local.remote) && read_id_token(c, s));
    local_name(&s->local);
    s->url = local_url(c, "logout-url", s->local.remote.base, STR("/oauth2/sessions/logout"));
    s->redirect = local_url(c, "redirect", s->local.home, STR("logged-out"));
    s->state = cli_given(c, "state") ? cli_str(c, "state") : rand_text(c->arena, RANDOM_LETTERS, STR(letters));
    return true;
}

static void say_where(struct cli *c, const struct signing_out *s)
{
    fprintf(
        c->err,
        "Open this address in a browser to sign out:\n\n  %.*s\n\nThe server sends the browser back to %.*s; the client needs it "
        "among its post-logout redirect URIs. Ctrl-C ends this.\n",
        STR_FMT(s->local.home), STR_FMT(s->redirect));
    fflush(c->err);
}

static void wait_for_browser(struct signing_out *s)
{
    pthread_mutex_lock(&s->local.lock);
    while (!s->back) pthread_cond_wait(&s->local.wake, &s->local.lock);
    pthread_mutex_unlock(&s->local.lock);
}

static const struct cli_kind end_kind = CLI_KIND("SUBJECT", "CLIENT ID", "SESSION ID", "REDIRECTED TO");

static int print_end(struct cli *c, const struct signing_out *s)
{
    json_t *json = json_pack("{s:o, s:o, s:o, s:o}", "subject", json_of_str(s->subject), "client_id", json_of_str(s->client),
                             "session_id", json_of_str(s->session), "redirected_to", json_of_str(s->redirect));
    const struct str cells[] = { s->subject, s->client, s->session, s->redirect };
    fputs("The server has sent the browser back: the logout is complete.\n", c->err);
    cli_print_object(c, &end_kind, &(struct cli_row) { .json = json, .id = s->session, .cells = cells });
    fflush(c->out);
    json_decref(json);
    return 0;
}

int cli_logout(struct cli *c)
{
    struct signing_out s = { .local = LOCAL_INIT(c) };
    if (!read_flags(c, &s) || !local_start(&s.local, routes, ARRAY_LEN(routes))) return 1;
    say_where(c, &s);
    local_open_browser(&s.local);
    wait_for_browser(&s);
    int code = print_end(c, &s);
    local_stop(&s.local);
    return code;
}
