/* Base64 in both alphabets, and hex. Decoders refuse every text that no encoder writes: one value has one text. */
#include "b64.h"

static const char url_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char std_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Value of a character plus one, so that 0 is "no such character". */
/* clang-format off */
#define LETTERS_AND_DIGITS \
    ['A'] =  1, ['B'] =  2, ['C'] =  3, ['D'] =  4, ['E'] =  5, ['F'] =  6, ['G'] =  7, ['H'] =  8, ['I'] =  9, ['J'] = 10, \
    ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16, ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, \
    ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24, ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, \
    ['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, \
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48, ['w'] = 49, ['x'] = 50, \
    ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56, ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, \
    ['8'] = 61, ['9'] = 62
static const uint8_t url_values[256] = { LETTERS_AND_DIGITS, ['-'] = 63, ['_'] = 64 };
static const uint8_t std_values[256] = { LETTERS_AND_DIGITS, ['+'] = 63, ['/'] = 64 };
static const uint8_t hex_values[256] = {
    ['0'] = 1, ['1'] = 2, ['2'] = 3, ['3'] = 4, ['4'] = 5, ['5'] = 6, ['6'] = 7, ['7'] = 8, ['8'] = 9, ['9'] = 10,
    ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
    ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};
/* clang-format on */

static size_t write_unpadded(const void *in, size_t n, char *out, const char *alphabet)
{
    const unsigned char *p = in;
    char *start = out;
    for (; n >= 3; n -= 3, p += 3) {
        *out++ = alphabet[p[0] >> 2];
        *out++ = alphabet[(p[0] & 0x03) << 4 | p[1] >> 4];
        *out++ = alphabet[(p[1] & 0x0F) << 2 | p[2] >> 6];
        *out++ = alphabet[p[2] & 0x3F];
    }
    if (n > 0) {
        unsigned second = n == 2 ? p[1] : 0;
        *out++ = alphabet[p[0] >> 2];
        *out++ = alphabet[(p[0] & 0x03) << 4 | second >> 4];
        if (n == 2) *out++ = alphabet[(second & 0x0F) << 2];
    }
    return (size_t)(out - start);
}

static bool read_unpadded(struct str text, void *out, size_t *ret_n, const uint8_t values[256])
{
    /* One left-over character has 6 bits: less than a byte. */
    if (text.n % 4 == 1) return false;

    const unsigned char *p = (const unsigned char *)text.p;
    unsigned char *to = out;
    size_t i = 0;
    for (; i + 4 <= text.n; i += 4) {
        const uint32_t v0 = values[p[i]], v1 = values[p[i + 1]], v2 = values[p[i + 2]], v3 = values[p[i + 3]];
        if (v0 == 0 || v1 == 0 || v2 == 0 || v3 == 0) return false;
        const uint32_t bits = (v0 - 1) << 18 | (v1 - 1) << 12 | (v2 - 1) << 6 | (v3 - 1);
        *to++ = (unsigned char)(bits >> 16);
        *to++ = (unsigned char)(bits >> 8);
        *to++ = (unsigned char)bits;
    }

    uint32_t bits = 0;
    unsigned have = 0;
    for (; i < text.n; i++) {
        const unsigned value = values[p[i]];
        if (value == 0) return false;
        bits = bits << 6 | (value - 1);
        have += 6;
        if (have < 8) continue;
        have -= 8;
        *to++ = (unsigned char)(bits >> have);
        bits &= (1u << have) - 1;
    }
    /* RFC 4648 3.5: the unused bits of the last character are zero. */
    if (bits != 0) return false;
    *ret_n = text.n * 3 / 4;
    return true;
}

/* Without its padding; a text with padding has a length that is a multiple of 4. */
static struct str unpad(struct str text)
{
    if (text.n == 0 || text.n % 4 != 0) return text;
    for (int i = 0; i < 2 && text.p[text.n - 1] == '='; i++) text.n--;
    return text;
}

static bool decode(struct arena *a, struct str text, const uint8_t values[256], struct str *ret)
{
    struct str bare = unpad(text);
    char *bytes = arena_alloc(a, bare.n * 3 / 4 + 1);
    size_t n;
    if (!read_unpadded(bare, bytes, &n, values)) return false;
    bytes[n] = '\0';
    *ret = (struct str) { bytes, n };
    return true;
}

size_t b64url_length(size_t bytes) { return bytes / 3 * 4 + (bytes % 3 > 0 ? bytes % 3 + 1 : 0); }

size_t b64url_write(const void *in, size_t n, char *out) { return write_unpadded(in, n, out, url_alphabet); }

struct str b64url_encode(struct arena *a, struct str bytes)
{
    char *text = arena_alloc(a, b64url_length(bytes.n) + 1);
    size_t n = b64url_write(bytes.p, bytes.n, text);
    text[n] = '\0';
    return (struct str) { text, n };
}

bool b64url_read(struct str text, void *out, size_t *ret_n) { return read_unpadded(text, out, ret_n, url_values); }

bool b64url_decode(struct arena *a, struct str text, struct str *ret) { return decode(a, text, url_values, ret); }

struct str b64_encode(struct arena *a, struct str bytes)
{
    char *text = arena_alloc(a, (bytes.n + 2) / 3 * 4 + 1);
    size_t n = write_unpadded(bytes.p, bytes.n, text, std_alphabet);
    while (n % 4 != 0) text[n++] = '=';
    text[n] = '\0';
    return (struct str) { text, n };
}

bool b64_decode(struct arena *a, struct str text, struct str *ret) { return decode(a, text, std_values, ret); }

struct str hex_encode(struct arena *a, struct str bytes)
{
    static const char digit[] = "0123456789abcdef";
    char *text = arena_alloc(a, bytes.n * 2 + 1), *at = text;
    for (size_t i = 0; i < bytes.n; i++) {
        unsigned char byte = (unsigned char)bytes.p[i];
        *at++ = digit[byte >> 4];
        *at++ = digit[byte & 0x0F];
    }
    *at = '\0';
    return (struct str) { text, bytes.n * 2 };
}

bool hex_decode(struct arena *a, struct str text, struct str *ret)
{
    if (text.n % 2 != 0) return false;
    char *bytes = arena_alloc(a, text.n / 2 + 1);
    for (size_t i = 0; i < text.n / 2; i++) {
        unsigned high = hex_values[(unsigned char)text.p[2 * i]], low = hex_values[(unsigned char)text.p[2 * i + 1]];
        if (high == 0 || low == 0) return false;
        bytes[i] = (char)((high - 1) << 4 | (low - 1));
    }
    bytes[text.n / 2] = '\0';
    *ret = (struct str) { bytes, text.n / 2 };
    return true;
}
