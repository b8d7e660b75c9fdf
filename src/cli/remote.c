/* The commands' HTTP client: where the server is, what every request carries, how answers that are failures are shown. */
#include <stdlib.h>
#include <string.h>

#include "base/b64.h"
#include "base/url.h"
#include "cli/remote.h"

#define REQUEST_TIMEOUT (10 * USEC_PER_SEC)
enum { ANSWER_MAX = 64 * 1024 * 1024, HEADERS_MAX = 64, REDIRECTS_MAX = 5 };

static bool read_header(struct remote *r, struct str text)
{
    struct str name, value;
    if (!str_split_once(text, ':', &name, &value) || str_has(value, ':') || str_trim(name).n == 0)
        return cli_fail_usage(r->cli, "--http-header takes \"Name: value\" with exactly one colon, got \"%.*s\"", STR_FMT(text)),
               false;
    if (r->headers_n == HEADERS_MAX) return cli_fail(r->cli, "more than %d request headers", HEADERS_MAX), false;
    r->headers[r->headers_n++] = (struct http_header) { str_trim(name), str_trim(value) };
    return true;
}

/* Of the two APIs. */
static bool is_public(const struct remote *r)
{
    return strcmp(r->cli->command->verb, "revoke") == 0 || strcmp(r->cli->command->verb, "perform") == 0;
}

static bool read_endpoint(struct remote *r)
{
    struct cli *c = r->cli;
    bool public = is_public(r);
    r->base = cli_given(c, "endpoint") ? cli_str(c, "endpoint") : str_of(getenv("ORY_SDK_URL"));
    bool old = getenv("HYDRA_ADMIN_URL") != NULL || getenv("HYDRA_URL") != NULL;
    if (r->base.n == 0)
        return cli_fail_usage(c,
                              "no server named: give the address of its %s API with --endpoint (-e), for example --endpoint "
                              "http://127.0.0.1:%d, or in the environment variable ORY_SDK_URL%s",
                              public ? "public" : "admin", public ? 4444 : 4445,
                              old ? " (HYDRA_ADMIN_URL and HYDRA_URL are those of v1 and not read any more)" : ""),
               false;
    struct url url;
    if (!url_parse(c->arena, r->base, &url) || !url_is_http(&url) || url.host.n == 0)
        return cli_fail_usage(c, "\"%.*s\" is not an http or https URL", STR_FMT(r->base)), false;
    while (str_ends(r->base, STR("/"))) r->base.n--;
    return true;
}

bool remote_open(struct cli *c, struct remote *ret)
{
    *ret = (struct remote) { .cli = c, .headers = ARENA_ARRAY(c->arena, struct http_header, HEADERS_MAX + 1) };
    struct strs headers = cli_list(c, "http-header");
    for (size_t i = 0; i < headers.n; i++) TRY(read_header(ret, headers.v[i]));
    return read_endpoint(ret);
}

struct str remote_path(const struct remote *r, const char *before, struct str id)
{
    struct buf b = BUF(r->cli->arena);
    buf_addz(&b, before);
    url_encode_path(&b, id);
    return buf_str(&b);
}

/* RFC 6749 2.3.1: both parts are form-encoded before they go into HTTP Basic. */
static struct http_header basic(struct arena *a, const struct call *q)
{
    struct buf b = BUF(a);
    url_encode_form(&b, q->user);
    buf_addc(&b, ':');
    url_encode_form(&b, q->password);
    return (struct http_header) { STR("Authorization"), ARENA_CAT(a, STR("Basic "), b64_encode(a, buf_str(&b))) };
}

/* Is that header one of --http-header? */
static bool says(const struct remote *r, struct str name)
{
    for (size_t i = 0; i < r->headers_n; i++)
        if (str_eq_nocase(r->headers[i].name, name)) return true;
    return false;
}

static bool no_answer(const struct remote *r, struct str url, const struct err *e)
{
    const char *asked =
        str_starts_nocase(r->base, STR("https:"))
            ? "Is the server running, is this the right address, and does it speak TLS there? --skip-tls-verify takes any "
              "certificate."
            : "Is the server running, and is this the right address?";
    if (e->debug != NULL) return cli_fail(r->cli, "no answer from %s. %s", e->debug, asked), false;
    return cli_fail(r->cli, "no answer from %.*s: %s", STR_FMT(url), e->hint), false;
}

