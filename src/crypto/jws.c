/* Compact JSON Web Signatures. ECDSA signatures are two numbers side by side here and DER inside OpenSSL. */
#include "crypto/jws.h"

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/hmac.h>
#include <string.h>

#include "base/b64.h"
#include "crypto/alg.h"
#include "crypto/scratch.h"

enum { COMPACT_MAX = 65536, SIGNATURE_MAX = 1024 /* RSA of 8192 bits */, DER_MAX = 160 };

/* ---- ECDSA ---- */

/* RFC 7518 3.4: R and S as big-endian numbers of the curve's size, one after the other. */
static bool ecdsa_from_der(const unsigned char *der, size_t n, size_t size, unsigned char *raw)
{
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)n);
    bool done = pair != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(pair), raw, (int)size) >= 0 &&
                BN_bn2binpad(ECDSA_SIG_get0_s(pair), raw + size, (int)size) >= 0;
    ECDSA_SIG_free(pair);
    return done;
}

/* Returns the length, 0 when `raw` cannot be a signature. */
static size_t ecdsa_to_der(struct str raw, size_t size, unsigned char *der)
{
    if (raw.n != 2 * size) return 0;
    const unsigned char *bytes = (const unsigned char *)raw.p;
    BIGNUM *r = BN_bin2bn(bytes, (int)size, NULL), *s = BN_bin2bn(bytes + size, (int)size, NULL);
    ECDSA_SIG *pair = ECDSA_SIG_new();
    bool possible = r != NULL && s != NULL && pair != NULL && !BN_is_zero(r) && !BN_is_zero(s);
    if (!possible || ECDSA_SIG_set0(pair, r, s) != 1) {
        BN_free(r), BN_free(s), ECDSA_SIG_free(pair);
        return 0;
    }
    int n = i2d_ECDSA_SIG(pair, NULL) <= DER_MAX ? i2d_ECDSA_SIG(pair, &der) : 0;
    ECDSA_SIG_free(pair);
    return n > 0 ? (size_t)n : 0;
}

/* ---- signing ---- */

static bool sign_hmac(const struct alg *alg, struct str secret, struct str text, unsigned char *ret, size_t *ret_n)
{
    unsigned n = SIGNATURE_MAX;
    const unsigned char *bytes = (const unsigned char *)text.p;
    TRY(HMAC(alg->digest(), secret.p, (int)secret.n, bytes, text.n, ret, &n) != NULL);
    *ret_n = n;
    return true;
}

static bool sign_with(const struct jwk *key, const struct alg *alg, struct str text, unsigned char *ret, size_t *ret_n)
{
    if (alg->kind == ALG_HMAC) return sign_hmac(alg, key->secret, text, ret, ret_n);

    EVP_MD_CTX *ctx = scratch_get()->digest;
    unsigned char der[DER_MAX], *to = alg->kind == ALG_ECDSA ? der : ret;
    size_t n = alg->kind == ALG_ECDSA ? sizeof(der) : SIGNATURE_MAX;
    bool done =
        EVP_MD_CTX_copy_ex(ctx, key->signer) == 1 && EVP_DigestSign(ctx, to, &n, (const unsigned char *)text.p, text.n) == 1;
    EVP_MD_CTX_reset(ctx); /* it holds the key */
    if (!done) return false;
    *ret_n = alg->kind == ALG_ECDSA ? 2 * alg->size : n;
    return alg->kind != ALG_ECDSA || ecdsa_from_der(der, n, alg->size, ret);
}

static struct str header_text(struct arena *a, const struct alg *alg, struct str kid, struct str typ)
{
    struct buf text = BUF(a);
    struct jw w = JW(&text);
    jw_object(&w, NULL);
    jw_str(&w, "alg", alg->name);
    if (kid.n > 0) jw_str(&w, "kid", kid);
    if (typ.n > 0) jw_str(&w, "typ", typ);
    jw_end(&w);
    return buf_str(&text);
}

bool jws_sign(struct arena *a, const struct jwk *key, struct str typ, struct str payload, struct str *ret, struct err *e)
{
    const struct alg *alg = alg_of(key);
    ENSURE(alg != NULL && (key->signer != NULL || alg->kind == ALG_HMAC), e, SERVER_ERROR, "The signing key cannot sign.");

    struct str header = header_text(a, alg, key->kid, typ);
    char *text = arena_alloc(a, b64url_length(header.n) + b64url_length(payload.n) + b64url_length(SIGNATURE_MAX) + 3),
         *at = text;
    at += b64url_write(header.p, header.n, at);
    *at++ = '.';
    at += b64url_write(payload.p, payload.n, at);

    unsigned char signature[SIGNATURE_MAX];
    size_t n;
    ENSURE(sign_with(key, alg, (struct str) { text, (size_t)(at - text) }, signature, &n), e, SERVER_ERROR,
           "The signature could not be made.");
    *at++ = '.';
    at += b64url_write(signature, n, at);
    *at = '\0';
    *ret = (struct str) { text, (size_t)(at - text) };
    return true;
}

