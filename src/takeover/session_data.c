/* Reads session_data: plain JSON or sealed, with the member names of today or those of old. Knows no tokens. */
#include "takeover/session_data.h"

/* "0001-01-01T00:00:00Z" is Hydra's zero. */
static usec_t time_of(const json_t *v)
{
    usec_t t;
    return time_parse_rfc3339(json_str(v), &t) && t > 0 ? t : 0;
}

static const json_t *either(const json_t *object, const char *now, const char *old)
{
    const json_t *v = json_object_get(object, now);
    return v != NULL ? v : json_object_get(object, old);
}

static struct strs texts_of(struct arena *a, const json_t *list)
{
    struct strs texts = { 0 };
    for (size_t i = 0; i < json_array_size(list); i++) strs_add(a, &texts, json_str(json_array_get(list, i)));
    return texts;
}

static struct str object_text(struct arena *a, const json_t *v)
{
    return json_is_object(v) && json_object_size(v) > 0 ? json_text(a, v, false) : STR("");
}

static void read_claims(struct arena *a, const json_t *claims, struct session_data *s)
{
    json_t *ext = (json_t *)either(claims, "ext", "Extra"); /* changed below: nobody else holds it */
    s->issuer = json_str(either(claims, "iss", "Issuer"));
    s->sub = json_str(either(claims, "sub", "Subject"));
    s->nonce = json_str(either(claims, "nonce", "Nonce"));
    s->acr = json_str(either(claims, "acr", "AuthenticationContextClassReference"));
    s->amr = texts_of(a, either(claims, "amr", "AuthenticationMethodsReferences"));
    s->auth_time = time_of(either(claims, "auth_time", "AuthTime"));
    s->sid = arena_dup(a, json_str(json_object_get(ext, "sid")));
    if (json_is_object(ext)) json_object_del(ext, "sid");
    s->id_claims = object_text(a, ext);
}

static void read_ends(const json_t *ends, struct session_data *s)
{
    s->access_until = time_of(json_object_get(ends, "access_token"));
    s->refresh_until = time_of(json_object_get(ends, "refresh_token"));
    s->code_until = time_of(json_object_get(ends, "authorize_code"));
    s->device_until = time_of(json_object_get(ends, "device_code"));
}

static bool open_text(const struct hydra *keys, struct arena *a, struct str stored, struct str *ret)
{
    if (str_starts(stored, STR("{"))) return *ret = stored, true;
    return hydra_unseal(keys, a, stored, ret);
}

bool session_data_read(const struct hydra *keys, struct arena *a, struct str stored, struct session_data *ret)
{
    struct err ignored = ERR_INIT(a);
    struct str text;
    json_t *doc;
    if (!open_text(keys, a, stored, &text) || !json_read(a, text, &doc, NULL, &ignored) || !json_is_object(doc)) return false;
    const json_t *id_token = either(doc, "id_token", "idToken");
    *ret = (struct session_data) { 0 };
    read_claims(a, either(id_token, "id_token_claims", "Claims"), ret);
    read_ends(either(id_token, "expires_at", "ExpiresAt"), ret);
    ret->subject = json_str(either(id_token, "subject", "Subject"));
    ret->access_claims = object_text(a, either(doc, "extra", "Extra"));
    return true;
}

struct strs hydra_list(struct arena *a, struct str column)
{
    struct err ignored = ERR_INIT(a);
    json_t *list;
    if (column.n == 0 || str_eq(column, STR("null"))) return (struct strs) { 0 };
    if (!str_starts(column, STR("["))) return strs_split(a, column, '|');
    return json_read(a, column, &list, NULL, &ignored) ? texts_of(a, list) : (struct strs) { 0 };
}
