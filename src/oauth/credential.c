/* From an access token and a proof of possession to a signed credential. Knows nothing of how a request carries them. */
#include "oauth/credential.h"

#include "base/b64.h"
#include "base/rand.h"
#include "oauth/assertion.h"
#include "oauth/id_token.h"
#include "oauth/keysets.h"
#include "oauth/pack.h"

#define FORMAT    "jwt_vc_json"
#define PROOF_TYP "openid4vci-proof+jwt"
#define LIFE      (3600 * USEC_PER_SEC)
enum { NONCE_RANDOM = 16, SHOWN = 64 };

static const char *const types[] = { "VerifiableCredential", "UserInfoCredential" };
/* What proofs may be signed with. */
static const char *const suites[] = { "PS256", "RS256", "ES256", "PS384", "RS384", "ES384", "PS512", "RS512", "ES512", "EdDSA" };

static void write_names(struct jw *w, const char *member, const char *const *names, size_t n)
{
    jw_array(w, member);
    for (size_t i = 0; i < n; i++) jw_str(w, NULL, str_of(names[i]));
    jw_end(w);
}

static bool is_named(const char *const *names, size_t n, struct str name)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(name, str_of(names[i]))) return true;
    return false;
}

void credential_write_supported(struct jw *w)
{
    jw_array(w, "credentials_supported_draft_00");
    jw_object(w, NULL);
    jw_str(w, "format", STR(FORMAT));
    write_names(w, "types", types, ARRAY_LEN(types));
    write_names(w, "cryptographic_binding_methods_supported", (const char *const[]) { "jwk" }, 1);
    write_names(w, "cryptographic_suites_supported", suites, ARRAY_LEN(suites));
    jw_end(w);
    jw_end(w);
}

bool credential_scopes(struct strs granted)
{
    return strs_has(granted, STR("openid")) && strs_has(granted, STR("userinfo_credential_draft_00"));
}

/* ---- nonces: sealed, bound to the token, good until they expire ---- */

static struct str nonce_bound(const struct provider *p, struct arena *a, struct str token_id)
{
    return ARENA_CAT(a, token_id, STR(" "), p->issuer);
}

struct str credential_nonce(const struct provider *p, struct op *op, struct str token_id)
{
    struct buf b = BUF(op->arena);
    unsigned char random[NONCE_RANDOM];
    rand_bytes(random, sizeof(random));
    pack_int(&b, (uint64_t)(op->now + p->config->ttl_vc_nonce));
    buf_add(&b, (struct str) { (const char *)random, sizeof(random) });
    return seal_text(p->sealer, op->arena, SEAL_VC_NONCE, nonce_bound(p, op->arena, token_id), buf_str(&b));
}

static bool nonce_holds(const struct provider *p, struct op *op, struct str token_id, struct str nonce)
{
    struct str plain;
    if (!unseal_text(p->sealer, op->arena, SEAL_VC_NONCE, nonce_bound(p, op->arena, token_id), nonce, &plain)) return false;
    struct unpack u = UNPACK(plain);
    const usec_t until = (usec_t)unpack_int(&u);
    return op->now <= until;
}

/* ---- the proof (OpenID for Verifiable Credential Issuance 7.2.1) ---- */

/* The public key in the header: the one that the credential is bound to. */
static bool read_key(struct op *op, const struct jws *jws, const struct jwk **ret, struct err *e)
{
    struct jwks keys;
    struct err why = ERR_INIT(op->arena);
    json_t *key = json_object_get(jws->header, "jwk"), *set;
    ENSURE(json_is_object(key), e, INVALID_REQUEST, "The header of the proof has no JSON Web Key in 'jwk'.");
    /* "It MUST NOT contain a private key". */
    ENSURE(json_object_get(key, "d") == NULL && json_object_get(key, "k") == NULL, e, INVALID_REQUEST,
           "The 'jwk' of the proof is not a public key.");
    TRY(json_read(op->arena, STR("{\"keys\":[]}"), &set, NULL, e));
    json_array_append(json_object_get(set, "keys"), key);
    ENSURE(jwks_parse(op->arena, set, true, &keys, &why) && keys.n == 1, e, INVALID_REQUEST,
           "The 'jwk' of the proof is not a JSON Web Key that can be used.");
    *ret = keys.v[0];
    return true;
}

