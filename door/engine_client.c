// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "door.h"
#include "messages/protocol.h"
#include "util/clock.h"
#include "util/fd_socket.h"

void door_say(const char *line)
{
	struct iovec parts[2] = { { .iov_base = (void *)line, .iov_len = strlen(line) },
				  { .iov_base = (void *)"\n", .iov_len = 1 } };
	int saved = errno;

	/* one call, so that lines of threads do not mix; with a closed stderr it is still refused */
	if (writev(STDERR_FILENO, parts, 2) < 0)
		errno = saved;
	errno = saved;
}

static void say(const struct engine_subject *subject, const char *line)
{
	if (!subject)
		door_say(line);
	else if (subject->say)
		subject->say(line, subject->arg);
}

/* Sends a request and reads the answer. An engine that waits for a key manager says so periodically, up to a limit. */
static int exchange(int s, const struct engine_subject *subject, int fd, const struct request *request,
		    struct wire_answer *answer)
{
	int64_t last = clock_ms() + SETUP_TIMEOUT_MAX_MS + WIRE_TIMEOUT_MS;
	struct wire_ask ask;
	int n;

	/* fd -1: the request is not about a device */
	wire_ask_make(&ask, request, subject ? subject->fd : fd < 0 ? 0 : fd);
	ask.subject = subject ? (uint32_t)subject->pid : 0;
	n = wire_send(s, &ask, sizeof(ask), fd);
	if (n < 0)
		return n;
	do {
		n = engine_receive(s, answer, sizeof(*answer));
		if (n > 0)
			n = wire_check(answer, n, WIRE_ANSWERS);
	} while (n == WIRE_WAIT && clock_ms() < last);
	if (n < 0)
		return n;
	return n == WIRE_ANSWER ? 0 : -ETIMEDOUT;
}

/* Without an engine the door itself reports the refusal, with the command and the node of the device. */
static int refuse_without_engine(const struct engine_address *engine, const struct engine_subject *subject, int fd,
				 const struct request *request, int why, bool connected)
{
	char link[32], node[64], line[400];
	ssize_t n;

	/* only an open with DEVX is asked about, and libmlx5 opens the device again without DEVX: no message */
	if (request->kind == REQUEST_CONTEXT_OPEN)
		return connected ? -EPROTO : -ENOTCONN;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, node, sizeof(node) - 1);
	node[n > 0 ? n : 0] = '\0';
	snprintf(line, sizeof(line), "rdmasec: refused %s on %s (reason=%s): %s: %s", request_kind_name(request->kind),
		 node[0] ? node : "an unknown device", reason_code(engine_problem_reason(engine, why, connected)),
		 connected ? "the engine gave no valid answer" : "there is no engine to ask",
		 engine_problem(engine, why));
	say(subject, line);
	return connected ? -EPROTO : -ENOTCONN;
}

static int ask(const struct engine_address *engine, const struct engine_subject *subject, int fd,
	       const struct request *request, struct engine_pass *pass)
{
	int s = engine_connect(engine), err;
	struct wire_answer answer;

	if (s < 0)
		return refuse_without_engine(engine, subject, fd, request, s, false);
	err = exchange(s, subject, fd, request, &answer);
	if (err) {
		close(s);
		return refuse_without_engine(engine, subject, fd, request, err, true);
	}
	if (answer.text[0])
		say(subject, answer.text);
	if (answer.action == WIRE_PASS) {
		pass->socket = s;
		return 0;
	}
	close(s);
	return -(int)answer.err;
}

int engine_ask_for(const struct engine_address *engine, const struct engine_subject *subject, int fd,
		   const struct request *request, struct engine_pass *pass)
{
	int cancel, err;

	pass->socket = -1;
	/* recvmsg() is a cancellation point, but ioctl() must not be one */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	err = ask(engine, subject, fd, request, pass);
	pthread_setcancelstate(cancel, NULL);
	return err;
}

static int ask_broken(const struct engine_address *engine, struct wire_answer *answer)
{
	const struct request request = { .kind = REQUEST_DOOR_BROKEN };
	int s = engine_connect(engine), err;

	if (s < 0)
		return s;
	err = exchange(s, NULL, -1, &request, answer);
	close(s);
	return err;
}

/* The engine does not know the reason, so the door writes the line. */
int engine_ask_broken(const struct engine_address *engine, const char *why)
{
	struct wire_answer answer = { .action = WIRE_REFUSE };
	int cancel, err;
	char line[512];

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	err = ask_broken(engine, &answer);
	pthread_setcancelstate(cancel, NULL);
	if (err)
		snprintf(line, sizeof(line),
			 "rdmasec: refused (reason=%s): RDMA commands of this program cannot be checked: %s; and there "
			 "is no engine to ask for permission: %s",
			 reason_code(engine_problem_reason(engine, err, false)), why, engine_problem(engine, err));
	else
		snprintf(line, sizeof(line),
			 "rdmasec: %s (reason=%s): RDMA commands of this program cannot be checked: %s",
			 answer.action == WIRE_PASS ? "audit: would refuse" : "refused",
			 reason_code(REASON_DOOR_BROKEN), why);
	/* mode = off: no message */
	if (err || answer.action == WIRE_REFUSE || answer.text[0])
		door_say(line);
	if (err)
		return -ENOTCONN;
	return answer.action == WIRE_PASS ? 0 : -(int)answer.err;
}

int engine_ask(const struct engine_address *engine, int fd, const struct request *request, struct engine_pass *pass)
{
	return engine_ask_for(engine, NULL, fd, request, pass);
}

void engine_done(const struct engine_pass *pass, const struct uverbs_command *reply)
{
	const uint32_t told = UVERBS_HAS_HANDLE | UVERBS_HAS_QPN;
	struct wire_done done;
	int saved = errno, cancel, err;

	if (pass->socket < 0)
		return;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	if (reply) {
		uint32_t has = reply->has & told;

		wire_make(&done, WIRE_DONE);
		done.has = has;
		done.handle = has & UVERBS_HAS_HANDLE ? reply->handle : 0;
		done.qpn = has & UVERBS_HAS_QPN ? reply->qpn : 0;
		/* the engine finds the queue pair later if this fails */
		err = wire_send(pass->socket, &done, sizeof(done), -1);
		(void)err;
	}
	close(pass->socket);
	pthread_setcancelstate(cancel, NULL);
	errno = saved;
}
