#include "unit.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"

/* Standard error goes to a file while a test runs. */
static int original, captured;

static int start_capture(void **state)
{
    (void)state;
    FILE *file = tmpfile();
    if (file == NULL) return -1;
    captured = dup(fileno(file));
    fclose(file);
    original = dup(STDERR_FILENO);
    dup2(captured, STDERR_FILENO);
    return 0;
}

static int end_capture(void **state)
{
    (void)state;
    log_flush();
    dup2(original, STDERR_FILENO);
    close(original);
    close(captured);
    return 0;
}

static struct str written(struct arena *a)
{
    struct stat st;
    fstat(captured, &st);
    char *text = arena_alloc(a, (size_t)st.st_size + 1);
    ssize_t n = pread(captured, text, (size_t)st.st_size, 0);
    return (struct str) { text, (size_t)n };
}

static void setup(enum log_level level, enum log_format format)
{
    log_setup(&(struct log_settings) {
        .level = level, .format = format, .service_name = STR("Ory Hydra"), .service_version = STR("v1") });
}

/* Without the time, which differs. */
static struct str without_time(struct arena *a, struct str text, const char *before, size_t shortest)
{
    const char *at = memmem(text.p, text.n, before, strlen(before));
    if (at == NULL) return text;
    const char *from = at + strlen(before), *to = from + shortest;
    while (to < text.p + text.n && *to != 'Z') to++;
    return ARENA_CAT(a, (struct str) { text.p, (size_t)(from - text.p) }, STR("T"),
                     (struct str) { to + 1, (size_t)(text.p + text.n - to - 1) });
}

static void write_sample(void)
{
    const struct log_field request[] = { LF_Z("method", "GET"), LF_STR("query", STR_NONE), LF_Z("host", "a\"b") };
    log_at(LOG_INFO, "a message", LF_STR("subject", STR("s x")), LF_INT("count", -3), LF_BOOL("ok", true),
           LF_OBJ("request", request, 3));
    log_flush();
}

static void writes_text(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    setup(LOG_INFO, LOG_FORMAT_TEXT);
    write_sample();
    assert_str(
        without_time(a, written(a), "time=", 19),
        "time=T level=info msg=a message audience=application count=-3 ok=true request=map[host:a\"b method:GET query:<nil>] "
        "service_name=Ory Hydra service_version=v1 subject=s x\n");
}

static void writes_json(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    setup(LOG_INFO, LOG_FORMAT_JSON);
    write_sample();
    assert_str(without_time(a, written(a), "\"time\":\"", 19),
               "{\"audience\":\"application\",\"count\":-3,\"level\":\"info\",\"msg\":\"a message\",\"ok\":true,"
               "\"request\":{\"host\":\"a\\\"b\",\"method\":\"GET\",\"query\":null},\"service_name\":\"Ory Hydra\","
               "\"service_version\":\"v1\",\"subject\":\"s x\",\"time\":\"T\"}\n");
}

static void writes_pretty_json(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    setup(LOG_INFO, LOG_FORMAT_JSON_PRETTY);
    const struct log_field inner[] = { LF_INT("x", 1), LF_OBJ("none", NULL, 0) };
    log_at(LOG_INFO, "m", LF_OBJ("o", inner, 2));
    log_flush();
    assert_str(without_time(a, written(a), "\"time\": \"", 19),
               "{\n  \"audience\": \"application\",\n  \"level\": \"info\",\n  \"msg\": \"m\",\n  \"o\": {\n    \"none\": {},\n  "
               "  \"x\": 1\n  },\n"
               "  \"service_name\": \"Ory Hydra\",\n  \"service_version\": \"v1\",\n  \"time\": \"T\"\n}\n");
}

static void writes_gelf(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    setup(LOG_INFO, LOG_FORMAT_GELF);
    write_sample();
    struct err e = ERR_INIT(a);
    json_t *record;
    assert_true(json_read(a, written(a), &record, NULL, &e));
    assert_str(json_str(json_object_get(record, "version")), "1.1");
    assert_str(json_str(json_object_get(record, "short_message")), "a message");
    assert_true(json_str(json_object_get(record, "host")).n > 0);
    assert_true(json_number_value(json_object_get(record, "timestamp")) > 1.7e9);
    assert_int_equal(json_integer_value(json_object_get(record, "level")), 6);
    assert_str(json_str(json_object_get(record, "_request_method")), "GET");
    assert_null(json_object_get(record, "_request_query"));
    assert_str(json_str(json_object_get(record, "_ok")), "true");
    assert_int_equal(json_integer_value(json_object_get(record, "_count")), -3);
    assert_str(json_str(json_object_get(record, "_service_version")), "v1");
}

