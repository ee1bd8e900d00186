// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Receives notifications, and answers them in worker threads: an answer may take as long as a key manager does. Above
 * WORKERS_MAX notifications wait for a worker.
 *
 * A worker is idle (waits in job_take()) or busy (answers a notification):
 *
 * | event                 | idle worker      | only busy workers            | no worker                     |
 * |-----------------------|------------------|------------------------------|-------------------------------|
 * | notification          | takes it, busy   | start another; at the limit, | start one; if that fails, the |
 * |                       |                  | it waits for the next idle   | receiving thread answers      |
 * | answered, jobs wait   | -                | takes the next, busy         | -                             |
 * | answered, none waits  | -                | becomes idle                 | -                             |
 * | WORKER_IDLE_S passed  | ends             | -                            | -                             |
 * | last program ended    | ends             | ends after its answer        | supervisor_serve() returns    |
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <utlist.h>

#include "process/status.h"
#include "serve.h"

/* linux/seccomp.h of kernel 6.6 */
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS      SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

enum { WORKERS_MAX = 256, WORKER_STACK = 256 * 1024, WORKER_IDLE_S = 5 };

/* A job. The first one may have been received before the server was there. */
struct supervisor_call {
	struct seccomp_notif *from; /* of the size that the kernel has it */
	struct supervisor_call *prev, *next;
};

struct server {
	struct answering answering;
	size_t notif_size;
	pthread_mutex_t lock;
	pthread_cond_t work, ended;
	struct supervisor_call *jobs;
	unsigned int job_count, workers, idle;
	bool closing;
};

static void job_free(struct supervisor_call *job)
{
	free(job->from);
	free(job);
}

/* ---- workers ---- */

/* Waits for a job. NULL: none came for a while, or the server closes. With the lock held. */
static struct supervisor_call *job_take(struct server *server)
{
	struct timespec until;
	struct supervisor_call *job;
	int err = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WORKER_IDLE_S;
	server->idle++;
	while (!server->jobs && !server->closing && !err)
		err = pthread_cond_timedwait(&server->work, &server->lock, &until);
	server->idle--;
	job = server->jobs;
	if (job) {
		DL_DELETE(server->jobs, job);
		server->job_count--;
	}
	return job;
}

static void *worker(void *arg)
{
	struct server *server = arg;
	struct supervisor_call *job;

	pthread_mutex_lock(&server->lock);
	while ((job = job_take(server))) {
		pthread_mutex_unlock(&server->lock);
		answer_notification(&server->answering, job->from);
		job_free(job);
		pthread_mutex_lock(&server->lock);
	}
	server->workers--;
	pthread_cond_signal(&server->ended);
	pthread_mutex_unlock(&server->lock);
	return NULL;
}

static int worker_start(struct server *server)
{
	pthread_attr_t attr;
	pthread_t thread;
	int err;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, WORKER_STACK);
	err = pthread_create(&thread, &attr, worker, server);
	pthread_attr_destroy(&attr);
	return err;
}

/* Queues a job, and starts a worker if none is idle. With the lock held. */
static void job_give(struct server *server, struct supervisor_call *job)
{
	DL_APPEND(server->jobs, job);
	server->job_count++;
	if (server->job_count > server->idle && server->workers < WORKERS_MAX && !worker_start(server))
		server->workers++;
	pthread_cond_signal(&server->work);
}

/* ---- receiving ---- */

static int job_receive(int listener, size_t size, struct supervisor_call **out)
{
	struct supervisor_call *job = calloc(1, sizeof(*job));
	int err = 0;

	if (job)
		job->from = calloc(1, size);
	if (!job || !job->from) {
		free(job);
		return -ENOMEM;
	}
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, job->from))
		err = -errno;
	if (err)
		job_free(job);
	else
		*out = job;
	return err;
}

/* Waits for a notification. 1: there is one; 0: no process uses the filter any more; -errno. */
static int await(int listener)
{
	struct pollfd poll_fd = { .fd = listener, .events = POLLIN };

	while (poll(&poll_fd, 1, -1) < 0)
		if (errno != EINTR)
			return -errno;
	return poll_fd.revents & POLLIN ? 1 : poll_fd.revents & POLLHUP ? 0 : -EIO;
}

