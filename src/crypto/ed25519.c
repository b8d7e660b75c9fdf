/* Is an Ed25519 public key a point to trust? OpenSSL finds out only inside a verification, where it cannot be told from a wrong
 * signature. Works on public values only, so nothing here hides its timing. */
#include <openssl/bn.h>
#include <string.h>

#include "crypto/jwk_int.h"
#include "crypto/scratch.h"

/* RFC 8032 5.1: -x^2 + y^2 = 1 + d x^2 y^2 modulo 2^255 - 19. */
static const char prime_hex[] = "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed";
static const char d_hex[] = "52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3";

struct field {
    BN_CTX *ctx;
    BIGNUM *p, *d, *y2, *u, *v; /* y squared, y^2 - 1, d y^2 + 1: x squared is u / v */
};

static bool set_up(struct field *f, const BIGNUM *y)
{
    return BN_hex2bn(&f->p, prime_hex) > 0 && BN_hex2bn(&f->d, d_hex) > 0 && BN_mod_sqr(f->y2, y, f->p, f->ctx) &&
           BN_mod_sub(f->u, f->y2, BN_value_one(), f->p, f->ctx) && BN_mod_mul(f->v, f->d, f->y2, f->p, f->ctx) &&
           BN_add_word(f->v, 1);
}

/* u / v is a square if and only if u v is. */
static bool is_on_curve(const struct field *f)
{
    BIGNUM *product = BN_CTX_get(f->ctx);
    return product != NULL && BN_mod_mul(product, f->u, f->v, f->p, f->ctx) && BN_kronecker(product, f->p, f->ctx) >= 0;
}

/* With a point of order 1, 2, 4 or 8 a signature verifies that nobody has made. Those are y = 1, y = -1, y = 0, and where
 * doubling gives y = 0: d y^4 + 2 y^2 = 1, that is y^2 (v + 1) = 1. */
static bool is_of_small_order(const struct field *f)
{
    if (BN_is_zero(f->y2) || BN_is_one(f->y2)) return true;
    BIGNUM *left = BN_CTX_get(f->ctx), *next = BN_CTX_get(f->ctx);
    bool known =
        next != NULL && BN_copy(next, f->v) != NULL && BN_add_word(next, 1) && BN_mod_mul(left, f->y2, next, f->p, f->ctx);
    return !known || BN_is_one(left);
}

bool ed25519_point_is_good(const unsigned char point[32])
{
    unsigned char bytes[32];
    memcpy(bytes, point, sizeof(bytes));
    bytes[31] &= 0x7F; /* the top bit is x's sign */

    struct field f = { .ctx = BN_CTX_new() };
    if (f.ctx == NULL) crypto_broken("no memory for numbers");
    BN_CTX_start(f.ctx);
    BIGNUM *y = BN_CTX_get(f.ctx);
    f.p = BN_CTX_get(f.ctx), f.d = BN_CTX_get(f.ctx), f.y2 = BN_CTX_get(f.ctx), f.u = BN_CTX_get(f.ctx), f.v = BN_CTX_get(f.ctx);
    /* RFC 8032 5.1.3: decoding fails when the value is not below p. */
    bool good = f.v != NULL && BN_lebin2bn(bytes, sizeof(bytes), y) != NULL && set_up(&f, y) && BN_cmp(y, f.p) < 0 &&
                is_on_curve(&f) && !is_of_small_order(&f);
    BN_CTX_end(f.ctx);
    BN_CTX_free(f.ctx);
    return good;
}
