/* What grantd keeps, in terms of the protocol. No SQL is visible here and no caller branches on the database.
 *
 * Every function takes the operation (its arena owns what is returned) and fails with STORAGE when the database cannot answer,
 * UNCERTAIN when a commit's outcome is unknown, MUST_WAIT when it would wait and may not. Writes wait; reads wait on remote
 * databases only. A write has been committed to disk when its function returns. Texts longer than their column are refused by
 * callers before they come here (see store_limits below). Thread-safe. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/op.h"

struct store;

/* Widths shared by all databases, in bytes. */
enum { STORE_ID_MAX = 255, STORE_SESSION_ID_MAX = 40 };

/* ---- opening ---- */

struct store_options {
    struct str dsn;   /* sqlite://..., memory, postgres://..., mysql://... */
    unsigned readers; /* how many threads will read at once; a hint */
};
/* Is this the DSN of a kind of database that is known here? Opens nothing. */
MUST_USE bool store_dsn_known(struct str dsn, struct err *e);
/* Fails with MISCONFIGURATION; the hint names the fault and never contains the DSN's password. */
MUST_USE bool store_open(const struct store_options *o, struct store **ret, struct err *e);
void store_close(struct store *s);
bool store_is_embedded(const struct store *s); /* SQLite: `serve` migrates it by itself */

struct migration_status {
    int64_t version;
    struct str name;
    struct str sql_up, sql_down;
    bool applied;
};
MUST_USE bool store_migration_list(struct store *s, struct op *op, struct migration_status **ret, size_t *ret_n, struct err *e);
/* Applies what is pending, each in a transaction; `tell` may be NULL and hears of each one before it runs. */
MUST_USE bool store_migrate_up(struct store *s, struct op *op, void (*tell)(const struct migration_status *, void *), void *arg,
                               struct err *e);
MUST_USE bool store_migrate_down(struct store *s, struct op *op, int64_t steps,
                                 void (*tell)(const struct migration_status *, void *), void *arg, struct err *e);
/* For /health/ready: the database answers and no migration is pending, else MISCONFIGURATION; a positive answer is remembered. */
MUST_USE bool store_ready(struct store *s, struct op *op, struct err *e);

/* What this process has sent to a database server, and its connections; false: there is no server. */
struct store_traffic {
    uint64_t round_trips, statements, connects;
    unsigned open, idle;
    bool down; /* the last attempt to connect failed */
};
bool store_traffic(struct store *s, struct store_traffic *ret);

/* A background slice: deletes at most `limit` rows of each kind that expired before `now`; returns how many went. */
MUST_USE bool store_expire(struct store *s, struct op *op, int64_t limit, int64_t *ret_deleted, struct err *e);

enum store_put { STORE_DONE, STORE_MISSING, STORE_EXISTS, STORE_CONFLICT };

/* ---- clients ---- */

struct client_row {
    struct str id;
    int64_t version;        /* grows with every change; caches compare it */
    struct str name, owner; /* what lists filter by */
    struct str doc;         /* the metadata as JSON (oauth/client.h reads it) */
    struct str secret_hash; /* current */
    struct strs rotated;    /* earlier hashes, newest first */
    struct strs origins;    /* lower-case origins that may call it from a browser; written, never read back (they are in `doc`) */
    int64_t registration;   /* generation of the registration access token */
    usec_t not_before;      /* access tokens issued at or before this moment are dead; 0: none */
    usec_t created_at, updated_at;
};
MUST_USE bool store_client_get(struct store *s, struct op *op, struct str id, struct client_row **ret /* NULL: missing */,
                               struct err *e);
/* DONE or EXISTS. The version becomes 1... unique over the life of the database, so that a client made again is not mistaken
 * for its predecessor. */
MUST_USE bool store_client_insert(struct store *s, struct op *op, struct client_row *row, enum store_put *ret, struct err *e);
/* Replaces the row if its version is still row->version: DONE (row->version is the new one), MISSING or CONFLICT. Leaves
 * created_at and not_before as they are. */
