/* Speaks the one request of the Kratos API that matters here: DELETE <urls.identity_provider.url>/admin/sessions/<id>. Knows
 * nothing of queues and retries. */
#include "flow/identity_provider.h"

#include "base/rand.h"

enum { ANSWER_MAX = 64 * 1024 };
#define WORTH_TRYING (24 * 3600 * USEC_PER_SEC)

bool identity_provider_delivery(const struct provider *p, const struct op *op, const struct session_row *session,
                                struct delivery *ret)
{
    if (p->config->urls_identity_provider_url.n == 0 || session->idp_session_id.n == 0) return false;
    struct buf body = BUF(op->arena);
    struct jw w = JW(&body);
    jw_object(&w, NULL);
    jw_str(&w, "identity_provider_session", session->idp_session_id);
    jw_end(&w);
    *ret = (struct delivery) { .id = rand_uuid(op->arena),
                               .url = STR(""),
                               .body = buf_str(&body),
                               .due_at = op->now,
                               .expires_at = op->now + WORTH_TRYING };
    return true;
}

struct str identity_provider_session(const json_t *body) { return json_str(json_object_get(body, "identity_provider_session")); }

static struct str session_url(const struct provider *p, struct arena *a, struct str session)
{
    struct buf url = BUF(a);
    struct str base = p->config->urls_identity_provider_url;
    while (str_ends(base, STR("/"))) base.n--;
    buf_add(&url, base);
    buf_addz(&url, "/admin/sessions/");
    url_encode_path(&url, session);
    return buf_str(&url);
}

bool identity_provider_end(const struct provider *p, struct op *op, struct str session, usec_t timeout, int *ret_status,
                           struct err *e)
{
    struct fetch_answer answer = { 0 };
    struct err why = ERR_INIT(op->arena);
    bool answered = p->fetch(p, op,
                             &(struct fetch_request) { .method = "DELETE",
                                                       .url = session_url(p, op->arena, session),
                                                       .headers = p->config->urls_identity_provider_headers,
                                                       .max_bytes = ANSWER_MAX,
                                                       .timeout = timeout,
                                                       .attempts = 1 },
                             &answer, &why);
    if (!answered && err_is(&why, &err_MUST_WAIT)) return *e = why, false;
    *ret_status = answered ? answer.status : 0;
    return true;
}

bool identity_provider_ended(int status) { return (status >= 200 && status <= 299) || status == 404 || status == 410; }
