/* RSA keys (RFC 7518 6.3). A private key always ends up with primes and CRT members, whatever it came with; members that follow
 * from others are computed, never believed. */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/param_build.h>

#include "crypto/jwk_int.h"
#include "crypto/scratch.h"

enum {
    BITS_MIN = 1024,
    BITS_MAX = 16384,
    EXPONENT_BITS_MAX = 64,
    /* Using a private key takes time that grows with the cube of its size, and looking for its primes a multiple of that. */
    PRIVATE_BITS_MAX = 8192,
    FACTORING_BITS_MAX = 4096,
    FACTORING_TRIES = 24, /* each fails for half of the bases */
};

struct numbers {
    BN_CTX *ctx; /* owns them all */
    BIGNUM *n, *e, *d, *p, *q, *dp, *dq, *qi;
};

static void numbers_done(struct numbers *x)
{
    BN_CTX_end(x->ctx);
    BN_CTX_free(x->ctx);
}

static struct numbers numbers_new(void)
{
    struct numbers x = { .ctx = BN_CTX_secure_new() };
    if (x.ctx == NULL) crypto_broken("no memory for numbers");
    BN_CTX_start(x.ctx);
    BIGNUM **all[] = { &x.n, &x.e, &x.d, &x.p, &x.q, &x.dp, &x.dq, &x.qi };
    for (size_t i = 0; i < ARRAY_LEN(all); i++) *all[i] = BN_CTX_get(x.ctx);
    if (x.qi == NULL) crypto_broken("no memory for numbers");
    return x;
}

static bool read_number(struct str bytes, BIGNUM *ret)
{
    while (bytes.n > 0 && bytes.p[0] == '\0') bytes = str_from(bytes, 1);
    return bytes.n <= BITS_MAX / 8 && BN_bin2bn((const unsigned char *)bytes.p, (int)bytes.n, ret) != NULL;
}

static struct str write_number(struct arena *a, const BIGNUM *number)
{
    unsigned char *bytes = arena_alloc(a, (size_t)BN_num_bytes(number) + 1);
    return (struct str) { (char *)bytes, (size_t)BN_bn2bin(number, bytes) };
}

static bool check_public(const struct jwk_parts *parts, struct numbers *x, struct err *e)
{
    ENSURE(parts->n.n > 0, e, INVALID_REQUEST, "An RSA key needs the member n.");
    ENSURE(parts->e.n > 0, e, INVALID_REQUEST, "An RSA key needs the member e.");
    ENSURE(read_number(parts->n, x->n) && read_number(parts->e, x->e), e, INVALID_REQUEST, "The RSA key is too large.");
    int bits = BN_num_bits(x->n);
    ENSUREF(bits >= BITS_MIN && bits <= BITS_MAX, e, INVALID_REQUEST, "The RSA key has %d bits; between %d and %d are accepted.",
            bits, BITS_MIN, BITS_MAX);
    ENSURE(BN_is_odd(x->n), e, INVALID_REQUEST, "The RSA key's n is even.");
    bool exponent = BN_is_odd(x->e) && !BN_is_one(x->e) && BN_num_bits(x->e) <= EXPONENT_BITS_MAX;
    ENSURE(exponent, e, INVALID_REQUEST, "The RSA key's e is not an odd number from 3 on, of at most 64 bits.");
    return true;
}

/* ---- primes from n, e and d ---- */

/* e * d - 1 = odd * 2^twos; a base to the power of it is 1. The last value that was not 1 on the way there, by squaring, is a
 * root of 1; unless that is n - 1, it shares a prime with n. (NIST SP 800-56B, appendix C.1) */
static bool prime_from_base(struct numbers *x, unsigned long base, const BIGNUM *odd, int twos, bool *ret_wrong)
{
    BIGNUM *y = BN_CTX_get(x->ctx), *square = BN_CTX_get(x->ctx);
    if (square == NULL || !BN_set_word(y, base) || !BN_mod_exp(y, y, odd, x->n, x->ctx)) return false;
    for (int i = 0; i < twos && !BN_is_one(y); i++) {
        TRY(BN_mod_sqr(square, y, x->n, x->ctx));
        if (BN_is_one(square)) return BN_sub_word(y, 1) && BN_gcd(x->p, y, x->n, x->ctx);
        BN_swap(y, square);
    }
    *ret_wrong = !BN_is_one(y);
    return false;
}

static bool find_primes(struct numbers *x)
{
    BN_CTX_start(x->ctx);
    BIGNUM *odd = BN_CTX_get(x->ctx);
    bool ready = odd != NULL && BN_mul(odd, x->e, x->d, x->ctx) && BN_sub_word(odd, 1) && !BN_is_zero(odd) && !BN_is_odd(odd);
    int twos = 0;
    while (ready && !BN_is_bit_set(odd, twos)) twos++;
    ready = ready && BN_rshift(odd, odd, twos);

    bool found = false, wrong = false;
    for (unsigned long base = 2; ready && !found && !wrong && base < 2 + FACTORING_TRIES; base++) {
        BN_CTX_start(x->ctx);
        /* n - 1 as the root gives the trivial divisor 1 or n: then the next base. */
        found = prime_from_base(x, base, odd, twos, &wrong) && !BN_is_one(x->p) && BN_cmp(x->p, x->n) != 0;
        BN_CTX_end(x->ctx);
    }
    found = found && BN_div(x->q, NULL, x->n, x->p, x->ctx);
    BN_CTX_end(x->ctx);
    if (found && BN_cmp(x->p, x->q) < 0) BN_swap(x->p, x->q);
    return found;
}

/* ---- the private half ---- */

