/* create, get, list, update, delete, import of OAuth 2.0 clients. */
#include <string.h>

#include "cli/commands.h"
#include "cli/pgp.h"
#include "cli/remote.h"

static const struct cli_kind client_kind =
    CLI_KIND("CLIENT ID", "CLIENT SECRET", "GRANT TYPES", "RESPONSE TYPES", "SCOPE", "AUDIENCE", "REDIRECT URIS");

/* ---- printing ---- */

static struct str member_text(const json_t *client, const char *name) { return json_str(json_object_get(client, name)); }

static struct str member_list(struct arena *a, const json_t *client, const char *name, const char *separator)
{
    struct strs list = { 0 };
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(client, name), i, item) strs_add(a, &list, json_str(item));
    return strs_join(a, list, separator);
}

/* Members without a value are not shown. */
static void drop_nulls(json_t *client)
{
    const char *name;
    void *next;
    json_t *value;
    json_object_foreach_safe(client, next, name, value) if (json_is_null(value)) json_object_del(client, name);
}

static struct cli_row client_row(struct arena *a, json_t *client)
{
    drop_nulls(client);
    struct str *cells = ARENA_ARRAY(a, struct str, client_kind.n);
    cells[0] = member_text(client, "client_id");
    cells[1] = member_text(client, "client_secret");
    cells[2] = member_list(a, client, "grant_types", ", ");
    cells[3] = member_list(a, client, "response_types", ", ");
    cells[4] = member_text(client, "scope");
    cells[5] = member_list(a, client, "audience", ",");
    cells[6] = member_list(a, client, "redirect_uris", ", ");
    return (struct cli_row) { .json = client, .id = cells[0], .cells = cells };
}

static int print_client(struct cli *c, json_t *client)
{
    struct cli_row row = client_row(c->arena, client);
    cli_print_object(c, &client_kind, &row);
    return 0;
}

static struct cli_row *client_rows(struct arena *a, json_t *clients)
{
    struct cli_row *rows = ARENA_ARRAY(a, struct cli_row, json_array_size(clients) + 1);
    size_t i;
    json_t *client;
    json_array_foreach(clients, i, client) rows[i] = client_row(a, client);
    return rows;
}

/* One client is an object, several are a list. */
static void print_clients(struct cli *c, json_t *clients)
{
    if (json_array_size(clients) == 1)
        print_client(c, json_array_get(clients, 0));
    else
        cli_print_list(c, &client_kind, clients, client_rows(c->arena, clients), json_array_size(clients));
}

/* A new array that the arena frees. */
static json_t *array_in(struct arena *a)
{
    json_t *array = json_array();
    arena_defer(a, (void (*)(void *))json_decref, array);
    return array;
}

/* ---- flags to members ---- */

/* New reference; NULL (after a complaint) when the flag's text is no JSON where JSON is expected. */
static json_t *flag_value(struct cli *c, const struct client_flag *f)
{
    if (strcmp(f->member, "scope") == 0) return json_of_str(strs_join(c->arena, cli_list(c, f->flag), " "));
    if (strcmp(f->member, "metadata") == 0) {
        struct err e = ERR_INIT(c->arena);
        json_t *value;
        if (json_read(c->arena, cli_str(c, f->flag), &value, NULL, &e)) return json_incref(value);
        cli_fail_usage(c, "--%s is not JSON: %s", f->flag, e.hint);
        return NULL;
    }
    switch (f->type) {
    case FLAG_LIST: return json_of_strs(cli_list(c, f->flag));
    case FLAG_BOOL: return json_boolean(cli_bool(c, f->flag));
    default: return json_of_str(cli_str(c, f->flag));
    }
}

/* The client to create: what was given, and the defaults. */
static bool client_of_flags(struct cli *c, json_t **ret)
{
    json_t *client = json_object();
    arena_defer(c->arena, (void (*)(void *))json_decref, client);
    if (cli_given(c, "id")) json_object_set_new(client, "client_id", json_of_str(cli_str(c, "id")));
    for (size_t i = 0; i < cli_client_flags_n; i++) {
        const struct client_flag *f = &cli_client_flags[i];
        if (!cli_given(c, f->flag) && cli_str(c, f->flag).n == 0) continue;
        json_t *value = flag_value(c, f);
        if (value == NULL) return false;
        json_object_set_new(client, f->member, value);
    }
    *ret = client;
    return true;
}

