/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Sockets of the UNIX domain whose messages may carry one descriptor each. */
#ifndef RDMASEC_UTIL_FD_SOCKET_H
#define RDMASEC_UTIL_FD_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#include "util/attributes.h"

/* Writes the address for a path, or for "@name", an abstract one. Returns 0, or -EINVAL for an empty or too long name.
 */
RS_MUST_USE int wire_address(const char *name, struct sockaddr_un *address, socklen_t *len);

/*
 * Listens on a socket of `type` under this name (see wire_address()). In the file system it has `mode` from its first
 * moment on. Replaces a socket that has no listener; returns -EADDRINUSE when there is one. Changes umask(2) for a
 * moment, so the process must have one thread. Returns the fd (FD_CLOEXEC) or -errno.
 */
RS_MUST_USE int wire_listen_at(const char *name, int type, mode_t mode);

/*
 * Sends one message with one fd (-1: none), or receives one with at most one fd, which the caller then owns. Returns
 * the length; 0 at the end of the stream; -EBADMSG for a message that does not fit, for cut control data and for a
 * second fd, and then leaks none; or another -errno. Blocks as the socket does.
 */
/*
 * Looks at the next message of a socket and leaves it there, with its files: so none of them is the caller's to close
 * (scm_fp_dup() and scm_destroy() in net/core/scm.c). Returns as wire_receive(); -EBADMSG: the message is longer than
 * `size`. *has_files is set for both: whether files are with it. Does not block.
 */
RS_MUST_USE int wire_peek(int socket, void *message, size_t size, bool *has_files);
/* Closes an fd from another process. A socket does not linger (SO_LINGER), whatever its sender has set. */
void fd_let_go(int fd);
RS_MUST_USE int wire_send(int socket, const void *message, size_t len, int fd);
RS_MUST_USE int wire_receive(int socket, void *message, size_t size, int *fd);

#endif
