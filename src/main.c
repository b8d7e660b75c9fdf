/* The program: prepares memory for key material and hands over to the command line. */
#include <openssl/crypto.h>

#include "cli/cli.h"

/* Room for key material that never reaches the swap. */
enum { SECURE_HEAP = 256 * 1024, SECURE_LEAST = 32 };

int main(int argc, char **argv)
{
    CRYPTO_secure_malloc_init(SECURE_HEAP, SECURE_LEAST);
    return cli_main(argc, argv);
}
