/* Makes the sockets that the HTTP library then accepts from. Knows settings, but no requests. */
#include "listen.h"

#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 4096 };

static const char *remedy(int error)
{
    switch (error) {
    case EADDRINUSE: return "Stop the process that has it, or choose another port.";
    case EACCES: return "Choose a port above 1023, or grant CAP_NET_BIND_SERVICE.";
    case EADDRNOTAVAIL: return "Choose an address of this machine.";
    default: return "Check the address.";
    }
}

/* ---- TCP ---- */

static bool bind_address(const struct addrinfo *at, int *ret_fd)
{
    int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return false;
    const int yes = 1, no = 0;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (at->ai_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no));
    if (bind(fd, at->ai_addr, at->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0) {
        *ret_fd = fd;
        return true;
    }
    int error = errno;
    close(fd);
    errno = error;
    return false;
}

static uint16_t bound_port(int fd)
{
    struct sockaddr_storage s = { 0 };
    socklen_t size = sizeof(s);
    if (getsockname(fd, (struct sockaddr *)&s, &size) != 0) return 0;
    return ntohs(s.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&s)->sin6_port : ((struct sockaddr_in *)&s)->sin_port);
}

/* An empty host is every address of both families. */
static bool open_tcp(const struct config_listener *l, const char *key, int *ret_fd, uint16_t *ret_port, struct err *e)
{
    char host[256], port[8];
    bool every = l->host.n == 0;
    struct str name = every ? STR("::") : l->host;
    snprintf(host, sizeof(host), "%.*s", STR_FMT(name));
    snprintf(port, sizeof(port), "%lld", (long long)l->port);

    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV },
                    *list = NULL;
    int failed = getaddrinfo(host, port, &hints, &list);
    if (failed != 0)
        FAILF(e, MISCONFIGURATION, "%s.host: '%s' is not an address that can be bound (%s). Check the address.", key, host,
              gai_strerror(failed));
    bool ok = false;
    for (const struct addrinfo *at = list; at != NULL && !ok; at = at->ai_next) ok = bind_address(at, ret_fd);
    int error = errno;
    freeaddrinfo(list);
    if (!ok && every && error == EAFNOSUPPORT) {
        struct config_listener v4 = *l;
        v4.host = STR("0.0.0.0");
        return open_tcp(&v4, key, ret_fd, ret_port, e);
    }
    if (!ok)
        FAILF(e, MISCONFIGURATION, "%s.port: cannot listen on %s port %s (%s). %s", key, host, port, strerror(error),
              remedy(error));
    *ret_port = bound_port(*ret_fd);
    return true;
}

/* ---- unix sockets ---- */

static const char *file_remedy(int error)
{
    switch (error) {
    case EADDRINUSE: return "Stop the process that serves it, or, if there is none, remove the file.";
    case ENOENT: return "Create its folder.";
    default: return "Choose a folder that this user may write to.";
    }
}

/* A name of a user or group, or its number. */
static bool find_user(const char *name, uid_t *ret)
{
    int64_t number;
    const struct passwd *p = getpwnam(name);
    if (p != NULL)
        *ret = p->pw_uid;
    else if (str_to_int(str_of(name), &number))
        *ret = (uid_t)number;
    else
        return false;
    return true;
}

static bool find_group(const char *name, gid_t *ret)
{
    int64_t number;
    const struct group *g = getgrnam(name);
    if (g != NULL)
        *ret = g->gr_gid;
    else if (str_to_int(str_of(name), &number))
        *ret = (gid_t)number;
    else
        return false;
    return true;
}

static bool set_owner(const struct config_listener *l, const char *path, const char *key, struct err *e)
{
    uid_t user = (uid_t)-1;
    gid_t group = (gid_t)-1;
    char name[64];
    snprintf(name, sizeof(name), "%.*s", STR_FMT(l->socket_owner));
    ENSUREF(name[0] == '\0' || find_user(name, &user), e, MISCONFIGURATION, "%s.socket.owner: there is no user '%s'.", key, name);
    snprintf(name, sizeof(name), "%.*s", STR_FMT(l->socket_group));
    ENSUREF(name[0] == '\0' || find_group(name, &group), e, MISCONFIGURATION, "%s.socket.group: there is no group '%s'.", key,
            name);
    bool keep = user == (uid_t)-1 && group == (gid_t)-1;
    ENSUREF(keep || chown(path, user, group) == 0, e, MISCONFIGURATION, "%s.socket: cannot give %s to its owner (%s).", key, path,
            strerror(errno));
    ENSUREF(chmod(path, (mode_t)l->socket_mode) == 0, e, MISCONFIGURATION, "%s.socket.mode: cannot set it on %s (%s).", key, path,
            strerror(errno));
    return true;
}

/* A socket file that nobody serves any more is in the way: it is taken away. One that answers stays. */
static void remove_stale(const struct sockaddr_un *at)
{
    struct stat s;
    if (lstat(at->sun_path, &s) != 0 || !S_ISSOCK(s.st_mode)) return;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return;
    if (connect(fd, (const struct sockaddr *)at, sizeof(*at)) != 0 && errno == ECONNREFUSED) unlink(at->sun_path);
    close(fd);
}

static bool open_unix(const struct config_listener *l, const char *key, int *ret_fd, struct err *e)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    ENSUREF(l->unix_path.n > 0 && l->unix_path.n < sizeof(at.sun_path), e, MISCONFIGURATION,
            "%s.host: the path of a unix socket has 1 to %zu characters.", key, sizeof(at.sun_path) - 1);
    memcpy(at.sun_path, l->unix_path.p, l->unix_path.n);
    remove_stale(&at);

    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    ENSUREF(fd >= 0, e, MISCONFIGURATION, "%s.host: cannot make a unix socket (%s).", key, strerror(errno));
    /* Nobody may connect before owner and mode are set. */
    mode_t before = umask(0777);
    bool bound = bind(fd, (const struct sockaddr *)&at, sizeof(at)) == 0;
    int error = errno;
    umask(before);
    if (bound && set_owner(l, at.sun_path, key, e) && listen(fd, BACKLOG) == 0) {
        *ret_fd = fd;
        return true;
    }
    close(fd);
    if (bound) unlink(at.sun_path);
    if (bound && e->kind != NULL) return false;
    FAILF(e, MISCONFIGURATION, "%s.host: cannot listen on %s (%s). %s", key, at.sun_path, strerror(bound ? errno : error),
          file_remedy(bound ? errno : error));
}

bool listen_open(const struct config_listener *l, const char *key, int *ret_fd, uint16_t *ret_port, struct err *e)
{
    *ret_port = 0;
    if (l->unix_path.n > 0) return open_unix(l, key, ret_fd, e);
    return open_tcp(l, key, ret_fd, ret_port, e);
}

void listen_close(const struct config_listener *l, int fd)
{
    if (fd < 0) return;
    close(fd);
    char path[256];
    if (l->unix_path.n == 0 || l->unix_path.n >= sizeof(path)) return;
    snprintf(path, sizeof(path), "%.*s", STR_FMT(l->unix_path));
    unlink(path);
}
