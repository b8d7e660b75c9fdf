/* Compares what the authorization request promised with what the token request shows. Only S256 exists here. */
#include "oauth/pkce.h"

#include <openssl/evp.h>

#include "base/b64.h"

enum { VERIFIER_MIN = 43, VERIFIER_MAX = 128 };

static bool is_unreserved(char c)
{
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return letter || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
}

/* RFC 7636 4.1: "unreserved characters [...] with a minimum length of 43 characters and a maximum length of 128 characters". */
static bool check_form(struct str verifier, struct err *e)
{
    ENSUREF(verifier.n >= VERIFIER_MIN, e, INVALID_GRANT, "The PKCE code verifier must be at least %d characters.", VERIFIER_MIN);
    ENSUREF(verifier.n <= VERIFIER_MAX, e, INVALID_GRANT, "The PKCE code verifier can not be longer than %d characters.",
            VERIFIER_MAX);
    for (size_t i = 0; i < verifier.n; i++) {
        ENSURE(is_unreserved(verifier.p[i]), e, INVALID_GRANT,
               "The PKCE code verifier must only contain [a-Z], [0-9], '-', '.', '_', '~'.");
    }
    return true;
}

static bool check_absent(const struct provider *p, const struct client *c, struct str verifier, struct err *e)
{
    /* RFC 9700 2.1.1: "a token request containing a code_verifier parameter is accepted only if a code_challenge parameter was
     * present in the authorization request". */
    ENSURE(verifier.n == 0, e, INVALID_GRANT, "Unable to find initial PKCE data tied to this request");
    const bool public_only = p->config->oauth2_pkce_enforced_for_public_clients && client_is_public(c);
    ENSURE(!p->config->oauth2_pkce_enforced && !public_only, e, INVALID_REQUEST,
           "This server requires PKCE of the client, and the authorization request had no code_challenge.");
    return true;
}

bool pkce_check(const struct provider *p, struct op *op, const struct client *c, struct str challenge, struct str verifier,
                struct err *e)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length;
    if (challenge.n == 0) return check_absent(p, c, verifier, e);
    TRY(check_form(verifier, e));
    ENSURE(EVP_Digest(verifier.p, verifier.n, digest, &length, EVP_sha256(), NULL) == 1, e, SERVER_ERROR, "SHA-256 failed.");
    /* RFC 7636 4.6: "BASE64URL-ENCODE(SHA256(ASCII(code_verifier))) == code_challenge" */
    const struct str made = b64url_encode(op->arena, (struct str) { (const char *)digest, length });
    ENSURE(str_eq_secret(made, challenge), e, INVALID_GRANT, "The PKCE code challenge did not match the code verifier.");
    return true;
}