MUST_USE bool store_client_update(struct store *s, struct op *op, struct client_row *row, enum store_put *ret, struct err *e);
/* DONE or MISSING. Grants, consents, tokens of the client are dead from this commit on; their rows go in slices. */
MUST_USE bool store_client_delete(struct store *s, struct op *op, struct str id, enum store_put *ret, struct err *e);
/* Only the hash, if the version is unchanged: upgrade on use. Does not change the version. */
MUST_USE bool store_client_rehash(struct store *s, struct op *op, struct str id, int64_t version, struct str hash, struct err *e);
/* Moves not_before forward, never back. An unknown client is no failure. Does not change the version. */
MUST_USE bool store_client_not_before(struct store *s, struct op *op, struct str id, usec_t moment, struct err *e);

struct client_filter {
    struct str name, owner; /* p == NULL: any */
    struct str after;       /* ids greater than this, by bytes; p == NULL: from the start */
    int64_t offset, limit;
};
MUST_USE bool store_client_list(struct store *s, struct op *op, const struct client_filter *f, struct client_row **ret,
                                size_t *ret_n, struct err *e);
MUST_USE bool store_client_count(struct store *s, struct op *op, const struct client_filter *f, int64_t *ret, struct err *e);

/* Does any client name exactly this origin? And the origins of all clients that hold a `*`, at most 1000. */
MUST_USE bool store_origin_known(struct store *s, struct op *op, struct str origin, bool *ret_known, struct strs *ret_wild,
                                 struct err *e);

/* What the check of a token without a grant needs, in one statement. */
struct client_state {
    int64_t version; /* 0: no such client */
    usec_t not_before;
    bool denied; /* the token was revoked */
};
/* `token_id` empty: no look at the revocation list. */
MUST_USE bool store_client_state(struct store *s, struct op *op, struct str id, struct str token_id, struct client_state *ret,
                                 struct err *e);

/* ---- marks: one small row that says "this happened", until it expires ---- */

enum mark_kind {
    MARK_TOKEN_DENIED = 1, /* a token without a grant was revoked */
    MARK_JTI = 2,          /* an assertion was used */
    MARK_LOGOUT = 3,       /* a logout challenge was decided; value: 1 accepted, 2 rejected, 3 completed */
    MARK_DEVICE_TRIES = 4, /* how many user codes were tried */
    MARK_EARLIER_JTI = 5,  /* an assertion was used before a take-over; id: hydra_jti_digest() */
    MARK_TAKEN = 6         /* a row of another server was brought here, and is not brought again (store_import_...) */
};
/* DONE, or EXISTS when an unexpired mark is there already (its value then goes to *ret_value, which may be NULL). */
MUST_USE bool store_mark_put(struct store *s, struct op *op, enum mark_kind kind, struct str id, int64_t value, usec_t expires_at,
                             enum store_put *ret, int64_t *ret_value, struct err *e);
/* Moves `from` to `to`: DONE, MISSING, or CONFLICT (another value is there). */
MUST_USE bool store_mark_move(struct store *s, struct op *op, enum mark_kind kind, struct str id, int64_t from, int64_t to,
                              enum store_put *ret, struct err *e);
MUST_USE bool store_mark_get(struct store *s, struct op *op, enum mark_kind kind, struct str id, int64_t *ret_value /* 0: none */,
                             struct err *e);
/* A MARK_JTI with the id `id`: DONE, or EXISTS when it, or a MARK_EARLIER_JTI with the id `earlier`, is there already. */
MUST_USE bool store_mark_jti(struct store *s, struct op *op, struct str id, struct str earlier, usec_t expires_at,
                             enum store_put *ret, struct err *e);

/* ---- tokens from before a take-over ---- */

struct earlier_token {
    struct str digest; /* of the token's signature, at most 96 characters */
    struct str token;  /* what stands in its place, sealed; opaque here */
    usec_t expires_at; /* the row may go */
};
/* Empty: none. store_import_earlier() writes them. Rows that have expired may still be there. */
MUST_USE bool store_earlier_get(struct store *s, struct op *op, struct str digest, struct str *ret_token, struct err *e);

