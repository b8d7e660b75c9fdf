/* Request objects from strangers. The first byte says how the rest comes: 'V' as the parameter `request`; 'U' as the body behind
 * a request_uri; 'N' as the claims of an unsigned object; 'K' as the key set at a client's jwks_uri, for a signed one. What is
 * accepted has lost the parameters that name objects, and keeps openid and the client. */
#include "base/b64.h"
#include "fuzz.h"
#include "oauth/client_keys.h"
#include "oauth/keysets.h"
#include "oauth/request_object.h"

static struct str body;

static bool fetch(const struct provider *p, struct op *op, const struct fetch_request *q, struct fetch_answer *ret, struct err *e)
{
    (void)p, (void)op, (void)q, (void)e;
    *ret = (struct fetch_answer) { .status = 200, .body = body };
    return true;
}

static struct provider *provider(void)
{
    static const struct config config = { .dev = true };
    static struct provider p = {
        .config = &config, .issuer = { "https://op", 10 }, .public_url = { "https://op", 10 }, .fetch = fetch
    };
    return &p;
}

static const struct client *client(struct arena *a, bool remote)
{
    static struct str uris[] = { { "https://c/ro", 12 } };
    struct client *c = client_new(a);
    c->id = STR("c");
    c->request_uris = (struct strs) { uris, 1 };
    if (remote) c->jwks_uri = STR("https://c/k");
    return c;
}

static void check(struct arena *a, const struct params *all)
{
    if (params_has(all, STR("request")) || params_has(all, STR("request_uri"))) abort();
    if (!strs_has(strs_words(a, params_get(all, STR("scope"))), STR("openid"))) abort();
    if (params_has(all, STR("client_id")) && !str_eq(params_get(all, STR("client_id")), STR("c"))) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char signed_text[] = "eyJhbGciOiJFUzI1NiJ9.e30.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
                                      "AAAAAAAAAAAAAAAAAAAAAA";
    struct provider *p = provider();
    ARENA_AUTO a = arena_new();
    struct op op = { .arena = a, .now = 1700000000 * USEC_PER_SEC, .may_wait = true };
    struct err e = ERR_INIT(a);
    struct params sent = { 0 };
    const struct params *all;
    if (size < 1) return 0;
    body = (struct str) { (const char *)data + 1, size - 1 };
    params_add(a, &sent, STR("scope"), STR("openid a"));
    switch (data[0]) {
    case 'V': params_add(a, &sent, STR("request"), body); break;
    case 'U': params_add(a, &sent, STR("request_uri"), STR("https://c/ro")); break;
    case 'N':
        params_add(a, &sent, STR("request"), ARENA_CAT(a, STR("eyJhbGciOiJub25lIn0."), b64url_encode(a, body), STR(".")));
        break;
    case 'K': params_add(a, &sent, STR("request"), str_of(signed_text)); break;
    default: return 0;
    }
    p->client_keys = client_keys_new();
    if (request_object_merge(p, &op, client(a, data[0] != 'N'), &sent, &all, &e) && all != &sent) check(a, all);
    arena_reset(a); /* gives back the keys before their table goes */
    client_keys_free(p->client_keys);
    return 0;
}