/* ---- taking apart ---- */

static bool read_header_text(const json_t *header, const char *name, struct str *ret, struct err *e)
{
    const json_t *member = json_object_get(header, name);
    ENSUREF(member == NULL || json_is_string(member), e, INVALID_TOKEN, "The token's header member %s is not a string.", name);
    *ret = json_str(member);
    return true;
}

static bool read_header(struct arena *a, struct str text, struct jws *jws, struct err *e)
{
    struct err why = ERR_INIT(a);
    bool read = str_is_utf8(text) && json_read(a, text, &jws->header, NULL, &why) && json_is_object(jws->header);
    ENSURE(read, e, INVALID_TOKEN, "The token's header is not a JSON object.");
    TRY(read_header_text(jws->header, "alg", &jws->alg, e));
    TRY(read_header_text(jws->header, "kid", &jws->kid, e));
    TRY(read_header_text(jws->header, "typ", &jws->typ, e));
    ENSURE(jws->alg.n > 0, e, INVALID_TOKEN, "The token's header names no alg.");
    /* RFC 7515 4.1.11: "If any of the listed extension Header Parameters are not understood and supported by the recipient, then
     * the JWS is invalid." None are. */
    ENSURE(json_object_get(jws->header, "crit") == NULL, e, INVALID_TOKEN, "The token uses critical extensions.");
    return true;
}

bool jws_parse(struct arena *a, struct str compact, struct jws *ret, struct err *e)
{
    ENSURE(compact.n <= COMPACT_MAX, e, INVALID_TOKEN, "The token is too long.");
    struct str header, rest, payload, signature, header_bytes;
    bool split = str_split_once(compact, '.', &header, &rest) && str_split_once(rest, '.', &payload, &signature);
    ENSURE(split, e, INVALID_TOKEN, "The token does not have three parts.");

    struct jws jws = { .signed_text = str_upto(compact, header.n + 1 + payload.n) };
    /* RFC 7515 2: base64url "with all trailing '=' characters omitted": a second spelling of a token is refused. */
    bool decoded = !str_has(compact, '=') && b64url_decode(a, header, &header_bytes) && b64url_decode(a, payload, &jws.payload) &&
                   b64url_decode(a, signature, &jws.signature);
    ENSURE(decoded, e, INVALID_TOKEN, "A part of the token is not base64url.");
    TRY(read_header(a, header_bytes, &jws, e));
    *ret = jws;
    return true;
}

/* ---- verifying ---- */

static bool verify_hmac(const struct alg *alg, struct str secret, const struct jws *jws)
{
    unsigned char expected[SIGNATURE_MAX];
    size_t n;
    return sign_hmac(alg, secret, jws->signed_text, expected, &n) &&
           str_eq_secret(jws->signature, (struct str) { (char *)expected, n });
}

static bool verify_with(const struct jwk *key, const struct alg *alg, const struct jws *jws)
{
    unsigned char der[DER_MAX];
    struct str signature = jws->signature;
    if (alg->kind == ALG_ECDSA) signature = (struct str) { (char *)der, ecdsa_to_der(jws->signature, alg->size, der) };
    if (signature.n == 0) return false;

    EVP_MD_CTX *ctx = scratch_get()->digest;
    EVP_MD_CTX_reset(ctx);
    bool right = alg_begin(alg, key->pkey, false, ctx) &&
                 EVP_DigestVerify(ctx, (const unsigned char *)signature.p, signature.n, (const unsigned char *)jws->signed_text.p,
                                  jws->signed_text.n) == 1;
    EVP_MD_CTX_reset(ctx);
    return right;
}

bool jws_verify(const struct jws *jws, const struct jwk *key, const struct alg *alg)
{
    /* RFC 8725 3.1: the algorithm comes from the caller, and the key is used with that one only. */
    if (!str_eq(jws->alg, alg->name) || !alg_fits(alg, key)) return false;
    return alg->kind == ALG_HMAC ? verify_hmac(alg, key->secret, jws) : verify_with(key, alg, jws);
}

static bool may_verify(const struct jws *jws, const struct jwk *key)
{
    if (jws->kid.n > 0 && !str_eq(jws->kid, key->kid)) return false;
    return key->use.n == 0 || str_eq(key->use, STR("sig"));
}

bool jws_verify_set(const struct jws *jws, const struct jwks *keys, const struct alg *alg, const struct jwk **ret_key)
{
    for (size_t i = 0; i < keys->n; i++) {
        if (!may_verify(jws, keys->v[i]) || !jws_verify(jws, keys->v[i], alg)) continue;
        *ret_key = keys->v[i];
        return true;
    }
    return false;
}
