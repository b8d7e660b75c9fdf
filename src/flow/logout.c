/* Challenges and verifiers of logouts, and what their marks mean. */
#include "flow/logout.h"

#include "base/b64.h"
#include "base/rand.h"
#include "flow/backchannel.h"
#include "flow/identity_provider.h"
#include "oauth/id_token_hint.h"
#include "oauth/pack.h"

enum { LOGOUT_VERSION = 1, ID_BYTES = 16 };
/* Values of MARK_LOGOUT. */
enum { MARK_ACCEPTED = 1, MARK_REJECTED, MARK_COMPLETED };

/* Clocks of nodes that serve the same issuer may differ a little. */
#define CLOCK_TOLERANCE 60

#define REFUSE(e, why) FAIL(e, INVALID_REQUEST, "Logout failed because " why)

/* ---- the request ---- */

/* RP-Initiated Logout 1.0, 2: "When both client_id and id_token_hint are present, the OP MUST verify that the Client Identifier
 * specified matches the one that the ID Token was issued to." */
static bool client_of_hint(const struct provider *p, struct op *op, const json_t *claims, struct str client_id,
                           const struct client **ret, struct err *e)
{
    const json_t *aud = json_object_get(claims, "aud");
    size_t n = json_is_array(aud) ? json_array_size(aud) : 1;
    for (size_t i = 0; i < n; i++) {
        struct str id = json_str(json_is_array(aud) ? json_array_get(aud, i) : aud);
        if (id.n == 0 || (client_id.n > 0 && !str_eq(id, client_id))) continue;
        TRY(client_get(p, op, id, ret, e));
        if (*ret != NULL) return true;
    }
    REFUSE(e, "the id_token_hint was not issued to a registered client, or not to the one that client_id names.");
}

static struct str without_slash(struct str url) { return str_upto(url, url.n - (str_ends(url, STR("/")) ? 1 : 0)); }

/* Hydra's first version wrote a final '/' into `iss`, whatever the configuration said. */
static bool is_our_issuer(const struct provider *p, struct str iss)
{
    return iss.n > 0 && str_eq(without_slash(iss), without_slash(p->issuer));
}

static bool check_hint(const struct provider *p, const struct op *op, const json_t *claims, struct err *e)
{
    if (!is_our_issuer(p, json_str(json_object_get(claims, "iss")))) REFUSE(e, "the id_token_hint comes from another issuer.");
    bool future = json_integer_value(json_object_get(claims, "iat")) > usec_to_sec(op->now) + CLOCK_TOLERANCE;
    if (future) REFUSE(e, "the id_token_hint was issued in the future.");
    if (json_str(json_object_get(claims, "sid")).n == 0) REFUSE(e, "the id_token_hint has no sid claim.");
    return true;
}

/* RP-Initiated Logout 1.0, 3: the URI "MUST have been previously registered with the OP"; compared byte by byte. */
static bool choose_target(const struct provider *p, struct arena *a, const struct client *c, const struct params *asked,
                          struct str *ret, struct err *e)
{
    struct str uri = params_get(asked, STR("post_logout_redirect_uri")), state = params_get(asked, STR("state"));
    *ret = p->config->url.post_logout_redirect;
    if (uri.n == 0) return true;
    if (!strs_has(c->post_logout_redirect_uris, uri))
        REFUSE(e, "query parameter post_logout_redirect_uri is not a whitelisted as a post_logout_redirect_uri for the client.");
    struct params add = { 0 };
    if (state.n > 0) params_add(a, &add, STR("state"), state);
    *ret = state.n > 0 ? url_with_params(a, uri, &add) : uri;
    return true;
}

/* A client asks for the user: the session is the one that the ID token belongs to, in whichever browser. */
static bool begin_by_client(const struct provider *p, struct op *op, const struct params *asked, struct logout *l, bool *ret_ask,
                            struct err *e)
{
    json_t *claims;
    const struct client *c;
    struct session_row *session;
    TRY(id_token_hint_read(p, op, params_get(asked, STR("id_token_hint")), &claims, e));
    TRY(check_hint(p, op, claims, e));
    TRY(client_of_hint(p, op, claims, params_get(asked, STR("client_id")), &c, e));
    TRY(choose_target(p, op->arena, c, asked, &l->target, e));
    TRY(store_session_get(p->store, op, json_str(json_object_get(claims, "sid")), &session, e));
    *ret_ask = session != NULL && session->remember;
    if (!*ret_ask) return true;
    l->client_id = c->id;
    l->session_id = session->id;
    l->subject = session->subject;
    return true;
}

