/* What hooks are told, and what becomes of their answers. Deployed hooks read these documents, so their members keep the names
 * that they always had. */
#include "oauth/hooks.h"

#include "base/json.h"
#include "oauth/keysets.h"
#include "oauth/lifespan.h"

enum { ATTEMPTS = 3, MOST_BYTES = 5 * 1024 * 1024 };
#define TIMEOUT   (10 * USEC_PER_SEC)
#define NO_TIME   STR("0001-01-01T00:00:00Z")
#define COMPLAINT "The token hook target responded with an error."

/* What the grant types' hooks differ in. */
struct flavor {
    const char *type;
    enum client_lifespan access, refresh;
    bool user;         /* a person gave the grant; then `refresh` counts */
    bool adds;         /* the answer is laid over what the consent app said; else it replaces that */
    bool hides_grants; /* `request` shows nothing granted */
};

/* clang-format off */
/* Golden cases hooks/token_code and hooks/token_empty_json: for codes `request` names no granted scopes, which are in `session`, and
 * the consent's claims stay. A hook that names one of them changes it. */
static const struct flavor flavors[] = {
    { "authorization_code",                           LIFESPAN_AUTHORIZATION_CODE_ACCESS, LIFESPAN_AUTHORIZATION_CODE_REFRESH, true,  true,  true },
    { "urn:ietf:params:oauth:grant-type:device_code", LIFESPAN_DEVICE_ACCESS,             LIFESPAN_DEVICE_REFRESH,             true,  true,  false },
    { "refresh_token",                                LIFESPAN_REFRESH_ACCESS,            LIFESPAN_REFRESH_REFRESH,            true,  false, false },
    { "urn:ietf:params:oauth:grant-type:jwt-bearer",  LIFESPAN_JWT_BEARER_ACCESS,         LIFESPAN_REFRESH_REFRESH,            false, false, false },
    { "client_credentials",                           LIFESPAN_CLIENT_CREDENTIALS_ACCESS, LIFESPAN_REFRESH_REFRESH,            false, false, false },
};
/* clang-format on */

static const struct flavor *flavor_of(const struct grant_request *q)
{
    for (size_t i = 0; i + 1 < ARRAY_LEN(flavors); i++) {
        if (str_eq(q->type->name, str_of(flavors[i].type))) return &flavors[i];
    }
    return &flavors[ARRAY_LEN(flavors) - 1];
}

/* ---- what hooks are told ---- */

static void write_time(struct jw *w, const char *name, usec_t t)
{
    jw_str(w, name, t == 0 || t >= USEC_NEVER ? NO_TIME : time_rfc3339(w->out->arena, t, 0));
}

/* The consent app's claims, and the login session beside them: what hooks send back as `sid` counts for nothing. */
static bool write_ext(struct op *op, struct jw *w, const struct grant_session *s, struct err *e)
{
    json_t *claims = NULL, *value;
    const char *name;
    if (s->id_claims.n > 0) TRY(json_read(op->arena, s->id_claims, &claims, NULL, e));
    jw_object(w, "ext");
    json_object_foreach(claims, name, value)
    {
        if (!str_eq(str_of(name), STR("sid"))) jw_value(w, name, value);
    }
    if (s->sid.n > 0) jw_str(w, "sid", s->sid);
    jw_end(w);
    return true;
}

/* Who the ID token is about, and whom it is for. Machines get none, and hooks tell them from people by that. */
static void write_parties(struct jw *w, const struct grant_request *q)
{
    const struct str sub = q->session.sub.n > 0 ? q->session.sub : q->subject;
    const bool user = flavor_of(q)->user;
    jw_str(w, "sub", user ? sub : STR(""));
    if (user)
        jw_strs(w, "aud", (struct strs) { (struct str *)&q->client->id, 1 });
    else
        jw_null(w, "aud");
}

static bool write_claims(const struct provider *p, struct op *op, struct jw *w, const struct grant_request *q, struct err *e)
{
    const struct grant_session *s = &q->session;
    jw_object(w, "id_token_claims");
    jw_str(w, "jti", STR(""));
    jw_str(w, "iss", p->issuer);
    write_parties(w, q);
    jw_str(w, "nonce", s->nonce);
    write_time(w, "exp", 0);
    write_time(w, "iat", op->now);
    write_time(w, "rat", q->grant != NULL ? q->grant->requested_at : 0);
    write_time(w, "auth_time", s->authenticated_at);
    jw_str(w, "at_hash", STR(""));
    jw_str(w, "acr", s->acr);
    jw_strs(w, "amr", s->amr);
    jw_str(w, "c_hash", STR(""));
    TRY(write_ext(op, w, s, e));
    jw_end(w);
    return true;
}

