/* Certificates from PEM, from files or base64, watched for changes; one is made when none is given. */
#include "tls.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/b64.h"
#include "base/log.h"
#include "base/rand.h"
#include "http/wire.h"

enum { CHAIN_MAX = 16, SELF_SIGNED_DAYS = 31, FILE_MAX = 1 << 20 };

struct certificate {
    gnutls_pcert_st chain[CHAIN_MAX];
    unsigned n;
    gnutls_privkey_t key;
    struct certificate *older; /* handshakes that run may still use it */
};

struct tls {
    enum http_listener which;
    const char *key; /* of the settings */
    char cert_path[4096], key_path[4096];
    _Atomic(struct certificate *) now;
    struct config_watch *watch;
};

/* Handshakes are told nothing but their session: the way from there goes over the connection's listener. */
static _Atomic(struct tls *) of_listener[4];

/* ---- reading PEM ---- */

static bool read_file(struct arena *a, const char *path, const char *key, struct str *ret, struct err *e)
{
    FILE *f = fopen(path, "re");
    ENSUREF(f != NULL, e, MISCONFIGURATION, "%s.path: cannot open %s (%s). Check the path and its permissions.", key, path,
            strerror(errno));
    char *text = arena_alloc(a, FILE_MAX);
    *ret = (struct str) { text, fread(text, 1, FILE_MAX, f) };
    fclose(f);
    ENSUREF(ret->n < FILE_MAX, e, MISCONFIGURATION, "%s.path: %s is too large for a PEM file.", key, path);
    return true;
}

/* Base64 wins over the path, as in the settings' description. */
static bool read_pem(struct arena *a, struct str base64, const char *path, const char *key, struct str *ret, struct err *e)
{
    if (base64.n == 0) return read_file(a, path, key, ret, e);
    ENSUREF(b64_decode(a, base64, ret), e, MISCONFIGURATION, "%s.base64 is not standard base64 of PEM; try base64 -w0 FILE.",
            key);
    return true;
}

static gnutls_datum_t datum(struct str s) { return (gnutls_datum_t) { (unsigned char *)s.p, (unsigned)s.n }; }

static void certificate_free(struct certificate *c)
{
    if (c == NULL) return;
    for (unsigned i = 0; i < c->n; i++) gnutls_pcert_deinit(&c->chain[i]);
    if (c->key != NULL) gnutls_privkey_deinit(c->key);
    free(c);
}

static bool parse(struct certificate *c, struct str cert, struct str key, const char *where, struct err *e)
{
    gnutls_datum_t cert_pem = datum(cert), key_pem = datum(key);
    c->n = CHAIN_MAX;
    int failed = gnutls_pcert_list_import_x509_raw(c->chain, &c->n, &cert_pem, GNUTLS_X509_FMT_PEM, 0);
    if (failed < 0) c->n = 0;
    ENSUREF(failed >= 0, e, MISCONFIGURATION, "%s.cert: not a PEM certificate chain (%s).", where, gnutls_strerror(failed));
    failed = gnutls_privkey_init(&c->key);
    if (failed == 0) failed = gnutls_privkey_import_x509_raw(c->key, &key_pem, GNUTLS_X509_FMT_PEM, NULL, 0);
    ENSUREF(failed == 0, e, MISCONFIGURATION, "%s.key: not a PEM private key (%s).", where, gnutls_strerror(failed));

    gnutls_pubkey_t public;
    unsigned char certified[64], own[64];
    size_t certified_n = sizeof(certified), own_n = sizeof(own);
    failed = gnutls_pubkey_get_key_id(c->chain[0].pubkey, GNUTLS_KEYID_USE_SHA256, certified, &certified_n);
    if (failed == 0) failed = gnutls_pubkey_init(&public);
    ENSUREF(failed == 0, e, MISCONFIGURATION, "%s.cert: cannot be used (%s).", where, gnutls_strerror(failed));
    failed = gnutls_pubkey_import_privkey(public, c->key, 0, 0);
    if (failed == 0) failed = gnutls_pubkey_get_key_id(public, GNUTLS_KEYID_USE_SHA256, own, &own_n);
    gnutls_pubkey_deinit(public);
    ENSUREF(failed == 0 && own_n == certified_n && memcmp(own, certified, own_n) == 0, e, MISCONFIGURATION,
            "%s.key: the private key does not belong to the certificate in %s.cert.", where, where);
    return true;
}

/* ---- a certificate that nobody trusts ---- */

static int sign_self(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key)
{
    unsigned char serial[16];
    rand_bytes(serial, sizeof(serial));
    serial[0] &= 0x7f;
    time_t now = time(NULL);
    int failed = 0;
    failed |= gnutls_x509_crt_set_version(crt, 3);
    failed |= gnutls_x509_crt_set_serial(crt, serial, sizeof(serial));
    failed |= gnutls_x509_crt_set_activation_time(crt, now - 3600);
    failed |= gnutls_x509_crt_set_expiration_time(crt, now + SELF_SIGNED_DAYS * 86400);
    failed |= gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, "localhost", 9);
    failed |= gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, "localhost", 9, GNUTLS_FSAN_SET);
    failed |= gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE);
    failed |= gnutls_x509_crt_set_key(crt, key);
    return failed != 0 ? failed : gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0);
}

