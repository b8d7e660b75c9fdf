/* The strings that carry a flow through the browser. A login challenge holds the whole request, compressed with a dictionary of
 * what requests are made of; every later string holds only the grant's id. */
#include <zlib.h>

#include "base/b64.h"
#include "flow/flow_int.h"
#include "oauth/pack.h"

enum { CHALLENGE_VERSION = 1, UUID_BYTES = 16 };
enum { FLAG_DEVICE = 1, FLAG_SKIP = 2, FLAG_UUID_SESSION = 4 };

/* What is likeliest stands last (RFC 1950 2.2: matches near the end of the dictionary take fewer bits). Never change it:
 * challenges in flight are read with it. A better one gets a new CHALLENGE_VERSION. */
static const char dictionary[] =
    "urn%3Aietf%3Aparams%3Aoauth%3A&identity_schema=&display=page&ui_locales=de+en&acr_values="
    "&claims=%7B%22userinfo%22%3A%7B%22email%22&id_token_hint=eyJhbGciOiJSUzI1NiIsImtpZCI6&max_age=3600"
    "&audience=https%3A%2F%2Fapi.&login_hint=%40example.com&prompt=select_account&prompt=none&prompt=consent&prompt=login"
    "&response_mode=fragment&response_mode=form_post&response_mode=query&response_type=code+id_token+token"
    "&response_type=id_token&response_type=code&scope=offline_access+offline+profile+email+phone+address"
    "&scope=openid+offline+profile+email&redirect_uri=http%3A%2F%2F127.0.0.1%3Ahttp%3A%2F%2Flocalhost%3A"
    "&redirect_uri=https%3A%2F%2Fwww.app..com%2Flogin%2Foauth%2Fauth%2Fcallback&nonce=&state=&code_challenge_method=S256"
    "&code_challenge=client_id=";

/* A window of 4 KiB holds the dictionary and any usual request, and keeps what zlib allocates under 32 KiB. */
enum { WINDOW_BITS = -12, MEMORY_LEVEL = 4 };

/* Its length, then the text deflated, or as it is when that is no longer. */
static void pack_squeezed(struct buf *b, struct str text)
{
    z_stream z = { 0 };
    char *out = arena_alloc(b->arena, text.n + 1);
    bool ok = deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, WINDOW_BITS, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) == Z_OK &&
              deflateSetDictionary(&z, (const Bytef *)dictionary, sizeof(dictionary) - 1) == Z_OK;
    z.next_in = (Bytef *)text.p, z.avail_in = (uInt)text.n;
    z.next_out = (Bytef *)out, z.avail_out = text.n > 0 ? (uInt)text.n - 1 : 0;
    ok = ok && deflate(&z, Z_FINISH) == Z_STREAM_END;
    pack_int(b, text.n);
    pack_str(b, ok ? (struct str) { out, (size_t)z.total_out } : text);
    deflateEnd(&z);
}

static bool inflate_into(struct str in, char *out, size_t n)
{
    z_stream z = { .next_in = (Bytef *)in.p, .avail_in = (uInt)in.n };
    bool ok = inflateInit2(&z, WINDOW_BITS) == Z_OK &&
              inflateSetDictionary(&z, (const Bytef *)dictionary, sizeof(dictionary) - 1) == Z_OK;
    z.next_out = (Bytef *)out, z.avail_out = (uInt)n;
    ok = ok && inflate(&z, Z_FINISH) == Z_STREAM_END && z.total_out == n && z.avail_in == 0;
    inflateEnd(&z);
    return ok;
}

static bool unpack_squeezed(struct unpack *u, struct arena *a, struct str *ret)
{
    uint64_t n = unpack_int(u);
    struct str in = unpack_str(u);
    if (!unpack_done(u) || n > FLOW_REQUEST_MAX || in.n > n) return false;
    if (in.n == n) return *ret = arena_dup(a, in), true;
    char *out = arena_alloc(a, n + 1);
    out[n] = '\0';
    *ret = (struct str) { out, n };
    return inflate_into(in, out, n);
}

/* ---- ids as bytes ---- */

static struct str bytes_of_id(struct arena *a, struct str hex)
{
    struct str bytes = STR_NONE;
    return hex_decode(a, hex, &bytes) && bytes.n == FLOW_ID_BYTES ? bytes : STR_NONE;
}

