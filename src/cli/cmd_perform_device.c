/* perform device-code: gets tokens as a device without a browser would (RFC 8628), the terminal being its display. With --port it
 * serves a page for codes, too, for servers that have none. */
#include <unistd.h>

#include "base/url.h"
#include "cli/commands.h"
#include "cli/perform.h"
#include "oauth/device.h"

/* What a server may make us wait, in seconds. */
enum { INTERVAL_UNSAID = 5, INTERVAL_MAX = 3600, LIFE_MAX = 24 * 3600, SLOWER = 5 };

struct device_code_flow {
    struct cli *cli;
    struct local local;
    struct remote remote;
    struct credentials who;
    struct str auth_url, token_url;
    struct str client_secret; /* goes into forms, when the server wants it there */
    struct str device_code;
    int64_t interval;
    usec_t end; /* on the monotonic clock */
};

/* ---- the request ---- */

static bool read_answer(struct cli *c, const struct fetched *answer, json_t **ret)
{
    struct err e = ERR_INIT(c->arena);
    if (json_read(c->arena, answer->body, ret, NULL, &e) && json_is_object(*ret)) return true;
    return cli_fail(c, "the answer is not JSON: is this the public API?"), false;
}

static void say_text(const struct device_code_flow *f, const char *before, const json_t *said, const char *member)
{
    struct str text = json_str(json_object_get(said, member));
    if (text.n == 0) return;
    fprintf(f->cli->err, "%s\n\n  ", before);
    remote_put_text(f->cli->err, text);
    fputs("\n\n", f->cli->err);
}

/* RFC 8628 3.2, 3.3. */
static void say_where(const struct device_code_flow *f, const json_t *said)
{
    say_text(f, "Open this address in a browser, on any device:", said, "verification_uri");
    say_text(f, "Type this code there:", said, "user_code");
    say_text(f, "Or open this address, which has the code, and compare:", said, "verification_uri_complete");
    fputs("Waiting until that is done. Ctrl-C ends this.\n", f->cli->err);
    fflush(f->cli->err);
}

static int64_t within(int64_t n, int64_t least, int64_t most) { return n < least ? least : n > most ? most : n; }

static bool take_code(struct device_code_flow *f, const json_t *said)
{
    const json_t *interval = json_object_get(said, "interval");
    int64_t life = within(json_integer_value(json_object_get(said, "expires_in")), 1, LIFE_MAX);
    f->device_code = json_str(json_object_get(said, "device_code"));
    f->end = clock_monotonic() + life * USEC_PER_SEC;
    /* RFC 8628 3.2: "If no value is provided, clients MUST use 5 as the default." */
    f->interval = json_is_integer(interval) ? within(json_integer_value(interval), 1, INTERVAL_MAX) : INTERVAL_UNSAID;
    if (f->device_code.n > 0 && json_str(json_object_get(said, "user_code")).n > 0) return true;
    return cli_fail(f->cli, "the answer has no codes: is this the address of the public API?"), false;
}

static bool ask_code(struct device_code_flow *f)
{
    struct cli *c = f->cli;
    struct arena *a = c->arena;
    struct params form = { 0 };
    struct fetched answer;
    json_t *said;
    struct str audience = strs_join(a, cli_list(c, "audience"), " ");
    params_add(a, &form, STR("client_id"), f->who.id);
    params_add(a, &form, STR("scope"), strs_join(a, cli_list(c, "scope"), " "));
    if (audience.n > 0) params_add(a, &form, STR("audience"), audience);
    TRY(perform_ask_token(&f->remote, f->auth_url, &f->who, &form, &answer));
    if (answer.status != 200) return remote_refused(&f->remote, &answer);
    TRY(read_answer(c, &answer, &said) && take_code(f, said));

    f->client_secret = params_get(&form, STR("client_secret"));
    if (f->client_secret.n > 0) f->who.secret = STR_NONE; /* polls need not try the other way first */
    say_where(f, said);
    return true;
}

/* ---- polling ---- */

enum poll { POLL_AGAIN, POLL_DONE, POLL_FAILED };

