/* Login, consent and logout requests as the admin API shows them. */
#ifndef API_REQUEST_VIEW_H
#define API_REQUEST_VIEW_H

#include "flow/flow.h"
#include "http/http.h"

/* What a challenge leads to: the flow, and the client as it is now. */
struct request_view {
    struct str challenge; /* as sent */
    const struct flow *flow;
    const struct client *client;
};
MUST_USE bool login_request_write(struct http_req *r, struct jw *w, const struct request_view *v, struct err *e);
/* `name`: NULL for a document of its own, else a member of what is being written. */
MUST_USE bool consent_request_write(struct http_req *r, struct jw *w, const char *name, const struct request_view *v,
                                    struct err *e);

/* What the consent app said about it, else the login app; none is null, as v1 had it {}. */
void request_context_write(const struct http_req *r, struct jw *w, const struct flow *f);

/* {"redirect_to": url} */
bool reply_redirect_to(struct http_req *r, int status, struct str url);

#endif
