/* Every claim of an ID token, and that a consent app cannot say what only the server knows. */
#include "consented.h"

#include "oauth/id_token.h"

static json_t *issue(struct world *w, const struct grant_session *s, const char *access_token, const char *code)
{
    const struct client *c;
    struct str text;
    WORLD_TRY(w, client_get(w->p, &w->op, STR("c"), &c, &w->e));
    const struct grant g = { .id = STR("00112233445566778899aabbccddeeff"),
                             .client_id = c->id,
                             .subject = STR("ada"),
                             .requested_at = w->op.now - 10 * USEC_PER_SEC };
    const struct id_token t = { .client = c,
                                .grant = &g,
                                .session = s,
                                .lifespan = LIFESPAN_AUTHORIZATION_CODE_ID,
                                .access_token = str_of(access_token),
                                .code = str_of(code) };
    WORLD_TRY(w, id_token_issue(w->p, &w->op, &t, &text, &w->e));
    return claims_of(w, text);
}

static void open_world(struct world *w, const char *more)
{
    world_open(w, more);
    code_client(w, "c", "");
}

static void test_claims(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, "");
    struct grant_session s = plain_session(&w);
    s.acr = STR("gold");
    s.amr = strs_words(w.arena, STR("pwd otp"));
    const json_t *claims = issue(&w, &s, "", "");
    assert_int_equal(json_object_size(claims), 12);
    assert_str(member(claims, "iss"), "https://op.example.test");
    assert_str(member(claims, "sub"), "ada");
    assert_strn(json_text(w.arena, json_object_get(claims, "aud"), false), STR("[\"c\"]"));
    assert_int_equal(number(claims, "iat"), usec_to_sec(w.op.now));
    assert_int_equal(number(claims, "exp"), usec_to_sec(w.op.now) + 3600);
    assert_int_equal(number(claims, "auth_time"), usec_to_sec(s.authenticated_at));
    assert_int_equal(number(claims, "rat"), usec_to_sec(w.op.now - 10 * USEC_PER_SEC));
    assert_str(member(claims, "sid"), "the-sid");
    assert_str(member(claims, "nonce"), "the-nonce");
    assert_str(member(claims, "acr"), "gold");
    assert_strn(json_text(w.arena, json_object_get(claims, "amr"), false), STR("[\"pwd\",\"otp\"]"));
    assert_true(uuid_is(member(claims, "jti")));
    world_close(&w);
}

/* Members that there is nothing to say about are left out; acr is "0" when it was asked for in vain. */
static void test_absent(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, "");
    struct grant_session s = { .scopes = strs_words(w.arena, STR("openid")), .authenticated_at = w.op.now };
    const json_t *claims = issue(&w, &s, "", "");
    static const char *const absent[] = { "nonce", "acr", "amr", "at_hash", "c_hash", "sid" };
    for (size_t i = 0; i < ARRAY_LEN(absent); i++) assert_null(json_object_get(claims, absent[i]));
    s.acr_requested = true;
    assert_str(member(issue(&w, &s, "", ""), "acr"), "0");
    s.acr = STR("gold");
    assert_str(member(issue(&w, &s, "", ""), "acr"), "gold");
    world_close(&w);
}

/* Neither what is there nor what is missing. */
static void test_protected(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, "");
    struct grant_session s = { .scopes = strs_words(w.arena, STR("openid")), .authenticated_at = w.op.now };
    s.id_claims =
        STR("{\"iss\":\"x\",\"sub\":\"x\",\"aud\":\"x\",\"exp\":1,\"nbf\":1,\"iat\":1,\"jti\":\"x\",\"auth_time\":1,\"rat\":1,"
            "\"sid\":\"x\",\"nonce\":\"x\",\"at_hash\":\"x\",\"c_hash\":\"x\",\"acr\":\"x\",\"amr\":[\"x\"],"
            "\"name\":\"Ada <b>\",\"address\":{\"country\":\"GB\"},\"azp\":\"c\"}");
    const json_t *claims = issue(&w, &s, "", "");
    assert_int_equal(json_object_size(claims), 8 + 3);
    assert_str(member(claims, "sub"), "ada");
    assert_str(member(claims, "name"), "Ada <b>");
    assert_str(member(json_object_get(claims, "address"), "country"), "GB");
    assert_null(json_object_get(claims, "nonce"));
    world_close(&w);
}

