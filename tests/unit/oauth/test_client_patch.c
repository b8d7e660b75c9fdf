#include "client_unit.h"

static const char base[] = "{\"client_id\":\"c\",\"client_name\":\"before\",\"redirect_uris\":[\"https://a/1\",\"https://a/2\"],"
                           "\"owner\":\"me\",\"contacts\":[\"x\"],\"metadata\":{\"x\":1,\"a/b\":2,\"m~n\":3}}";

static bool patch(struct world *w, const char *text, struct client **ret, struct client_extras *x)
{
    struct client *c = client_of(w, base);
    *x = (struct client_extras) { 0 };
    *ret = c;
    w->e = ERR_INIT(w->op.arena);
    return client_patch(c, x, json_of(w->op.arena, text), &w->e);
}

static void applies(void **state)
{
    (void)state;
    static const struct {
        const char *patch, *member, *want;
    } cases[] = {
        { "[]", "client_name", "\"before\"" },
        { "null", "client_name", "\"before\"" },
        { "[{\"op\":\"replace\",\"path\":\"/client_name\",\"value\":\"after\"}]", "client_name", "\"after\"" },
        { "[{\"op\":\"replace\",\"path\":\"/client_name\",\"value\":null}]", "client_name", "\"\"" },
        { "[{\"op\":\"replace\",\"path\":\"/jwks_uri\",\"value\":\"https://j\"}]", "jwks_uri", "\"https://j\"" },
        { "[{\"op\":\"add\",\"path\":\"/redirect_uris/-\",\"value\":\"z\"}]", "redirect_uris",
          "[\"https://a/1\",\"https://a/2\",\"z\"]" },
        { "[{\"op\":\"add\",\"path\":\"/redirect_uris/0\",\"value\":\"z\"}]", "redirect_uris",
          "[\"z\",\"https://a/1\",\"https://a/2\"]" },
        { "[{\"op\":\"replace\",\"path\":\"/redirect_uris/1\",\"value\":\"z\"}]", "redirect_uris", "[\"https://a/1\",\"z\"]" },
        { "[{\"op\":\"remove\",\"path\":\"/redirect_uris/0\"}]", "redirect_uris", "[\"https://a/2\"]" },
        { "[{\"op\":\"remove\",\"path\":\"/owner\"}]", "owner", "\"\"" },
        { "[{\"op\":\"add\",\"path\":\"/metadata/p/q\",\"value\":[1]}]", "metadata",
          "{\"x\":1,\"a/b\":2,\"m~n\":3,\"p\":{\"q\":[1]}}" },
        { "[{\"op\":\"add\",\"path\":\"/request_uris/-\",\"value\":\"r\"},{\"op\":\"add\",\"path\":\"/request_uris/"
          "0\",\"value\":\"q\"}]",
          "request_uris", "[\"q\",\"r\"]" }, /* an empty list is not shown */
        { "[{\"op\":\"add\",\"path\":\"/metadata/p/0/-\",\"value\":1},{\"op\":\"add\",\"path\":\"/metadata/r/7\",\"value\":2}]",
          "metadata", "{\"x\":1,\"a/b\":2,\"m~n\":3,\"p\":{\"0\":[1]},\"r\":{\"7\":2}}" },
        { "[{\"op\":\"replace\",\"path\":\"/metadata\",\"value\":null},{\"op\":\"add\",\"path\":\"/metadata/p\",\"value\":1}]",
          "metadata", "{\"p\":1}" },
        { "[{\"op\":\"replace\",\"path\":\"/metadata\",\"value\":5}]", "metadata", "5" },
        { "[{\"op\":\"remove\",\"path\":\"/metadata/a~1b\"},{\"op\":\"remove\",\"path\":\"/metadata/m~0n\"}]", "metadata",
          "{\"x\":1}" },
        { "[{\"op\":\"copy\",\"from\":\"/client_name\",\"path\":\"/owner\"}]", "owner", "\"before\"" },
        { "[{\"op\":\"move\",\"from\":\"/owner\",\"path\":\"/client_name\"}]", "client_name", "\"me\"" },
        { "[{\"op\":\"move\",\"from\":\"/redirect_uris/0\",\"path\":\"/redirect_uris/1\"}]", "redirect_uris",
          "[\"https://a/2\",\"https://a/1\"]" },
        { "[{\"op\":\"test\",\"path\":\"/owner\",\"value\":\"me\"},{\"op\":\"remove\",\"path\":\"/owner\"}]", "owner", "\"\"" },
        { "[{\"op\":\"replace\",\"path\":\"/metadata\",\"value\":{\"n\":[1,2.50,0]}},"
          "{\"op\":\"test\",\"path\":\"/metadata\",\"value\":{\"n\":[1.0,25e-1,-0.0]}}]",
          "metadata", "{\"n\":[1,2.5,0]}" }, /* RFC 6902 4.6 */
        { "[{\"op\":\"add\",\"path\":\"/made_up\",\"value\":1}]", "client_name", "\"before\"" },
        { "[{\"op\":\"replace\",\"path\":\"/created_at\",\"value\":\"2001-01-01T00:00:00Z\"}]", "created_at",
          "\"1970-01-01T00:00:00Z\"" },
        { "[{\"op\":\"replace\",\"path\":\"/client_credentials_grant_access_token_lifespan\",\"value\":\"90s\"}]",
          "client_credentials_grant_access_token_lifespan", "\"1m30s\"" },
    };
    struct world w;
    world_start(&w);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct client *c;
        struct client_extras x;
        if (!patch(&w, cases[i].patch, &c, &x)) fail_msg("%s: %s", cases[i].patch, w.e.hint);
        json_t *got = json_object_get(shown(&w, c, CLIENT_READ, false), cases[i].member);
        if (!json_equal(got, json_of(w.op.arena, cases[i].want)))
            fail_msg("%s: %s", cases[i].patch, json_text(w.op.arena, got, false).p);
        assert_int_equal(x.client_secret.n, 0);
    }
    world_end(&w);
}

