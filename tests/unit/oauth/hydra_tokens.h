/* Tokens as Hydra would have given them out under the secret of the tests. */
#ifndef TEST_HYDRA_TOKENS_H
#define TEST_HYDRA_TOKENS_H

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <string.h>

#include "world.h"

#include "base/b64.h"

#define THE_SECRET "a-secret-for-the-unit-tests"

/* Opaque; one for each `n`. */
static inline struct str hydra_token(struct world *w, const char *prefix, const char *secret, char n)
{
    unsigned char key[32], random[32], mac[32];
    size_t length;
    EVP_Digest(secret, strlen(secret), key, NULL, EVP_sha256(), NULL);
    memset(random, n, sizeof(random));
    assert_non_null(
        EVP_Q_mac(NULL, "HMAC", NULL, "SHA512-256", NULL, key, sizeof(key), random, sizeof(random), mac, sizeof(mac), &length));
    return ARENA_CAT(w->arena, str_of(prefix), b64url_encode(w->arena, (struct str) { (char *)random, 32 }), STR("."),
                     b64url_encode(w->arena, (struct str) { (char *)mac, 32 }));
}

/* What its row is found by. */
static inline struct str digest_of(struct world *w, struct str token)
{
    while (str_has(token, '.')) str_cut(&token, '.');
    return hydra_signature_digest(w->arena, token);
}

static inline void put_earlier(struct world *w, struct earlier_token row)
{
    struct import how;
    WORLD_TRY(w, store_import_earlier(w->p->store, &w->op, &row, &how, 1, &w->e));
}

#endif
