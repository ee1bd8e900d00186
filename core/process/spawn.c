// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "process/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

void spawn_reset_signals(void)
{
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		signal(number, number == SIGPIPE ? SIG_IGN : SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

int spawn_silence(int last)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), err = null < 0 ? -errno : 0;

	for (int fd = STDIN_FILENO; !err && fd <= last; fd++)
		err = dup2(null, fd) < 0 ? -errno : 0;
	if (null > last)
		close(null);
	return err;
}

int spawn_fill_standard(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		int flags = (fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) | O_CLOEXEC, filled;

		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		/* the lowest number that is free is this one */
		filled = open("/dev/null", flags);
		if (filled < 0)
			filled = open("/", O_PATH | O_CLOEXEC);
		if (filled < 0)
			return -errno;
	}
	return 0;
}

void spawn_raise_files(rlim_t wanted)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files))
		return;
	if (files.rlim_max < wanted) {
		const struct rlimit more = { wanted, wanted };

		if (!setrlimit(RLIMIT_NOFILE, &more))
			return;
	}
	files.rlim_cur = files.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &files);
}

static int lowest_from(const int *fds, size_t count, int from)
{
	int lowest = INT_MAX;

	for (size_t i = 0; i < count; i++)
		if (fds[i] >= from && fds[i] < lowest)
			lowest = fds[i];
	return lowest;
}

void spawn_close_all_but(const int *kept, size_t count)
{
	int from = STDERR_FILENO + 1, next;

	while ((next = lowest_from(kept, count, from)) != INT_MAX) {
		if (next > from)
			syscall(SYS_close_range, from, next - 1, 0);
		from = next + 1;
	}
	syscall(SYS_close_range, from, ~0U, 0);
}
