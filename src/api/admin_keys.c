/* The admin API of JSON Web Key sets, both generations: parse, call oauth/keysets.h, write. */
#include <string.h>

#include "api/api.h"
#include "base/rand.h"
#include "oauth/keysets.h"

enum { KEYS_PER_CALL = 100 };

/* ---- shared ---- */

static void unref_key(void *key) { jwk_unref(key); }

static bool check_width(struct str text, const char *what, struct err *e)
{
    ENSUREF(text.n <= STORE_ID_MAX, e, BAD_REQUEST, "The %s is longer than %d bytes.", what, STORE_ID_MAX);
    return true;
}

/* null is an object of which nothing is set. */
static bool check_object(const json_t *body, struct err *e)
{
    ENSURE(json_is_object(body) || json_is_null(body), e, BAD_REQUEST, "Unable to decode the request body: expected an object.");
    return true;
}

static bool reply_set(struct http_req *r, int status, struct jwk *const *keys, size_t n)
{
    struct buf b = BUF(r->op.arena);
    struct jw w = JW(&b);
    jw_object(&w, NULL);
    jw_array(&w, "keys");
    for (size_t i = 0; i < n; i++) jw_value(&w, NULL, keys[i]->json);
    jw_end(&w);
    jw_end(&w);
    return http_reply_json(r, status, buf_str(&b));
}

static bool read_key(struct http_req *r, const json_t *json, struct jwk **ret, struct err *e)
{
    struct err why = ERR_INIT(r->op.arena);
    ENSUREF(jwk_parse(json, ret, &why), e, BAD_REQUEST, "Unable to decode the request body: %s",
            why.hint != NULL ? why.hint : "this is no JSON Web Key.");
    arena_defer(r->op.arena, unref_key, *ret);
    return check_width((*ret)->kid, "key's kid", e);
}

/* ---- making keys ---- */

struct wish {
    struct str alg, kid, use;
};

static bool read_text(const json_t *body, const char *name, struct str *ret, struct err *e)
{
    const json_t *value = json_member(body, name);
    ENSUREF(value == NULL || json_is_null(value) || json_is_string(value), e, BAD_REQUEST,
            "Unable to decode the request body: %s is no string.", name);
    *ret = json_is_string(value) ? json_str(value) : STR("");
    return true;
}

static bool read_wish(struct http_req *r, struct wish *ret, struct err *e)
{
    json_t *body;
    TRY(api_body_json(r, &body, e));
    TRY(check_object(body, e));
    TRY(read_text(body, "alg", &ret->alg, e));
    TRY(read_text(body, "kid", &ret->kid, e));
    TRY(read_text(body, "use", &ret->use, e));
    if (ret->kid.n == 0) ret->kid = rand_uuid(r->op.arena);
    if (ret->use.n == 0) ret->use = STR("sig");
    TRY(check_width(ret->kid, "kid", e));
    return check_width(ret->use, "use", e);
}

static bool generate(struct http_req *r, const struct wish *wish, struct str kid, struct jwk **ret, struct err *e)
{
    TRY(jwk_generate(wish->alg, kid, wish->use, (unsigned)r->provider->config->keys_rsa_bits, ret, e));
    arena_defer(r->op.arena, unref_key, *ret);
    return true;
}

static bool public_twin(struct http_req *r, const struct jwk *key, struct str kid, struct jwk **ret, struct err *e)
{
    json_t *json = jwk_public_json(key);
    json_object_set_new(json, "kid", json_of_str(kid));
    const bool ok = jwk_parse(json, ret, e);
    json_decref(json);
    if (ok) arena_defer(r->op.arena, unref_key, *ret);
    return ok;
}

/* v1.10 made two keys of each asymmetric one, and knew these algorithms; later ones mean today's single key there too: whoever
 * leaves out the prefix today asks for those. */
static bool wants_pair(const struct http_req *r, struct str alg)
{
    return r->route->api == API_V1 && (str_eq(alg, STR("RS256")) || str_eq(alg, STR("ES512")));
}

