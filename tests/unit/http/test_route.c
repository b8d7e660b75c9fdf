/* Paths to rows, in both generations of the admin API. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "http/route.h"

static bool handler(struct http_req *r, struct err *e)
{
    (void)e;
    return http_reply_empty(r, 200);
}

/* clang-format off */
static const struct route rows[] = {
    { LISTEN_PUBLIC, HTTP_POST,            "/oauth2/token",                API_CURRENT, 0, handler, "token" },
    { LISTEN_PUBLIC, HTTP_GET | HTTP_POST, "/userinfo",                    API_CURRENT, 0, handler, "userinfo" },
    { LISTEN_BOTH,   HTTP_GET,             "/health/alive",                API_CURRENT, ROUTE_PROBE, handler, "alive" },
    { LISTEN_ADMIN,  HTTP_GET,             "/admin/clients",               API_CURRENT, 0, handler, "list" },
    { LISTEN_ADMIN,  HTTP_POST,            "/admin/clients",               API_CURRENT, 0, handler, "create" },
    { LISTEN_ADMIN,  HTTP_GET,             "/admin/clients/{id}",          API_CURRENT, 0, handler, "get" },
    { LISTEN_ADMIN,  HTTP_PUT,             "/admin/clients/{id}/lifespans", API_CURRENT, 0, handler, "lifespans" },
    { LISTEN_ADMIN,  HTTP_PUT,             "/clients/{id}/lifespans",      API_CURRENT, 0, handler, "lifespans_bare" },
    { LISTEN_ADMIN,  HTTP_GET,             "/admin/keys/{set}/{kid}",      API_CURRENT, 0, handler, "key" },
    { LISTEN_ADMIN,  HTTP_GET,             "/admin/keys/{set}",            API_CURRENT, 0, handler, "set" },
    { LISTEN_ADMIN,  HTTP_GET,             "/clients",                     API_V1, 0, handler, "old_list" },
    { LISTEN_ADMIN,  HTTP_POST,            "/clients",                     API_V1, 0, handler, "old_create" },
    { LISTEN_ADMIN,  HTTP_GET,             "/clients/{id}",                API_V1, 0, handler, "old_get" },
    { LISTEN_ADMIN,  HTTP_GET,             "/keys/{set}/{kid}",            API_V1, 0, handler, "old_key" },
};

struct route_case {
    enum http_listener on;
    enum http_method method;
    const char *path;
    enum route_outcome outcome;
    const char *operation, *first, *second;
};

