/* Asking the token endpoint's protocol, without HTTP. */
#ifndef TEST_EXCHANGE_H
#define TEST_EXCHANGE_H

#include "world.h"

#include "base/b64.h"
#include "oauth/grants.h"

struct exchange {
    struct params form;
    struct client_credentials credentials;
};

/* `pair`: id:secret for HTTP Basic; NULL: none. */
static inline struct exchange exchange_of(struct world *w, const char *pair, const char *form)
{
    struct exchange x = { 0 };
    assert_true(params_parse(w->arena, str_of(form), 1000, &x.form));
    if (pair != NULL) x.credentials.authorization = ARENA_CAT(w->arena, STR("Basic "), b64_encode(w->arena, str_of(pair)));
    return x;
}

/* The answer's JSON; NULL on failure (w->e says why). */
static inline json_t *ask_token(struct world *w, const char *pair, const char *form)
{
    struct exchange x = exchange_of(w, pair, form);
    struct str text;
    json_t *json;
    x.credentials.form = &x.form;
    w->e = ERR_INIT(w->arena);
    if (!token_request(w->p, &w->op, &x.credentials, &text, &w->e)) return NULL;
    WORLD_TRY(w, json_read(w->arena, text, &json, NULL, &w->e));
    return json;
}

static inline struct str member(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    assert_non_null(value);
    return json_str(value);
}

#endif