bool logout_begin(const struct provider *p, struct op *op, const struct params *asked, const struct session_row *session,
                  struct logout *ret, bool *ret_ask, struct err *e)
{
    *ret = (struct logout) { .id = rand_hex(op->arena, ID_BYTES),
                             .requested_at = op->now,
                             .target = p->config->url.post_logout_redirect };
    if (params_get(asked, STR("id_token_hint")).n > 0) return begin_by_client(p, op, asked, ret, ret_ask, e);
    if (params_get(asked, STR("state")).n > 0) REFUSE(e, "query parameter state is set but id_token_hint is missing.");
    if (params_get(asked, STR("post_logout_redirect_uri")).n > 0)
        REFUSE(e, "query parameter post_logout_redirect_uri is set but id_token_hint is missing.");
    *ret_ask = session != NULL;
    if (session == NULL) return true;
    ret->session_id = session->id;
    ret->subject = session->subject;
    return true;
}

usec_t logout_expiry(const struct provider *p, const struct logout *l)
{
    return l->requested_at + p->config->ttl_login_consent_request;
}

/* ---- sealed texts: the verifier is a challenge without the request ---- */

static struct str seal_logout(const struct provider *p, struct arena *a, enum seal_purpose purpose, const struct logout *l)
{
    struct buf b = BUF(a);
    struct str id;
    if (!hex_decode(a, l->id, &id)) id = STR_NONE;
    pack_int(&b, LOGOUT_VERSION);
    buf_add(&b, id);
    pack_int(&b, (uint64_t)l->requested_at);
    pack_str(&b, l->subject);
    pack_str(&b, l->session_id);
    pack_str(&b, l->client_id);
    pack_str(&b, l->target);
    if (purpose == SEAL_LOGOUT_CHALLENGE) pack_str(&b, l->request_url);
    return seal_text(p->sealer, a, purpose, p->issuer, buf_str(&b));
}

static bool unseal_logout(const struct provider *p, struct arena *a, enum seal_purpose purpose, struct str text,
                          struct logout *ret)
{
    struct str plain;
    if (!unseal_text(p->sealer, a, purpose, p->issuer, text, &plain)) return false;
    struct unpack u = UNPACK(plain);
    if (unpack_int(&u) != LOGOUT_VERSION) return false;
    *ret = (struct logout) { .id = hex_encode(a, unpack_bytes(&u, ID_BYTES)) };
    ret->requested_at = (usec_t)unpack_int(&u);
    ret->subject = unpack_str(&u);
    ret->session_id = unpack_str(&u);
    ret->client_id = unpack_str(&u);
    ret->target = unpack_str(&u);
    if (purpose == SEAL_LOGOUT_CHALLENGE) ret->request_url = unpack_str(&u);
    return unpack_done(&u);
}

struct str logout_challenge(const struct provider *p, struct arena *a, const struct logout *l)
{
    return seal_logout(p, a, SEAL_LOGOUT_CHALLENGE, l);
}

struct str logout_verifier(const struct provider *p, struct arena *a, const struct logout *l)
{
    return seal_logout(p, a, SEAL_LOGOUT_VERIFIER, l);
}

/* ---- opening ---- */

static enum logout_found found_by_mark(int64_t value)
{
    switch (value) {
    case MARK_ACCEPTED: return LOGOUT_ACCEPTED;
    case MARK_REJECTED: return LOGOUT_REJECTED;
    case MARK_COMPLETED: return LOGOUT_COMPLETED;
    default: return LOGOUT_OPEN;
    }
}

