/* Sealed texts from strangers. Nothing that was not sealed may open; what opens must be the one spelling of what it holds. The
 * first byte chooses the purpose. An input that begins with '!' is sealed and must come back, else it is opened. */
#include "crypto/seal.h"
#include "fuzz.h"

static const struct str bound = { "http://127.0.0.1:4444/", 22 };
static const struct str prefix = { "ory_at_", 7 };

static const struct sealer *sealer(void)
{
    static struct sealer *s;
    if (s == NULL)
        s = sealer_new(
            &(struct sealer_secrets) { .system = { (struct str[]) { { "fuzzing fuzzing", 15 }, { "older fuzzing", 13 } }, 2 } });
    return s;
}

static void must_be(bool right)
{
    if (!right) abort();
}

static void open_it(struct arena *a, enum seal_purpose purpose, struct str text)
{
    struct str plain;
    struct str bare = str_starts(text, prefix) ? str_from(text, prefix.n) : text;
    if (unseal_token(sealer(), a, purpose, bound, prefix, text, &plain))
        must_be(str_eq(seal_token(sealer(), a, purpose, bound, STR_NONE, plain), bare));
    if (unseal_text(sealer(), a, purpose, bound, text, &plain))
        must_be(str_eq(seal_text(sealer(), a, purpose, bound, plain), text));
    if (unseal(sealer(), a, purpose, bound, text, &plain)) must_be(str_eq(seal(sealer(), a, purpose, bound, plain), text));
}

static void seal_it(struct arena *a, enum seal_purpose purpose, struct str plain)
{
    if (plain.n < 14 || plain.n > 4000) return;
    struct str opened, token = seal_token(sealer(), a, purpose, bound, prefix, plain);
    must_be(unseal_token(sealer(), a, purpose, bound, prefix, token, &opened) && str_eq(opened, plain));
    must_be(!unseal_token(sealer(), a, purpose, plain, prefix, token, &opened));
    struct str text = seal_text(sealer(), a, purpose, plain, plain);
    must_be(unseal_text(sealer(), a, purpose, plain, text, &opened) && str_eq(opened, plain));
    must_be(!unseal_text(sealer(), a, purpose, bound, text, &opened));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) return 0;
    ARENA_AUTO a = arena_new();
    enum seal_purpose purpose = (enum seal_purpose)(data[0] % SEAL_PURPOSE_MAX_);
    struct str text = { (const char *)data + 1, size - 1 };
    if (text.p[0] == '!')
        seal_it(a, purpose, str_from(text, 1));
    else
        open_it(a, purpose, text);
    return 0;
}
