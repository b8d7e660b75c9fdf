/* Storing clients: create, and update by compare-and-set on the row's version; their secrets and registration tokens. */
#include "base/rand.h"
#include "base/span.h"
#include "client.h"

enum { SHORTEST_SECRET = 6, LONGEST_SECRET = 1024, SECRET_LENGTH = 26, TRIES = 8 };

/* ---- secrets ---- */

struct str client_secret_new(struct arena *a)
{
    return rand_text(a, SECRET_LENGTH, STR("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"));
}

struct secret_cost client_secret_cost(const struct provider *p)
{
    const struct config *c = p->config;
    return (struct secret_cost) {
        .algorithm = c->oauth2_hashers_algorithm == HASHER_BCRYPT ? SECRET_BCRYPT : SECRET_PBKDF2,
        .bcrypt_cost = c->oauth2_hashers_bcrypt_cost,
        .pbkdf2_iterations = c->oauth2_hashers_pbkdf2_iterations,
    };
}

static bool check_secret(struct str secret, struct err *e)
{
    if (secret.n == 0) return true;
    ENSURE(secret.n >= SHORTEST_SECRET, e, INVALID_CLIENT_METADATA,
           "Field client_secret must contain a secret that is at least 6 characters long.");
    ENSUREF(secret.n <= LONGEST_SECRET, e, INVALID_CLIENT_METADATA, "Field client_secret must not be longer than %d bytes.",
            LONGEST_SECRET);
    return true;
}

/* A MAC needs the secret itself (OpenID Connect Core 9, client_secret_jwt); nobody else's is kept. */
static struct str secret_bound(struct arena *a, const struct client *c) { return ARENA_CAT(a, STR("secret of client "), c->id); }

static void keep_secret(const struct provider *p, struct op *op, struct client *c, struct str secret)
{
    if (!str_eq(c->token_endpoint_auth_method, STR("client_secret_jwt")))
        c->sealed_secret = STR_NONE;
    else if (secret.n > 0)
        c->sealed_secret = seal_text(p->sealer, op->arena, SEAL_STORED_KEY, secret_bound(op->arena, c), secret);
}

bool client_secret_open(const struct provider *p, struct arena *a, const struct client *c, struct str *ret)
{
    return unseal_text(p->sealer, a, SEAL_STORED_KEY, secret_bound(a, c), c->sealed_secret, ret);
}

/* Hashes the new secret if there is one. A client that needs one and has none (new, or public until now) gets a random one. */
static bool settle_secret(const struct provider *p, struct op *op, struct client *c, struct client_extras *x, struct err *e)
{
    if (x->client_secret.n == 0 && c->secret_hash.n == 0 && !client_is_public(c)) x->client_secret = client_secret_new(op->arena);
    keep_secret(p, op, c, x->client_secret);
    if (x->client_secret.n == 0) return true;
    struct secret_cost cost = client_secret_cost(p);
    return secret_hash(op, &cost, x->client_secret, &c->secret_hash, e);
}

/* ---- registration tokens (RFC 7592 3): sealed, so nothing is stored. They name the generation, which management requests move
 * on, and the moment of creation. ---- */

/* Generations begin anywhere: a client made again under the same id, even within the second, is another one. */
static int64_t first_registration(void)
{
    uint64_t n;
    rand_bytes(&n, sizeof(n));
    return (int64_t)(n >> 2);
}

static struct str registration_plain(struct arena *a, const struct client *c)
{
    uint64_t head[2] = { __builtin_bswap64((uint64_t)c->registration), __builtin_bswap64((uint64_t)c->created_at) };
    return ARENA_CAT(a, (struct str) { (const char *)head, sizeof(head) }, c->id);
}

struct str client_registration_token(const struct provider *p, struct arena *a, const struct client *c)
{
    return seal_token(p->sealer, a, SEAL_REGISTRATION_TOKEN, p->issuer, REGISTRATION_PREFIX, registration_plain(a, c));
}

bool client_registration_check(const struct provider *p, struct arena *a, const struct client *c, struct str token)
{
    struct str plain;
    return unseal_token(p->sealer, a, SEAL_REGISTRATION_TOKEN, p->issuer, REGISTRATION_PREFIX, token, &plain) &&
           str_eq(plain, registration_plain(a, c));
}

struct str client_registration_uri(const struct provider *p, struct arena *a, const struct client *c)
{
    struct buf out = BUF(a);
    buf_add(&out, config_url_join(a, p->public_url, "oauth2/register/"));
    url_encode_path(&out, c->id);
    return buf_str(&out);
}

/* ---- rows ---- */

/* A longer one is nobody's origin. */
enum { ORIGIN_MAX = 400 };

static struct strs lower_origins(struct arena *a, struct strs origins)
{
    struct strs lower = { 0 };
    for (size_t i = 0; i < origins.n; i++)
        if (origins.v[i].n <= ORIGIN_MAX) strs_add(a, &lower, str_lower(a, origins.v[i]));
    return lower;
}