/* A name of the client's own. */
static void test_subject(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, "");
    struct grant_session s = plain_session(&w);
    s.sub = STR("pseudonym");
    assert_str(member(issue(&w, &s, "", ""), "sub"), "pseudonym");
    struct grant *g;
    json_t *said;
    const json_t *answer = first_tokens(&w, "c", &s, &g);
    assert_str(member(claims_of(&w, member(answer, "id_token")), "sub"), "pseudonym");
    assert_true(is_active(&w, member(answer, "access_token"), &said));
    assert_str(member(said, "sub"), "ada");
    assert_str(member(said, "obfuscated_subject"), "pseudonym");
    world_close(&w);
}

/* OpenID Connect Core 3.1.3.6: the hash goes with the key's algorithm. The values were computed with Python's hashlib. */
static void test_hashes(void **state)
{
    (void)state;
    static const struct {
        const char *algorithm, *at_hash;
    } rows[] = {
        { "ES256", "47DEQpj8HBSa-_TImW-5JA" },
        { "EdDSA", "z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg_SpIdNs6c4" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct world w;
        struct jwk *key;
        struct str hash;
        world_open(&w, "");
        WORLD_TRY(&w, jwk_generate(str_of(rows[i].algorithm), STR("k"), STR("sig"), 2048, &key, &w.e));
        WORLD_TRY(&w, token_hash(w.arena, key, STR(""), &hash, &w.e));
        assert_str(hash, rows[i].at_hash);
        jwk_unref(key);
        world_close(&w);
    }
    struct world w;
    open_world(&w, "");
    const struct grant_session s = plain_session(&w);
    const json_t *claims = issue(&w, &s, "a-token", "a-code");
    assert_str(member(claims, "at_hash"), "H2B246R7od7QgCX_4G5Xrw");
    assert_str(member(claims, "c_hash"), "kSvsCq3hutEBcZ2-LoL_9A");
    world_close(&w);
}

/* The ID token that a code is redeemed for has c_hash when the code came beside tokens, with or without its prefix. */
static void test_c_hash_of_redeemed_code(void **state)
{
    (void)state;
    struct world w;
    struct str hash;
    const struct jwk *signer;
    open_world(&w, "");
    WORLD_TRY(&w, keyset_signer(w.p, &w.op, STR(KEYSET_ID_TOKEN), &signer, &w.e));
    for (int prefix = 0; prefix < 2; prefix++) {
        struct grant_session s = plain_session(&w);
        s.hybrid = true;
        const struct str code = code_of(&w, store_consented(&w, "c", "ada", &s));
        const json_t *answer = redeem(&w, "c:secret", prefix ? code : str_from(code, CODE_PREFIX.n), WITH_CALLBACK);
        const json_t *claims = claims_of(&w, member(answer, "id_token"));
        WORLD_TRY(&w, token_hash(w.arena, signer, code, &hash, &w.e));
        assert_strn(member(claims, "c_hash"), hash);
        WORLD_TRY(&w, token_hash(w.arena, signer, member(answer, "access_token"), &hash, &w.e));
        assert_strn(member(claims, "at_hash"), hash);
        answer = refresh(&w, "c:secret", member(answer, "refresh_token"), "");
        assert_null(json_object_get(claims_of(&w, member(answer, "id_token")), "c_hash"));
    }
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_claims),  cmocka_unit_test(test_absent), cmocka_unit_test(test_protected),
        cmocka_unit_test(test_subject), cmocka_unit_test(test_hashes), cmocka_unit_test(test_c_hash_of_redeemed_code),
    };
    return RUN(tests);
}
