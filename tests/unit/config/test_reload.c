/* Reloading, references, and watching files. Numbers refer to the checklist of statements about operations. */
#include "config_test.h"

#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#define BASE "secrets: {system: [" A16 "]}\nurls: {self: {issuer: 'https://a/'}}\n"

static bool reload(struct arena *a, const struct config *old, const char *yaml, const struct config **ret,
                   struct config_report *r)
{
    const struct config_text texts[] = { { STR("base.yml"), STR(BASE) }, { STR("new.yml"), str_of(yaml) } };
    return config_reload(a, old, &(struct config_sources) { .texts = texts, .texts_n = 2 }, ret, r);
}

static const struct config *start(struct arena *a, const char *yaml) { return must_load(a, &(struct given) { .yaml = yaml }); }

static void hot_keys_change(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    CONFIG_AUTO old = start(a, "ttl: {access_token: 1m}");
    CONFIG_AUTO new = NULL;
    struct config_report r;
    assert_true(
        reload(a, old, "ttl: {access_token: 2m}\nurls: {login: 'https://l/x'}\nsecrets: {system: [" B16 ", " A16 "]}", &new, &r));
    assert_int_equal(old->ttl_access_token, 60 * USEC_PER_SEC);
    assert_int_equal(new->ttl_access_token, 120 * USEC_PER_SEC);
    assert_str(new->url.login, "https://l/x");
    assert_int_equal(new->secrets_system.n, 2);
    for (size_t i = 0; i < r.warnings.n; i++) assert_false(has(r.warnings.v[i], "restart"));
}

static void restart_keys_wait(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    CONFIG_AUTO old = start(a, "serve: {public: {port: 1, host: x}, tls: {allow_termination_from: [a]}}\nlog: {level: warn}");
    CONFIG_AUTO new = NULL;
    struct config_report r;
    assert_true(reload(a, old, "serve: {public: {port: 2, host: y}, tls: {allow_termination_from: [b, c]}}\nlog: {level: debug}",
                       &new, &r));
    assert_int_equal(new->serve_public_port, 1);
    assert_str(new->serve_public_host, "x");
    assert_str(strs_join(a, new->serve_tls_allow_termination_from, ","), "a");
    assert_int_equal(new->log_level, old->log_level);
    bool told = false;
    for (size_t i = 0; i < r.warnings.n; i++)
        told |= has(r.warnings.v[i],
                    "after a restart: log.level, serve.public.host, serve.public.port, serve.tls.allow_termination_from.");
    assert_true(told);
}

/* The admin host's default follows from the API keys; a reload that adds keys does not move the listener, and does not warn. */
static void following_defaults_are_no_change(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    CONFIG_AUTO old = start(a, "");
    CONFIG_AUTO new = NULL;
    struct config_report r;
    assert_true(reload(a, old, "serve: {admin: {api_keys: [" B16 "]}}", &new, &r));
    assert_true(config_api_key_ok(new, STR(B16)));
    CONFIG_AUTO again = NULL;
    assert_true(reload(a, new, "serve: {admin: {api_keys: [" C16 "]}}", &again, &r));
    for (size_t i = 0; i < r.warnings.n; i++) assert_false(has(r.warnings.v[i], "restart"));
}

/* 17; Q9 */
static void broken_changes_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *key, *reason;
    } cases[] = {
        { "dsn: 'postgres://u:hunter2@h/db'", "dsn", "cannot be changed" },
        { "profiling: cpu", "profiling", "cannot be changed" },
        { "serve: {public: {port: x}}", "serve.public.port", "expected integer" },
        { "foo: 1", "(root)", "not allowed" },
        { "a: [", "new.yml:1", "not valid YAML" },
        { "urls: {self: {issuer: 'http://a/'}}", "urls.self.issuer", "https" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ARENA_AUTO a = arena_new();
        CONFIG_AUTO old = start(a, "dsn: 'postgres://u:old-password@h/db'");
        const struct config *new = NULL;
        struct config_report r;
        const char *yaml = i == 0 ? cases[i].yaml : arena_printf(a, "dsn: 'postgres://u:old-password@h/db'\n%s", cases[i].yaml).p;
        assert_false(reload(a, old, yaml, &new, &r));
        assert_null(new);
        struct str text = config_report_text(a, &r);
        if (i != 4 && (r.n != 1 || !str_eq(r.problems[0].key, str_of(cases[i].key)))) fail_msg("%.*s", STR_FMT(text));
        assert_true(has(text, cases[i].reason));
        assert_false(has(text, "hunter2") || has(text, "old-password"));
    }
}

