/* Probes, version, metrics. */
#include "api/api.h"
#include "base/version.h"
#include "http/server.h"

bool health_alive(struct http_req *r, struct err *e)
{
    (void)e;
    api_no_cache(r);
    return http_reply_json(r, 200, STR("{\"status\":\"ok\"}"));
}

/* {"errors":{"database":"..."}}; the public listener does not say why. */
static bool not_ready(struct http_req *r, const struct err *why)
{
    struct buf b = BUF(r->op.arena);
    struct jw w = JW(&b);
    const bool told = r->listener == LISTEN_ADMIN;
    jw_object(&w, NULL);
    jw_object(&w, "errors");
    jw_str(&w, "database", told ? http_error_description(r->op.arena, why, true)
                                : STR("error may contain sensitive information and was obfuscated"));
    jw_end(&w);
    jw_end(&w);
    return http_reply_json(r, 503, buf_str(&b));
}

bool health_ready(struct http_req *r, struct err *e)
{
    struct err why = ERR_INIT(r->op.arena);
    api_no_cache(r);
    if (store_ready(r->provider->store, &r->op, &why)) return http_reply_json(r, 200, STR("{\"status\":\"ok\"}"));
    if (err_is(&why, &err_MUST_WAIT)) FAIL(e, MUST_WAIT, "");
    return not_ready(r, &why);
}

bool version_get(struct http_req *r, struct err *e)
{
    (void)e;
    api_no_cache(r);
    return http_reply_json(r, 200, STR("{\"version\":\"" GRANTD_VERSION "\"}"));
}

bool metrics_get(struct http_req *r, struct err *e)
{
    (void)e;
    const struct str text = http_metrics_text(r->op.arena, STR(GRANTD_VERSION));
    return http_reply(r, 200, "text/plain; version=0.0.4; charset=utf-8", text);
}
