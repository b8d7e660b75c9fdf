/* The certificate of listeners that speak TLS and were given none. */
#ifndef CLI_OWN_CERTIFICATE_H
#define CLI_OWN_CERTIFICATE_H

#include "oauth/provider.h"

#define KEYSET_TLS "hydra.https-tls"

struct own_certificate {
    struct str cert, key; /* base64 of PEM, as in the settings tls.cert.base64 and tls.key.base64 */
};
/* The newest key of that set whose certificate lasts another day; makes the set anew when it has none. Waits. */
MUST_USE bool own_certificate(const struct provider *p, struct op *op, struct own_certificate *ret, struct err *e);

#endif
