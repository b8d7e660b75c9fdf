/* Registration documents from strangers: what POST /oauth2/register makes of one, and then the client with its own token.
 * Whatever is accepted has nothing that only an operator may give, and can be sent back as it was read. */
#include "fuzz.h"
#include "oauth/registration.h"

/* A sector identifier's document, for whoever has this redirect URI. */
static bool fetch(const struct provider *p, struct op *op, const struct fetch_request *q, struct fetch_answer *ret, struct err *e)
{
    (void)p, (void)op, (void)q, (void)e;
    *ret = (struct fetch_answer) { .status = 200, .body = STR("[\"https://rp.example/cb\"]") };
    return true;
}

static struct provider *provider(void)
{
    static struct str types[] = { { "public", 6 }, { "pairwise", 8 } }, scopes[] = { { "openid", 6 } },
                      grants[] = { { "authorization_code", 18 }, { "implicit", 8 }, { "refresh_token", 13 } };
    static const struct config config = {
        .secrets_system = { fuzz_secret, 1 },
        .oidc_subject_identifiers_supported_types = { types, 2 },
        .oidc_dynamic_client_registration_enabled = true,
        .oidc_dynamic_client_registration_default_scope = { scopes, 1 },
        .oidc_dynamic_client_registration_allowed_grant_types = { grants, 3 },
        .oauth2_hashers_pbkdf2_iterations = 1,
    };
    static struct provider p = {
        .config = &config, .issuer = { "https://op", 10 }, .public_url = { "https://op", 10 }, .fetch = fetch
    };
    if (p.store != NULL) return &p;
    fuzz_provider_open(&p);
    p.clients = client_cache_new(16);
    return &p;
}

static struct str shown(struct arena *a, const struct client *c)
{
    struct buf out = BUF(a);
    client_write(&JW(&out), NULL, c, CLIENT_SELF, false, NULL);
    return buf_str(&out);
}

static void check_refusal(const struct err *e)
{
    const struct err_kind *const kinds[] = { &err_BAD_REQUEST, &err_INVALID_REQUEST, &err_INVALID_CLIENT_METADATA,
                                             &err_INVALID_REDIRECT_URI };
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (e->kind == kinds[i]) return;
    abort();
}

static void check_modest(const struct provider *p, const struct client *c)
{
    if (c->owner.n > 0 || c->access_token_strategy.n > 0 || c->skip_consent || c->skip_logout_consent == TRI_TRUE) abort();
    if (c->metadata != NULL && json_object_size(c->metadata) > 0) abort();
    for (size_t i = 0; i < LIFESPAN_MAX_; i++)
        if (c->lifespans[i] != LIFESPAN_UNSET) abort();
    for (size_t i = 0; i < c->grant_types.n; i++)
        if (!strs_has(p->config->oidc_dynamic_client_registration_allowed_grant_types, c->grant_types.v[i])) abort();
}

/* RFC 7592 2.2: the client sends back "all client metadata fields as returned to the client". *token becomes the next one. */
static void must_go_back(const struct provider *p, struct op *op, struct str id, struct str *token)
{
    const struct client *c;
    struct client *again;
    struct client_extras x;
    struct err e = ERR_INIT(op->arena);
    json_t *document;
    if (!registration_find(p, op, id, *token, &c, &e)) abort();
    check_modest(p, c);
    const struct str text = shown(op->arena, c);
    if (!json_read(op->arena, text, &document, NULL, &e)) abort();
    const struct registration_change change = { .id = id, .token = *token, .document = document };
    if (!registration_replace(p, op, &change, &again, &x, &e)) abort();
    if (!str_eq(text, shown(op->arena, again)) || x.client_secret.n > 0) abort();
    if (registration_find(p, op, id, *token, &c, &e)) abort();
    *token = x.registration_access_token;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct provider *p = provider();
    ARENA_AUTO a = arena_new();
    struct op op = { .arena = a, .now = 1700000000 * USEC_PER_SEC, .may_wait = true };
    struct err e = ERR_INIT(a);
    struct client *c;
    struct client_extras x;
    json_t *document;
    if (!json_read(a, (struct str) { (const char *)data, size }, &document, NULL, &e)) return 0;
    if (!registration_create(p, &op, document, &c, &x, &e)) {
        check_refusal(&e);
        return 0;
    }
    if (str_eq(c->id, json_str(json_object_get(document, "client_id")))) abort();
    must_go_back(p, &op, c->id, &x.registration_access_token);
    if (!registration_delete(p, &op, c->id, x.registration_access_token, &e)) abort();
    return 0;
}