static const struct route_case cases[] = {
    { LISTEN_PUBLIC, HTTP_POST,   "/oauth2/token",             ROUTE_FOUND, "token", NULL, NULL },
    { LISTEN_PUBLIC, HTTP_POST,   "/oauth2/token/",            ROUTE_FOUND, "token", NULL, NULL },
    { LISTEN_PUBLIC, HTTP_POST,   "/oauth2/token//",           ROUTE_NO_PATH, NULL, NULL, NULL },
    { LISTEN_PUBLIC, HTTP_GET,    "/oauth2/token",             ROUTE_NO_METHOD, NULL, NULL, NULL },
    { LISTEN_PUBLIC, HTTP_POST,   "/OAUTH2/token",             ROUTE_NO_PATH, NULL, NULL, NULL },
    { LISTEN_PUBLIC, HTTP_HEAD,   "/userinfo",                 ROUTE_FOUND, "userinfo", NULL, NULL },
    { LISTEN_PUBLIC, 0,           "/userinfo",                 ROUTE_NO_METHOD, NULL, NULL, NULL },
    { LISTEN_PUBLIC, HTTP_GET,    "/admin/clients",            ROUTE_NO_PATH, NULL, NULL, NULL },
    { LISTEN_PUBLIC, HTTP_GET,    "/clients",                  ROUTE_NO_PATH, NULL, NULL, NULL },
    { LISTEN_PUBLIC, HTTP_GET,    "/../admin/clients",         ROUTE_NO_PATH, NULL, NULL, NULL },
    { LISTEN_PUBLIC, HTTP_GET,    "/",                         ROUTE_NO_PATH, NULL, NULL, NULL },
    { LISTEN_PUBLIC, HTTP_GET,    "*",                         ROUTE_NO_PATH, NULL, NULL, NULL },
    { LISTEN_PUBLIC, HTTP_GET,    "",                          ROUTE_NO_PATH, NULL, NULL, NULL },
    { LISTEN_ADMIN,  HTTP_GET,    "/health/alive",             ROUTE_FOUND, "alive", NULL, NULL },
    { LISTEN_ADMIN,  HTTP_POST,   "/oauth2/token",             ROUTE_NO_PATH, NULL, NULL, NULL },
    { LISTEN_ADMIN,  HTTP_GET,    "/admin/clients",            ROUTE_FOUND, "list", NULL, NULL },
    { LISTEN_ADMIN,  HTTP_POST,   "/admin/clients",            ROUTE_FOUND, "create", NULL, NULL },
    { LISTEN_ADMIN,  HTTP_DELETE, "/admin/clients",            ROUTE_NO_METHOD, NULL, NULL, NULL },
    { LISTEN_ADMIN,  HTTP_GET,    "/admin/clients/",           ROUTE_FOUND, "list", NULL, NULL },
    { LISTEN_ADMIN,  HTTP_GET,    "/admin/clients/a%20b",      ROUTE_FOUND, "get", "a b", NULL },
    { LISTEN_ADMIN,  HTTP_GET,    "/admin/clients/a+b",        ROUTE_FOUND, "get", "a+b", NULL },
    { LISTEN_ADMIN,  HTTP_GET,    "/admin/clients/a/",         ROUTE_FOUND, "get", "a", NULL },
    { LISTEN_ADMIN,  HTTP_GET,    "/admin/clients//",          ROUTE_NO_PATH, NULL, NULL, NULL },
    { LISTEN_ADMIN,  HTTP_GET,    "/admin/clients/%zz",        ROUTE_NO_PATH, NULL, NULL, NULL },
    { LISTEN_ADMIN,  HTTP_GET,    "/admin/clients/a%00b",      ROUTE_NO_PATH, NULL, NULL, NULL },
    { LISTEN_ADMIN,  HTTP_PUT,    "/admin/clients/a/lifespans", ROUTE_FOUND, "lifespans", "a", NULL },
    { LISTEN_ADMIN,  HTTP_GET,    "/admin/clients/a/lifespans", ROUTE_NO_METHOD, NULL, NULL, NULL },
    { LISTEN_ADMIN,  HTTP_PUT,    "/clients/a/lifespans",      ROUTE_FOUND, "lifespans_bare", "a", NULL },
    { LISTEN_ADMIN,  HTTP_GET,    "/admin/keys/a%2Fb",         ROUTE_FOUND, "set", "a/b", NULL },
    { LISTEN_ADMIN,  HTTP_GET,    "/admin/keys/a%2Fb/c",       ROUTE_FOUND, "key", "a/b", "c" },
    { LISTEN_ADMIN,  HTTP_GET,    "/adminclients",             ROUTE_NO_PATH, NULL, NULL, NULL },
    { LISTEN_ADMIN,  HTTP_GET,    "/admin",                    ROUTE_NO_PATH, NULL, NULL, NULL },
    { LISTEN_ADMIN,  HTTP_GET,    "/clients",                  ROUTE_FOUND, "old_list", NULL, NULL },
    { LISTEN_ADMIN,  HTTP_GET,    "/clients/",                 ROUTE_MOVED, NULL, NULL, NULL },
    { LISTEN_ADMIN,  HTTP_HEAD,   "/clients",                  ROUTE_NO_METHOD, NULL, NULL, NULL },
    { LISTEN_ADMIN,  HTTP_DELETE, "/clients",                  ROUTE_NO_METHOD, NULL, NULL, NULL },
    { LISTEN_ADMIN,  HTTP_GET,    "/clients/a",                ROUTE_FOUND, "old_get", "a", NULL },
    { LISTEN_ADMIN,  HTTP_GET,    "/keys/a%2Fb",               ROUTE_FOUND, "old_key", "a", "b" },
    { LISTEN_ADMIN,  HTTP_GET,    "/keys/a%00/b",              ROUTE_NO_PATH, NULL, NULL, NULL },
    { LISTEN_ADMIN,  HTTP_GET,    "/clients/a/b/c",            ROUTE_NO_PATH, NULL, NULL, NULL },
};

static const struct route_case current_only[] = {
    { LISTEN_ADMIN,  HTTP_GET,    "/clients",                  ROUTE_FOUND, "list", NULL, NULL },
    { LISTEN_ADMIN,  HTTP_GET,    "/clients/",                 ROUTE_FOUND, "list", NULL, NULL },
    { LISTEN_ADMIN,  HTTP_HEAD,   "/clients/a",                ROUTE_FOUND, "get", "a", NULL },
    { LISTEN_ADMIN,  HTTP_GET,    "/keys/a%2Fb",               ROUTE_FOUND, "set", "a/b", NULL },
    { LISTEN_ADMIN,  HTTP_GET,    "/adminclients",             ROUTE_NO_PATH, NULL, NULL, NULL },
    { LISTEN_PUBLIC, HTTP_GET,    "/clients",                  ROUTE_NO_PATH, NULL, NULL, NULL },
};
/* clang-format on */

