/* Secret hashes: every stored form, every malformed or too costly one, new hashes, upgrades. */
#include "../vectors.h"

#include <string.h>

#include "crypto/secret.h"

static const struct secret_cost pbkdf2 = { SECRET_PBKDF2, .pbkdf2_iterations = 1000 };
static const struct secret_cost bcrypt = { SECRET_BCRYPT, .bcrypt_cost = 4 };

static enum secret_match verify(struct arena *a, const struct secret_cost *cost, struct str stored, struct str secret)
{
    struct op op = { .arena = a, .may_wait = true };
    struct err e = ERR_INIT(a);
    enum secret_match match;
    assert_true(secret_verify(&op, cost, stored, secret, &match, &e));
    return match;
}

static struct str hash(struct arena *a, const struct secret_cost *cost, struct str secret)
{
    struct op op = { .arena = a, .may_wait = true };
    struct err e = ERR_INIT(a);
    struct str stored;
    assert_true(secret_hash(&op, cost, secret, &stored, &e));
    return stored;
}

static void test_stored_forms(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    size_t i;
    json_t *row;
    json_array_foreach(vector_rows(a, "secrets.json"), i, row)
    {
        struct str stored = vector_str(row, "stored"), secret = vector_str(row, "secret");
        if (verify(a, &pbkdf2, stored, secret) == SECRET_WRONG) fail_msg("%.*s does not match", STR_FMT(stored));
        assert_int_equal(verify(a, &pbkdf2, stored, ARENA_CAT(a, secret, STR("x"))), SECRET_WRONG);
        if (secret.n > 0) assert_int_equal(verify(a, &pbkdf2, stored, str_upto(secret, secret.n - 1)), SECRET_WRONG);

        /* The last character carries bits of the key in every form. */
        struct str changed = arena_dup(a, stored);
        ((char *)changed.p)[changed.n - 2] ^= 1;
        assert_int_equal(verify(a, &pbkdf2, changed, secret), SECRET_WRONG);
    }
}

static void test_malformed_hashes_match_nothing(void **state)
{
    (void)state;
    static const char *const stored[] = {
        "",
        "tv-secret-1234567890",
        "$",
        "$2a$",
        "$2a$05$",
        "$2a$5$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe",
        "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeWW",
        "$2a$05$CCCCCCCCCCCCCCCCCCC!!.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2a$-5$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2a$03$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$pbkdf2-sha256$",
        "$pbkdf2-sha256$i=25000,l=32$AAECAwQFBgcICQoLDA0ODw",
        "$pbkdf2-sha256$i=25000,l=32$AAECAwQFBgcICQoLDA0ODw$",
        "$pbkdf2-sha256$i=0,l=32$AAECAwQFBgcICQoLDA0ODw$oC5keBgfftMvP+lL5rGbSUo9CBSiynklCFPDvEqXHIA",
        "$pbkdf2-sha256$i=-1,l=32$AAECAwQFBgcICQoLDA0ODw$oC5keBgfftMvP+lL5rGbSUo9CBSiynklCFPDvEqXHIA",
        "$pbkdf2-sha256$i=x,l=32$AAECAwQFBgcICQoLDA0ODw$oC5keBgfftMvP+lL5rGbSUo9CBSiynklCFPDvEqXHIA",
        "$pbkdf2-sha256$l=32,i=25000$AAECAwQFBgcICQoLDA0ODw$oC5keBgfftMvP+lL5rGbSUo9CBSiynklCFPDvEqXHIA",
        "$pbkdf2-sha256$i=25000$AAECAwQFBgcICQoLDA0ODw$oC5keBgfftMvP+lL5rGbSUo9CBSiynklCFPDvEqXHIA",
        "$pbkdf2-sha256$i=25000,l=32,x=1$AAECAwQFBgcICQoLDA0ODw$oC5keBgfftMvP+lL5rGbSUo9CBSiynklCFPDvEqXHIA",
        "$pbkdf2-sha256$i=25000,l=32$AAEC?wQFBgcICQoLDA0ODw$oC5keBgfftMvP+lL5rGbSUo9CBSiynklCFPDvEqXHIA",
        "$pbkdf2-sha256$i=25000,l=32$AAECAwQFBgcICQoLDA0ODw$oC5keBgfftMvP-lL5rGbSUo9CBSiynklCFPDvEqXHIA",
        "$pbkdf2-sha256$i=25000,l=8$AAECAwQFBgcICQoLDA0ODw$oC5keBgfftM",
        "$pbkdf2-md5$i=1000,l=32$AAECAwQFBgcICQoLDA0ODw$oC5keBgfftMvP+lL5rGbSUo9CBSiynklCFPDvEqXHIA",
        "$pbkdf2-sha3-256$i=1000,l=32$AAECAwQFBgcICQoLDA0ODw$oC5keBgfftMvP+lL5rGbSUo9CBSiynklCFPDvEqXHIA",
        "$argon2id$v=16$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=0,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=4,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=256,t=2,p=1$$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2d$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
    };
    ARENA_AUTO a = arena_new();
    static const char *const secrets[] = { "", "tv-secret-1234567890", "U*U", "password" };
    for (size_t i = 0; i < ARRAY_LEN(stored); i++)
        for (size_t j = 0; j < ARRAY_LEN(secrets); j++)
            assert_int_equal(verify(a, &pbkdf2, str_of(stored[i]), str_of(secrets[j])), SECRET_WRONG);

    char *endless = arena_zalloc(a, 5000);
    memset(endless, 'A', 5000);
    assert_int_equal(verify(a, &pbkdf2, ARENA_CAT(a, STR("$pbkdf2-sha256$i=1,l=32$"), (struct str) { endless, 5000 }), STR("x")),
                     SECRET_WRONG);
}

