/* Puts parameters into a redirect or a page. Knows nothing of what they mean. */
#include "api/respond.h"

#include "api/html.h"
#include "config/config.h"

/* The URI keeps its own query; what it had as fragment is never there (RFC 6749 3.1.2). */
static struct str with_fragment(struct arena *a, struct str uri, const struct params *answer)
{
    return ARENA_CAT(a, uri, STR("#"), params_encode(a, answer, true));
}

/* A page that posts itself; the button is for browsers without script. */
static struct str form_page(struct arena *a, struct str uri, const struct params *answer, struct str nonce)
{
    struct buf b = BUF(a);
    buf_addz(
        &b,
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>Returning to the application</title></head>\n"
        "<body>\n<form method=\"post\"");
    html_attribute(&b, "action", uri);
    buf_addz(&b, ">\n");
    for (size_t i = 0; i < answer->n; i++) {
        buf_addz(&b, "<input type=\"hidden\"");
        html_attribute(&b, "name", answer->v[i].name);
        html_attribute(&b, "value", answer->v[i].value);
        buf_addz(&b, ">\n");
    }
    buf_addz(&b,
             "<p>You are being returned to the application.</p>\n<button type=\"submit\">Continue</button>\n</form>\n<script");
    html_attribute(&b, "nonce", nonce);
    buf_addz(&b, ">document.forms[0].submit()</script>\n</body>\n</html>\n");
    return buf_str(&b);
}

/* No form-action in the policy: browsers apply it to where the client redirects after the post, too. */
static bool post_form(struct http_req *r, struct str uri, const struct params *answer)
{
    struct arena *a = r->op.arena;
    struct str nonce = html_nonce(a);
    http_header_set(r, "Content-Security-Policy",
                    ARENA_CAT(a, STR("default-src 'none'; base-uri 'none'; script-src 'nonce-"), nonce, STR("'")));
    http_header_set(r, "Referrer-Policy", STR("no-referrer"));
    http_header_set(r, "X-Content-Type-Options", STR("nosniff"));
    return http_reply(r, 200, "text/html;charset=UTF-8", form_page(a, uri, answer, nonce));
}

bool respond(struct http_req *r, const struct authorize_request *q, const struct params *answer)
{
    if (q->mode == MODE_FORM_POST) return post_form(r, q->redirect_uri, answer);
    if (q->mode == MODE_FRAGMENT) return http_redirect(r, 303, with_fragment(r->op.arena, q->redirect_uri, answer));
    return http_redirect(r, 303, url_with_params(r->op.arena, q->redirect_uri, answer));
}

/* RFC 6749 4.1.2.1: "error", "error_description", and "state" as it came. */
bool respond_error(struct http_req *r, const struct authorize_request *q, const struct err *e)
{
    struct arena *a = r->op.arena;
    struct params answer = { 0 };
    params_add(a, &answer, STR("error"), str_of(e->name != NULL ? e->name : e->kind->name));
    params_add(a, &answer, STR("error_description"),
               http_error_description(a, e, r->provider->config->oauth2_expose_internal_errors));
    params_add(a, &answer, STR("state"), q->state);
    return respond(r, q, &answer);
}
