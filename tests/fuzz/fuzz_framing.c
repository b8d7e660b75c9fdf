/* Bytes of a connection from strangers: whether they are refused does not depend on how they are cut (which of two faults is
 * named may), and what was let through ends where a request may begin. */
#include "fuzz.h"
#include "http/framing.h"

static const struct framing_limits limits = { .head = 1000, .target = 200, .fields = 10, .memory = 1500, .entry = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str all = { (const char *)data, size };
    struct framing whole = { 0 }, bytewise = { 0 }, good = { 0 };
    size_t passed = framing_feed(&whole, &limits, all);
    if (whole.status == 0 && passed != size) abort();
    for (size_t i = 0; i < size && bytewise.status == 0; i++) framing_feed(&bytewise, &limits, (struct str) { all.p + i, 1 });
    if ((bytewise.status != 0) != (whole.status != 0)) abort();
    if (whole.status == 0 && framing_place(&bytewise) != framing_place(&whole)) abort();

    framing_feed(&good, &limits, str_upto(all, passed));
    if (good.status != 0) abort();
    if (whole.status != 0 && passed > 0 && framing_place(&good) == FRAMING_IN_BODY) abort();
    return 0;
}
