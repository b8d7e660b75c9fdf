/* Reads and checks the parameter `claims`. */
#include "oauth/claims_request.h"

#define REFUSE(cond, e, why) ENSURE(cond, e, INVALID_REQUEST, "The parameter 'claims' is wrong: " why)

static const char *const targets[] = { "userinfo", "id_token" };

/* OpenID Connect Core 5.5.1: null, or an object with any of essential, value, values; "Other members MAY be defined". */
static bool check_claim(const json_t *claim, struct err *e)
{
    const json_t *essential = json_object_get(claim, "essential"), *values = json_object_get(claim, "values");
    REFUSE(json_is_null(claim) || json_is_object(claim), e, "a claim's request is neither null nor an object.");
    REFUSE(essential == NULL || json_is_boolean(essential), e, "'essential' is neither true nor false.");
    REFUSE(values == NULL || json_is_array(values), e, "'values' is not a list.");
    return true;
}

static bool check_target(const json_t *target, struct err *e)
{
    const char *name;
    json_t *claim;
    if (target == NULL || json_is_null(target)) return true;
    REFUSE(json_is_object(target), e, "'userinfo' and 'id_token' are objects.");
    json_object_foreach((json_t *)target, name, claim) TRY(check_claim(claim, e));
    return true;
}

/* The texts that `value` and `values` allow. */
static struct strs allowed_texts(struct arena *a, const json_t *claim)
{
    struct strs texts = { 0 };
    const json_t *value = json_object_get(claim, "value"), *values = json_object_get(claim, "values");
    if (json_is_string(value)) strs_add(a, &texts, json_str(value));
    for (size_t i = 0; i < json_array_size(values); i++) {
        const json_t *one = json_array_get(values, i);
        if (json_is_string(one)) strs_add(a, &texts, json_str(one));
    }
    return texts;
}

/* OpenID Connect Core 3.1.2.2: with "a specific value for the ID Token" the answer is about that user or an error. */
static bool read_sub(struct op *op, const json_t *target, struct claims_request *ret, struct err *e)
{
    const json_t *sub = json_object_get(target, "sub"), *value = json_object_get(sub, "value");
    if (value == NULL) return true;
    REFUSE(json_is_string(value) && json_string_length(value) > 0, e, "the value of 'sub' is not a text.");
    strs_add(op->arena, &ret->subs, json_str(value));
    return true;
}

/* OpenID Connect Core 5.5.1.1: requested as essential with values, the login must reach one of them. */
static void read_acr(struct op *op, const json_t *target, struct claims_request *ret)
{
    const json_t *acr = json_object_get(target, "acr");
    ret->acr = acr != NULL;
    if (json_is_true(json_object_get(acr, "essential"))) ret->acrs = allowed_texts(op->arena, acr);
}

bool claims_request_read(struct op *op, struct str text, struct claims_request *ret, struct err *e)
{
    struct claims_request q = { 0 };
    struct err why = ERR_INIT(op->arena);
    json_t *json;
    *ret = q;
    if (text.n == 0) return true;
    REFUSE(str_is_utf8(text) && json_read(op->arena, text, &json, NULL, &why) && json_is_object(json), e,
           "it is no JSON object.");
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        const json_t *target = json_object_get(json, targets[i]);
        TRY(check_target(target, e));
        TRY(read_sub(op, target, &q, e));
    }
    read_acr(op, json_object_get(json, "id_token"), &q);
    *ret = q;
    return true;
}
