// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Measures the cost of a door's request and the share of waiting in it. Asks the system's engine repeatedly about the
 * same path in three ways, and prints the median and the maximum of each in microseconds:
 *
 *	ask	as doors do: request, answer, and the notice that the command is done
 *	tell	the same message without waiting for the answer: the cost that would remain if a shared page with a
 *		generation of the evidence confirmed the last verdict, since the engine must learn of the QP anyway
 *	page	a read of such a page: one load
 *
 *	bench_ask DEVICE GID_INDEX REMOTE_IP ROUNDS
 */
#include <arpa/inet.h>
#include <errno.h>
#include <infiniband/verbs.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "messages/protocol.h"
#include "util/fd_socket.h"

enum { ASK, TELL, PAGE, WAYS, ROUNDS_MAX = 10000 };
static const char *const names[WAYS] = { "ask", "tell", "page" };
static double took[WAYS][ROUNDS_MAX];

struct question {
	int fd;
	struct request request;
	const atomic_ullong *page;
};

static double now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e6 + ts.tv_nsec / 1e3;
}

static int connect_and_send(const struct question *q)
{
	struct sockaddr_un address;
	struct wire_ask ask;
	socklen_t len;
	int s, err = wire_address(WIRE_SYSTEM_ENGINE, &address, &len);

	if (err)
		return err;
	s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (s < 0 || connect(s, (const struct sockaddr *)&address, len))
		return -errno;
	wire_ask_make(&ask, &q->request, q->fd);
	err = wire_send(s, &ask, sizeof(ask), q->fd);
	return err < 0 ? err : s;
}

static int ask(const struct question *q)
{
	struct wire_answer answer;
	struct wire_done done;
	int s = connect_and_send(q), got;

	if (s < 0)
		return s;
	got = wire_receive(s, &answer, sizeof(answer), NULL);
	if (got <= 0 || wire_check(&answer, got, WIRE_ANSWERS) != WIRE_ANSWER || answer.action != WIRE_PASS)
		return -EPERM;
	wire_make(&done, WIRE_DONE);
	got = wire_send(s, &done, sizeof(done), -1);
	close(s);
	return got < 0 ? got : 0;
}

static int tell(const struct question *q)
{
	int s = connect_and_send(q);

	if (s >= 0)
		close(s);
	return s < 0 ? s : 0;
}

static int look(const struct question *q)
{
	return atomic_load(q->page) ? -EPERM : 0;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static int measure(const struct question *q, int rounds)
{
	int (*const ways[WAYS])(const struct question *) = { ask, tell, look };

	for (int way = 0; way < WAYS; way++) {
		for (int i = 0; i < rounds; i++) {
			double began = now_us();
			int err = ways[way](q);

			if (err) {
				fprintf(stderr, "bench_ask: %s: %s\n", names[way], strerror(-err));
				return 1;
			}
			took[way][i] = now_us() - began;
			/* lets the engine finish one request before the next */
			if (way == TELL)
				usleep(20000);
		}
		qsort(took[way], (size_t)rounds, sizeof(took[way][0]), compare);
		printf("%s %.1f %.1f\n", names[way], took[way][rounds / 2], took[way][rounds - 1]);
	}
	return 0;
}

static struct ibv_context *open_device(const char *name)
{
	struct ibv_device **list = ibv_get_device_list(NULL);
	struct ibv_context *context = NULL;

	for (int i = 0; list && list[i] && !context; i++)
		if (!strcmp(ibv_get_device_name(list[i]), name))
			context = ibv_open_device(list[i]);
	return context;
}

int main(int argc, char **argv)
{
	struct question q = { .request = { .kind = REQUEST_QP_ADDRESS, .address = { .port = 1, .is_global = true } } };
	struct ibv_context *context = argc == 5 ? open_device(argv[1]) : NULL;
	int rounds = argc == 5 ? atoi(argv[4]) : 0;

	if (!context || rounds < 1 || rounds > ROUNDS_MAX) {
		fprintf(stderr, "usage: bench_ask DEVICE GID_INDEX REMOTE_IP ROUNDS\n");
		return 2;
	}
	q.fd = context->cmd_fd;
	q.request.address.sgid_index = (uint8_t)atoi(argv[2]);
	memcpy(q.request.address.dgid, (uint8_t[12]){ [10] = 0xff, [11] = 0xff }, 12);
	if (inet_pton(AF_INET, argv[3], q.request.address.dgid + 12) != 1)
		return 2;
	q.page = mmap(NULL, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return q.page == MAP_FAILED ? 1 : measure(&q, rounds);
}
