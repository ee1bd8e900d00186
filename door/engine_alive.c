// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Whether the engine still works on its answers. An engine that is stopped, or waits in the kernel for something that
 * does not come, answers no question: the door refuses then, before the time for an answer is over.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "door.h"
#include "util/small_file.h"
#include "util/text.h"

enum { STOPPED_LOOKS = 2, BLOCKED_LOOKS = 6, STAT_MAX = 512 };

/* Sets `text` to what follows the name in /proc/PID/stat: the state first, and later the processor time. */
static bool read_stat(pid_t pid, char *text, size_t size)
{
	char path[32], *end;

	text_format(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (small_file_read(AT_FDCWD, path, text, size) <= 0)
		return false;
	end = strrchr(text, ')');
	if (!end || end[1] != ' ')
		return false;
	memmove(text, end + 2, strlen(end + 2) + 1);
	return true;
}

/* Fields 14 and 15 of stat (proc(5)): the processor time, in user mode and in the kernel. The state is field 3. */
static unsigned long processor_time(const char *text)
{
	enum { BEFORE = 14 - 3 };
	char *end;
	unsigned long user;

	for (int i = 0; i < BEFORE && text; i++)
		text = strchr(text + 1, ' ');
	if (!text)
		return 0;
	user = strtoul(text, &end, 10);
	return user + strtoul(end, NULL, 10);
}

bool engine_is_stuck(int s, struct engine_looks *looks)
{
	char text[STAT_MAX];
	struct ucred cred;
	socklen_t len = sizeof(cred);
	unsigned long time;

	/* a process of another pid namespace has no number here */
	if (getsockopt(s, SOL_SOCKET, SO_PEERCRED, &cred, &len) || cred.pid <= 0 ||
	    !read_stat(cred.pid, text, sizeof(text)))
		return false;
	time = processor_time(text);
	if ((*text != 'T' && *text != 't' && *text != 'D') || time != looks->time) {
		*looks = (struct engine_looks){ .time = time };
		return false;
	}
	looks->count++;
	return looks->count >= (*text == 'D' ? BLOCKED_LOOKS : STOPPED_LOOKS);
}
