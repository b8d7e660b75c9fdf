/* Client metadata and JSON Patches from strangers. A line of JSON is the client, the rest is a patch of it. Whatever is accepted
 * must read back from its stored form as the same client. */
#include <string.h>

#include "fuzz.h"
#include "oauth/client.h"

static bool nothing_answers(const struct provider *p, struct op *op, const struct fetch_request *q, struct fetch_answer *ret,
                            struct err *e)
{
    (void)p, (void)op, (void)q, (void)ret;
    FAIL(e, SERVER_ERROR, "");
}

static struct str shown(struct arena *a, const struct client *c, enum client_view view, bool v1)
{
    struct buf out = BUF(a);
    client_write(&JW(&out), NULL, c, view, v1, NULL);
    return buf_str(&out);
}

static void must_come_back(struct arena *a, const struct client *c)
{
    struct err e = ERR_INIT(a);
    struct client *again;
    struct client_row row = { .id = c->id, .name = c->name, .owner = c->owner, .doc = client_doc(a, c) };
    if (!client_from_row(a, &row, &again, &e)) abort();
    if (!str_eq(shown(a, c, CLIENT_READ, false), shown(a, again, CLIENT_READ, false))) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct str types[] = { { "public", 6 }, { "pairwise", 8 } }, scopes[] = { { "openid", 6 } };
    static const struct config config = {
        .oidc_subject_identifiers_supported_types = { types, 2 },
        .oidc_dynamic_client_registration_default_scope = { scopes, 1 },
    };
    const struct provider p = { .config = &config, .fetch = nothing_answers };
    ARENA_AUTO a = arena_new();
    struct op op = { .arena = a, .now = 1, .may_wait = true };
    struct err e = ERR_INIT(a);
    struct client *c = client_new(a);
    struct client_extras x = { 0 };
    struct str rest = { (const char *)data, size }, first = str_cut(&rest, '\n');
    json_t *body, *patch;

    if (!json_read(a, first, &body, NULL, &e) || !client_decode(c, &x, body, &e)) return 0;
    must_come_back(a, c);
    (void)shown(a, c, CLIENT_CREATED, true);
    struct client before = *c;
    if (client_validate(&p, &op, c, &before, false, &e)) must_come_back(a, c);
    if (!json_read(a, rest, &patch, NULL, &e) || !client_patch(c, &x, patch, &e)) return 0;
    must_come_back(a, c);
    if (client_validate(&p, &op, c, NULL, true, &e)) must_come_back(a, c);
    return 0;
}
