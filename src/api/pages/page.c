/* Fills templates. Knows tags and escaping, not what a page is for. */
#include "api/pages/page.h"

#include <assert.h>
#include <string.h>

#include "api/html.h"

const struct page_text page_texts[] = {
#define TEXT(name, text) { #name, text },
#include "api/pages/texts.def"
#undef TEXT
};
const size_t page_texts_n = ARRAY_LEN(page_texts);

/* Inside {{#name}} one value of the variable stands for all. */
struct scope {
    struct arena *arena;
    const struct params *vars;
    const struct scope *outer; /* NULL: the whole page */
    struct str name, value;
};

static struct str value_of(const struct scope *s, struct str name)
{
    for (; s->outer != NULL; s = s->outer)
        if (str_eq(s->name, name)) return s->value;
    return params_get(s->vars, name);
}

static struct str text_named(struct str name)
{
    for (size_t i = 0; i < page_texts_n; i++)
        if (str_eq(name, str_of(page_texts[i].name))) return str_of(page_texts[i].text);
    return STR_NONE;
}

static struct str find_text(const struct scope *s, struct str name)
{
    struct str before, variable, other = value_of(s, ARENA_CAT(s->arena, STR("@"), name));
    if (str_split_once(name, '+', &before, &variable)) return text_named(ARENA_CAT(s->arena, before, value_of(s, variable)));
    struct str text = text_named(other.n > 0 ? other : name);
    assert(text.p != NULL);
    return text;
}

/* ---- tags ---- */

static bool find(struct str s, struct str what, size_t *ret)
{
    const char *at = s.n > 0 ? memmem(s.p, s.n, what.p, what.n) : NULL;
    if (at != NULL) *ret = (size_t)(at - s.p);
    return at != NULL;
}

/* What stands before the next tag is written; the tag is cut off. False: there was no tag any more. */
static bool next_tag(struct buf *b, struct str *rest, struct str *ret_tag)
{
    size_t open, close;
    if (!find(*rest, STR("{{"), &open) || !find(str_from(*rest, open), STR("}}"), &close)) return buf_add(b, *rest), false;
    buf_add(b, str_upto(*rest, open));
    *ret_tag = str_upto(str_from(*rest, open + 2), close - 2);
    *rest = str_from(*rest, open + close + 2);
    return true;
}

/* Cuts off the section's inside and its end. */
static struct str cut_section(struct arena *a, struct str *rest, struct str name)
{
    struct str end = ARENA_CAT(a, STR("{{/"), name, STR("}}"));
    size_t at = rest->n;
    bool ended = find(*rest, end, &at);
    assert(ended);
    struct str inside = str_upto(*rest, at);
    *rest = str_from(*rest, at + (ended ? end.n : 0));
    return inside;
}

static void fill(struct buf *b, struct str template, const struct scope *s);

static void repeat(struct buf *b, struct str inside, const struct scope *s, struct str name)
{
    for (size_t i = 0; i < s->vars->n; i++) {
        const struct param *var = &s->vars->v[i];
        if (!str_eq(var->name, name) || var->value.n == 0) continue;
        struct scope inner = { .arena = s->arena, .vars = s->vars, .outer = s, .name = name, .value = var->value };
        fill(b, inside, &inner);
    }
}

static void fill(struct buf *b, struct str template, const struct scope *s)
{
    struct str tag;
    while (next_tag(b, &template, &tag)) {
        struct str name = str_from(tag, 1);
        switch (tag.n > 0 ? tag.p[0] : '\0') {
        case '#': repeat(b, cut_section(s->arena, &template, name), s, name); break;
        case '^': {
            struct str inside = cut_section(s->arena, &template, name);
            if (value_of(s, name).n == 0) fill(b, inside, s);
            break;
        }
        case '=': html_text(b, value_of(s, value_of(s, name))); break;
        case '@': fill(b, find_text(s, name), s); break;
        default: html_text(b, value_of(s, tag));
        }
    }
}

struct str page_render(struct arena *a, const char *page, const struct params *vars)
{
    struct buf b = BUF(a);
    const struct scope whole = { .arena = a, .vars = vars };
    fill(&b, str_of(page_head), &whole);
    fill(&b, str_of(page), &whole);
    fill(&b, str_of(page_foot), &whole);
    return buf_str(&b);
}

/* ---- the answer ---- */

bool page_reply_policy(struct http_req *r, int status, const char *page, const struct params *vars, struct str policy)
{
    http_header_set(r, "Content-Security-Policy",
                    ARENA_CAT(r->op.arena, STR("default-src 'none'; style-src '"), str_of(page_style_digest),
                              STR("'; base-uri 'none'; "), policy));
    http_header_set(r, "X-Content-Type-Options", STR("nosniff"));
    http_header_set(r, "Referrer-Policy", STR("no-referrer"));
    return http_reply(r, status, "text/html; charset=utf-8", page_render(r->op.arena, page, vars));
}

bool page_reply(struct http_req *r, int status, const char *page, const struct params *vars)
{
    return page_reply_policy(r, status, page, vars, STR("form-action 'self'; frame-ancestors 'none'"));
}

bool notice_reply(struct http_req *r, const struct notice *n, const struct params *more)
{
    struct arena *a = r->op.arena;
    struct params vars = { 0 };
    params_add(a, &vars, STR("@title"), str_of(n->title));
    params_add(a, &vars, STR("@text"), str_of(n->text));
    if (n->advice != NULL) params_add(a, &vars, STR("@advice"), str_of(n->advice));
    params_add(a, &vars, STR("go"), n->go);
    params_add(a, &vars, STR("wait"), STR("0"));
    params_add(a, &vars, STR("again"), n->again);
    for (size_t i = 0; more != NULL && i < more->n; i++) params_add(a, &vars, more->v[i].name, more->v[i].value);
    return page_reply(r, n->status, page_notice, &vars);
}

bool page_go_on(struct http_req *r, struct str url)
{
    if (r->method != HTTP_POST) return http_redirect(r, 302, url);
    return notice_reply(r, &(struct notice) { .status = 200, .title = "going_title", .text = "going_text", .go = url }, NULL);
}