/* RFC 8628 3.5: "On encountering a connection timeout, clients MUST unilaterally reduce their polling frequency before retrying",
 * and doubling the interval is what it recommends. */
static enum poll wait_longer(struct device_code_flow *f)
{
    f->interval = within(2 * f->interval, 1, INTERVAL_MAX);
    fprintf(f->cli->err, "Asking again in %lld seconds.\n", (long long)f->interval);
    fflush(f->cli->err);
    return POLL_AGAIN;
}

/* RFC 8628 3.5. */
static enum poll read_refusal(struct device_code_flow *f, const struct fetched *answer)
{
    json_t *said;
    struct err ignored = ERR_INIT(f->cli->arena);
    bool is_json = json_read(f->cli->arena, answer->body, &said, NULL, &ignored) && json_is_object(said);
    struct str error = is_json ? json_str(json_object_get(said, "error")) : STR_NONE;
    if (str_eq(error, STR("authorization_pending"))) return POLL_AGAIN;
    if (str_eq(error, STR("slow_down"))) {
        f->interval += SLOWER;
        return POLL_AGAIN;
    }
    remote_refused(&f->remote, answer);
    return POLL_FAILED;
}

static enum poll poll_once(struct device_code_flow *f, struct fetched *answer)
{
    struct arena *a = f->cli->arena;
    struct params form = { 0 };
    params_add(a, &form, STR("grant_type"), STR(DEVICE_GRANT_TYPE));
    params_add(a, &form, STR("device_code"), f->device_code);
    if (f->client_secret.n > 0) params_add(a, &form, STR("client_secret"), f->client_secret);
    if (!perform_ask_token(&f->remote, f->token_url, &f->who, &form, answer)) return wait_longer(f);
    return answer->status == 200 ? POLL_DONE : read_refusal(f, answer);
}

static int wait_for_token(struct device_code_flow *f)
{
    struct fetched answer;
    json_t *token;
    usec_t asked;
    enum poll found;
    do {
        if (clock_monotonic() + f->interval * USEC_PER_SEC > f->end)
            return cli_fail(f->cli, "the code expires before anybody has typed it and allowed access; start again.");
        sleep((unsigned)f->interval);
        asked = clock_now();
        found = poll_once(f, &answer);
    } while (found == POLL_AGAIN);
    if (found == POLL_FAILED || !read_answer(f->cli, &answer, &token)) return 1;
    return perform_print_token(f->cli, token, asked, true);
}

/* ---- the page ---- */

static const struct route routes[] = {
    { LISTEN_PUBLIC, HTTP_GET | HTTP_POST, "/device", API_CURRENT, ROUTE_WAITS | ROUTE_FORM | ROUTE_NO_STORE, perform_device,
      "device" },
    { LISTEN_PUBLIC, HTTP_GET, "/device/done", API_CURRENT, ROUTE_NO_STORE, perform_device_done, "deviceDone" },
};

static bool serve_page(struct device_code_flow *f)
{
    f->local = (struct local)LOCAL_INIT(f->cli);
    f->local.remote = f->remote;
    local_name(&f->local);
    TRY(local_start(&f->local, routes, ARRAY_LEN(routes)));
    fprintf(f->cli->err, "The page for codes is %.*sdevice (urls.device.verification).\n\n", STR_FMT(f->local.home));
    return true;
}

int cli_device_code(struct cli *c)
{
    struct device_code_flow f = { .cli = c };
    if (!cli_format_ok(c) || !remote_open(c, &f.remote) || !remote_credentials(c, &f.who)) return 1;
    f.auth_url = local_url(c, "device-auth-url", f.remote.base, STR("/oauth2/device/auth"));
    f.token_url = local_url(c, "token-url", f.remote.base, STR("/oauth2/token"));
    bool page = cli_int(c, "port") != -1;
    if (page && !serve_page(&f)) return 1;
    int code = ask_code(&f) ? wait_for_token(&f) : 1;
    if (page) local_stop(&f.local);
    return code;
}
