/* The built-in pages: HTML templates and a style sheet (compiled in by templates.py), English texts (texts.def), and what fills
 * one into the other. Templates know these tags:
 *
 *   {{name}}                 the variable, escaped
 *   {{=name}}                the variable that the variable `name` names, escaped
 *   {{@name}}                the text of that name, or the one that the variable @name names; texts may have {{name}} tags
 *   {{@name+variable}}       the text whose name is `name` and the variable's value put together; nothing when there is none
 *   {{#name}}...{{/name}}    once per value of the variable that is not empty, with {{name}} being that value
 *   {{^name}}...{{/name}}    when it has none
 *
 * Every value is escaped: there is no way to write markup from a variable. */
#ifndef API_PAGES_PAGE_H
#define API_PAGES_PAGE_H

#include "base/url.h"
#include "http/http.h"

extern const char page_head[], page_foot[], page_style_digest[];
extern const char page_login[], page_consent[], page_logout[], page_notice[], page_error[], page_start[], page_tokens[];
extern const char page_returning[], page_signing_out[], page_device[];

struct page_text {
    const char *name, *text;
};
extern const struct page_text page_texts[];
extern const size_t page_texts_n;

/* A variable may have several values: parameters of the same name. */
struct str page_render(struct arena *a, const char *page, const struct params *vars);
/* Answers with the page under its security headers. Returns true. `vars` has at least @title; `go` sends the browser on after
 * `wait` seconds. */
bool page_reply(struct http_req *r, int status, const char *page, const struct params *vars);
/* The same for pages that do more than link and post to us: `policy` has the directives of the Content-Security-Policy for that.
 */
bool page_reply_policy(struct http_req *r, int status, const char *page, const struct params *vars, struct str policy);

/* A page with a title and a text, by the names of texts. */
struct notice {
    int status;
    const char *title, *text;
    const char *advice; /* NULL: none */
    struct str go;      /* where the browser is sent at once; empty: it stays */
    struct str again;   /* offered as the place to start over; empty: nothing is */
};
/* `vars`: what the texts need beside; may be NULL. Returns true. */
bool notice_reply(struct http_req *r, const struct notice *n, const struct params *vars);
/* The answer to a form whose next step is `url`. Browsers hold a page's form-action against every redirect that follows its form,
 * and the last one leads to a client: so this is a page that goes on by itself. To a GET it is a redirect. Returns true. */
bool page_go_on(struct http_req *r, struct str url);

#endif