static void *take_and_give(void *arg)
{
    for (int i = 0; i < 10000; i++) config_unref(config_ref(arg));
    return NULL;
}

static void references_count(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    const struct config *c = start(a, "");
    pthread_t threads[4];
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_give, (void *)c), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) pthread_join(threads[i], NULL);
    assert_int_equal(c->refs, 1);
    config_unref(c);
    config_unref(NULL);
    assert_null(config_ref(NULL));
}

/* ---- watching: 16 ---- */

static char folder[] = "/tmp/grantd-test-XXXXXX";
static int calls;
static void changed(void *arg, struct str file)
{
    (void)file;
    assert_ptr_equal(arg, folder);
    __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST);
}
static void await(int wanted)
{
    for (int i = 0; i < 500 && __atomic_load_n(&calls, __ATOMIC_SEQ_CST) < wanted; i++) usleep(10000);
    assert_int_equal(__atomic_load_n(&calls, __ATOMIC_SEQ_CST), wanted);
}
static void put(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void notices_changes(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    assert_int_equal(mkdir("one", 0700) | mkdir("two", 0700), 0);
    put("plain.yml", "a");
    put("one/linked.yml", "a");
    put("two/linked.yml", "bb");
    /* As Kubernetes mounts it: the file leads over a link to a folder, which is swapped. */
    assert_int_equal(symlink("one", "data") | symlink("data/linked.yml", "linked.yml"), 0);

    ARENA_AUTO a = arena_new();
    struct config_watch *w = config_watch_start(strs_split(a, STR("plain.yml,linked.yml"), ' '), changed, folder);
    assert_non_null(w);
    int n = 0;
    put("plain.yml", "in place");
    await(++n);
    put("plain.new", "renamed over it");
    assert_int_equal(rename("plain.new", "plain.yml"), 0);
    await(++n);
    assert_int_equal(symlink("two", "data.new"), 0);
    assert_int_equal(rename("data.new", "data"), 0);
    await(++n);
    put("two/linked.yml", "behind the swapped link");
    await(++n);
    put("other.yml", "somebody else's");
    assert_int_equal(unlink("plain.yml"), 0); /* gone is not changed: an editor may be in the middle of something */
    usleep(150000);
    put("plain.yml", "back again");
    await(++n);
    usleep(150000);
    await(n);
    config_watch_stop(w);
    put("plain.yml", "nobody looks");
    usleep(100000);
    await(n);
    static const char *const names[] = { "plain.yml", "linked.yml", "data", "other.yml", "one/linked.yml", "two/linked.yml" };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) assert_int_equal(unlink(names[i]), 0);
    assert_int_equal(rmdir("one") | rmdir("two") | chdir("/") | rmdir(folder), 0);
}

static void watching_can_fail(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    assert_null(config_watch_start(strs_split(a, STR("/no/such/folder/x.yml"), ' '), changed, folder));
    config_watch_stop(NULL);
    struct config_watch *w = config_watch_start((struct strs) { 0 }, changed, folder);
    assert_non_null(w);
    config_watch_stop(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hot_keys_change),
        cmocka_unit_test(restart_keys_wait),
        cmocka_unit_test(following_defaults_are_no_change),
        cmocka_unit_test(broken_changes_are_refused),
        cmocka_unit_test(references_count),
        cmocka_unit_test(notices_changes),
        cmocka_unit_test(watching_can_fail),
    };
    return RUN(tests);
}
