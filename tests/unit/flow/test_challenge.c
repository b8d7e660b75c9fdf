/* The strings that carry a flow: whole on the other side, short, and nobody else's. */
#include "../oauth/world.h"

#include "base/b64.h"
#include "base/rand.h"
#include "flow/flow_int.h"

#define REQUEST                                                                                                              \
    "client_id=70e5a005-fe88-477b-bc8e-26cb27d2fa8e&redirect_uri=https%3A%2F%2Fwww.shop.example%2Fauth%2Fcallback&response_" \
    "type=code"                                                                                                              \
    "&scope=openid+offline+profile+email&state=tDYB_Za5YbN8rNvSe2bDk1FM7nVXzQOGyNlRYAr6PU4&nonce="                           \
    "kHTRZVg6aqgSNHZEPwnpgVEx04DwCGvZCLn7B7gVo98"                                                                            \
    "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"

static struct flow sample(struct arena *a)
{
    return (struct flow) { .id = rand_hex(a, FLOW_ID_BYTES),
                           .client_id = STR("70e5a005-fe88-477b-bc8e-26cb27d2fa8e"),
                           .request = STR(REQUEST),
                           .requested_at = clock_now(),
                           .session_id = rand_uuid(a),
                           .subject = STR(""),
                           .login_csrf = rand_hex(a, FLOW_ID_BYTES) };
}

static void assert_same(const struct flow *a, const struct flow *b)
{
    assert_strn(a->id, b->id);
    assert_strn(a->client_id, b->client_id);
    assert_strn(a->request, b->request);
    assert_strn(a->session_id, b->session_id);
    assert_strn(a->subject, b->subject);
    assert_strn(a->login_csrf, b->login_csrf);
    assert_strn(a->device_id, b->device_id);
    assert_int_equal(a->requested_at, b->requested_at);
    assert_int_equal(a->authenticated_at, b->authenticated_at);
    assert_int_equal(a->skip, b->skip);
    assert_int_equal(a->device, b->device);
}

static size_t round_trip(struct world *w, const struct flow *f)
{
    struct flow got;
    struct str text = flow_login_challenge(w->p, w->arena, f);
    assert_true(flow_challenge_read(w->p, w->arena, text, &got));
    assert_same(&got, f);
    return text.n;
}

static void test_round_trip(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, "");
    struct flow f = sample(w.arena);
    assert_true(round_trip(&w, &f) < 500); /* a typical request with everything that grows */
    f.skip = true;
    f.subject = STR("alice@example.test");
    f.authenticated_at = f.requested_at - 5 * USEC_PER_SEC;
    assert_true(round_trip(&w, &f) < 500);
    f.device = true;
    f.device_id = rand_hex(w.arena, FLOW_ID_BYTES);
    round_trip(&w, &f);
    static const char *const sessions[] = { "", "not-a-uuid", "70E5A005-FE88-477B-BC8E-26CB27D2FA8E",
                                            "70e5a005-fe88-477b-bc8e-26cb27d2fa8e" };
    for (size_t i = 0; i < ARRAY_LEN(sessions); i++) {
        f.session_id = str_of(sessions[i]);
        round_trip(&w, &f);
    }
    world_close(&w);
}

/* Requests of every length, easy and hard to compress, up to the longest. */
static void test_requests(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, "");
    struct flow f = sample(w.arena);
    static const size_t lengths[] = { 0, 1, 2, 3, 10, 255, 4096, FLOW_REQUEST_MAX };
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        char *text = arena_alloc(w.arena, lengths[i] + 1);
        rand_bytes(text, lengths[i]);
        f.request = (struct str) { text, lengths[i] };
        assert_true(round_trip(&w, &f) < 12 * 1024);
        memset(text, 'x', lengths[i]);
        assert_true(round_trip(&w, &f) < 600);
    }
    world_close(&w);
}

