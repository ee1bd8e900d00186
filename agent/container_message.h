/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * One message of an OCI runtime, as it comes on a stream socket: a JSON text, which may come in pieces, and fds. Its
 * end is that of the JSON text, and not of the stream: runc keeps the connection open for as long as it runs itself.
 */
#ifndef RDMASEC_AGENT_CONTAINER_MESSAGE_H
#define RDMASEC_AGENT_CONTAINER_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "container_state.h"

struct container_message {
	json_tokener *tokener;
	json_object *json; /* when it is complete */
	size_t size;       /* octets so far */
	int fds[CONTAINER_FDS_MAX];
	size_t fd_count;
};

RS_MUST_USE int container_message_init(struct container_message *message);
/* Closes the fds that are still there. */
void container_message_free(struct container_message *message);

/*
 * The next octets. 1: it is complete; 0: there is more to come; -EBADMSG: it is no JSON text, or something follows it;
 * -E2BIG; -ENOMEM.
 */
RS_MUST_USE int container_message_add(struct container_message *message, const char *octets, size_t len);

/*
 * What is in a non-blocking socket. As above, and -EAGAIN: nothing for now; -ECONNRESET: it ended before its time;
 * -EMFILE: too many fds came, or not all of them could be taken.
 */
RS_MUST_USE int container_message_receive(struct container_message *message, int socket);

/*
 * Of a complete one: what it says, checked against what came with it. 0, and *out_fd, which is now the caller's, is the
 * notification fd of a seccomp filter; -EBADMSG and `error`, with out->id as far as it is known.
 */
RS_MUST_USE int container_message_read(struct container_message *message, struct container_state *out, int *out_fd,
				       char error[CONTAINER_ERROR_MAX]);

/* Is it the fd by which a seccomp filter notifies? */
bool seccomp_fd_is_one(int fd);

#endif
