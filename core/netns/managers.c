// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Finds a key manager: a socket in this network namespace that receives the messages of km_query()
 * (net/xfrm/xfrm_state.c). The kernel does not report to the sender of an XFRM_MSG_ACQUIRE whether there is one, but it
 * lists its sockets with the groups that they have joined (netlink_seq_show() in net/netlink/af_netlink.c,
 * pfkey_seq_show() in net/key/af_key.c).
 */
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "netns/private.h"
#include "util/clock.h"

/*
 * Any user can have tens of thousands of netlink sockets, and the kernel walks over those of all namespaces again for
 * each page of the list.
 */
enum { LINE_MAX_OCTETS = 256, LOOK_MS = 100 };

/* Receives one line, without its newline. Returns true to stop reading. */
typedef bool (*line_fn)(const char *line);

static bool is_acquire_listener(const char *line)
{
	unsigned int groups;
	int protocol;

	return sscanf(line, "%*s %d %*u %x", &protocol, &groups) == 2 && protocol == NETLINK_XFRM &&
	       groups & 1U << (XFRMNLGRP_ACQUIRE - 1);
}

/* Every line except the heading. */
static bool is_pfkey_socket(const char *line)
{
	return strncmp(line, "sk ", 3) != 0 && line[0];
}

/*
 * Checks the complete lines of `len` octets and moves the rest to the front. Returns its length, or -1 if a line
 * matched.
 */
static ssize_t look_at_lines(char *buffer, size_t len, line_fn wanted)
{
	char *at = buffer, *end;

	while ((end = memchr(at, '\n', len - (size_t)(at - buffer)))) {
		*end = '\0';
		if (wanted(at))
			return -1;
		at = end + 1;
	}
	len -= (size_t)(at - buffer);
	memmove(buffer, at, len);
	return (ssize_t)len;
}

static enum netns_listening look(int fd, line_fn wanted)
{
	char buffer[LINE_MAX_OCTETS];
	int64_t end_ms = clock_ms() + LOOK_MS;
	ssize_t kept = 0, got;

	while ((got = read(fd, buffer + kept, sizeof(buffer) - (size_t)kept)) > 0) {
		kept = look_at_lines(buffer, (size_t)(kept + got), wanted);
		if (kept < 0)
			return NETNS_LISTENS;
		if ((size_t)kept == sizeof(buffer) || clock_ms() > end_ms)
			return NETNS_LISTENING_UNKNOWN;
	}
	return got ? NETNS_LISTENING_UNKNOWN : NETNS_LISTENS_NOT;
}

static enum netns_listening look_into(const char *path, enum netns_listening missing, line_fn wanted)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	enum netns_listening found;

	if (fd < 0)
		return missing;
	found = look(fd, wanted);
	close(fd);
	return found;
}

enum netns_listening netns_key_manager_here(void)
{
	enum netns_listening xfrm =
		look_into("/proc/thread-self/net/netlink", NETNS_LISTENING_UNKNOWN, is_acquire_listener);

	if (xfrm != NETNS_LISTENS_NOT)
		return xfrm;
	/* a kernel without PF_KEY has no such file */
	return look_into("/proc/thread-self/net/pfkey", NETNS_LISTENS_NOT, is_pfkey_socket);
}
