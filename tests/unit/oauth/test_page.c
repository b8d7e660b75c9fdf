#include "../base/unit.h"

#include "oauth/page.h"

static const struct page_rules rules = { .list = { "things", 6 }, .size = 250, .max = 1000 };

struct world {
    struct arena *a;
    struct sealer *s;
    struct err e;
};

static void start(struct world *w)
{
    static struct str secret[] = { { "a system secret of the tests", 28 } };
    w->a = arena_new();
    w->s = sealer_new(&(struct sealer_secrets) { .system = { secret, 1 } });
    w->e = ERR_INIT(w->a);
}

static void end(struct world *w)
{
    arena_free(w->a);
    sealer_free(w->s);
}

static bool read_page(struct world *w, const char *query, bool v1, struct page *ret)
{
    struct params q = { 0 };
    if (!params_parse(w->a, str_of(query), 100, &q)) fail_msg("%s", query);
    return page_read(w->s, w->a, &rules, &q, v1, ret, &w->e);
}

static void reads(void **state)
{
    (void)state;
    static const struct {
        const char *query;
        bool v1, by_offset;
        int64_t limit, offset;
    } cases[] = {
        { "", false, false, 250, 0 },
        { "", true, true, 100, 0 },
        { "page_size=7", false, false, 7, 0 },
        { "page_size=7", true, false, 7, 0 },
        { "page_size=0", false, false, 250, 0 },
        { "page_size=-3", false, false, 250, 0 },
        { "page_size=", false, false, 250, 0 },
        { "page_size=100000", false, false, 1000, 0 },
        { "page_size=2&page_size=3", false, false, 2, 0 },
        { "page_token=", false, false, 250, 0 },
        { "page_token=1", false, false, 250, 0 },
        { "page_token=eyJvZmZzZXQiOiIxMCIsInYiOjJ9", false, false, 250, 10 },       /* {"offset":"10","v":2} */
        { "page_token=eyJwYWdlIjoiMiIsInYiOjF9&page_size=5", false, false, 5, 10 }, /* {"page":"2","v":1} */
        { "limit=2&offset=4", false, true, 2, 4 },
        { "limit=2&offset=3", true, true, 2, 2 },
        { "limit=2", true, true, 2, 0 },
        { "offset=150", true, true, 100, 100 },
        { "limit=abc&offset=none", true, true, 100, 0 },
        { "limit=1000", true, true, 500, 0 },
        { "limit=0", true, true, 100, 0 },
        { "limit=-1&offset=-5", true, true, 100, 0 },
        { "limit=2&page_size=9", true, false, 9, 0 },
    };
    struct world w;
    start(&w);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct page page;
        if (!read_page(&w, cases[i].query, cases[i].v1, &page)) fail_msg("%s: %s", cases[i].query, w.e.hint);
        if (page.by_offset != cases[i].by_offset || page.limit != cases[i].limit || page.offset != cases[i].offset)
            fail_msg("%s: %lld %lld", cases[i].query, (long long)page.limit, (long long)page.offset);
        assert_null(page.after.p);
        assert_true(page_counts(&page));
    }
    end(&w);
}

static void refuses(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "page_size=abc",
        "page_size=1.5",
        "page_size=99999999999999999999",
        "page_size=%20",
        "page_token=garbage",
        "page_token=2",
        "page_token=eyJvZmZzZXQiOiItMSIsInYiOjJ9" /* offset -1 */,
        "page_token=eyJ2IjoyfQ" /* no offset */,
        "page_token=eyJwYWdlIjoiOTIyMzM3MjAzNjg1NDc3NTgwNyJ9" /* page 2^63-1 */,
        "page_token=e30",
        "page_token=////",
    };
    struct world w;
    struct page page;
    start(&w);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (read_page(&w, cases[i], false, &page)) fail_msg("accepted: %s", cases[i]);
        assert_ptr_equal(w.e.kind, &err_BAD_REQUEST);
        assert_non_null(strstr(w.e.hint, "Unable to parse pagination parameters: "));
    }
    end(&w);
}

/* The value of `name` in the link with this rel; STR_NONE when there is no such link. */
static struct str from_link(struct world *w, struct str links, const char *rel, const char *name)
{
    const char *mark = arena_printf(w->a, "; rel=\"%s\"", rel).p;
    for (struct str rest = links; rest.p != NULL;) {
        struct str link = str_cut(&rest, ',');
        if (!str_ends(link, str_of(mark))) continue;
        struct str query = str_from(link, 1);
        (void)str_cut(&query, '?');
        query = str_cut(&query, '>');
        struct params q = { 0 };
        assert_true(params_parse(w->a, query, 100, &q));
        return params_get(&q, str_of(name));
    }
    return STR_NONE;
}

