/* A person has logged in and consented: a grant with its code, as flow/ leaves it, for the tests of what follows. */
#ifndef TEST_CONSENTED_H
#define TEST_CONSENTED_H

#include "exchange.h"

#include "base/rand.h"
#include "oauth/code.h"
#include "oauth/introspection.h"

#define CALLBACK "https://rp.example.test/cb"

/* `members`: more of the client's metadata, each after a comma. */
static inline const struct client *code_client(struct world *w, const char *id, const char *members)
{
    return world_client(w, arena_printf(w->arena,
                                        "{\"client_id\":\"%s\",\"client_secret\":\"secret\",\"redirect_uris\":[\"" CALLBACK "\"],"
                                        "\"grant_types\":[\"authorization_code\",\"refresh_token\",\"implicit\"],"
                                        "\"response_types\":[\"code\",\"token\",\"id_token\",\"code id_token token\"],"
                                        "\"scope\":\"openid offline a b\",\"audience\":[\"urn:api\"]%s}",
                                        id, members)
                               .p);
}

/* What a plain login leaves; tests change what they are about. */
static inline struct grant_session plain_session(struct world *w)
{
    return (struct grant_session) { .scopes = strs_words(w->arena, STR("openid offline a")),
                                    .audience = strs_words(w->arena, STR("urn:api")),
                                    .sid = STR("the-sid"),
                                    .authenticated_at = w->op.now - 5 * USEC_PER_SEC,
                                    .nonce = STR("the-nonce"),
                                    .redirect_uri = STR(CALLBACK) };
}

static inline struct grant *get_grant(struct world *w, struct str id)
{
    struct grant *g;
    WORLD_TRY(w, store_grant_get(w->p->store, &w->op, id, &g, &w->e));
    return g;
}

/* Stores a grant of `subject` for the client, its code out. */
static inline struct grant *store_consented(struct world *w, const char *client_id, const char *subject,
                                            const struct grant_session *s)
{
    const struct str id = rand_hex(w->arena, 16);
    const struct grant g = { .id = id,
                             .state = GRANT_CONSENTED,
                             .client_id = str_of(client_id),
                             .subject = str_of(subject),
                             .session_id = s->sid,
                             .request = STR("{}"),
                             .session = grant_session_write(w->p, &w->op, id, s),
                             .requested_at = w->op.now - 10 * USEC_PER_SEC,
                             .handled_at = w->op.now,
                             .rotated_at = w->op.now,
                             .expires_at = w->op.now + 600 * USEC_PER_SEC };
    enum store_put put;
    WORLD_TRY(w, store_grant_insert(w->p->store, &w->op, &g, &put, &w->e));
    assert_int_equal(put, STORE_DONE);
    return get_grant(w, id);
}

static inline struct str code_of(struct world *w, const struct grant *g)
{
    const usec_t until = (usec_to_sec(w->op.now) + 600) * USEC_PER_SEC;
    return code_issue(w->p, w->arena, &(struct code) { .grant_id = g->id, .generation = g->generation, .expires_at = until });
}

/* Redeems a code: the answer's JSON, NULL on failure. `more`: further parameters, each after an ampersand. */
static inline json_t *redeem(struct world *w, const char *pair, struct str code, const char *more)
{
    return ask_token(w, pair, arena_printf(w->arena, "grant_type=authorization_code&code=%.*s%s", STR_FMT(code), more).p);
}
#define WITH_CALLBACK "&redirect_uri=https%3A%2F%2Frp.example.test%2Fcb"

static inline json_t *refresh(struct world *w, const char *pair, struct str token, const char *more)
{
    return ask_token(w, pair, arena_printf(w->arena, "grant_type=refresh_token&refresh_token=%.*s%s", STR_FMT(token), more).p);
}

/* A first set of tokens; fails the test when there is none. */
static inline json_t *first_tokens(struct world *w, const char *client_id, const struct grant_session *s,
                                   struct grant **ret_grant)
{
    struct grant *g = store_consented(w, client_id, "ada", s);
    const struct str pair = arena_printf(w->arena, "%s:secret", client_id);
    json_t *answer = redeem(w, pair.p, code_of(w, g), WITH_CALLBACK);
    if (answer == NULL) world_fail(w);
    if (ret_grant != NULL) *ret_grant = get_grant(w, g->id);
    return answer;
}

/* Whether introspection calls the token active; *ret_json, which may be NULL: what it says. */
static inline bool is_active(struct world *w, struct str token, json_t **ret_json)
{
    struct str text;
    json_t *json;
    WORLD_TRY(w, introspect(w->p, &w->op, token, STR(""), false, &text, &w->e));
    WORLD_TRY(w, json_read(w->arena, text, &json, NULL, &w->e));
    if (ret_json != NULL) *ret_json = json;
    return json_is_true(json_object_get(json, "active"));
}

/* The claims of a JWT of ours, its signature verified. */
static inline json_t *claims_of(struct world *w, struct str token)
{
    struct jws jws;
    json_t *claims;
    bool ok = false;
    WORLD_TRY(w, jws_parse(w->arena, token, &jws, &w->e));
    WORLD_TRY(w, keyset_verify(w->p, &w->op, STR(KEYSET_ID_TOKEN), &jws, &ok, &w->e));
    assert_true(ok);
    WORLD_TRY(w, json_read(w->arena, jws.payload, &claims, NULL, &w->e));
    return claims;
}

static inline int64_t number(const json_t *object, const char *name) { return json_integer_value(json_object_get(object, name)); }

#endif
