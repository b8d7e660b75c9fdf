/* Login challenges that Hydra gave out and that are still on their way when its database is taken over: the flow is in the
 * string, so it goes on here. What comes after the login app's answer is our own. */
#include <zlib.h>

#include "base/b64.h"
#include "base/rand.h"
#include "flow/flow_int.h"

/* A flow holds the whole client, which may say much. */
enum { INFLATED_MAX = 256 * 1024, PARAMETERS_MAX = 1000, GZIP = 15 + 16 };

static bool inflate_gzip(struct arena *a, struct str gzip, struct str *ret)
{
    char *out = arena_alloc(a, INFLATED_MAX);
    z_stream z = { .next_in = (Bytef *)gzip.p, .avail_in = (uInt)gzip.n, .next_out = (Bytef *)out, .avail_out = INFLATED_MAX };
    const bool ok = inflateInit2(&z, GZIP) == Z_OK && inflate(&z, Z_FINISH) == Z_STREAM_END;
    *ret = (struct str) { out, (size_t)z.total_out };
    inflateEnd(&z);
    return ok;
}

/* Absent, or a moment. */
static bool read_moment(const json_t *flow, const char *name, usec_t *ret)
{
    const json_t *v = json_object_get(flow, name);
    *ret = 0;
    return v == NULL || json_is_null(v) || time_parse_rfc3339(json_str(v), ret);
}

static bool read_request(struct arena *a, struct str request_url, struct str *ret)
{
    struct url u;
    struct params q;
    if (!url_parse(a, request_url, &u) || !params_parse(a, u.query, PARAMETERS_MAX, &q)) return false;
    params_remove(&q, STR("login_verifier"));
    params_remove(&q, STR("consent_verifier"));
    *ret = params_encode(a, &q, false);
    return ret->n <= FLOW_REQUEST_MAX;
}

static struct str member(const json_t *flow, const char *name) { return json_str(json_object_get(flow, name)); }

static bool read_flow(struct arena *a, const json_t *flow, struct flow *ret)
{
    struct flow f = { .id = member(flow, "i"),
                      .client_id = member(flow, "ci"),
                      .session_id = member(flow, "si"),
                      .skip = json_is_true(json_object_get(flow, "ls")),
                      .login_csrf = member(flow, "lc") };
    struct str bytes;
    if (f.skip) f.subject = member(flow, "s");
    const bool named =
        f.id.n == (size_t)2 * FLOW_ID_BYTES && hex_decode(a, f.id, &bytes) && f.client_id.n > 0 && uuid_is(f.session_id);
    const bool device = member(flow, "di").n > 0; /* those begin anew with the code */
    if (!named || device || f.login_csrf.n == 0 || f.skip != (f.subject.n > 0)) return false;
    if (!read_moment(flow, "ia", &f.requested_at) || !read_moment(flow, "la", &f.authenticated_at)) return false;
    if (!f.skip) f.authenticated_at = 0;
    *ret = f;
    return read_request(a, member(flow, "r"), &ret->request);
}

bool flow_earlier_read(const struct provider *p, struct arena *a, struct str challenge, struct flow *ret)
{
    struct err ignored = ERR_INIT(a);
    struct str gzip, text;
    json_t *flow;
    return hydra_challenge_open(p->hydra, a, HYDRA_LOGIN_CHALLENGE, challenge, &gzip) && inflate_gzip(a, gzip, &text) &&
           json_read(a, text, &flow, NULL, &ignored) && read_flow(a, flow, ret);
}
