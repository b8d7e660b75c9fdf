/* Sealing: known answers, rotation, one spelling per token, and everything that must not open. */
#include "../vectors.h"

#include <nettle/siv-cmac.h>
#include <pthread.h>
#include <string.h>

#include "base/b64.h"
#include "base/rand.h"
#include "crypto/seal.h"

static const struct str bound = { "http://127.0.0.1:4444/", 22 };
static const struct str prefix = { "ory_at_", 7 };
static const struct str plain = { "thirty bytes to seal: 00000000", 30 };

static struct sealer *sealer_of(struct strs system) { return sealer_new(&(struct sealer_secrets) { .system = system }); }
static struct sealer *sealer_of_one(const char *secret)
{
    return sealer_of((struct strs) { &(struct str) { secret, strlen(secret) }, 1 });
}

/* What everything here rests on; the secret cache rests on the same AES and CMAC. */
static void test_siv_vectors(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    size_t i;
    json_t *row;
    json_array_foreach(vector_rows(a, "siv.json"), i, row)
    {
        enum { KEY, NONCE, DATA, PLAIN, SEALED };
        static const char *const members[] = { "key", "nonce", "data", "plain", "sealed" };
        struct str v[ARRAY_LEN(members)];
        for (size_t j = 0; j < ARRAY_LEN(members); j++) assert_true(hex_decode(a, vector_str(row, members[j]), &v[j]));

        struct siv_cmac_aes256_ctx key;
        assert_int_equal(v[KEY].n, SIV_CMAC_AES256_KEY_SIZE);
        siv_cmac_aes256_set_key(&key, (const uint8_t *)v[KEY].p);
        uint8_t out[64];
        siv_cmac_aes256_encrypt_message(&key, v[NONCE].n, (const uint8_t *)v[NONCE].p, v[DATA].n, (const uint8_t *)v[DATA].p,
                                        v[SEALED].n, out, (const uint8_t *)v[PLAIN].p);
        assert_str((struct str) { (char *)out, v[SEALED].n }, v[SEALED]);
    }
}

static void test_known_tokens(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct sealer *s = sealer_new(&(struct sealer_secrets) {
        .system = { (struct str[]) { STR("system-secret-system-secret"), STR("an older one") }, 2 },
        .cookie = { (struct str[]) { STR("cookie-secret-cookie") }, 1 },
        .pagination = { (struct str[]) { STR("page-secret-page-secret") }, 1 },
    });
    size_t i, tokens = 0;
    json_t *row;
    json_array_foreach(vector_rows(a, "seal.json"), i, row)
    {
        int purpose = (int)json_integer_value(json_object_get(row, "purpose"));
        struct str text = vector_str(row, "plain"), opened;
        if (purpose < 0) {
            unsigned char mac[32];
            sealer_mac(s, vector_str(row, "label").p, text, mac);
            assert_str(hex_encode(a, (struct str) { (char *)mac, 32 }), vector_str(row, "mac"));
            continue;
        }
        struct str with = vector_str(row, "bound"), token = vector_str(row, "token");
        assert_str(seal_token(s, a, (enum seal_purpose)purpose, with, prefix, text), token);
        assert_true(unseal_token(s, a, (enum seal_purpose)purpose, with, prefix, token, &opened));
        assert_str(opened, text);
        tokens++;
    }
    assert_int_equal(tokens, SEAL_PURPOSE_MAX_); /* every purpose has its own known answer */
    sealer_free(s);
}

static void test_purposes_bounds_and_macs_are_apart(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct sealer *s = sealer_of_one("a secret of the system"), *other = sealer_of_one("another secret of it");
    struct str opened, sealed = seal(s, a, SEAL_CODE, bound, plain);
    assert_true(unseal(s, a, SEAL_CODE, bound, sealed, &opened));
    assert_str(opened, plain);
    for (int purpose = 0; purpose < SEAL_PURPOSE_MAX_; purpose++)
        assert_int_equal(unseal(s, a, (enum seal_purpose)purpose, bound, sealed, &opened), purpose == SEAL_CODE);
    assert_false(unseal(s, a, SEAL_CODE, STR("http://127.0.0.1:4444"), sealed, &opened));
    assert_false(unseal(s, a, SEAL_CODE, STR_NONE, sealed, &opened));
    assert_false(unseal(other, a, SEAL_CODE, bound, sealed, &opened));

    unsigned char one[32], two[32];
    sealer_mac(s, "ab", STR("c"), one);
    sealer_mac(s, "a", STR("bc"), two);
    assert_memory_not_equal(one, two, 32);
    sealer_mac(other, "ab", STR("c"), two);
    assert_memory_not_equal(one, two, 32);
    sealer_free(s);
    sealer_free(other);
    sealer_free(NULL);
}

