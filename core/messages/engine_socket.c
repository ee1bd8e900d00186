// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The engine's socket: whether rdmasecd is expected, whether a listener may judge, a private socket. Runs inside
 * applications. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "messages/protocol.h"
#include "util/fd_socket.h"

bool wire_system_engine_expected(void)
{
	struct stat folder;

	return !stat(WIRE_SYSTEM_FOLDER, &folder) || (errno != ENOENT && errno != ENOTDIR);
}

bool wire_system_engine_trusted(const struct stat *folder, uid_t listener)
{
	return S_ISDIR(folder->st_mode) && !(folder->st_mode & (S_IWGRP | S_IWOTH)) &&
	       (listener == 0 || listener == folder->st_uid);
}

int wire_check_engine(int socket, bool is_system)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	struct stat folder;
	bool trusted;

	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &cred, &len))
		return -errno;
	if (is_system)
		trusted = !stat(WIRE_SYSTEM_FOLDER, &folder) && wire_system_engine_trusted(&folder, cred.uid);
	else
		trusted = cred.uid == 0 || cred.uid == getuid() || cred.uid == geteuid();
	return trusted ? 0 : -EPERM;
}

#define PRIVATE_PREFIX  "@rdmasec-"
#define LIFELINE_SUFFIX ".life"
#define HEX_DIGITS      "0123456789abcdef"
enum { LISTEN_BACKLOG = 128, PREFIX_LEN = sizeof(PRIVATE_PREFIX) - 1, RANDOM_LEN = 32 };

int wire_listen(char name[WIRE_NAME_MAX])
{
	struct sockaddr_un address;
	uint64_t random[2];
	socklen_t len;
	int s, err;

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return -EIO;
	snprintf(name, WIRE_NAME_MAX, PRIVATE_PREFIX "%016llx%016llx", (unsigned long long)random[0],
		 (unsigned long long)random[1]);
	err = wire_address(name, &address, &len);
	if (err)
		return err;
	s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (s < 0)
		return -errno;
	if (!bind(s, (const struct sockaddr *)&address, len) && !listen(s, LISTEN_BACKLOG))
		return s;
	err = -errno;
	close(s);
	return err;
}

bool wire_is_private_engine(const char *name)
{
	return !strncmp(name, PRIVATE_PREFIX, PREFIX_LEN) && strspn(name + PREFIX_LEN, HEX_DIGITS) == RANDOM_LEN &&
	       !name[PREFIX_LEN + RANDOM_LEN];
}

int wire_lifeline(const char *name, int out[2])
{
	char bound[WIRE_NAME_MAX];
	struct sockaddr_un address;
	socklen_t len;
	int ends[2], err;

	if (!wire_is_private_engine(name))
		return -EINVAL;
	snprintf(bound, sizeof(bound), "%s" LIFELINE_SUFFIX, name);
	err = wire_address(bound, &address, &len);
	if (err)
		return err;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return -errno;
	if (!bind(ends[0], (const struct sockaddr *)&address, len)) {
		out[0] = ends[0];
		out[1] = ends[1];
		return 0;
	}
	err = -errno;
	close(ends[0]);
	close(ends[1]);
	return err;
}

bool wire_lifeline_engine(const char *text, size_t len, char name[WIRE_NAME_MAX])
{
	const size_t engine = PREFIX_LEN + RANDOM_LEN, suffix = sizeof(LIFELINE_SUFFIX) - 1;
	char read[WIRE_NAME_MAX] = "";

	if (len != engine + suffix || memcmp(text + engine, LIFELINE_SUFFIX, suffix))
		return false;
	memcpy(read, text, engine);
	if (!wire_is_private_engine(read))
		return false;
	strcpy(name, read);
	return true;
}
