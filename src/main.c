/* The program: prepares memory for key material and hands over to the command line. */
#include <malloc.h>
#include <openssl/crypto.h>
#include <signal.h>

#include "cli/cli.h"

/* Room for key material that never reaches the swap. */
enum { SECURE_HEAP = 256 * 1024, SECURE_LEAST = 32 };

/* Blocks from this size on go back to the system when freed. Unless it is said, glibc raises the limit to the largest block ever
 * freed, and one large body per thread would stay for ever. */
enum { MAPPED_FROM = 128 * 1024 };

int main(int argc, char **argv)
{
    signal(SIGXFSZ, SIG_IGN); /* what a file may not take (ulimit -f) is an error of that write, not the end */
    mallopt(M_MMAP_THRESHOLD, MAPPED_FROM);
    CRYPTO_secure_malloc_init(SECURE_HEAP, SECURE_LEAST);
    return cli_main(argc, argv);
}
