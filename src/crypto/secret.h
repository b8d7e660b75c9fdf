/* Client secrets: hashes in Hydra's stored forms (PBKDF2, bcrypt; argon2 on reading only), and a bounded memory of
 * secrets that were verified once. */
#ifndef CRYPTO_SECRET_H
#define CRYPTO_SECRET_H

#include "base/op.h"

enum secret_algorithm { SECRET_PBKDF2, SECRET_BCRYPT, SECRET_ALGORITHM_MAX_ };

struct secret_cost {
    enum secret_algorithm algorithm;
    int64_t bcrypt_cost; /* 4..31 */
    int64_t pbkdf2_iterations;
};

/* bcrypt refuses secrets over 72 bytes, or with a NUL, with INVALID_CLIENT_METADATA. Slow: needs op->may_wait. */
MUST_USE bool secret_hash(struct op *op, const struct secret_cost *cost, struct str secret, struct str *ret, struct err *e);

enum secret_match {
    SECRET_WRONG,
    SECRET_RIGHT,
    SECRET_RIGHT_OUTDATED /* right, but hashed otherwise, or weaker, than `cost` says */
};
/* Slow: needs op->may_wait. A stored text that is no known hash, or whose cost is above the ceiling, matches nothing. */
MUST_USE bool secret_verify(struct op *op, const struct secret_cost *cost, struct str stored, struct str secret,
                            enum secret_match *ret, struct err *e);
/* Takes as long as verifying a wrong secret under `cost`: for clients that do not exist. */
MUST_USE bool secret_waste(struct op *op, const struct secret_cost *cost, struct str secret, struct err *e);

/* Slow hashes run at most `lanes` at once; `queue` more may wait; past that secret_* fail with BUSY (503). Default: one lane per
 * core, 64 waiting. */
void secret_lanes(unsigned lanes, unsigned queue);

/* Remembers keyed MACs (never secrets) of verified secrets, per client id and row version, in locked memory, at most `capacity`
 * of them (least recently used goes first). Thread-safe. */
struct secret_cache;
struct secret_cache *secret_cache_new(size_t capacity);
void secret_cache_free(struct secret_cache *c);
bool secret_cache_knows(struct secret_cache *c, struct str client_id, int64_t version, struct str secret);
void secret_cache_add(struct secret_cache *c, struct str client_id, int64_t version, struct str secret);

#endif
