// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "predecessor.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "messages/protocol.h"
#include "util/clock.h"
#include "util/fd_socket.h"

enum { ANSWER_MS = 5000 };

/* A query without a file is answered at once, with an error. */
static bool answers(int s)
{
	struct pollfd ready = { .fd = s, .events = POLLIN };
	struct wire_query query;

	wire_make(&query, WIRE_QUERY);
	return wire_send(s, &query, sizeof(query), -1) > 0 && poll(&ready, 1, ANSWER_MS) == 1;
}

bool predecessor_answers(const char *path, pid_t *pid)
{
	const struct timeval limit = clock_timeval(ANSWER_MS);
	struct sockaddr_un address;
	struct ucred cred;
	socklen_t len, cred_len = sizeof(cred);
	bool works = true;
	int s;

	if (wire_address(path, &address, &len))
		return true;
	s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (s < 0)
		return true;
	/* connect(2) waits when its queue is full, as that of an engine is which accepts nothing */
	if (!setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) &&
	    !connect(s, (const struct sockaddr *)&address, len)) {
		works = answers(s);
		*pid = !getsockopt(s, SOL_SOCKET, SO_PEERCRED, &cred, &cred_len) ? cred.pid : 0;
	}
	close(s);
	return works;
}
