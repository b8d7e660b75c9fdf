/* Keys and JWTs of clients and issuers, for the tests of assertions. */
#ifndef TEST_ASSERTIONS_H
#define TEST_ASSERTIONS_H

#include "world.h"

#include "base/b64.h"
#include "oauth/client_keys.h"

static inline void assertions_unref(void *key) { jwk_unref(key); }

static inline struct jwk *a_key(struct world *w, const char *alg, const char *kid)
{
    struct jwk *key;
    WORLD_TRY(w, jwk_generate(str_of(alg), str_of(kid), STR("sig"), 2048, &key, &w->e));
    arena_defer(w->arena, assertions_unref, key);
    return key;
}

/* {"keys":[...]} of public halves; `b` may be NULL. */
static inline struct str a_set(struct world *w, const struct jwk *a, const struct jwk *b)
{
    const struct jwk *keys[] = { a, b };
    struct buf out = BUF(w->arena);
    struct jw jw = JW(&out);
    jw_object(&jw, NULL);
    jw_array(&jw, "keys");
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        json_t *json = keys[i] != NULL ? jwk_public_json(keys[i]) : NULL;
        if (json != NULL) jw_value(&jw, NULL, json);
        json_decref(json);
    }
    jw_end(&jw);
    jw_end(&jw);
    return buf_str(&out);
}

static inline struct str a_jwt(struct world *w, const struct jwk *key, const char *payload)
{
    struct str jwt;
    WORLD_TRY(w, jws_sign(w->arena, key, STR("JWT"), str_of(payload), &jwt, &w->e));
    return jwt;
}

/* Any header and payload, with a signature that is these bytes. */
static inline struct str a_raw_jwt(struct world *w, const char *header, const char *payload, struct str signature)
{
    return ARENA_CAT(w->arena, b64url_encode(w->arena, str_of(header)), STR("."), b64url_encode(w->arena, str_of(payload)),
                     STR("."), b64url_encode(w->arena, signature));
}

/* What stands for the network: one document for every address. */
static struct {
    struct str body;
    int status, calls;
    bool down;
} net;

static inline bool net_fetch(const struct provider *p, struct op *op, const struct fetch_request *q, struct fetch_answer *ret,
                             struct err *e)
{
    (void)p;
    assert_true(op->may_wait);
    assert_true(q->max_bytes > 0 && q->timeout > 0 && q->timeout < 30 * USEC_PER_SEC);
    __atomic_add_fetch(&net.calls, 1, __ATOMIC_RELAXED);
    if (net.down) FAIL(e, SERVER_ERROR, "The address did not answer.");
    *ret = (struct fetch_answer) { .status = net.status, .body = net.body };
    return true;
}

static inline void net_serve(int status, struct str body)
{
    net.status = status;
    net.body = body;
    net.down = false;
}

static inline void assertions_open(struct world *w, const char *more)
{
    world_open(w, more);
    w->parts.client_keys = client_keys_new();
    w->parts.fetch = net_fetch;
    provider_unref(w->p);
    w->p = provider_new(w->config, &w->parts);
    net.calls = 0;
}

static inline void assertions_close(struct world *w)
{
    struct client_keys *keys = w->parts.client_keys;
    world_close(w);
    client_keys_free(keys);
}

#endif
