/* Client secrets as slow hashes. One row per stored form; a form is taken apart first (cheap, refuses what is malformed or too
 * costly), then derived under a lane (slow), then compared. argon2 is only read, for hashes that were made elsewhere; libargon2
 * is linked: it is 34 KB without dependencies, and a hash that stopped working for want of a file would be hard to explain.
 * Does not know clients, only texts. */
#include "crypto/secret.h"

#include <argon2.h>
#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/b64.h"
#include "base/rand.h"
#include "crypto/lane.h"

enum {
    PBKDF2_CEILING = 10000000,
    BCRYPT_CEILING = 16,
    ARGON2_KIB_CEILING = 256 * 1024,
    ARGON2_PASSES_CEILING = 16,
    BCRYPT_LONGEST_SECRET = 72,
    BCRYPT_SETTING = 29, /* $2b$10$ and 22 characters of salt */
    BCRYPT_KEY = 31,
    SALT_NEW = 16,
    KEY_NEW = 32,
    SHORTEST_KEY = 16, /* a shorter one could be met by chance */
    LONGEST_KEY = 128,
    LONGEST_STORED = 1024,
};

struct scheme;

/* A stored hash, taken apart. */
struct stored {
    const struct scheme *scheme;
    int64_t cost;          /* iterations, bcrypt's logarithm, or passes */
    int64_t memory, lanes; /* argon2 */
    struct str salt, key;  /* bcrypt: the setting and the rest of the text */
};

struct scheme {
    const char *prefix;
    bool (*read)(struct arena *a, struct str text, const struct secret_cost *cost, struct stored *ret);
    bool (*derive)(const struct stored *s, struct str secret, unsigned char *key);
    const EVP_MD *(*digest)(void); /* PBKDF2 */
    argon2_type variant;           /* argon2 */
};

/* ---- PBKDF2: $pbkdf2-sha256$i=25000,l=32$salt$key ---- */

/* "i=25000,l=32" with these names in this order, nothing else; values from 1 on. */
static bool read_numbers(struct str text, size_t n, const char *const names[], int64_t values[])
{
    for (size_t i = 0; i < n; i++) {
        struct str part = str_cut(&text, ','), name, value;
        TRY(str_split_once(part, '=', &name, &value) && str_eq(name, str_of(names[i])));
        TRY(str_to_int(value, &values[i]) && values[i] >= 1);
    }
    return text.p == NULL;
}

/* "salt$key" at the end of the text. */
static bool read_salt_and_key(struct arena *a, struct str text, struct stored *ret)
{
    struct str salt, key;
    TRY(str_split_once(text, '$', &salt, &key));
    TRY(b64_decode(a, salt, &ret->salt) && b64_decode(a, key, &ret->key));
    return ret->key.n >= SHORTEST_KEY && ret->key.n <= LONGEST_KEY;
}

static bool pbkdf2_read(struct arena *a, struct str text, const struct secret_cost *cost, struct stored *ret)
{
    struct str numbers, rest;
    int64_t v[2]; /* the length is the key's own, not what stands there */
    TRY(str_split_once(text, '$', &numbers, &rest));
    TRY(read_numbers(numbers, 2, (const char *const[]) { "i", "l" }, v));
    ret->cost = v[0];
    int64_t ceiling = cost->pbkdf2_iterations > PBKDF2_CEILING ? cost->pbkdf2_iterations : PBKDF2_CEILING;
    return ret->cost <= ceiling && ret->cost <= INT32_MAX && read_salt_and_key(a, rest, ret);
}

static bool pbkdf2_derive(const struct stored *s, struct str secret, unsigned char *key)
{
    return PKCS5_PBKDF2_HMAC(secret.p != NULL ? secret.p : "", (int)secret.n, (const unsigned char *)s->salt.p, (int)s->salt.n,
                             (int)s->cost, s->scheme->digest(), (int)s->key.n, key) == 1;
}

/* ---- bcrypt: $2a$10$ and 53 characters ---- */

/* All prefixes mean the same function here, as for the software that made such hashes: what libxcrypt calls $2b$. */
static struct str bcrypt_setting(struct arena *a, int64_t cost, struct str salt22)
{
    return arena_printf(a, "$2b$%02d$%.*s", (int)cost, STR_FMT(salt22));
}

static bool bcrypt_read(struct arena *a, struct str text, const struct secret_cost *cost, struct stored *ret)
{
    struct str number, rest;
    TRY(str_split_once(text, '$', &number, &rest) && number.n == 2 && str_to_int(number, &ret->cost));
    int64_t ceiling = cost->algorithm == SECRET_BCRYPT && cost->bcrypt_cost > BCRYPT_CEILING ? cost->bcrypt_cost : BCRYPT_CEILING;
    if (ret->cost < 4 || ret->cost > ceiling || rest.n != 22 + BCRYPT_KEY) return false;
    ret->salt = bcrypt_setting(a, ret->cost, str_upto(rest, 22));
    ret->key = str_from(rest, 22);
    return true;
}