static void test_rotation(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct str old_secret = STR("the old secret, long"), new_secret = STR("the new secret, long");
    struct sealer *old = sealer_of((struct strs) { &old_secret, 1 });
    struct sealer *both = sealer_of((struct strs) { (struct str[]) { new_secret, old_secret }, 2 });
    struct sealer *new = sealer_of((struct strs) { &new_secret, 1 });
    struct str opened, before = seal_text(old, a, SEAL_SESSION_COOKIE, bound, plain);
    assert_true(unseal_text(both, a, SEAL_SESSION_COOKIE, bound, before, &opened));
    assert_str(opened, plain);
    assert_false(unseal_text(new, a, SEAL_SESSION_COOKIE, bound, before, &opened));

    struct str after = seal_text(both, a, SEAL_SESSION_COOKIE, bound, plain); /* by the first secret */
    assert_true(unseal_text(new, a, SEAL_SESSION_COOKIE, bound, after, &opened));
    assert_false(unseal_text(old, a, SEAL_SESSION_COOKIE, bound, after, &opened));
    sealer_free(old);
    sealer_free(both);
    sealer_free(new);
}

static void test_changed_bytes_do_not_open(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct sealer *s = sealer_of_one("a secret of the system");
    struct str opened, sealed = seal(s, a, SEAL_ACCESS_TOKEN, bound, plain);
    for (size_t bit = 0; bit < sealed.n * 8; bit++) {
        char *copy = arena_dupz(a, sealed);
        copy[bit / 8] ^= (char)(1 << bit % 8);
        assert_false(unseal(s, a, SEAL_ACCESS_TOKEN, bound, (struct str) { copy, sealed.n }, &opened));
    }
    for (size_t n = 0; n < sealed.n; n++) assert_false(unseal(s, a, SEAL_ACCESS_TOKEN, bound, str_upto(sealed, n), &opened));
    assert_false(unseal(s, a, SEAL_ACCESS_TOKEN, bound, ARENA_CAT(a, sealed, STR("x")), &opened));
    sealer_free(s);
}