static void write_expiries(const struct provider *p, struct op *op, struct jw *w, const struct grant_request *q)
{
    const struct flavor *f = flavor_of(q);
    jw_object(w, "expires_at");
    write_time(w, "access_token", lifespan_end(op->now, lifespan_of(p, q->client, f->access)));
    if (f->hides_grants) write_time(w, "authorize_code", lifespan_end(q->grant->rotated_at, p->config->ttl_auth_code));
    if (f->user) write_time(w, "refresh_token", lifespan_end(op->now, lifespan_of(p, q->client, f->refresh)));
    jw_end(w);
}

static bool write_id_token(const struct provider *p, struct op *op, struct jw *w, const struct grant_request *q, struct err *e)
{
    const struct jwk *key;
    TRY(keyset_signer(p, op, STR(KEYSET_ID_TOKEN), &key, e));
    jw_object(w, "id_token");
    TRY(write_claims(p, op, w, q, e));
    jw_object(w, "headers");
    jw_object(w, "extra");
    jw_str(w, "kid", key->kid);
    jw_end(w);
    jw_end(w);
    write_expiries(p, op, w, q);
    jw_str(w, "subject", q->subject);
    jw_end(w);
    return true;
}

/* The settings that say how claims become members of tokens. */
static void write_settings(const struct provider *p, struct jw *w)
{
    const struct config *c = p->config;
    jw_bool(w, "exclude_not_before_claim", c->oauth2_exclude_not_before_claim);
    jw_strs(w, "allowed_top_level_claims", c->oauth2_allowed_top_level_claims);
    jw_bool(w, "mirror_top_level_claims", c->oauth2_mirror_top_level_claims);
    jw_bool(w, "preserve_ext_claims", c->oauth2_preserve_ext_claims);
}

static bool write_session(const struct provider *p, struct op *op, struct jw *w, const struct grant_request *q, struct err *e)
{
    const struct jwk *key;
    jw_object(w, "session");
    TRY(write_id_token(p, op, w, q, e));
    jw_raw(w, "extra", q->session.access_claims.n > 0 ? q->session.access_claims : STR("{}"));
    if (token_is_jwt_for(p, q->client)) {
        TRY(keyset_signer(p, op, STR(KEYSET_ACCESS_TOKEN), &key, e));
        jw_str(w, "kid", key->kid);
    } else {
        jw_str(w, "kid", STR(""));
    }
    jw_str(w, "client_id", q->client->id);
    jw_str(w, "consent_challenge", q->grant != NULL ? q->grant->id : STR(""));
    jw_strs(w, "granted_scopes", q->session.scopes);
    jw_strs(w, "granted_audience", q->session.audience);
    write_settings(p, w);
    jw_end(w);
    return true;
}

static void write_granted(struct jw *w, const struct grant_request *q, bool hidden)
{
    const struct strs none = { 0 };
    jw_strs(w, "granted_scopes", hidden ? none : q->session.scopes);
    jw_strs(w, "granted_audience", hidden ? none : q->session.audience);
}

static void write_grant_types(struct jw *w, const struct grant_request *q)
{
    jw_array(w, "grant_types");
    jw_str(w, NULL, q->type->name);
    jw_end(w);
}

/* Nothing that could be used to ask for tokens in the client's name. */
static void write_payload(struct jw *w, const struct params *form)
{
    static const char *const shown[] = { "assertion", "client_id", "grant_type", "response_type", "scope" };
    jw_object(w, "payload");
    for (size_t i = 0; i < ARRAY_LEN(shown); i++) {
        const struct str name = str_of(shown[i]);
        if (!params_has(form, name)) continue;
        jw_array(w, shown[i]);
        for (size_t j = 0; j < form->n; j++)
            if (str_eq(form->v[j].name, name)) jw_str(w, NULL, form->v[j].value);
        jw_end(w);
    }
    jw_end(w);
}

static struct strs requested(const struct grant_request *q)
{
    if (q->grant == NULL) return q->scopes;
    return q->session.requested.n > 0 ? q->session.requested : q->session.scopes;
}

static bool token_document(const struct provider *p, struct op *op, struct jw *w, const struct grant_request *q, struct err *e)
{
    const struct strs asked = requested(q);
    TRY(write_session(p, op, w, q, e));
    jw_object(w, "request");
    jw_str(w, "client_id", q->client->id);
    if (asked.n > 0)
        jw_strs(w, "requested_scopes", asked);
    else
        jw_null(w, "requested_scopes");
    write_granted(w, q, flavor_of(q)->hides_grants);
    write_grant_types(w, q);
    write_payload(w, q->form);
    jw_end(w);
    return true;
}