/* ---- keys ---- */

struct key_row {
    struct str set, kid;
    struct str sealed; /* the JWK, sealed; opaque here */
    usec_t created_at;
    usec_t signs_from; /* published at once, signs from this moment on */
};
/* Newest first; *ret_n 0: no such set. *ret_version changes with every change of the set. */
MUST_USE bool store_keys_get(struct store *s, struct op *op, struct str set, struct key_row **ret, size_t *ret_n,
                             int64_t *ret_version, struct err *e);
/* One number that changes when any key of any set changes, on whichever node: cheap to poll. */
MUST_USE bool store_keys_version(struct store *s, struct op *op, int64_t *ret, struct err *e);
/* All or nothing: DONE or EXISTS (a kid is taken). `still`: EXISTS as well when the set has another number of keys than the
 * caller saw (nodes that race to make a key get one). */
#define STORE_KEYS_ANY (-1)
MUST_USE bool store_keys_add(struct store *s, struct op *op, const struct key_row *rows, size_t n, int64_t still,
                             enum store_put *ret, struct err *e);
/* The whole set becomes `rows` (n may be 0). EXISTS: two rows share a kid; nothing changed. */
MUST_USE bool store_keys_replace(struct store *s, struct op *op, struct str set, const struct key_row *rows, size_t n,
                                 enum store_put *ret, struct err *e);
MUST_USE bool store_key_upsert(struct store *s, struct op *op, const struct key_row *row, struct err *e);
/* `kid` with p == NULL: the whole set. DONE or MISSING. */
MUST_USE bool store_key_delete(struct store *s, struct op *op, struct str set, struct str kid, enum store_put *ret,
                               struct err *e);

/* ---- trusted issuers of JWT-bearer assertions ---- */

struct trust {
    struct str id;              /* uuid */
    struct str issuer, subject; /* subject empty: any, then any_subject is set */
    bool any_subject;
    struct str kid;     /* of the set named like the issuer */
    struct strs scopes; /* none has a line break */
    usec_t created_at, expires_at;
};
/* DONE, or EXISTS: issuer, subject and kid are there together. With `key`, it is stored in the same transaction and its kid must
 * be free; without, it must be there: CONFLICT otherwise. */
MUST_USE bool store_trust_add(struct store *s, struct op *op, const struct trust *t, const struct key_row *key,
                              enum store_put *ret, struct err *e);
/* NULL: missing. Rows go with their key, however that goes. */
MUST_USE bool store_trust_get(struct store *s, struct op *op, struct str id, struct trust **ret, struct err *e);
/* DONE or MISSING. The key goes with the last row that uses it. */
MUST_USE bool store_trust_delete(struct store *s, struct op *op, struct str id, enum store_put *ret, struct err *e);
struct trust_filter {
    struct str issuer; /* p == NULL: any */
    struct str after;  /* ids greater than this */
    int64_t offset, limit;
};
MUST_USE bool store_trust_list(struct store *s, struct op *op, const struct trust_filter *f, struct trust **ret, size_t *ret_n,
                               struct err *e);
MUST_USE bool store_trust_count(struct store *s, struct op *op, const struct trust_filter *f, int64_t *ret, struct err *e);
/* Those that hold now, each with its key: the subject's own first, then newest first. */
struct trust_wanted {
    struct str issuer, subject;
    struct str kid; /* empty: any */
    int64_t limit;
};
MUST_USE bool store_trust_find(struct store *s, struct op *op, const struct trust_wanted *q, struct trust **ret,
                               struct key_row **ret_keys, size_t *ret_n, struct err *e);

/* ---- login sessions ---- */

