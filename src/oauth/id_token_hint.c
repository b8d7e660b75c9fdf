/* Reads hints; knows nothing of sessions. */
#include "oauth/id_token_hint.h"

#include "oauth/keysets.h"
#include "oauth/subject.h"

#define NOT_OURS "The id_token_hint is not an ID token of this server."

bool id_token_hint_read(const struct provider *p, struct op *op, struct str hint, json_t **ret_claims, struct err *e)
{
    struct jws jws;
    struct err why = ERR_INIT(op->arena);
    json_t *claims;
    bool ours;
    ENSURE(jws_parse(op->arena, hint, &jws, &why), e, INVALID_REQUEST, NOT_OURS);
    TRY(keyset_verify(p, op, STR(KEYSET_ID_TOKEN), &jws, &ours, e));
    ENSURE(ours && json_read(op->arena, jws.payload, &claims, NULL, &why), e, INVALID_REQUEST, NOT_OURS);
    ENSURE(json_str(json_object_get(claims, "sub")).n > 0, e, INVALID_REQUEST, "The id_token_hint names no subject.");
    *ret_claims = claims;
    return true;
}

bool id_token_hint_about(const struct provider *p, struct op *op, const json_t *claims, const struct client *c,
                         struct str subject, bool *ret, struct err *e)
{
    struct str hinted = json_str(json_object_get(claims, "sub")), alias, shown;
    *ret = str_eq(hinted, subject);
    if (*ret) return true;
    /* Tokens from before and after a login app chose an identifier are out there together. */
    TRY(store_alias_get(p->store, op, c->id, subject, &alias, e));
    *ret = str_eq(hinted, alias);
    if (*ret) return true;
    TRY(subject_of_login(p, op->arena, c, subject, STR(""), &shown, e));
    *ret = str_eq(hinted, shown);
    return true;
}
