/* perform authorization-code: a web application on this machine that signs a user in as a client, shows the tokens and prints
 * them. */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "api/pages/error_page.h"
#include "base/b64.h"
#include "base/rand.h"
#include "cli/commands.h"
#include "cli/perform.h"
#include "crypto/jws.h"

enum { RANDOM_LETTERS = 24, VERIFIER_BYTES = 32 };

static struct perform *perform_of(struct http_req *r) { return (struct perform *)local_of(r); }

/* ---- one flow ---- */

static void begin_flow(struct perform *p, struct str state)
{
    struct arena *a = p->local.cli->arena;
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
    pthread_mutex_lock(&p->local.lock);
    struct flow_values v = { arena_dup(a, p->state), arena_dup(a, p->nonce), arena_dup(a, p->verifier) };
    pthread_mutex_unlock(&p->local.lock);
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
    params_add(a, &vars, STR("again"), p->keep ? p->local.home : STR(""));
    params_add(a, &vars, STR("logout"), logout_url(a, p->auth_url, id_token));
    return page_reply(r, 200, page_tokens, &vars);
}

/* ---- the callback ---- */

/* The main thread goes on: it prints the answer, or (NULL) it was said that there is none. The next flow has other values. */
static void end_flow(struct perform *p, const json_t *answer, usec_t asked)
{
    pthread_mutex_lock(&p->local.lock);
    if (answer != NULL)
        p->answer = json_text(p->local.cli->arena, answer, false);
    else
        p->failed = true;
    p->asked = asked;
    begin_flow(p, STR_NONE);
    pthread_cond_signal(&p->local.wake);
    pthread_mutex_unlock(&p->local.lock);
}

static bool redeem(struct http_req *r, struct str code, const struct flow_values *flow)
{
    struct perform *p = perform_of(r);
    struct arena *a = r->op.arena;
    struct cli own;
    struct remote remote = local_remote(r, &own);
    struct params form = { 0 };
    struct fetched got;
    struct err why = ERR_INIT(a);
    json_t *answer;
    params_add(a, &form, STR("grant_type"), STR("authorization_code"));
    params_add(a, &form, STR("code"), code);
    params_add(a, &form, STR("redirect_uri"), p->redirect);
    params_add(a, &form, STR("code_verifier"), flow->verifier);

    usec_t asked = clock_now();
    bool answered = perform_ask_token(&remote, p->token_url, &p->who, &form, &got);
    if (!answered) got = (struct fetched) { 0 };
    if (got.status != 200 || !json_read(a, got.body, &answer, NULL, &why)) {
        if (answered) remote_refused(&remote, &got);
        end_flow(p, NULL, asked);
        return local_refused(r, &got);
    }
    /* OpenID Connect Core 3.1.3.7: "the nonce Claim Value MUST be checked to verify that it is the same value". The signature
     * need not be: the token came from the token endpoint itself. */
    struct str id_token = json_str(json_object_get(answer, "id_token"));
    if (id_token.n > 0 && !str_eq(claim(a, id_token, "nonce"), flow->nonce)) {
        cli_fail(&own, "the nonce of the ID token is another one");
        end_flow(p, NULL, asked);
        return local_error(r, 400, "nonce_mismatch", STR("The nonce of the ID token is another one."));
    }
    end_flow(p, answer, asked);
    return show_tokens(r, answer);
}

/* RFC 6749 4.1.2.1. */
static void say_refused(struct perform *p, const struct params *said)
{
    FILE *err = p->local.cli->err;
    fputs("Error: the server sent the browser back without a code: ", err);
    remote_put_text(err, params_get(said, STR("error")));
    fputs(". ", err);
    remote_put_text(err, params_get(said, STR("error_description")));
    fputc('\n', err);
}

static bool callback(struct http_req *r, struct err *e)
{
    const struct params *said = r->method == HTTP_POST ? &r->form : &r->query;
    struct perform *p = perform_of(r);
    struct flow_values flow = flow_now(p, r->op.arena);
    (void)e;
    /* Anybody may send the browser here: what is no answer to this flow does not end it. */
    const bool ours = str_eq(params_get(said, STR("state")), flow.state), refused = params_get(said, STR("error")).n > 0;
    if (!ours && !refused) return local_error(r, 400, "state_mismatch", STR("The state of this answer is another one."));
    if (!refused) return redeem(r, params_get(said, STR("code")), &flow);
    if (ours) {
        say_refused(p, said);
        end_flow(p, NULL, 0);
    }
    return error_page_reply(r, 400, said, false);
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

static void add_request(struct perform *p, const char *name, struct str value)
{
    if (value.n > 0) params_add(p->local.cli->arena, &p->request, str_of(name), value);
}

static bool read_flags(struct cli *c, struct perform *p)
{
    struct arena *a = c->arena;
    TRY(cli_format_ok(c) && remote_open(c, &p->local.remote) && remote_credentials(c, &p->who));
    local_name(&p->local);
    p->redirect = local_url(c, "redirect", p->local.home, STR("callback"));
    p->auth_url = local_url(c, "auth-url", p->local.remote.base, STR("/oauth2/auth"));
    p->token_url = local_url(c, "token-url", p->local.remote.base, STR("/oauth2/token"));
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

static void say_where(struct cli *c, const struct perform *p)
{
    fprintf(c->err,
            "Open this address in a browser to sign in:\n\n  %.*s\n\nThe callback address is %.*s; the client needs it among its "
            "redirect "
            "URIs. Ctrl-C ends this.\n",
            STR_FMT(p->local.home), STR_FMT(p->redirect));
    fflush(c->err);
}

/* Prints the answer of each flow that a handler ends. */
static int print_answers(struct cli *c, struct perform *p)
{
    int code = 0;
    struct err why = ERR_INIT(c->arena);
    pthread_mutex_lock(&p->local.lock);
    do {
        json_t *answer;
        while (p->answer.n == 0 && !p->failed) pthread_cond_wait(&p->local.wake, &p->local.lock);
        bool ok = !p->failed && json_read(c->arena, p->answer, &answer, NULL, &why);
        code = ok ? perform_print_token(c, answer, p->asked, true) : 1;
        fflush(c->out);
        p->answer = STR_NONE;
        p->failed = false;
    } while (p->keep);
    pthread_mutex_unlock(&p->local.lock);
    return code;
}

int cli_authorization_code(struct cli *c)
{
    struct perform p = { .local = LOCAL_INIT(c) };
    if (!read_flags(c, &p) || !local_start(&p.local, routes, ARRAY_LEN(routes))) return 1;
    say_where(c, &p);
    local_open_browser(&p.local);
    int code = print_answers(c, &p);
    local_stop(&p.local);
    return code;
}
