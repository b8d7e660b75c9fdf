/* Puts parameters into a redirect or a page. Knows nothing of what they mean. */
#include "api/respond.h"

#include "api/html.h"
#include "api/pages/page.h"
#include "config/config.h"

/* The URI keeps its own query; what it had as fragment is never there (RFC 6749 3.1.2). */
static struct str with_fragment(struct arena *a, struct str uri, const struct params *answer)
{
    return ARENA_CAT(a, uri, STR("#"), params_encode(a, answer, true));
}

/* A page that posts itself, or by its button where there is no script. No form-action in the policy: browsers apply it to where
 * the client redirects after the post, too. */
static bool post_form(struct http_req *r, struct str uri, const struct params *answer)
{
    struct arena *a = r->op.arena;
    struct str nonce = html_nonce(a);
    struct params vars = { 0 };
    params_add(a, &vars, STR("@title"), STR("returning_title"));
    params_add(a, &vars, STR("uri"), uri);
    params_add(a, &vars, STR("nonce"), nonce);
    for (size_t i = 0; i < answer->n; i++) {
        params_add(a, &vars, STR("field"), answer->v[i].name);
        params_add(a, &vars, answer->v[i].name, answer->v[i].value);
    }
    return page_reply_policy(r, 200, page_returning, &vars, ARENA_CAT(a, STR("script-src 'nonce-"), nonce, STR("'")));
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