struct session_row {
    struct str id; /* uuid, the `sid` */
    struct str subject;
    bool remember;
    usec_t authenticated_at, expires_at;
    struct str idp_session_id;
};
/* NULL: missing or expired. */
MUST_USE bool store_session_get(struct store *s, struct op *op, struct str id, struct session_row **ret, struct err *e);
/* DONE or MISSING. */
MUST_USE bool store_session_delete(struct store *s, struct op *op, struct str id, enum store_put *ret, struct err *e);
/* The same; if there was such a session, `rows` are queued with it, all or nothing. */
struct delivery;
MUST_USE bool store_session_end(struct store *s, struct op *op, struct str id, const struct delivery *rows, size_t n,
                                enum store_put *ret, struct err *e);
/* Grants of a deleted session forget its id; those of one that expired keep it. */
MUST_USE bool store_session_delete_subject(struct store *s, struct op *op, struct str subject, struct err *e);
/* With it the grants that were kept for as long as the session. */
MUST_USE bool store_session_extend(struct store *s, struct op *op, struct str id, usec_t expires_at, struct err *e);

/* ---- grants: the one truth about who let whom do what ---- */

enum grant_state {
    GRANT_LOGGED_IN = 1,    /* the login app accepted; the browser has not come back */
    GRANT_LOGIN_REJECTED,   /* the login app refused */
    GRANT_CONSENT_ASKED,    /* the browser came back and went to the consent app */
    GRANT_CONSENT_ACCEPTED, /* the consent app accepted; the browser has not come back */
    GRANT_CONSENT_REJECTED,
    GRANT_CONSENTED, /* the browser came back: a code is out */
    GRANT_ACTIVE,    /* tokens are out */
    GRANT_ENDED,     /* revoked, reused, rejected to the client, or finished; tokens are dead */
    GRANT_STATE_MAX_
};

struct grant {
    struct str id; /* 32 hex digits: consent_request_id, request id of all its tokens */
    enum grant_state state;
    int64_t generation; /* grows with each redemption; refresh tokens carry it */
    struct str client_id;
    struct str subject;     /* "" until known */
    struct str session_id;  /* "" when the login session was revoked */
    struct str request;     /* JSON: the authorization request and login's answers (flow/ writes and reads it) */
    struct str session;     /* JSON: granted scopes, audience, claims (flow/ writes and reads it) */
    bool remember, skipped; /* of the consent */
    usec_t consent_until;   /* the consent is listed and may skip until then; 0: it does not count any more */
    usec_t requested_at, handled_at;
    usec_t rotated_at;        /* when `generation` was reached */
    int64_t reuses;           /* of the previous generation within the grace period */
    usec_t access_not_before; /* access tokens issued before are dead (rotation without grace) */
    usec_t expires_at;        /* nothing of it is of use after that; the row may go */
    int64_t client_version;   /* of the client now; 0: the client is gone (then treat the grant as ended) */
    usec_t client_not_before;
};
MUST_USE bool store_grant_get(struct store *s, struct op *op, struct str id, struct grant **ret, struct err *e);
/* DONE or EXISTS: a challenge can be decided once. */
MUST_USE bool store_grant_insert(struct store *s, struct op *op, const struct grant *g, enum store_put *ret, struct err *e);
/* Compare and set: writes the row if state and generation are still those given: DONE, MISSING or CONFLICT. client_id stays, and
 * from GRANT_CONSENTED on session_id too. With `session` not NULL, that login session is stored in the same transaction (inserted
 * or replaced); `drop_session` not empty: that one is deleted. */
struct grant_move {
    enum grant_state from;
    int64_t from_generation;
    const struct grant *to;
    const struct session_row *session;
    struct str drop_session;
};
MUST_USE bool store_grant_move(struct store *s, struct op *op, const struct grant_move *m, enum store_put *ret, struct err *e);
/* Its tokens are dead from this commit on; the consent stays if the browser had come back with it. DONE or MISSING. */
MUST_USE bool store_grant_end(struct store *s, struct op *op, struct str id, enum store_put *ret, struct err *e);
/* Another use of the previous generation inside the grace period: counts it if fewer than `max` (0: no maximum) were counted
 * at this generation (the row's own). DONE, MISSING or CONFLICT (also when the grant is not active). */