static bool refresh_document(const struct provider *p, struct op *op, struct jw *w, const struct grant_request *q, struct err *e)
{
    jw_str(w, "subject", q->subject);
    TRY(write_session(p, op, w, q, e));
    jw_object(w, "requester");
    jw_str(w, "client_id", q->client->id);
    write_granted(w, q, false);
    write_grant_types(w, q);
    jw_end(w);
    jw_str(w, "client_id", q->client->id);
    write_granted(w, q, false);
    return true;
}

/* ---- what hooks answer ---- */

static bool complain(struct err *e, const char *debug)
{
    err_set(e, &err_SERVER_ERROR, NULL, __FILE__, __LINE__);
    e->description = COMPLAINT;
    if (debug != NULL) e->debug = debug;
    return false;
}

static bool refuse(struct err *e)
{
    err_set(e, &err_ACCESS_DENIED,
            "Make sure that the request you are making is valid. Maybe the credential or request parameters you are using are "
            "limited "
            "in scope or otherwise restricted.",
            __FILE__, __LINE__);
    e->description = COMPLAINT;
    return false;
}

/* False: neither an object nor left out. */
static bool object_or_none(json_t **value)
{
    if (json_is_null(*value)) *value = NULL;
    return *value == NULL || json_is_object(*value);
}

/* `adds`: members of `said` over those of *claims; else in their place. */
static bool apply(struct op *op, bool adds, json_t *said, struct str *claims, struct err *e)
{
    json_t *all = said;
    if (adds && said == NULL) return true;
    if (adds && claims->n > 0) {
        TRY(json_read(op->arena, *claims, &all, NULL, e));
        ENSURE(json_object_update(all, said) == 0, e, SERVER_ERROR, "A hook's answer could not be taken over.");
    }
    *claims = json_object_size(all) > 0 ? json_text(op->arena, all, false) : STR("");
    return true;
}

/* {"session":{"access_token":{...},"id_token":{...}}}, each of them may be left out. */
static bool take_answer(struct op *op, struct str body, struct grant_request *q, struct err *e)
{
    const bool adds = flavor_of(q)->adds;
    struct err why = ERR_INIT(op->arena);
    json_t *answer;
    if (!json_read(op->arena, body, &answer, NULL, &why) || !json_is_object(answer))
        return complain(e, "the answer is no JSON object");
    json_t *session = json_object_get(answer, "session");
    if (!object_or_none(&session)) return complain(e, "session is no JSON object");
    json_t *access = json_object_get(session, "access_token"), *id = json_object_get(session, "id_token");
    if (!object_or_none(&access) || !object_or_none(&id)) return complain(e, "the session's claims are no JSON objects");
    TRY(apply(op, adds, access, &q->session.access_claims, e));
    TRY(apply(op, adds, id, &q->session.id_claims, e));
    q->claims_changed = true;
    return true;
}

static void authenticate(struct op *op, const struct config_hook *hook, struct fetch_request *f)
{
    if (!hook->has_key) return;
    const bool cookie = hook->in == HOOK_IN_COOKIE;
    params_add(op->arena, &f->headers, cookie ? STR("Cookie") : hook->name,
               cookie ? ARENA_CAT(op->arena, hook->name, STR("="), hook->value) : hook->value);
}

typedef bool (*document_fn)(const struct provider *p, struct op *op, struct jw *w, const struct grant_request *q, struct err *e);

static bool call(const struct provider *p, struct op *op, enum config_hook_name which, document_fn document,
                 struct grant_request *q, struct err *e)
{
    struct config_hook hook;
    struct buf body = BUF(op->arena);
    struct jw w = JW(&body);
    struct fetch_answer answer;
    config_hook(p->config, which, &hook);
    if (hook.url.n == 0) return true;
    OP_MUST_WAIT(op, e);
    jw_object(&w, NULL);
    TRY(document(p, op, &w, q, e));
    jw_end(&w);

    struct fetch_request f = { .url = hook.url,
                               .post = buf_str(&body),
                               .content_type = "application/json; charset=UTF-8",
                               .max_bytes = MOST_BYTES,
                               .timeout = TIMEOUT,
                               .attempts = ATTEMPTS };
    authenticate(op, &hook, &f);
    if (!p->fetch(p, op, &f, &answer, e)) return complain(e, e->debug != NULL ? e->debug : e->hint);
    if (answer.status == 204) return true;
    if (answer.status == 403) return refuse(e);
    if (answer.status != 200) {
        complain(e, NULL);
        return err_debugf(e, "the hook answered with status %d", answer.status);
    }
    return take_answer(op, answer.body, q, e);
}

bool hooks_call(const struct provider *p, struct op *op, struct grant_request *q, struct err *e)
{
    const bool refresh = str_eq(q->type->name, STR("refresh_token"));
    if (refresh) TRY(call(p, op, CONFIG_REFRESH_TOKEN_HOOK, refresh_document, q, e));
    return call(p, op, CONFIG_TOKEN_HOOK, token_document, q, e);
}