static void test_token_has_one_spelling(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct sealer *s = sealer_of_one("a secret of the system");
    struct str opened, token = seal_token(s, a, SEAL_ACCESS_TOKEN, bound, prefix, plain);
    struct str bare = str_from(token, prefix.n), first, second;
    assert_true(str_split_once(bare, '.', &first, &second));
    assert_true(first.n >= 20 && second.n >= 20);

    struct str right[] = { token, bare };
    for (size_t i = 0; i < ARRAY_LEN(right); i++) {
        assert_true(unseal_token(s, a, SEAL_ACCESS_TOKEN, bound, prefix, right[i], &opened));
        assert_str(opened, plain);
    }
    /* 46 bytes: 31 characters each. The last one carries 2 unused bits: the next character would decode to the same bytes. */
    struct str sloppy = arena_dup(a, token);
    ((char *)sloppy.p)[sloppy.n - 1]++;
    struct str bytes, moved;
    assert_true(b64url_decode(a, ARENA_CAT(a, seal_text(s, a, SEAL_ACCESS_TOKEN, bound, plain)), &bytes));
    moved = ARENA_CAT(a, b64url_encode(a, str_upto(bytes, 20)), STR("."), b64url_encode(a, str_from(bytes, 20)));
    struct str wrong[] = {
        STR(""),
        STR("."),
        STR("ory_at_"),
        STR("ory_at_."),
        prefix,
        first,
        second,
        sloppy,
        moved,
        ARENA_CAT(a, STR("ory_rt_"), bare),
        ARENA_CAT(a, prefix, token),
        ARENA_CAT(a, token, STR("=")),
        ARENA_CAT(a, first, STR("=."), second),
        ARENA_CAT(a, token, STR(".")),
        ARENA_CAT(a, token, STR(" ")),
        ARENA_CAT(a, STR(" "), token),
        ARENA_CAT(a, first, STR(".."), second),
        ARENA_CAT(a, first, second),
        ARENA_CAT(a, second, STR("."), first),
        ARENA_CAT(a, first, STR("."), second, STR("."), second),
        seal_text(s, a, SEAL_ACCESS_TOKEN, bound, plain),
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_false(unseal_token(s, a, SEAL_ACCESS_TOKEN, bound, prefix, wrong[i], &opened));
    sealer_free(s);
}

static void test_shapes_and_limits(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct sealer *s = sealer_of_one("a secret of the system");
    for (size_t n = 14; n < 200; n++) {
        char *bytes = arena_alloc(a, n);
        rand_bytes(bytes, n);
        struct str text = { bytes, n }, opened, first, second;
        struct str token = seal_token(s, a, SEAL_REFRESH_TOKEN, STR_NONE, STR("ory_rt_"), text);
        assert_true(str_split_once(str_from(token, 7), '.', &first, &second) && first.n >= 20 && second.n >= 20);
        assert_true(unseal_token(s, a, SEAL_REFRESH_TOKEN, STR_NONE, STR("ory_rt_"), token, &opened));
        assert_str(opened, text);
    }

    /* A text of 128 KiB opens, a longer one is not even decoded; stored bytes have no such limit. */
    enum { MOST = 128 * 1024 * 3 / 4 - 16 };
    struct str most = { arena_zalloc(a, MOST), MOST }, more = { arena_zalloc(a, MOST + 1), MOST + 1 }, opened;
    struct str fits = seal_text(s, a, SEAL_LOGIN_CHALLENGE, bound, most),
               too_long = seal_text(s, a, SEAL_LOGIN_CHALLENGE, bound, more);
    assert_int_equal(fits.n, 128 * 1024);
    assert_true(unseal_text(s, a, SEAL_LOGIN_CHALLENGE, bound, fits, &opened));
    assert_false(unseal_text(s, a, SEAL_LOGIN_CHALLENGE, bound, too_long, &opened));
    assert_false(unseal_token(s, a, SEAL_LOGIN_CHALLENGE, bound, prefix,
                              seal_token(s, a, SEAL_LOGIN_CHALLENGE, bound, prefix, str_upto(more, 6200)), &opened));
    assert_true(unseal(s, a, SEAL_STORED_SESSION, bound, seal(s, a, SEAL_STORED_SESSION, bound, more), &opened));
    static const char *const wrong[] = {
        "", "A", "AAAA", "AAAAAAAAAAAAAAAAAAAAAA", "not base64url!", "+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/"
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_false(unseal_text(s, a, SEAL_LOGIN_CHALLENGE, bound, str_of(wrong[i]), &opened));
    sealer_free(s);
}

static void *seal_often(void *sealer)
{
    ARENA_AUTO a = arena_new();
    for (int i = 0; i < 500; i++) {
        struct str opened, token = seal_token(sealer, a, SEAL_ACCESS_TOKEN, bound, prefix, plain);
        if (!unseal_token(sealer, a, SEAL_ACCESS_TOKEN, bound, prefix, token, &opened) || !str_eq(opened, plain)) return sealer;
        arena_reset(a);
    }
    return NULL;
}

static void test_many_threads(void **state)
{
    (void)state;
    struct sealer *s = sealer_of_one("a secret of the system");
    pthread_t threads[8];
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) assert_int_equal(pthread_create(&threads[i], NULL, seal_often, s), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        void *failed;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    sealer_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_siv_vectors),
        cmocka_unit_test(test_known_tokens),
        cmocka_unit_test(test_purposes_bounds_and_macs_are_apart),
        cmocka_unit_test(test_rotation),
        cmocka_unit_test(test_changed_bytes_do_not_open),
        cmocka_unit_test(test_token_has_one_spelling),
        cmocka_unit_test(test_shapes_and_limits),
        cmocka_unit_test(test_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
