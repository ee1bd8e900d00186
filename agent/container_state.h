/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The "container process state" of the OCI runtime specification (config-linux.md, "The Container Process State"),
 * which a runtime sends together with the fds that it names.
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
	CONTAINER_FDS_MAX = 16,       /* the specification names one; runtimes may add more */
	CONTAINER_ERROR_MAX = 160,    /* a printable line without its newline */
	CONTAINER_PID_MAX = 1 << 22,  /* PID_MAX_LIMIT of the kernel */
	CONTAINER_STATE_DEPTH = 6,    /* of nested objects: the specification has 3 */
	CONTAINER_STATE_MAX = 1 << 20 /* octets, mostly annotations, of which Kubernetes allows 256 KiB */
};

struct container_state {
	char id[CONTAINER_ID_MAX]; /* printable; "" if unknown */
	char bundle[PATH_MAX];     /* absolute: the folder of its config.json; "": the runtime did not name it */
	pid_t pid;                 /* of the filtered process, in the pid namespace of the runtime; 0: not named */
	size_t fd_count;           /* of the fds that it names */
	size_t seccomp_fd;         /* the index of the filter's fd, from 0 */
};

/*
 * For a command that is executed in a container, crun names neither the process ("pid": 0, in both places) nor the
 * bundle ("bundle": "."); the pid and the bundle are then 0 and "". Only such a message may have a relative bundle.
 *
 * 0; or -EBADMSG and a text in `error`: then only out->id is set, as far as known. */
RS_MUST_USE int container_state_read(json_object *message, struct container_state *out,
				     char error[CONTAINER_ERROR_MAX]);

#endif
