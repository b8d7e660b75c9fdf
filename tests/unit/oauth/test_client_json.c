/* The walk over client.def: what can be set comes back, from the document and in both generations. */
#include "client_unit.h"

#include "base/rand.h"

#define FIELD(name, type, member, flags, limit) { name, #type, #flags, limit },
#define EXTRA(name, member, flags)              { name, "EXTRA", #flags, 0 },
static const struct row {
    const char *name, *type, *flags;
    size_t limit;
} rows[] = {
#include "oauth/client.def"
};
#undef FIELD
#undef EXTRA

static bool is(const struct row *row, const char *type) { return strcmp(row->type, type) == 0; }
static bool has(const struct row *row, const char *flag) { return strstr(row->flags, flag) != NULL; }

/* A value of the row's type that is not its default, as it is shown. */
static const char *sample(const struct row *row)
{
    static const struct {
        const char *type, *json;
    } samples[] = {
        { "TEXT", "\"sample\"" },    { "LIST", "[\"a\",\"\",\"c\"]" }, { "BOOL", "true" },       { "TRI", "false" },
        { "KEYS", "{\"keys\":[]}" }, { "ANY", "[1,{\"a\":null}]" },    { "SPAN", "\"1h0m0s\"" },
    };
    for (size_t i = 0; i < ARRAY_LEN(samples); i++)
        if (is(row, samples[i].type)) return samples[i].json;
    return NULL;
}

static void every_member_comes_back(void **state)
{
    (void)state;
    struct world w;
    world_start(&w);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct row *row = &rows[i];
        if (sample(row) == NULL || has(row, "HIDDEN")) continue;
        struct str body = arena_printf(w.op.arena, "{\"%s\":%s}", row->name, sample(row));
        struct client *c = client_of(&w, body.p);
        json_t *want = json_of(w.op.arena, sample(row)), *all = shown(&w, c, CLIENT_READ, false);
        if (!json_equal(json_object_get(all, row->name), want)) fail_msg("%s is not shown", row->name);
        json_t *old = shown(&w, c, CLIENT_READ, true);
        if ((json_object_get(old, row->name) == NULL) != has(row, "CURRENT")) fail_msg("%s in v1", row->name);

        struct client_row stored = { .id = c->id, .name = c->name, .owner = c->owner, .doc = client_doc(w.op.arena, c) };
        struct client *again;
        if (!client_from_row(w.op.arena, &stored, &again, &w.e)) fail_msg("%s: %s", row->name, w.e.hint);
        if (!json_equal(shown(&w, again, CLIENT_READ, false), all)) fail_msg("%s is not stored", row->name);
        if (has(row, "COLUMN")) assert_str(stored.doc, "{}");
    }
    world_end(&w);
}

static void every_wrong_type_is_named(void **state)
{
    (void)state;
    struct world w;
    world_start(&w);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct row *row = &rows[i];
        if (sample(row) == NULL || is(row, "ANY")) continue;
        struct str body = arena_printf(w.op.arena, "{\"%s\":5}", row->name);
        assert_false(client_decode(client_new(w.op.arena), NULL, json_of(w.op.arena, body.p), &w.e));
        assert_failed(&w, BAD_REQUEST, row->name);
    }
    world_end(&w);
}

static void every_limit_holds(void **state)
{
    (void)state;
    struct world w;
    world_start(&w);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct row *row = &rows[i];
        if (!is(row, "TEXT") || row->limit == 0) continue;
        struct str text = rand_text(w.op.arena, row->limit + 1, STR("x"));
        json_t *fits = json_of(w.op.arena, arena_printf(w.op.arena, "{\"%s\":\"%s\"}", row->name, text.p + 1).p);
        json_t *not = json_of(w.op.arena, arena_printf(w.op.arena, "{\"%s\":\"%s\"}", row->name, text.p).p);
        assert_true(client_decode(client_new(w.op.arena), NULL, fits, &w.e));
        assert_false(client_decode(client_new(w.op.arena), NULL, not, &w.e));
        assert_failed(&w, INVALID_CLIENT_METADATA, row->name);
    }
    world_end(&w);
}

