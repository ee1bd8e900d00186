// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Connects many QPs from several threads, all of one device, and sends a message and its answer over each. The exit
 * status is 0 if all of them did. With -s they are connected one after the other, each at a SIGUSR1.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rc.h"

struct run {
	struct options options;
	struct rc_device device;
	int listener; /* of a server */
	struct rc_qp *qps;
	int *peers; /* the TCP connections, which stay open as long as the QPs */
	atomic_int next, connected;
};

static int get_tcp(const struct run *run)
{
	int tcp;

	if (run->options.server)
		return exchange_connect(run->options.server, run->options.tcp_port);
	tcp = accept(run->listener, NULL, NULL);
	return tcp < 0 ? -errno : tcp;
}

static int connect_one(struct run *run, int number)
{
	struct rc_qp *qp = &run->qps[number];
	int tcp = get_tcp(run), err;

	qp->device = &run->device;
	run->peers[number] = tcp;
	if (tcp < 0) {
		complain(tcp, "QP %d: no connection to the peer", number);
		return tcp;
	}
	err = run->options.server ? rc_call(qp, &run->device, tcp) : rc_serve(qp, &run->device, tcp);
	if (err)
		complain(err, "QP %d: %s", number, qp->stage);
	return err;
}

static void *connect_next(void *arg)
{
	struct run *run = arg;
	int number;

	while ((number = atomic_fetch_add(&run->next, 1)) < run->options.qps)
		if (!connect_one(run, number))
			atomic_fetch_add(&run->connected, 1);
	return NULL;
}

static int connect_in_threads(struct run *run)
{
	pthread_t threads[THREADS_MAX];
	int started = 0, err = 0;

	while (started < run->options.threads && !err) {
		err = pthread_create(&threads[started], NULL, connect_next, run);
		started += !err;
	}
	for (int i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	return -err;
}

/* Sends a message over each QP that is connected: they must still work after new QPs were refused. */
static int send_on_all(struct run *run, int count)
{
	int err = 0;

	for (int i = 0; i < count && !err; i++) {
		err = rc_send_again(&run->qps[i]);
		if (err)
			complain(err, "QP %d: %s", i, run->qps[i].stage);
	}
	if (!err)
		printf("%d connected, and still sending\n", count);
	return err;
}

/* Returns after the first QP that fails. */
static int connect_stepwise(struct run *run)
{
	sigset_t go;
	int ignored, err = 0;

	sigemptyset(&go);
	sigaddset(&go, SIGUSR1);
	sigprocmask(SIG_BLOCK, &go, NULL);
	for (int number = 0; number < run->options.qps && !err; number++) {
		if (number)
			sigwait(&go, &ignored);
		if (send_on_all(run, number))
			return -ECOMM;
		err = connect_one(run, number);
		if (err)
			return send_on_all(run, number);
		atomic_fetch_add(&run->connected, 1);
		printf("%d connected, waiting\n", number + 1);
	}
	return err;
}

static int connect_all(struct run *run)
{
	if (!run->options.server) {
		run->listener = exchange_listen(run->options.tcp_port);
		if (run->listener < 0)
			return run->listener;
	}
	run->qps = calloc((size_t)run->options.qps, sizeof(*run->qps));
	run->peers = calloc((size_t)run->options.qps, sizeof(*run->peers));
	if (!run->qps || !run->peers)
		return -ENOMEM;
	return run->options.step ? connect_stepwise(run) : connect_in_threads(run);
}

/* A client may send again after its last QP was refused, so its server stays until the client is gone. */
static void await_clients(const struct run *run)
{
	char ignored;

	for (int i = 0; i < run->options.qps; i++)
		while (run->qps[i].device && run->peers[i] >= 0 && recv(run->peers[i], &ignored, 1, 0) > 0)
			;
}

static void disconnect_all(struct run *run)
{
	if (!run->options.server)
		await_clients(run);
	for (int i = 0; i < run->options.qps; i++) {
		if (!run->qps[i].device)
			continue;
		rc_destroy(&run->qps[i]);
		if (run->peers[i] >= 0)
			close(run->peers[i]);
	}
}

int main(int argc, char **argv)
{
	struct run run = { .listener = -1 };
	int err;

	setvbuf(stdout, NULL, _IOLBF, 0);
	options_read(argc, argv, &run.options);
	err = rc_open(&run.device, &verbs_linked, &run.options);
	if (err) {
		complain(err, "%s cannot be opened", run.options.device);
		return 1;
	}
	err = connect_all(&run);
	if (err)
		complain(err, "cannot continue");
	printf("%d of %d QPs connected\n", run.connected, run.options.qps);
	if (run.qps && run.peers)
		disconnect_all(&run);
	free(run.qps);
	free(run.peers);
	rc_close(&run.device);
	return err || run.connected != run.options.qps;
}
