/* Keys as JSON. The members are read by two tables, checked and made canonical per kind of key, and written again in one order:
 * what is kept, shown and stored is what was understood. */
#include "crypto/jwk.h"

#include <openssl/crypto.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "base/b64.h"
#include "crypto/jwk_int.h"
#include "crypto/scratch.h"

enum { KEYS_MAX = 100, LIST_MAX = 16, TEXT_MAX = 16384, SYMMETRIC_MAX = 1024 };

/* ---- members ---- */

/* In the order in which they are written, after use, kty, kid, crv and alg. */
static const struct part {
    const char *name;
    size_t offset;
    bool private;
} parts_table[] = {
#define PART(name_, private_)                               \
    {                                                       \
#name_, offsetof(struct jwk_parts, name_), private_ \
    }
    /* clang-format off */
    PART(k, true), PART(x, false), PART(y, false), PART(n, false), PART(e, false), PART(d, true), PART(p, true), PART(q, true),
    PART(dp, true), PART(dq, true), PART(qi, true),
/* clang-format on */
#undef PART
};

/* Members about the key that are kept as they came. */
static const char *const kept[] = { "x5c", "x5u", "x5t", "x5t#S256", "key_ops" };

static struct str *part_of(const struct jwk_parts *parts, const struct part *row)
{
    return (struct str *)(void *)((char *)parts + row->offset);
}

/* Programs that write every member of their own type write null where there is nothing. */
static const json_t *member_of(const json_t *json, const char *name)
{
    const json_t *member = json_object_get(json, name);
    return json_is_null(member) ? NULL : member;
}

/* A member that is a text, empty when absent. */
static bool read_text(struct arena *a, const json_t *json, const char *name, struct str *ret, struct err *e)
{
    const json_t *member = member_of(json, name);
    *ret = STR_NONE;
    if (member == NULL) return true;
    ENSUREF(json_is_string(member), e, INVALID_REQUEST, "The key's member %s is not a string.", name);
    struct str text = json_str(member);
    ENSUREF(text.n <= TEXT_MAX, e, INVALID_REQUEST, "The key's member %s is too long.", name);
    if (text.n > 0) *ret = arena_dup(a, text);
    return true;
}

static bool read_names(struct arena *a, const json_t *json, struct jwk_names *n, struct err *e)
{
    TRY(read_text(a, json, "use", &n->use, e));
    TRY(read_text(a, json, "kty", &n->kty, e));
    TRY(read_text(a, json, "kid", &n->kid, e));
    TRY(read_text(a, json, "crv", &n->crv, e));
    return read_text(a, json, "alg", &n->alg, e);
}

static bool read_parts(struct arena *a, const json_t *json, struct jwk_parts *parts, struct err *e)
{
    *parts = (struct jwk_parts) { 0 };
    for (size_t i = 0; i < ARRAY_LEN(parts_table); i++) {
        struct str text, *part = part_of(parts, &parts_table[i]);
        TRY(read_text(a, json, parts_table[i].name, &text, e));
        ENSUREF(b64url_decode(a, text, part), e, INVALID_REQUEST, "The key's member %s is not base64url.", parts_table[i].name);
    }
    ENSURE(member_of(json, "oth") == NULL, e, INVALID_REQUEST, "RSA keys with more than two primes are not supported.");
    return true;
}

static bool is_text_list(const json_t *list)
{
    if (!json_is_array(list) || json_array_size(list) > LIST_MAX) return false;
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item) if (!json_is_string(item) || json_string_length(item) > TEXT_MAX) return false;
    return true;
}

static bool check_kept(const json_t *json, struct err *e)
{
    for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
        const json_t *member = member_of(json, kept[i]);
        if (member == NULL) continue;
        bool list = strcmp(kept[i], "x5c") == 0 || strcmp(kept[i], "key_ops") == 0;
        bool right = list ? is_text_list(member) : json_is_string(member) && json_string_length(member) <= TEXT_MAX;
        ENSUREF(right, e, INVALID_REQUEST, "The key's member %s is malformed.", kept[i]);
    }
    return true;
}

/* RFC 7517 4.7: "The key in the first certificate MUST match the public key represented by other members of the JWK." */
static bool check_certificate(struct arena *a, const json_t *json, const EVP_PKEY *pkey, struct err *e)
{
    const json_t *first = json_array_get(json_object_get(json, "x5c"), 0);
    if (first == NULL) return true;
    struct str der = STR_NONE;
    bool decoded = b64_decode(a, json_str(first), &der);
    const unsigned char *at = (const unsigned char *)der.p;
    X509 *certificate = decoded ? d2i_X509(NULL, &at, (long)der.n) : NULL;
    const EVP_PKEY *certified = certificate != NULL ? X509_get0_pubkey(certificate) : NULL;
    bool same = certified != NULL && pkey != NULL && EVP_PKEY_eq(certified, pkey) == 1;
    X509_free(certificate);
    ENSURE(same, e, INVALID_REQUEST, "The first certificate of the key's x5c is not for this key.");
    return true;
}

