/* Listening sockets. */
#ifndef HTTP_LISTEN_H
#define HTTP_LISTEN_H

#include "base/err.h"
#include "config/config.h"

/* Binds and listens; the error names key, address, reason and remedy. *ret_port: the port bound, 0 for a unix socket. */
MUST_USE bool listen_open(const struct config_listener *l, const char *key, int *ret_fd, uint16_t *ret_port, struct err *e);
/* Takes the socket file of a unix socket away. */
void listen_close(const struct config_listener *l, int fd);

#endif
