/* perform authorization-code: a web application on this machine that signs a user in as a client, shows the tokens and prints
 * them. */
#include <openssl/evp.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/pages/error_page.h"
#include "base/b64.h"
#include "base/log.h"
#include "base/rand.h"
#include "cli/commands.h"
#include "cli/perform.h"
#include "crypto/jws.h"
#include "http/server.h"

enum { RANDOM_LETTERS = 24, VERIFIER_BYTES = 32, LAST_ANSWER = 1 /* seconds that the browser has to get its page */ };

struct perform *perform_of(struct http_req *r) { return (struct perform *)r->provider; }

struct remote perform_remote(struct http_req *r, struct cli *own)
{
    struct remote remote = perform_of(r)->remote;
    *own = *remote.cli;
    own->arena = r->op.arena;
    remote.cli = own;
    return remote;
}

/* ---- one flow ---- */

static void begin_flow(struct perform *p, struct str state)
{
    struct arena *a = p->cli->arena;
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
    char bytes[VERIFIER_BYTES];
    rand_bytes(bytes, sizeof(bytes));
    p->state = state.n > 0 ? state : rand_text(a, RANDOM_LETTERS, STR(letters));
    p->nonce = rand_text(a, RANDOM_LETTERS, STR(letters));
    p->verifier = b64url_encode(a, (struct str) { bytes, sizeof(bytes) });
}

/* RFC 7636 4.2. */
static struct str challenge_of(struct arena *a, struct str verifier)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    if (EVP_Digest(verifier.p, verifier.n, digest, &n, EVP_sha256(), NULL) != 1) abort();
    return b64url_encode(a, (struct str) { (char *)digest, n });
}

/* A copy of the flow under way, so that it need not be locked any longer. */
struct flow_values {
    struct str state, nonce, verifier;
};
static struct flow_values flow_now(struct perform *p, struct arena *a)
{
    pthread_mutex_lock(&p->lock);
    struct flow_values v = { arena_dup(a, p->state), arena_dup(a, p->nonce), arena_dup(a, p->verifier) };
    pthread_mutex_unlock(&p->lock);
    return v;
}

/* ---- pages ---- */

static bool show_start(struct http_req *r, struct err *e)
{
    const struct perform *p = perform_of(r);
    struct arena *a = r->op.arena;
    struct params vars = { 0 };
    (void)e;
    params_add(a, &vars, STR("@title"), STR("start_title"));
    params_add(a, &vars, STR("server"), p->auth_url);
    params_add(a, &vars, STR("client"), p->who.id);
    params_add(a, &vars, STR("scope"), params_get(&p->request, STR("scope")));
    params_add(a, &vars, STR("redirect"), p->redirect);
    return page_reply(r, 200, page_start, &vars);
}

static bool start_flow(struct http_req *r, struct err *e)
{
    struct perform *p = perform_of(r);
    struct arena *a = r->op.arena;
    struct flow_values flow = flow_now(p, a);
    struct params query = { 0 };
    (void)e;
    for (size_t i = 0; i < p->request.n; i++) params_add(a, &query, p->request.v[i].name, p->request.v[i].value);
    params_add(a, &query, STR("state"), flow.state);
    params_add(a, &query, STR("nonce"), flow.nonce);
    params_add(a, &query, STR("code_challenge"), challenge_of(a, flow.verifier));
    params_add(a, &query, STR("code_challenge_method"), STR("S256"));
    return http_redirect(r, 302, url_with_params(a, p->auth_url, &query));
}

static bool show_error(struct http_req *r, int status, const char *error, struct str description)
{
    struct params said = { 0 };
    params_add(r->op.arena, &said, STR("error"), str_of(error));
    params_add(r->op.arena, &said, STR("error_description"), description);
    return error_page_reply(r, status, &said, false);
}