bool remote_fetch(const struct remote *r, const struct call *q, struct fetched *ret)
{
    struct arena *a = r->cli->arena;
    struct http_header *headers = ARENA_ARRAY(a, struct http_header, r->headers_n + 2);
    size_t n = 0;
    if (!says(r, STR("Accept"))) headers[n++] = (struct http_header) { STR("Accept"), STR("application/json") };
    if (r->headers_n > 0) memcpy(headers + n, r->headers, r->headers_n * sizeof(*headers));
    n += r->headers_n;
    if (q->user.p != NULL) headers[n++] = basic(a, q);

    struct fetch f = { .method = q->method,
                       .url = ARENA_CAT(a, r->base, q->path),
                       .headers = headers,
                       .headers_n = n,
                       .max_bytes = ANSWER_MAX,
                       .timeout = REQUEST_TIMEOUT,
                       .insecure_tls = cli_bool(r->cli, "skip-tls-verify"),
                       .max_redirects = strcmp(q->method, "GET") == 0 ? REDIRECTS_MAX : 0 };
    if (q->json != NULL) f.body = json_text(a, q->json, false), f.content_type = "application/json";
    if (q->form.p != NULL) f.body = q->form, f.content_type = "application/x-www-form-urlencoded";

    struct op op = { .arena = a, .now = clock_now(), .may_wait = true };
    struct err e = ERR_INIT(a);
    if (fetch(&op, &f, ret, &e)) return true;
    return no_answer(r, f.url, &e);
}

void remote_put_text(FILE *out, struct str s)
{
    for (size_t i = 0, n; i < s.n; i += n) {
        size_t length = str_utf8_length(s, i);
        bool printable = length > 1 || s.p[i] == '\n' || s.p[i] == '\t' || (s.p[i] >= ' ' && s.p[i] <= '~');
        n = length > 0 ? length : 1;
        if (printable)
            fwrite(s.p + i, 1, n, out);
        else
            fputc('?', out);
    }
}

/* The error object, the whole body, or what else came. */
static void show_refusal(const struct remote *r, const struct fetched *answer)
{
    struct err e = ERR_INIT(r->cli->arena);
    json_t *body;
    if (answer->body.n == 0 || !json_read(r->cli->arena, answer->body, &body, NULL, &e)) {
        fprintf(r->cli->err, "The server answered with status %d%s", answer->status, answer->body.n > 0 ? ":\n" : ".");
        remote_put_text(r->cli->err, str_upto(answer->body, 2000));
        fputc('\n', r->cli->err);
        return;
    }
    const json_t *error = json_is_object(body) ? json_object_get(body, "error") : NULL;
    char *text = json_dumps(json_is_object(error) ? error : body, JSON_INDENT(2) | JSON_ENCODE_ANY);
    fprintf(r->cli->err, "%s\n", text != NULL ? text : "");
    free(text);
}

/* The APIs describe every error; what knows no such path does not. */
static bool is_elsewhere(const struct remote *r, const struct fetched *answer)
{
    struct err e = ERR_INIT(r->cli->arena);
    json_t *body;
    bool json = json_read(r->cli->arena, answer->body, &body, NULL, &e);
    return answer->status == 404 && !(json && json_is_object(body) && json_object_get(body, "error_description") != NULL);
}

bool remote_refused(const struct remote *r, const struct fetched *answer)
{
    show_refusal(r, answer);
    if (answer->status == 401 && !is_public(r))
        fputs("This admin API asks for an API key: add --http-header 'Authorization: Bearer KEY'.\n", r->cli->err);
    if (is_elsewhere(r, answer))
        fprintf(r->cli->err, "This command talks to the %s API: is %.*s its address?\n", is_public(r) ? "public" : "admin",
                STR_FMT(r->base));
    fputs("Failed to execute API request, see error above.\n", r->cli->err);
    return false;
}

bool remote_call(const struct remote *r, const struct call *q, json_t **ret)
{
    struct fetched answer;
    TRY(remote_fetch(r, q, &answer));
    if (answer.status < 200 || answer.status > 299) return remote_refused(r, &answer);
    if (ret == NULL) return true;
    struct err e = ERR_INIT(r->cli->arena);
    if (answer.body.n == 0) return *ret = json_null(), true;
    if (json_read(r->cli->arena, answer.body, ret, NULL, &e)) return true;
    return cli_fail(r->cli, "%.*s%.*s did not answer with JSON: is this the address of grantd's API?", STR_FMT(r->base),
                    STR_FMT(q->path)),
           false;
}

static struct str flag_or_environment(struct cli *c, const char *flag, const char *variable)
{
    return cli_given(c, flag) ? cli_str(c, flag) : str_of(getenv(variable));
}

bool remote_credentials(struct cli *c, struct credentials *ret)
{
    ret->id = flag_or_environment(c, "client-id", "OAUTH2_CLIENT_ID");
    ret->secret = flag_or_environment(c, "client-secret", "OAUTH2_CLIENT_SECRET");
    if (ret->id.n > 0) return true;
    cli_help(c, STR_NONE, c->command);
    return cli_fail(c, "no client named: give --client-id and --client-secret, or the environment variables OAUTH2_CLIENT_ID and "
                       "OAUTH2_CLIENT_SECRET"),
           false;
}
