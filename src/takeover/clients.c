/* Clients: their metadata, secrets (as hashes), rotated secrets, and the registration access token that is in force. */
#include "oauth/client.h"

#include "oauth/earlier.h"
#include "takeover/takeover_int.h"

/* ---- columns ---- */

enum column_kind { C_TEXT, C_LIST, C_NONE, C_JSON, C_BOOL, C_TRI, C_SPAN };

struct column {
    enum column_kind kind;
    size_t at;
};
enum { ID, NAME, SECRET, ROTATED, FIRST, REGISTRATION = 29, TIMES = 48 };

/* clang-format off */
#define COLUMN(kind, member) { kind, offsetof(struct client, member) }
/* In the order of CLIENTS from FIRST on; registration_access_token_signature stands for itself. */
static const struct column columns[] = {
    COLUMN(C_LIST, redirect_uris),          COLUMN(C_LIST, grant_types),            COLUMN(C_LIST, response_types),
    COLUMN(C_TEXT, scope),                  COLUMN(C_LIST, audience),               COLUMN(C_TEXT, owner),
    COLUMN(C_TEXT, policy_uri),             COLUMN(C_TEXT, tos_uri),                COLUMN(C_TEXT, client_uri),
    COLUMN(C_TEXT, logo_uri),               COLUMN(C_LIST, contacts),               COLUMN(C_TEXT, sector_identifier_uri),
    COLUMN(C_TEXT, subject_type),           COLUMN(C_JSON, jwks),                   COLUMN(C_TEXT, jwks_uri),
    COLUMN(C_LIST, request_uris),           COLUMN(C_TEXT, token_endpoint_auth_method),
    COLUMN(C_TEXT, token_endpoint_auth_signing_alg),                                COLUMN(C_TEXT, request_object_signing_alg),
    COLUMN(C_TEXT, userinfo_signed_response_alg),                                   COLUMN(C_LIST, allowed_cors_origins),
    COLUMN(C_TEXT, frontchannel_logout_uri), COLUMN(C_TEXT, backchannel_logout_uri),
    COLUMN(C_LIST, post_logout_redirect_uris), COLUMN(C_JSON, metadata),            { C_NONE, 0 },
    COLUMN(C_TEXT, access_token_strategy),
    COLUMN(C_BOOL, frontchannel_logout_session_required), COLUMN(C_BOOL, backchannel_logout_session_required),
    COLUMN(C_BOOL, skip_consent),           COLUMN(C_TRI, skip_logout_consent),
    COLUMN(C_SPAN, lifespans[LIFESPAN_AUTHORIZATION_CODE_ACCESS]), COLUMN(C_SPAN, lifespans[LIFESPAN_AUTHORIZATION_CODE_ID]),
    COLUMN(C_SPAN, lifespans[LIFESPAN_AUTHORIZATION_CODE_REFRESH]), COLUMN(C_SPAN, lifespans[LIFESPAN_CLIENT_CREDENTIALS_ACCESS]),
    COLUMN(C_SPAN, lifespans[LIFESPAN_IMPLICIT_ACCESS]),           COLUMN(C_SPAN, lifespans[LIFESPAN_IMPLICIT_ID]),
    COLUMN(C_SPAN, lifespans[LIFESPAN_JWT_BEARER_ACCESS]),         COLUMN(C_SPAN, lifespans[LIFESPAN_REFRESH_ACCESS]),
    COLUMN(C_SPAN, lifespans[LIFESPAN_REFRESH_ID]),                COLUMN(C_SPAN, lifespans[LIFESPAN_REFRESH_REFRESH]),
    COLUMN(C_SPAN, lifespans[LIFESPAN_DEVICE_ACCESS]),             COLUMN(C_SPAN, lifespans[LIFESPAN_DEVICE_ID]),
    COLUMN(C_SPAN, lifespans[LIFESPAN_DEVICE_REFRESH]),
};
/* clang-format on */
_Static_assert(ARRAY_LEN(columns) == TIMES - FIRST, "a row per column");

static struct strs read_list(struct arena *a, struct str text)
{
    const struct strs list = hydra_list(a, text);
    return list.n > 0 ? list : (struct strs) { ARENA_ARRAY(a, struct str, 1), 0 }; /* given, and empty */
}

/* {} is how a member that was not given is kept. */
static bool read_json(struct arena *a, struct str text, json_t **ret)
{
    struct err ignored = ERR_INIT(a);
    *ret = NULL;
    if (text.n == 0) return true;
    TRY(json_read(a, text, ret, NULL, &ignored));
    if (json_is_null(*ret) || (json_is_object(*ret) && json_object_size(*ret) == 0)) *ret = NULL;
    return true;
}