static void leaves_the_version_out_of_access_records(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    setup(LOG_INFO, LOG_FORMAT_TEXT);
    const struct log_field request[] = { LF_Z("method", "GET") };
    log_at(LOG_INFO, "started handling request", LF_OBJ("http_request", request, 1));
    log_flush();
    assert_str(without_time(a, written(a), "time=", 19), "time=T level=info msg=started handling request audience=application "
                                                         "http_request=map[method:GET] service_name=Ory Hydra\n");
}

static void keeps_one_record_on_one_line(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    setup(LOG_INFO, LOG_FORMAT_TEXT);
    log_at(LOG_INFO, "m\n1", LF_Z("v", "x\ntime=forged\r\x1b[2J"));
    log_flush();
    struct str text = without_time(a, written(a), "time=", 19);
    assert_true(str_starts(text, STR("time=T level=info msg=m\\n1 ")));
    assert_true(str_ends(text, STR("v=x\\ntime=forged\\x0d\\x1b[2J\n")));
}

static void names_levels(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    static const char *const names[] = { "panic", "fatal", "error", "warning", "info", "debug", "trace" };
    assert_int_equal(ARRAY_LEN(names), LOG_LEVEL_MAX_);
    for (enum log_level limit = LOG_PANIC; limit < LOG_LEVEL_MAX_; limit++) {
        setup(limit, LOG_FORMAT_TEXT);
        assert_int_equal(ftruncate(captured, 0), 0);
        lseek(captured, 0, SEEK_SET);
        for (enum log_level level = LOG_PANIC; level < LOG_LEVEL_MAX_; level++) log_printf(level, "number %d", (int)level);
        log_flush();

        struct str text = written(a);
        for (enum log_level level = LOG_PANIC; level < LOG_LEVEL_MAX_; level++) {
            assert_int_equal(log_on(level), level <= limit);
            struct str line = str_cut(&text, '\n');
            struct str want = arena_printf(a, " level=%s msg=number %d ", names[level], (int)level);
            assert_int_equal(line.n > 0 && memmem(line.p, line.n, want.p, want.n) != NULL, level <= limit);
        }
    }
}

static void names_the_place_at_trace(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    setup(LOG_TRACE, LOG_FORMAT_JSON);
    log_printf(LOG_INFO, "here");
    log_flush();
    struct err e = ERR_INIT(a);
    json_t *record;
    assert_true(json_read(a, written(a), &record, NULL, &e));
    assert_str(json_str(json_object_get(record, "func")), "names_the_place_at_trace");
    assert_non_null(strstr(json_string_value(json_object_get(record, "file")), "test_log.c:"));
    assert_false(str_starts(json_str(json_object_get(record, "file")), STR("..")));
}

/* A record about a file names that one: a name stands once in an object. */
static void names_a_file_once(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    setup(LOG_TRACE, LOG_FORMAT_JSON);
    log_at(LOG_INFO, "changed", LF_Z("file", "grantd.yml"));
    log_flush();
    assert_non_null(strstr(written(a).p, "\"file\":\"grantd.yml\",\"func\":\"names_a_file_once\""));
    assert_null(strstr(written(a).p, "test_log.c"));
}

static void writes_warnings_at_once(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    setup(LOG_INFO, LOG_FORMAT_TEXT);
    log_printf(LOG_INFO, "first");
    log_printf(LOG_WARN, "second");
    struct str text = written(a);
    const char *first = memmem(text.p, text.n, "first", 5), *second = memmem(text.p, text.n, "second", 6);
    assert_true(first != NULL && second != NULL && first < second);
}

static void writes_the_rest_by_itself(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    setup(LOG_INFO, LOG_FORMAT_TEXT);
    for (int round = 0; round < 2; round++) {
        size_t before = written(a).n;
        log_printf(LOG_INFO, "gathered");
        for (int i = 0; i < 500 && written(a).n == before; i++) nanosleep(&(struct timespec) { .tv_nsec = 10000000 }, NULL);
        assert_true(written(a).n > before);
    }
}