/* Each would take minutes: that the test ends shows that they are not tried. */
static void test_costs_above_the_ceiling_match_nothing(void **state)
{
    (void)state;
    static const char *const stored[] = {
        "$pbkdf2-sha256$i=10000001,l=32$AAECAwQFBgcICQoLDA0ODw$oC5keBgfftMvP+lL5rGbSUo9CBSiynklCFPDvEqXHIA",
        "$pbkdf2-sha256$i=2147483648,l=32$AAECAwQFBgcICQoLDA0ODw$oC5keBgfftMvP+lL5rGbSUo9CBSiynklCFPDvEqXHIA",
        "$pbkdf2-sha256$i=99999999999999999999,l=32$AAECAwQFBgcICQoLDA0ODw$oC5keBgfftMvP+lL5rGbSUo9CBSiynklCFPDvEqXHIA",
        "$2a$17$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2a$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$argon2id$v=19$m=262145,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=256,t=17,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=256,t=2,p=256$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
    };
    ARENA_AUTO a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(stored); i++)
        assert_int_equal(verify(a, &pbkdf2, str_of(stored[i]), STR("password")), SECRET_WRONG);
}

static void test_new_hashes(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    const struct secret_cost *costs[] = { &pbkdf2, &bcrypt };
    struct str secrets[] = { STR(""), STR("s3cr\xC3\xA9t"),
                             STR("123456789 123456789 123456789 123456789 123456789 123456789 123456789 12") };
    for (size_t i = 0; i < ARRAY_LEN(costs); i++) {
        for (size_t j = 0; j < ARRAY_LEN(secrets); j++) {
            struct str stored = hash(a, costs[i], secrets[j]);
            assert_int_equal(verify(a, costs[i], stored, secrets[j]), SECRET_RIGHT);
            assert_int_equal(verify(a, costs[i], stored, STR("another")), SECRET_WRONG);
            assert_false(str_eq(stored, hash(a, costs[i], secrets[j]))); /* salted */
        }
    }
    struct str stored = hash(a, &pbkdf2, STR("x"));
    assert_true(str_starts(stored, STR("$pbkdf2-sha256$i=1000,l=32$")));
    assert_int_equal(stored.n, strlen("$pbkdf2-sha256$i=1000,l=32$") + 22 + 1 + 43);
    stored = hash(a, &bcrypt, STR("x"));
    assert_true(str_starts(stored, STR("$2a$04$")));
    assert_int_equal(stored.n, 60);
}

static void test_bcrypt_limits(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct op op = { .arena = a, .may_wait = true };
    struct err e = ERR_INIT(a);
    char long_secret[74];
    memset(long_secret, 'x', sizeof(long_secret));
    struct str stored, refused[] = { { long_secret, 73 }, { "a\0b", 3 } };
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        assert_false(secret_hash(&op, &bcrypt, refused[i], &stored, &e));
        assert_ptr_equal(e.kind, &err_INVALID_CLIENT_METADATA);
    }
    /* bcrypt itself would cut both and find them right. */
    assert_int_equal(verify(a, &bcrypt, hash(a, &bcrypt, (struct str) { long_secret, 72 }), refused[0]), SECRET_WRONG);
    assert_int_equal(verify(a, &bcrypt, hash(a, &bcrypt, STR("a")), refused[1]), SECRET_WRONG);
    assert_int_equal(verify(a, &pbkdf2, hash(a, &pbkdf2, refused[0]), refused[0]), SECRET_RIGHT);
    assert_int_equal(verify(a, &pbkdf2, hash(a, &pbkdf2, refused[1]), STR("a")), SECRET_WRONG);
}