/* bcrypt reads 72 bytes up to a NUL: a longer secret, or one with a NUL, would stand for others. */
static bool bcrypt_takes(struct str secret)
{
    return secret.n <= BCRYPT_LONGEST_SECRET && (secret.n == 0 || memchr(secret.p, '\0', secret.n) == NULL);
}

static bool bcrypt_derive(const struct stored *s, struct str secret, unsigned char *key)
{
    if (!bcrypt_takes(secret)) return false;
    char phrase[BCRYPT_LONGEST_SECRET + 1] = "";
    if (secret.n > 0) memcpy(phrase, secret.p, secret.n);

    struct crypt_data *data = calloc(1, sizeof(*data)); /* 32 KB */
    const char *text = data != NULL ? crypt_rn(phrase, s->salt.p, data, (int)sizeof(*data)) : NULL;
    bool done = text != NULL && strlen(text) == BCRYPT_SETTING + BCRYPT_KEY;
    if (done) memcpy(key, text + BCRYPT_SETTING, BCRYPT_KEY);
    OPENSSL_cleanse(phrase, sizeof(phrase));
    if (data != NULL) OPENSSL_cleanse(data, sizeof(*data));
    free(data);
    return done;
}

/* ---- argon2: $argon2id$v=19$m=65536,t=3,p=4$salt$key ---- */

static bool argon2_read(struct arena *a, struct str text, const struct secret_cost *cost, struct stored *ret)
{
    (void)cost;
    if (!str_starts(text, STR("v=19$"))) return false;
    struct str numbers, rest;
    int64_t v[3];
    TRY(str_split_once(str_from(text, 5), '$', &numbers, &rest));
    TRY(read_numbers(numbers, 3, (const char *const[]) { "m", "t", "p" }, v));
    ret->memory = v[0], ret->cost = v[1], ret->lanes = v[2];
    bool affordable = ret->memory <= ARGON2_KIB_CEILING && ret->cost <= ARGON2_PASSES_CEILING && ret->lanes <= 255;
    return affordable && read_salt_and_key(a, rest, ret);
}

static bool argon2_derive(const struct stored *s, struct str secret, unsigned char *key)
{
    argon2_context ctx = {
        .out = key,
        .outlen = (uint32_t)s->key.n,
        .pwd = (uint8_t *)secret.p, /* not written to: the flag for that is not set */
        .pwdlen = (uint32_t)secret.n,
        .salt = (uint8_t *)s->salt.p,
        .saltlen = (uint32_t)s->salt.n,
        .t_cost = (uint32_t)s->cost,
        .m_cost = (uint32_t)s->memory,
        .lanes = (uint32_t)s->lanes,
        .threads = 1, /* the number of threads does not change the result */
        .version = ARGON2_VERSION_13,
    };
    return argon2_ctx(&ctx, s->scheme->variant) == ARGON2_OK;
}

/* ---- all forms ---- */

static const struct scheme schemes[] = {
    /* clang-format off */
    { "$pbkdf2-sha256$", pbkdf2_read, pbkdf2_derive, .digest = EVP_sha256 },
    { "$pbkdf2-sha512$", pbkdf2_read, pbkdf2_derive, .digest = EVP_sha512 },
    { "$pbkdf2-sha1$",   pbkdf2_read, pbkdf2_derive, .digest = EVP_sha1 },
    { "$pbkdf2-sha224$", pbkdf2_read, pbkdf2_derive, .digest = EVP_sha3_224 }, /* SHA-3 under the names of SHA-2: */
    { "$pbkdf2-sha384$", pbkdf2_read, pbkdf2_derive, .digest = EVP_sha3_384 }, /* that is what stored hashes hold */
    { "$2a$",            bcrypt_read, bcrypt_derive },
    { "$2b$",            bcrypt_read, bcrypt_derive },
    { "$2y$",            bcrypt_read, bcrypt_derive },
    { "$2z$",            bcrypt_read, bcrypt_derive },
    { "$2$",             bcrypt_read, bcrypt_derive },
    { "$argon2id$",      argon2_read, argon2_derive, .variant = Argon2_id },
    { "$argon2i$",       argon2_read, argon2_derive, .variant = Argon2_i },
    /* clang-format on */
};
#define NEW_PBKDF2 (&schemes[0])

static bool take_apart(struct arena *a, struct str text, const struct secret_cost *cost, struct stored *ret)
{
    if (text.n > LONGEST_STORED) return false;
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        struct str prefix = str_of(schemes[i].prefix);
        if (!str_starts(text, prefix)) continue;
        *ret = (struct stored) { .scheme = &schemes[i] };
        return schemes[i].read(a, str_from(text, prefix.n), cost, ret);
    }
    return false;
}

