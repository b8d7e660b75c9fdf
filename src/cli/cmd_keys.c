/* create, get, delete, import of JSON Web Key sets. */
#include "cli/commands.h"
#include "cli/remote.h"
#include "crypto/jwk.h"

static const struct cli_kind key_kind = CLI_KIND("SET ID", "KEY ID", "ALGORITHM", "USE");

/* ---- printing ---- */

/* RFC 7518 6: what is left without these is public; a symmetric key has no public part. */
static bool make_public(json_t *key)
{
    static const char *const private_members[] = { "d", "p", "q", "dp", "dq", "qi", "oth", "k" };
    if (json_object_get(key, "k") != NULL) return false;
    for (size_t i = 0; i < ARRAY_LEN(private_members); i++) json_object_del(key, private_members[i]);
    return true;
}

/* The keys that are to be shown, each with the name of its set. */
struct shown {
    struct cli *cli;
    json_t *keys; /* array, owned by the arena */
};

static struct shown shown_new(struct cli *c)
{
    struct shown s = { c, json_array() };
    arena_defer(c->arena, (void (*)(void *))json_decref, s.keys);
    return s;
}

static void show_key(struct shown *s, struct str set, json_t *key)
{
    if (cli_bool(s->cli, "public") && !make_public(key)) return;
    json_object_set_new(key, "set", json_of_str(set));
    json_array_append(s->keys, key);
}

static void show_set(struct shown *s, struct str set, const json_t *document)
{
    size_t i;
    json_t *key;
    json_array_foreach(json_object_get(document, "keys"), i, key) show_key(s, set, key);
}

static struct cli_row key_row(struct arena *a, json_t *key)
{
    static const char *const members[] = { "set", "kid", "alg", "use" };
    struct str *cells = ARENA_ARRAY(a, struct str, ARRAY_LEN(members));
    for (size_t i = 0; i < ARRAY_LEN(members); i++) cells[i] = json_str(json_object_get(key, members[i]));
    return (struct cli_row) { .json = key, .id = cells[1], .cells = cells };
}

/* Keys are always a table of rows. `json`: what the machine formats print; NULL: {"set", "keys"}. */
static int print_keys(struct shown *s, struct str set, json_t *json)
{
    struct cli *c = s->cli;
    size_t n = json_array_size(s->keys);
    struct cli_row *rows = ARENA_ARRAY(c->arena, struct cli_row, n + 1);
    for (size_t i = 0; i < n; i++) rows[i] = key_row(c->arena, json_array_get(s->keys, i));
    if (json != NULL) rows[0].id = set;
    json_t *all = json != NULL ? json_incref(json) : json_pack("{s:o, s:O}", "set", json_of_str(set), "keys", s->keys);
    cli_print_list(c, &key_kind, all, rows, n);
    json_decref(all);
    return 0;
}

/* ---- create, get, delete ---- */

int cli_create_jwk(struct cli *c)
{
    struct remote r;
    json_t *answer;
    struct str set = c->args.v[0], kid = c->args.n > 1 ? c->args.v[1] : STR("");
    if (!remote_open(c, &r)) return 1;
    json_t *body = json_pack("{s:o, s:o, s:o}", "alg", json_of_str(cli_str(c, "alg")), "use", json_of_str(cli_str(c, "use")),
                             "kid", json_of_str(kid));
    bool ok =
        remote_call(&r, &(struct call) { .method = "POST", .path = remote_path(&r, "/admin/keys/", set), .json = body }, &answer);
    json_decref(body);
    if (!ok) return 1;
    struct shown s = shown_new(c);
    show_set(&s, set, answer);
    return print_keys(&s, set, NULL);
}

int cli_get_jwk(struct cli *c)
{
    struct remote r;
    if (!remote_open(c, &r)) return 1;
    struct shown s = shown_new(c);
    for (size_t i = 0; i < c->args.n; i++) {
        json_t *answer;
        struct str path = remote_path(&r, "/admin/keys/", c->args.v[i]);
        if (!remote_call(&r, &(struct call) { .method = "GET", .path = path }, &answer)) return 1;
        show_set(&s, c->args.v[i], answer);
    }
    /* A single key is an object of its own, and its set is what --quiet prints: scripts rely on both. */
    bool single = json_array_size(s.keys) == 1;
    return print_keys(&s, c->args.v[0], single ? json_array_get(s.keys, 0) : NULL);
}

