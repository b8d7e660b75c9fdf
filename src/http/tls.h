/* Certificates of the listeners. A changed certificate file is picked up by the next connection. */
#ifndef HTTP_TLS_H
#define HTTP_TLS_H

#include "base/err.h"
#include "config/config.h"
#include "http/gnutls_lib.h"
#include "http/http.h"

/* TLS 1.2 and 1.3, forward secrecy and AEAD only. */
#define TLS_PRIORITIES                                                                   \
    "NONE:+VERS-TLS1.3:+VERS-TLS1.2:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:+AEAD:" \
    "+ECDHE-ECDSA:+ECDHE-RSA:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:+SIGN-ALL:+COMP-NULL"

struct tls;
/* Loads the configured certificate, or makes one that nobody trusts. `key` is where the settings are, for messages. */
MUST_USE bool tls_new(const struct config_listener *l, enum http_listener which, const char *key, struct tls **ret,
                      struct err *e);
void tls_free(struct tls *t); /* after the listener has stopped; accepts NULL */

/* A gnutls_certificate_retrieve_function2: gives a handshake the certificate of its listener. */
int tls_retrieve(gnutls_session_t session, const gnutls_datum_t *names, int names_n, const gnutls_pk_algorithm_t *algorithms,
                 int algorithms_n, gnutls_pcert_st **ret_chain, unsigned *ret_n, gnutls_privkey_t *ret_key);
/* Reads for the handshake; answers a peer that speaks plain HTTP in its own language. */
ssize_t tls_pull(gnutls_transport_ptr_t ptr, void *into, size_t n);

#endif