static bool make_certificate(struct certificate *c, const char *where, struct err *e)
{
    gnutls_x509_crt_t crt = NULL;
    gnutls_x509_privkey_t key = NULL;
    int failed = gnutls_x509_crt_init(&crt);
    if (failed == 0) failed = gnutls_x509_privkey_init(&key);
    if (failed == 0)
        failed = gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
    if (failed == 0) failed = sign_self(crt, key);
    if (failed == 0) failed = gnutls_pcert_import_x509(&c->chain[0], crt, 0);
    if (failed == 0) c->n = 1;
    if (failed == 0) failed = gnutls_privkey_init(&c->key);
    if (failed == 0) failed = gnutls_privkey_import_x509(c->key, key, GNUTLS_PRIVKEY_IMPORT_COPY);
    if (crt != NULL) gnutls_x509_crt_deinit(crt);
    if (key != NULL) gnutls_x509_privkey_deinit(key);
    ENSUREF(failed == 0, e, MISCONFIGURATION, "%s: cannot make a self-signed certificate (%s). Name one in %s.cert and %s.key.",
            where, gnutls_strerror(failed), where, where);
    return true;
}

/* ---- loading and watching ---- */

static bool load(struct tls *t, struct str cert_base64, struct str key_base64, struct err *e)
{
    ARENA_AUTO a = arena_new();
    struct certificate *c = calloc(1, sizeof(*c));
    ENSURE(c != NULL, e, MISCONFIGURATION, "Out of memory.");
    struct str cert, key;
    const char *cert_at = arena_printf(a, "%s.cert", t->key).p, *key_at = arena_printf(a, "%s.key", t->key).p;
    bool given = cert_base64.n > 0 || t->cert_path[0] != '\0';
    bool ok = given ? read_pem(a, cert_base64, t->cert_path, cert_at, &cert, e) &&
                          read_pem(a, key_base64, t->key_path, key_at, &key, e) && parse(c, cert, key, t->key, e)
                    : make_certificate(c, t->key, e);
    if (!ok) {
        certificate_free(c);
        return false;
    }
    c->older = atomic_load(&t->now);
    atomic_store(&t->now, c);
    return true;
}

/* On the watcher's thread. A half-written pair keeps the old one in force; the second file's change tries again. */
static void reload(void *arg, struct str file)
{
    struct tls *t = arg;
    ARENA_AUTO a = arena_new();
    struct err e = ERR_INIT(a);
    if (load(t, STR_NONE, STR_NONE, &e))
        log_at(LOG_INFO, "loaded a changed certificate", LF_STR("file", file));
    else
        log_at(LOG_WARN, "a changed certificate cannot be used yet; the old one stays", LF_STR("file", file),
               LF_Z("reason", e.hint));
}

static void copy_path(char *into, size_t size, struct str path) { snprintf(into, size, "%.*s", STR_FMT(path)); }

bool tls_new(const struct config_listener *l, enum http_listener which, const char *key, struct tls **ret, struct err *e)
{
    struct tls *t = calloc(1, sizeof(*t));
    ENSURE(t != NULL, e, MISCONFIGURATION, "Out of memory.");
    t->which = which;
    t->key = key;
    if (l->cert_base64.n == 0) copy_path(t->cert_path, sizeof(t->cert_path), l->cert_path);
    if (l->key_base64.n == 0) copy_path(t->key_path, sizeof(t->key_path), l->key_path);
    if (!load(t, l->cert_base64, l->key_base64, e)) {
        tls_free(t);
        return false;
    }
    if (t->cert_path[0] == '\0' && l->cert_base64.n == 0)
        log_at(LOG_WARN, "HTTPS with a self-signed certificate: clients will not trust it",
               LF_Z("remedy", "set the listener's tls.cert and tls.key"));
    struct str paths[] = { str_of(t->cert_path), str_of(t->key_path) };
    if (paths[0].n > 0 && paths[1].n > 0) t->watch = config_watch_start((struct strs) { paths, 2 }, reload, t);
    atomic_store(&of_listener[which], t);
    *ret = t;
    return true;
}

void tls_free(struct tls *t)
{
    if (t == NULL) return;
    config_watch_stop(t->watch);
    struct tls *expected = t;
    atomic_compare_exchange_strong(&of_listener[t->which], &expected, NULL);
    for (struct certificate *c = atomic_load(&t->now), *older; c != NULL; c = older) {
        older = c->older;
        certificate_free(c);
    }
    free(t);
}

/* ---- handshakes ---- */

int tls_retrieve(gnutls_session_t session, const gnutls_datum_t *names, int names_n, const gnutls_pk_algorithm_t *algorithms,
                 int algorithms_n, gnutls_pcert_st **ret_chain, unsigned *ret_n, gnutls_privkey_t *ret_key)
{
    (void)names;
    (void)names_n;
    (void)algorithms;
    (void)algorithms_n;
    struct conn *c = wire_find(gnutls_transport_get_int(session));
    struct tls *t = c == NULL ? NULL : atomic_load(&of_listener[c->listener]);
    struct certificate *now = t == NULL ? NULL : atomic_load(&t->now);
    if (now == NULL) return -1;
    *ret_chain = now->chain;
    *ret_n = now->n;
    *ret_key = now->key;
    return 0;
}

ssize_t tls_pull(gnutls_transport_ptr_t ptr, void *into, size_t n)
{
    int fd = (int)(intptr_t)ptr;
    struct conn *c = wire_find(fd);
    ssize_t got = recv(fd, into, n, 0);
    if (got <= 0 || c == NULL || c->spoke) return got;
    c->spoke = true;
    const char first = *(const char *)into;
    if (first < 'A' || first > 'Z') return got;

    static const char answer[] =
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
        "Client sent an HTTP request to an HTTPS server.\n";
    ssize_t sent = send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)sent;
    return 0;
}
