/* Outgoing requests over libcurl, which is loaded at the first one: a server that fetches nothing does not carry it. */
#include "client.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <dlfcn.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "http/guard.h"
#include "http/propagation.h"
#include "http/tracer.h"

enum { HEADERS_MAX = 100, HEADER_BYTES_MAX = 64 * 1024, DEFAULT_BYTES = 1 << 20, CONNECT_MS = 10000, LONGEST_PAUSE_S = 30 };

/* ---- the library ---- */

static struct {
    pthread_once_t once;
    bool ready;
    CURLcode (*global_init)(long flags);
    CURL *(*easy_init)(void);
    CURLcode (*easy_setopt)(CURL *handle, CURLoption option, ...);
    CURLcode (*easy_perform)(CURL *handle);
    CURLcode (*easy_getinfo)(CURL *handle, CURLINFO info, ...);
    void (*easy_cleanup)(CURL *handle);
    const char *(*easy_strerror)(CURLcode code);
    struct curl_slist *(*slist_append)(struct curl_slist *list, const char *text);
    void (*slist_free_all)(struct curl_slist *list);
} curl = { .once = PTHREAD_ONCE_INIT };

static void load_curl(void)
{
    void *library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) return;
    const struct {
        const char *name;
        void *place;
    } wanted[] = {
        { "curl_global_init", &curl.global_init },       { "curl_easy_init", &curl.easy_init },
        { "curl_easy_setopt", &curl.easy_setopt },       { "curl_easy_perform", &curl.easy_perform },
        { "curl_easy_getinfo", &curl.easy_getinfo },     { "curl_easy_cleanup", &curl.easy_cleanup },
        { "curl_easy_strerror", &curl.easy_strerror },   { "curl_slist_append", &curl.slist_append },
        { "curl_slist_free_all", &curl.slist_free_all },
    };
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        void *symbol = dlsym(library, wanted[i].name);
        if (symbol == NULL) return;
        memcpy(wanted[i].place, &symbol, sizeof(symbol));
    }
    curl.ready = curl.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

/* ---- one attempt ---- */

struct attempt {
    struct arena *arena;
    bool guard, refused, too_large;
    size_t max_bytes, header_bytes;
    struct buf body;
    struct fetched answer;
};

/* Every connection is made here, redirects and retries included, after the name was resolved: what is checked is what is used. */
static curl_socket_t open_checked(void *cls, curlsocktype purpose, struct curl_sockaddr *to)
{
    struct attempt *t = cls;
    (void)purpose;
    if (t->guard && !guard_address_is_public(&to->addr)) {
        t->refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

static size_t take_body(char *data, size_t size, size_t count, void *cls)
{
    struct attempt *t = cls;
    size_t n = size * count;
    if (n > t->max_bytes - t->body.n) {
        t->too_large = true;
        return 0;
    }
    buf_add(&t->body, (struct str) { data, n });
    return n;
}

static size_t take_header(char *data, size_t size, size_t count, void *cls)
{
    struct attempt *t = cls;
    struct str line = { data, size * count }, name, value;
    t->header_bytes += line.n;
    if (t->header_bytes > HEADER_BYTES_MAX) return 0;
    /* The final answer's headers replace those of an interim one (RFC 9110 15.2). */
    if (str_starts(line, STR("HTTP/"))) t->answer.headers = (struct params) { 0 };
    if (!str_split_once(line, ':', &name, &value) || t->answer.headers.n == HEADERS_MAX) return line.n;

    char *lower = arena_dupz(t->arena, str_trim(name));
    for (char *p = lower; *p != '\0'; p++)
        if (*p >= 'A' && *p <= 'Z') *p = (char)(*p | 0x20);
    params_add(t->arena, &t->answer.headers, str_of(lower), arena_dup(t->arena, str_trim(value)));
    return line.n;
}

static struct curl_slist *request_headers(struct arena *a, const struct fetch *f)
{
    struct curl_slist *list = NULL;
    for (size_t i = 0; i < f->headers_n; i++) {
        struct str line = ARENA_CAT(a, f->headers[i].name, STR(": "), f->headers[i].value);
        if (!str_has(line, '\r') && !str_has(line, '\n')) list = curl.slist_append(list, line.p);
    }
    if (f->content_type != NULL) list = curl.slist_append(list, ARENA_CAT(a, STR("Content-Type: "), str_of(f->content_type)).p);
    return curl.slist_append(list, "Expect:"); /* no waiting for 100 Continue */
}

/* Empty: none; NULL: whatever libcurl finds in the environment. It reads HTTP_PROXY in small letters only, for fear of CGI, which
 * this is not. This machine is always reached directly. */
static const char *proxy_for(struct arena *a, const struct fetch *f, struct str url)
{
    struct url u;
    if (f->guard) return ""; /* through a proxy the target's address would not be seen here */
    if (!url_parse(a, url, &u)) return NULL;
    if (url_host_is_local(u.host)) return "";
    return str_eq(u.scheme, STR("http")) && getenv("http_proxy") == NULL ? getenv("HTTP_PROXY") : NULL;
}

static void set_options(CURL *h, const struct fetch *f, struct str url, struct attempt *t, struct curl_slist *headers)
{
    usec_t timeout = f->timeout > 0 ? f->timeout : 30 * USEC_PER_SEC;
    curl.easy_setopt(h, CURLOPT_URL, arena_dupz(t->arena, url));
    curl.easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
    curl.easy_setopt(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl.easy_setopt(h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl.easy_setopt(h, CURLOPT_USERAGENT, "grantd");
    curl.easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    curl.easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)(timeout / USEC_PER_MS));
    curl.easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl.easy_setopt(h, CURLOPT_OPENSOCKETFUNCTION, open_checked);
    curl.easy_setopt(h, CURLOPT_OPENSOCKETDATA, t);
    curl.easy_setopt(h, CURLOPT_WRITEFUNCTION, take_body);
    curl.easy_setopt(h, CURLOPT_WRITEDATA, t);
    curl.easy_setopt(h, CURLOPT_HEADERFUNCTION, take_header);
    curl.easy_setopt(h, CURLOPT_HEADERDATA, t);
    curl.easy_setopt(h, CURLOPT_HTTPHEADER, headers);
    curl.easy_setopt(h, CURLOPT_PROXY, proxy_for(t->arena, f, url));
    if (f->insecure_tls) {
        curl.easy_setopt(h, CURLOPT_SSL_VERIFYPEER, 0L);
        curl.easy_setopt(h, CURLOPT_SSL_VERIFYHOST, 0L);
    }
}

static const char *method_of(const struct fetch *f) { return f->method != NULL ? f->method : f->body.p != NULL ? "POST" : "GET"; }

static void set_method(CURL *h, const struct fetch *f)
{
    const char *method = method_of(f);
    if (f->body.p != NULL || strcmp(method, "POST") == 0) {
        curl.easy_setopt(h, CURLOPT_POST, 1L);
        curl.easy_setopt(h, CURLOPT_POSTFIELDS, f->body.p != NULL ? f->body.p : "");
        curl.easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)f->body.n);
    }
    if (strcmp(method, "HEAD") == 0)
        curl.easy_setopt(h, CURLOPT_NOBODY, 1L);
    else if (strcmp(method, "GET") != 0)
        curl.easy_setopt(h, CURLOPT_CUSTOMREQUEST, method);
}