/* A hash that `cost` would make just so, or a stronger one of that algorithm, stays. */
static bool is_outdated(const struct stored *s, const struct secret_cost *cost, struct str secret)
{
    if (cost->algorithm == SECRET_BCRYPT) {
        if (s->scheme->read != bcrypt_read) return bcrypt_takes(secret);
        return s->cost < cost->bcrypt_cost;
    }
    return s->scheme != NEW_PBKDF2 || s->cost < cost->pbkdf2_iterations || s->key.n < KEY_NEW || s->salt.n < SALT_NEW;
}

/* ---- interface ---- */

/* A hash to be made: everything but the key is set. */
static struct stored fresh(struct arena *a, const struct secret_cost *cost)
{
    char *random = arena_alloc(a, SALT_NEW);
    rand_bytes(random, SALT_NEW);
    if (cost->algorithm == SECRET_PBKDF2)
        return (struct stored) { NEW_PBKDF2, .cost = cost->pbkdf2_iterations, .salt = { random, SALT_NEW }, .key.n = KEY_NEW };

    char setting[CRYPT_GENSALT_OUTPUT_SIZE] = "";
    crypt_gensalt_rn("$2b$", (unsigned long)cost->bcrypt_cost, random, SALT_NEW, setting, (int)sizeof(setting));
    return (struct stored) { .cost = cost->bcrypt_cost, .salt = arena_dup(a, str_of(setting)), .key.n = BCRYPT_KEY };
}

static struct str stored_text(struct arena *a, const struct stored *s)
{
    if (s->scheme != NEW_PBKDF2) /* $2a$: the prefix that the most readers know */
        return arena_printf(a, "$2a$%.*s%.*s", STR_FMT(str_from(s->salt, 4)), STR_FMT(s->key));
    struct str salt = b64_encode(a, s->salt), key = b64_encode(a, s->key);
    while (str_ends(salt, STR("="))) salt.n--;
    while (str_ends(key, STR("="))) key.n--;
    return arena_printf(a, "$pbkdf2-sha256$i=%lld,l=%zu$%.*s$%.*s", (long long)s->cost, s->key.n, STR_FMT(salt), STR_FMT(key));
}

bool secret_hash(struct op *op, const struct secret_cost *cost, struct str secret, struct str *ret, struct err *e)
{
    bool bcrypt = cost->algorithm == SECRET_BCRYPT;
    ENSURE(!bcrypt || secret.n <= BCRYPT_LONGEST_SECRET, e, INVALID_CLIENT_METADATA,
           "The secret is longer than the 72 bytes that bcrypt takes; use a shorter one.");
    ENSURE(!bcrypt || bcrypt_takes(secret), e, INVALID_CLIENT_METADATA, "The secret contains a NUL, which bcrypt cannot take.");
    OP_MUST_WAIT(op, e);

    struct stored s = fresh(op->arena, cost);
    char *key = arena_alloc(op->arena, LONGEST_KEY);
    s.key.p = key;
    TRY(lane_enter(e));
    bool done = bcrypt ? bcrypt_derive(&s, secret, (unsigned char *)key) : pbkdf2_derive(&s, secret, (unsigned char *)key);
    lane_leave();
    ENSURE(done, e, SERVER_ERROR, "The secret could not be hashed.");
    *ret = stored_text(op->arena, &s);
    return true;
}

bool secret_verify(struct op *op, const struct secret_cost *cost, struct str stored, struct str secret, enum secret_match *ret,
                   struct err *e)
{
    OP_MUST_WAIT(op, e);
    *ret = SECRET_WRONG;
    struct stored s;
    if (!take_apart(op->arena, stored, cost, &s)) return true;

    unsigned char key[LONGEST_KEY];
    TRY(lane_enter(e));
    bool done = s.scheme->derive(&s, secret, key);
    lane_leave();
    if (done && CRYPTO_memcmp(key, s.key.p, s.key.n) == 0)
        *ret = is_outdated(&s, cost, secret) ? SECRET_RIGHT_OUTDATED : SECRET_RIGHT;
    OPENSSL_cleanse(key, sizeof(key));
    return true;
}

/* Verifies against a hash that nobody knows a secret for. */
bool secret_waste(struct op *op, const struct secret_cost *cost, struct str secret, struct err *e)
{
    OP_MUST_WAIT(op, e);
    struct stored s = fresh(op->arena, cost);
    s.key.p = cost->algorithm == SECRET_BCRYPT ? "0000000000000000000000000000000" : "00000000000000000000000000000000";
    enum secret_match match;
    return secret_verify(op, cost, stored_text(op->arena, &s), secret, &match, e);
}
