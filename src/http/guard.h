/* Which addresses are somebody else's business: asked about every address that the outgoing client is about to connect to. */
#ifndef HTTP_GUARD_H
#define HTTP_GUARD_H

#include <sys/socket.h>

#include "base/str.h"

/* Global unicast and in no special-purpose range; addresses that carry an IPv4 address are judged by that. */
bool guard_address_is_public(const struct sockaddr *a);
/* Of a URL's host, as far as can be told without asking anybody: false for addresses that are not public, in every notation that
 * a resolver takes, and for localhost. Other names pass; what they stand for shows when connecting. */
bool guard_host_is_public(struct str host);
/* Globs over the whole text: '*' any characters but '.' and '/', "**" any at all, '?' one but those. */
bool guard_glob(struct str pattern, struct str text);
bool guard_excepts(struct strs patterns, struct str url);

#endif