static void bounds_what_is_pending(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    setup(LOG_INFO, LOG_FORMAT_TEXT);
    size_t size = 200000;
    char *big = arena_alloc(a, size);
    memset(big, 'x', size);
    log_at(LOG_INFO, "big", LF_STR("v", ((struct str) { big, size })));
    assert_true(written(a).n > size);
    for (int i = 0; i < 2000; i++) log_printf(LOG_INFO, "record %d", i);
    log_flush();

    struct str text = written(a);
    str_cut(&text, '\n');
    for (int i = 0; i < 2000; i++) {
        struct str line = str_cut(&text, '\n'), want = arena_printf(a, "msg=record %d ", i);
        assert_non_null(memmem(line.p, line.n, want.p, want.n));
    }
}

static void *write_many(void *unused)
{
    for (int i = 0; i < 500; i++) log_at(i % 100 == 0 ? LOG_WARN : LOG_INFO, "threads", LF_Z("v", "0123456789"));
    return unused;
}

static void keeps_threads_apart(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    setup(LOG_INFO, LOG_FORMAT_JSON);
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) pthread_create(&threads[i], NULL, write_many, NULL);
    for (int i = 0; i < 20; i++) setup(LOG_INFO, LOG_FORMAT_JSON); /* a reload meanwhile */
    for (size_t i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    log_flush();

    struct str text = written(a);
    size_t lines = 0;
    for (struct str line = str_cut(&text, '\n'); text.p != NULL; line = str_cut(&text, '\n'), lines++) {
        assert_true(str_starts(line, STR("{\"audience\":\"application\",\"level\":\"")));
        assert_true(str_ends(line, STR("\",\"v\":\"0123456789\"}")));
    }
    assert_int_equal(lines, 2000);
}

static void tells_settings(void **state)
{
    (void)state;
    setup(LOG_WARN, LOG_FORMAT_TEXT);
    assert_false(log_leaks());
    assert_true(log_redaction_text().n > 20);
    char text[] = "[hidden]";
    log_setup(&(struct log_settings) { .leak_sensitive_values = true, .redaction_text = str_of(text) });
    text[0] = 'X';
    assert_true(log_leaks());
    assert_str(log_redaction_text(), "[hidden]");
}

/* What was gathered is not lost when the process ends. */
static void flushes_at_exit(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    setup(LOG_INFO, LOG_FORMAT_TEXT);
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    assert_true(n > 0);
    self[n] = '\0';
    pid_t child = fork();
    if (child == 0) {
        execl(self, self, "exit", NULL);
        _exit(1);
    }
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    struct str text = written(a);
    assert_non_null(memmem(text.p, text.n, "msg=last words ", 15));
}

static void names_the_trace_that_a_thread_works_on(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    setup(LOG_INFO, LOG_FORMAT_JSON);
    log_trace("4bf9", "00f0");
    log_at(LOG_INFO, "traced", LF_Z("z", "last"), LF_Z("a", "first"));
    log_trace(NULL, NULL);
    log_at(LOG_INFO, "not traced");
    log_flush();
    struct str text = written(a), first = str_cut(&text, '\n');
    static const char otel[] = "\"msg\":\"traced\",\"otel\":{\"span_id\":\"00f0\",\"trace_id\":\"4bf9\"},\"service_name\"";
    assert_non_null(memmem(first.p, first.n, otel, strlen(otel)));
    assert_null(memmem(text.p, text.n, "otel", 4));
}

#define CAPTURED(test) cmocka_unit_test_setup_teardown(test, start_capture, end_capture)

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "exit") == 0) {
        log_printf(LOG_INFO, "last words");
        return 0;
    }
    const struct CMUnitTest tests[] = {
        CAPTURED(writes_text),
        CAPTURED(writes_json),
        CAPTURED(writes_pretty_json),
        CAPTURED(writes_gelf),
        CAPTURED(leaves_the_version_out_of_access_records),
        CAPTURED(keeps_one_record_on_one_line),
        CAPTURED(names_levels),
        CAPTURED(names_the_place_at_trace),
        CAPTURED(names_a_file_once),
        CAPTURED(names_the_trace_that_a_thread_works_on),
        CAPTURED(writes_warnings_at_once),
        CAPTURED(writes_the_rest_by_itself),
        CAPTURED(bounds_what_is_pending),
        CAPTURED(keeps_threads_apart),
        CAPTURED(tells_settings),
        CAPTURED(flushes_at_exit),
    };
    return RUN(tests);
}
