/* Where each request on a connection begins and ends, read strictly (RFC 9112). Every byte that the HTTP library gets has passed
 * here first (wire.c), so that a request which two readers could cut differently (smuggling) never reaches it, whatever that
 * library lets through. Knows no sockets. */
#ifndef HTTP_FRAMING_H
#define HTTP_FRAMING_H

#include "base/str.h"

struct framing_limits {
    size_t head;   /* bytes of request line and header fields together */
    size_t target; /* bytes of the request target */
    size_t fields; /* number of header fields */
    size_t memory; /* what the head may take in the HTTP library: its bytes, cookies twice, `entry` for each field, parameter,
                      cookie */
    size_t entry;
};

enum framing_place { FRAMING_BETWEEN, FRAMING_IN_HEAD, FRAMING_IN_BODY };

/* Zero-initialised is valid: at the start of a connection. Members but `status` and `reason` are the reader's own. */
struct framing {
    uint8_t state;
    uint8_t name_n, value_n; /* of the field at hand, when it is one that matters here */
    bool http10, seen_length, seen_coding, seen_host, trailer, line_break_before;
    uint16_t fields;
    uint32_t head, target;     /* bytes so far */
    uint32_t entries, cookies; /* number of fields, parameters and cookies; bytes of cookies */
    uint64_t body;             /* left of the body or chunk */
    char name[18], value[20];
    int status;         /* what to refuse the request with; 0: nothing wrong so far */
    const char *reason; /* static; for the log and the answer */
};

/* Takes the next bytes. Returns how many of them may go on: all, or when something is wrong (then `status` is set) those before
 * the request that is: 0 when it began in an earlier call. */
size_t framing_feed(struct framing *f, const struct framing_limits *limits, struct str bytes);
enum framing_place framing_place(const struct framing *f);

#endif
