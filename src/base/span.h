/* Spans: what a trace knows of one piece of work while it goes on. An operation that is traced carries its span (struct op), so
 * that every layer can add to it; who is told of it, and how, is http/tracer.h's business. */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include "op.h"

enum { TRACE_ID_LENGTH = 32, SPAN_ID_LENGTH = 16, SPAN_ATTRIBUTES_MAX = 16, SPAN_EVENTS_MAX = 8, SPAN_TEXT_MAX = 1024 };

/* What travels from one server to the next (W3C Trace Context 3.2.2). */
struct trace_context {
    char trace_id[TRACE_ID_LENGTH + 1], span_id[SPAN_ID_LENGTH + 1]; /* hex digits in lower case */
    bool sampled;                                                    /* is recorded */
    bool undecided;   /* as it came in: whether it is recorded is left to who takes it over */
    struct str state; /* tracestate, handed on as it came */
};

enum span_kind { SPAN_INTERNAL, SPAN_SERVER, SPAN_CLIENT };

struct span_attribute {
    const char *name;
    struct str s; /* p == NULL: a number */
    int64_t i;
};

/* What audits look for; the names on the wire are Hydra's. */
enum span_event_name {
    EVENT_LOGIN_ACCEPTED,
    EVENT_LOGIN_REJECTED,
    EVENT_CONSENT_ACCEPTED,
    EVENT_CONSENT_REJECTED,
    EVENT_CONSENT_REVOKED,
    EVENT_DEVICE_USER_CODE_ACCEPTED,
    EVENT_CLIENT_CREATED,
    EVENT_CLIENT_UPDATED,
    EVENT_CLIENT_DELETED,
    EVENT_ACCESS_TOKEN_ISSUED,
    EVENT_ACCESS_TOKEN_INSPECTED,
    EVENT_ACCESS_TOKEN_REVOKED,
    EVENT_REFRESH_TOKEN_ISSUED,
    EVENT_IDENTITY_TOKEN_ISSUED,
    EVENT_TOKEN_EXCHANGE_ERROR,
    EVENT_MAX_
};
struct span_event {
    enum span_event_name name;
    struct str client_id, subject, grant_type; /* empty: not said */
    usec_t at;                                 /* filled by span_event() */
};

struct tracer;
struct span {
    struct tracer *tracer;
    struct arena *arena; /* of the operation: the span goes with it */
    struct trace_context context;
    char parent[SPAN_ID_LENGTH + 1]; /* empty: the first of its trace */
    enum span_kind kind;
    struct str name;
    usec_t started, began, took; /* by the wall clock; by the clock that nobody sets; 0 until it ends */
    bool failed;
    struct span_attribute attributes[SPAN_ATTRIBUTES_MAX];
    struct span_event events[SPAN_EVENTS_MAX];
    size_t attributes_n, events_n;
};

/* Texts must last as long as the span; long ones are cut. An empty text, and what is more than a span takes, is left out. */
void span_add(struct span *s, const char *name, struct str value);
void span_add_number(struct span *s, const char *name, int64_t value);
/* Adds to the operation's span, if it has one that is recorded. Never a secret, a token or a code. */
void span_event(const struct op *op, const struct span_event *e);
const char *span_event_text(enum span_event_name name);

#endif
