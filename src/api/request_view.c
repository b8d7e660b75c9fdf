/* Login and consent requests as JSON, in both generations of the admin API. Everything comes from the stored flow; only the
 * client is shown as it is now. */
#include "api/request_view.h"

#include "oauth/audience.h"
#include "oauth/id_token_hint.h"
#include "oauth/scope.h"

enum { MOST_PARAMETERS = 1000 };

static bool is_v1(const struct http_req *r) { return r->route->api == API_V1; }

/* A hint was checked when the request came; if no key of ours verifies it any more, its claims are left out. */
static bool write_hint(struct http_req *r, struct jw *w, struct str hint, struct err *e)
{
    json_t *claims;
    struct err why = ERR_INIT(r->op.arena);
    if (hint.n == 0) return true;
    if (!id_token_hint_read(r->provider, &r->op, hint, &claims, &why)) {
        if (!err_is(&why, &err_INVALID_REQUEST)) return *e = why, false;
        return true;
    }
    jw_value(w, "id_token_hint_claims", claims);
    return true;
}

/* OpenID Connect Core 5.5: which claims the client asks for, as it sent them. */
static bool write_claims(struct http_req *r, struct jw *w, struct str claims, struct err *e)
{
    json_t *json;
    if (claims.n == 0) return true;
    TRY(json_read(r->op.arena, claims, &json, NULL, e));
    jw_value(w, "claims", json);
    return true;
}

/* What OpenID Connect Core 3.1.2.1 lets a client tell the login page; members that were not sent are left out. */
static bool write_oidc_context(struct http_req *r, struct jw *w, const struct params *q, struct err *e)
{
    static const char *const lists[] = { "acr_values", "ui_locales" };
    static const char *const texts[] = { "display", "login_hint" };
    jw_object(w, "oidc_context");
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        struct strs words = strs_words(r->op.arena, params_get(q, str_of(lists[i])));
        if (words.n > 0) jw_strs(w, lists[i], words);
    }
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct str text = params_get(q, str_of(texts[i]));
        if (text.n > 0) jw_str(w, texts[i], text);
    }
    TRY(write_hint(r, w, params_get(q, STR("id_token_hint")), e));
    TRY(write_claims(r, w, params_get(q, STR("claims")), e));
    jw_end(w);
    return true;
}

/* A person's visit to the verification page names the client; what is asked for came from the device, not in this address. */
static struct str shown_url(struct http_req *r, const struct flow *f, struct params *q)
{
    struct flow visit = *f;
    if (!f->device) return flow_request_url(r->provider, r->op.arena, f);
    params_remove(q, STR("scope"));
    params_remove(q, STR("audience"));
    visit.request = params_encode(r->op.arena, q, false);
    return flow_request_url(r->provider, r->op.arena, &visit);
}

/* What login and consent requests have in common. */
static bool write_common(struct http_req *r, struct jw *w, const struct request_view *v, struct err *e)
{
    const struct flow *f = v->flow;
    struct params q = { 0 };
    struct strs scopes, audience;
    ENSURE(params_parse(r->op.arena, f->request, MOST_PARAMETERS, &q), e, SERVER_ERROR,
           "A stored request has too many parameters.");
    TRY(scope_read(&r->op, params_get(&q, STR("scope")), &scopes, e));
    TRY(audience_read(&r->op, &q, &audience, e));

    jw_str(w, "challenge", v->challenge);
    jw_strs(w, "requested_scope", scopes);
    jw_strs(w, "requested_access_token_audience", audience);
    jw_str(w, "subject", f->subject);
    if (f->device)
        jw_null(w, "oidc_context");
    else
        TRY(write_oidc_context(r, w, &q, e));
    client_write(w, "client", v->client, CLIENT_READ, is_v1(r), NULL);
    jw_str(w, "request_url", shown_url(r, f, &q));
    return true;
}

bool login_request_write(struct http_req *r, struct jw *w, const struct request_view *v, struct err *e)
{
    jw_object(w, NULL);
    TRY(write_common(r, w, v, e));
    jw_bool(w, "skip", v->flow->skip);
    jw_str(w, "session_id", v->flow->session_id);
    jw_end(w);
    return true;
}

bool consent_request_write(struct http_req *r, struct jw *w, const char *name, const struct request_view *v, struct err *e)
{
    const struct flow *f = v->flow;
    jw_object(w, name);
    TRY(write_common(r, w, v, e));
    jw_bool(w, "skip", f->consent_skip);
    jw_str(w, "login_challenge", flow_login_challenge(r->provider, r->op.arena, f));
    jw_str(w, "login_session_id", f->session_id);
    jw_str(w, "acr", f->acr);
    if (!is_v1(r)) {
        jw_str(w, "consent_request_id", f->id);
        jw_strs(w, "amr", f->amr);
    }
    request_context_write(r, w, f);
    jw_end(w);
    return true;
}

void request_context_write(const struct http_req *r, struct jw *w, const struct flow *f)
{
    const struct str context = f->consent_context.n > 0 ? f->consent_context : f->context;
    jw_raw(w, "context", context.n > 0 ? context : is_v1(r) ? STR("{}") : STR("null"));
}

bool reply_redirect_to(struct http_req *r, int status, struct str url)
{
    struct buf out = BUF(r->op.arena);
    struct jw w = JW(&out);
    jw_object(&w, NULL);
    jw_str(&w, "redirect_to", url);
    jw_end(&w);
    return http_reply_json(r, status, buf_str(&out));
}