/* For the log: no credentials, no query. */
static struct str shown(struct arena *a, struct str url)
{
    struct url u;
    if (!url_parse(a, url, &u)) return STR("(malformed URL)");
    u.userinfo = u.query = u.fragment = STR("");
    u.has_userinfo = u.has_query = u.has_fragment = false;
    return url_format(a, &u);
}

/* The hint reaches callers: it names no address and does not tell a closed port from a filtered one. */
static bool explain(const struct attempt *t, struct str url, CURLcode code, struct err *e)
{
    err_set(e, &err_SERVER_ERROR,
            t->refused     ? "The address of a document that has to be fetched is not allowed."
            : t->too_large ? "A document that had to be fetched is too large."
                           : "A request to another server got no answer.",
            __FILE__, __LINE__);
    return err_debugf(e, "%.*s: %s", STR_FMT(shown(t->arena, url)),
                      t->refused ? "not a public address" : curl.easy_strerror(code));
}

static bool perform(CURL *h, const struct fetch *f, struct str url, struct attempt *t, struct err *e)
{
    struct curl_slist *headers = request_headers(t->arena, f);
    set_options(h, f, url, t, headers);
    set_method(h, f);
    CURLcode code = curl.easy_perform(h);
    curl.slist_free_all(headers);
    if (code != CURLE_OK) return explain(t, url, code, e);

    long status = 0;
    curl.easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
    t->answer.status = (int)status;
    t->answer.body = buf_str(&t->body);
    t->answer.content_type = params_get(&t->answer.headers, STR("content-type"));
    return true;
}

/* ---- redirects and retries ---- */

static bool check_url(struct arena *a, struct str url, struct err *e)
{
    struct url u;
    bool ok = url_parse(a, url, &u) && url_is_http(&u) && u.host.n > 0 && !u.has_userinfo;
    ENSURE(ok, e, SERVER_ERROR, "A document cannot be fetched: its URL is not an http or https URL.");
    return true;
}

static bool is_redirect(int status) { return status == 301 || status == 302 || status == 303 || status == 307 || status == 308; }

/* One attempt and the redirects that it leads through. Requests with a body are never repeated elsewhere, and headers, which may
 * hold credentials, stay with the first address. */
