/* Chooses advice by what an error says. Only the texts known here make a difference; all others are shown with general advice. */
#include "api/pages/error_page.h"

/* The first row that fits: the error's code, words of its description (NULL: any), the text. */
static const struct {
    const char *error, *words, *advice;
} advice[] = {
    { "invalid_client", NULL, "advice_client" },
    { "invalid_request", "post_logout_redirect_uri is not", "advice_logout_target" },
    { "invalid_request", "id_token_hint is missing", "advice_logout_hint" },
    { "invalid_request", "id_token_hint", "advice_hint" },
    { "invalid_request", "redirect_uri", "advice_redirect" },
    { "invalid_request", "code_challenge", "advice_pkce" },
    { "invalid_request", "request_uri", "advice_object" },
    { "invalid_request", "began with", "advice_changed" },
    { "invalid_request", "sector_identifier_uri", "advice_pairwise" },
    { "invalid_scope", NULL, "advice_scope" },
    { "invalid_state", NULL, "advice_state" },
    { "unsupported_response_mode", NULL, "advice_mode" },
    { "unsupported_response_type", NULL, "advice_response_type" },
    { "request_not_supported", NULL, "advice_object" },
    { "request_uri_not_supported", NULL, "advice_object" },
    { "invalid_request_uri", NULL, "advice_object" },
    { "invalid_request_object", NULL, "advice_object" },
    { "request_forbidden", NULL, "advice_cookie" },
    { "request_unauthorized", NULL, "advice_expired" },
    { "access_denied", "verifier", "advice_verifier" },
    { "Not Found", NULL, "advice_verifier" },
    { "server_error", NULL, "advice_server" },
    { "misconfiguration", NULL, "advice_server" },
    { "temporarily_unavailable", NULL, "advice_server" },
    { "state_mismatch", NULL, "advice_stranger" },
    { "nonce_mismatch", NULL, "advice_nonce" },
    { "", NULL, "advice_none" },
};

static bool has_words(struct str s, struct str words)
{
    for (size_t i = 0; i + words.n <= s.n; i++)
        if (str_eq(str_upto(str_from(s, i), words.n), words)) return true;
    return false;
}

static struct str advice_for(struct str error, struct str description)
{
    for (size_t i = 0; i < ARRAY_LEN(advice); i++) {
        bool fits = advice[i].words == NULL || has_words(description, str_of(advice[i].words));
        if (fits && str_eq(error, str_of(advice[i].error))) return str_of(advice[i].advice);
    }
    return STR("advice_any");
}

bool error_page_reply(struct http_req *r, int status, const struct params *said, bool own_page)
{
    static const char *const shown[] = { "error", "error_description", "error_hint", "error_debug" };
    struct arena *a = r->op.arena;
    struct params vars = { 0 };
    params_add(a, &vars, STR("@title"), STR("error_title"));
    params_add(a, &vars, STR("@advice"), advice_for(params_get(said, STR("error")), params_get(said, STR("error_description"))));
    for (size_t i = 0; i < ARRAY_LEN(shown); i++) params_add(a, &vars, str_of(shown[i]), params_get(said, str_of(shown[i])));
    if (own_page) params_add(a, &vars, STR("own_page"), STR("1"));
    return page_reply(r, status, page_error, &vars);
}
