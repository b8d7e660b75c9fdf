/* The Authorization header of strangers: as it is, and as the pair inside a well-formed "Basic". */
#include "base/b64.h"
#include "fuzz.h"
#include "oauth/client_auth.h"

static void read_header(struct arena *a, struct str header)
{
    struct err e = ERR_INIT(a);
    struct str id = STR_NONE, secret = STR_NONE;
    bool present = false;
    if (!client_basic_read(a, header, &present, &id, &secret, &e)) {
        if (!err_is(&e, &err_INVALID_REQUEST)) abort();
        return;
    }
    if (present && (id.n > header.n || secret.n > header.n)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ARENA_AUTO a = arena_new();
    const struct str text = { (const char *)data, size };
    read_header(a, text);
    read_header(a, ARENA_CAT(a, STR("Basic "), b64_encode(a, text)));
    return 0;
}
