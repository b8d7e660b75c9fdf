/* The device's side of the device authorization grant (RFC 8628): its request, the codes it gets, and polling for tokens. */
#ifndef OAUTH_DEVICE_H
#define OAUTH_DEVICE_H

#include "oauth/grants.h"

#define DEVICE_GRANT_TYPE  "urn:ietf:params:oauth:grant-type:device_code"
#define DEVICE_CODE_PREFIX STR("ory_dc_")

/* Answers POST /oauth2/device/auth: *ret_json is the body of the 200. */
MUST_USE bool device_request(const struct provider *p, struct op *op, const struct client_credentials *credentials,
                             struct str *ret_json, struct err *e);

/* What a user code is found by. Blanks and dashes do not count; case does only where an alphabet of the operator's own tells
 * codes apart by it. */
struct str user_code_digest(const struct provider *p, struct arena *a, struct str typed);
/* What it may be found by if it was shown before a take-over, where the row has the digest that it had there. */
struct strs user_code_earlier_digests(const struct provider *p, struct arena *a, struct str typed);

/* The device code, sealed: which device it is, and until when. */
struct device_code {
    struct str device_id;
    usec_t expires_at;
};
struct str device_code_issue(const struct provider *p, struct arena *a, const struct device_code *c);
/* False: not sealed by us, or changed. With or without its prefix. */
MUST_USE bool device_code_open(const struct provider *p, struct arena *a, struct str text, struct device_code *ret);

#endif
