/* The login and consent pages of `perform authorization-code` and the page for codes of `perform device-code`, for servers whose
 * urls.login, urls.consent and urls.device.verification point here: what such apps do, over the admin API. Any name signs in. */
#include "api/pages/page.h"
#include "cli/perform.h"
#include "store/store.h"

enum { REMEMBER_FOR = 3600, CODE_MAX = 64 };

#define REQUESTS "/admin/oauth2/auth/requests/"

/* One page's work: the challenge, and the request that it stands for. */
struct app {
    struct http_req *r;
    const char *kind; /* "login", "consent" */
    struct str challenge;
    struct cli cli;
    struct remote remote;
    json_t *request;
};

static struct str path_of(const struct app *app, const char *decision)
{
    struct params query = { 0 };
    struct arena *a = app->r->op.arena;
    params_add(a, &query, arena_printf(a, "%s_challenge", app->kind), app->challenge);
    return ARENA_CAT(a, STR(REQUESTS), str_of(app->kind), str_of(decision), STR("?"), params_encode(a, &query, false));
}

/* Asks the admin API; status 0: no answer. `body` is given up. */
static bool fetch_ok(struct app *app, const char *method, struct str path, json_t *body, json_t **ret, struct fetched *got)
{
    struct err why = ERR_INIT(app->r->op.arena);
    *got = (struct fetched) { 0 };
    bool answered = remote_fetch(&app->remote, &(struct call) { .method = method, .path = path, .json = body }, got);
    json_decref(body);
    bool ok = answered && got->status >= 200 && got->status <= 299;
    return ok && (ret == NULL || json_read(app->r->op.arena, got->body, ret, NULL, &why));
}

/* False: the answer to the browser was written. */
static bool ask(struct app *app, const char *method, struct str path, json_t *body, json_t **ret)
{
    struct fetched got;
    if (fetch_ok(app, method, path, body, ret, &got)) return true;
    local_refused(app->r, &got);
    return false;
}

/* `field`: where the form has the challenge; the redirect has it as `<kind>_challenge`. */
static bool open_page(struct app *app, struct http_req *r, const char *kind, const char *field)
{
    *app = (struct app) { .r = r, .kind = kind };
    app->remote = local_remote(r, &app->cli);
    app->challenge = r->method == HTTP_POST ? params_get(&r->form, str_of(field))
                                            : params_get(&r->query, arena_printf(r->op.arena, "%s_challenge", kind));
    if (app->challenge.n > 0) return true;
    notice_reply(r, &(struct notice) { .status = 200, .title = "begin_title", .text = "begin_text" }, NULL);
    return false;
}

static bool open_app(struct app *app, struct http_req *r, const char *kind, const char *field)
{
    return open_page(app, r, kind, field) && ask(app, "GET", path_of(app, ""), NULL, &app->request);
}

static bool decide(struct app *app, const char *decision, json_t *body)
{
    json_t *answer;
    if (!ask(app, "PUT", path_of(app, decision), body, &answer)) return true;
    return page_go_on(app->r, json_str(json_object_get(answer, "redirect_to")));
}

static bool deny(struct app *app)
{
    return decide(app, "/reject",
                  json_pack("{s:s, s:s}", "error", "access_denied", "error_description", "The user denied the request."));
}

static struct str field(const struct app *app, const char *name) { return params_get(&app->r->form, str_of(name)); }
static bool is_denied(const struct app *app) { return str_eq(field(app, "action"), STR("deny")); }
static struct str requested(const struct app *app, const char *name) { return json_str(json_object_get(app->request, name)); }
static bool may_hurry(struct http_req *r) { return ((struct perform *)local_of(r))->skip; }
static bool says_skip(const struct app *app) { return json_is_true(json_object_get(app->request, "skip")); }

static struct params page_vars(const struct app *app, const char *title, const char *note, const char *field_name)
{
    struct arena *a = app->r->op.arena;
    struct params vars = { 0 };
    const json_t *client = json_object_get(app->request, "client");
    struct str name = json_str(json_object_get(client, "client_name"));
    params_add(a, &vars, STR("@title"), str_of(title));
    params_add(a, &vars, STR("@note"), str_of(note));
    params_add(a, &vars, STR("challenge_name"), str_of(field_name));
    params_add(a, &vars, STR("challenge"), app->challenge);
    params_add(a, &vars, STR("client"), name.n > 0 ? name : json_str(json_object_get(client, "client_id")));
    params_add(a, &vars, STR("subject"), requested(app, "subject"));
    return vars;
}

/* ---- login ---- */

static bool show_login(struct app *app)
{
    struct params vars = page_vars(app, "login_title", "perform_login_note", "ls");
    struct arena *a = app->r->op.arena;
    params_add(a, &vars, STR("username"), requested(app, "subject"));
    params_add(a, &vars, STR("longest"), arena_printf(a, "%d", STORE_ID_MAX));
    params_add(a, &vars, STR("revoke"), STR("1"));
    return page_reply(app->r, 200, page_login, &vars);
}

static bool accept_login(struct app *app, struct str subject, bool remember)
{
    return decide(app, "/accept",
                  json_pack("{s:o, s:b, s:i, s:{s:s}}", "subject", json_of_str(subject), "remember", remember, "remember_for",
                            REMEMBER_FOR, "context", "context from", "login step"));
}

