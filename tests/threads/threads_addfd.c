// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * The supervisor opens device nodes for programs and puts the descriptors into them (SECCOMP_IOCTL_NOTIF_ADDFD). Here
 * programs try to have it lose one, put it where it does not belong, or stop serving:
 *
 *  threads are killed between the supervisor's open and its ADDFD, and at any other time
 *  the program has no free number, so that ADDFD fails
 *  a thread closes numbers as soon as they are there
 *  a thread has a table of files of its own
 *
 * /dev/null stands for a device, as in threads_supervisor. The supervisor must have as many descriptors at the end as
 * before, and serve all that is not killed.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "filtered.h"
#include "must.h"
#include "process/process.h"
#include "supervisor/supervisor.h"
#include "util/fd_socket.h"

enum { KILLS = 150, FILES = 24, OPENERS = 4, OPENS = 100, KILL_WITHIN_US = 2000 };

static int open_device(void)
{
	return open("/dev/null", O_RDWR | O_CLOEXEC);
}

static bool is_device(int fd)
{
	struct stat file;

	return !fstat(fd, &file) && S_ISCHR(file.st_mode) && file.st_rdev == makedev(1, 3);
}

static unsigned count_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned count = 0;

	MUST(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

/* ---- the program ---- */

static void limit_files(rlim_t count)
{
	struct rlimit limit;

	MUST(!getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = count;
	MUST(!setrlimit(RLIMIT_NOFILE, &limit));
}

/* Also without a free number after a while, and then closes all. */
static _Noreturn void open_until_killed(void)
{
	limit_files(FILES);
	for (;;) {
		int fd = open_device();

		MUST(fd >= 0 ? is_device(fd) : errno == EMFILE);
		if (fd < 0)
			close_range(3, ~0U, 0);
	}
}

static void be_killed_at_any_time(void)
{
	for (int i = 0; i < KILLS; i++) {
		int status;
		pid_t child = fork();

		MUST(child >= 0);
		if (!child)
			open_until_killed();
		usleep(i * KILL_WITHIN_US / KILLS);
		MUST(!kill(child, SIGKILL) && waitpid(child, &status, 0) == child);
		MUST(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	}
}

static void have_no_free_number(void)
{
	int fds[FILES], count = 0;
	struct rlimit before;

	MUST(!getrlimit(RLIMIT_NOFILE, &before));
	limit_files(FILES);
	while ((fds[count] = open_device()) >= 0)
		count++;
	MUST(errno == EMFILE && count > 0);
	close(fds[--count]);
	MUST(is_device(fds[count] = open_device()));
	for (int i = 0; i <= count; i++) {
		MUST(fcntl(fds[i], F_GETFD) == FD_CLOEXEC);
		close(fds[i]);
	}
	limit_files(before.rlim_cur);
}

static atomic_bool ends;

static void *open_often(void *arg)
{
	for (int i = 0; i < OPENS; i++)
		MUST(open_device() >= 0);
	return arg;
}

static void *close_at_once(void *arg)
{
	const int *first = arg;

	while (!atomic_load(&ends))
		close_range((unsigned)*first, ~0U, 0);
	return NULL;
}

static void close_under_its_hands(void)
{
	pthread_t openers[OPENERS], closer;
	int first = dup(0);

	MUST(first >= 0 && !close(first));
	MUST(!pthread_create(&closer, NULL, close_at_once, &first));
	for (int i = 0; i < OPENERS; i++)
		MUST(!pthread_create(&openers[i], NULL, open_often, NULL));
	for (int i = 0; i < OPENERS; i++)
		MUST(!pthread_join(openers[i], NULL));
	atomic_store(&ends, true);
	MUST(!pthread_join(closer, NULL));
	close_range((unsigned)first, ~0U, 0);
}

static void *open_in_own_table(void *arg)
{
	int *fd = arg;

	MUST(!unshare(CLONE_FILES));
	*fd = open_device();
	MUST(is_device(*fd));
	return NULL;
}

static void have_another_table(void)
{
	pthread_t thread;
	int fd = -1;

	MUST(!pthread_create(&thread, NULL, open_in_own_table, &fd) && !pthread_join(thread, NULL));
	MUST(fcntl(fd, F_GETFD) < 0 && errno == EBADF);
}

static int program(void)
{
	unsigned before;

	close_range(3, ~0U, 0);
	before = count_files();
	have_another_table();
	have_no_free_number();
	be_killed_at_any_time();
	close_under_its_hands();
	MUST(count_files() == before);
	return 0;
}

/* ---- the supervisor ---- */

int __wrap_process_uverbs_rdev(const char *sysfs, int fd, dev_t *out);

int __wrap_process_uverbs_rdev(const char *sysfs, int fd, dev_t *out)
{
	(void)sysfs;
	if (!is_device(fd))
		return -ENOTTY;
	*out = makedev(1, 3);
	return 0;
}

int main(void)
{
	const struct supervisor_options options = { 0 };
	int listener, status;
	pid_t child = filtered_start(program, &listener);
	unsigned before = count_files();

	MUST(supervisor_serve(listener, &options) == 0);
	MUST(waitpid(child, &status, 0) == child);
	MUST(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	MUST(count_files() == before - 1); /* the listener */
	return 0;
}