bool perform_refused(struct http_req *r, const struct fetched *answer)
{
    struct arena *a = r->op.arena;
    struct err why = ERR_INIT(a);
    json_t *body;
    if (answer->status == 0)
        return show_error(r, 502, "server_error", STR("The server did not answer; the terminal has the details."));
    bool is_json = json_read(a, answer->body, &body, NULL, &why) && json_is_object(body);
    struct str error = is_json ? json_str(json_object_get(body, "error")) : STR_NONE;
    if (error.n == 0)
        return show_error(r, 502, "server_error", arena_printf(a, "The server answered with status %d.", answer->status));
    return show_error(r, 502, arena_dupz(a, error), json_str(json_object_get(body, "error_description")));
}

/* A JSON text for people; what is no JSON stays as it is. */
static struct str pretty(struct arena *a, struct str text)
{
    json_t *value;
    struct err why = ERR_INIT(a);
    if (!json_read(a, text, &value, NULL, &why)) return text;
    char *lines = json_dumps(value, JSON_INDENT(2) | JSON_ENCODE_ANY);
    struct str copy = arena_dup(a, str_of(lines));
    free(lines);
    return copy;
}

/* Its header and claims, if it is a JWT. */
static void add_jwt(struct arena *a, struct params *vars, struct str token, const char *header, const char *claims)
{
    struct jws jws;
    struct err why = ERR_INIT(a);
    if (token.n == 0 || !jws_parse(a, token, &jws, &why)) return;
    params_add(a, vars, str_of(header), pretty(a, json_text(a, jws.header, false)));
    params_add(a, vars, str_of(claims), pretty(a, jws.payload));
}

static struct str claim(struct arena *a, struct str id_token, const char *name)
{
    struct jws jws;
    json_t *claims;
    struct err why = ERR_INIT(a);
    if (id_token.n == 0 || !jws_parse(a, id_token, &jws, &why) || !json_read(a, jws.payload, &claims, NULL, &why))
        return STR_NONE;
    return json_str(json_object_get(claims, name));
}

/* The end-session endpoint is beside the authorization endpoint. */
static struct str logout_url(struct arena *a, struct str auth_url, struct str id_token)
{
    struct params hint = { 0 };
    static const struct str end = STR("/auth");
    params_add(a, &hint, STR("id_token_hint"), id_token);
    if (!str_ends(auth_url, end) || id_token.n == 0) return STR("");
    return url_with_params(a, ARENA_CAT(a, str_upto(auth_url, auth_url.n - end.n), STR("/sessions/logout")), &hint);
}

static bool show_tokens(struct http_req *r, const json_t *answer)
{
    const struct perform *p = perform_of(r);
    struct arena *a = r->op.arena;
    struct str id_token = json_str(json_object_get(answer, "id_token")),
               access = json_str(json_object_get(answer, "access_token"));
    struct params vars = { 0 };
    params_add(a, &vars, STR("@title"), STR("tokens_title"));
    params_add(a, &vars, STR("subject"), claim(a, id_token, "sub"));
    add_jwt(a, &vars, id_token, "id_header", "id_claims");
    add_jwt(a, &vars, access, "access_header", "access_claims");
    params_add(a, &vars, STR("access_token"), access);
    params_add(a, &vars, STR("refresh_token"), json_str(json_object_get(answer, "refresh_token")));
    params_add(a, &vars, STR("answer"), pretty(a, json_text(a, answer, false)));
    params_add(a, &vars, STR("again"), p->keep ? p->home : STR(""));
    params_add(a, &vars, STR("logout"), logout_url(a, p->auth_url, id_token));
    return page_reply(r, 200, page_tokens, &vars);
}

/* ---- the callback ---- */

/* The main thread prints it; the next flow has other values. */
static void hand_over(struct perform *p, const json_t *answer, usec_t asked)
{
    pthread_mutex_lock(&p->lock);
    p->answer = json_text(p->cli->arena, answer, false);
    p->asked = asked;
    begin_flow(p, STR_NONE);
    pthread_cond_signal(&p->wake);
    pthread_mutex_unlock(&p->lock);
}

