/* Filling spans: attributes and events, each up to a limit. */
#include "span.h"

static const char *const event_names[EVENT_MAX_] = {
    [EVENT_LOGIN_ACCEPTED] = "OAuth2LoginAccepted",
    [EVENT_LOGIN_REJECTED] = "OAuth2LoginRejected",
    [EVENT_CONSENT_ACCEPTED] = "OAuth2ConsentAccepted",
    [EVENT_CONSENT_REJECTED] = "OAuth2ConsentRejected",
    [EVENT_CONSENT_REVOKED] = "OAuth2ConsentRevoked",
    [EVENT_DEVICE_USER_CODE_ACCEPTED] = "OAuth2DeviceUserCodeAccepted",
    [EVENT_CLIENT_CREATED] = "OAuth2ClientCreated",
    [EVENT_CLIENT_UPDATED] = "OAuth2ClientUpdated",
    [EVENT_CLIENT_DELETED] = "OAuth2ClientDeleted",
    [EVENT_ACCESS_TOKEN_ISSUED] = "OAuth2AccessTokenIssued",
    [EVENT_ACCESS_TOKEN_INSPECTED] = "OAuth2AccessTokenInspected",
    [EVENT_ACCESS_TOKEN_REVOKED] = "OAuth2AccessTokenRevoked",
    [EVENT_REFRESH_TOKEN_ISSUED] = "OAuth2RefreshTokenIssued",
    [EVENT_IDENTITY_TOKEN_ISSUED] = "OIDCIdentityTokenIssued",
    [EVENT_TOKEN_EXCHANGE_ERROR] = "OAuth2TokenExchangeError",
};

const char *span_event_text(enum span_event_name name) { return event_names[name]; }

static void add(struct span *s, struct span_attribute a)
{
    if (s->attributes_n < SPAN_ATTRIBUTES_MAX) s->attributes[s->attributes_n++] = a;
}

void span_add(struct span *s, const char *name, struct str value)
{
    if (value.n > 0) add(s, (struct span_attribute) { .name = name, .s = str_upto(value, SPAN_TEXT_MAX) });
}

void span_add_number(struct span *s, const char *name, int64_t value)
{
    add(s, (struct span_attribute) { .name = name, .i = value });
}

/* The texts may belong to something that goes before the span does. */
static struct str keep(struct span *s, struct str text)
{
    return text.n == 0 ? STR_NONE : arena_dup(s->arena, str_upto(text, SPAN_TEXT_MAX));
}

void span_event(const struct op *op, const struct span_event *e)
{
    struct span *s = op->span;
    if (s == NULL || !s->context.sampled || s->events_n == SPAN_EVENTS_MAX) return;
    s->events[s->events_n++] = (struct span_event) { .name = e->name,
                                                     .client_id = keep(s, e->client_id),
                                                     .subject = keep(s, e->subject),
                                                     .grant_type = keep(s, e->grant_type),
                                                     .at = s->started + (clock_monotonic() - s->began) };
}
