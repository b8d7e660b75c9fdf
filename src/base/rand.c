/* Random bytes and what is made of them. */
#include "rand.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "b64.h"

static void generate(unsigned char *p, size_t n)
{
    while (n > 0) {
        int part = n < (1 << 20) ? (int)n : 1 << 20;
        if (RAND_bytes(p, part) != 1) {
            fprintf(stderr, "The random number generator failed.\n");
            abort();
        }
        p += part;
        n -= (size_t)part;
    }
}

/* A call of the generator costs about the same for 16 bytes and for 512, so each thread keeps a stock for small wishes.
 * What was given out is wiped at once, and a forked process starts without stock. */
enum { STOCK = 512, SMALL = 64 };
static _Thread_local struct {
    unsigned char bytes[STOCK];
    size_t left;
    unsigned forks;
} stock;
static atomic_uint forks;

static void forked(void) { atomic_fetch_add_explicit(&forks, 1, memory_order_relaxed); }

__attribute__((constructor)) static void watch_forks(void) { pthread_atfork(NULL, NULL, forked); }

void rand_bytes(void *out, size_t n)
{
    if (n > SMALL) {
        generate(out, n);
        return;
    }
    unsigned now = atomic_load_explicit(&forks, memory_order_relaxed);
    if (stock.left < n || stock.forks != now) {
        generate(stock.bytes, STOCK);
        stock.left = STOCK;
        stock.forks = now;
    }
    stock.left -= n;
    memcpy(out, stock.bytes + stock.left, n);
    OPENSSL_cleanse(stock.bytes + stock.left, n);
}

/* Numbers of the last, incomplete run of `limit` are drawn again, else small results would be likelier. */
uint64_t rand_below(uint64_t limit)
{
    if (limit < 2) return 0;
    uint64_t incomplete = (0 - limit) % limit, number;
    do rand_bytes(&number, sizeof(number));
    while (number < incomplete);
    return number % limit;
}

/* RFC 9562 section 5.4. */
struct str rand_uuid(struct arena *a)
{
    unsigned char bytes[16];
    rand_bytes(bytes, sizeof(bytes));
    bytes[6] = (unsigned char)((bytes[6] & 0x0F) | 0x40);
    bytes[8] = (unsigned char)((bytes[8] & 0x3F) | 0x80);

    static const char digit[] = "0123456789abcdef";
    char *text = arena_alloc(a, 37), *at = text;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) *at++ = '-';
        *at++ = digit[bytes[i] >> 4];
        *at++ = digit[bytes[i] & 0x0F];
    }
    *at = '\0';
    return (struct str) { text, 36 };
}

struct str rand_hex(struct arena *a, size_t bytes)
{
    char *raw = arena_alloc(a, bytes);
    rand_bytes(raw, bytes);
    return hex_encode(a, (struct str) { raw, bytes });
}

struct str rand_text(struct arena *a, size_t length, struct str alphabet)
{
    char *text = arena_alloc(a, length + 1);
    unsigned char pool[64];
    size_t left = 0, fair = 256 - 256 % alphabet.n; /* bytes from `fair` on would favour the alphabet's start */
    for (size_t i = 0; i < length;) {
        if (left == 0) {
            rand_bytes(pool, sizeof(pool));
            left = sizeof(pool);
        }
        size_t byte = pool[--left];
        if (byte < fair) text[i++] = alphabet.p[byte % alphabet.n];
    }
    text[length] = '\0';
    return (struct str) { text, length };
}

static bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

bool uuid_is(struct str s)
{
    if (s.n != 36) return false;
    for (size_t i = 0; i < s.n; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? s.p[i] != '-' : !is_hex(s.p[i])) return false;
    }
    return true;
}