static bool find(const struct provider *p, struct op *op, const struct logout *l, enum logout_found *ret, struct err *e)
{
    int64_t value;
    *ret = LOGOUT_EXPIRED;
    if (logout_expiry(p, l) <= op->now) return true;
    TRY(store_mark_get(p->store, op, MARK_LOGOUT, l->id, &value, e));
    *ret = found_by_mark(value);
    return true;
}

bool logout_open_challenge(const struct provider *p, struct op *op, struct str challenge, enum logout_found *ret,
                           struct logout *ret_logout, const struct client **ret_client, struct err *e)
{
    *ret = LOGOUT_UNKNOWN;
    *ret_client = NULL;
    if (!unseal_logout(p, op->arena, SEAL_LOGOUT_CHALLENGE, challenge, ret_logout)) return true;
    if (logout_by_client(ret_logout)) {
        TRY(client_get(p, op, ret_logout->client_id, ret_client, e));
        if (*ret_client == NULL) return true;
    }
    return find(p, op, ret_logout, ret, e);
}

bool logout_open_verifier(const struct provider *p, struct op *op, struct str verifier, enum logout_found *ret,
                          struct logout *ret_logout, struct err *e)
{
    *ret = LOGOUT_UNKNOWN;
    if (!unseal_logout(p, op->arena, SEAL_LOGOUT_VERIFIER, verifier, ret_logout)) return true;
    return find(p, op, ret_logout, ret, e);
}

/* ---- deciding ---- */

bool logout_decide(const struct provider *p, struct op *op, const struct logout *l, bool accept, struct err *e)
{
    enum store_put put;
    int64_t value = accept ? MARK_ACCEPTED : MARK_REJECTED, before = value;
    TRY(store_mark_put(p->store, op, MARK_LOGOUT, l->id, value, logout_expiry(p, l), &put, &before, e));
    ENSURE(put == STORE_DONE || before == value, e, CONFLICT,
           "The logout request was already decided; the first decision is final.");
    return true;
}

/* ---- ending ---- */

/* Front-Channel Logout 1.0, 2: "The OP MAY add these query parameters when rendering the logout URI". */
static void add_front(const struct provider *p, struct arena *a, const struct client *c, struct str sid, struct strs *front)
{
    struct params add = { 0 };
    struct url url;
    if (!url_parse(a, c->frontchannel_logout_uri, &url) || !url_is_http(&url)) return;
    params_add(a, &add, STR("iss"), p->issuer);
    params_add(a, &add, STR("sid"), sid);
    strs_add(a, front, url_with_params(a, c->frontchannel_logout_uri, &add));
}

bool session_end(const struct provider *p, struct op *op, struct str id, struct ended_session *ret, struct err *e)
{
    struct session_row *session;
    struct strs clients;
    *ret = (struct ended_session) { 0 };
    TRY(store_session_get(p->store, op, id, &session, e));
    if (session == NULL) return true;
    TRY(store_session_clients(p->store, op, session->subject, id, &clients, e));

    struct delivery *rows = ARENA_ARRAY(op->arena, struct delivery, clients.n + 1);
    size_t n = 0;
    struct strs front = { 0 };
    for (size_t i = 0; i < clients.n; i++) {
        const struct client *c;
        TRY(client_get(p, op, clients.v[i], &c, e));
        if (c == NULL) continue;
        add_front(p, op->arena, c, id, &front);
        if (c->backchannel_logout_uri.n > 0) rows[n++] = backchannel_delivery(op, c, id);
    }
    if (identity_provider_delivery(p, op, session, &rows[n])) n++;
    enum store_put put;
    TRY(store_session_end(p->store, op, id, rows, n, &put, e));
    ret->ended = put == STORE_DONE;
    if (!ret->ended) return true;
    ret->front = front;
    if (n > 0 && p->deliver != NULL) p->deliver(p->deliver_arg);
    return true;
}

bool logout_complete(const struct provider *p, struct op *op, const struct logout *l, struct ended_session *ret, struct err *e)
{
    enum store_put put;
    TRY(session_end(p, op, l->session_id, ret, e));
    return store_mark_move(p->store, op, MARK_LOGOUT, l->id, MARK_ACCEPTED, MARK_COMPLETED, &put, e);
}