void client_to_row(struct arena *a, const struct client *c, struct client_row *row)
{
    *row = (struct client_row) {
        .id = c->id,
        .version = c->version,
        .name = c->name,
        .owner = c->owner,
        .doc = client_doc(a, c),
        .secret_hash = c->secret_hash,
        .rotated = c->rotated,
        .origins = lower_origins(a, c->allowed_cors_origins),
        .registration = c->registration,
        .created_at = c->created_at,
        .updated_at = c->updated_at,
    };
}

bool client_create(const struct provider *p, struct op *op, struct client *c, struct client_extras *x, bool v1, struct err *e)
{
    OP_MUST_WAIT(op, e);
    if (c->id.n == 0) c->id = rand_uuid(c->arena);
    c->created_at = usec_to_sec(op->now) * USEC_PER_SEC;
    c->updated_at = op->now;
    c->registration = first_registration();
    TRY(check_secret(x->client_secret, e));
    TRY(client_validate(p, op, c, NULL, v1, e));
    TRY(settle_secret(p, op, c, x, e));

    struct client_row row;
    enum store_put put;
    client_to_row(op->arena, c, &row);
    row.not_before = op->now - 1; /* tokens of an earlier client of this id are not this client's */
    TRY(store_client_insert(p->store, op, &row, &put, e));
    ENSURE(put == STORE_DONE, e, DUPLICATE, "");
    c->version = row.version;

    if (client_is_public(c)) x->client_secret = STR_NONE;
    x->registration_access_token = client_registration_token(p, op->arena, c);
    x->registration_client_uri = client_registration_uri(p, op->arena, c);
    span_event(op, &(struct span_event) { .name = EVENT_CLIENT_CREATED, .client_id = c->id });
    return true;
}

bool client_delete(const struct provider *p, struct op *op, struct str id, bool *ret_found, struct err *e)
{
    enum store_put put = STORE_MISSING;
    if (id.n <= STORE_ID_MAX && !str_has(id, '\0')) TRY(store_client_delete(p->store, op, id, &put, e));
    *ret_found = put == STORE_DONE;
    if (*ret_found) span_event(op, &(struct span_event) { .name = EVENT_CLIENT_DELETED, .client_id = id });
    return true;
}

/* The id is how the client is found, so it stays. An id of another client could make that one be overwritten. */
static bool check_id(const struct provider *p, struct op *op, const struct client *c, struct str id, struct err *e)
{
    struct client_state other;
    if (str_eq(c->id, id)) return true;
    TRY(store_client_state(p->store, op, c->id, STR_NONE, &other, e));
    ENSURE(other.version == 0, e, BAD_REQUEST, "The client_id of a client cannot be changed.");
    FAIL(e, NO_ROW, "");
}

/* Without a client; what is wrong with the request goes first. */
static bool refuse_missing(const struct provider *p, struct op *op, const struct client_change *change, struct err *e)
{
    struct client *c = client_new(op->arena);
    struct client_extras x = { 0 };
    if (change->whole) {
        TRY(change->edit(c, &x, change->arg, e));
        TRY(check_secret(x.client_secret, e));
        TRY(client_validate(p, op, c, NULL, change->v1, e));
    }
    FAIL(e, NO_ROW, "");
}

static bool try_update(const struct provider *p, struct op *op, const struct client_change *change, struct client **ret,
                       struct client_extras *x, enum store_put *ret_put, struct err *e)
{
    struct client_row *row, changed;
    struct client *c;
    TRY(store_client_get(p->store, op, change->id, &row, e));
    if (row == NULL) return refuse_missing(p, op, change, e);
    TRY(client_from_row(op->arena, row, &c, e));

    struct client before = *c;
    *x = (struct client_extras) { 0 };
    TRY(change->edit(c, x, change->arg, e));
    TRY(check_id(p, op, c, change->id, e));
    TRY(check_secret(x->client_secret, e));
    TRY(client_validate(p, op, c, &before, change->v1, e));
    TRY(settle_secret(p, op, c, x, e));
    c->updated_at = op->now;
    client_to_row(op->arena, c, &changed);
    TRY(store_client_update(p->store, op, &changed, ret_put, e));
    c->version = changed.version;
    *ret = c;
    return true;
}

bool client_update(const struct provider *p, struct op *op, const struct client_change *change, struct client **ret,
                   struct client_extras *ret_x, struct err *e)
{
    OP_MUST_WAIT(op, e);
    ENSURE(change->id.n > 0 && change->id.n <= STORE_ID_MAX && !str_has(change->id, '\0'), e, NO_ROW, "");
    for (int i = 0; i < TRIES; i++) {
        enum store_put put;
        TRY(try_update(p, op, change, ret, ret_x, &put, e));
        ENSURE(put != STORE_MISSING, e, NO_ROW, "");
        if (put != STORE_DONE) continue;
        span_event(op, &(struct span_event) { .name = EVENT_CLIENT_UPDATED, .client_id = change->id });
        return true;
    }
    FAIL(e, CONFLICT, "Others keep changing this client; try again.");
}
