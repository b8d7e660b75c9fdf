/* Pages of a list, in both spellings that clients use: page_size and page_token (today's API), limit and offset (v1). Either is
 * understood on every list; the answer's Link header is written in the spelling of the request. */
#ifndef OAUTH_PAGE_H
#define OAUTH_PAGE_H

#include "base/err.h"
#include "base/url.h"
#include "crypto/seal.h"

/* What one list allows. */
struct page_rules {
    struct str list;   /* its name: a token of one list is no token of another */
    int64_t size, max; /* with page_size: when not given; at most */
    bool own_errors;   /* INVALID_REQUEST for a bad size, INVALID_PAGE_TOKEN for a bad token, not BAD_REQUEST */
};
enum { PAGE_LIMIT = 100, PAGE_LIMIT_MAX = 500 }; /* the same with limit, for every list */

struct page {
    bool by_offset;   /* spelling of the request */
    int64_t limit;    /* items wanted, at least 1 */
    int64_t offset;   /* items to skip; a multiple of limit when by_offset */
    struct str after; /* key of the last item seen; p == NULL: start at `offset` */
};

/* `v1`: the spelling to assume when the request has none. Fails with BAD_REQUEST, or as own_errors says. */
MUST_USE bool page_read(const struct sealer *s, struct arena *a, const struct page_rules *rules, const struct params *query,
                        bool v1, struct page *ret, struct err *e);
/* Does the answer tell the total (X-Total-Count)? Not on pages behind a token: counting costs more than reading a page. */
static inline bool page_counts(const struct page *page) { return page->after.p == NULL; }

/* The Link header for `path`; the request's other parameters stay. `next`: key of this page's last item if there are more items,
 * else p == NULL. `total` counts with by_offset only. */
struct str page_links(const struct sealer *s, struct arena *a, const struct page_rules *rules, const struct page *page,
                      struct str path, const struct params *query, struct str next, int64_t total);

#endif
