// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "door_arrives.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "preloadable.h"

enum { LIST_MAX = 1 << 16 };

/* As the loader maps it. It fails on a mount with noexec, and where a security module forbids it. */
static int can_execute(const char *library)
{
	int fd = open(library, O_RDONLY | O_CLOEXEC), err = 0;
	void *mapped;

	if (fd < 0)
		return -errno;
	mapped = mmap(NULL, 1, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	if (mapped == MAP_FAILED)
		err = -errno;
	else
		munmap(mapped, 1);
	close(fd);
	return err;
}

static _Noreturn void become_loader(const char *loader, const char *program, const char *library, int to)
{
	char preload[PATH_MAX + 16];
	char *const argv[] = { (char *)loader, (char *)"--list", (char *)program, NULL };
	char *const envp[] = { preload, NULL };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", library);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0 || dup2(to, STDOUT_FILENO) < 0)
		_exit(EXIT_FAILURE);
	execve(loader, argv, envp);
	_exit(EXIT_FAILURE);
}

/* Reads the list of objects. The text is cut at `size`; the preloaded ones come first. */
static void read_list(int from, char *text, size_t size)
{
	char rest[512];
	size_t len = 0;
	ssize_t got;

	while ((got = read(from, len < size - 1 ? text + len : rest, len < size - 1 ? size - 1 - len : sizeof(rest))) !=
	       0)
		if (got > 0 && len < size - 1)
			len += (size_t)got;
		else if (got < 0 && errno != EINTR)
			break;
	text[len] = '\0';
}

static bool is_listed(const char *loader, const char *program, const char *library)
{
	char *text = malloc(LIST_MAX);
	bool listed = false;
	int ends[2], status;
	pid_t child;

	if (!text || pipe2(ends, O_CLOEXEC)) {
		free(text);
		return false;
	}
	child = fork();
	if (child == 0)
		become_loader(loader, program, library, ends[1]);
	close(ends[1]);
	if (child > 0) {
		read_list(ends[0], text, LIST_MAX);
		while (waitpid(child, &status, 0) < 0 && errno == EINTR)
			;
		listed = strstr(text, library) != NULL;
	}
	close(ends[0]);
	free(text);
	return listed;
}

int door_arrives(const char *program, const char *library, char *why, size_t size)
{
	char loader[PATH_MAX], own[PATH_MAX];
	int err = can_execute(library);

	if (err) {
		snprintf(why, size, "the loader cannot execute %s: %s: is it on a mount with noexec?", library,
			 strerror(-err));
		return err;
	}
	if (program_loader(program, loader, sizeof(loader))) {
		snprintf(why, size, "cannot find the loader of %s", program);
		return -ENOEXEC;
	}
	/* the same libc */
	if (!program_loader("/proc/self/exe", own, sizeof(own)) && !strcmp(own, loader))
		return 0;
	if (is_listed(loader, program, library))
		return 0;
	snprintf(why, size,
		 "%s, the loader of %s, does not load %s: guard it from outside with 'rdmasec run --supervise'", loader,
		 program, library);
	return -ENOEXEC;
}