/* `to` = d mod (prime - 1), and e * d = 1 there. */
static bool crt_exponent(struct numbers *x, const BIGNUM *prime, BIGNUM *to)
{
    BIGNUM *less = BN_CTX_get(x->ctx), *product = BN_CTX_get(x->ctx);
    return product != NULL && BN_sub(less, prime, BN_value_one()) && BN_mod(to, x->d, less, x->ctx) &&
           BN_mod_mul(product, to, x->e, less, x->ctx) && BN_is_one(product);
}

static bool primes_fit(struct numbers *x)
{
    BIGNUM *product = BN_CTX_get(x->ctx);
    return product != NULL && BN_num_bits(x->p) > 1 && BN_num_bits(x->q) > 1 && BN_mul(product, x->p, x->q, x->ctx) &&
           BN_cmp(product, x->n) == 0;
}

static bool check_private(const struct jwk_parts *parts, struct numbers *x, struct err *e)
{
    int bits = BN_num_bits(x->n);
    ENSUREF(bits <= PRIVATE_BITS_MAX, e, INVALID_REQUEST, "The private RSA key has %d bits; at most %d are accepted.", bits,
            PRIVATE_BITS_MAX);
    ENSURE(read_number(parts->d, x->d) && BN_cmp(x->d, x->n) < 0 && BN_num_bits(x->d) > 1, e, INVALID_REQUEST,
           "The RSA key's d is out of range.");
    ENSURE((parts->p.n > 0) == (parts->q.n > 0), e, INVALID_REQUEST, "The RSA key has only one of p and q.");
    if (parts->p.n == 0) {
        ENSUREF(bits <= FACTORING_BITS_MAX, e, INVALID_REQUEST, "A private RSA key of more than %d bits needs p and q.",
                FACTORING_BITS_MAX);
        ENSURE(find_primes(x), e, INVALID_REQUEST, "The RSA key's d does not belong to its n and e.");
    } else {
        bool fit = read_number(parts->p, x->p) && read_number(parts->q, x->q) && primes_fit(x);
        ENSURE(fit, e, INVALID_REQUEST, "The RSA key's n is not the product of p and q.");
    }
    bool belongs = crt_exponent(x, x->p, x->dp) && crt_exponent(x, x->q, x->dq) && BN_mod_inverse(x->qi, x->q, x->p, x->ctx);
    ENSURE(belongs, e, INVALID_REQUEST, "The RSA key's d does not belong to its n and e.");
    return true;
}

/* ---- the key ---- */

static EVP_PKEY *make(const struct numbers *x, bool private)
{
    const struct {
        const char *name;
        const BIGNUM *number;
    } members[] = {
        { OSSL_PKEY_PARAM_RSA_N, x->n },          { OSSL_PKEY_PARAM_RSA_E, x->e },
        { OSSL_PKEY_PARAM_RSA_D, x->d },          { OSSL_PKEY_PARAM_RSA_FACTOR1, x->p },
        { OSSL_PKEY_PARAM_RSA_FACTOR2, x->q },    { OSSL_PKEY_PARAM_RSA_EXPONENT1, x->dp },
        { OSSL_PKEY_PARAM_RSA_EXPONENT2, x->dq }, { OSSL_PKEY_PARAM_RSA_COEFFICIENT1, x->qi },
    };
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    bool built = build != NULL;
    for (size_t i = 0; i < (private ? ARRAY_LEN(members) : 2); i++)
        built = built && OSSL_PARAM_BLD_push_BN(build, members[i].name, members[i].number);
    OSSL_PARAM *params = built ? OSSL_PARAM_BLD_to_param(build) : NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    EVP_PKEY *pkey = NULL;
    bool made = params != NULL && ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
                EVP_PKEY_fromdata(ctx, &pkey, private ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, params) == 1;
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    return made ? pkey : NULL;
}

/* Catches "primes" that are none: only then the relations above hold and signatures still fail. */
static bool signs(EVP_PKEY *pkey)
{
    const struct alg *alg = alg_by_name(STR("RS256"));
    unsigned char signature[PRIVATE_BITS_MAX / 8];
    size_t n = sizeof(signature);
    const unsigned char text[] = "a trial";
    EVP_MD_CTX *ctx = scratch_get()->digest;
    EVP_MD_CTX_reset(ctx);
    bool fits = alg_begin(alg, pkey, true, ctx) && EVP_DigestSign(ctx, signature, &n, text, sizeof(text)) == 1 &&
                EVP_MD_CTX_reset(ctx) && alg_begin(alg, pkey, false, ctx) &&
                EVP_DigestVerify(ctx, signature, n, text, sizeof(text)) == 1;
    EVP_MD_CTX_reset(ctx);
    return fits;
}

static void write_back(struct arena *a, const struct numbers *x, bool private, struct jwk_parts *parts)
{
    *parts = (struct jwk_parts) { .n = write_number(a, x->n), .e = write_number(a, x->e) };
    if (!private) return;
    parts->d = write_number(a, x->d);
    parts->p = write_number(a, x->p);
    parts->q = write_number(a, x->q);
    parts->dp = write_number(a, x->dp);
    parts->dq = write_number(a, x->dq);
    parts->qi = write_number(a, x->qi);
}

bool jwk_load_rsa(struct arena *a, const struct alg *alg, struct jwk_parts *parts, EVP_PKEY **ret, struct err *e)
{
    (void)alg;
    bool private = parts->d.n > 0;
    __attribute__((cleanup(numbers_done))) struct numbers x = numbers_new();
    TRY(check_public(parts, &x, e));
    if (private) TRY(check_private(parts, &x, e));

    EVP_PKEY *pkey = make(&x, private);
    if (pkey == NULL || (private && !signs(pkey))) {
        EVP_PKEY_free(pkey);
        FAIL(e, INVALID_REQUEST, "The RSA key does not work.");
    }
    write_back(a, &x, private, parts);
    *ret = pkey;
    return true;
}
