// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * The door under threads: each creates, configures, modifies and destroys queue pairs of one shared device, while
 * others open contexts and create address handles. The engine refuses a command that carries another option than the
 * one that was set for its queue pair. ThreadSanitizer reports data races.
 */
#include <fcntl.h>
#include <infiniband/verbs.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../unit/verbs_calls.h"
#include "door/door.h"
#include "messages/protocol.h"
#include "must.h"
#include "util/fd_socket.h"

enum { THREADS = 8, ROUNDS = 60, ENGINE_THREADS = 4 };

static int device, other_device;
static atomic_uint asked;

/* ---- the kernel ---- */

static atomic_uint next_handle = 1;
static _Thread_local uint32_t created;

static int kernel_next(int fd, unsigned long request, void *arg)
{
	union verbs_call *call = arg;

	(void)fd;
	if (request == RDMA_VERBS_IOCTL && call->header.object_id == UVERBS_OBJECT_QP &&
	    call->header.method_id == UVERBS_METHOD_QP_CREATE)
		call->header.attrs[0].data = created = atomic_fetch_add(&next_handle, 1);
	return 0;
}

/* ---- the engine ---- */

/* Which option a queue pair has follows from its handle. */
static uint32_t required_of(uint32_t handle)
{
	return handle % 2 ? RDMASEC_REQUIRE_MACSEC : RDMASEC_REQUIRE_IPSEC;
}

static int judge(const struct request *request)
{
	if (request->kind == REQUEST_QP_ADDRESS && request->want.require != required_of(request->handle))
		return EPERM;
	return 0;
}

static void serve(int s)
{
	struct request request;
	struct wire_answer answer;
	struct wire_done done;
	struct wire_ask ask;
	int n, fd, number, err;

	n = wire_receive(s, &ask, sizeof(ask), &fd);
	MUST(n > 0 && fd >= 0);
	close(fd);
	MUST(wire_ask_read(&ask, (size_t)n, &request, &number) == 0);
	atomic_fetch_add(&asked, 1);
	err = judge(&request);
	wire_answer_make(&answer, err ? WIRE_REFUSE : WIRE_PASS, err, "");
	MUST(send(s, &answer, sizeof(answer), MSG_NOSIGNAL) == (ssize_t)sizeof(answer));
	/* a struct wire_done follows, or the end */
	MUST(recv(s, &done, sizeof(done), 0) >= 0);
	close(s);
}

static void *engine(void *arg)
{
	int s;

	while ((s = accept(*(int *)arg, NULL, NULL)) >= 0)
		serve(s);
	return NULL;
}

/* ---- the program ---- */

static void require(uint32_t handle, uint32_t what)
{
	struct rdmasec_qp_request request = { .handle = handle,
					      .option = RDMASEC_REQUIRE,
					      .value = (uintptr_t)&what,
					      .size = sizeof(what),
					      .type = IBV_QPT_RC };

	MUST(door_qp_option(device, &request) == 0);
}

static void *work(void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		MUST(verbs_create_qp(device, IBV_QPT_RC) == 0);
		require(created, required_of(created));
		MUST(verbs_modify_qp(device, created) == 0);
		MUST(verbs_create_ah(device) == 0);
		MUST(verbs_open_context(other_device) == 0);
		MUST(verbs_destroy_qp(device, created) == 0);
	}
	return NULL;
}

static void start_all(pthread_t *threads, size_t count, void *(*what)(void *), void *arg)
{
	for (size_t i = 0; i < count; i++)
		MUST(pthread_create(&threads[i], NULL, what, arg) == 0);
}

static void join_all(const pthread_t *threads, size_t count)
{
	for (size_t i = 0; i < count; i++)
		MUST(pthread_join(threads[i], NULL) == 0);
}

int main(void)
{
	static const struct door_ops ops = { .next = kernel_next, .program_from_library = "no-program-to-start" };
	pthread_t engines[ENGINE_THREADS], workers[THREADS];
	char name[WIRE_NAME_MAX];
	int listener = wire_listen(name);

	MUST(listener >= 0);
	/* the workers' first questions find the engine, all at once */
	MUST(setenv("RDMASEC_ENGINE", name, 1) == 0);
	device = open("/dev/null", O_RDWR | O_CLOEXEC);
	other_device = open("/dev/null", O_RDWR | O_CLOEXEC);
	MUST(device >= 0 && other_device >= 0);
	door_start(&ops);
	start_all(engines, ENGINE_THREADS, engine, &listener);
	start_all(workers, THREADS, work, NULL);
	join_all(workers, THREADS);
	shutdown(listener, SHUT_RDWR);
	join_all(engines, ENGINE_THREADS);
	close(listener);
	close(device);
	close(other_device);
	/* creations, addresses and address handles are asked about */
	MUST(atomic_load(&asked) >= THREADS * ROUNDS * 2);
	printf("%u questions\n", atomic_load(&asked));
	return 0;
}
