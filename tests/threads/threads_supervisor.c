// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * The supervisor's workers: two filtered processes make verbs calls from threads and open files at the same time.
 * /dev/null stands for the device: what the supervisor or the program sends it ends with ENOTTY. There is no engine, so
 * each command that needs a judgement is refused. ThreadSanitizer reports data races.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../unit/verbs_calls.h"
#include "filtered.h"
#include "must.h"
#include "process/process.h"
#include "supervisor/supervisor.h"
#include "util/fd_socket.h"

enum { THREADS = 12, ROUNDS = 25 };

/* ---- the program ---- */

static int device;

static int send_call(int fd, union verbs_call *call)
{
	return syscall(SYS_ioctl, fd, RDMA_VERBS_IOCTL, call) < 0 ? errno : 0;
}

static int write_command(uint64_t command, void *in, uint16_t size)
{
	union verbs_call call = call_of(UVERBS_OBJECT_DEVICE, UVERBS_METHOD_INVOKE_WRITE);

	call_add(&call, UVERBS_ATTR_WRITE_CMD, 8, command);
	if (in)
		call_add(&call, UVERBS_ATTR_CORE_IN, size, (uintptr_t)in);
	return send_call(device, &call);
}

static void *work(void *arg)
{
	struct ib_uverbs_modify_qp address = { .attr_mask = 1 << 7, .dest = { .is_global = 1, .port_num = 1 } };
	struct ib_uverbs_dealloc_pd pd = { 0 };

	for (int i = 0; i < ROUNDS; i++) {
		union verbs_call call = call_of(UVERBS_OBJECT_DEVICE, UVERBS_METHOD_QUERY_PORT);
		int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

		MUST(fd >= 0);
		close(fd);
		MUST(open("/nothing-here", O_RDWR) < 0 && errno == ENOENT);
		MUST(send_call(*(int *)arg, &call) == ENOTTY); /* no device */
		MUST(write_command(IB_USER_VERBS_CMD_DEALLOC_PD, &pd, sizeof(pd)) == ENOTTY);
		MUST(write_command(IB_USER_VERBS_CMD_MODIFY_QP, &address, sizeof(address)) == ENOTCONN);
		/* the program makes this one itself, and the supervisor looks at it afterwards */
		MUST(write_command(IB_USER_VERBS_CMD_MODIFY_SRQ, NULL, 0) == ENOTTY);
	}
	return NULL;
}

static int program(void)
{
	pthread_t threads[THREADS];
	int ends[2], status = 0;
	pid_t child;

	MUST(pipe(ends) == 0);
	device = open("/dev/null", O_RDONLY | O_CLOEXEC);
	MUST(device >= 0);
	child = fork();
	MUST(child >= 0);
	for (size_t i = 0; i < THREADS; i++)
		MUST(pthread_create(&threads[i], NULL, work, &ends[0]) == 0);
	for (size_t i = 0; i < THREADS; i++)
		MUST(pthread_join(threads[i], NULL) == 0);
	if (child)
		MUST(waitpid(child, &status, 0) == child && status == 0);
	return 0;
}

/* ---- the supervisor ---- */

static atomic_uint lines;

int __wrap_process_uverbs_rdev(const char *sysfs, int fd, dev_t *out);

/* In place of process_uverbs_rdev(): the character devices of this test are uverbs devices. */
int __wrap_process_uverbs_rdev(const char *sysfs, int fd, dev_t *out)
{
	struct stat file;

	(void)sysfs;
	if (fstat(fd, &file))
		return -errno;
	if (!S_ISCHR(file.st_mode))
		return -ENOTTY;
	*out = file.st_rdev;
	return 0;
}

static void count_line(const char *line, void *arg)
{
	(void)line;
	(void)arg;
	atomic_fetch_add(&lines, 1);
}

int main(void)
{
	const struct supervisor_options options = { .say = count_line };
	int listener, status;
	pid_t child = filtered_start(program, &listener);

	MUST(supervisor_serve(listener, &options) == 0);
	MUST(waitpid(child, &status, 0) == child);
	MUST(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	MUST(atomic_load(&lines) == 2 * THREADS * ROUNDS); /* one for each refusal */
	return 0;
}