int cli_delete_jwk(struct cli *c)
{
    struct remote r;
    struct strs deleted = { 0 }, failed = { 0 };
    if (!remote_open(c, &r)) return 1;
    for (size_t i = 0; i < c->args.n; i++) {
        struct str path = remote_path(&r, "/admin/keys/", c->args.v[i]);
        bool ok = remote_call(&r, &(struct call) { .method = "DELETE", .path = path }, NULL);
        strs_add(c->arena, ok ? &deleted : &failed, c->args.v[i]);
    }
    cli_print_ids(c, deleted);
    if (failed.n == 0) return 0;
    return cli_fail(c, "not deleted: %.*s", STR_FMT(strs_join(c->arena, failed, ", ")));
}

/* ---- import ---- */

static bool refuse_file(struct cli *c, struct str file, const char *why)
{
    return cli_fail(c, "%.*s: %s", STR_FMT(cli_file_name(file)), why), false;
}

static void set_default(json_t *key, const char *member, struct str value)
{
    if (json_str(json_object_get(key, member)).n == 0 && value.n > 0) json_object_set_new(key, member, json_of_str(value));
}

/* A JSON Web Key, its alg and use filled in from the flags. */
static bool key_of_json(struct cli *c, struct str file, struct str text, struct jwk **ret)
{
    struct err e = ERR_INIT(c->arena);
    json_t *key;
    if (!json_read(c->arena, text, &key, NULL, &e))
        return refuse_file(c, file, arena_printf(c->arena, "is not JSON: %s", e.hint).p);
    if (json_object_get(key, "keys") != NULL)
        return refuse_file(c, file, "is a JSON Web Key set; import its keys one by one, each in a file of its own");
    if (str_eq(json_str(json_object_get(key, "kty")), STR("oct")))
        return refuse_file(c, file, "symmetric keys cannot be imported");
    set_default(key, "alg", cli_str(c, "alg"));
    set_default(key, "use", cli_str(c, "use"));
    return jwk_parse(key, ret, &e) ? true : refuse_file(c, file, e.hint);
}

static bool key_of_pem(struct cli *c, struct str file, struct str text, struct jwk **ret)
{
    struct err e = ERR_INIT(c->arena);
    if (cli_str(c, "alg").n == 0)
        return refuse_file(c, file, "PEM and DER do not say what the key is for: add --alg, for example --alg RS256");
    return jwk_from_pem(text, STR_NONE, cli_str(c, "use"), cli_str(c, "alg"), ret, &e) ? true : refuse_file(c, file, e.hint);
}

static bool read_key(struct cli *c, struct str file, json_t **ret)
{
    struct str text;
    struct jwk *k;
    TRY(cli_read_file(c, file, &text));
    bool json = str_starts(str_trim(text), STR("{"));
    TRY(json ? key_of_json(c, file, text, &k) : key_of_pem(c, file, text, &k));
    arena_defer(c->arena, (void (*)(void *))jwk_unref, k);
    if (k->alg.n == 0) return refuse_file(c, file, "the key does not name its algorithm: add --alg, for example --alg RS256");
    *ret = json_copy((json_t *)k->json);
    arena_defer(c->arena, (void (*)(void *))json_decref, *ret);
    set_default(*ret, "kid", jwk_thumbprint(c->arena, k));
    return true;
}

int cli_import_jwk(struct cli *c)
{
    struct remote r;
    struct str set = c->args.v[0], standard_input = STR("-");
    struct strs files = c->args.n > 1 ? (struct strs) { c->args.v + 1, c->args.n - 1 } : (struct strs) { &standard_input, 1 };
    json_t **keys = ARENA_ARRAY(c->arena, json_t *, files.n);
    if (!remote_open(c, &r)) return 1;
    for (size_t i = 0; i < files.n; i++)
        if (!read_key(c, files.v[i], &keys[i])) return 1;

    struct shown s = shown_new(c);
    bool ok = true;
    struct str folder = ARENA_CAT(c->arena, remote_path(&r, "/admin/keys/", set), STR("/"));
    for (size_t i = 0; i < files.n; i++) {
        json_t *answer;
        struct str path = remote_path(&r, folder.p, json_str(json_object_get(keys[i], "kid")));
        if (remote_call(&r, &(struct call) { .method = "PUT", .path = path, .json = keys[i] }, &answer))
            show_key(&s, set, answer);
        else
            ok = refuse_file(c, files.v[i], "not imported");
        cli_progress(c, "Importing", (int64_t)i + 1, (int64_t)files.n);
    }
    print_keys(&s, set, NULL);
    return ok ? 0 : 1;
}
