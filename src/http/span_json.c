/* What both kinds of collector are told. */
#include "http/span_json.h"

size_t span_event_attributes(const struct span_event *e, struct span_attribute ret[SPAN_EVENT_ATTRIBUTES_MAX])
{
    const struct span_attribute all[SPAN_EVENT_ATTRIBUTES_MAX] = {
        { .name = "OAuth2ClientID", .s = e->client_id },
        { .name = "OAuth2Subject", .s = e->subject },
        { .name = "OAuth2GrantType", .s = e->grant_type },
    };
    size_t n = 0;
    for (size_t i = 0; i < SPAN_EVENT_ATTRIBUTES_MAX; i++)
        if (all[i].s.n > 0) ret[n++] = all[i];
    return n;
}
