/* The least that a request can cost here: an empty handler under libmicrohttpd with the server's own settings (http/server.c),
 * which reads the body and answers the same bytes to everything. Usage: floor PORT FILE [CONTENT-TYPE]
 * Benchmarks divide by what this program needs. */
#include <microhttpd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { CONNECTION_MEMORY = 36 * 1024, CONNECTIONS = 10000, ANSWER_MAX = 1 << 20 };

static char answer[ANSWER_MAX];
static size_t answer_n;
static const char *content_type = "application/json";

static enum MHD_Result on_request(void *cls, struct MHD_Connection *c, const char *url, const char *method, const char *version,
                                  const char *data, size_t *data_n, void **context)
{
    static int begun;
    (void)cls, (void)url, (void)method, (void)version, (void)data;
    if (*context == NULL) {
        *context = &begun;
        return MHD_YES;
    }
    if (*data_n > 0) {
        *data_n = 0;
        return MHD_YES;
    }
    struct MHD_Response *r = MHD_create_response_from_buffer(answer_n, answer, MHD_RESPMEM_PERSISTENT);
    MHD_add_response_header(r, "Content-Type", content_type);
    enum MHD_Result result = MHD_queue_response(c, 200, r);
    MHD_destroy_response(r);
    return result;
}

int main(int argc, char **argv)
{
    FILE *f = argc < 3 ? NULL : fopen(argv[2], "re");
    if (f == NULL) {
        fprintf(stderr, "usage: floor PORT FILE [CONTENT-TYPE]\n");
        return 2;
    }
    answer_n = fread(answer, 1, sizeof(answer), f);
    fclose(f);
    if (argc > 3) content_type = argv[3];

    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    signal(SIGPIPE, SIG_IGN);
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    struct MHD_Daemon *d =
        MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, (uint16_t)strtoul(argv[1], NULL, 10), NULL,
                         NULL, on_request, NULL, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
                         MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, 0u,
                         cores > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, (unsigned)cores, MHD_OPTION_END);
    if (d == NULL) {
        fprintf(stderr, "floor: cannot listen on port %s\n", argv[1]);
        return 1;
    }
    int signal_number;
    sigwait(&ends, &signal_number);
    MHD_stop_daemon(d);
    return 0;
}
