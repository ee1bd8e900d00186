// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "door.h"
#include "util/fd_socket.h"

/* Sends a question and reads its answer. 0, or -errno. */
static int exchange(const struct engine_address *engine, const struct wire_query *question, int fd,
		    struct wire_protection *answer)
{
	int s = engine_connect(engine), n;

	if (s < 0)
		return s;
	n = wire_send(s, question, sizeof(*question), fd);
	if (n >= 0)
		n = engine_receive(s, answer, sizeof(*answer));
	if (n >= 0)
		n = wire_check(answer, n, WIRE_BIT(WIRE_PROTECTION));
	close(s);
	return n < 0 ? n : 0;
}

int engine_look(const struct engine_address *engine, const struct engine_subject *subject, int fd)
{
	struct wire_protection answer;
	struct wire_query question;

	wire_make(&question, WIRE_QUERY);
	question.fd = (uint32_t)subject->fd;
	question.handle = UINT32_MAX;
	question.subject = (uint32_t)subject->pid;
	question.flags = WIRE_QUERY_LOOK;
	return exchange(engine, &question, fd, &answer);
}

int engine_query(const struct engine_address *engine, int fd, uint32_t handle, struct wire_protection *answer)
{
	struct wire_query question;
	int cancel, err;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	wire_make(&question, WIRE_QUERY);
	question.fd = (uint32_t)fd;
	question.handle = handle;
	err = exchange(engine, &question, fd, answer);
	pthread_setcancelstate(cancel, NULL);
	return err ? -EPROTO : 0;
}