static bool redeem(struct http_req *r, struct str code, const struct flow_values *flow)
{
    struct perform *p = perform_of(r);
    struct arena *a = r->op.arena;
    struct cli own;
    struct remote remote = perform_remote(r, &own);
    struct params form = { 0 };
    struct fetched got;
    struct err why = ERR_INIT(a);
    json_t *answer;
    params_add(a, &form, STR("grant_type"), STR("authorization_code"));
    params_add(a, &form, STR("code"), code);
    params_add(a, &form, STR("redirect_uri"), p->redirect);
    params_add(a, &form, STR("code_verifier"), flow->verifier);

    usec_t asked = clock_now();
    if (!perform_ask_token(&remote, p->token_url, &p->who, &form, &got)) got = (struct fetched) { 0 };
    if (got.status != 200 || !json_read(a, got.body, &answer, NULL, &why)) return perform_refused(r, &got);
    /* OpenID Connect Core 3.1.3.7: "the nonce Claim Value MUST be checked to verify that it is the same value". The signature
     * need not be: the token came from the token endpoint itself. */
    struct str id_token = json_str(json_object_get(answer, "id_token"));
    if (id_token.n > 0 && !str_eq(claim(a, id_token, "nonce"), flow->nonce))
        return show_error(r, 400, "nonce_mismatch", STR("The nonce of the ID token is another one."));
    hand_over(p, answer, asked);
    return show_tokens(r, answer);
}

static bool callback(struct http_req *r, struct err *e)
{
    const struct params *said = r->method == HTTP_POST ? &r->form : &r->query;
    struct flow_values flow = flow_now(perform_of(r), r->op.arena);
    (void)e;
    if (params_get(said, STR("error")).n > 0) return error_page_reply(r, 400, said, false);
    if (!str_eq(params_get(said, STR("state")), flow.state))
        return show_error(r, 400, "state_mismatch", STR("The state of this answer is another one."));
    return redeem(r, params_get(said, STR("code")), &flow);
}

/* ---- the application ---- */

static const struct route routes[] = {
    { LISTEN_PUBLIC, HTTP_GET, "/", API_CURRENT, 0, show_start, "start" },
    { LISTEN_PUBLIC, HTTP_GET, "/perform-flow", API_CURRENT, 0, start_flow, "performFlow" },
    { LISTEN_PUBLIC, HTTP_GET | HTTP_POST, "/callback", API_CURRENT, ROUTE_WAITS | ROUTE_FORM | ROUTE_NO_STORE, callback,
      "callback" },
    { LISTEN_PUBLIC, HTTP_GET | HTTP_POST, "/login", API_CURRENT, ROUTE_WAITS | ROUTE_FORM | ROUTE_NO_STORE, perform_login,
      "login" },
    { LISTEN_PUBLIC, HTTP_GET | HTTP_POST, "/consent", API_CURRENT, ROUTE_WAITS | ROUTE_FORM | ROUTE_NO_STORE, perform_consent,
      "consent" },
};

static struct provider *acquire(void *app) { return app; }
static const struct config *config_of(const struct provider *p) { return p->config; }

static struct str or_below(struct cli *c, const char *flag, struct str base, struct str path)
{
    return cli_given(c, flag) ? cli_str(c, flag) : ARENA_CAT(c->arena, base, path);
}

static void add_request(struct perform *p, const char *name, struct str value)
{
    if (value.n > 0) params_add(p->cli->arena, &p->request, str_of(name), value);
}

static bool read_flags(struct cli *c, struct perform *p)
{
    struct arena *a = c->arena;
    TRY(cli_format_ok(c) && remote_open(c, &p->remote) && remote_credentials(c, &p->who));
    p->home = arena_printf(a, "%s://127.0.0.1:%lld/", cli_bool(c, "https") ? "https" : "http", (long long)cli_int(c, "port"));
    p->redirect = or_below(c, "redirect", p->home, STR("callback"));
    p->auth_url = or_below(c, "auth-url", p->remote.base, STR("/oauth2/auth"));
    p->token_url = or_below(c, "token-url", p->remote.base, STR("/oauth2/token"));
    p->keep = cli_bool(c, "no-shutdown");
    p->skip = cli_bool(c, "skip");

    struct str mode = cli_str(c, "response-mode");
    add_request(p, "client_id", p->who.id);
    add_request(p, "response_type", STR("code"));
    add_request(p, "redirect_uri", p->redirect);
    add_request(p, "scope", strs_join(a, cli_list(c, "scope"), " "));
    add_request(p, "audience", strs_join(a, cli_list(c, "audience"), " "));
    add_request(p, "prompt", strs_join(a, cli_list(c, "prompt"), " "));
    if (cli_int(c, "max-age") >= 0) add_request(p, "max_age", arena_printf(a, "%lld", (long long)cli_int(c, "max-age")));
    if (!str_eq(mode, STR("query"))) add_request(p, "response_mode", mode);
    begin_flow(p, cli_str(c, "state"));
    return true;
}