static void refuses(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const struct err_kind *kind;
        const char *hint;
    } cases[] = {
        { "[]", &err_BAD_REQUEST, "must be an object, not an array" },
        { "\"x\"", &err_BAD_REQUEST, "must be an object, not a string" },
        { "{\"redirect_uris\":[\"a\",\"b\",3]}", &err_BAD_REQUEST, "redirect_uris[2] must be a string, not a number" },
        { "{\"redirect_uris\":\"a\"}", &err_BAD_REQUEST, "redirect_uris must be an array of strings, not a string" },
        { "{\"client_name\":5.5}", &err_BAD_REQUEST, "client_name must be a string" },
        { "{\"client_secret\":5}", &err_BAD_REQUEST, "client_secret must be a string" },
        { "{\"skip_consent\":\"yes\"}", &err_BAD_REQUEST, "skip_consent must be true or false, not a string" },
        { "{\"skip_logout_consent\":1}", &err_BAD_REQUEST, "must be true, false or null" },
        { "{\"jwks\":[]}", &err_BAD_REQUEST, "jwks must be an object, not an array" },
        { "{\"jwks\":{\"keys\":{}}}", &err_BAD_REQUEST, "jwks.keys must be an array" },
        { "{\"implicit_grant_id_token_lifespan\":60}", &err_BAD_REQUEST, "implicit_grant_id_token_lifespan must be a string" },
        { "{\"implicit_grant_id_token_lifespan\":\"\"}", &err_BAD_REQUEST, "must be a duration" },
        { "{\"implicit_grant_id_token_lifespan\":\"1d\"}", &err_BAD_REQUEST, "must be a duration" },
        { "{\"implicit_grant_id_token_lifespan\":\"5 m\"}", &err_BAD_REQUEST, "must be a duration" },
        { "{\"implicit_grant_id_token_lifespan\":\"soon\"}", &err_BAD_REQUEST, "must be a duration" },
        { "{\"implicit_grant_id_token_lifespan\":\"3000000h\"}", &err_BAD_REQUEST, "must be a duration" },
        { "{\"client_secret_expires_at\":\"5\"}", &err_BAD_REQUEST, "client_secret_expires_at must be a whole number" },
        { "{\"client_secret_expires_at\":1.5}", &err_BAD_REQUEST, "client_secret_expires_at must be a whole number" },
        { "{\"created_at\":5}", &err_BAD_REQUEST, "created_at must be a string" },
        { "{\"updated_at\":\"2001-01-01\"}", &err_BAD_REQUEST, "updated_at must be a time" },
        { "{\"registration_access_token\":1}", &err_BAD_REQUEST, "registration_access_token must be a string" },
        { "{\"client_name\":\"a\\u0000b\"}", &err_INVALID_CLIENT_METADATA, "client_name must not contain NUL" },
        { "{\"contacts\":[\"\\u0000\"]}", &err_INVALID_CLIENT_METADATA, "contacts[0] must not contain NUL" },
        { "{\"client_secret\":\"abcdef\\u0000\"}", &err_INVALID_CLIENT_METADATA, "client_secret must not contain NUL" },
    };
    struct world w;
    world_start(&w);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct client_extras x = { 0 };
        assert_false(client_decode(client_new(w.op.arena), &x, json_of(w.op.arena, cases[i].json), &w.e));
        assert_failed_at(&w, cases[i].kind, cases[i].hint, __FILE__, __LINE__);
    }
    struct buf many = BUF(w.op.arena);
    buf_addz(&many, "{\"contacts\":[\"x\"");
    for (int i = 0; i < 1000; i++) buf_addz(&many, ",\"x\"");
    buf_addz(&many, "]}");
    assert_false(client_decode(client_new(w.op.arena), NULL, json_of(w.op.arena, buf_str(&many).p), &w.e));
    assert_failed(&w, INVALID_CLIENT_METADATA, "contacts must not have more than 1000");
    world_end(&w);
}

