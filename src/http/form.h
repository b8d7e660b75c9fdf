/* Form bodies: application/x-www-form-urlencoded and multipart/form-data (RFC 7578). */
#ifndef HTTP_FORM_H
#define HTTP_FORM_H

#include "base/err.h"
#include "base/url.h"

enum { FORM_PAIRS_MAX = 1000 };

/* A body of any other type is an empty form. Files in a multipart body are left out. Fails with INVALID_REQUEST when there are
 * too many fields or a multipart body is malformed. */
MUST_USE bool form_read(struct arena *a, struct str content_type, struct str body, struct params *ret, struct err *e);

#endif
