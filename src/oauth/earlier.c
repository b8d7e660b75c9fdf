/* Finds the tokens that stand in for those from before a take-over, and writes the rows that they are found by. */
#include "oauth/earlier.h"

#include "base/b64.h"
#include "oauth/code.h"
#include "oauth/device.h"
#include "oauth/refresh_token.h"
#include "oauth/token_int.h"

/* ---- serving ---- */

static bool find(const struct provider *p, struct op *op, struct str signature, struct str *ret, struct err *e)
{
    const struct str digest = hydra_signature_digest(op->arena, signature);
    struct str sealed;
    TRY(store_earlier_get(p->store, op, digest, &sealed, e));
    if (sealed.n == 0 || !unseal_text(p->sealer, op->arena, SEAL_EARLIER_TOKEN, digest, sealed, ret)) *ret = STR("");
    return true;
}

bool earlier_token(const struct provider *p, struct op *op, struct str prefix, struct str text, struct str *ret, struct err *e)
{
    struct str signature;
    *ret = text;
    return !hydra_token_verify(p->hydra, prefix, text, &signature) || find(p, op, signature, ret, e);
}

bool earlier_jwt(const struct provider *p, struct op *op, struct str text, struct str *ret, struct err *e)
{
    struct str signature = text;
    str_cut(&signature, '.');
    str_cut(&signature, '.');
    return find(p, op, signature, ret, e);
}

/* ---- taking over ---- */

/* Sealed for this row only: the token in it opens by nothing but the signature that the row is for. */
static struct earlier_token row(const struct provider *p, struct arena *a, struct str digest, struct str token, usec_t until)
{
    return (struct earlier_token) { .digest = digest,
                                    .token = seal_text(p->sealer, a, SEAL_EARLIER_TOKEN, digest, token),
                                    .expires_at = until };
}

bool earlier_access_token(const struct provider *p, struct op *op, struct str digest, const struct access_token *t,
                          struct earlier_token *ret, struct err *e)
{
    struct access_token own = *t;
    struct str bytes, text;
    ENSURE(hex_decode(op->arena, digest, &bytes) && bytes.n >= TOKEN_ID_BYTES, e, BAD_REQUEST,
           "An access token's digest is no hex.");
    TRY(token_opaque_earlier(p, op, &own, bytes, &text, e));
    *ret = row(p, op->arena, digest, text, own.expires_at + USEC_PER_SEC);
    return true;
}

struct earlier_token earlier_refresh_token(const struct provider *p, struct arena *a, struct str digest,
                                           const struct refresh_token *t, usec_t until)
{
    return row(p, a, digest, refresh_token_write(p, a, t), until);
}

struct earlier_token earlier_code(const struct provider *p, struct arena *a, struct str digest, const struct code *c,
                                  usec_t until)
{
    return row(p, a, digest, code_issue(p, a, c), until);
}

struct earlier_token earlier_device_code(const struct provider *p, struct arena *a, struct str digest,
                                         const struct device_code *c)
{
    /* Beyond the row of the device: who polls later than that is told that the code has expired. */
    return row(p, a, digest, device_code_issue(p, a, c), c->expires_at + INT64_C(24) * 3600 * USEC_PER_SEC);
}

struct earlier_token earlier_registration_token(const struct provider *p, struct arena *a, struct str digest,
                                                const struct client *c)
{
    return row(p, a, digest, client_registration_token(p, a, c), USEC_NEVER);
}