static void refuses(void **state)
{
    (void)state;
    static const struct {
        const char *patch, *hint;
    } cases[] = {
        { "{}", "must be an array" },
        { "\"x\"", "must be an array" },
        { "[5]", "'op' must be one of" },
        { "[{}]", "'op' must be one of" },
        { "[{\"op\":\"merge\",\"path\":\"/owner\"}]", "'op' must be one of" },
        { "[{\"op\":\"add\",\"value\":1}]", "'path' is missing" },
        { "[{\"op\":\"add\",\"path\":5,\"value\":1}]", "'path' is missing or no string" },
        { "[{\"op\":\"add\",\"path\":\"\",\"value\":{}}]", "must start with a slash" },
        { "[{\"op\":\"add\",\"path\":\"owner\",\"value\":\"x\"}]", "must start with a slash" },
        { "[{\"op\":\"add\",\"path\":\"/ow~2er\",\"value\":\"x\"}]", "bad escape" },
        { "[{\"op\":\"add\",\"path\":\"/owner~\",\"value\":\"x\"}]", "bad escape" },
        { "[{\"op\":\"add\",\"path\":\"/owner\"}]", "'value' is missing" },
        { "[{\"op\":\"remove\",\"path\":\"/nothing\"}]", "nothing at 'path'" },
        { "[{\"op\":\"remove\",\"path\":\"/redirect_uris/2\"}]", "nothing at 'path'" },
        { "[{\"op\":\"remove\",\"path\":\"/redirect_uris/-\"}]", "nothing at 'path'" },
        { "[{\"op\":\"add\",\"path\":\"/redirect_uris/3\",\"value\":\"x\"}]", "no index 3" },
        { "[{\"op\":\"replace\",\"path\":\"/redirect_uris/2\",\"value\":\"x\"}]", "no index 2" },
        { "[{\"op\":\"replace\",\"path\":\"/redirect_uris/-\",\"value\":\"x\"}]", "no index of an array" },
        { "[{\"op\":\"add\",\"path\":\"/redirect_uris/01\",\"value\":\"x\"}]", "no index of an array" },
        { "[{\"op\":\"add\",\"path\":\"/redirect_uris/-1\",\"value\":\"x\"}]", "no index of an array" },
        { "[{\"op\":\"add\",\"path\":\"/redirect_uris/99999999999999999999\",\"value\":\"x\"}]", "no index of an array" },
        { "[{\"op\":\"add\",\"path\":\"/owner/x\",\"value\":\"x\"}]", "no object and no array" },
        { "[{\"op\":\"copy\",\"path\":\"/owner\"}]", "'from' is missing" },
        { "[{\"op\":\"copy\",\"from\":\"/nothing\",\"path\":\"/owner\"}]", "nothing at 'from'" },
        { "[{\"op\":\"move\",\"from\":\"/metadata\",\"path\":\"/metadata/x/y\"}]", "into itself" },
        { "[{\"op\":\"replace\",\"path\":\"/id\",\"value\":\"x\"}]", "cannot be changed" },
        { "[{\"op\":\"replace\",\"path\":\"/ID/0\",\"value\":\"x\"}]", "cannot be changed" },
        { "[{\"op\":\"replace\",\"path\":\"/RotatedSecrets\",\"value\":\"x\"}]", "cannot be changed" },
        { "[{\"op\":\"replace\",\"path\":\"rotated_secrets\",\"value\":\"x\"}]", "cannot be changed" },
        { "[{\"op\":\"copy\",\"from\":\"/rotated_secrets/0\",\"path\":\"/owner\"}]", "cannot be changed" },
        { "[{\"op\":\"replace\",\"path\":\"/client_name\",\"value\":5}]", "client_name must be a string" },
        { "[{\"op\":\"replace\",\"path\":\"/owner\",\"value\":\"ok\"},{\"op\":\"x\",\"path\":\"/owner\"}]", "Operation 1" },
        { "[{\"op\":\"add\",\"path\":\"/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/u/v/w/x/y/z/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/"
          "s/t"
          "/u/v/w/x/y/z/a/b/c/d/e/f/g/h/i/j/k/l/m\",\"value\":1}]",
          "more than 64 parts" },
        { "[{\"op\":\"add\",\"path\":\"/metadata/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/u/v/w/x/y/z/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/"
          "p"
          "/q/r/s/t/u/v/w/x/y/z/a/b/c/d/e/f/g/h/i/j/k\",\"value\":[[[]]]}]",
          "more than 64 levels" },
    };
    struct world w;
    world_start(&w);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct client *c;
        struct client_extras x;
        if (patch(&w, cases[i].patch, &c, &x)) fail_msg("accepted: %s", cases[i].patch);
        assert_failed_at(&w, &err_BAD_REQUEST, cases[i].hint, cases[i].patch, __LINE__);
    }
    world_end(&w);
}