/* ---- kinds ---- */

static bool load_symmetric(struct jwk_parts *parts, struct err *e)
{
    ENSURE(parts->k.n > 0, e, INVALID_REQUEST, "A symmetric key needs the member k.");
    ENSURE(parts->k.n <= SYMMETRIC_MAX, e, INVALID_REQUEST, "The symmetric key is too long.");
    *parts = (struct jwk_parts) { .k = parts->k };
    return true;
}

static bool load(struct arena *a, const struct alg *alg, struct jwk_parts *parts, EVP_PKEY **ret, struct err *e)
{
    *ret = NULL;
    switch (alg->kind) {
    case ALG_RSA_PKCS1:
    case ALG_RSA_PSS: return jwk_load_rsa(a, alg, parts, ret, e);
    case ALG_ECDSA: return jwk_load_ec(a, alg, parts, ret, e);
    case ALG_ED25519: return jwk_load_ed25519(a, alg, parts, ret, e);
    case ALG_HMAC: break;
    }
    return load_symmetric(parts, e);
}

/* Any row with the key's type and curve. */
static bool find_kind(const struct jwk_names *n, const struct alg **ret, struct err *e)
{
    ENSURE(n->kty.n > 0, e, INVALID_REQUEST, "The key's member kty is missing.");
    *ret = alg_default(n->kty, n->crv);
    ENSURE(*ret != NULL, e, INVALID_REQUEST,
           "The key's type or curve is not supported; RSA, EC with P-256, P-384 or P-521, OKP with Ed25519, and oct are.");
    return true;
}

/* ---- writing ---- */

static void put_text(json_t *json, const char *name, struct str text)
{
    if (text.n > 0) json_object_set_new(json, name, json_of_str(text));
}

json_t *jwk_write(const struct jwk_names *names, const struct jwk_parts *parts)
{
    json_t *json = json_object();
    put_text(json, "use", names->use);
    put_text(json, "kty", names->kty);
    put_text(json, "kid", names->kid);
    put_text(json, "crv", names->crv);
    put_text(json, "alg", names->alg);
    ARENA_AUTO a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(parts_table); i++)
        put_text(json, parts_table[i].name, b64url_encode(a, *part_of(parts, &parts_table[i])));
    return json;
}

static void keep_others(json_t *to, const json_t *from)
{
    for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
        const json_t *member = member_of(from, kept[i]);
        if (member != NULL) json_object_set_new(to, kept[i], json_deep_copy(member));
    }
}

static bool is_shown(const char *name, bool of_private_key)
{
    for (size_t i = 0; i < ARRAY_LEN(parts_table); i++)
        if (strcmp(name, parts_table[i].name) == 0) return !parts_table[i].private;
    /* What the private half is for is not what the public half is for. */
    return !of_private_key || strcmp(name, "key_ops") != 0;
}

json_t *jwk_public_json(const struct jwk *k)
{
    if (k->pkey == NULL) return NULL;
    json_t *public = json_object(), *member;
    const char *name;
    json_object_foreach(k->json, name, member) if (is_shown(name, k->is_private)) json_object_set(public, name, member);
    return public;
}

/* ---- life ---- */

struct jwk *jwk_ref(struct jwk *k)
{
    __atomic_add_fetch(&k->refs, 1, __ATOMIC_RELAXED);
    return k;
}

void jwk_unref(struct jwk *k)
{
    if (k == NULL || __atomic_sub_fetch(&k->refs, 1, __ATOMIC_ACQ_REL) > 0) return;
    EVP_MD_CTX_free(k->signer);
    EVP_PKEY_free(k->pkey);
    json_decref(k->json);
    if (k->secret.n > 0) OPENSSL_cleanse((void *)k->secret.p, k->secret.n);
    arena_free(k->arena);
}

/* A signature is begun once here; each signing goes on from a copy. */
static void prepare_signing(struct jwk *k)
{
    const struct alg *alg = k->is_private && k->pkey != NULL ? alg_of(k) : NULL;
    if (alg == NULL) return;
    k->signer = EVP_MD_CTX_new();
    if (k->signer == NULL) crypto_broken("no context");
    if (alg_begin(alg, k->pkey, true, k->signer)) return;
    EVP_MD_CTX_free(k->signer);
    k->signer = NULL;
}