static void test_outdated(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    const struct secret_cost more = { SECRET_PBKDF2, .pbkdf2_iterations = 1001 }, bcrypt5 = { SECRET_BCRYPT, .bcrypt_cost = 5 };
    struct str by_pbkdf2 = hash(a, &pbkdf2, STR("s")), by_bcrypt = hash(a, &bcrypt, STR("s"));
    const struct {
        struct str stored;
        const struct secret_cost *cost;
        enum secret_match match;
    } rows[] = {
        { by_pbkdf2, &pbkdf2, SECRET_RIGHT },
        { by_pbkdf2, &more, SECRET_RIGHT_OUTDATED },
        { hash(a, &more, STR("s")), &pbkdf2, SECRET_RIGHT }, /* stronger than asked */
        { by_pbkdf2, &bcrypt, SECRET_RIGHT_OUTDATED },
        { by_bcrypt, &bcrypt, SECRET_RIGHT },
        { by_bcrypt, &bcrypt5, SECRET_RIGHT_OUTDATED },
        { hash(a, &bcrypt5, STR("s")), &bcrypt, SECRET_RIGHT },
        { by_bcrypt, &pbkdf2, SECRET_RIGHT_OUTDATED },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(verify(a, rows[i].cost, rows[i].stored, STR("s")), rows[i].match);
        assert_int_equal(verify(a, rows[i].cost, rows[i].stored, STR("t")), SECRET_WRONG);
    }
    size_t i;
    json_t *row;
    json_array_foreach(vector_rows(a, "secrets.json"), i, row) /* sha1, sha512, argon2... */
        if (!str_starts(vector_str(row, "stored"), STR("$pbkdf2-sha256")))
            assert_int_equal(verify(a, &pbkdf2, vector_str(row, "stored"), vector_str(row, "secret")), SECRET_RIGHT_OUTDATED);

    /* bcrypt could not take it over. */
    char long_secret[73];
    memset(long_secret, 'x', sizeof(long_secret));
    struct str secret = { long_secret, sizeof(long_secret) };
    assert_int_equal(verify(a, &bcrypt, hash(a, &pbkdf2, secret), secret), SECRET_RIGHT);
}

static void test_listeners_do_not_hash(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct op op = { .arena = a, .may_wait = false };
    struct err e = ERR_INIT(a);
    struct str stored;
    enum secret_match match;
    assert_false(secret_hash(&op, &pbkdf2, STR("s"), &stored, &e));
    assert_ptr_equal(e.kind, &err_MUST_WAIT);
    e = ERR_INIT(a);
    assert_false(secret_verify(&op, &pbkdf2, STR("$2a$"), STR("s"), &match, &e));
    assert_ptr_equal(e.kind, &err_MUST_WAIT);
    e = ERR_INIT(a);
    assert_false(secret_waste(&op, &pbkdf2, STR("s"), &e));
    assert_ptr_equal(e.kind, &err_MUST_WAIT);
}

static usec_t wasted(struct op *op, const struct secret_cost *cost)
{
    struct err e = ERR_INIT(op->arena);
    usec_t start = clock_monotonic();
    assert_true(secret_waste(op, cost, STR("s"), &e));
    return clock_monotonic() - start;
}

static usec_t verified(struct op *op, const struct secret_cost *cost, struct str stored)
{
    struct err e = ERR_INIT(op->arena);
    enum secret_match match;
    usec_t start = clock_monotonic();
    assert_true(secret_verify(op, cost, stored, STR("t"), &match, &e));
    return clock_monotonic() - start;
}

static void test_waste_takes_as_long(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct op op = { .arena = a, .may_wait = true };
    const struct secret_cost costs[] = { { SECRET_PBKDF2, .pbkdf2_iterations = 20000 }, { SECRET_BCRYPT, .bcrypt_cost = 8 } };
    for (size_t i = 0; i < ARRAY_LEN(costs); i++) {
        struct str stored = hash(a, &costs[i], STR("s"));
        usec_t waste = INT64_MAX, work = INT64_MAX; /* the least of some: other processes disturb */
        for (int j = 0; j < 5; j++) {
            usec_t w = wasted(&op, &costs[i]), v = verified(&op, &costs[i], stored);
            if (w < waste) waste = w;
            if (v < work) work = v;
        }
        assert_true(waste * 2 > work && work * 2 > waste);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stored_forms),
        cmocka_unit_test(test_malformed_hashes_match_nothing),
        cmocka_unit_test(test_costs_above_the_ceiling_match_nothing),
        cmocka_unit_test(test_new_hashes),
        cmocka_unit_test(test_bcrypt_limits),
        cmocka_unit_test(test_outdated),
        cmocka_unit_test(test_listeners_do_not_hash),
        cmocka_unit_test(test_waste_takes_as_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