static void failed_test_is_a_conflict(void **state)
{
    (void)state;
    static const char *const tests[] = {
        "\"/owner\",\"value\":\"you\"",
        "\"/nothing\",\"value\":null",
        "\"/metadata\",\"value\":{\"n\":[1,2.5]}",
        "\"/metadata\",\"value\":{\"n\":[1,2.51,0]}",
        "\"/metadata\",\"value\":{\"n\":[1,2.5,false]}",
        "\"/metadata\",\"value\":{\"n\":[\"1\",2.5,0]}",
        "\"/metadata\",\"value\":{\"m\":[1,2.5,0]}",
        "\"/metadata\",\"value\":{\"n\":[1,2.5,0],\"m\":1}",
        "\"/metadata/n\",\"value\":{}",
        "\"/metadata/n/0\",\"value\":1.5",
    };
    struct world w;
    struct client *c;
    struct client_extras x;
    world_start(&w);
    for (size_t i = 0; i < ARRAY_LEN(tests); i++) {
        const char *head = "[{\"op\":\"replace\",\"path\":\"/metadata\",\"value\":{\"n\":[1,2.5,0]}},{\"op\":\"test\",\"path\":";
        if (patch(&w, arena_printf(w.op.arena, "%s%s}]", head, tests[i]).p, &c, &x)) fail_msg("%s", tests[i]);
        assert_failed(&w, CONFLICT, "test failed");
    }
    world_end(&w);
}

static void takes_a_secret_and_shows_none(void **state)
{
    (void)state;
    struct world w;
    struct client *c;
    struct client_extras x;
    world_start(&w);
    assert_true(patch(&w, "[{\"op\":\"replace\",\"path\":\"/client_secret\",\"value\":\"new-secret\"}]", &c, &x));
    assert_str(x.client_secret, "new-secret");
    assert_false(patch(&w, "[{\"op\":\"copy\",\"from\":\"/client_secret\",\"path\":\"/owner\"}]", &c, &x));
    assert_failed(&w, BAD_REQUEST, "nothing at 'from'");
    world_end(&w);
}

/* A patch that doubles the document with every operation must not use up the memory. */
static void copies_are_bounded(void **state)
{
    (void)state;
    struct world w;
    struct client *c;
    struct client_extras x;
    world_start(&w);
    struct buf bomb = BUF(w.op.arena);
    buf_addz(&bomb, "[{\"op\":\"add\",\"path\":\"/metadata/l\",\"value\":[\"0123456789\"]}");
    for (int i = 0; i < 900; i++) buf_addz(&bomb, ",{\"op\":\"copy\",\"from\":\"/metadata/l\",\"path\":\"/metadata/l/-\"}");
    buf_addz(&bomb, "]");
    assert_false(patch(&w, buf_str(&bomb).p, &c, &x));
    assert_true(arena_size(w.op.arena) < 64 << 20);

    struct buf many = BUF(w.op.arena);
    buf_addz(&many, "[{\"op\":\"add\",\"path\":\"/owner\",\"value\":\"x\"}");
    for (int i = 0; i < 1000; i++) buf_addz(&many, ",{\"op\":\"add\",\"path\":\"/owner\",\"value\":\"x\"}");
    buf_addz(&many, "]");
    assert_false(patch(&w, buf_str(&many).p, &c, &x));
    assert_failed(&w, BAD_REQUEST, "more than 1000 operations");
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(applies),
        cmocka_unit_test(refuses),
        cmocka_unit_test(failed_test_is_a_conflict),
        cmocka_unit_test(takes_a_secret_and_shows_none),
        cmocka_unit_test(copies_are_bounded),
    };
    return RUN(tests);
}