static bool check_signature(const struct jws *jws, const struct jwk *key, struct err *e)
{
    ENSUREF(is_named(suites, ARRAY_LEN(suites), jws->alg), e, INVALID_REQUEST, "Proofs signed with '%.*s' are not supported.",
            STR_FMT(str_upto(jws->alg, SHOWN)));
    ENSURE(jws_verify(jws, key, alg_by_name(jws->alg)), e, INVALID_REQUEST,
           "The proof was not signed with the key in its header.");
    return true;
}

/* `typ`, `aud` and `iat` are checked where they are given; that the proof is fresh and for this server the nonce says. Libraries
 * write "JWT" as `typ` unasked, and deployed wallets leave it so. */
static bool check_claims(const struct provider *p, struct op *op, const struct assertion *t, struct str token_id, struct err *e)
{
    const struct str endpoint = config_url_join(op->arena, p->public_url, "credentials");
    const char *fault = assertion_time_fault(t, op->now);
    ENSURE(assertion_has_type(t, PROOF_TYP), e, INVALID_REQUEST, "The 'typ' of the proof is not '" PROOF_TYP "'.");
    ENSUREF(fault == NULL, e, INVALID_REQUEST, "The proof does not hold: %s.", fault);
    ENSURE(t->audience.n == 0 || strs_has(t->audience, p->issuer) || strs_has(t->audience, endpoint), e, INVALID_REQUEST,
           "The 'aud' of the proof does not name this server.");
    const struct str nonce = json_str(json_object_get(t->claims, "nonce"));
    ENSURE(nonce.p != NULL, e, INVALID_REQUEST, "The proof has no 'nonce'.");
    ENSURE(nonce_holds(p, op, token_id, nonce), e, INVALID_REQUEST,
           "The 'nonce' of the proof is not one for this token, or has expired.");
    return true;
}

static bool check_proof(const struct provider *p, struct op *op, const struct credential_proof *proof, struct str token_id,
                        const struct jwk **ret_key, struct err *e)
{
    struct assertion t;
    struct err why = ERR_INIT(op->arena);
    ENSUREF(str_eq(proof->type, STR("jwt")), e, INVALID_REQUEST, "The proof type '%.*s' is not supported.",
            STR_FMT(str_upto(proof->type, SHOWN)));
    ENSUREF(assertion_read(op->arena, proof->jwt, &t, &why), e, INVALID_REQUEST,
            "The proof is not a JSON Web Token that can be used: %s", why.hint != NULL ? why.hint : "it is malformed.");
    TRY(read_key(op, &t.jws, ret_key, e));
    TRY(check_signature(&t.jws, *ret_key, e));
    return check_claims(p, op, &t, token_id, e);
}

/* ---- answers ---- */

static bool prime(const struct provider *p, struct op *op, struct str token_id, struct str *ret_json)
{
    struct buf b = BUF(op->arena);
    struct jw w = JW(&b);
    jw_object(&w, NULL);
    jw_str(&w, "format", STR("jwt_vc"));
    jw_str(&w, "c_nonce", credential_nonce(p, op, token_id));
    jw_int(&w, "c_nonce_expires_in", usec_to_sec(p->config->ttl_vc_nonce));
    jw_str(&w, "error", str_of(err_MISSING_PROOF.name));
    jw_str(&w, "error_description", str_of(err_MISSING_PROOF.description));
    jw_end(&w);
    *ret_json = buf_str(&b);
    return true;
}

/* did:jwk, the key itself as an identifier, its members in the order in which keys are written (kty, crv, x, y), so that the
 * holder recognizes its own. */