static void test_foreign(void **state)
{
    (void)state;
    struct world w;
    struct flow got;
    world_open(&w, "");
    struct flow f = sample(w.arena);
    struct str text = flow_login_challenge(w.p, w.arena, &f);
    char *copy = arena_dupz(w.arena, text);
    for (size_t i = 0; i < text.n; i++) {
        copy[i] = text.p[i] == 'A' ? 'B' : 'A';
        if (flow_challenge_read(w.p, w.arena, (struct str) { copy, text.n }, &got)) fail_msg("character %zu", i);
        copy[i] = text.p[i];
    }
    assert_false(flow_challenge_read(w.p, w.arena, str_upto(text, text.n - 1), &got));
    assert_false(flow_challenge_read(w.p, w.arena, ARENA_CAT(w.arena, text, STR("=")), &got));
    assert_false(flow_challenge_read(w.p, w.arena, STR(""), &got));
    assert_false(flow_challenge_read(w.p, w.arena, arena_printf(w.arena, "%0100000d", 0), &got));

    struct provider *other = world_provider(&w, "urls: { self: { issuer: 'https://other.example.test' } }");
    assert_false(flow_challenge_read(other, w.arena, text, &got));
    provider_unref(other);
    /* A secret that was put in front seals; the old one still opens. */
    struct provider *rotated =
        world_provider(&w, "secrets: { system: [a-newer-secret-of-the-tests, a-secret-for-the-unit-tests] }");
    assert_true(flow_challenge_read(rotated, w.arena, text, &got));
    text = flow_login_challenge(rotated, w.arena, &f);
    assert_false(flow_challenge_read(w.p, w.arena, text, &got));
    provider_unref(rotated);
    world_close(&w);
}

/* Sealed by us, yet not what a challenge says: another version, a length that lies, a deflate stream that does not end. */
static void test_malformed(void **state)
{
    (void)state;
    struct world w;
    struct flow got;
    world_open(&w, "");
    struct flow f = sample(w.arena);
    struct str sealed, plain;
    assert_true(b64url_decode(w.arena, flow_login_challenge(w.p, w.arena, &f), &sealed));
    assert_true(unseal(w.p->sealer, w.arena, SEAL_LOGIN_CHALLENGE, w.p->issuer, sealed, &plain));
    unsigned accepted = 0;
    for (size_t i = 0; i < plain.n; i++) {
        for (int step = 0; step < 3; step++) {
            char *changed = arena_dupz(w.arena, plain);
            changed[i] = (char)(step == 0 ? 0 : step == 1 ? 0xFF : changed[i] ^ 1);
            struct str text =
                seal_text(w.p->sealer, w.arena, SEAL_LOGIN_CHALLENGE, w.p->issuer, (struct str) { changed, plain.n });
            accepted += flow_challenge_read(w.p, w.arena, text, &got); /* must not crash; some bytes are free */
        }
        struct str cut = seal_text(w.p->sealer, w.arena, SEAL_LOGIN_CHALLENGE, w.p->issuer, str_upto(plain, i > 0 ? i : 1));
        assert_false(flow_challenge_read(w.p, w.arena, cut, &got));
    }
    assert_true(accepted < plain.n * 3);
    world_close(&w);
}

static void test_ids(void **state)
{
    (void)state;
    struct world w;
    struct str id, back;
    static const enum seal_purpose purposes[] = { SEAL_LOGIN_VERIFIER, SEAL_CONSENT_CHALLENGE, SEAL_CONSENT_VERIFIER };
    world_open(&w, "");
    id = rand_hex(w.arena, FLOW_ID_BYTES);
    for (size_t i = 0; i < ARRAY_LEN(purposes); i++) {
        struct str text = flow_id_seal(w.p, w.arena, purposes[i], id);
        assert_in_range(text.n, 20, 64);
        assert_true(flow_id_open(w.p, w.arena, purposes[i], text, &back));
        assert_strn(back, id);
        /* One kind is never taken for another. */
        for (size_t k = 0; k < ARRAY_LEN(purposes); k++)
            if (k != i) assert_false(flow_id_open(w.p, w.arena, purposes[k], text, &back));
    }
    struct str longer = seal_text(w.p->sealer, w.arena, SEAL_LOGIN_VERIFIER, w.p->issuer, STR("12345678901234567"));
    assert_false(flow_id_open(w.p, w.arena, SEAL_LOGIN_VERIFIER, longer, &back));
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_requests), cmocka_unit_test(test_foreign),
        cmocka_unit_test(test_malformed),  cmocka_unit_test(test_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
