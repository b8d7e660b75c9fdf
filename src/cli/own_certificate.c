/* The certificate of listeners that speak TLS and were given none: made once and kept as a JSON Web Key set, so that it is the
 * same after a restart and on every node, and that whoever wants to trust it can fetch it. */
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <time.h>

#include "base/b64.h"
#include "base/rand.h"
#include "cli/own_certificate.h"
#include "oauth/keysets.h"

enum { DAYS = 31, DAYS_LEFT = 1, DAY = 86400, SERIAL_BITS = 127 };

/* ---- what is kept ---- */

static X509 *certificate_at(struct arena *a, const struct jwk *k, size_t at)
{
    struct str der;
    if (!b64_decode(a, json_str(json_array_get(json_object_get(k->json, "x5c"), at)), &der)) return NULL;
    const unsigned char *p = (const unsigned char *)der.p;
    return d2i_X509(NULL, &p, (long)der.n);
}

static bool is_usable(struct arena *a, const struct jwk *k)
{
    if (!k->is_private || k->pkey == NULL) return false;
    time_t later = time(NULL) + DAYS_LEFT * DAY;
    X509 *certificate = certificate_at(a, k, 0);
    bool ok = certificate != NULL && X509_cmp_time(X509_get0_notAfter(certificate), &later) > 0;
    X509_free(certificate);
    return ok;
}

/* ---- a new one ---- */

static bool set_names(X509 *x)
{
    X509_NAME *name = X509_get_subject_name(x);
    X509_EXTENSION *san = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:localhost");
    bool ok = X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1, 0) == 1 &&
              X509_set_issuer_name(x, name) == 1 && san != NULL && X509_add_ext(x, san, -1) == 1;
    X509_EXTENSION_free(san);
    return ok;
}

static bool set_serial(X509 *x)
{
    BIGNUM *n = BN_new();
    bool ok = n != NULL && BN_rand(n, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
              BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x)) != NULL;
    BN_free(n);
    return ok;
}

/* DER, base64; empty when it cannot be made. */
static struct str self_signed(struct arena *a, EVP_PKEY *pkey)
{
    X509 *x = X509_new();
    unsigned char *der = NULL;
    bool ok = x != NULL && X509_set_version(x, X509_VERSION_3) == 1 && set_serial(x) && set_names(x) &&
              X509_gmtime_adj(X509_getm_notBefore(x), -3600) != NULL &&
              X509_gmtime_adj(X509_getm_notAfter(x), (long)DAYS * DAY) != NULL && X509_set_pubkey(x, pkey) == 1 &&
              X509_sign(x, pkey, EVP_sha256()) > 0;
    int n = ok ? i2d_X509(x, &der) : 0;
    struct str text = n > 0 ? b64_encode(a, (struct str) { (char *)der, (size_t)n }) : STR_NONE;
    OPENSSL_free(der);
    X509_free(x);
    return text;
}

/* RFC 7517 4.7: the certificate stands in the key's x5c. */
static bool make_key(struct arena *a, struct jwk **ret, struct err *e)
{
    struct jwk *bare;
    TRY(jwk_generate(STR("ES256"), rand_uuid(a), STR("sig"), 0, &bare, e));
    arena_defer(a, (void (*)(void *))jwk_unref, bare);
    struct str certificate = self_signed(a, bare->pkey);
    ENSURE(certificate.n > 0, e, MISCONFIGURATION, "A self-signed certificate cannot be made.");
    json_t *json = json_copy(bare->json);
    arena_defer(a, (void (*)(void *))json_decref, json);
    json_object_set_new(json, "x5c", json_pack("[o]", json_of_str(certificate)));
    TRY(jwk_parse(json, ret, e));
    arena_defer(a, (void (*)(void *))jwk_unref, *ret);
    return true;
}

/* ---- as the settings have it ---- */

static struct str taken(struct arena *a, BIO *from)
{
    char *text;
    long n = BIO_get_mem_data(from, &text);
    return n > 0 ? b64_encode(a, (struct str) { text, (size_t)n }) : STR_NONE;
}

static struct str chain_of(struct arena *a, const struct jwk *k)
{
    BIO *out = BIO_new(BIO_s_mem());
    X509 *x;
    for (size_t i = 0; out != NULL && (x = certificate_at(a, k, i)) != NULL; i++) {
        if (PEM_write_bio_X509(out, x) != 1) abort(); /* memory */
        X509_free(x);
    }
    struct str text = taken(a, out);
    BIO_free(out);
    return text;
}

static struct str key_of(struct arena *a, const struct jwk *k)
{
    BIO *out = BIO_new(BIO_s_secmem());
    if (out == NULL || PEM_write_bio_PrivateKey(out, k->pkey, NULL, NULL, 0, NULL, NULL) != 1) abort(); /* memory */
    struct str text = taken(a, out);
    BIO_free(out);
    return text;
}

bool own_certificate(const struct provider *p, struct op *op, struct own_certificate *ret, struct err *e)
{
    const struct keyset *set;
    struct jwk *key = NULL;
    TRY(keyset_load(p, op, STR(KEYSET_TLS), &set, e));
    for (size_t i = 0; i < set->keys.n && key == NULL; i++)
        if (is_usable(op->arena, set->keys.v[i])) key = set->keys.v[i];
    if (key == NULL) {
        enum store_put ignored;
        TRY(make_key(op->arena, &key, e));
        TRY(keyset_replace(p, op, STR(KEYSET_TLS), &key, 1, &ignored, e));
    }
    *ret = (struct own_certificate) { .cert = chain_of(op->arena, key), .key = key_of(op->arena, key) };
    return true;
}