static struct str key_did(struct arena *a, const struct jwk *key)
{
    json_t *public = jwk_public_json(key);
    const struct str text = json_text(a, public, false);
    json_decref(public);
    return ARENA_CAT(a, STR("did:jwk:"), b64url_encode(a, text));
}

/* The consent app's claims, but for those that this server says and for `id`, which is the holder's key. */
static bool write_subject(struct op *op, struct jw *w, const struct user_token *u, struct str did, struct err *e)
{
    struct str claims = u->session.id_claims;
    json_t *object;
    jw_object(w, "credentialSubject");
    jw_str(w, "id", did);
    jw_str(w, "sub", u->session.sub.n > 0 ? u->session.sub : u->grant->subject);
    if (claims.n > 0) {
        TRY(json_read(op->arena, claims, &object, NULL, e));
        json_object_del(object, "id");
        TRY(session_claims_write(op, w, json_text(op->arena, object, false), e));
    }
    jw_end(w);
    return true;
}

static bool write_credential(const struct provider *p, struct op *op, struct jw *w, const struct user_token *u, struct str did,
                             struct err *e)
{
    static const char *const context[] = { "https://www.w3.org/2018/credentials/v1" };
    jw_object(w, NULL);
    jw_str(w, "iss", p->issuer);
    jw_str(w, "sub", did);
    jw_str(w, "jti", rand_uuid(op->arena));
    jw_int(w, "iat", usec_to_sec(op->now));
    jw_int(w, "nbf", usec_to_sec(op->now));
    jw_int(w, "exp", usec_to_sec(op->now + LIFE));
    jw_object(w, "vc");
    write_names(w, "@context", context, ARRAY_LEN(context));
    write_names(w, "type", types, ARRAY_LEN(types));
    TRY(write_subject(op, w, u, did, e));
    jw_end(w);
    jw_end(w);
    return true;
}

static bool issue(const struct provider *p, struct op *op, const struct user_token *u, const struct jwk *key,
                  struct str *ret_json, struct err *e)
{
    struct buf payload = BUF(op->arena), b = BUF(op->arena);
    struct jw inner = JW(&payload), w = JW(&b);
    struct str jwt;
    TRY(write_credential(p, op, &inner, u, key_did(op->arena, key), e));
    TRY(keyset_sign(p, op, STR(KEYSET_ID_TOKEN), STR("JWT"), buf_str(&payload), &jwt, e));
    jw_object(&w, NULL);
    jw_str(&w, "format", STR(FORMAT));
    jw_str(&w, "credential_draft_00", jwt);
    jw_end(&w);
    *ret_json = buf_str(&b);
    return true;
}

static bool check_what(const struct credential_request *q, struct err *e)
{
    ENSUREF(str_eq(q->format, STR(FORMAT)), e, INVALID_REQUEST, "The format '%.*s' is not supported.",
            STR_FMT(str_upto(q->format, SHOWN)));
    for (size_t i = 0; i < q->types.n; i++) {
        ENSUREF(is_named(types, ARRAY_LEN(types), q->types.v[i]), e, INVALID_REQUEST, "The type '%.*s' is not supported.",
                STR_FMT(str_upto(q->types.v[i], SHOWN)));
    }
    return true;
}

bool credential_issue(const struct provider *p, struct op *op, const struct user_token *u, const struct credential_request *q,
                      bool *ret_primed, struct str *ret_json, struct err *e)
{
    const struct jwk *key;
    TRY(check_what(q, e));
    *ret_primed = q->proof == NULL;
    if (q->proof == NULL) return prime(p, op, u->token.id, ret_json);
    ENSURE(credential_scopes(u->session.scopes), e, INSUFFICIENT_SCOPE,
           "The scopes 'openid' and 'userinfo_credential_draft_00' were not granted.");
    ENSURE(u->grant != NULL && u->session.authenticated_at != 0, e, INVALID_REQUEST, "No user stands behind this token.");
    TRY(check_proof(p, op, q->proof, u->token.id, &key, e));
    return issue(p, op, u, key, ret_json, e);
}