MUST_USE bool store_grant_reuse(struct store *s, struct op *op, struct str id, int64_t generation, int64_t max,
                                enum store_put *ret, struct err *e);

/* A consent is a grant in CONSENTED, ACTIVE or ENDED, not skipped, with consent_until in the future and its client alive. Newest
 * means by requested_at. This gives the newest remembered one of a client and a subject; NULL when there is none. */
MUST_USE bool store_consent_latest(struct store *s, struct op *op, struct str client_id, struct str subject, struct grant **ret,
                                   struct err *e);
struct consent_filter {
    struct str subject;
    struct str session_id; /* p == NULL: any */
    usec_t before;         /* page: older than (requested_at, id) = (before, before_id); 0: from the start */
    struct str before_id;
    int64_t offset, limit;
};
MUST_USE bool store_consent_list(struct store *s, struct op *op, const struct consent_filter *f, struct grant **ret,
                                 size_t *ret_n, struct err *e);
MUST_USE bool store_consent_count(struct store *s, struct op *op, const struct consent_filter *f, int64_t *ret, struct err *e);
/* Ends grants and their consents, from CONSENT_ACCEPTED on: a login under way is left alone, because a consent app may revoke
 * what was before and then accept. Empty texts mean "any"; at least one is given. */
MUST_USE bool store_consent_revoke(struct store *s, struct op *op, struct str subject, struct str client_id, struct str grant_id,
                                   struct err *e);
/* Clients with a grant of this login session (for logout), each once. */
MUST_USE bool store_session_clients(struct store *s, struct op *op, struct str subject, struct str session_id, struct strs *ret,
                                    struct err *e);
/* Until when a grant of this client must be kept for the list above to have the client as long as the session lasts; 0: another
 * one is kept, or the session is not remembered and nobody hears of its end. */
MUST_USE bool store_session_lacks(struct store *s, struct op *op, struct str id, struct str client_id, usec_t *ret_until,
                                  struct err *e);

/* ---- forced subject identifiers, one per client and subject ---- */

MUST_USE bool store_alias_put(struct store *s, struct op *op, struct str client_id, struct str subject, struct str alias,
                              struct err *e);
MUST_USE bool store_alias_get(struct store *s, struct op *op, struct str client_id, struct str subject,
                              struct str *ret /* empty: none */, struct err *e);

/* ---- devices that wait for a person to type their code (RFC 8628) ---- */

enum device_state {
    DEVICE_WAITING = 1,
    DEVICE_GRANTED, /* consent was given: the grant named `grant_id` is its, once that is CONSENTED */
    DEVICE_REFUSED
};
struct device {
    struct str id;        /* 32 hex digits */
    struct str user_code; /* a digest of the code; opaque here */
    enum device_state state;
    struct str client_id;
    struct str grant_id; /* empty: none yet */
    struct str request;  /* scope and audience, form-encoded */
    usec_t requested_at, polled_at, expires_at;
};
/* DONE or EXISTS: the user code is taken. grant_id is not stored. */
MUST_USE bool store_device_put(struct store *s, struct op *op, const struct device *d, enum store_put *ret, struct err *e);
/* NULL: missing, or its client is gone. Expired rows may still be there. */
MUST_USE bool store_device_get(struct store *s, struct op *op, struct str id, struct device **ret, struct err *e);
MUST_USE bool store_device_by_code(struct store *s, struct op *op, struct str user_code, struct device **ret, struct err *e);
/* From WAITING to GRANTED or REFUSED. DONE, also when the same was decided before; CONFLICT: decided otherwise, expired or
 * missing. */
MUST_USE bool store_device_decide(struct store *s, struct op *op, struct str id, enum device_state to, struct str grant_id,
                                  enum store_put *ret, struct err *e);
/* Notes a poll if the one before was at `latest` or earlier: DONE or CONFLICT. */
MUST_USE bool store_device_poll(struct store *s, struct op *op, struct str id, usec_t latest, enum store_put *ret, struct err *e);

