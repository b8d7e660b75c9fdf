/* Subject identifiers by type of client. Knows nothing of logins and tokens. */
#include "oauth/subject.h"

#include <openssl/evp.h>

#include "base/b64.h"
#include "base/url.h"
#include "oauth/token.h"

static bool is_pairwise(const struct client *c) { return str_eq(c->subject_type, STR("pairwise")); }

/* Access tokens that are JWTs show the subject to the client, so there is nothing left to hide. */
static bool is_available(const struct provider *p, const struct client *c)
{
    return strs_has(p->config->oidc_subject_identifiers_supported_types, STR("pairwise")) && !token_is_jwt_for(p, c);
}

/* OpenID Connect Core 8.1: "If the Client has not provided a value for sector_identifier_uri [...] the Sector Identifier used
 * [...] is the host component of the registered redirect_uri. If there are multiple hostnames in the registered redirect_uris,
 * the Client MUST register a sector_identifier_uri." */
static bool sector_of(struct arena *a, const struct client *c, struct str *ret, struct err *e)
{
    *ret = c->sector_identifier_uri;
    if (ret->n > 0) return true;
    for (size_t i = 0; i < c->redirect_uris.n; i++) {
        struct url u;
        ENSURE(url_parse(a, c->redirect_uris.v[i], &u), e, INVALID_REQUEST, "A redirect URI of the client cannot be read.");
        const struct str host = url_hostport(a, &u);
        ENSURE(i == 0 || str_eq(host, *ret), e, INVALID_REQUEST,
               "The client has redirect URIs on several hosts and subject_type 'pairwise', so it needs a sector_identifier_uri.");
        *ret = host;
    }
    ENSURE(ret->n > 0, e, INVALID_REQUEST,
           "The client has subject_type 'pairwise', so it needs a redirect URI with a host or a sector_identifier_uri.");
    return true;
}

static bool pairwise_of(const struct provider *p, struct arena *a, const struct client *c, struct str subject, struct str *ret,
                        struct err *e)
{
    struct str sector;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length;
    TRY(sector_of(a, c, &sector, e));
    const struct str text = ARENA_CAT(a, sector, subject, p->config->oidc_subject_identifiers_pairwise_salt);
    ENSURE(EVP_Digest(text.p, text.n, digest, &length, EVP_sha256(), NULL) == 1, e, SERVER_ERROR, "SHA-256 failed.");
    *ret = hex_encode(a, (struct str) { (const char *)digest, length });
    return true;
}

bool subject_of_login(const struct provider *p, struct arena *a, const struct client *c, struct str subject, struct str forced,
                      struct str *ret, struct err *e)
{
    *ret = subject;
    if (!is_pairwise(c)) return true;
    ENSURE(is_available(p, c), e, INVALID_REQUEST,
           "The client has subject_type 'pairwise', which this server is not configured for.");
    *ret = forced;
    return forced.n > 0 || pairwise_of(p, a, c, subject, ret, e);
}