static bool same(struct str s, const char *z) { return z == NULL ? s.p == NULL : str_eq(s, str_of(z)); }

static void check(const struct route_case *c, size_t n, bool only_current)
{
    struct router *public = router_new(rows, sizeof(rows) / sizeof(rows[0]), LISTEN_PUBLIC, only_current);
    struct router *admin = router_new(rows, sizeof(rows) / sizeof(rows[0]), LISTEN_ADMIN, only_current);
    ARENA_AUTO a = arena_new();
    for (size_t i = 0; i < n; i++) {
        struct route_match m;
        router_find(c[i].on == LISTEN_PUBLIC ? public : admin, a, str_of(c[i].path), c[i].method, &m);
        bool ok = m.outcome == c[i].outcome && (c[i].operation == NULL || strcmp(m.row->operation, c[i].operation) == 0) &&
                  (m.outcome != ROUTE_FOUND || (same(m.param[0], c[i].first) && same(m.param[1], c[i].second)));
        if (!ok) print_error("%d %s: outcome %d\n", (int)c[i].method, c[i].path, (int)m.outcome);
        assert_true(ok);
    }
    router_free(public);
    router_free(admin);
}

static void paths_lead_to_their_rows(void **state)
{
    (void)state;
    check(cases, sizeof(cases) / sizeof(cases[0]), false);
}

static void unprefixed_paths_can_mean_the_current_api(void **state)
{
    (void)state;
    check(current_only, sizeof(current_only) / sizeof(current_only[0]), true);
}

static void unclean_paths_lead_to_the_clean_one(void **state)
{
    (void)state;
    static const struct {
        enum http_listener on;
        const char *path, *moved; /* NULL: nowhere */
    } moves[] = {
        { LISTEN_PUBLIC, "//oauth2/token", "/oauth2/token" },
        { LISTEN_PUBLIC, "/oauth2//token/", "/oauth2/token" },
        { LISTEN_PUBLIC, "///oauth2/./x/../token", "/oauth2/token" },
        { LISTEN_PUBLIC, "/../oauth2/token/.", "/oauth2/token" },
        { LISTEN_PUBLIC, "//evil.test/oauth2/token", NULL },
        { LISTEN_PUBLIC, "/oauth2%2F/token", NULL },
        { LISTEN_PUBLIC, "//admin//clients", NULL },
        { LISTEN_PUBLIC, "//health/alive", NULL }, /* not for this method */
        { LISTEN_PUBLIC, "//", NULL },
        { LISTEN_ADMIN, "//admin/clients", NULL },
        { LISTEN_ADMIN, "/clients/", "/clients" },
        { LISTEN_ADMIN, "//clients", "/clients" },
        { LISTEN_ADMIN, "/x/.././clients/", "/clients" },
        { LISTEN_ADMIN, "/admin/../clients", NULL },
        { LISTEN_ADMIN, "/clients/../admin/clients", NULL },
        { LISTEN_ADMIN, "//evil.test/clients", NULL },
    };
    ARENA_AUTO a = arena_new();
    struct router *public = router_new(rows, sizeof(rows) / sizeof(rows[0]), LISTEN_PUBLIC, false);
    struct router *admin = router_new(rows, sizeof(rows) / sizeof(rows[0]), LISTEN_ADMIN, false);
    for (size_t i = 0; i < sizeof(moves) / sizeof(moves[0]); i++) {
        struct route_match m;
        router_find(moves[i].on == LISTEN_PUBLIC ? public : admin, a, str_of(moves[i].path), HTTP_POST, &m);
        if (!same(m.moved, moves[i].moved)) print_error("%s: %.*s\n", moves[i].path, STR_FMT(m.moved));
        assert_true(same(m.moved, moves[i].moved));
        assert_int_equal(m.outcome, moves[i].moved != NULL ? ROUTE_MOVED : ROUTE_NO_PATH);
    }
    router_free(public);
    router_free(admin);
}

static void allow_names_all_methods_of_a_path(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct router *r = router_new(rows, sizeof(rows) / sizeof(rows[0]), LISTEN_ADMIN, false);
    struct route_match m;
    router_find(r, a, STR("/clients"), HTTP_DELETE, &m);
    assert_int_equal(m.allow, HTTP_GET | HTTP_POST);
    assert_int_equal(m.api, API_V1);
    router_find(r, a, STR("/admin/clients"), HTTP_DELETE, &m);
    assert_int_equal(m.api, API_CURRENT);
    router_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_lead_to_their_rows),
        cmocka_unit_test(unprefixed_paths_can_mean_the_current_api),
        cmocka_unit_test(unclean_paths_lead_to_the_clean_one),
        cmocka_unit_test(allow_names_all_methods_of_a_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
