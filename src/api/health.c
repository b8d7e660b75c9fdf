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

/* {"error":...,"error_description":...,"errors":{"database":...}} or "migrations": the second generation's members and the
 * first's. The public listener does not say why. */
static bool not_ready(struct http_req *r, const struct err *why)
{
    struct buf b = BUF(r->op.arena);
    struct jw w = JW(&b);
    const bool told = r->listener == LISTEN_ADMIN;
    const struct str text =
        told ? http_error_description(r->op.arena, why, true) : STR("error may contain sensitive information and was obfuscated");
    jw_object(&w, NULL);
    jw_str(&w, "error", STR("not_ready"));
    jw_str(&w, "error_description", text);
    jw_object(&w, "errors");
    jw_str(&w, err_is(why, &err_MISCONFIGURATION) ? "migrations" : "database", text);
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

static void add_metric(struct buf *b, const char *name, const char *type, const char *help, uint64_t value)
{
    buf_addf(b, "# HELP %s %s\n# TYPE %s %s\n%s %llu\n", name, help, name, type, name, (unsigned long long)value);
}

/* Of a database server; a file has no traffic. */
static void add_store_metrics(struct buf *b, struct store *s)
{
    struct store_traffic t;
    if (!store_traffic(s, &t)) return;
    add_metric(b, "grantd_store_round_trips_total", "counter", "Times that the database was waited for.", t.round_trips);
    add_metric(b, "grantd_store_statements_total", "counter", "Statements sent to the database.", t.statements);
    add_metric(b, "grantd_store_connects_total", "counter", "Connections opened to the database.", t.connects);
    add_metric(b, "grantd_store_connections", "gauge", "Open connections to the database.", t.open);
    add_metric(b, "grantd_store_connections_idle", "gauge", "Open connections that nobody uses.", t.idle);
    add_metric(b, "grantd_store_down", "gauge", "1 while the database cannot be reached.", t.down);
}

bool metrics_get(struct http_req *r, struct err *e)
{
    (void)e;
    struct buf b = BUF(r->op.arena);
    buf_add(&b, http_metrics_text(r->op.arena));
    add_store_metrics(&b, r->provider->store);
    const struct str text = buf_str(&b);
    return http_reply(r, 200, "text/plain; version=0.0.4; charset=utf-8", text);
}