static bool read_column(struct arena *a, const struct column *column, const struct sql_cell *cell, void *slot)
{
    switch (column->kind) {
    case C_TEXT: *(struct str *)slot = cell->s.p != NULL ? cell->s : STR(""); break;
    case C_LIST: *(struct strs *)slot = read_list(a, cell->s); break;
    case C_JSON: return read_json(a, cell->s, slot);
    case C_BOOL: *(bool *)slot = cell->i != 0; break;
    case C_TRI: *(enum tristate *)slot = cell->i < 0 ? TRI_NULL : cell->i == 0 ? TRI_FALSE : TRI_TRUE; break;
    case C_SPAN: *(int64_t *)slot = cell->i == HYDRA_UNSET ? LIFESPAN_UNSET : cell->i; break;
    case C_NONE: break;
    }
    return true;
}

static bool read_client(struct arena *a, const struct sql_cell *c, struct client **ret)
{
    struct client *client = *ret = client_new(a);
    client->id = c[ID].s;
    client->name = c[NAME].s;
    client->secret_hash = c[SECRET].s;
    client->rotated = hydra_list(a, c[ROTATED].s);
    for (size_t i = 0; i < ARRAY_LEN(columns); i++)
        TRY(read_column(a, &columns[i], &c[FIRST + i], (char *)client + columns[i].at));
    client->scopes = strs_words(a, client->scope);
    client->created_at = c[TIMES].i;
    client->updated_at = c[TIMES + 1].i;
    if (client->token_endpoint_auth_method.n == 0) client->token_endpoint_auth_method = STR("client_secret_basic");
    return client->id.n > 0 && client->id.n <= STORE_ID_MAX;
}

/* ---- pages ---- */

struct batch {
    struct client_row *rows;
    struct import *how;
    struct earlier_token *tokens; /* one for each client that has one; digest empty: none */
    size_t n;
};

static bool verify_client(struct takeover *t, struct op *op, const struct client_row *row, struct str taken, struct err *e)
{
    struct client_row *there;
    enum verdict v = VERDICT_MISSING;
    TRY(store_client_get(t->provider->store, op, row->id, &there, e));
    if (there == NULL)
        TRY(absent_verdict(t, op, taken, &v, e));
    else if (str_eq(there->doc, row->doc) && str_eq(there->secret_hash, row->secret_hash))
        v = VERDICT_SAME;
    else if (there->updated_at != row->updated_at || str_eq(there->doc, row->doc)) /* a hash is renewed on use */
        v = VERDICT_MOVED;
    count_verdict(t, KIND_CLIENTS, v, row->id);
    return true;
}

static bool put_clients(struct takeover *t, struct op *op, struct batch *b, struct err *e)
{
    if (t->options->mode == TAKEOVER_VERIFY) {
        for (size_t i = 0; i < b->n; i++) TRY(verify_client(t, op, &b->rows[i], b->how[i].taken, e));
        return true;
    }
    TRY(store_import_clients(t->provider->store, op, b->rows, b->how, b->n, e));
    count_outcomes(t, KIND_CLIENTS, b->how, b->n);
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++)
        if (b->tokens[i].digest.n > 0) b->tokens[n++] = b->tokens[i];
    struct import *how = ARENA_ARRAY(op->arena, struct import, n + 1);
    return store_import_earlier(t->provider->store, op, b->tokens, how, n, e);
}

static void add_client(struct takeover *t, struct op *op, const struct client *client, struct str registration, struct batch *b)
{
    struct arena *a = op->arena;
    client_to_row(a, client, &b->rows[b->n]);
    b->how[b->n].taken = taken_name(a, "client", client->id);
    if (registration.n > 0) b->tokens[b->n] = earlier_registration_token(t->provider, a, token_digest(a, registration), client);
    b->n++;
}

static bool bring_page(struct takeover *t, struct op *op, const struct sql_rows *rows, struct err *e)
{
    struct arena *a = op->arena;
    struct batch b = { ARENA_ARRAY(a, struct client_row, rows->n), ARENA_ARRAY(a, struct import, rows->n),
                       ARENA_ARRAY(a, struct earlier_token, rows->n), 0 };
    for (size_t i = 0; i < rows->n; i++) {
        const struct sql_cell *c = sql_row(rows, i);
        struct client *client;
        if (!read_client(a, c, &client))
            left_out(t, KIND_CLIENTS, LEFT_UNUSABLE, c[ID].s);
        else
            add_client(t, op, client, c[REGISTRATION].s, &b);
    }
    if (t->options->mode != TAKEOVER_DRY) return put_clients(t, op, &b, e);
    tally(t, KIND_CLIENTS)->added += (int64_t)b.n;
    return true;
}

bool bring_clients(struct takeover *t, struct err *e)
{
    const enum hydra_rows rows = t->source.rotates ? HYDRA_CLIENTS : HYDRA_CLIENTS_BEFORE_ROTATION;
    return takeover_pages(t, KIND_CLIENTS, &(struct paging) { rows, 1, "" }, bring_page, e);
}
