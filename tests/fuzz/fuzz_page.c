/* Page parameters from strangers: a query string. A page that is accepted makes links that are accepted. */
#include "fuzz.h"
#include "oauth/page.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct page_rules rules = { .list = { "things", 6 }, .size = 250, .max = 1000 };
    static struct str secret[] = { { "a system secret of the tests", 28 } };
    static struct sealer *s;
    if (s == NULL) s = sealer_new(&(struct sealer_secrets) { .system = { secret, 1 } });
    if (size == 0) return 0;

    ARENA_AUTO a = arena_new();
    struct err e = ERR_INIT(a);
    struct params query = { 0 };
    struct page page;
    bool v1 = (data[0] & 1) != 0;
    struct str text = { (const char *)data + 1, size - 1 };
    if (!params_parse(a, text, 1000, &query) || !page_read(s, a, &rules, &query, v1, &page, &e)) return 0;
    if (page.limit < 1 || page.limit > rules.max || page.offset < 0) abort();

    struct str links = page_links(s, a, &rules, &page, STR("/things"), &query, STR("key"), (int64_t)size * 3);
    while (links.p != NULL) {
        struct str link = str_cut(&links, ',');
        struct params again = { 0 };
        struct page next;
        (void)str_cut(&link, '?');
        if (!params_parse(a, str_cut(&link, '>'), 1002, &again) || !page_read(s, a, &rules, &again, v1, &next, &e)) abort();
        if (next.by_offset != page.by_offset) abort();
    }
    return 0;
}