static void tolerates(void **state)
{
    (void)state;
    struct world w;
    world_start(&w);
    const char *body = "{\"CLIENT_Name\":\"cased\",\"made_up\":{\"a\":1},\"created_at\":\"2001-01-01T00:00:00Z\","
                       "\"password_grant_access_token_lifespan\":7,"
                       "\"client_secret_expires_at\":9,\"registration_access_token\":\"x\",\"owner\":null,"
                       "\"redirect_uris\":null,\"jwks\":{},\"contacts\":[]}";
    struct client *c = client_of(&w, body);
    assert_str(c->name, "cased");
    assert_int_equal(c->created_at, 0);
    assert_null(c->jwks);
    assert_null(c->redirect_uris.v);
    assert_non_null(c->contacts.v);
    assert_true(client_decode(c, NULL, json_of(w.op.arena, "null"), &w.e));
    struct client_extras x = { 0 };
    assert_true(client_decode(c, &x, json_of(w.op.arena, "{\"client_secret\":\"s\",\"registration_client_uri\":\"u\"}"), &w.e));
    assert_str(x.client_secret, "s");
    assert_int_equal(x.registration_client_uri.n, 0);
    world_end(&w);
}

static void shows_defaults(void **state)
{
    (void)state;
    struct world w;
    world_start(&w);
    json_t *created = shown(&w, client_new(w.op.arena), CLIENT_CREATED, false);
    json_t *read = shown(&w, client_new(w.op.arena), CLIENT_READ, false);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct row *row = &rows[i];
        json_t *in_created = json_object_get(created, row->name), *in_read = json_object_get(read, row->name);
        if (is(row, "EXTRA") || has(row, "OMIT") || has(row, "HIDDEN")) {
            assert_null(in_created);
            assert_null(in_read);
        } else if (is(row, "LIST")) {
            assert_true(json_is_array(in_read));
            assert_int_equal(json_is_null(in_created), has(row, "NULLS"));
        } else if (is(row, "SPAN") || is(row, "TRI")) {
            assert_true(json_is_null(in_read));
        } else if (is(row, "KEYS") || is(row, "ANY")) {
            assert_true(json_is_object(in_read) && json_object_size(in_read) == 0);
        } else {
            assert_non_null(in_read);
        }
    }
    assert_int_equal(json_object_size(read), 37);
    world_end(&w);
}

static void keeps_null_metadata(void **state)
{
    (void)state;
    struct world w;
    world_start(&w);
    struct client *c = client_of(&w, "{\"metadata\":null}");
    assert_str(client_doc(w.op.arena, c), "{\"metadata\":null}");
    assert_true(json_is_null(json_object_get(shown(&w, c, CLIENT_READ, false), "metadata")));
    world_end(&w);
}

static void resets(void **state)
{
    (void)state;
    struct world w;
    world_start(&w);
    const char *body = "{\"client_id\":\"i\",\"client_name\":\"n\",\"scope\":\"s\",\"skip_consent\":true,"
                       "\"implicit_grant_id_token_lifespan\":\"1h\",\"metadata\":{\"a\":1}}";
    struct client *c = client_of(&w, body);
    client_reset(c, true);
    assert_str(c->id, "i");
    assert_int_equal(c->name.n + c->scope.n, 0);
    assert_true(c->skip_consent);
    assert_int_equal(c->lifespans[LIFESPAN_IMPLICIT_ID], INT64_C(3600000000000));
    client_reset(c, false);
    assert_str(c->id, "i");
    assert_false(c->skip_consent);
    assert_true(c->lifespans[LIFESPAN_IMPLICIT_ID] == LIFESPAN_UNSET);
    world_end(&w);
}

static void broken_document(void **state)
{
    (void)state;
    struct world w;
    world_start(&w);
    struct client *c;
    assert_false(client_from_row(w.op.arena, &(struct client_row) { .id = STR("x"), .doc = STR("{\"scope\":") }, &c, &w.e));
    assert_failed(&w, SERVER_ERROR, "client x");
    assert_false(client_from_row(w.op.arena, &(struct client_row) { .id = STR("x"), .doc = STR("{\"scope\":7}") }, &c, &w.e));
    assert_failed(&w, SERVER_ERROR, "client x");
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_member_comes_back),
        cmocka_unit_test(every_wrong_type_is_named),
        cmocka_unit_test(every_limit_holds),
        cmocka_unit_test(refuses),
        cmocka_unit_test(tolerates),
        cmocka_unit_test(shows_defaults),
        cmocka_unit_test(keeps_null_metadata),
        cmocka_unit_test(resets),
        cmocka_unit_test(broken_document),
    };
    return RUN(tests);
}
