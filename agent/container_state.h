/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * What an OCI runtime says of a container whose seccomp filter notifies: the "container process state" of the runtime
 * specification (config-linux.md, "The Container Process State"), which comes with the fds that it names.
 */
#ifndef RDMASEC_AGENT_CONTAINER_STATE_H
#define RDMASEC_AGENT_CONTAINER_STATE_H

#include <json-c/json.h>
#include <limits.h>
#include <stddef.h>
#include <sys/types.h>

#include "util/attributes.h"

enum {
	CONTAINER_ID_MAX = 256,
	CONTAINER_FDS_MAX = 16,       /* the specification names one; runtimes may add others */
	CONTAINER_ERROR_MAX = 160,    /* a printable line without its newline */
	CONTAINER_PID_MAX = 1 << 22,  /* PID_MAX_LIMIT of the kernel */
	CONTAINER_STATE_DEPTH = 6,    /* of nested objects: the specification has 3 */
	CONTAINER_STATE_MAX = 1 << 20 /* octets; annotations, of which Kubernetes allows 256 KiB, are most of it */
};

struct container_state {
	char id[CONTAINER_ID_MAX]; /* printable; "" if it is not known */
	char bundle[PATH_MAX];     /* absolute: where its config.json is */
	pid_t pid;                 /* of the process that has the filter, in the runtime's pid namespace */
	size_t fd_count;           /* as many fds have to come with the message, */
	size_t seccomp_fd;         /* and this one, from 0, is the filter's */
};

/*
 * 0; -EBADMSG: it is not what the specification says, and `error` tells what is wrong. out->id is there in both cases,
 * as far as it is known, and nothing else of `out` is when it fails.
 */
RS_MUST_USE int container_state_read(json_object *message, struct container_state *out,
				     char error[CONTAINER_ERROR_MAX]);

#endif
