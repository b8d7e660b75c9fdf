/* Writing HTML: everything that did not come from our own source passes through here. */
#ifndef API_HTML_H
#define API_HTML_H

#include "base/buf.h"

/* Escaped for text and for quoted attributes. */
void html_text(struct buf *b, struct str s);
/* For one page's Content-Security-Policy and its script: unguessable. */
struct str html_nonce(struct arena *a);

#endif
