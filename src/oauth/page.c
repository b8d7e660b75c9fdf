/* Page tokens are sealed keys: a list goes on behind its last item, whatever was added or removed meanwhile, and a token never
 * expires while somebody walks through the list. */
#include "page.h"

#include "base/b64.h"
#include "base/json.h"

#define UNREADABLE "Unable to parse pagination parameters: "

static bool refuse_size(const struct page_rules *rules, struct err *e)
{
    if (rules->own_errors) FAIL(e, INVALID_REQUEST, UNREADABLE "page_size must be a number");
    FAIL(e, BAD_REQUEST, UNREADABLE "page_size must be a number");
}

static bool refuse_token(const struct page_rules *rules, struct err *e)
{
    if (rules->own_errors) FAIL(e, INVALID_PAGE_TOKEN, "");
    FAIL(e, BAD_REQUEST, UNREADABLE "invalid pagination token");
}

/* ---- tokens ---- */

/* A first byte, because the key of a list's start is empty. */
static struct str token_of(const struct sealer *s, struct arena *a, struct str list, struct str key)
{
    return seal_text(s, a, SEAL_PAGE_TOKEN, list, ARENA_CAT(a, STR("k"), key));
}

/* The tokens of earlier releases: {"offset":"10","v":2}, {"page":"1","v":1}. */
static bool read_old_token(struct arena *a, struct str token, struct page *page)
{
    struct str text;
    json_t *json;
    int64_t number;
    struct err ignored = ERR_INIT(a);
    if (!b64url_decode(a, token, &text) || !json_read(a, text, &json, NULL, &ignored)) return false;
    bool offset = str_to_int(json_str(json_object_get(json, "offset")), &number);
    if (!offset && !str_to_int(json_str(json_object_get(json, "page")), &number)) return false;
    if (number < 0 || (!offset && __builtin_mul_overflow(number, page->limit, &number))) return false;
    page->offset = number;
    return true;
}

/* "1" is what some generated clients send when nobody gave a token. */
static bool read_token(const struct sealer *s, struct arena *a, const struct page_rules *rules, struct str token,
                       struct page *page, struct err *e)
{
    struct str key;
    if (token.n == 0 || str_eq(token, STR("1"))) return true;
    if (unseal_text(s, a, SEAL_PAGE_TOKEN, rules->list, token, &key)) {
        page->after = str_from(key, 1);
        if (page->after.p == NULL) page->after = STR("");
        return true;
    }
    return read_old_token(a, token, page) || refuse_token(rules, e);
}

/* ---- reading ---- */

static bool read_tokens(const struct sealer *s, struct arena *a, const struct page_rules *rules, const struct params *query,
                        struct page *page, struct err *e)
{
    struct str size = params_get(query, STR("page_size"));
    int64_t limit = 0;
    if (size.n > 0 && !str_to_int(size, &limit)) return refuse_size(rules, e);
    page->limit = limit <= 0 ? rules->size : limit > rules->max ? rules->max : limit;
    return read_token(s, a, rules, params_get(query, STR("page_token")), page, e);
}

/* What is no number counts as not given, and an offset inside a page starts at the page's beginning: v1 was as forgiving. */
static void read_offsets(const struct params *query, struct page *page)
{
    int64_t limit, offset;
    if (!str_to_int(params_get(query, STR("limit")), &limit) || limit <= 0) limit = PAGE_LIMIT;
    if (!str_to_int(params_get(query, STR("offset")), &offset) || offset < 0) offset = 0;
    page->limit = limit > PAGE_LIMIT_MAX ? PAGE_LIMIT_MAX : limit;
    page->offset = offset - offset % page->limit;
}

bool page_read(const struct sealer *s, struct arena *a, const struct page_rules *rules, const struct params *query, bool v1,
               struct page *ret, struct err *e)
{
    bool tokens = params_has(query, STR("page_size")) || params_has(query, STR("page_token"));
    bool offsets = params_has(query, STR("limit")) || params_has(query, STR("offset"));
    struct page page = { .by_offset = !tokens && (offsets || v1) };
    if (page.by_offset)
        read_offsets(query, &page);
    else
        TRY(read_tokens(s, a, rules, query, &page, e));
    *ret = page;
    return true;
}

/* ---- links (RFC 8288) ---- */

struct links {
    struct arena *arena;
    struct buf out;
    struct str path;
    struct params query;
    const char *size_name, *place_name;
};

static void link_add(struct links *l, const char *rel, int64_t size, struct str place)
{
    params_set(l->arena, &l->query, str_of(l->size_name), arena_printf(l->arena, "%lld", (long long)size));
    params_set(l->arena, &l->query, str_of(l->place_name), place);
    struct str text = params_encode(l->arena, &l->query, true);
    buf_addf(&l->out, "%s<%.*s?%.*s>; rel=\"%s\"", l->out.n > 0 ? "," : "", STR_FMT(l->path), STR_FMT(text), rel);
}

static void link_offset(struct links *l, const char *rel, int64_t limit, int64_t offset)
{
    if (offset >= 0) link_add(l, rel, limit, arena_printf(l->arena, "%lld", (long long)offset));
}

/* Which links a page has, by v1's rules, except that an empty list has no next page and that no link has a negative offset. */
static void add_offset_links(struct links *l, const struct page *page, int64_t total)
{
    int64_t n = page->limit, o = page->offset;
    int64_t last = total % n == 0 ? total - n : total / n * n;
    bool first_only = total < n && o >= last, at_end = o >= last;
    if (first_only) {
        link_offset(l, "first", total > 0 ? total : n, 0);
        return;
    }
    if (at_end || o >= n) link_offset(l, "first", n, 0);
    if (!at_end) link_offset(l, "next", n, o + n);
    if (at_end || o >= n) link_offset(l, "prev", n, (at_end ? last : o) - n);
    if (!at_end) link_offset(l, "last", n, last);
}

struct str page_links(const struct sealer *s, struct arena *a, const struct page_rules *rules, const struct page *page,
                      struct str path, const struct params *query, struct str next, int64_t total)
{
    struct links l = { .arena = a, .out = BUF(a), .path = path };
    l.size_name = page->by_offset ? "limit" : "page_size";
    l.place_name = page->by_offset ? "offset" : "page_token";
    for (size_t i = 0; i < query->n; i++) params_add(a, &l.query, query->v[i].name, query->v[i].value);

    if (page->by_offset) {
        add_offset_links(&l, page, total);
    } else {
        link_add(&l, "first", page->limit, token_of(s, a, rules->list, STR("")));
        if (next.p != NULL) link_add(&l, "next", page->limit, token_of(s, a, rules->list, next));
    }
    return buf_str(&l.out);
}