static bool make_keys(struct http_req *r, const struct wish *wish, struct jwk **keys, size_t *ret_n, struct err *e)
{
    struct arena *a = r->op.arena;
    const struct alg *alg = alg_by_name(wish->alg);
    ENSURE(alg != NULL, e, UNSUPPORTED_KEY_ALGORITHM, "");
    ENSURE(!alg_is_symmetric(alg) || r->route->api == API_V1, e, UNSUPPORTED_KEY_ALGORITHM, "");
    if (!wants_pair(r, wish->alg)) {
        *ret_n = 1;
        return generate(r, wish, wish->kid, &keys[0], e);
    }
    *ret_n = 2;
    ENSUREF(wish->kid.n + strlen("private:") <= STORE_ID_MAX, e, BAD_REQUEST, "The kid is longer than %d bytes.",
            STORE_ID_MAX - (int)strlen("private:"));
    TRY(generate(r, wish, ARENA_CAT(a, STR("private:"), wish->kid), &keys[0], e));
    return public_twin(r, keys[0], ARENA_CAT(a, STR("public:"), wish->kid), &keys[1], e);
}

static struct str location(struct http_req *r)
{
    struct buf b = BUF(r->op.arena);
    buf_add(&b, config_url_join(r->op.arena, r->provider->issuer, "keys/"));
    url_encode_path(&b, r->param[0]);
    return buf_str(&b);
}

bool admin_keys_create(struct http_req *r, struct err *e)
{
    struct wish wish;
    struct jwk *keys[2];
    enum store_put put;
    size_t n = 0;
    TRY(check_width(r->param[0], "set's name", e));
    TRY(read_wish(r, &wish, e));
    TRY(make_keys(r, &wish, keys, &n, e));
    TRY(keyset_add(r->provider, &r->op, r->param[0], keys, n, &put, e));
    ENSURE(put == STORE_DONE, e, DUPLICATE, "");
    http_header_add(r, "Location", location(r));
    return reply_set(r, 201, keys, n);
}

/* ---- reading ---- */

bool admin_keys_get(struct http_req *r, struct err *e)
{
    const struct keyset *set;
    api_no_cache(r);
    TRY(keyset_load(r->provider, &r->op, r->param[0], &set, e));
    ENSURE(set->keys.n > 0, e, NOT_FOUND, "");
    return reply_set(r, 200, set->keys.v, set->keys.n);
}

bool admin_key_get(struct http_req *r, struct err *e)
{
    const struct keyset *set;
    api_no_cache(r);
    TRY(keyset_load(r->provider, &r->op, r->param[0], &set, e));
    for (size_t i = 0; i < set->keys.n; i++) {
        if (str_eq(set->keys.v[i]->kid, r->param[1])) return reply_set(r, 200, &set->keys.v[i], 1);
    }
    FAIL(e, NO_ROW, "");
}

/* ---- changing ---- */

bool admin_keys_replace(struct http_req *r, struct err *e)
{
    json_t *body;
    enum store_put put;
    TRY(check_width(r->param[0], "set's name", e));
    TRY(api_body_json(r, &body, e));
    TRY(check_object(body, e));
    const json_t *list = json_member(body, "keys");
    const size_t n = json_array_size(list);
    ENSURE(list == NULL || json_is_null(list) || json_is_array(list), e, BAD_REQUEST,
           "Unable to decode the request body: keys is no array.");
    ENSUREF(n <= KEYS_PER_CALL, e, BAD_REQUEST, "A key set holds at most %d keys.", KEYS_PER_CALL);
    struct jwk **keys = ARENA_ARRAY(r->op.arena, struct jwk *, n + 1);
    for (size_t i = 0; i < n; i++) TRY(read_key(r, json_array_get(list, i), &keys[i], e));
    TRY(keyset_replace(r->provider, &r->op, r->param[0], keys, n, &put, e));
    ENSURE(put == STORE_DONE, e, DUPLICATE, "");
    return reply_set(r, 200, keys, n);
}

/* The kid of the body counts, not that of the path: so it always was. */
bool admin_key_put(struct http_req *r, struct err *e)
{
    json_t *body;
    struct jwk *key;
    TRY(check_width(r->param[0], "set's name", e));
    TRY(api_body_json(r, &body, e));
    TRY(read_key(r, body, &key, e));
    TRY(keyset_put(r->provider, &r->op, r->param[0], key, e));
    return http_reply_json(r, 200, json_text(r->op.arena, key->json, false));
}

bool admin_keys_delete(struct http_req *r, struct err *e)
{
    TRY(keyset_delete(r->provider, &r->op, r->param[0], STR_NONE, e));
    return http_reply_empty(r, 204);
}

bool admin_key_delete(struct http_req *r, struct err *e)
{
    TRY(keyset_delete(r->provider, &r->op, r->param[0], r->param[1], e));
    return http_reply_empty(r, 204);
}
