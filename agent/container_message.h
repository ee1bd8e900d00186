/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * One message of an OCI runtime on a stream socket: a JSON text, which may arrive in pieces, and fds. It ends with the
 * JSON text, not with the stream: runc keeps the connection open as long as it runs.
 */
#ifndef RDMASEC_AGENT_CONTAINER_MESSAGE_H
#define RDMASEC_AGENT_CONTAINER_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "container_state.h"

struct container_message {
	json_tokener *tokener;
	json_object *json; /* NULL: incomplete */
	size_t size;       /* octets so far */
	int fds[CONTAINER_FDS_MAX];
	size_t fd_count;
};

RS_MUST_USE int container_message_init(struct container_message *message);
/* Also closes the fds that container_message_read() has not handed out. */
void container_message_free(struct container_message *message);

/* Adds octets. 1: complete; 0: incomplete; -EBADMSG: not JSON, or followed by more; -E2BIG; -ENOMEM. */
RS_MUST_USE int container_message_add(struct container_message *message, const char *octets, size_t len);

/*
 * Adds what a socket has, without blocking. As above, and -EAGAIN: nothing; -ECONNRESET: the stream ended; -EMFILE: too
 * many fds.
 */
RS_MUST_USE int container_message_receive(struct container_message *message, int socket);

/*
 * Reads a complete message and checks it against its fds. 0: the caller owns *out_fd, the notification fd of a seccomp
 * filter. -EBADMSG: `error` says why, and out->id is set as far as known.
 */
RS_MUST_USE int container_message_read(struct container_message *message, struct container_state *out, int *out_fd,
				       char error[CONTAINER_ERROR_MAX]);

/* Is it the notification fd of a seccomp filter? */
bool seccomp_fd_is_one(int fd);

#endif
