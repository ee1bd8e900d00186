// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "engine_inherited.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/small_file.h"

enum {
	ANCESTORS_MAX = 64,
	LIFELINE_NUMBERS = 1024,
	SLACK_UNIT_NS = 1000,
	SLACK_MARK_NS = 479, /* below the unit, where neither the default (50 us) nor usual settings have digits */
};

/* ---- descriptors ---- */

/* The name without its suffix; false: the fd is no lifeline. */
static bool lifeline_name(int fd, char name[WIRE_NAME_MAX])
{
	struct sockaddr_un peer;
	socklen_t len = sizeof(peer);
	size_t size;

	if (getpeername(fd, (struct sockaddr *)&peer, &len) || peer.sun_family != AF_UNIX ||
	    len <= offsetof(struct sockaddr_un, sun_path) || len > sizeof(peer))
		return false;
	/* an abstract name begins with a NUL and has none at its end */
	size = len - offsetof(struct sockaddr_un, sun_path);
	peer.sun_path[0] = peer.sun_path[0] ? peer.sun_path[0] : '@';
	return wire_lifeline_engine(peer.sun_path, size, name);
}

static int from_descriptors(char name[WIRE_NAME_MAX])
{
	for (int fd = STDERR_FILENO + 1; fd < LIFELINE_NUMBERS; fd++)
		if (lifeline_name(fd, name))
			return 0;
	return -ENOENT;
}

/* ---- the process and its ancestors ---- */

/* Finds a string that begins with `key` in a file of strings, each of which ends with NUL. 0, -ENOENT or -errno. */
static int find_string(int fd, const char *key, char *value, size_t size)
{
	size_t matched = 0, len = 0, key_len = strlen(key);
	bool other = false;
	char chunk[1024];
	ssize_t got;

	while ((got = read(fd, chunk, sizeof(chunk))) > 0) {
		for (ssize_t i = 0; i < got; i++) {
			char c = chunk[i];

			if (matched == key_len) {
				if (len == size)
					return -ENOENT;
				value[len++] = c;
				if (!c)
					return 0;
			} else if (!c) {
				matched = 0;
				other = false;
			} else if (!other) {
				other = c != key[matched];
				matched = other ? 0 : matched + 1;
			}
		}
	}
	return -ENOENT;
}

/* 0; -ENOENT: there is none; -EPERM: the process belongs to another user. */
static int from_environment(pid_t pid, char name[WIRE_NAME_MAX])
{
	char path[40];
	struct stat st;
	int fd, err = -ENOENT;

	snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return stat(path, &st) || st.st_uid == geteuid() ? -ENOENT : -EPERM;
	if (fstat(fd, &st) || st.st_uid != geteuid())
		err = -EPERM;
	else if (!find_string(fd, "RDMASEC_ENGINE=", name, WIRE_NAME_MAX) && wire_is_private_engine(name))
		err = 0;
	close(fd);
	return err;
}

/* 0: there is none, or it is not visible here. */
static pid_t parent_of(pid_t pid)
{
	char path[32], text[512];
	const char *end;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (small_file_read(AT_FDCWD, path, text, sizeof(text)) < 0)
		return 0;
	/* "pid (name) S ppid": the name may hold brackets, and the numbers after it have none */
	end = strrchr(text, ')');
	return end && strlen(end) > 4 ? (pid_t)strtol(end + 4, NULL, 10) : 0;
}

static int from_ancestors(char name[WIRE_NAME_MAX])
{
	pid_t pid = getpid();
	int err = -ENOENT;

	for (int i = 0; i < ANCESTORS_MAX && pid > 0 && err == -ENOENT; i++) {
		err = from_environment(pid, name);
		if (err == -ENOENT)
			pid = parent_of(pid);
	}
	return err ? -ENOENT : 0;
}

int engine_inherited(char name[WIRE_NAME_MAX])
{
	int saved = errno, err = from_descriptors(name);

	if (err)
		err = from_ancestors(name);
	errno = saved;
	return err;
}

/* ---- the mark ---- */

void engine_mark_descendants(void)
{
	long slack = prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0);

	/* a process of real-time priority has none; the call then has no effect */
	if (slack < 0)
		return;
	slack += SLACK_MARK_NS - slack % SLACK_UNIT_NS;
	(void)prctl(PR_SET_TIMERSLACK, (unsigned long)slack, 0, 0, 0);
}

bool engine_is_marked(void)
{
	return prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0) % SLACK_UNIT_NS == SLACK_MARK_NS;
}
