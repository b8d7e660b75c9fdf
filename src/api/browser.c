/* Cookies and redirects. Knows which cookie is whose, not what a visit decides (flow/visit.c). */
#include "api/browser.h"

#include <string.h>

#include "config/config.h"

/* Browsers drop their oldest cookies of a site when there are too many, the login session's among them: nobody who makes a
 * browser begin flows may come so far. */
enum { FLOWS_OPEN_MAX = 12, FLOW_SUFFIX = 8 };

static const char *const same_site_names[] = {
    [SAME_SITE_STRICT] = "Strict", [SAME_SITE_LAX] = "Lax", [SAME_SITE_NONE] = "None"
};

static const struct config *config_of(const struct http_req *r) { return r->provider->config; }

static struct cookie cookie_base(const struct http_req *r, struct str name)
{
    const struct config *cfg = config_of(r);
    return (struct cookie) { .name = name,
                             .value = STR(""),
                             .path = STR("/"),
                             .domain = cfg->serve_cookies_domain,
                             .max_age = -1,
                             .http_only = true,
                             .secure = cfg->cookie.secure,
                             .same_site = same_site_names[cfg->cookie.same_site] };
}

/* ---- the login session ---- */

/* What the cookie was called before a take-over from an earlier version; later ones call it as we do. */
static const struct str earlier_names[] = {
    { HYDRA_V1_SESSION_COOKIE, sizeof(HYDRA_V1_SESSION_COOKIE) - 1 },
    { HYDRA_V1_SESSION_COOKIE_INSECURE, sizeof(HYDRA_V1_SESSION_COOKIE_INSECURE) - 1 },
};

/* The session in a cookie that the server wrote which was taken over. */
static bool earlier_session_id(const struct http_req *r, struct str name, struct str *ret)
{
    const struct str value = http_cookie(r, name);
    return value.n > 0 && hydra_cookie_open(r->provider->hydra, r->op.arena, HYDRA_COOKIE_SESSION, name, value, ret);
}

struct str browser_session_id(const struct http_req *r)
{
    const struct provider *p = r->provider;
    const struct str name = config_of(r)->cookie.session, sealed = http_cookie(r, name);
    struct str id;
    if (sealed.n > 0 && unseal_text(p->sealer, r->op.arena, SEAL_SESSION_COOKIE, p->issuer, sealed, &id)) return id;
    if (earlier_session_id(r, name, &id)) return id;
    for (size_t i = 0; i < ARRAY_LEN(earlier_names); i++)
        if (earlier_session_id(r, earlier_names[i], &id)) return id;
    return STR_NONE;
}

bool browser_session(struct http_req *r, struct session_row **ret, struct err *e)
{
    struct str id = browser_session_id(r);
    *ret = NULL;
    if (id.n == 0) return true;
    TRY(store_session_get(r->provider->store, &r->op, id, ret, e));
    if (*ret != NULL && !(*ret)->remember) *ret = NULL;
    return true;
}

static void drop_session(struct http_req *r, struct str name)
{
    struct cookie c = cookie_base(r, name);
    c.path = config_of(r)->serve_cookies_paths_session;
    http_cookie_set(r, &c);
}

/* One that stayed would log its owner in again when ours has gone. */
static void drop_earlier_sessions(struct http_req *r)
{
    for (size_t i = 0; i < ARRAY_LEN(earlier_names); i++)
        if (http_cookie(r, earlier_names[i]).p != NULL) drop_session(r, earlier_names[i]);
}

void browser_session_keep(struct http_req *r, struct str id, usec_t life)
{
    const struct provider *p = r->provider;
    struct cookie c = cookie_base(r, config_of(r)->cookie.session);
    c.value = seal_text(p->sealer, r->op.arena, SEAL_SESSION_COOKIE, p->issuer, id);
    c.path = config_of(r)->serve_cookies_paths_session;
    c.max_age = life;
    http_cookie_set(r, &c);
    drop_earlier_sessions(r);
}

void browser_session_drop(struct http_req *r)
{
    drop_session(r, config_of(r)->cookie.session);
    drop_earlier_sessions(r);
}

/* ---- the cookie of a flow ---- */

static uint32_t rotl(uint32_t x, int by) { return x << by | x >> (32 - by); }