/* RFC 6902: one replacement for each flag that was given. */
static bool patch_of_flags(struct cli *c, json_t **ret)
{
    json_t *patch = array_in(c->arena);
    for (size_t i = 0; i < cli_client_flags_n; i++) {
        const struct client_flag *f = &cli_client_flags[i];
        if (!cli_given(c, f->flag)) continue;
        json_t *value = flag_value(c, f);
        if (value == NULL) return false;
        struct str path = arena_printf(c->arena, "/%s", f->member);
        json_array_append_new(patch, json_pack("{s:s, s:s, s:o}", "op", "replace", "path", path.p, "value", value));
    }
    *ret = patch;
    return true;
}

static bool client_of_file(struct cli *c, json_t **ret)
{
    struct str file = cli_str(c, "file");
    TRY(cli_read_json(c, file, ret));
    return json_is_object(*ret)
               ? true
               : (cli_fail(c, "%.*s does not hold a client: a JSON object is expected", STR_FMT(cli_file_name(file))), false);
}

/* The answer to a change names the secret only when the server made it; the one just set is known here. */
static void keep_secret(json_t *answer, const json_t *sent)
{
    json_t *secret = json_is_object(sent) ? json_object_get(sent, "client_secret") : NULL;
    if (json_str(secret).n > 0 && json_str(json_object_get(answer, "client_secret")).n == 0)
        json_object_set(answer, "client_secret", secret);
}

/* ---- commands ---- */

int cli_create_client(struct cli *c)
{
    struct remote r;
    struct pgp pgp;
    json_t *client, *answer;
    if (!remote_open(c, &r)) return 1;
    if (!(cli_given(c, "file") ? client_of_file(c, &client) : client_of_flags(c, &client))) return 1;
    if (!pgp_open(c, &pgp)) return 1;
    if (!remote_call(&r, &(struct call) { .method = "POST", .path = STR("/admin/clients"), .json = client }, &answer)) return 1;
    keep_secret(answer, client);
    return pgp_hide_secret(c, &pgp, answer) ? print_client(c, answer) : 1;
}

int cli_get_client(struct cli *c)
{
    struct remote r;
    if (!remote_open(c, &r)) return 1;
    json_t *clients = array_in(c->arena);
    for (size_t i = 0; i < c->args.n; i++) {
        json_t *client;
        struct str path = remote_path(&r, "/admin/clients/", c->args.v[i]);
        if (!remote_call(&r, &(struct call) { .method = "GET", .path = path }, &client)) return 1;
        json_array_append(clients, client);
    }
    print_clients(c, clients);
    return 0;
}

/* The page token of the link whose relation is "next": `</admin/clients?page_token=...>; rel="next"`. */
static struct str next_page(struct arena *a, struct str links)
{
    while (links.p != NULL) {
        struct str link = str_cut(&links, ','), target, relation, path, query;
        if (!str_split_once(link, '>', &target, &relation) || !str_ends(str_trim(relation), STR("rel=\"next\""))) continue;
        struct params params = { 0 };
        if (!str_split_once(target, '?', &path, &query) || !params_parse(a, query, 100, &params)) continue;
        return params_get(&params, STR("page_token"));
    }
    return STR("");
}

static struct str list_path(struct cli *c)
{
    struct params query = { 0 };
    params_add(c->arena, &query, STR("page_size"), cli_str(c, "page-size"));
    if (cli_str(c, "page-token").n > 0) params_add(c->arena, &query, STR("page_token"), cli_str(c, "page-token"));
    return ARENA_CAT(c->arena, STR("/admin/clients?"), params_encode(c->arena, &query, false));
}

int cli_list_clients(struct cli *c)
{
    struct remote r;
    struct fetched answer;
    json_t *clients;
    struct err e = ERR_INIT(c->arena);
    if (cli_int(c, "page-size") < 1) return cli_fail_usage(c, "--page-size must be at least 1");
    if (!remote_open(c, &r) || !remote_fetch(&r, &(struct call) { .method = "GET", .path = list_path(c) }, &answer)) return 1;
    if (answer.status != 200) return remote_refused(&r, &answer), 1;
    if (!json_read(c->arena, answer.body, &clients, NULL, &e) || !json_is_array(clients))
        return cli_fail(c, "%.*s did not answer with a list of clients: is this the address of the admin API?", STR_FMT(r.base));

    struct str next = next_page(c->arena, params_get(&answer.headers, STR("link")));
    struct cli_row *rows = client_rows(c->arena, clients);
    json_t *page =
        json_pack("{s:O, s:o, s:b}", "items", clients, "next_page_token", json_of_str(next), "is_last_page", next.n == 0);
    const struct cli_tail tail[] = { { "NEXT PAGE TOKEN", next }, { "IS LAST PAGE", next.n == 0 ? STR("true") : STR("false") } };
    cli_print_page(c, &client_kind, page, rows, json_array_size(clients), tail, ARRAY_LEN(tail));
    json_decref(page);
    return 0;
}