/* Everything of the key lives in `a`, which becomes the key's own on success. */
static bool parse_in(struct arena *a, const json_t *json, struct jwk **ret, struct err *e)
{
    struct jwk_names names;
    struct jwk_parts parts;
    const struct alg *alg;
    EVP_PKEY *pkey;
    ENSURE(json_is_object(json), e, INVALID_REQUEST, "A key has to be a JSON object.");
    TRY(read_names(a, json, &names, e));
    TRY(find_kind(&names, &alg, e));
    if (alg->crv.n == 0) names.crv = STR_NONE;
    TRY(read_parts(a, json, &parts, e));
    TRY(check_kept(json, e));
    TRY(load(a, alg, &parts, &pkey, e));
    if (!check_certificate(a, json, pkey, e)) {
        EVP_PKEY_free(pkey);
        return false;
    }

    struct jwk *k = ARENA_NEW(a, struct jwk);
    *k = (struct jwk) { .kid = names.kid, .use = names.use, .alg = names.alg, .kty = names.kty, .crv = names.crv };
    k->is_private = pkey == NULL || parts.d.n > 0;
    k->pkey = pkey;
    k->secret = parts.k;
    k->json = jwk_write(&names, &parts);
    keep_others(k->json, json);
    k->refs = 1;
    k->arena = a;
    prepare_signing(k);
    *ret = k;
    return true;
}

bool jwk_parse(const json_t *json, struct jwk **ret, struct err *e)
{
    struct arena *a = arena_new();
    bool parsed = parse_in(a, json, ret, e);
    if (!parsed) arena_free(a);
    return parsed;
}

/* RFC 7638 3.2: the required members of the key's type, sorted. */
struct str jwk_thumbprint(struct arena *a, const struct jwk *k)
{
    static const char *const required[] = { "crv", "e", "k", "kty", "n", "x", "y" };
    struct buf text = BUF(a);
    struct jw w = JW(&text);
    jw_object(&w, NULL);
    for (size_t i = 0; i < ARRAY_LEN(required); i++) {
        const json_t *member = json_object_get(k->json, required[i]);
        if (member != NULL) jw_str(&w, required[i], json_str(member));
    }
    jw_end(&w);

    unsigned char digest[32];
    struct str input = buf_str(&text);
    if (EVP_Digest(input.p, input.n, digest, NULL, EVP_sha256(), NULL) != 1) crypto_broken("SHA-256");
    return b64url_encode(a, (struct str) { (char *)digest, sizeof(digest) });
}

/* ---- sets ---- */

static void unref_deferred(void *object) { jwk_unref(object); }

/* A foreign key: only its public half matters, and checking a private one costs much. */
static json_t *without_private(const json_t *json)
{
    json_t *copy = json_copy((json_t *)json);
    if (!str_eq(json_str(json_object_get(copy, "kty")), STR("oct")))
        for (size_t i = 0; i < ARRAY_LEN(parts_table); i++)
            if (parts_table[i].private) json_object_del(copy, parts_table[i].name);
    return copy;
}

static bool parse_item(const json_t *item, bool foreign, struct jwk **ret, struct err *e)
{
    if (!foreign) return jwk_parse(item, ret, e);
    json_t *public = without_private(item);
    bool parsed = jwk_parse(public, ret, e);
    json_decref(public);
    return parsed;
}

bool jwks_parse(struct arena *a, const json_t *json, bool skip_unknown, struct jwks *ret, struct err *e)
{
    ENSURE(json_is_object(json), e, INVALID_REQUEST, "A key set has to be a JSON object.");
    const json_t *keys = json_object_get(json, "keys");
    bool none = keys == NULL || json_is_null(keys);
    ENSURE(none || json_is_array(keys), e, INVALID_REQUEST, "The key set's member keys is not a list.");
    size_t n = none ? 0 : json_array_size(keys);
    ENSUREF(n <= KEYS_MAX, e, INVALID_REQUEST, "The key set has %zu keys; at most %d are accepted.", n, KEYS_MAX);

    struct jwks set = { .v = ARENA_ARRAY(a, struct jwk *, n) };
    for (size_t i = 0; i < n; i++) {
        struct err why = ERR_INIT(a);
        struct jwk *key;
        bool parsed = parse_item(json_array_get(keys, i), skip_unknown, &key, &why);
        if (!parsed && skip_unknown) continue;
        ENSUREF(parsed, e, INVALID_REQUEST, "keys[%zu]: %s", i, why.hint);
        arena_defer(a, unref_deferred, key);
        set.v[set.n++] = key;
    }
    *ret = set;
    return true;
}