static struct str uuid_bytes(struct arena *a, struct str uuid)
{
    struct buf hex = BUF(a);
    for (size_t i = 0; i < uuid.n; i++)
        if (uuid.p[i] != '-') buf_addc(&hex, uuid.p[i]);
    return bytes_of_id(a, buf_str(&hex));
}

static struct str uuid_text(struct arena *a, struct str bytes)
{
    if (bytes.n != UUID_BYTES) return STR_NONE;
    struct str hex = hex_encode(a, bytes);
    return arena_printf(a, "%.8s-%.4s-%.4s-%.4s-%.12s", hex.p, hex.p + 8, hex.p + 12, hex.p + 16, hex.p + 20);
}

struct str flow_id_seal(const struct provider *p, struct arena *a, enum seal_purpose purpose, struct str id)
{
    return seal_text(p->sealer, a, purpose, p->issuer, bytes_of_id(a, id));
}

bool flow_id_open(const struct provider *p, struct arena *a, enum seal_purpose purpose, struct str text, struct str *ret_id)
{
    struct str bytes;
    if (!unseal_text(p->sealer, a, purpose, p->issuer, text, &bytes) || bytes.n != FLOW_ID_BYTES) return false;
    *ret_id = hex_encode(a, bytes);
    return true;
}

struct str flow_consent_challenge(const struct provider *p, struct arena *a, struct str grant_id)
{
    return flow_id_seal(p, a, SEAL_CONSENT_CHALLENGE, grant_id);
}

/* ---- a whole flow ---- */

struct str flow_seal(const struct provider *p, struct arena *a, enum seal_purpose purpose, const struct flow *f)
{
    bool uuid = f->session_id.n > 0 && str_eq(uuid_text(a, uuid_bytes(a, f->session_id)), f->session_id);
    struct buf b = BUF(a);
    pack_int(&b, CHALLENGE_VERSION);
    pack_int(&b, (f->device ? FLAG_DEVICE : 0) | (f->skip ? FLAG_SKIP : 0) | (uuid ? FLAG_UUID_SESSION : 0));
    buf_add(&b, bytes_of_id(a, f->id));
    buf_add(&b, bytes_of_id(a, f->login_csrf));
    pack_int(&b, (uint64_t)f->requested_at);
    if (uuid)
        buf_add(&b, uuid_bytes(a, f->session_id));
    else
        pack_str(&b, f->session_id);
    pack_str(&b, f->client_id);
    if (f->skip) {
        pack_str(&b, f->subject);
        pack_int(&b, (uint64_t)f->authenticated_at);
    }
    if (f->device) pack_str(&b, f->device_id);
    pack_squeezed(&b, f->request);
    return seal_text(p->sealer, a, purpose, p->issuer, buf_str(&b));
}

struct str flow_login_challenge(const struct provider *p, struct arena *a, const struct flow *f)
{
    return flow_seal(p, a, SEAL_LOGIN_CHALLENGE, f);
}

bool flow_challenge_read(const struct provider *p, struct arena *a, struct str text, struct flow *ret)
{
    return flow_unseal(p, a, SEAL_LOGIN_CHALLENGE, text, ret) || flow_earlier_read(p, a, text, ret);
}

bool flow_unseal(const struct provider *p, struct arena *a, enum seal_purpose purpose, struct str text, struct flow *ret)
{
    struct str plain;
    if (!unseal_text(p->sealer, a, purpose, p->issuer, text, &plain)) return false;
    struct unpack u = UNPACK(plain);
    if (unpack_int(&u) != CHALLENGE_VERSION) return false;
    uint64_t flags = unpack_int(&u);
    *ret = (struct flow) { .device = (flags & FLAG_DEVICE) != 0, .skip = (flags & FLAG_SKIP) != 0 };
    ret->id = hex_encode(a, unpack_bytes(&u, FLOW_ID_BYTES));
    ret->login_csrf = hex_encode(a, unpack_bytes(&u, FLOW_ID_BYTES));
    ret->requested_at = (usec_t)unpack_int(&u);
    ret->session_id = flags & FLAG_UUID_SESSION ? uuid_text(a, unpack_bytes(&u, UUID_BYTES)) : unpack_str(&u);
    ret->client_id = unpack_str(&u);
    if (ret->skip) {
        ret->subject = unpack_str(&u);
        ret->authenticated_at = (usec_t)unpack_int(&u);
    }
    if (ret->device) ret->device_id = unpack_str(&u);
    return unpack_squeezed(&u, a, &ret->request);
}
