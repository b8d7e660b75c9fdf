/* Keeping trusted issuers, and finding the one behind a signature. */
#include "oauth/trust.h"

#include "base/rand.h"
#include "oauth/keysets.h"

enum { SCOPES_MAX = 1000, SCOPE_MAX = 1024, KEYS_MAX = 100, CANDIDATES_MAX = 100, TRIES = 3 };

static void unref_key(void *key) { jwk_unref(key); }

static bool check_width(struct str text, const char *name, struct err *e)
{
    ENSUREF(text.n <= STORE_ID_MAX && !str_has(text, '\0'), e, BAD_REQUEST, "Field '%s' must not be longer than %d bytes.", name,
            STORE_ID_MAX);
    return true;
}

static bool check_members(const struct trust *t, struct err *e)
{
    TRY(check_width(t->issuer, "issuer", e));
    TRY(check_width(t->subject, "subject", e));
    /* The key of a trust stands in the set named like the issuer, and these sets say what we have signed ourselves. */
    const bool ours = str_eq(t->issuer, STR(KEYSET_ID_TOKEN)) || str_eq(t->issuer, STR(KEYSET_ACCESS_TOKEN));
    ENSURE(!ours, e, BAD_REQUEST, "Field 'issuer' is the name of one of this server's own key sets.");
    ENSUREF(t->scopes.n <= SCOPES_MAX, e, BAD_REQUEST, "Field 'scope' must not have more than %d entries.", SCOPES_MAX);
    for (size_t i = 0; i < t->scopes.n; i++) {
        const struct str scope = t->scopes.v[i];
        ENSUREF(scope.n > 0 && scope.n <= SCOPE_MAX && !str_has(scope, '\n') && !str_has(scope, '\0'), e, BAD_REQUEST,
                "Field 'scope' has an entry that is empty, longer than %d bytes, or has a line break.", SCOPE_MAX);
    }
    return true;
}

/* A public key: whoever could forge an issuer's assertions is not asked to send what that takes. */
static bool read_key(struct op *op, const json_t *json, struct jwk **ret, struct err *e)
{
    struct err why = ERR_INIT(op->arena);
    ENSUREF(jwk_parse(json, ret, &why), e, BAD_REQUEST, "Field 'jwk' is no usable JSON Web Key: %s",
            why.hint != NULL ? why.hint : "");
    arena_defer(op->arena, unref_key, *ret);
    ENSURE(!(*ret)->is_private, e, BAD_REQUEST, "Field 'jwk' must be a public key, but it is private or symmetric.");
    ENSURE((*ret)->use.n == 0 || str_eq((*ret)->use, STR("sig")), e, BAD_REQUEST, "Field 'jwk' must be a key for signatures.");
    return check_width((*ret)->kid, "jwk.kid", e);
}

/* Is the key in its set already? A set holds one key of a kid, and whoever sends another one means something else. */
static bool find_key(const struct provider *p, struct op *op, struct str issuer, const struct jwk *key, bool *ret, struct err *e)
{
    const struct keyset *set;
    *ret = false;
    TRY(keyset_load(p, op, issuer, &set, e));
    for (size_t i = 0; i < set->keys.n; i++) {
        const struct jwk *other = set->keys.v[i];
        if (!str_eq(other->kid, key->kid)) continue;
        ENSURE(str_eq(jwk_thumbprint(op->arena, other), jwk_thumbprint(op->arena, key)), e, DUPLICATE, "");
        *ret = true;
        return true;
    }
    ENSUREF(set->keys.n < KEYS_MAX, e, BAD_REQUEST, "An issuer has at most %d keys; delete old ones first.", KEYS_MAX);
    return true;
}

bool trust_create(const struct provider *p, struct op *op, struct trust *t, const json_t *jwk, struct err *e)
{
    struct jwk *key;
    enum store_put put = STORE_CONFLICT;
    OP_MUST_WAIT(op, e);
    TRY(check_members(t, e));
    TRY(read_key(op, jwk, &key, e));
    t->id = rand_uuid(op->arena);
    t->kid = key->kid;
    t->created_at = usec_to_sec(op->now) * USEC_PER_SEC;
    const struct key_row row = keyset_row(p, op, t->issuer, key);
    for (int i = 0; i < TRIES && put == STORE_CONFLICT; i++) { /* the key came or went between the look and the write */
        bool known;
        TRY(find_key(p, op, t->issuer, key, &known, e));
        TRY(store_trust_add(p->store, op, t, known ? NULL : &row, &put, e));
    }
    ENSURE(put != STORE_CONFLICT, e, CONFLICT, "Others keep changing this issuer's keys; try again.");
    ENSURE(put == STORE_DONE, e, DUPLICATE, "");
    return true;
}

static bool is_findable(struct str text) { return text.n <= STORE_ID_MAX && !str_has(text, '\0'); }

bool trust_verify(const struct provider *p, struct op *op, const struct jws *jws, struct str issuer, struct str subject,
                  enum trust_found *ret, const struct trust **ret_trust, struct err *e)
{
    struct trust *list;
    struct key_row *keys;
    size_t n;
    *ret = TRUST_NONE;
    if (!is_findable(issuer) || !is_findable(subject) || !is_findable(jws->kid)) return true;
    const struct trust_wanted q = { .issuer = issuer, .subject = subject, .kid = jws->kid, .limit = CANDIDATES_MAX };
    TRY(store_trust_find(p->store, op, &q, &list, &keys, &n, e));
    if (n > 0) *ret = TRUST_NOT_SIGNED;

    /* The key says which algorithms fit it, and it is a public one: no header turns it into something else (RFC 8725 3.1). */
    const struct alg *alg = alg_by_name(jws->alg);
    for (size_t i = 0; i < n && alg != NULL && !alg_is_symmetric(alg); i++) {
        struct jwk *key;
        TRY(keyset_row_open(p, op, &keys[i], &key, e));
        const struct jwks one = { &key, 1 };
        const struct jwk *used;
        if (!jws_verify_set(jws, &one, alg, &used)) continue;
        *ret = TRUST_FOUND;
        *ret_trust = &list[i];
        return true;
    }
    return true;
}
