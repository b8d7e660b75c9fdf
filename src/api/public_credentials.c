/* POST /credentials: a verifiable credential about the token's user. */
#include "api/api.h"

#include <stddef.h>

#include "api/body.h"
#include "oauth/credential.h"

struct body {
    struct str format;
    struct strs types;
    json_t *proof;
};

static const struct body_member members[] = {
    { "format", BODY_TEXT, offsetof(struct body, format), 0 },
    { "types", BODY_TEXTS, offsetof(struct body, types), 0 },
    { "proof", BODY_OBJECT, offsetof(struct body, proof), 0 },
};
static const struct body_member proof_members[] = {
    { "proof_type", BODY_TEXT, offsetof(struct credential_proof, type), 0 },
    { "jwt", BODY_TEXT, offsetof(struct credential_proof, jwt), 0 },
};

/* The token counts first: strangers learn nothing about their body. */
bool public_credentials(struct http_req *r, struct err *e)
{
    struct body body = { 0 };
    struct credential_proof proof = { 0 };
    struct user_token u;
    struct str token, json;
    bool primed;
    TRY(api_bearer(r, &token, e));
    TRY(user_token_check(r->provider, &r->op, token, &err_INVALID_REQUEST, &u, e));
    TRY(body_read(r, members, ARRAY_LEN(members), &body, e));
    if (body.proof != NULL) TRY(body_read_object(r->op.arena, body.proof, proof_members, ARRAY_LEN(proof_members), &proof, e));
    const struct credential_request q = { body.format, body.types, body.proof != NULL ? &proof : NULL };
    TRY(credential_issue(r->provider, &r->op, &u, &q, &primed, &json, e));
    return http_reply_json(r, primed ? 400 : 200, json);
}
