/* Escaping (HTML Living Standard 13.1.2); knows no page. */
#include "api/html.h"

#include "base/b64.h"
#include "base/rand.h"

enum { NONCE_BYTES = 16 };

void html_text(struct buf *b, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        switch (s.p[i]) {
        case '&': buf_addz(b, "&amp;"); break;
        case '<': buf_addz(b, "&lt;"); break;
        case '>': buf_addz(b, "&gt;"); break;
        case '"': buf_addz(b, "&quot;"); break;
        case '\'': buf_addz(b, "&#39;"); break;
        case '\0': buf_addz(b, "\xEF\xBF\xBD"); break;
        default: buf_addc(b, s.p[i]);
        }
    }
}

struct str html_nonce(struct arena *a)
{
    char bytes[NONCE_BYTES];
    rand_bytes(bytes, sizeof(bytes));
    return b64url_encode(a, (struct str) { bytes, sizeof(bytes) });
}