static bool attempt_once(struct op *op, const struct fetch *f, struct fetched *ret, bool *ret_again, struct err *e)
{
    struct str url = f->url;
    struct fetch bare = *f;
    bare.headers_n = 0;
    *ret_again = false;
    for (int hops = 0;; hops++) {
        TRY(check_url(op->arena, url, e));
        CURL *h = curl.easy_init();
        ENSURE(h != NULL, e, SERVER_ERROR, "The system has no memory left for an outgoing request.");
        struct attempt t = { .arena = op->arena,
                             .guard = f->guard && !guard_excepts(f->exceptions, url),
                             .max_bytes = f->max_bytes > 0 ? f->max_bytes : DEFAULT_BYTES,
                             .body = BUF(op->arena) };
        bool ok = perform(h, hops == 0 ? f : &bare, url, &t, e);
        const char *next = NULL;
        if (ok && is_redirect(t.answer.status)) curl.easy_getinfo(h, CURLINFO_REDIRECT_URL, &next);
        if (next != NULL) url = arena_dup(op->arena, str_of(next));
        curl.easy_cleanup(h);
        *ret_again = !ok && !t.refused && !t.too_large;
        if (!ok) return false;
        *ret = t.answer;
        if (next == NULL || hops >= f->max_redirects || f->body.p != NULL) return true;
    }
}

static bool worth_repeating(int status) { return status == 429 || (status >= 500 && status != 501); }

static void pause_before_next(const struct fetched *answer, int attempt)
{
    int64_t seconds = attempt < 5 ? INT64_C(1) << attempt : LONGEST_PAUSE_S, asked;
    if (answer != NULL && str_to_int(params_get(&answer->headers, STR("retry-after")), &asked) && asked >= 0) seconds = asked;
    if (seconds > LONGEST_PAUSE_S) seconds = LONGEST_PAUSE_S;
    nanosleep(&(struct timespec) { .tv_sec = seconds }, NULL);
}

static bool fetch_untraced(struct op *op, const struct fetch *f, struct fetched *ret, struct err *e)
{
    for (int attempt = 0;; attempt++) {
        struct err failure = ERR_INIT(e->arena);
        struct fetched answer = { 0 };
        bool again, ok = attempt_once(op, f, &answer, &again, &failure);
        again = again || (ok && worth_repeating(answer.status));
        if (again && attempt + 1 < f->attempts) {
            pause_before_next(ok ? &answer : NULL, attempt);
            continue;
        }
        if (ok)
            *ret = answer;
        else
            *e = failure;
        return ok;
    }
}

/* ---- tracing: a span around all attempts, which the other server learns of ---- */

static void describe(struct span *s, const struct fetch *f)
{
    struct url u;
    int64_t port;
    span_add(s, "http.request.method", s->name);
    span_add(s, "url.full", shown(s->arena, f->url));
    if (!url_parse(s->arena, f->url, &u)) return;
    span_add(s, "server.address", u.host);
    if (u.port.n == 0)
        span_add_number(s, "server.port", str_eq(u.scheme, STR("https")) ? 443 : 80);
    else if (str_to_int(u.port, &port))
        span_add_number(s, "server.port", port);
}

static void conclude(struct span *s, bool answered, int status)
{
    if (answered) span_add_number(s, "http.response.status_code", status);
    s->failed = !answered || status >= 400;
    if (s->failed) span_add(s, "error.type", answered ? arena_printf(s->arena, "%d", status) : STR("_OTHER"));
    tracer_end(s);
}

static struct http_header *with_context(struct span *s, const struct fetch *f, size_t *ret_n)
{
    struct http_header *headers = ARENA_ARRAY(s->arena, struct http_header, f->headers_n + 2);
    size_t n = f->headers_n;
    if (n > 0) memcpy(headers, f->headers, n * sizeof(*headers));
    headers[n++] = (struct http_header) { STR("traceparent"), trace_context_write(s->arena, &s->context) };
    if (s->context.state.n > 0) headers[n++] = (struct http_header) { STR("tracestate"), s->context.state };
    *ret_n = n;
    return headers;
}

bool fetch(struct op *op, const struct fetch *f, struct fetched *ret, struct err *e)
{
    OP_MUST_WAIT(op, e);
    pthread_once(&curl.once, load_curl);
    ENSURE(curl.ready, e, SERVER_ERROR, "Outgoing requests need the library libcurl (libcurl.so.4), which is not installed.");
    if (op->span == NULL) return fetch_untraced(op, f, ret, e);

    struct fetch traced = *f;
    struct span *s = tracer_begin_below(op->span, SPAN_CLIENT, str_of(method_of(f)));
    describe(s, f);
    traced.headers = with_context(s, f, &traced.headers_n);
    bool answered = fetch_untraced(op, &traced, ret, e);
    conclude(s, answered, answered ? ret->status : 0);
    return answered;
}