/* The settings of the listener; nothing of the environment counts here. */
static bool make_config(struct cli *c, const struct config **ret)
{
    struct config_report report = { 0 };
    struct str text =
        arena_printf(c->arena,
                     "secrets: { system: [%.*s] }\n"
                     "serve: { public: { host: 127.0.0.1, port: %lld, tls: { enabled: %s } } }\n",
                     STR_FMT(rand_hex(c->arena, 32)), (long long)cli_int(c, "port"), cli_bool(c, "https") ? "true" : "false");
    const struct config_text texts[] = { { STR("perform.yml"), text } };
    if (config_load(c->arena, &(struct config_sources) { .texts = texts, .texts_n = 1, .dev = FLAG_ON }, ret, &report))
        return true;
    return cli_fail(c, "%.*s", STR_FMT(config_report_error(c->arena, &report))), false;
}

/* Where there is a desktop. That it cannot be started is no failure: the address was printed. */
static void open_browser(struct cli *c, struct str url)
{
    extern char **environ;
    char *argv[] = { (char[]) { "xdg-open" }, arena_dupz(c->arena, url), NULL };
    pid_t pid;
    if (cli_bool(c, "no-open") || (getenv("DISPLAY") == NULL && getenv("WAYLAND_DISPLAY") == NULL)) return;
    if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ) != 0) return;
}

static void say_where(struct cli *c, const struct perform *p)
{
    fprintf(c->err,
            "Open this address in a browser to sign in:\n\n  %.*s\n\nThe callback address is %.*s; the client needs it among its "
            "redirect "
            "URIs. Ctrl-C ends this.\n",
            STR_FMT(p->home), STR_FMT(p->redirect));
    fflush(c->err);
}

/* Prints each answer that a handler hands over. */
static int print_answers(struct cli *c, struct perform *p)
{
    int code = 0;
    struct err why = ERR_INIT(c->arena);
    pthread_mutex_lock(&p->lock);
    do {
        json_t *answer;
        while (p->answer.n == 0) pthread_cond_wait(&p->wake, &p->lock);
        bool ok = json_read(c->arena, p->answer, &answer, NULL, &why);
        code = ok ? perform_print_token(c, answer, p->asked, true) : 1;
        fflush(c->out);
        p->answer = STR_NONE;
    } while (p->keep);
    pthread_mutex_unlock(&p->lock);
    return code;
}

int cli_authorization_code(struct cli *c)
{
    struct perform p = { .cli = c, .lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER };
    struct http_app app = { .routes = routes, .routes_n = ARRAY_LEN(routes), .acquire = acquire, .config = config_of, .app = &p };
    struct http_server *server;
    struct err e = ERR_INIT(c->arena);
    if (!read_flags(c, &p) || !make_config(c, &p.provider.config)) return 1;
    log_setup(&(struct log_settings) { .level = LOG_ERROR });
    struct http_server_options o = { .config = p.provider.config, .listeners = LISTEN_PUBLIC, .app = &app };
    if (!http_server_start(&o, &server, &e)) return config_unref(p.provider.config), cli_fail_err(c, &e);

    say_where(c, &p);
    open_browser(c, p.home);
    int code = print_answers(c, &p);
    sleep(LAST_ANSWER);
    if (http_server_stop(server, 0)) config_unref(p.provider.config);
    return code;
}
