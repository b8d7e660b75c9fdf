/* Authorization requests and challenges from strangers. The first byte says what the rest is: 'Q' the parameters of a request;
 * 'C' a login challenge; 'S' what is inside a sealed one. A request that is accepted begins a flow, and what its challenge
 * carries reads as the same request again. */
#include "flow/flow_int.h"
#include "flow/visit.h"
#include "fuzz.h"
#include "oauth/keysets.h"

static const char *const clients[] = {
    "{\"client_id\":\"a\",\"redirect_uris\":[\"https://a/cb\",\"http://127.0.0.1/cb?x=1\",\"http://[::1]/a%20b\",\"app:/"
    "x\"],\"scope\":\"openid "
    "foo "
    "docs.*\",\"audience\":[\"https://api/"
    "v1\"],\"grant_types\":[\"implicit\",\"authorization_code\"],\"response_types\":[\"code\","
    "\"token\",\"id_token token\",\"code id_token\"]}",
    "{\"client_id\":\"b\",\"redirect_uris\":[\"https://b/cb?t=1\"],\"scope\":\"openid\",\"token_endpoint_auth_method\":\"none\"}",
};

static void add_clients(struct provider *p)
{
    ARENA_AUTO a = arena_new();
    struct op op = { .arena = a, .now = clock_now(), .may_wait = true };
    struct err e = ERR_INIT(a);
    for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
        struct client *c = client_new(a);
        json_t *body;
        if (!json_read(a, str_of(clients[i]), &body, NULL, &e) || !client_decode(c, NULL, body, &e)) abort();
        struct client_row row = { .id = c->id, .doc = client_doc(a, c), .secret_hash = STR("") };
        enum store_put put;
        if (!store_client_insert(p->store, &op, &row, &put, &e)) abort();
    }
}

static struct provider *provider(void)
{
    static const struct config config = { .secrets_system = { fuzz_secret, 1 },
                                          .keys_algorithm = KEYS_ES256,
                                          .ttl_login_consent_request = 60 * USEC_PER_SEC };
    static struct provider p = { .config = &config, .issuer = { "https://op", 10 } };
    if (p.store != NULL) return &p;
    fuzz_provider_open(&p);
    p.keysets = keysets_new(p.store);
    p.clients = client_cache_new(8);
    add_clients(&p);
    return &p;
}

/* Where an answer goes is one of the registered places, whatever was asked. */
static void check_destination(struct arena *a, const struct authorize_request *q)
{
    struct url u;
    if (!q->redirectable) return;
    if (q->client == NULL || !url_parse(a, q->redirect_uri, &u) || u.has_fragment || u.has_userinfo) abort();
    if (!strs_has(q->client->redirect_uris, q->redirect_uri) && !url_host_is_loopback_ip(u.host)) abort();
}

static void try_request(struct provider *p, struct op *op, struct str text)
{
    struct params sent, again;
    struct authorize_request q, r;
    struct flow f, back;
    struct err e = ERR_INIT(op->arena);
    if (!params_parse(op->arena, text, 1000, &sent)) return;
    bool ok = authorize_read(p, op, &sent, &q, &e);
    check_destination(op->arena, &q);
    if (!ok || !visit_begin(p, op, &q, NULL, &f, &e)) return;
    if (!flow_challenge_read(p, op->arena, flow_login_challenge(p, op->arena, &f), &back)) abort();
    if (!str_eq(back.request, f.request) || !str_eq(back.id, f.id)) abort();
    if (!params_parse(op->arena, back.request, 1000, &again) || !authorize_read(p, op, &again, &r, &e)) abort();
    if (!str_eq(r.redirect_uri, q.redirect_uri) || !str_eq(r.state, q.state) || r.response_type != q.response_type) abort();
    if (!visit_check(op, VISIT_LOGIN, FLOW_DECIDED, &r, &f, &e)) abort();
}

static void try_challenge(struct provider *p, struct op *op, struct str text)
{
    enum flow_found found;
    struct flow f;
    const struct client *c;
    struct err e = ERR_INIT(op->arena);
    if (!flow_open_login(p, op, text, &found, &f, &c, &e)) abort();
    if (found == FLOW_OPEN && (f.id.n != 32 || f.request.n > FLOW_REQUEST_MAX)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct provider *p = provider();
    ARENA_AUTO a = arena_new();
    struct op op = { .arena = a, .now = clock_now(), .may_wait = true };
    if (size < 2) return 0;
    struct str rest = { (const char *)data + 1, size - 1 };
    switch (data[0]) {
    case 'Q': try_request(p, &op, rest); break;
    case 'C': try_challenge(p, &op, rest); break;
    case 'S': try_challenge(p, &op, seal_text(p->sealer, a, SEAL_LOGIN_CHALLENGE, p->issuer, rest)); break;
    }
    return 0;
}