/* MurmurHash3, 32 bits, seed 0: the name of a cookie tells clients apart as it always did. */
static uint32_t murmur3(struct str s)
{
    const unsigned char *at = (const unsigned char *)s.p;
    uint32_t h = 0, k;
    size_t left = s.n;
    for (; left >= 4; left -= 4, at += 4) {
        k = (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
        h ^= rotl(k * 0xcc9e2d51U, 15) * 0x1b873593U;
        h = rotl(h, 13) * 5 + 0xe6546b64U;
    }
    k = 0;
    for (size_t i = left; i > 0; i--) k = k << 8 | at[i - 1];
    h ^= rotl(k * 0xcc9e2d51U, 15) * 0x1b873593U;
    h ^= (uint32_t)s.n;
    h = (h ^ h >> 16) * 0x85ebca6bU;
    h = (h ^ h >> 13) * 0xc2b2ae35U;
    return h ^ h >> 16;
}

static struct str csrf_base(const struct http_req *r, enum csrf_step step)
{
    const struct config *cfg = config_of(r);
    switch (step) {
    case CSRF_LOGIN: return cfg->cookie.login_csrf;
    case CSRF_CONSENT: return cfg->cookie.consent_csrf;
    case CSRF_DEVICE: break;
    }
    return cfg->cookie.device_csrf;
}

static struct str csrf_name(const struct http_req *r, enum csrf_step step, const struct flow *f)
{
    return arena_printf(r->op.arena, "%.*s_%u_%.*s", STR_FMT(csrf_base(r, step)), murmur3(f->client_id),
                        STR_FMT(str_upto(f->id, FLOW_SUFFIX)));
}

static struct str csrf_value(enum csrf_step step, const struct flow *f)
{
    return step == CSRF_CONSENT ? f->consent_csrf : f->login_csrf;
}

static struct str twin_name(const struct http_req *r, struct str name) { return ARENA_CAT(r->op.arena, name, STR("_legacy")); }

/* With its twin for browsers that do not understand SameSite=None. */
static void csrf_send(struct http_req *r, struct cookie c)
{
    http_cookie_set(r, &c);
    if (!config_of(r)->cookie.legacy_twin) return;
    c.name = twin_name(r, c.name);
    c.same_site = NULL;
    http_cookie_set(r, &c);
}

/* The names of the browser's cookies that belong to flows at this step, oldest first (RFC 6265 5.4). */
static struct strs csrf_names(const struct http_req *r, enum csrf_step step)
{
    struct strs names = { 0 };
    struct str start = ARENA_CAT(r->op.arena, csrf_base(r, step), STR("_")), rest = http_header(r, "cookie");
    while (rest.p != NULL) {
        struct str pair = str_cut(&rest, ';'), name = str_trim(str_cut(&pair, '='));
        if (str_starts(name, start) && !str_ends(name, STR("_legacy"))) strs_add(r->op.arena, &names, name);
    }
    return names;
}

static bool is_cookie_name(struct str name)
{
    for (size_t i = 0; i < name.n; i++)
        if (name.p[i] <= ' ' || name.p[i] >= 0x7F || strchr("()<>@,;:\\\"/[]?={}", name.p[i]) != NULL) return false;
    return name.n <= 255;
}

void browser_csrf_set(struct http_req *r, enum csrf_step step, const struct flow *f)
{
    struct strs open = csrf_names(r, step);
    for (size_t i = 0; i + FLOWS_OPEN_MAX <= open.n; i++)
        if (is_cookie_name(open.v[i])) csrf_send(r, cookie_base(r, open.v[i]));

    struct cookie c = cookie_base(r, csrf_name(r, step, f));
    c.value = csrf_value(step, f);
    c.max_age = config_of(r)->ttl_login_consent_request;
    csrf_send(r, c);
}

/* A login that began before a take-over; there was one cookie per client. */
static struct str earlier_csrf(const struct http_req *r, enum csrf_step step, const struct flow *f)
{
    const struct str name = arena_printf(r->op.arena, "%.*s_%u", STR_FMT(csrf_base(r, step)), murmur3(f->client_id));
    struct str value;
    const bool found = step == CSRF_LOGIN &&
                       hydra_cookie_open(r->provider->hydra, r->op.arena, HYDRA_COOKIE_CSRF, name, http_cookie(r, name), &value);
    return found ? value : STR_NONE;
}

bool browser_csrf_check(const struct http_req *r, enum csrf_step step, const struct flow *f, struct err *e)
{
    struct str name = csrf_name(r, step, f), value = http_cookie(r, name), expected = csrf_value(step, f);
    if (value.p == NULL && config_of(r)->cookie.legacy_twin) value = http_cookie(r, twin_name(r, name));
    if (value.p == NULL) value = earlier_csrf(r, step, f);
    ENSURE(value.p != NULL, e, REQUEST_FORBIDDEN, "No CSRF value available in the session cookie.");
    ENSURE(expected.n > 0 && str_eq_secret(value, expected), e, REQUEST_FORBIDDEN,
           "The CSRF cookie belongs to another flow than this request; start again in this browser.");
    return true;
}

void browser_csrf_drop(struct http_req *r, enum csrf_step step, const struct flow *f)
{
    csrf_send(r, cookie_base(r, csrf_name(r, step, f)));
}

/* ---- to the login app and back ---- */

bool browser_ask_login(struct http_req *r, const struct authorize_request *q, const struct params *sent, const struct flow *f)
{
    const struct config_urls *url = &config_of(r)->url;
    const struct str schema = params_get(sent, STR("identity_schema"));
    struct params add = { 0 };
    params_add(r->op.arena, &add, STR("login_challenge"), flow_login_challenge(r->provider, r->op.arena, f));
    if (schema.n > 0) params_add(r->op.arena, &add, STR("identity_schema"), schema);
    browser_csrf_set(r, CSRF_LOGIN, f);
    return browser_redirect(r, (q->prompt & PROMPT_REGISTRATION) != 0 ? url->registration : url->login, &add);
}

/* Whoever logged in is not the one that the request is about: whoever the browser remembers is not the one who sits there. */
static bool forget_session(struct http_req *r, struct err *e)
{
    const struct str id = browser_session_id(r);
    enum store_put put;
    browser_session_drop(r);
    return id.n == 0 || store_session_delete(r->provider->store, &r->op, id, &put, e);
}

bool browser_logged_in(struct http_req *r, const struct authorize_request *q, struct grant *g, struct flow *f, struct err *e)
{
    struct login_visit done;
    struct params add = { 0 };
    struct err why = ERR_INIT(r->op.arena);
    if (!visit_login(r->provider, &r->op, q, g, f, browser_session_id(r), &done, &why)) {
        if (err_is(&why, &err_LOGIN_REQUIRED) && !f->skip) TRY(forget_session(r, e));
        return *e = why, false;
    }
    if (done.cookie == SESSION_COOKIE_SET) browser_session_keep(r, f->session_id, done.cookie_life);
    if (done.cookie == SESSION_COOKIE_DROP) browser_session_drop(r);
    browser_csrf_set(r, CSRF_CONSENT, f);
    params_add(r->op.arena, &add, STR("consent_challenge"), done.consent_challenge);
    return browser_redirect(r, config_of(r)->url.consent, &add);
}

/* ---- parameters ---- */

struct params browser_params(struct http_req *r)
{
    struct params all = { 0 };
    for (size_t i = 0; i < r->form.n; i++) params_add(r->op.arena, &all, r->form.v[i].name, r->form.v[i].value);
    for (size_t i = 0; i < r->query.n; i++)
        if (!params_has(&r->form, r->query.v[i].name)) params_add(r->op.arena, &all, r->query.v[i].name, r->query.v[i].value);
    return all;
}

/* ---- redirects ---- */

bool browser_redirect(struct http_req *r, struct str url, const struct params *add)
{
    return http_redirect(r, 302, url_with_params(r->op.arena, url, add));
}

bool browser_error(struct http_req *r, const struct err *e)
{
    const struct config *cfg = config_of(r);
    struct arena *a = r->op.arena;
    struct params shown = { 0 };
    if (err_is(e, &err_BUSY)) return false; /* whoever balances the load has to see the 503 */
    params_add(a, &shown, STR("error"), str_of(e->name != NULL ? e->name : e->kind->name));
    params_add(a, &shown, STR("error_description"), http_error_description(a, e, cfg->oauth2_expose_internal_errors));
    return browser_redirect(r, cfg->url.error, &shown);
}
