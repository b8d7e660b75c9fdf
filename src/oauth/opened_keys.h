/* Keys that the store keeps sealed, in opened form. They are found by what they were sealed as: the same text in the same set is
 * the same key, so nothing here grows old, and a row that changes is not found. Thread-safe. */
#ifndef OAUTH_OPENED_KEYS_H
#define OAUTH_OPENED_KEYS_H

#include "crypto/jwk.h"
#include "store/store.h"

/* How many are remembered; of those that fall on one place, the last. A sealed text that is longer is opened each time. */
enum { OPENED_KEYS_MAX = 256, OPENED_KEY_LARGEST = 8 * 1024 /* bytes */ };

/* Belongs to one sealer: what that one cannot open must not be found. */
struct opened_keys *opened_keys_new(void);
void opened_keys_free(struct opened_keys *k);

/* A reference for the caller, or NULL. */
struct jwk *opened_keys_find(struct opened_keys *k, const struct key_row *row);
/* Takes a reference of its own. */
void opened_keys_keep(struct opened_keys *k, const struct key_row *row, struct jwk *key);

#endif
