// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "process/process.h"
#include "process/status.h"
#include "util/small_file.h"
#include "util/text.h"

/* The kernel's limit of one string is 32 pages (MAX_ARG_STRLEN), that of all of them a quarter of the stack's limit. */
enum { ENVIRONMENT_MAX = 2 << 20 };

static bool has_string(const char *text, size_t len, const char *string)
{
	size_t size = strlen(string) + 1;

	for (const char *at = text; at < text + len;) {
		size_t rest = (size_t)(text + len - at), n = strnlen(at, rest);

		/* the last string may have no end, if it was cut */
		if (n + 1 == size && n < rest && !memcmp(at, string, size))
			return true;
		at += n + 1;
	}
	return false;
}

/* The owner of /proc/PID tells nothing: it is root where the process is not dumpable. */
static bool is_of_this_user(pid_t pid)
{
	uint64_t ids[4];

	if (process_status_numbers(pid, "Uid", 10, ids, 4))
		return false;
	for (size_t i = 0; i < 4; i++)
		if (ids[i] != geteuid())
			return false;
	return true;
}

/* Only of a process of this user: reading another's memory could take as long as that user likes. */
static bool was_executed_with(pid_t pid, const char *variable, char *text)
{
	char path[32];
	ssize_t len;

	if (!is_of_this_user(pid))
		return false;
	text_format(path, sizeof(path), "/proc/%d/environ", (int)pid);
	len = small_file_read(AT_FDCWD, path, text, ENVIRONMENT_MAX);
	return len > 0 && has_string(text, (size_t)len, variable);
}

int process_find_by_environment(const char *variable, pid_t except, struct process *out)
{
	char *text = malloc(ENVIRONMENT_MAX);
	DIR *all = text ? opendir("/proc") : NULL;
	int err = !text ? -ENOMEM : all ? -ENOENT : -errno;
	const struct dirent *entry;

	while (all && err == -ENOENT && (entry = readdir(all))) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (pid > 0 && pid != except && pid != getpid() && was_executed_with(pid, variable, text) &&
		    !process_open(pid, out))
			err = 0;
	}
	if (all)
		closedir(all);
	free(text);
	return err;
}