static void tokens_lead_on(void **state)
{
    (void)state;
    struct world w;
    struct page page;
    struct params q = { 0 };
    start(&w);
    assert_true(read_page(&w, "page_size=2", false, &page));
    params_add(w.a, &q, STR("owner"), STR("a b&c>"));
    params_add(w.a, &q, STR("page_size"), STR("2"));
    struct str key = STR("last id, \xC3\xBC"), links = page_links(w.s, w.a, &rules, &page, STR("/admin/things"), &q, key, 0);
    assert_true(str_starts(links, STR("</admin/things?owner=a+b%26c%3E&page_size=2&page_token=")));

    struct str next = from_link(&w, links, "next", "page_token"), first = from_link(&w, links, "first", "page_token");
    assert_true(read_page(&w, arena_printf(w.a, "page_size=2&page_token=%s", arena_dupz(w.a, next)).p, false, &page));
    assert_strn(page.after, key);
    assert_int_equal(page.offset, 0);
    assert_false(page_counts(&page));
    assert_true(read_page(&w, arena_printf(w.a, "page_token=%s", arena_dupz(w.a, first)).p, false, &page));
    assert_non_null(page.after.p);
    assert_int_equal(page.after.n, 0);
    assert_null(from_link(&w, links, "prev", "page_token").p);
    assert_null(from_link(&w, links, "last", "page_token").p);

    links = page_links(w.s, w.a, &rules, &page, STR("/admin/things"), &q, STR_NONE, 0);
    assert_null(from_link(&w, links, "next", "page_token").p);
    assert_non_null(from_link(&w, links, "first", "page_token").p);
    end(&w);
}

static void tokens_are_for_one_list(void **state)
{
    (void)state;
    static const struct page_rules other = { .list = { "others", 6 }, .size = 250, .max = 500 };
    struct world w;
    struct page page;
    struct params q = { 0 };
    start(&w);
    assert_true(read_page(&w, "", false, &page));
    struct str token = from_link(&w, page_links(w.s, w.a, &other, &page, STR("/x"), &q, STR("k"), 0), "next", "page_token");
    assert_true(token.n > 0);
    assert_false(read_page(&w, arena_printf(w.a, "page_token=%s", arena_dupz(w.a, token)).p, false, &page));
    struct str links = page_links(w.s, w.a, &rules, &page, STR("/x"), &q, STR("k"), 0);
    char *changed = arena_dupz(w.a, from_link(&w, links, "next", "page_token"));
    changed[3] = changed[3] == 'A' ? 'B' : 'A';
    assert_false(read_page(&w, arena_printf(w.a, "page_token=%s", changed).p, false, &page));
    end(&w);
}

/* v1's rules, admin-api: which rels, in which order, with which offsets. */
static void offset_links(void **state)
{
    (void)state;
    static const struct {
        int64_t total, limit, offset;
        const char *links; /* rel=limit/offset */
    } cases[] = {
        { 8, 2, 0, "next=2/2 last=2/6" },
        { 8, 2, 2, "first=2/0 next=2/4 prev=2/0 last=2/6" },
        { 8, 2, 4, "first=2/0 next=2/6 prev=2/2 last=2/6" },
        { 8, 2, 6, "first=2/0 prev=2/4" },
        { 8, 2, 1000000, "first=2/0 prev=2/4" },
        { 7, 2, 0, "next=2/2 last=2/6" },
        { 7, 2, 6, "first=2/0 prev=2/4" },
        { 3, 10, 0, "first=3/0" },
        { 3, 10, 20, "first=3/0" },
        { 2, 2, 0, "first=2/0" },
        { 0, 10, 0, "first=10/0" },
        { 1, 1, 0, "first=1/0" },
    };
    struct world w;
    start(&w);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct page page = { .by_offset = true, .limit = cases[i].limit, .offset = cases[i].offset };
        struct params q = { 0 };
        struct str links = page_links(w.s, w.a, &rules, &page, STR("/things"), &q, STR_NONE, cases[i].total);
        struct buf got = BUF(w.a);
        for (struct str rest = links; rest.p != NULL;) {
            struct str link = str_cut(&rest, ',');
            struct str rel = str_ends(link, STR("\"first\"")) ? STR("first") : str_upto(str_from(link, link.n - 5), 4);
            char *name = arena_dupz(w.a, rel);
            buf_addf(&got, "%s%s=%s/%s", got.n > 0 ? " " : "", name, arena_dupz(w.a, from_link(&w, links, name, "limit")),
                     arena_dupz(w.a, from_link(&w, links, name, "offset")));
        }
        assert_str(buf_str(&got), cases[i].links);
    }
    struct page page = { .by_offset = true, .limit = 2, .offset = 2 };
    struct params q = { 0 };
    params_add(w.a, &q, STR("zebra"), STR("1"));
    assert_str(page_links(w.s, w.a, &rules, &page, STR("/clients"), &q, STR_NONE, 8),
               "</clients?limit=2&offset=0&zebra=1>; rel=\"first\",</clients?limit=2&offset=4&zebra=1>; rel=\"next\","
               "</clients?limit=2&offset=0&zebra=1>; rel=\"prev\",</clients?limit=2&offset=6&zebra=1>; rel=\"last\"");
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads),          cmocka_unit_test(refuses),
        cmocka_unit_test(tokens_lead_on), cmocka_unit_test(tokens_are_for_one_list),
        cmocka_unit_test(offset_links),
    };
    return RUN(tests);
}
