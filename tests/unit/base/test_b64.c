#include "unit.h"

#include "base/b64.h"

/* RFC 4648 section 10. */
static void follows_the_rfc(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *b64, *url, *hex;
    } cases[] = {
        { "", "", "", "" },
        { "f", "Zg==", "Zg", "66" },
        { "fo", "Zm8=", "Zm8", "666f" },
        { "foo", "Zm9v", "Zm9v", "666f6f" },
        { "foob", "Zm9vYg==", "Zm9vYg", "666f6f62" },
        { "fooba", "Zm9vYmE=", "Zm9vYmE", "666f6f6261" },
        { "foobar", "Zm9vYmFy", "Zm9vYmFy", "666f6f626172" },
        { "\xFB\xFF\xBF", "+/+/", "-_-_", "fbffbf" },
    };
    ARENA_AUTO a = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str bytes = str_of(cases[i].bytes), back;
        assert_str(b64_encode(a, bytes), cases[i].b64);
        assert_str(b64url_encode(a, bytes), cases[i].url);
        assert_str(hex_encode(a, bytes), cases[i].hex);
        assert_true(b64_decode(a, str_of(cases[i].b64), &back));
        assert_strn(back, bytes);
        assert_true(b64url_decode(a, str_of(cases[i].url), &back));
        assert_strn(back, bytes);
        assert_true(hex_decode(a, str_of(cases[i].hex), &back));
        assert_strn(back, bytes);
    }
}

static void turns_every_length_around(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    char bytes[300];
    for (size_t n = 0; n < sizeof(bytes); n++) {
        for (size_t i = 0; i < n; i++) bytes[i] = (char)(i * 89 + n);
        struct str in = { bytes, n }, back;
        struct str text = b64url_encode(a, in);
        assert_int_equal(text.n, b64url_length(n));
        char out[300];
        size_t length = 0;
        assert_true(b64url_read(text, out, &length));
        assert_strn(((struct str) { out, length }), in);
        assert_true(b64url_decode(a, text, &back));
        assert_strn(back, in);
        assert_true(b64_decode(a, b64_encode(a, in), &back));
        assert_strn(back, in);
        assert_true(hex_decode(a, hex_encode(a, in), &back));
        assert_strn(back, in);
    }
}

static void is_lenient_about_padding_alone(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct str back;
    assert_true(b64url_decode(a, STR("Zg=="), &back));
    assert_str(back, "f");
    assert_true(b64_decode(a, STR("Zg"), &back));
    assert_str(back, "f");
    assert_true(b64_decode(a, STR("Zm8"), &back));
    assert_str(back, "fo");
    assert_true(hex_decode(a, STR("AbCd"), &back));
    assert_str(back, "\xAB\xCD");
}

static void refuses(void **state)
{
    (void)state;
    static const char *const everywhere[] = { "A",        "AAAAA", "Zh",     "Zm9",   "Zm9vYh",     "A===",
                                              "====",     "==",    "Z=g=",   "Zg=",   "Zg===",      "Zm9v=",
                                              "Zm9v====", "Zm 9v", "Zm9v\n", "Zm9v.", "Zm\xC3\xA4", "=Zg=" };
    ARENA_AUTO a = arena_new();
    char out[64];
    size_t n;
    for (size_t i = 0; i < ARRAY_LEN(everywhere); i++) {
        struct str text = str_of(everywhere[i]), back;
        if (b64_decode(a, text, &back) || b64url_decode(a, text, &back) || b64url_read(text, out, &n))
            fail_msg("accepted: %s", everywhere[i]);
    }
    struct str back;
    assert_false(b64url_decode(a, STR("+/+/"), &back));
    assert_false(b64_decode(a, STR("-_-_"), &back));
    assert_false(b64url_read(STR("Zg=="), out, &n));
    assert_false(b64url_read(STR("Zm\0v"), out, &n));

    static const char *const hex[] = { "0", "abc", "0g", "g0", "0x", " 0", "\xC3\xA4" };
    for (size_t i = 0; i < ARRAY_LEN(hex); i++) assert_false(hex_decode(a, str_of(hex[i]), &back));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_the_rfc),
        cmocka_unit_test(turns_every_length_around),
        cmocka_unit_test(is_lenient_about_padding_alone),
        cmocka_unit_test(refuses),
    };
    return RUN(tests);
}
