/* The pages at /oauth2/fallbacks/. Without development mode none of them lets anybody do anything: they name the setting that is
 * missing. */
#include "api/fallbacks.h"

#include "api/api.h"
#include "api/pages/error_page.h"

struct fallback {
    enum config_key key;
    const char *name; /* of the key */
    const char *title;
    bool (*dev)(struct http_req *r, struct err *e); /* stands in during development; NULL: nothing does */
};

static const struct fallback login = { CONFIG_urls_login, "urls.login", "login_page_title", dev_login };
static const struct fallback consent = { CONFIG_urls_consent, "urls.consent", "consent_page_title", dev_consent };
static const struct fallback logout = { CONFIG_urls_logout, "urls.logout", "logout_page_title", dev_logout };
static const struct fallback device = { CONFIG_urls_device_verification, "urls.device.verification", "device_page_title",
                                        dev_device };

/* Says which setting decides what is here. Only today's settings are named, nothing of the request is. */
static bool reply_inactive(struct http_req *r, const struct fallback *f, bool elsewhere)
{
    struct params vars = { 0 };
    params_add(r->op.arena, &vars, STR("key"), str_of(f->name));
    if (f->dev != NULL) params_add(r->op.arena, &vars, STR("dev"), STR("1"));
    return notice_reply(r,
                        &(struct notice) { .status = 200,
                                           .title = f->title,
                                           .text = elsewhere ? "elsewhere_text" : "unset_text",
                                           .advice = elsewhere ? "elsewhere_advice" : "unset_advice" },
                        &vars);
}

/* Errors of these pages are shown where they happened. */
static bool in_development(struct http_req *r, const struct fallback *f, struct err *e)
{
    struct params said = { 0 };
    if (f->dev(r, e)) return true;
    if (err_is(e, &err_MUST_WAIT)) return false;
    http_error_log(r, e);
    params_add(r->op.arena, &said, STR("error"), str_of(e->kind->name));
    params_add(r->op.arena, &said, STR("error_description"), http_error_description(r->op.arena, e, true));
    return error_page_reply(r, e->kind->status, &said, false);
}

static bool fallback(struct http_req *r, const struct fallback *f, struct err *e)
{
    const struct config *cfg = r->provider->config;
    bool elsewhere = config_is_set(cfg, f->key);
    if (cfg->dev && !elsewhere && f->dev != NULL) return in_development(r, f, e);
    ENSURE(r->method != HTTP_POST, e, NO_ROUTE, NULL);
    return reply_inactive(r, f, elsewhere);
}

bool fallback_login(struct http_req *r, struct err *e) { return fallback(r, &login, e); }
bool fallback_consent(struct http_req *r, struct err *e) { return fallback(r, &consent, e); }
bool fallback_logout(struct http_req *r, struct err *e) { return fallback(r, &logout, e); }
bool fallback_device(struct http_req *r, struct err *e) { return fallback(r, &device, e); }

bool fallback_logout_done(struct http_req *r, struct err *e)
{
    (void)e;
    bool advice = !config_is_set(r->provider->config, CONFIG_urls_post_logout_redirect);
    return notice_reply(r,
                        &(struct notice) { .status = 200,
                                           .title = "signed_out_title",
                                           .text = "signed_out_text",
                                           .advice = advice ? "signed_out_advice" : NULL },
                        NULL);
}

bool fallback_device_done(struct http_req *r, struct err *e)
{
    (void)e;
    return notice_reply(r, &(struct notice) { .status = 200, .title = "device_done_title", .text = "device_done_text" }, NULL);
}

/* Errors that cannot go to a client arrive as parameters of a redirect (browser_error). 500 is what monitors of the page look
 * for. */
bool fallback_error(struct http_req *r, struct err *e)
{
    (void)e;
    return error_page_reply(r, 500, &r->query, true);
}