/* ---- deliveries: back-channel logouts that wait to be sent; store_session_end queues them ---- */

struct delivery {
    struct str id, url, body; /* body: what flow/backchannel.c needs to make the message */
    int64_t attempts;         /* as taken: this one counts */
    usec_t due_at, expires_at;
};
/* Takes at most `limit` that are due and moves their due_at by `lease`, so that no other node sends them meanwhile.
 * None: none was due, or others took the last ones. */
MUST_USE bool store_delivery_take(struct store *s, struct op *op, int64_t limit, usec_t lease, struct delivery **ret,
                                  size_t *ret_n, struct err *e);
/* Sent, or given up. */
MUST_USE bool store_delivery_done(struct store *s, struct op *op, struct str id, struct err *e);
MUST_USE bool store_delivery_retry(struct store *s, struct op *op, struct str id, usec_t due_at, struct err *e);

/* ---- taking over another server's rows ----
 * Each function is one write of n rows, all or nothing. A row that was brought before stays what has become of it here: what was
 * deleted, revoked or changed is not brought back. Only what went on there alone is brought again. */

enum import_outcome {
    IMPORT_ADDED = 1,
    IMPORT_AGAIN,  /* brought before; changed there since, and not here */
    IMPORT_KNOWN,  /* brought before, or a row of our own has its id */
    IMPORT_REFUSED /* what it belongs to (client, key) is not here */
};
/* One per row. `taken` names the row for ever, at most 255 bytes; used where its own row may go (clients, keys, issuers,
 * sessions). */
struct import {
    struct str taken;
    enum import_outcome outcome;
};
/* Was anything ever brought here? */
MUST_USE bool store_import_any(struct store *s, struct op *op, bool *ret, struct err *e);
/* A client counts as changed when its updated_at is later than that of the one that was brought, and nobody changed it here. */
MUST_USE bool store_import_clients(struct store *s, struct op *op, const struct client_row *rows, struct import *how, size_t n,
                                   struct err *e);
/* Oldest first: later ones count as newer. */
MUST_USE bool store_import_keys(struct store *s, struct op *op, const struct key_row *rows, struct import *how, size_t n,
                                struct err *e);
MUST_USE bool store_import_trusts(struct store *s, struct op *op, const struct trust *rows, struct import *how, size_t n,
                                  struct err *e);
MUST_USE bool store_import_sessions(struct store *s, struct op *op, const struct session_row *rows, struct import *how, size_t n,
                                    struct err *e);
struct alias {
    struct str client_id, subject, alias;
};
MUST_USE bool store_import_aliases(struct store *s, struct op *op, const struct alias *rows, struct import *how, size_t n,
                                   struct err *e);
struct mark {
    enum mark_kind kind;
    struct str id;
    usec_t expires_at;
};
MUST_USE bool store_import_marks(struct store *s, struct op *op, const struct mark *rows, struct import *how, size_t n,
                                 struct err *e);
/* Rows come with one of these generations, which tell them from rows that moved here: a grant that is CONSENTED has the first,
 * one that is ACTIVE the second; tokens that were used up before have a lower one. */
enum { IMPORTED_TOKEN_GENERATION = 3, IMPORTED_CODE_GENERATION = 10 };
MUST_USE bool store_import_grants(struct store *s, struct op *op, const struct grant *rows, struct import *how, size_t n,
                                  struct err *e);
/* Those that ended there since they were brought, and have not been touched here, end. */
MUST_USE bool store_import_ended(struct store *s, struct op *op, const struct str *ids, size_t n, int64_t *ret_ended,
                                 struct err *e);
MUST_USE bool store_import_earlier(struct store *s, struct op *op, const struct earlier_token *rows, struct import *how, size_t n,
                                   struct err *e);
/* polled_at is not stored. */
MUST_USE bool store_import_devices(struct store *s, struct op *op, const struct device *rows, struct import *how, size_t n,
                                   struct err *e);

#endif
