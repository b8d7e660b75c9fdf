/* GnuTLS, whose header has a tag that is ours too. */
#ifndef HTTP_GNUTLS_LIB_H
#define HTTP_GNUTLS_LIB_H

#define params gnutls_tag_params
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#undef params

#endif