static void hand_over(struct server *server, struct supervisor_call *job)
{
	pthread_mutex_lock(&server->lock);
	job_give(server, job);
	/* no worker could be started: this thread answers */
	if (!server->workers && server->jobs == job) {
		DL_DELETE(server->jobs, job);
		server->job_count--;
		pthread_mutex_unlock(&server->lock);
		answer_notification(&server->answering, job->from);
		job_free(job);
		return;
	}
	pthread_mutex_unlock(&server->lock);
}

static int receive_all(struct server *server)
{
	struct supervisor_call *job;
	int err;

	while ((err = await(server->answering.listener)) > 0) {
		err = job_receive(server->answering.listener, server->notif_size, &job);
		if (err == -ENOMEM) {
			const struct timespec pause = { .tv_nsec = 10000000 };

			nanosleep(&pause, NULL); /* the program waits */
			continue;
		}
		/* the thread ended, or was interrupted, before this */
		if (err == -ENOENT || err == -EINTR)
			continue;
		if (err)
			return err;
		hand_over(server, job);
	}
	return err;
}

static void workers_end(struct server *server)
{
	pthread_mutex_lock(&server->lock);
	server->closing = true;
	pthread_cond_broadcast(&server->work);
	while (server->workers)
		pthread_cond_wait(&server->ended, &server->lock);
	pthread_mutex_unlock(&server->lock);
}

static int notif_size(size_t *out)
{
	struct seccomp_notif_sizes sizes;

	if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes))
		return -errno;
	*out = sizes.seccomp_notif > sizeof(struct seccomp_notif) ? sizes.seccomp_notif : sizeof(struct seccomp_notif);
	return 0;
}

/*
 * A signal interrupts a call that waits to be received, and only a fatal one after that
 * (seccomp_do_user_notification()). The kernel shortens the wait if it switches to the receiver at once; before 6.6 it
 * cannot.
 */
static void shorten_wait(int listener)
{
	int err = ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP, 0);

	(void)err;
}

int supervisor_call_await(int listener, struct supervisor_call **out)
{
	size_t size = 0;
	int err = notif_size(&size);

	while (!err) {
		err = await(listener);
		if (err <= 0)
			return err ? err : -ENOENT;
		err = job_receive(listener, size, out);
		if (!err)
			return 0;
		/* the thread ended, or was interrupted, before this */
		if (err == -ENOENT || err == -EINTR)
			err = 0;
	}
	return err;
}

pid_t supervisor_call_pid(const struct supervisor_call *call)
{
	uint64_t pid;

	if (!call->from->pid || process_status_numbers((pid_t)call->from->pid, "Tgid", 10, &pid, 1))
		return 0;
	return (pid_t)pid;
}

bool supervisor_call_waits(int listener, const struct supervisor_call *call)
{
	return !ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &call->from->id);
}

void supervisor_call_free(struct supervisor_call *call)
{
	if (call)
		job_free(call);
}

int supervisor_serve(int listener, const struct supervisor_options *options)
{
	struct server *server = calloc(1, sizeof(*server));
	int err = server ? notif_size(&server->notif_size) : -ENOMEM;

	if (err) {
		free(server);
		close(listener);
		return err;
	}
	server->answering.listener = listener;
	server->answering.options = *options;
	server->answering.engine.address = options->engine;
	server->answering.engine.len = options->engine_len;
	pthread_mutex_init(&server->answering.drivers.lock, NULL);
	pthread_mutex_init(&server->answering.looking, NULL);
	pthread_mutex_init(&server->lock, NULL);
	pthread_cond_init(&server->work, NULL);
	pthread_cond_init(&server->ended, NULL);
	shorten_wait(listener);
	if (options->first)
		hand_over(server, options->first);
	err = receive_all(server);
	if (err) {
		close(listener); /* waiting programs get ENOSYS; workers may still use the rest */
		return err;
	}
	workers_end(server);
	close(listener);
	free(server);
	return 0;
}
