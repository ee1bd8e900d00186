/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Sockets of the UNIX domain whose messages may carry one descriptor each. */
#ifndef RDMASEC_UTIL_FD_SOCKET_H
#define RDMASEC_UTIL_FD_SOCKET_H

#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#include "util/attributes.h"

/* The address of a socket's name: a path, or "@name" for an abstract one. 0 and *len; -EINVAL: too long, or empty. */
RS_MUST_USE int wire_address(const char *name, struct sockaddr_un *address, socklen_t *len);

/*
 * Listens on a socket of `type` under this name (see wire_address()); in the file system it has `mode` from its first
 * moment on. One left behind is replaced; one behind which somebody answers is not: -EADDRINUSE. Changes the process's
 * umask(2) meanwhile: while there is one thread. The fd (FD_CLOEXEC) or -errno.
 */
RS_MUST_USE int wire_listen_at(const char *name, int type, mode_t mode);

/*
 * Sends one message with one fd (-1: none), receives one with at most one fd. A message that does not fit, control
 * data that was cut or a second fd are -EBADMSG, and no fd is leaked. Return the length or -errno; 0: end of stream.
 */
/* Closes what somebody else has sent, so that it does not wait: a socket may have been told to linger (SO_LINGER). */
void fd_let_go(int fd);
RS_MUST_USE int wire_send(int socket, const void *message, size_t len, int fd);
RS_MUST_USE int wire_receive(int socket, void *message, size_t size, int *fd);

#endif