static bool forget_consents(struct app *app, struct str subject)
{
    struct params query = { 0 };
    struct arena *a = app->r->op.arena;
    params_add(a, &query, STR("subject"), subject);
    params_add(a, &query, STR("all"), STR("true"));
    return ask(app, "DELETE", ARENA_CAT(a, STR("/admin/oauth2/auth/sessions/consent?"), params_encode(a, &query, false)), NULL,
               NULL);
}

bool perform_login(struct http_req *r, struct err *e)
{
    struct app app;
    (void)e;
    if (!open_app(&app, r, "login", "ls")) return true;
    if (r->method != HTTP_POST && may_hurry(r) && says_skip(&app)) return accept_login(&app, requested(&app, "subject"), true);
    if (r->method != HTTP_POST) return show_login(&app);
    if (is_denied(&app)) return deny(&app);

    struct str name = str_trim(field(&app, "username"));
    if (name.n == 0) return show_login(&app);
    if (field(&app, "revoke-consents").n > 0 && !forget_consents(&app, name)) return true;
    return accept_login(&app, name, field(&app, "remember").n > 0);
}

/* ---- consent ---- */

static void add_list(struct arena *a, struct params *vars, const char *name, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++) params_add(a, vars, str_of(name), json_str(json_array_get(list, i)));
}

static bool show_consent(struct app *app)
{
    struct arena *a = app->r->op.arena;
    struct params vars = page_vars(app, "consent_title", "perform_consent_note", "cs");
    const json_t *audience = json_object_get(app->request, "requested_access_token_audience");
    add_list(a, &vars, "scope", json_object_get(app->request, "requested_scope"));
    if (json_array_size(audience) > 0) params_add(a, &vars, STR("has_audience"), STR("1"));
    add_list(a, &vars, "audience", audience);
    return page_reply(app->r, 200, page_consent, &vars);
}

static json_t *ticked(const struct app *app, struct str name)
{
    json_t *list = json_array();
    const struct params *form = &app->r->form;
    for (size_t i = 0; i < form->n; i++)
        if (str_eq(form->v[i].name, name)) json_array_append_new(list, json_of_str(form->v[i].value));
    return list;
}

/* Takes both lists. */
static bool accept_consent(struct app *app, json_t *scopes, json_t *audience, bool remember)
{
    return decide(app, "/accept",
                  json_pack("{s:o, s:o, s:b, s:i, s:{s:{s:s}, s:{s:s}}}", "grant_scope", scopes, "grant_access_token_audience",
                            audience, "remember", remember, "remember_for", REMEMBER_FOR, "session", "access_token", "foo", "bar",
                            "id_token", "baz", "bar"));
}

static bool may_skip(const struct app *app)
{
    return says_skip(app) || json_is_true(json_object_get(json_object_get(app->request, "client"), "skip_consent"));
}

bool perform_consent(struct http_req *r, struct err *e)
{
    struct app app;
    (void)e;
    if (!open_app(&app, r, "consent", "cs")) return true;
    if (r->method != HTTP_POST && may_hurry(r) && may_skip(&app))
        return accept_consent(&app, json_incref(json_object_get(app.request, "requested_scope")),
                              json_incref(json_object_get(app.request, "requested_access_token_audience")), false);
    if (r->method != HTTP_POST) return show_consent(&app);
    if (is_denied(&app)) return deny(&app);
    return accept_consent(&app, ticked(&app, STR("grant_scope")), ticked(&app, STR("grant_audience")),
                          field(&app, "remember").n > 0);
}

/* ---- the code of a device ---- */

static bool show_device(struct app *app, const char *problem)
{
    struct arena *a = app->r->op.arena;
    struct params vars = page_vars(app, "device_title", "perform_device_note", "device_challenge");
    const struct params *from = app->r->method == HTTP_POST ? &app->r->form : &app->r->query;
    params_add(a, &vars, STR("user_code"), params_get(from, STR("user_code")));
    params_add(a, &vars, STR("longest"), arena_printf(a, "%d", CODE_MAX));
    if (problem != NULL) params_add(a, &vars, STR("@problem"), str_of(problem));
    return page_reply(app->r, problem != NULL ? 400 : 200, page_device, &vars);
}

/* A code that no device waits with is a request that is not valid; whoever mistyped it may try again. */
bool perform_device(struct http_req *r, struct err *e)
{
    struct app app;
    struct fetched got;
    json_t *answer;
    (void)e;
    if (!open_page(&app, r, "device", "device_challenge")) return true;
    if (r->method != HTTP_POST) return show_device(&app, NULL);
    struct str code = str_trim(field(&app, "user_code"));
    if (code.n == 0) return show_device(&app, "device_code_missing");
    if (fetch_ok(&app, "PUT", path_of(&app, "/accept"), json_pack("{s:o}", "user_code", json_of_str(code)), &answer, &got))
        return page_go_on(r, json_str(json_object_get(answer, "redirect_to")));
    return got.status == 400 ? show_device(&app, "device_code_wrong") : local_refused(r, &got);
}

bool perform_device_done(struct http_req *r, struct err *e)
{
    (void)e;
    return notice_reply(r, &(struct notice) { .status = 200, .title = "device_done_title", .text = "device_done_text" }, NULL);
}