int cli_update_client(struct cli *c)
{
    struct remote r;
    struct pgp pgp;
    json_t *body, *answer;
    bool file = cli_given(c, "file");
    if (!remote_open(c, &r) || !(file ? client_of_file(c, &body) : patch_of_flags(c, &body)) || !pgp_open(c, &pgp)) return 1;
    struct str path = remote_path(&r, "/admin/clients/", c->args.v[0]);
    if (!remote_call(&r, &(struct call) { .method = file ? "PUT" : "PATCH", .path = path, .json = body }, &answer)) return 1;
    keep_secret(answer, body);
    return pgp_hide_secret(c, &pgp, answer) ? print_client(c, answer) : 1;
}

int cli_delete_client(struct cli *c)
{
    struct remote r;
    struct strs deleted = { 0 }, failed = { 0 };
    if (!remote_open(c, &r)) return 1;
    for (size_t i = 0; i < c->args.n; i++) {
        struct str path = remote_path(&r, "/admin/clients/", c->args.v[i]);
        bool ok = remote_call(&r, &(struct call) { .method = "DELETE", .path = path }, NULL);
        strs_add(c->arena, ok ? &deleted : &failed, c->args.v[i]);
    }
    cli_print_ids(c, deleted);
    if (failed.n == 0) return 0;
    return cli_fail(c, "not deleted: %.*s", STR_FMT(strs_join(c->arena, failed, ", ")));
}

/* ---- import ---- */

struct import {
    struct str file;
    json_t *clients; /* array */
};

/* All files are read before the first client is created: a mistake in the last one leaves nothing half done. */
static bool read_import(struct cli *c, struct str file, struct import *ret)
{
    struct str text, name = cli_file_name(file);
    struct err e = ERR_INIT(c->arena);
    json_t *value;
    *ret = (struct import) { name, array_in(c->arena) };
    TRY(cli_read_file(c, file, &text));
    if (str_trim(text).n == 0) return fprintf(c->err, "Warning: %.*s is empty.\n", STR_FMT(name)), true;
    if (!json_read(c->arena, text, &value, NULL, &e)) return cli_fail(c, "%.*s is not JSON: %s", STR_FMT(name), e.hint), false;
    if (json_is_array(value))
        json_array_extend(ret->clients, value);
    else
        json_array_append(ret->clients, value);
    for (size_t i = 0; i < json_array_size(ret->clients); i++)
        if (!json_is_object(json_array_get(ret->clients, i)))
            return cli_fail(c, "%.*s: item %zu is not a client: a JSON object is expected", STR_FMT(name), i), false;
    return true;
}

static bool import_one(const struct remote *r, const struct import *from, size_t at, json_t *created)
{
    json_t *client = json_array_get(from->clients, at), *answer;
    if (remote_call(r, &(struct call) { .method = "POST", .path = STR("/admin/clients"), .json = client }, &answer)) {
        keep_secret(answer, client);
        json_array_append(created, answer);
        return true;
    }
    struct str id = member_text(client, "client_id");
    return cli_fail(r->cli, "not imported: item %zu of %.*s%s%.*s", at, STR_FMT(from->file), id.n > 0 ? ", client " : "",
                    STR_FMT(id)),
           false;
}

int cli_import_client(struct cli *c)
{
    struct remote r;
    struct str standard_input = STR("-");
    struct strs files = c->args.n > 0 ? c->args : (struct strs) { &standard_input, 1 };
    struct import *imports = ARENA_ARRAY(c->arena, struct import, files.n);
    int64_t total = 0, done = 0;
    bool ok = true;
    if (!remote_open(c, &r)) return 1;
    for (size_t i = 0; i < files.n; i++) {
        if (!read_import(c, files.v[i], &imports[i])) return 1;
        total += (int64_t)json_array_size(imports[i].clients);
    }
    json_t *created = array_in(c->arena);
    for (size_t i = 0; i < files.n; i++)
        for (size_t at = 0; at < json_array_size(imports[i].clients); at++) {
            ok = import_one(&r, &imports[i], at, created) && ok;
            cli_progress(c, "Importing", ++done, total);
        }
    print_clients(c, created);
    return ok ? 0 : 1;
}
