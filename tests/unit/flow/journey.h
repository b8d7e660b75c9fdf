/* Walks a browser, a login app and a consent app through flow/ over a database in memory. */
#ifndef TEST_JOURNEY_H
#define TEST_JOURNEY_H

#include "../oauth/world.h"

#include "flow/flow_int.h"
#include "flow/visit.h"

#define QUERY \
    "client_id=web&response_type=code&redirect_uri=https%3A%2F%2Frp.example.test%2Fcb&scope=openid+offline+foo&state=abcdefgh"

struct journey {
    struct world w;
    struct authorize_request q;  /* the latest request */
    struct session_row *session; /* what the browser's cookie leads to */
    struct flow f;
    struct grant *g;
    struct login_visit login;
    struct params answer;
};

static inline void journey_open(struct journey *j, const char *config)
{
    *j = (struct journey) { 0 };
    world_open(&j->w, config);
    world_client(&j->w, "{\"client_id\":\"web\",\"redirect_uris\":[\"https://rp.example.test/cb\"],\"response_types\":[\"code\"],"
                        "\"scope\":\"openid offline foo bar docs.*\",\"grant_types\":[\"authorization_code\"]}");
    world_client(&j->w, "{\"client_id\":\"app\",\"redirect_uris\":[\"com.example.app:/done\",\"https://app.example.test/cb\"],"
                        "\"scope\":\"openid foo\",\"token_endpoint_auth_method\":\"none\"}");
}

static inline void journey_close(struct journey *j) { world_close(&j->w); }

static inline void journey_read(struct journey *j, const char *query)
{
    struct params *sent = ARENA_NEW(j->w.arena, struct params);
    assert_true(params_parse(j->w.arena, str_of(query), 1000, sent));
    WORLD_TRY(&j->w, authorize_read(j->w.p, &j->w.op, sent, &j->q, &j->w.e));
}

static inline bool journey_begin(struct journey *j, const char *query)
{
    j->w.e = ERR_INIT(j->w.arena);
    journey_read(j, query);
    return visit_begin(j->w.p, &j->w.op, &j->q, j->session, &j->f, &j->w.e);
}

/* The login app opens the challenge and accepts. Returns the verifier. */
static inline struct str journey_accept_login(struct journey *j, const char *subject, bool remember)
{
    struct str verifier, challenge = flow_login_challenge(j->w.p, j->w.arena, &j->f);
    enum flow_found found;
    const struct client *c;
    WORLD_TRY(&j->w, flow_open_login(j->w.p, &j->w.op, challenge, &found, &j->f, &c, &j->w.e));
    assert_int_equal(found, FLOW_OPEN);
    j->f.subject = str_of(subject);
    j->f.remember = remember || j->f.skip;
    if (!j->f.skip) j->f.authenticated_at = j->w.op.now;
    WORLD_TRY(&j->w, flow_decide_login(j->w.p, &j->w.op, &j->f, &verifier, &j->w.e));
    return verifier;
}

/* The browser is back: check and visit. */
static inline bool journey_login(struct journey *j, struct str verifier)
{
    enum flow_found found;
    struct flow f = { 0 };
    j->w.e = ERR_INIT(j->w.arena);
    WORLD_TRY(&j->w, flow_open_login_verifier(j->w.p, &j->w.op, verifier, &found, &j->g, &f, &j->w.e));
    if (!visit_check(&j->w.op, VISIT_LOGIN, found, &j->q, &f, &j->w.e)) return false;
    j->f = f;
    struct str cookie = j->session != NULL ? j->session->id : STR_NONE;
    if (!visit_login(j->w.p, &j->w.op, &j->q, j->g, &j->f, cookie, &j->login, &j->w.e)) return false;
    if (j->login.cookie == SESSION_COOKIE_DROP) j->session = NULL;
    if (j->login.cookie == SESSION_COOKIE_SET)
        WORLD_TRY(&j->w, store_session_get(j->w.p->store, &j->w.op, j->f.session_id, &j->session, &j->w.e));
    return true;
}

static inline enum flow_found journey_open_consent(struct journey *j)
{
    enum flow_found found;
    const struct client *c;
    WORLD_TRY(&j->w, flow_open_consent(j->w.p, &j->w.op, j->login.consent_challenge, &found, &j->g, &j->f, &c, &j->w.e));
    return found;
}

static inline struct str journey_accept_consent(struct journey *j, const char *scopes, bool remember)
{
    struct str verifier;
    assert_int_equal(journey_open_consent(j), FLOW_OPEN);
    struct grant_session granted = { .scopes = strs_words(j->w.arena, str_of(scopes)) };
    WORLD_TRY(&j->w, flow_decide_consent(j->w.p, &j->w.op, j->g, &j->f, remember, &granted, &verifier, &j->w.e));
    return verifier;
}

static inline bool journey_consent(struct journey *j, struct str verifier)
{
    enum flow_found found;
    struct flow f = { 0 };
    j->w.e = ERR_INIT(j->w.arena);
    WORLD_TRY(&j->w, flow_open_consent_verifier(j->w.p, &j->w.op, verifier, &found, &j->g, &f, &j->w.e));
    if (!visit_check(&j->w.op, VISIT_CONSENT, found, &j->q, &f, &j->w.e)) return false;
    return visit_consent(j->w.p, &j->w.op, &j->q, j->g, &f, &j->answer, &j->w.e);
}

/* All of it; afterwards j->g is the grant. */
static inline void journey_whole(struct journey *j, const char *query, bool remember_login, bool remember_consent)
{
    if (!journey_begin(j, query)) world_fail(&j->w);
    if (!journey_login(j, journey_accept_login(j, "alice", remember_login))) world_fail(&j->w);
    if (!journey_consent(j, journey_accept_consent(j, "openid offline foo", remember_consent))) world_fail(&j->w);
}

#define ASSERT_ERR(j, kind_) assert_ptr_equal((j)->w.e.kind, &err_##kind_)

#endif
