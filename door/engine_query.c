// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "door.h"
#include "util/fd_socket.h"

static int query(const struct engine_address *engine, int fd, uint32_t handle, struct wire_protection *answer)
{
	int s = engine_connect(engine), n;
	struct wire_query question;

	if (s < 0)
		return -EPROTO;
	wire_query_make(&question, fd, handle);
	n = wire_send(s, &question, sizeof(question), fd);
	if (n >= 0)
		n = engine_receive(s, answer, sizeof(*answer));
	if (n >= 0)
		n = wire_protection_check(answer, n);
	close(s);
	return n < 0 ? -EPROTO : 0;
}

int engine_look(const struct engine_address *engine, const struct engine_subject *subject, int fd)
{
	int s = engine_connect(engine), n;
	struct wire_protection answer;
	struct wire_query question;

	if (s < 0)
		return s;
	wire_query_make(&question, subject->fd, UINT32_MAX);
	question.subject = (uint32_t)subject->pid;
	question.flags = WIRE_QUERY_LOOK;
	n = wire_send(s, &question, sizeof(question), fd);
	if (n >= 0)
		n = engine_receive(s, &answer, sizeof(answer));
	if (n >= 0)
		n = wire_protection_check(&answer, n);
	close(s);
	return n < 0 ? n : 0;
}

int engine_query(const struct engine_address *engine, int fd, uint32_t handle, struct wire_protection *answer)
{
	int cancel, err;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	err = query(engine, fd, handle, answer);
	pthread_setcancelstate(cancel, NULL);
	return err;
}
